//! Checks the names, places and types of a table's keys against the list of keys. It reports each fault once for a table; the
//! readers skip values of a wrong type.

use toml::de::DeValue;

use crate::{
    error::{Error, Fault, quoted},
    keys::{self, KEYS, Key, Scope, Shape},
    node::{Entry, MOST_ITEMS, Node},
};

/// The kind of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// `[package.metadata.image]`
    Image,
    /// `[package.metadata.images.NAME]`
    NamedImage,
    /// `[workspace.metadata.images.NAME]`
    Packages,
    /// `[workspace.metadata.image]`
    Workspace,
}

/// Reports every key of an image table that is unknown, in the wrong table, not supported yet, or of a wrong type.
pub(crate) fn check_table(table: &Entry<'_>, kind: Table, errors: &mut Vec<Error>) {
    if table.value.raw().as_table().is_none() {
        let fault = wrong_type(&format!("`{}`", table.key.value), "a table", table.value);
        errors.push(fault.at(table.value.place()));
    }
    for entry in table.value.entries() {
        let Some(key) = keys::find(KEYS, entry.key.value) else {
            errors.push(unknown_key(&entry, KEYS.iter().filter(|key| allowed(key.scope, kind))));
            continue;
        };
        if let Some(instead) = key.later {
            errors.push(not_yet(&format!("`{}`", key.name), instead).at(entry.key.place.clone()));
        } else if !allowed(key.scope, kind) {
            errors.push(misplaced(key, kind).at(entry.key.place.clone()));
        } else {
            check_value(&format!("`{}`", key.name), &key.shape, entry.value, errors);
        }
    }
}

/// Returns the fault for a key or value of a later version.
pub(crate) fn not_yet(what: &str, instead: &str) -> Fault {
    Fault::new(format!("{what} is not supported yet"), "not supported yet").help(instead)
}

fn allowed(scope: Scope, kind: Table) -> bool {
    match scope {
        Scope::Image => true,
        Scope::Program => kind != Table::Packages,
        Scope::Package => kind == Table::Image,
        Scope::Workspace => kind == Table::Workspace,
    }
}

fn misplaced(key: &Key, kind: Table) -> Fault {
    let name = key.name;
    match (key.scope, kind) {
        (Scope::Workspace, _) => {
            Fault::new(format!("`{name}` holds for the whole workspace, not for one image"), "belongs to the workspace")
                .help("move it to `[workspace.metadata.image]` in the workspace's root Cargo.toml")
        }
        (Scope::Program, _) => {
            Fault::new(format!("`{name}` is about an image's program, and this image has none"), "needs a program")
                .help("leave it out, or give the table to the program's package, as `[package.metadata.images.NAME]`")
        }
        (_, Table::NamedImage | Table::Packages) => {
            Fault::new(format!("`{name}` is already in the header of this table"), "named twice")
                .help(format!("leave `{name}` out, or rename the table"))
        }
        _ => Fault::new(format!("`{name}` holds for one image, not for all of them"), "belongs to a package")
            .help("move it to `[package.metadata.image]` of a package"),
    }
}

fn unknown_key<'k>(entry: &Entry<'_>, known: impl Iterator<Item = &'k Key>) -> Error {
    let word = entry.key.value;
    Fault::new(format!("unknown key `{}`", word.escape_debug()), "unknown key")
        .suggest(word, known.map(|key| key.name))
        .at(entry.key.place.clone())
}

fn check_value(what: &str, shape: &Shape, node: Node<'_>, errors: &mut Vec<Error>) {
    if !fits(shape, node.raw()) {
        errors.push(wrong_type(what, &shape.describe(), node).at(node.place()));
        return;
    }
    if matches!(shape, Shape::List(_) | Shape::Map(_)) && node.count() > MOST_ITEMS {
        let message = format!("{what} has {} items, and Tierce takes at most {MOST_ITEMS}", node.count());
        let fault = Fault::new(message, "too many").help("name a folder or a glob instead of each of its files");
        errors.push(fault.at(node.place()));
        return;
    }
    match shape {
        Shape::List(item) => {
            node.items().for_each(|value| check_value(&format!("an item of {what}"), item, value, errors));
        }
        Shape::Map(inner) => {
            for entry in node.entries() {
                check_value(&format!("`{}` of {what}", entry.key.value.escape_debug()), inner, entry.value, errors);
            }
        }
        Shape::Table(keys) => check_fields(what, keys, node, errors),
        Shape::OneOf(keys) => {
            check_fields(what, keys, node, errors);
            if node.entries().len() != 1 {
                let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
                let message = format!("{what} needs exactly one of {}", quoted(&names));
                errors.push(Fault::new(message, "needs exactly one key").at(node.place()));
            }
        }
        Shape::Choice(words, later) => check_choice(what, words, later, node, errors),
        Shape::Either(shapes) => {
            if let Some(shape) = shapes.iter().find(|shape| fits(shape, node.raw())) {
                check_value(what, shape, node, errors);
            }
        }
        Shape::Integer if node.integer().is_none_or(|integer| integer < 0) => {
            errors.push(Fault::new(format!("{what} must not be below zero"), "out of range").at(node.place()));
        }
        Shape::Boolean | Shape::False | Shape::Integer | Shape::Text | Shape::TextOrInteger | Shape::Any => {}
    }
}

fn check_fields(what: &str, keys: &'static [Key], node: Node<'_>, errors: &mut Vec<Error>) {
    for entry in node.entries() {
        match keys::find(keys, entry.key.value) {
            Some(key) => check_value(&format!("`{}` of {what}", key.name), &key.shape, entry.value, errors),
            None => errors.push(unknown_key(&entry, keys.iter())),
        }
    }
    for key in keys.iter().filter(|key| key.required && node.field(key.name).is_none()) {
        let fault = Fault::new(format!("{what} lacks `{}`", key.name), format!("`{}` is missing", key.name))
            .help(format!("add `{} = {}`", key.name, key.example));
        errors.push(fault.at(node.place()));
    }
}

fn check_choice(what: &str, words: &[&str], later: &[(&str, &str)], node: Node<'_>, errors: &mut Vec<Error>) {
    let Some(text) = node.text() else { return };
    if words.contains(&text.value) {
        return;
    }
    let fault = match later.iter().find(|(word, _)| *word == text.value) {
        Some((word, instead)) => not_yet(&format!("{word:?} for {what}"), instead),
        None => Fault::new(format!("{what} cannot be {:?}", text.value), "unknown value")
            .suggest(text.value, words.iter().copied()),
    };
    errors.push(fault.at(text.place));
}

/// Returns whether the TOML type of a value fits a shape, without a look at its items.
fn fits(shape: &Shape, value: &DeValue<'_>) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Boolean => value.is_bool(),
        Shape::False => value.as_bool() == Some(false),
        Shape::Integer => value.is_integer(),
        Shape::Text | Shape::Choice(..) => value.is_str(),
        Shape::TextOrInteger => value.is_str() || value.is_integer(),
        Shape::List(_) => value.is_array(),
        Shape::Map(_) | Shape::Table(_) | Shape::OneOf(_) => value.is_table(),
        Shape::Either(shapes) => shapes.iter().any(|shape| fits(shape, value)),
    }
}

fn wrong_type(what: &str, expected: &str, node: Node<'_>) -> Fault {
    let (found, mended) = match node.raw() {
        DeValue::String(text) if expected.starts_with("a list") => ("a string", Some(format!("[{text:?}]"))),
        DeValue::String(_) => ("a string", None),
        DeValue::Integer(number) => ("an integer", Some(format!("\"{number}\""))),
        DeValue::Float(number) => ("a float", Some(format!("\"{}\"", number.as_str()))),
        DeValue::Boolean(value) => (if *value { "`true`" } else { "`false`" }, Some(format!("\"{value}\""))),
        DeValue::Datetime(value) => ("a date", Some(format!("\"{value}\""))),
        DeValue::Array(_) => ("a list", None),
        DeValue::Table(_) => ("a table", None),
    };
    let fault =
        Fault::new(format!("{what} must be {expected}, not {found}"), format!("expected {expected}, found {found}"));
    match mended {
        Some(mended) if node.raw().is_str() || expected == "a string" => fault.help(format!("write `{mended}`")),
        _ => fault,
    }
}
