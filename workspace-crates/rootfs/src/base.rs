//! Base images: the files below an image, and the changes that the image makes to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::{Error, FileContent, FileTree, Globs, Index, LdCache, Node, NodeKind, Placed, Reason, Source, Start, path};

/// The base image of another image.
#[derive(Debug)]
pub struct Base {
    name: String,
    /// The files that a container of it sees, without hard links: each path of a file is a file.
    image: Index,
    /// The number of each path's layer.
    layers: BTreeMap<String, usize>,
    /// The ROOT that it was selected from; empty for an external base.
    root: Index,
    /// Whether it is an external base, or is built on one.
    is_foreign: bool,
}

/// The accounts of an image. Those of an external base take precedence over ROOT's.
pub const ACCOUNTS: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// The changes of an image to its base, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Added and changed paths.
    pub added: Vec<String>,
    /// Removed paths, without those below a removed or replaced folder.
    pub removed: Vec<String>,
}

impl Base {
    /// A base of this name with its [stacked](crate::stack) layers, the files of the host that contain them, and the ROOT that it
    /// was selected from.
    ///
    /// # Errors
    /// [`Error::Insert`] and similar errors for layers that contradict each other.
    pub fn new(
        name: &str,
        layers: &BTreeMap<&str, Placed<'_>>,
        archives: &[PathBuf],
        root: Index,
        is_foreign: bool,
    ) -> Result<Self, Error> {
        let (mut nodes, mut files) = (BTreeMap::new(), BTreeMap::new());
        for (at, placed) in layers {
            let mut node = placed.node.clone();
            if let (NodeKind::HardLink { .. }, Some(content)) = (&node.kind, placed.content) {
                // A higher layer may replace the link's target.
                node.kind = NodeKind::File { size: size_of(content) };
            }
            if let NodeKind::File { .. } = node.kind {
                files.extend(
                    placed.content.map(|content| ((*at).to_owned(), of_layer(content, archives.get(placed.layer)))),
                );
            }
            nodes.insert((*at).to_owned(), node);
        }
        let image = Index::from_parts(FileTree::try_from(nodes)?, files)?;
        let layers = layers.iter().map(|(at, placed)| ((*at).to_owned(), placed.layer)).collect();
        Ok(Self { name: name.to_owned(), image, layers, root, is_foreign })
    }

    /// Whether it is an external base, or is built on one. The needs of its files are then neither followed nor checked, and an
    /// image on top is [completed](Self::complete) instead of selected.
    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn image(&self) -> &Index {
        &self.image
    }

    /// The number of a path's layer; the lowest is 0.
    pub fn layer(&self, at: &str) -> Option<usize> {
        self.layers.get(at).copied()
    }

    /// Lays the base over a ROOT that was merged on top of the base's own: paths that no package has changed since become as in the
    /// base. An external base has no ROOT: it adds the paths that ROOT lacks, unless a folder of one is a file of the other.
    /// Returns the files and links that it laid, by their path in ROOT, with their path in the base. These differ if a folder of the
    /// base is a link in ROOT.
    ///
    /// # Errors
    /// Those of [`Index::insert`].
    pub fn lay_over(&self, root: &mut Index) -> Result<BTreeMap<String, String>, Error> {
        let is_below_link =
            |at: &str| path::parents(at).any(|above| root.tree().get(above).is_some_and(Node::is_symlink));
        let all = self.image.tree().iter().map(|(at, _)| at).filter(|at| *at != "/");
        // A path that the base has itself precedes one that only a link of ROOT leads to.
        let (by_links, straight): (Vec<&str>, Vec<&str>) = all.partition(|at| is_below_link(at));
        let mut laid = BTreeMap::new();
        for at in straight.into_iter().chain(by_links) {
            let Some(node) = self.image.tree().get(at) else { continue };
            let is_known = same(&self.root, root, at) || (self.is_foreign && ACCOUNTS.contains(&at));
            let has_by_link = || root.tree().get(at).is_none() && root.tree().resolve(at).is_ok();
            if !is_known || same(&self.image, root, at) || (self.is_foreign && has_by_link()) {
                continue;
            }
            let inserted = match (&node.kind, self.image.content(at)) {
                (NodeKind::File { size }, Some(content)) => root.insert_file(at, node.clone(), *size, content.clone()),
                _ => root.insert(at, node.clone()),
            };
            match inserted {
                // Both may have the folder: only files and links count as laid.
                Ok(_) if node.is_directory() => {}
                Ok(real) => drop(laid.insert(real, at.to_owned())),
                Err(_) if self.is_foreign => {}
                Err(error) => return Err(error),
            }
        }
        Ok(laid)
    }

    /// The starts of an image on top of it, in an index over which it was laid: every path that is still present and that no glob
    /// keeps out. Empty for an external base.
    pub fn starts(&self, index: &Index, globs: &Globs) -> Vec<Start> {
        if self.is_foreign {
            return Vec::new();
        }
        let is_kept = |at: &str| {
            at != "/"
                && globs.prune.find(at).is_none()
                && globs.remove.find(at).is_none()
                && index.tree().get(at).is_some()
        };
        let reason = Reason::Base { image: self.name.clone() };
        let start = |at: &str| Start { reason: reason.clone(), path: at.to_owned() };
        self.image.tree().iter().filter(|(at, _)| is_kept(at)).map(|(at, _)| start(at)).collect()
    }

    /// The paths of an index that are equal in the base's ROOT, or in an external base. The base's own selection has decided about
    /// them.
    pub fn decided(&self, index: &Index) -> BTreeSet<String> {
        let equal_paths = |other: &Index| -> Vec<String> {
            let equal = other.tree().iter().filter(|(at, _)| same(other, index, at));
            equal.map(|(at, _)| at.to_owned()).collect()
        };
        let mut decided: BTreeSet<String> = equal_paths(&self.root).into_iter().collect();
        decided.extend(self.is_foreign.then(|| equal_paths(&self.image)).into_iter().flatten());
        decided
    }

    /// The [laid](Self::lay_over) paths of an index that are still an external base's: their needs are unknown. A file of ROOT's own
    /// is followed even if the base has an equal one.
    pub fn unfollowed(&self, index: &Index, laid: &BTreeMap<String, String>) -> BTreeSet<String> {
        let is_its_own = |(real, at): &(&String, &String)| self.is_foreign && same_at((index, real), (&self.image, at));
        laid.iter().filter(is_its_own).map(|(real, _)| real.clone()).collect()
    }

    /// Whether it has something at a path; links are followed.
    pub fn has(&self, at: &str) -> bool {
        self.image.tree().resolve(at).is_ok()
    }

    /// Its linker cache; empty if it has none, or a malformed one.
    pub fn ld_cache(&self) -> LdCache {
        let cache = self.image.content("/etc/ld.so.cache").and_then(|content| match &content.source {
            Source::Bytes(bytes) => LdCache::parse(bytes).ok(),
            _ => None,
        });
        cache.unwrap_or_default()
    }

    /// The changes of an image on top of it.
    pub fn changes(&self, image: &Index) -> Changes {
        let paths = |index: &'_ Index| index.tree().iter().map(|(at, _)| at.to_owned()).collect::<Vec<_>>();
        let added = paths(image).into_iter().filter(|at| at != "/" && !same(&self.image, image, at)).collect();
        let is_gone = |at: &str| image.tree().get(at).is_none();
        let removed = paths(&self.image).into_iter().filter(|at| {
            // A removed or replaced folder takes its content with it.
            let above = path::parent(at).and_then(|above| image.tree().get(above));
            is_gone(at) && above.is_some_and(Node::is_directory)
        });
        Changes { added, removed: removed.collect() }
    }
}

/// The size of a layer's file.
fn size_of(content: &FileContent) -> u64 {
    match &content.source {
        Source::Archive { size, .. } | Source::Part { size, .. } => *size,
        Source::Bytes(bytes) => bytes.len() as u64,
        // No layer has such a source.
        Source::Host { .. } => 0,
    }
}

/// Makes a layer's content independent of the archive that the image on top is selected from.
fn of_layer(content: &FileContent, archive: Option<&PathBuf>) -> FileContent {
    match (&content.source, archive) {
        (Source::Archive { offset, size }, Some(path)) => {
            let source = Source::Part { path: path.clone(), offset: *offset, size: *size };
            FileContent { source, ..content.clone() }
        }
        _ => content.clone(),
    }
}

/// Whether two trees are equal at a path, or both lack it.
fn same(one: &Index, other: &Index, at: &str) -> bool {
    same_at((one, at), (other, at))
}

/// Whether two trees are equal, each at its own path. Files and hard links to them are equal.
pub(crate) fn same_at(one: (&Index, &str), other: (&Index, &str)) -> bool {
    let entry = |(index, at): (&'_ Index, &str)| -> Option<(Node, Option<String>)> {
        let mut node = index.tree().get(at)?.clone();
        let content: Option<&FileContent> = index.content(at);
        if content.is_some() {
            // The digest covers the size.
            node.kind = NodeKind::File { size: 0 };
        }
        Some((node, content.map(|content| content.sha256.clone())))
    };
    entry(one) == entry(other)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::stack;

    /// A tree of lines: a path, then a link's target behind `->`, `/` for a folder, or the content of a file.
    pub(crate) fn index(lines: &str) -> Index {
        let mut index = Index::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (at, what) = line.split_once(' ').unwrap();
            match what.strip_prefix("-> ") {
                Some(target) => drop(index.insert(at, Node::symlink(target)).unwrap()),
                None if what == "/" => drop(index.insert(at, Node::directory()).unwrap()),
                None => {
                    let node = Node::new(NodeKind::File { size: 0 }, 0o644);
                    let content = FileContent::of_bytes(what.into());
                    index.insert_file(at, node, what.len() as u64, content).unwrap();
                }
            }
        }
        index
    }

    fn base(image: &str, root: &str) -> Base {
        let layers = [index(image)];
        Base::new("a", &stack(&layers), &[], index(root), false).unwrap()
    }

    pub(crate) fn base_from_elsewhere(image: &str) -> Base {
        let layers = [index(image)];
        Base::new("x:1", &stack(&layers), &[], Index::new(), true).unwrap()
    }

    fn text(index: &Index, at: &str) -> Option<String> {
        Some(index.content(at)?.sha256[..8].to_owned())
    }

    #[test]
    fn base_covers_unchanged_paths() {
        let base = base(
            "/etc/x mine\n/bin/p program\n/usr/lib/l 1\n/usr/lib/gone 1",
            "/etc/x theirs\n/usr/lib/l 1\n/usr/lib/gone 1\n/usr/include/h 1",
        );
        let mut root = index("/etc/x theirs\n/usr/lib/l 2\n/usr/include/h 1\n/usr/lib/new 1");
        base.lay_over(&mut root).unwrap();
        let like = |text: &str| text_of(text);
        assert_eq!(text(&root, "/etc/x"), like("mine"), "declared for the image below");
        assert_eq!(text(&root, "/bin/p"), like("program"));
        assert_eq!(text(&root, "/usr/lib/l"), like("2"), "merged on top");
        assert_eq!(text(&root, "/usr/lib/gone"), None, "unmerged on top");
        let decided: Vec<_> = base.decided(&root).into_iter().filter(|at| root.content(at).is_some()).collect();
        assert_eq!(decided, ["/usr/include/h"]);
        let globs = Globs { prune: crate::Patterns::new(["/bin/p"]).unwrap(), ..Globs::default() };
        let starts: Vec<_> = base.starts(&root, &globs).into_iter().map(|start| start.path).collect();
        assert_eq!(starts, ["/bin", "/etc", "/etc/x", "/usr", "/usr/lib", "/usr/lib/l"]);
    }

    #[test]
    fn external_base_adds_what_root_lacks() {
        let base = base_from_elsewhere("/bin/sh 1\n/etc/passwd users\n/etc/x theirs\n/usr/lib/l 1\n/lib -> usr/lib");
        let mut root = index("/bin -> usr/bin\n/usr/bin/p 1\n/etc/x mine\n/etc/passwd none\n/lib/m 1");
        let laid = base.lay_over(&mut root).unwrap();
        let laid: Vec<_> = laid.iter().map(|(real, at)| format!("{real} {at}")).collect();
        assert_eq!(laid, ["/etc/passwd /etc/passwd", "/usr/bin/sh /bin/sh", "/usr/lib/l /usr/lib/l"]);
        assert_eq!(text(&root, "/etc/passwd"), text_of("users"), "who there is");
        assert_eq!(text(&root, "/etc/x"), text_of("mine"));
        assert_eq!(text(&root, "/usr/bin/sh"), text_of("1"), "by the link of ROOT");
        assert_eq!((text(&root, "/usr/lib/l"), text(&root, "/lib/m")), (text_of("1"), text_of("1")));
        assert!(base.decided(&root).contains("/usr/lib/l") && !base.decided(&root).contains("/etc/x"));
        assert_eq!(base.starts(&root, &Globs::default()), []);
    }

    #[test]
    fn linked_folders_become_one_in_root() {
        let base = base_from_elsewhere("/lib/s/both 1\n/lib/s/a 1\n/usr/lib/s/both 2\n/usr/lib/s/b 2");
        let mut root = index("/lib -> usr/lib\n/usr/lib/x 1");
        let laid: Vec<String> =
            base.lay_over(&mut root).unwrap().iter().map(|(real, at)| format!("{real} {at}")).collect();
        assert_eq!(laid, ["/usr/lib/s/a /lib/s/a", "/usr/lib/s/b /usr/lib/s/b", "/usr/lib/s/both /usr/lib/s/both"]);
        assert_eq!(text(&root, "/usr/lib/s/both"), text_of("2"));
    }

    fn text_of(content: &str) -> Option<String> {
        Some(FileContent::of_bytes(content.into()).sha256[..8].to_owned())
    }

    #[test]
    fn equal_paths_are_no_change() {
        let base = base("/a/same 1\n/a/changed 1\n/a/gone 1\n/b/c/d 1\n/e/f 1\n/l -> a", "");
        let changes = base.changes(&index("/a/same 1\n/a/changed 2\n/a/new 1\n/e now a file\n/l -> b"));
        assert_eq!(changes.added, ["/a/changed", "/a/new", "/e", "/l"]);
        assert_eq!(changes.removed, ["/a/gone", "/b"]);
        // Which of a file's paths comes first is no matter.
        let linked = |first: &str, second: &str| {
            let mut index = index(&format!("{first} 1"));
            let kind = NodeKind::HardLink { target: first.to_owned() };
            index.insert(second, Node::new(kind, 0o644)).unwrap();
            index
        };
        let layers = [linked("/x", "/y")];
        let base = Base::new("a", &stack(&layers), &[], Index::new(), false).unwrap();
        assert_eq!(base.changes(&linked("/y", "/x")), Changes::default());
    }
}
