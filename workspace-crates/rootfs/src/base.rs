//! An image on top of another: what is below it, and what it changes of that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::{Error, FileContent, FileTree, Globs, Index, Node, NodeKind, Placed, Reason, Source, Start, path};

/// The image that another one begins with.
#[derive(Debug)]
pub struct Base {
    name: String,
    /// What a container of it sees, without hard links: each of a file's paths is a file.
    image: Index,
    /// Which of its layers has each path.
    layers: BTreeMap<String, usize>,
    /// The ROOT that it was chosen of.
    root: Index,
}

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
    ) -> Result<Self, Error> {
        let (mut nodes, mut files) = (BTreeMap::new(), BTreeMap::new());
        for (at, placed) in layers {
            let mut node = placed.node.clone();
            if let NodeKind::HardLink { target } = &node.kind {
                let file = layers.get(target.as_str()).map(|target| target.node.kind.clone());
                node.kind = file
                    .filter(|kind| matches!(kind, NodeKind::File { .. }))
                    .ok_or_else(|| Error::NotFound { path: (*at).to_owned(), at: target.clone() })?;
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
        Ok(Self { name: name.to_owned(), image, layers, root })
    }

    /// Which of its layers has what stands at a path, the lowest being 0.
    pub fn layer(&self, at: &str) -> Option<usize> {
        self.layers.get(at).copied()
    }

    /// Lays the image over a ROOT that was merged on top of its own: what no package has changed since is as the image has it.
    ///
    /// # Errors
    /// Those of [`Index::insert`].
    pub fn lay_over(&self, root: &mut Index) -> Result<(), Error> {
        for (at, node) in self.image.tree().iter().filter(|(at, _)| *at != "/") {
            if !same(&self.root, root, at) || same(&self.image, root, at) {
                continue;
            }
            match (&node.kind, self.image.content(at)) {
                (NodeKind::File { size }, Some(content)) => {
                    root.insert_file(at, node.clone(), *size, content.clone())?;
                }
                _ => drop(root.insert(at, node.clone())?),
            }
        }
        Ok(())
    }

    /// What an image on top of it starts from, of an index over which it was laid: all that is still there and that the user wants.
    pub fn starts(&self, index: &Index, globs: &Globs) -> Vec<Start> {
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

    /// The paths of an index that the base's ROOT has alike: who chose the image below has decided about them.
    pub fn decided(&self, index: &Index) -> BTreeSet<String> {
        let alike = self.root.tree().iter().filter(|(at, _)| same(&self.root, index, at));
        alike.map(|(at, _)| at.to_owned()).collect()
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

/// Whether two trees have the same at a path, or both have nothing. Of a file's paths, it is no matter which is the first.
fn same(one: &Index, other: &Index, at: &str) -> bool {
    let of = |index: &'_ Index| -> Option<(Node, Option<String>)> {
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
mod tests {
    use super::*;
    use crate::stack;

    /// A tree of lines: a path, then a link's target behind `->`, `/` for a folder, or the content of a file.
    fn index(lines: &str) -> Index {
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
        Base::new("a", &stack(&layers), &[], index(root)).unwrap()
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
        let base = Base::new("a", &stack(&layers), &[], Index::new()).unwrap();
        assert_eq!(base.changes(&linked("/y", "/x")), Changes::default());
    }
}
