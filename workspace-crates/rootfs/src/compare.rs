//! Compares two root filesystems path by path.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::content_difference::ContentDifference;
use crate::{FileContent, Index, Node, NodeKind, path};

/// The visible entry at one path of several layers.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'layers> {
    /// The entry.
    pub node: &'layers Node,
    /// Its content, if it is a file.
    pub content: Option<&'layers FileContent>,
    /// The number of its layer; the lowest is 0.
    pub layer: usize,
}

/// Stacks an image's layers, the lowest first, as a container sees them. Each layer hides entries of lower layers at the same
/// path; whiteouts (OCI image-spec, "Layer Filesystem Changeset") delete entries of lower layers.
#[must_use]
pub fn stack(layers: &[Index]) -> BTreeMap<&str, Placed<'_>> {
    let mut seen: BTreeMap<&str, Placed<'_>> = BTreeMap::new();
    for (layer, index) in layers.iter().enumerate() {
        for (path, _) in index.tree().iter() {
            let Some(hidden) = path::file_name(path).strip_prefix(".wh.") else { continue };
            let folder = path::parent(path).unwrap_or("/");
            let (at, opaque) = match hidden {
                ".wh..opq" => (folder.to_owned(), true),
                name => (path::join(folder, name), false),
            };
            remove_below(&mut seen, &at, !opaque);
        }
        for (path, node) in index.tree().iter().filter(|(path, _)| !path::file_name(path).starts_with(".wh.")) {
            let before = seen.get(path).is_some_and(|before| before.node.is_directory());
            // A layer without an entry for this folder changes nothing of the lower layer's folder.
            if before && index.is_implied(path) {
                continue;
            }
            if before && !node.is_directory() {
                remove_below(&mut seen, path, true);
            }
            seen.insert(path, Placed { node, content: index.content(path), layer });
        }
    }
    seen
}

/// Removes everything below a folder, and with `itself` the folder too.
fn remove_below(seen: &mut BTreeMap<&str, Placed<'_>>, at: &str, itself: bool) {
    let prefix = path::join(at, "");
    seen.retain(|path, _| !(path.starts_with(&prefix) || itself && *path == at));
}

/// The differences of two root filesystems at one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDifference {
    /// The path.
    pub path: String,
    /// The differences there.
    pub differences: Vec<Difference>,
}

/// One difference at a path. `before` is the first filesystem's value, `after` the second one's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Difference {
    /// Only the first has the path.
    Gone {
        /// The kind of entry.
        kind: String,
    },
    /// Only the second has the path.
    New {
        /// The kind of entry.
        kind: String,
    },
    /// The kinds differ, or the targets of links.
    Kind {
        /// As "a link to `x`".
        before: String,
        /// The second one's value.
        after: String,
    },
    /// The permission bits.
    Mode {
        /// In octal.
        before: String,
        /// In octal.
        after: String,
    },
    /// The owner.
    Owner {
        /// Numbers of user and group: `0:0`.
        before: String,
        /// The second one's value.
        after: String,
    },
    /// An extended attribute.
    Attribute {
        /// Its full name.
        name: String,
        /// Its bytes in hexadecimal; `None` if it is absent.
        before: Option<String>,
        /// The second one's value.
        after: Option<String>,
    },
    /// The length of a file.
    Size {
        /// In bytes.
        before: u64,
        /// In bytes.
        after: u64,
    },
    /// The content of a file.
    Content(ContentDifference),
}

/// Compares two root filesystems at each path. Calls `inspect` for files whose contents differ.
///
/// # Errors
/// Those of `inspect`.
pub fn compare<'layers, E>(
    before: &BTreeMap<&str, Placed<'layers>>,
    after: &BTreeMap<&str, Placed<'layers>>,
    mut inspect: impl FnMut(&Placed<'layers>, &Placed<'layers>) -> Result<Option<ContentDifference>, E>,
) -> Result<Vec<FileDifference>, E> {
    let paths: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let mut all = Vec::new();
    for path in paths {
        let differences = match (before.get(path), after.get(path)) {
            (Some(before), Some(after)) => {
                let mut differences = of_nodes(before.node, after.node);
                if let (Some(old), Some(new)) = (before.content, after.content)
                    && old.sha256 != new.sha256
                {
                    differences.extend(inspect(before, after)?.map(Difference::Content));
                }
                differences
            }
            (Some(before), None) => vec![Difference::Gone { kind: kind(before.node) }],
            (None, Some(after)) => vec![Difference::New { kind: kind(after.node) }],
            (None, None) => Vec::new(),
        };
        if !differences.is_empty() {
            all.push(FileDifference { path: path.to_owned(), differences });
        }
    }
    Ok(all)
}

fn of_nodes(before: &Node, after: &Node) -> Vec<Difference> {
    let mut differences = Vec::new();
    if kind(before) != kind(after) {
        differences.push(Difference::Kind { before: kind(before), after: kind(after) });
    }
    if before.mode != after.mode {
        let octal = |node: &Node| format!("{:04o}", node.mode);
        differences.push(Difference::Mode { before: octal(before), after: octal(after) });
    }
    if (before.uid, before.gid) != (after.uid, after.gid) {
        let owner = |node: &Node| format!("{}:{}", node.uid, node.gid);
        differences.push(Difference::Owner { before: owner(before), after: owner(after) });
    }
    let names: BTreeSet<&String> = before.xattrs.keys().chain(after.xattrs.keys()).collect();
    for name in names.into_iter().filter(|name| before.xattrs.get(*name) != after.xattrs.get(*name)) {
        let value = |node: &Node| node.xattrs.get(name).map(hex::encode);
        differences.push(Difference::Attribute { name: name.clone(), before: value(before), after: value(after) });
    }
    if let (NodeKind::File { size: old }, NodeKind::File { size: new }) = (&before.kind, &after.kind)
        && old != new
    {
        differences.push(Difference::Size { before: *old, after: *new });
    }
    differences
}

fn kind(node: &Node) -> String {
    match &node.kind {
        NodeKind::File { .. } => "a file".to_owned(),
        NodeKind::Directory => "a folder".to_owned(),
        NodeKind::Symlink { target } => format!("a link to `{target}`"),
        NodeKind::HardLink { target } => format!("a hard link to `{target}`"),
    }
}

impl Difference {
    /// Formats a line for each difference; `before` and `after` name the two filesystems.
    #[must_use]
    pub fn lines(&self, before: &str, after: &str) -> Vec<String> {
        let pair = |what: &str, old: &dyn fmt::Display, new: &dyn fmt::Display| {
            vec![format!("{what}: {old} {before}, {new} {after}")]
        };
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Difference::Gone { kind } => vec![format!("{kind}, {before} only")],
            Difference::New { kind } => vec![format!("{kind}, {after} only")],
            Difference::Kind { before: old, after: new } => pair("kind", old, new),
            Difference::Mode { before: old, after: new } => pair("mode", old, new),
            Difference::Owner { before: old, after: new } => pair("owner", old, new),
            Difference::Attribute { name, before: old, after: new } => pair(name, &value(old), &value(new)),
            Difference::Size { before: old, after: new } => {
                pair("size", &format!("{old} bytes"), &format!("{new} bytes"))
            }
            Difference::Content(content) => content.lines(before, after),
        }
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
