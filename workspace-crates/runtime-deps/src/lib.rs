//! The table of run-time dependencies that no field of an ELF file names: configuration, data, and modules that a program loads by
//! names that it computes.
//!
//! Each [`RuntimeDep`] is data: the evidence in an ELF file, the files of ROOT that serve the dependency, and the effect of their
//! absence. The ELF reader looks for [`symbols`] and [`texts`]. The closure finds the dependencies that apply and adds their files.

mod table;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

pub use table::TABLE;

/// A run-time dependency.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RuntimeDep {
    /// Its name in `allow-missing` and in the report: lower-case words with hyphens.
    pub name: &'static str,
    /// Its description, in one line.
    pub doc: &'static str,
    /// The evidence: it applies to an image if one of these holds for one of the image's files.
    pub triggers: &'static [Trigger],
    /// Sonames, or their beginnings, of libraries whose imports and texts are no evidence, because their callers decide.
    pub not_of: &'static [&'static str],
    /// The files that serve it.
    pub needs: &'static [Need],
    /// The edit that adds it if ROOT lacks it.
    pub remedy: Remedy,
}

/// Evidence in an ELF file that a dependency applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The file has this undefined dynamic symbol: it calls the function.
    Symbol(&'static str),
    /// The file's soname begins with this: it is the library.
    Soname(&'static str),
    /// The file contains this text: it has the path compiled in.
    Text(&'static str),
    /// The file contains all of these texts: it puts paths together from them at run time.
    Texts(&'static [&'static str]),
}

/// Files that serve a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The files.
    pub files: Files,
    /// The effect if all of them are absent; None if most programs work without them.
    pub without: Option<&'static str>,
}

/// A selection of files of ROOT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// All files that match these globs, in the grammar of `keep`.
    Globs(&'static [&'static str]),
    /// The files that match these globs, but only those that the remedy's key or `keep` selects. All of them would be megabytes, and
    /// a program uses few of them.
    Chosen(&'static [&'static str]),
    /// The library that the dynamic linker finds by this soname.
    Library(&'static str),
    /// The modules of the sources in the image's nsswitch.conf: `libnss_SOURCE.so.2`.
    NameServices,
    /// The file at this path. If ROOT lacks it, Tierce generates it with this content.
    Written(&'static str, &'static str),
    /// Unknown files, which nothing in the program names.
    Unknown,
}

/// The edit of the image's table that adds a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A line to add.
    Key(&'static str),
    /// An atom for `packages`.
    Package(&'static str),
    /// Paths for `keep`, which differ from program to program.
    Keep,
}

/// The key of `pack` contains this text, so it keeps the type's earlier name: another text would pack every image again.
impl fmt::Debug for RuntimeDep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, doc, triggers, not_of, needs, remedy } = self;
        let mut text = formatter.debug_struct("Hidden");
        text.field("name", name).field("doc", doc).field("triggers", triggers);
        text.field("not_of", not_of).field("needs", needs).field("remedy", remedy).finish()
    }
}

impl RuntimeDep {
    /// Returns the dependency with this name.
    pub fn find(name: &str) -> Option<&'static RuntimeDep> {
        TABLE.iter().find(|dependency| dependency.name == name)
    }
}

/// Returns the symbols of all triggers.
pub fn symbols() -> &'static BTreeSet<&'static str> {
    static SYMBOLS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
        let symbol = |trigger: &Trigger| if let Trigger::Symbol(name) = trigger { Some(*name) } else { None };
        triggers().filter_map(symbol).collect()
    });
    &SYMBOLS
}

/// Returns the texts of all triggers.
pub fn texts() -> &'static BTreeSet<&'static str> {
    static TEXTS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
        let texts = |trigger: &'static Trigger| match trigger {
            Trigger::Text(text) => std::slice::from_ref(text),
            Trigger::Texts(texts) => texts,
            Trigger::Symbol(_) | Trigger::Soname(_) => &[],
        };
        triggers().flat_map(texts).copied().collect()
    });
    &TEXTS
}

fn triggers() -> impl Iterator<Item = &'static Trigger> {
    TABLE.iter().flat_map(|dependency| dependency.triggers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_sorted() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        for dependency in TABLE {
            assert!(dependency.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", dependency.name);
            assert!(dependency.doc.ends_with('.') && !dependency.triggers.is_empty() && !dependency.needs.is_empty());
            assert_eq!(RuntimeDep::find(dependency.name), Some(dependency));
        }
        assert_eq!(RuntimeDep::find("nothing"), None);
    }

    #[test]
    fn debug_text_of_keys_stays() {
        let magic = RuntimeDep::find("magic").expect("it is in the table");
        assert_eq!(
            format!("{magic:?}"),
            "Hidden { name: \"magic\", doc: \"libmagic's database of file types.\", triggers: [Soname(\"libmagic.so.\")], \
             not_of: [], needs: [Need { files: Globs([\"/usr/share/misc/magic.mgc\"]), without: Some(\"libmagic knows no file \
             type\") }], remedy: Package(\"sys-apps/file\") }"
        );
    }

    /// Messages put the effect behind a comma, so it must be a clause.
    #[test]
    fn effects_are_clauses() {
        let clauses = TABLE.iter().flat_map(|dependency| dependency.needs).filter_map(|need| need.without);
        for clause in clauses {
            assert!(!clause.is_empty() && !clause.ends_with('.') && !clause.contains(';'), "{clause}");
        }
    }

    /// A search of every file for many or common texts would make the index of ROOT slow.
    #[test]
    fn texts_are_few_and_rare() {
        assert!(texts().len() <= 4);
        assert!(texts().iter().all(|text| text.len() >= 16));
    }
}
