//! Values of a parsed Cargo.toml with their places, and the layers of tables of an image.

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

/// The most items of a list, and entries of a table. Longer ones come from a program that goes wrong; comparing their items with
/// each other, and each glob with each path of an image, would take minutes.
pub(crate) const MOST_ITEMS: usize = 1000;

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
    /// Returns the value at `path` below the top of a file, with its last key.
    pub(crate) fn descend(file: &'t Arc<Utf8Path>, top: &'t DeTable<'t>, path: &[&str]) -> Option<Entry<'t>> {
        let (last, parents) = path.split_last()?;
        let mut table = top;
        for parent in parents {
            table = table.get(*parent)?.get_ref().as_table()?;
        }
        entry(file, table, last)
    }

    /// Returns the place of the whole value.
    pub(crate) fn place(&self) -> Place {
        Place::new(self.file, self.value.span())
    }

    pub(crate) fn raw(&self) -> &'t DeValue<'t> {
        self.value.get_ref()
    }

    pub(crate) fn text(&self) -> Option<Located<&'t str>> {
        Some(Located::new(self.raw().as_str()?, self.place()))
    }

    /// Returns a string, or the digits of an integer.
    pub(crate) fn text_or_integer(&self) -> Option<Located<String>> {
        match self.raw() {
            // An integer out of range keeps its text, so that the reader refuses it.
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

    /// Returns an integer, of any radix; `None` if it does not fit.
    pub(crate) fn integer(&self) -> Option<i64> {
        let integer = self.raw().as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    /// Returns the number of items or entries.
    pub(crate) fn count(&self) -> usize {
        self.raw().as_array().map_or(0, |list| list.len()).max(self.raw().as_table().map_or(0, |table| table.len()))
    }

    /// Returns the items of a list, at most [`MOST_ITEMS`]; empty for other values.
    pub(crate) fn items(&self) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let file = self.file;
        let items = self.raw().as_array().into_iter().flat_map(|array| array.iter()).take(MOST_ITEMS);
        items.map(move |value| Node { file, value })
    }

    /// Returns the strings of a list.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Located<&'t str>> + use<'t> {
        self.items().filter_map(|item| item.text())
    }

    /// Returns the entries of a table, in the order of the file and at most [`MOST_ITEMS`]; empty for other values.
    pub(crate) fn entries(&self) -> Vec<Entry<'t>> {
        let mut entries = self.all_entries();
        entries.truncate(MOST_ITEMS);
        entries
    }

    /// Returns all entries of a table, however many.
    pub(crate) fn all_entries(&self) -> Vec<Entry<'t>> {
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

    /// Returns the value of one key of a table.
    pub(crate) fn field(&self, name: &str) -> Option<Node<'t>> {
        entry(self.file, self.raw().as_table()?, name).map(|entry| entry.value)
    }

    /// Returns the folder of the file.
    pub(crate) fn folder(&self) -> Utf8PathBuf {
        self.file.parent().unwrap_or(Utf8Path::new("")).to_owned()
    }
}

fn entry<'t>(file: &'t Arc<Utf8Path>, table: &'t DeTable<'t>, name: &str) -> Option<Entry<'t>> {
    let (key, value) = table.get_key_value(name)?;
    Some(Entry { key: Located::new(key.get_ref().as_ref(), Place::new(file, key.span())), value: Node { file, value } })
}

/// The tables of one image, the strongest first: its own, those of its bases, the embedded one of the same image, the workspace's
/// defaults. Readers get every value through this type, so that they all apply the key's [`Merge`].
#[derive(Clone, Copy)]
pub(crate) struct Layers<'t> {
    own: Option<Node<'t>>,
    /// The tables of the bases, the nearest first. Only keys with [`keys::is_inherited`] apply from them.
    below: &'t [Node<'t>],
    library: Option<Node<'t>>,
    defaults: Option<Node<'t>>,
}

impl<'t> Layers<'t> {
    pub(crate) fn new(own: Node<'t>, defaults: Option<Node<'t>>) -> Self {
        Self { own: Some(own), below: &[], library: None, defaults }
    }

    /// Adds the tables of the image's bases, the nearest first.
    pub(crate) fn on_top_of(self, below: &'t [Node<'t>]) -> Self {
        Self { below, ..self }
    }

    /// Drops the workspace's defaults.
    pub(crate) fn without_defaults(self) -> Self {
        Self { defaults: None, ..self }
    }

    /// Returns the layers of an image with an embedded table. The workspace's defaults describe the workspace's own images, so
    /// only the keys about Portage apply.
    pub(crate) fn of_library(own: Option<Node<'t>>, library: Node<'t>, defaults: Option<Node<'t>>) -> Self {
        Self { own, below: &[], library: Some(library), defaults }
    }

    /// Returns the values of a key, the strongest first.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let defaults = self.defaults.filter(|_| self.library.is_none() || keys::is_of_portage(key));
        let below = if keys::is_inherited(key) { self.below } else { &[] };
        let tables = self.own.into_iter().chain(below.iter().copied()).chain(self.library).chain(defaults);
        tables.filter_map(|table| table.field(key)).collect::<Vec<_>>().into_iter()
    }

    /// Returns the value of the image's own table.
    pub(crate) fn own(&self, key: &str) -> Option<Node<'t>> {
        self.own?.field(key)
    }

    /// Returns the strongest value of a key that is not merged.
    pub(crate) fn one(&self, key: &str) -> Option<Node<'t>> {
        debug_assert_eq!(merge(key), Merge::Image, "{key}");
        self.all(key).next()
    }

    /// Returns the items of all lists of a key.
    pub(crate) fn items(&self, key: &str) -> impl Iterator<Item = Node<'t>> + use<'t> {
        debug_assert_eq!(merge(key), Merge::Append, "{key}");
        self.all(key).flat_map(|list| list.items())
    }

    /// Returns the merged entries of a key's tables. The strongest value of each entry wins, and the weakest table's entries come
    /// first, so that the image's entries win in files that are read in order.
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
