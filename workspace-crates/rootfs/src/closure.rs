//! The paths of an image. Every path has one [`Reason`], which names another path of the closure, so that a chain of reasons leads
//! from every file to a program or to a line of the user's table.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::reason::Reason;
use crate::report::Size;
use crate::{Error, FileContent, Index, LdCache, Loader, Node, NodeKind, path};

/// The paths of an image and their reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    entries: BTreeMap<String, Reason>,
    /// Warnings and notes for the report, sorted.
    pub findings: BTreeSet<Finding>,
    /// The sizes that each preset or glob keeps out of an image of all packages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, Size>,
    /// Generated files for paths that ROOT lacks, with reason and content.
    #[serde(skip)]
    pub(crate) written: BTreeMap<String, (Reason, &'static str)>,
}

impl Closure {
    /// All paths but the root with their reasons, sorted by path, so that a directory precedes its entries.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Reason)> {
        self.entries.iter().map(|(path, reason)| (path.as_str(), reason))
    }

    /// The reason for a path; `None` if it is not in the closure.
    #[must_use]
    pub fn reason(&self, path: &str) -> Option<&Reason> {
        self.entries.get(path)
    }

    /// The chain of reasons from a start of the closure to `path`; empty if it is not in the closure.
    #[must_use]
    pub fn chain(&self, path: &str) -> Vec<(&str, &Reason)> {
        let mut chain = Vec::new();
        let mut next = Some(path);
        while let Some((path, reason)) = next.and_then(|path| self.entries.get_key_value(path)) {
            chain.push((path.as_str(), reason));
            // Reasons from a file may form a cycle; those that this crate adds cannot.
            next = reason.because_of().filter(|_| chain.len() <= self.entries.len());
        }
        chain.reverse();
        chain
    }

    /// Adds a path of the tree without links in its parents, for a reason that names a path of the closure. The first reason
    /// stays.
    pub(crate) fn add(&mut self, path: &str, reason: Reason) {
        if path != "/" && !self.entries.contains_key(path) {
            self.entries.insert(path.to_owned(), reason);
        }
    }

    /// Sets the reason of a path that a hook made or changed.
    pub fn made_by_hook(&mut self, path: &str, hook: &str) {
        self.entries.insert(path.to_owned(), Reason::Hook { hook: hook.to_owned() });
    }

    /// Renames paths, by their old ones, as entries and inside of reasons.
    pub(crate) fn rename(&mut self, moved: &BTreeMap<String, String>) {
        if moved.is_empty() {
            return;
        }
        let now = |path: String| moved.get(&path).cloned().unwrap_or(path);
        let entries = std::mem::take(&mut self.entries);
        self.entries = entries.into_iter().map(|(path, reason)| (now(path), reason.renamed(&now))).collect();
    }

    /// Removes a path that is not in the image.
    pub fn remove(&mut self, path: &str) {
        self.entries.remove(path);
    }

    /// Adds the directories above every path.
    pub(crate) fn add_parents(&mut self) {
        let mut directories: BTreeMap<String, Reason> = BTreeMap::new();
        for path in self.entries.keys() {
            let mut child = path.as_str();
            for parent in path::parents(path) {
                if self.entries.contains_key(parent) || directories.contains_key(parent) {
                    break;
                }
                directories.insert(parent.to_owned(), Reason::ParentOf { path: child.to_owned() });
                child = parent;
            }
        }
        self.entries.extend(directories);
    }

    /// Adds generated files to the image's index: absent files that run-time dependencies need, and the linker cache, with the
    /// other entries of an external base's cache, `below`.
    ///
    /// # Errors
    /// Those of [`Index::insert_file`].
    pub fn add_made(&mut self, image: &mut Index, loader: &Loader, below: &LdCache) -> Result<(), Error> {
        for (path, (reason, content)) in std::mem::take(&mut self.written) {
            if image.tree().resolve(&path).is_ok() {
                continue;
            }
            let bytes = content.as_bytes().to_vec();
            let node = Node::new(NodeKind::File { size: 0 }, 0o644);
            let at = image.insert_file(&path, node, bytes.len() as u64, FileContent::of_bytes(bytes))?;
            self.entries.insert(at, reason);
            self.add_parents();
        }
        self.add_ld_cache(image, loader, below)
    }

    /// Adds an `/etc/ld.so.cache` to the image's index and to the closure: the entries of the loader's cache that lead to a file
    /// of `image`, then entries of `below` for other sonames. Adds nothing if there is no entry of the first kind.
    ///
    /// # Errors
    /// Those of [`Index::insert_file`].
    fn add_ld_cache(&mut self, image: &mut Index, loader: &Loader, below: &LdCache) -> Result<(), Error> {
        let cache = loader.cache.restrict(image.tree());
        if cache.entries().is_empty() {
            return Ok(());
        }
        let below = below.restrict(image.tree());
        self.note_shadowed(image, &cache, &below);
        let cache = cache.with_others(&below);
        let bytes = cache.to_bytes();
        let node = Node::new(NodeKind::File { size: 0 }, 0o644);
        let at = image.insert_file("/etc/ld.so.cache", node, bytes.len() as u64, FileContent::of_bytes(bytes))?;
        self.entries.insert(at, Reason::LdCache);
        self.add_parents();
        Ok(())
    }
}
