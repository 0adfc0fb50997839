//! The paths of a root so far, with their owners; resolves paths through the root's links.

use std::collections::HashMap;

use crate::path;

/// The most links that one path may follow, as in Linux; more are a loop.
const MAX_LINKS: usize = 40;

/// The nodes of a root, by absolute path without links in its folders.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: HashMap<String, Node>,
}

/// A folder, link or file of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A folder; `implied` if no package has declared its mode so far.
    Folder { implied: bool },
    /// A symbolic link; the owner is the number of its package.
    Link { target: String, owner: usize },
    /// A file.
    File { owner: usize },
}

impl Tree {
    pub(crate) fn get(&self, place: &str) -> Option<&Node> {
        self.nodes.get(place)
    }

    pub(crate) fn insert(&mut self, place: &str, node: Node) {
        self.nodes.insert(place.to_owned(), node);
    }

    /// The place of the normalised `path`: links among its folders are followed, its last name is not.
    pub(crate) fn place(&self, path: &str) -> Result<String, &'static str> {
        self.walk(path, false)
    }

    /// The place where `path` leads: its last name is followed too.
    pub(crate) fn follow(&self, path: &str) -> Result<String, &'static str> {
        self.walk(path, true)
    }

    fn walk(&self, path: &str, follow_last: bool) -> Result<String, &'static str> {
        let mut names: Vec<&str> = components(path).rev().collect();
        let mut place = String::with_capacity(path.len() + 4);
        let mut links = 0;
        while let Some(name) = names.pop() {
            if name == ".." {
                place.truncate(place.rfind('/').unwrap_or(0));
                continue;
            }
            place.push('/');
            place.push_str(name);
            let is_last = names.is_empty();
            if let Some(Node::Link { target, .. }) = self.nodes.get(&place).filter(|_| follow_last || !is_last) {
                links += 1;
                if links > MAX_LINKS {
                    return Err("its links form a loop");
                }
                let folder = if target.starts_with('/') { 0 } else { path::parent(&place).trim_end_matches('/').len() };
                place.truncate(folder);
                names.extend(components(target).rev());
            }
        }
        if place.is_empty() {
            place.push('/');
        }
        Ok(place)
    }

    /// The folders that no package has declared, sorted.
    pub(crate) fn implied(&self) -> Vec<String> {
        let is_implied = |node: &Node| *node == Node::Folder { implied: true };
        let mut implied: Vec<String> =
            self.nodes.iter().filter(|(_, node)| is_implied(node)).map(|(place, _)| place.clone()).collect();
        implied.sort();
        implied
    }

    /// The missing folders above `place`, outermost first; an error if one of them is a file or a link.
    pub(crate) fn missing_parents(&self, place: &str) -> Result<Vec<String>, &'static str> {
        let mut missing = Vec::new();
        let mut folder = path::parent(place);
        while folder != "/" {
            match self.nodes.get(folder) {
                None => missing.push(folder.to_owned()),
                Some(Node::Folder { .. }) => break,
                Some(_) => return Err("a folder above it is a file"),
            }
            folder = path::parent(folder);
        }
        missing.reverse();
        Ok(missing)
    }
}

fn components(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(links: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, target) in links {
            tree.insert(path, Node::Link { target: (*target).to_owned(), owner: 0 });
        }
        tree
    }

    /// A path, its place, and the place where it leads.
    type Case<'c> = (&'c str, Result<&'c str, ()>, Result<&'c str, ()>);

    #[test]
    fn paths_resolve_through_links() {
        let tree = tree(&[
            ("/lib", "usr/lib"),
            ("/usr/lib/x", "/opt/x"),
            ("/opt/x", "../srv/./y"),
            ("/up", "../../.."),
            ("/loop", "loop"),
        ]);
        let cases: &[Case<'_>] = &[
            ("/", Ok("/"), Ok("/")),
            ("/lib", Ok("/lib"), Ok("/usr/lib")),
            ("/lib/ld.so", Ok("/usr/lib/ld.so"), Ok("/usr/lib/ld.so")),
            ("/lib/x/z", Ok("/srv/y/z"), Ok("/srv/y/z")),
            ("/up/etc", Ok("/etc"), Ok("/etc")),
            ("/loop", Ok("/loop"), Err(())),
            ("/loop/a", Err(()), Err(())),
        ];
        for (path, place, follow) in cases {
            assert_eq!(tree.place(path).as_deref().map_err(|_| ()), *place, "{path}");
            assert_eq!(tree.follow(path).as_deref().map_err(|_| ()), *follow, "{path}, followed");
        }
    }

    #[test]
    fn missing_parents_are_outermost_first() {
        let mut tree = tree(&[("/a/link", "x")]);
        tree.insert("/a", Node::Folder { implied: false });
        assert_eq!(tree.missing_parents("/a/b/c/d").unwrap(), ["/a/b", "/a/b/c"]);
        assert!(tree.missing_parents("/file").unwrap().is_empty());
        assert!(tree.missing_parents("/a/link/b").is_err());
    }
}
