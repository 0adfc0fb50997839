//! Values of a parsed Cargo.toml with their places, and the tables that an image is read from.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    keys::{self, KEYS, Merge},
    place::{Located, Place},
};

/// A value in a file.
#[derive(Clone, Copy)]
pub(crate) struct Node<'t> {
    pub(crate) file: &'t Arc<Utf8Path>,
    value: &'t Spanned<DeValue<'t>>,
}

/// A key and its value, in a file.
pub(crate) struct Entry<'t> {
    pub(crate) key: Located<&'t str>,
    pub(crate) value: Node<'t>,
}

impl<'t> Node<'t> {
    /// The value at `path` below the top of a file, with its last key.
    pub(crate) fn descend(file: &'t Arc<Utf8Path>, top: &'t DeTable<'t>, path: &[&str]) -> Option<Entry<'t>> {
        let (last, parents) = path.split_last()?;
        let mut table = top;
        for parent in parents {
            table = table.get(*parent)?.get_ref().as_table()?;
        }
        entry(file, table, last)
    }

    /// The place of the whole value.
    pub(crate) fn place(&self) -> Place {
        Place::new(self.file, self.value.span())
    }

    pub(crate) fn raw(&self) -> &'t DeValue<'t> {
        self.value.get_ref()
    }

    pub(crate) fn text(&self) -> Option<Located<&'t str>> {
        Some(Located::new(self.raw().as_str()?, self.place()))
    }

    /// A string, or the digits of an integer.
    pub(crate) fn text_or_integer(&self) -> Option<Located<String>> {
        match self.raw() {
            // One that fits no integer type stays as it is written, for the reader to refuse.
            DeValue::Integer(number) => {
                let digits = self.integer().map_or_else(|| number.to_string(), |integer| integer.to_string());
                Some(Located::new(digits, self.place()))
            }
            _ => Some(self.text()?.map(str::to_owned)),
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        self.raw().as_bool()
    }

    /// An integer of TOML, of any radix.
    pub(crate) fn integer(&self) -> Option<i64> {
        let integer = self.raw().as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    /// The items of a list; none where it is something else.
    pub(crate) fn items(&self) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let file = self.file;
        let items = self.raw().as_array().into_iter().flat_map(|array| array.iter());
        items.map(move |value| Node { file, value })
    }

    /// The strings of a list.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Located<&'t str>> + use<'t> {
        self.items().filter_map(|item| item.text())
    }

    /// The entries of a table, in the order of the file; none where it is something else.
    pub(crate) fn entries(&self) -> Vec<Entry<'t>> {
        let file = self.file;
        let mut entries: Vec<Entry<'t>> = self
            .raw()
            .as_table()
            .into_iter()
            .flatten()
            .map(|(key, value)| Entry {
                key: Located::new(key.get_ref().as_ref(), Place::new(file, key.span())),
                value: Node { file, value },
            })
            .collect();
        entries.sort_by_key(|entry| entry.key.place.span.start);
        entries
    }

    /// The value of one key of a table.
    pub(crate) fn field(&self, name: &str) -> Option<Node<'t>> {
        entry(self.file, self.raw().as_table()?, name).map(|entry| entry.value)
    }

    /// The folder of the file.
    pub(crate) fn folder(&self) -> Utf8PathBuf {
        self.file.parent().unwrap_or(Utf8Path::new("")).to_owned()
    }
}

fn entry<'t>(file: &'t Arc<Utf8Path>, table: &'t DeTable<'t>, name: &str) -> Option<Entry<'t>> {
    let (key, value) = table.get_key_value(name)?;
    Some(Entry { key: Located::new(key.get_ref().as_ref(), Place::new(file, key.span())), value: Node { file, value } })
}

/// The tables that one image is read from, the strongest first: its own, those of the images that it is based on, the library's of
/// the same image, the workspace's.
/// Every value is looked up through here, so that what [`Merge`] says of a key holds wherever it is read.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'t> {
    own: Option<Node<'t>>,
    /// The nearest first. Of them only what [`keys::is_inherited`] says holds here.
    below: &'t [Node<'t>],
    library: Option<Node<'t>>,
    defaults: Option<Node<'t>>,
}

impl<'t> Layers<'t> {
    pub(crate) fn new(own: Node<'t>, defaults: Option<Node<'t>>) -> Self {
        Self { own: Some(own), below: &[], library: None, defaults }
    }

    /// The same for an image that begins with those of these tables, the nearest first.
    pub(crate) fn on_top_of(self, below: &'t [Node<'t>]) -> Self {
        Self { below, ..self }
    }

    /// Without the workspace's defaults.
    pub(crate) fn without_defaults(self) -> Self {
        Self { defaults: None, ..self }
    }

    /// Of an image whose table the library has. The workspace's defaults are about images of its own: of them only what is said
    /// of Portage holds here.
    pub(crate) fn of_library(own: Option<Node<'t>>, library: Node<'t>, defaults: Option<Node<'t>>) -> Self {
        Self { own, below: &[], library: Some(library), defaults }
    }

    /// The values of a key, the strongest first.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let defaults = self.defaults.filter(|_| self.library.is_none() || keys::is_of_portage(key));
        let below = if keys::is_inherited(key) { self.below } else { &[] };
        let tables = self.own.into_iter().chain(below.iter().copied()).chain(self.library).chain(defaults);
        tables.filter_map(|table| table.field(key)).collect::<Vec<_>>().into_iter()
    }

    /// The value that the image's own table has.
    pub(crate) fn own(&self, key: &str) -> Option<Node<'t>> {
        self.own?.field(key)
    }

    /// The value of a key that replaces the workspace's.
    pub(crate) fn one(&self, key: &str) -> Option<Node<'t>> {
        debug_assert_eq!(merge(key), Merge::Image, "{key}");
        self.all(key).next()
    }

    /// The items of a list that are appended to each other.
    pub(crate) fn items(&self, key: &str) -> impl Iterator<Item = Node<'t>> + use<'t> {
        debug_assert_eq!(merge(key), Merge::Append, "{key}");
        self.all(key).flat_map(|list| list.items())
    }

    /// The entries of tables that are merged by key: of each table those that no stronger one has, the weakest table's first,
    /// so that written in this order the image has the last word.
    pub(crate) fn entries(&self, key: &str) -> Vec<Entry<'t>> {
        debug_assert_eq!(merge(key), Merge::Entries, "{key}");
        let mut merged: Vec<Entry<'t>> = Vec::new();
        for table in self.all(key) {
            let mut entries = table.entries();
            entries.retain(|weaker| merged.iter().all(|stronger| stronger.key.value != weaker.key.value));
            entries.append(&mut merged);
            merged = entries;
        }
        merged
    }
}

fn merge(key: &str) -> Merge {
    keys::find(KEYS, key).expect("every key that is read stands in KEYS").merge
}
