//! Insertions into a TOML file that a person keeps: comments, order and spaces stay, byte by byte.
//!
//! Where to insert is found by simple means, some of which a strange file could mislead. So the result is parsed again after each
//! insertion and has to mean what was there before and what was added, or nothing is changed.

use std::ops::Range;

use camino::Utf8PathBuf;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use crate::Error;

/// A TOML file that is being edited.
pub(crate) struct Edit {
    file: Utf8PathBuf,
    text: String,
    table: Table,
}

impl Edit {
    /// # Errors
    /// [`Error::Syntax`]
    pub(crate) fn new(file: impl Into<Utf8PathBuf>, text: &str) -> Result<Edit, Error> {
        let file = file.into();
        match text.parse() {
            Ok(table) => Ok(Edit { file, text: text.to_owned(), table }),
            Err(error) => Err(syntax(file, &error)),
        }
    }

    /// The value at a path of keys.
    pub(crate) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (last, parents) = path.split_last()?;
        let mut table = &self.table;
        for parent in parents {
            table = table.get(*parent)?.as_table()?;
        }
        table.get(*last)
    }

    /// The whole text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Appends tables to the end of the file.
    ///
    /// # Errors
    /// [`Error::Form`] if the file says something else about one of their keys.
    pub(crate) fn append(&mut self, tables: &str) -> Result<(), Error> {
        let added: Table = tables.parse().map_err(|error| syntax(self.file.clone(), &error))?;
        let mut text = self.text.clone();
        if !text.is_empty() {
            text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
        }
        text.push_str(tables);
        self.accept(text, added, tables)
    }

    /// Inserts a key into a table, which is made if need be.
    ///
    /// # Errors
    /// [`Error::Form`] if the file has the key, or the table in a form that takes none.
    pub(crate) fn insert(&mut self, table: &[&str], key: &str, value: &str) -> Result<(), Error> {
        let header = format!("[{}]\n", table.join("."));
        let line = format!("{key} = {value}\n");
        let Some(at) = self.below_header(table) else { return self.append(&(header + &line)) };
        let added: Table = format!("{header}{line}").parse().map_err(|error| syntax(self.file.clone(), &error))?;
        let mut text = self.text.clone();
        let newline = if text[..at].ends_with('\n') { "" } else { "\n" };
        text.insert_str(at, &format!("{newline}{line}"));
        self.accept(text, added, &line)
    }

    /// Appends an item to the list at a key of a table, both of which are made if need be.
    ///
    /// # Errors
    /// [`Error::Form`] if the key has something else than a list.
    pub(crate) fn push(&mut self, table: &[&str], key: &str, item: &str) -> Result<(), Error> {
        let path = [table, &[key]].concat();
        if self.get(&path).is_none() {
            return self.insert(table, key, &format!("[{item}]"));
        }
        let form = || self.form(&path.join("."), item);
        let wrapped: Table = format!("x = {item}\n").parse().map_err(|error| syntax(self.file.clone(), &error))?;
        let mut expected = self.table.clone();
        let list = descend(&mut expected, &path).and_then(Value::as_array_mut).ok_or_else(form)?;
        list.extend(wrapped.get("x").cloned());
        let (list, last) = spans(&self.text, &path).ok_or_else(form)?;
        let text = with_item(&self.text, list, last, item);
        match text.parse::<Table>() {
            Ok(table) if table == expected => {
                (self.text, self.table) = (text, table);
                Ok(())
            }
            _ => Err(self.form(&path.join("."), item)),
        }
    }

    /// Takes a new text if it means what was there and what was added.
    fn accept(&mut self, text: String, added: Table, what: &str) -> Result<(), Error> {
        let mut expected = self.table.clone();
        let merged = merge(&mut expected, added);
        match (merged, text.parse::<Table>()) {
            (Ok(()), Ok(table)) if table == expected => {
                (self.text, self.table) = (text, table);
                Ok(())
            }
            (Err(key), _) => Err(self.form(&key, what)),
            _ => Err(self.form(what.lines().next().unwrap_or_default().trim_matches(['[', ']']), what)),
        }
    }

    fn form(&self, key: &str, text: &str) -> Error {
        let text = text.trim_end().replace('\n', "\n  ");
        Error::Form { file: self.file.clone(), key: key.to_owned(), text }
    }

    /// Where the line after the header of a table begins.
    fn below_header(&self, path: &[&str]) -> Option<usize> {
        let mut at = 0;
        self.text.split_inclusive('\n').find_map(|line| {
            at += line.len();
            let begins = line.trim_start().starts_with('[') && !line.trim_start().starts_with("[[");
            (begins && is_header(line, path)).then_some(at)
        })
    }
}

fn syntax(file: Utf8PathBuf, error: &toml::de::Error) -> Error {
    Error::Syntax { file, reason: error.message().to_owned() }
}

/// Whether a line is the header of the table at a path, however its keys are quoted and spaced.
fn is_header(line: &str, path: &[&str]) -> bool {
    let Ok(mut table) = line.parse::<Table>() else { return false };
    for key in path {
        match table.remove(*key) {
            Some(Value::Table(inner)) if table.is_empty() => table = inner,
            _ => return false,
        }
    }
    table.is_empty()
}

/// Adds what is not there; the dotted key of what is there otherwise.
fn merge(table: &mut Table, added: Table) -> Result<(), String> {
    for (key, value) in added {
        match (table.get_mut(&key), value) {
            (None, value) => {
                table.insert(key, value);
            }
            (Some(Value::Table(table)), Value::Table(added)) => {
                merge(table, added).map_err(|below| format!("{key}.{below}"))?;
            }
            _ => return Err(key),
        }
    }
    Ok(())
}

fn descend<'t>(table: &'t mut Table, path: &[&str]) -> Option<&'t mut Value> {
    let (last, parents) = path.split_last()?;
    let mut table = table;
    for parent in parents {
        table = table.get_mut(*parent)?.as_table_mut()?;
    }
    table.get_mut(*last)
}

/// The bytes of a list, brackets included, and those of its last item.
fn spans(text: &str, path: &[&str]) -> Option<(Range<usize>, Option<Range<usize>>)> {
    let document = DeTable::parse(text).ok()?.into_inner();
    let (last, parents) = path.split_last()?;
    let mut table = &document;
    for parent in parents {
        table = table.get(*parent)?.get_ref().as_table()?;
    }
    let value = table.get(*last)?;
    match value.get_ref() {
        DeValue::Array(items) => Some((value.span(), items.iter().next_back().map(|item| item.span()))),
        _ => None,
    }
}

/// The text with an item more in a list: on a line of its own where the closing bracket has one.
fn with_item(text: &str, list: Range<usize>, last: Option<Range<usize>>, item: &str) -> String {
    let close = list.end.saturating_sub(1);
    let from = last.as_ref().map_or(list.start + 1, |last| last.end);
    let tail = text.get(from..close).unwrap_or_default();
    let mut text = text.to_owned();
    if !tail.contains('\n') {
        let separator = if last.is_some() { ", " } else { "" };
        text.insert_str(from, &format!("{separator}{item}"));
        return text;
    }
    let line_of = |at: usize| text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let Some(last) = last else {
        text.insert_str(line_of(close), &format!("    {item},\n"));
        return text;
    };
    let start = line_of(last.start);
    let indent: String = match start > list.start {
        true => text[start..].chars().take_while(|char| matches!(char, ' ' | '\t')).collect(),
        false => "    ".to_owned(),
    };
    let comma = comma(tail);
    let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
    let at = line_end(from + comma.unwrap_or(0));
    text.insert_str(at, &format!("{indent}{item}{}\n", if comma.is_some() { "," } else { "" }));
    if comma.is_none() {
        text.insert(from, ',');
    }
    text
}

/// Where the comma stands in what follows a list's last item: spaces, lines and comments.
fn comma(tail: &str) -> Option<usize> {
    let mut in_comment = false;
    tail.char_indices().find_map(|(at, char)| {
        in_comment = char == '#' || in_comment && char != '\n';
        (char == ',' && !in_comment).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Edit) -> Result<(), Error>;

    fn edited(text: &str, change: Change) -> Result<String, String> {
        let mut edit = Edit::new("Cargo.toml", text).map_err(|error| error.to_string())?;
        change(&mut edit).map_err(|error| error.to_string())?;
        Ok(edit.into_text())
    }

    const PUSH: Change = |edit| edit.push(&["workspace"], "members", "\"x\"");

    #[test]
    fn an_item_is_added_in_the_manner_of_the_list() {
        for (before, after) in [
            ("", "[workspace]\nmembers = [\"x\"]\n"),
            ("a = 1", "a = 1\n\n[workspace]\nmembers = [\"x\"]\n"),
            ("a = 1\n", "a = 1\n\n[workspace]\nmembers = [\"x\"]\n"),
            ("[workspace]", "[workspace]\nmembers = [\"x\"]\n"),
            ("[ workspace ] # ours\nresolver = \"3\"\n", "[ workspace ] # ours\nmembers = [\"x\"]\nresolver = \"3\"\n"),
            ("[workspace.metadata]\na = 1\n", "[workspace.metadata]\na = 1\n\n[workspace]\nmembers = [\"x\"]\n"),
            ("workspace.members = [ ]\n", "workspace.members = [\"x\" ]\n"),
            ("[workspace]\nmembers = ['a'] # c\n", "[workspace]\nmembers = ['a', \"x\"] # c\n"),
            ("workspace = { members = [\"a\",] }", "workspace = { members = [\"a\", \"x\",] }"),
            (
                "[workspace]\nmembers = [\n  \"a\", # , c\n]\n",
                "[workspace]\nmembers = [\n  \"a\", # , c\n  \"x\",\n]\n",
            ),
            (
                "[workspace]\nmembers = [\n\t\"a\" # , c\n\t# d\n]\n",
                "[workspace]\nmembers = [\n\t\"a\", # , c\n\t\"x\"\n\t# d\n]\n",
            ),
            ("[workspace]\nmembers = [\"a\",\n]\n", "[workspace]\nmembers = [\"a\",\n    \"x\",\n]\n"),
            ("[workspace]\nmembers = [\n  # none\n]\n", "[workspace]\nmembers = [\n  # none\n    \"x\",\n]\n"),
            ("[workspace]\r\nmembers = []\r\n", "[workspace]\r\nmembers = [\"x\"]\r\n"),
            ("s = \"\"\"\n[workspace]\n\"\"\"\n[workspace]\nresolver = \"3\"\n", "refused"),
        ] {
            assert_eq!(edited(before, PUSH).unwrap_or("refused".into()), after, "{before}");
        }
    }

    #[test]
    fn what_stands_there_in_another_form_is_refused() {
        let cases: [(&str, Change, &str); 4] = [
            (
                "workspace = 1",
                PUSH,
                "failed to add this to `Cargo.toml`, as `workspace` stands there in another form:\n  [workspace]\n  members = \
                 [\"x\"]",
            ),
            (
                "[workspace]\nmembers = 1\n",
                PUSH,
                "failed to add this to `Cargo.toml`, as `workspace.members` stands there in another form:\n  \"x\"",
            ),
            (
                "alias = { b = \"build\" }\n",
                |edit| edit.insert(&["alias"], "xtask", "\"run\""),
                "failed to add this to `Cargo.toml`, as `alias` stands there in another form:\n  [alias]\n  xtask = \"run\"",
            ),
            ("= 1", PUSH, "failed to edit `Cargo.toml`: it is not TOML: "),
        ];
        for (before, change, message) in cases {
            let error = edited(before, change).expect_err(message);
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn a_key_and_tables_are_added_beside_others() {
        let insert: Change = |edit| edit.insert(&["alias"], "xtask", "\"run\"");
        assert_eq!(
            edited("[alias]\nb = \"build\"\n", insert).as_deref(),
            Ok("[alias]\nxtask = \"run\"\nb = \"build\"\n")
        );
        let append: Change = |edit| edit.append("# of p\n[profile.p]\ninherits = \"dev\"\n");
        assert_eq!(edited("", append).as_deref(), Ok("# of p\n[profile.p]\ninherits = \"dev\"\n"));
        let before = "[profile.release]\nlto = true\n";
        assert_eq!(edited(before, append), Ok(format!("{before}\n# of p\n[profile.p]\ninherits = \"dev\"\n")));
        assert!(edited("[profile.p]\ninherits = \"dev\"\n", append).is_err());
    }
}
