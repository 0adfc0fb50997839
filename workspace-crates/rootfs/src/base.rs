//! An image on top of another: what is below it, and what it changes of that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::{Error, FileContent, FileTree, Globs, Index, LdCache, Node, NodeKind, Placed, Reason, Source, Start, path};

/// The image that another one begins with.
#[derive(Debug)]
pub struct Base {
    name: String,
    /// What a container of it sees, without hard links: each of a file's paths is a file.
    image: Index,
    /// Which of its layers has each path.
    layers: BTreeMap<String, usize>,
    /// The ROOT that it was chosen of; empty for one from anywhere.
    root: Index,
    /// Whether it is one from anywhere, or stands on one.
    is_foreign: bool,
}

/// Who there is in an image: of one from anywhere, whatever ROOT says.
pub const ACCOUNTS: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// What an image has otherwise than the one below it. Sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What it adds, or has otherwise.
    pub added: Vec<String>,
    /// What it does not have, without what lies below that.
    pub removed: Vec<String>,
}

impl Base {
    /// An image of this name with what is seen of its layers ([`stack`](crate::stack)), whose archives are these files of the host,
    /// and which was chosen of this ROOT.
    ///
    /// # Errors
    /// [`Error::Insert`] and its like for layers that are none of one file system.
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
                // A higher layer may have something else where its target is.
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

    /// Whether it is an image from anywhere, or stands on one: then nothing is known of some of its files, which are neither
    /// followed nor checked, and are [completed](Self::complete) instead of selected.
    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn image(&self) -> &Index {
        &self.image
    }

    /// Which of its layers has what stands at a path, the lowest being 0.
    pub fn layer(&self, at: &str) -> Option<usize> {
        self.layers.get(at).copied()
    }

    /// Lays the image over a ROOT that was merged on top of its own: what no package has changed since is as the image has it. Of an
    /// image from anywhere, which has no ROOT, that is what ROOT lacks, as far as the folders of both allow it. Gives the files and
    /// links that were laid, each by its path in ROOT with that in the image: they differ where a folder of the image is a link in
    /// ROOT.
    ///
    /// # Errors
    /// Those of [`Index::insert`].
    pub fn lay_over(&self, root: &mut Index) -> Result<BTreeMap<String, String>, Error> {
        let is_below_link =
            |at: &str| path::parents(at).any(|above| root.tree().get(above).is_some_and(Node::is_symlink));
        let all = self.image.tree().iter().map(|(at, _)| at).filter(|at| *at != "/");
        // What the image has at the very path comes before what only a link of ROOT leads there.
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
                // A folder of both may hold what the image has at either path.
                Ok(_) if node.is_directory() => {}
                Ok(real) => drop(laid.insert(real, at.to_owned())),
                Err(_) if self.is_foreign => {}
                Err(error) => return Err(error),
            }
        }
        Ok(laid)
    }

    /// What an image on top of it starts from, of an index over which it was laid: all that is still there and that the user wants;
    /// nothing on top of an image from anywhere.
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

    /// The paths of an index that the base's ROOT has alike, or an image from anywhere: who chose the image below has decided about
    /// them.
    pub fn decided(&self, index: &Index) -> BTreeSet<String> {
        let of = |below: &Index| -> Vec<String> {
            let alike = below.tree().iter().filter(|(at, _)| same(below, index, at));
            alike.map(|(at, _)| at.to_owned()).collect()
        };
        let mut decided: BTreeSet<String> = of(&self.root).into_iter().collect();
        decided.extend(self.is_foreign.then(|| of(&self.image)).into_iter().flatten());
        decided
    }

    /// Of what was [laid](Self::lay_over), the paths of an index that are still the image's, if that is one from anywhere: what they
    /// need was never known. ROOT's own file may be the same as one of the image, and is followed.
    pub fn unfollowed(&self, index: &Index, laid: &BTreeMap<String, String>) -> BTreeSet<String> {
        let is_its_own = |(real, at): &(&String, &String)| self.is_foreign && same_at((index, real), (&self.image, at));
        laid.iter().filter(is_its_own).map(|(real, _)| real.clone()).collect()
    }

    /// The linker cache that it has.
    pub fn ld_cache(&self) -> LdCache {
        let cache = self.image.content("/etc/ld.so.cache").and_then(|content| match &content.source {
            Source::Bytes(bytes) => LdCache::parse(bytes).ok(),
            _ => None,
        });
        cache.unwrap_or_default()
    }

    /// What an image has otherwise.
    pub fn changes(&self, image: &Index) -> Changes {
        let paths = |index: &'_ Index| index.tree().iter().map(|(at, _)| at.to_owned()).collect::<Vec<_>>();
        let added = paths(image).into_iter().filter(|at| at != "/" && !same(&self.image, image, at)).collect();
        let is_gone = |at: &str| image.tree().get(at).is_none();
        let removed = paths(&self.image).into_iter().filter(|at| {
            // What replaces a folder takes what was in it with it.
            let above = path::parent(at).and_then(|above| image.tree().get(above));
            is_gone(at) && above.is_some_and(Node::is_directory)
        });
        Changes { added, removed: removed.collect() }
    }
}

/// The size of a content of a layer.
fn size_of(content: &FileContent) -> u64 {
    match &content.source {
        Source::Archive { size, .. } | Source::Part { size, .. } => *size,
        Source::Bytes(bytes) => bytes.len() as u64,
        // No layer has one.
        Source::Host { .. } => 0,
    }
}

/// A content of a layer, whose archive is another one than that of the image on top.
fn of_layer(content: &FileContent, archive: Option<&PathBuf>) -> FileContent {
    match (&content.source, archive) {
        (Source::Archive { offset, size }, Some(path)) => {
            let source = Source::Part { path: path.clone(), offset: *offset, size: *size };
            FileContent { source, ..content.clone() }
        }
        _ => content.clone(),
    }
}

/// Whether two trees have the same at a path, or both have nothing.
fn same(one: &Index, other: &Index, at: &str) -> bool {
    same_at((one, at), (other, at))
}

/// Whether two trees have the same, each at its path. Of a file's paths, it is no matter which is the first.
pub(crate) fn same_at(one: (&Index, &str), other: (&Index, &str)) -> bool {
    let of = |(index, at): (&'_ Index, &str)| -> Option<(Node, Option<String>)> {
        let mut node = index.tree().get(at)?.clone();
        let content: Option<&FileContent> = index.content(at);
        if content.is_some() {
            // The digest tells the size as well.
            node.kind = NodeKind::File { size: 0 };
        }
        Some((node, content.map(|content| content.sha256.clone())))
    };
    of(one) == of(other)
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
    fn the_image_lies_over_what_no_package_has_changed() {
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
    fn an_image_from_anywhere_gives_what_root_lacks() {
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
    fn a_folder_that_stands_twice_in_the_image_stands_once_in_root() {
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
    fn only_what_is_otherwise_is_a_change() {
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
