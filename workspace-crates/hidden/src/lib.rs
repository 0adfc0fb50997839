//! What programs need at run time and no field of an ELF file names: configuration, data, modules that are loaded by a name put
//! together when the program runs.
//!
//! Each [`Hidden`] dependency is data: what makes it apply, which files of ROOT serve it, and what does not work without them.
//! Whoever reads ELF files looks for [`symbols`] and [`texts`] and for nothing else; whoever selects an image's files asks which
//! dependencies apply and adds what is there.

mod table;

use std::collections::BTreeSet;
use std::sync::LazyLock;

pub use table::TABLE;

/// One dependency of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What `allow-missing` and the report call it: lower-case words with hyphens.
    pub name: &'static str,
    /// What it is, in one line.
    pub doc: &'static str,
    /// It applies to an image with a file of which one of these holds.
    pub triggers: &'static [Trigger],
    /// Sonames, or their beginnings, of libraries whose imports mean nothing: they hand on what others ask of them.
    pub not_of: &'static [&'static str],
    /// What serves it.
    pub needs: &'static [Need],
    /// What brings it where ROOT does not have it.
    pub remedy: Remedy,
}

/// What is known of an ELF file, and makes a dependency apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// It has this undefined dynamic symbol: it calls the function.
    Symbol(&'static str),
    /// Its soname begins so: it is the library.
    Soname(&'static str),
    /// Its bytes hold this text: it has the path compiled in.
    Text(&'static str),
}

/// Files that serve a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Which.
    pub files: Files,
    /// What does not work where there is none of them; nothing is said where they are only there for those who configure them.
    pub without: Option<&'static str>,
}

/// How files of ROOT are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// By globs, in the grammar of `keep`: all that match.
    Globs(&'static [&'static str]),
    /// By globs as well, but nothing of it goes in by itself, as it would be megabytes of which a program uses little: the
    /// remedy's key, or `keep`, says what does.
    Chosen(&'static [&'static str]),
    /// As a library that the dynamic linker finds by this soname.
    Library(&'static str),
    /// As the modules of the sources that the image's nsswitch.conf names: `libnss_SOURCE.so.2`.
    NameServices,
    /// At this path; where ROOT has nothing there, a file with this content is made.
    Written(&'static str, &'static str),
    /// By nobody: it cannot be known.
    Unknown,
}

/// What brings a dependency, as an edit of the image's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A line.
    Key(&'static str),
    /// An atom for `packages`.
    Package(&'static str),
    /// What is missing differs from program to program: its paths belong into `keep`.
    Keep,
}

impl Hidden {
    /// The dependency of this name.
    pub fn find(name: &str) -> Option<&'static Hidden> {
        TABLE.iter().find(|hidden| hidden.name == name)
    }
}

/// The symbols that some trigger is about.
pub fn symbols() -> &'static BTreeSet<&'static str> {
    static SYMBOLS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
        let symbol = |trigger: &Trigger| if let Trigger::Symbol(name) = trigger { Some(*name) } else { None };
        triggers().filter_map(symbol).collect()
    });
    &SYMBOLS
}

/// The texts that some trigger is about.
pub fn texts() -> &'static BTreeSet<&'static str> {
    static TEXTS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
        let text = |trigger: &Trigger| if let Trigger::Text(text) = trigger { Some(*text) } else { None };
        triggers().filter_map(text).collect()
    });
    &TEXTS
}

fn triggers() -> impl Iterator<Item = &'static Trigger> {
    TABLE.iter().flat_map(|hidden| hidden.triggers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_sorted() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        for hidden in TABLE {
            assert!(hidden.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", hidden.name);
            assert!(hidden.doc.ends_with('.') && !hidden.triggers.is_empty() && !hidden.needs.is_empty());
            assert_eq!(Hidden::find(hidden.name), Some(hidden));
        }
        assert_eq!(Hidden::find("nothing"), None);
    }

    /// What is said to a user is put behind a semicolon.
    #[test]
    fn what_does_not_work_is_a_clause() {
        let clauses = TABLE.iter().flat_map(|hidden| hidden.needs).filter_map(|need| need.without);
        for clause in clauses {
            assert!(!clause.is_empty() && !clause.ends_with('.') && !clause.contains(';'), "{clause}");
        }
    }

    /// Searching every file for many texts, or for common ones, would make reading ROOT slow.
    #[test]
    fn texts_are_few_and_rare() {
        assert!(texts().len() <= 4);
        assert!(texts().iter().all(|text| text.len() >= 16));
    }
}
