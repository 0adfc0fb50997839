//! What `new` writes: texts of new files, and insertions into files that people keep.
//!
//! Everything is pure: the caller reads what is there ([`Found`]), gets a [`Draft`], and writes it or shows it. Of a file that
//! exists every byte stays where it is, between which something is inserted; each insertion is parsed again and compared with what
//! was meant before it counts. What is there already is left alone and told.

mod builder;
mod diff;
mod edit;
mod error;
mod image;
mod workspace;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

pub use builder::{NewBuilder, builder};
pub use error::Error;
pub use image::{Content, Home, NewImage, image, package_folder};
pub use workspace::{LOOKED_AT, Source, is_workspace, workspace};

/// The workspace's own Cargo.toml.
const MANIFEST: &str = "Cargo.toml";

/// The texts of the files that are there, by their paths from the workspace's root.
#[derive(Clone, Debug, Default)]
pub struct Found(pub BTreeMap<Utf8PathBuf, String>);

impl Found {
    fn text(&self, path: &str) -> Option<&str> {
        self.0.get(Utf8Path::new(path)).map(String::as_str)
    }
}

/// What would be written, and what stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Files, in the order in which people read about them; each once.
    pub files: Vec<DraftFile>,
    /// What is there already: where, and what it is.
    pub left: Vec<(Utf8PathBuf, String)>,
}

/// A file that is made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftFile {
    /// From the workspace's root.
    pub path: Utf8PathBuf,
    /// Its text now; none where it is to be made.
    pub before: Option<String>,
    /// Its text afterwards.
    pub after: String,
}

impl Draft {
    /// What would change, as `diff -u` writes it: `git apply` and `patch -p1` understand it.
    pub fn diff(&self) -> String {
        self.files.iter().map(diff::unified).collect()
    }

    /// A file of this text, unless there is one.
    fn make(&mut self, found: &Found, path: impl Into<Utf8PathBuf>, text: String) {
        let path = path.into();
        match found.text(path.as_str()) {
            Some(_) => self.leave(path, "it is there already"),
            None => self.files.push(DraftFile { path, before: None, after: text }),
        }
    }

    /// The text of a file after insertions, which may be none.
    fn change(&mut self, path: impl Into<Utf8PathBuf>, before: &str, after: String) {
        if before != after {
            self.files.push(DraftFile { path: path.into(), before: Some(before.to_owned()), after });
        }
    }

    fn leave(&mut self, path: impl Into<Utf8PathBuf>, why: impl Into<String>) {
        self.left.push((path.into(), why.into()));
    }
}
