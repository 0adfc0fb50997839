//! Insertions into the items of toml_edit that keep comments and spaces where they are.
//!
//! toml_edit counts the spaces and comments around a value as the value's prefix and suffix. Its own insertions leave the text
//! before a closing bracket in front of the new comma.

use toml_edit::{Array, Decor, Item, RawString, Value};

/// Inserts a key at the end of a table, inline or not.
pub(crate) fn insert_last(table: &mut Item, key: &str, value: Value) {
    match table {
        Item::Value(Value::InlineTable(table)) => {
            // The space before the closing brace belongs to the last value.
            let suffix = table.iter_mut().last().map(|(_, last)| taken_suffix(last.decor_mut()));
            table.insert(key, value.decorated(" ", suffix.unwrap_or_else(|| " ".to_owned())));
        }
        table => {
            if let Some(table) = table.as_table_like_mut() {
                table.insert(key, Item::Value(value));
            }
        }
    }
}

/// Appends an item as the list is written: on a line of its own if the closing bracket is on one.
pub(crate) fn push_last(list: &mut Array, item: Value) {
    let last = list.len().checked_sub(1).and_then(|last| list.get_mut(last));
    let is_empty = last.is_none();
    let mut tail = last.map_or(String::new(), |last| taken_suffix(last.decor_mut()));
    tail += text_of(Some(list.trailing()));
    // A comment beside the last item stays there, and comments below it stay last.
    let line_end = if is_empty { tail.rfind('\n') } else { tail.find('\n') };
    let (before, after) = tail.split_at(line_end.unwrap_or(0));
    let before = match line_end {
        Some(_) => format!("{before}\n{}", indent(list)),
        None if is_empty => String::new(),
        None => " ".to_owned(),
    };
    if is_empty {
        list.set_trailing_comma(line_end.is_some());
    }
    list.push_formatted(item.decorated(before, ""));
    list.set_trailing(after);
}

/// The spaces before the last item that begins a line.
fn indent(list: &Array) -> String {
    let prefixes: Vec<&str> = list.iter().map(|item| text_of(item.decor().prefix())).collect();
    let indents = prefixes.iter().rev().filter_map(|prefix| prefix.rsplit_once('\n'));
    indents.map(|(_, indent)| indent.to_owned()).next().unwrap_or_else(|| "    ".to_owned())
}

fn taken_suffix(decor: &mut Decor) -> String {
    let suffix = text_of(decor.suffix()).to_owned();
    decor.set_suffix("");
    suffix
}

fn text_of(raw: Option<&RawString>) -> &str {
    raw.and_then(RawString::as_str).unwrap_or_default()
}
