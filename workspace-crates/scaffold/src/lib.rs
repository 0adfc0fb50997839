//! The output of `new`: texts of new files, and insertions into files that users keep.
//!
//! This crate is pure: the caller reads the existing files ([`Found`]), gets a [`Draft`], and writes or shows it. An insertion
//! keeps the comments, the order and the spaces of a file, and is parsed again before it counts. A draft leaves existing values
//! as they are, and lists them.

mod builder;
mod diff;
mod edit;
mod error;
mod formatting;
mod image;
mod members;
mod workspace;
mod xtask;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

pub use builder::{NewBuilder, builder, repository_files};
pub use error::Error;
pub use image::{Content, Existing, Home, NewImage, image, package_folder};
pub use workspace::{LOOKED_AT, NewWorkspace, is_workspace, workspace};
pub use xtask::Source;

/// The workspace's own Cargo.toml.
const MANIFEST: &str = "Cargo.toml";

/// The texts of the existing files, by their paths relative to the workspace's root.
#[derive(Clone, Debug, Default)]
pub struct Found(pub BTreeMap<Utf8PathBuf, String>);

impl Found {
    fn text(&self, path: &str) -> Option<&str> {
        self.0.get(Utf8Path::new(path)).map(String::as_str)
    }
}

/// The files to write, and the values that stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The files in the order in which the user reads about them, each once.
    pub files: Vec<DraftFile>,
    /// The existing files and values: each path, and a sentence about it.
    pub left: Vec<(Utf8PathBuf, String)>,
}

/// A new or changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftFile {
    /// Relative to the workspace's root.
    pub path: Utf8PathBuf,
    /// Its text before; `None` for a new file.
    pub before: Option<String>,
    /// Its text after the change.
    pub after: String,
}

impl Draft {
    /// Returns the changes as `diff -u` writes them; `git apply` and `patch -p1` understand them.
    pub fn diff(&self) -> String {
        self.files.iter().map(diff::unified).collect()
    }

    /// Adds a file, unless it exists.
    fn create(&mut self, found: &Found, path: impl Into<Utf8PathBuf>, text: String) {
        let path = path.into();
        match found.text(path.as_str()) {
            Some(_) => self.leave(path, "it exists"),
            None => self.files.push(DraftFile { path, before: None, after: text }),
        }
    }

    /// Adds the new text of a file, unless nothing changed.
    fn change(&mut self, path: impl Into<Utf8PathBuf>, before: &str, after: String) {
        if before != after {
            self.files.push(DraftFile { path: path.into(), before: Some(before.to_owned()), after });
        }
    }

    fn leave(&mut self, path: impl Into<Utf8PathBuf>, why: impl Into<String>) {
        self.left.push((path.into(), why.into()));
    }
}
