//! An image on top of one from anywhere: both were made by people who knew nothing of each other, so their folders and links may
//! differ, and what is below is neither followed nor checked.

use std::collections::BTreeMap;

use crate::{
    Base, Closure, Error, FileContent, FileTree, Finding, Globs, Index, Node, NodeKind, Patterns, Reason, path,
};

/// An image with what it begins with.
#[derive(Debug)]
pub struct Completed {
    /// All that a container sees.
    pub image: Index,
    /// Where selected paths stand now whose folders are links below: by the path that was selected.
    pub moved: BTreeMap<String, String>,
}

/// An image, while what was selected is put over what is below.
struct Completion<'a> {
    image: Index,
    moved: BTreeMap<String, String>,
    /// Selected links where the image below has a folder: that one's path, and the folder that the link leads to.
    links: Vec<(String, String)>,
    /// Files of the image below that are others now.
    replaced: Vec<String>,
    closure: &'a mut Closure,
}

impl Base {
    /// Puts a selection over the image below, of which `prune` and `remove` take away what they match, and gives each path its reason.
    /// A folder that is a link below is that link's target. Where a selected link is a folder below, what was selected of its
    /// target gets links in that folder. `elsewhere` are the paths that the image has at others ([`Base::lay_over`]).
    ///
    /// # Errors
    /// [`Error::Insert`] where one has a folder and the other a file.
    pub fn complete(
        &self,
        selected: &Index,
        closure: &mut Closure,
        globs: &Globs,
        elsewhere: BTreeMap<String, String>,
    ) -> Result<Completed, Error> {
        let stays = |at: &&str| globs.prune.find(at).is_none() && globs.remove.find(at).is_none();
        let below: Vec<&str> = self.image().tree().iter().map(|(at, _)| at).filter(stays).collect();
        let image = self.image().select(below.iter().copied())?;
        let is_put = |at: &str| at != "/" && !elsewhere.contains_key(at);
        let mut completion =
            Completion { image, moved: elsewhere.clone(), links: Vec::new(), replaced: Vec::new(), closure };
        for (at, node) in selected.tree().iter().filter(|(at, _)| is_put(at)) {
            completion.put(at, node, selected.content(at))?;
        }
        completion.link(selected.tree())?;
        let Completion { image, moved, replaced, closure, .. } = completion;
        closure.rename(&moved);
        for (at, _) in image.tree().iter().filter(|(at, _)| self.image().tree().get(at).is_some()) {
            closure.add(at, Reason::Base { image: self.name().to_owned() });
        }
        closure.add_parents();
        closure.findings.retain(|finding| !self.is_matched(finding));
        closure.findings.insert(Finding::ForeignBase { image: self.name().to_owned(), replaced });
        Ok(Completed { image, moved })
    }

    /// Whether a finding says of a glob that it matches nothing, while it matches something of the image.
    fn is_matched(&self, finding: &Finding) -> bool {
        let (Finding::UnmatchedPrune { pattern, .. } | Finding::UnmatchedRemove { pattern, .. }) = finding else {
            return false;
        };
        let globs = Patterns::new([pattern]);
        globs.is_ok_and(|globs| self.image().tree().iter().any(|(at, _)| globs.find(at).is_some()))
    }
}

impl Completion<'_> {
    fn put(&mut self, at: &str, node: &Node, content: Option<&FileContent>) -> Result<(), Error> {
        let to = self.place(at);
        let there = self.image.tree().get(&to).map(|there| there.kind.clone());
        match (&node.kind, there) {
            (NodeKind::Directory, Some(NodeKind::Directory)) if self.closure.reason(at) != Some(&Reason::Declared) => {}
            (NodeKind::Directory, Some(NodeKind::Symlink { .. })) => {
                let real = self.image.tree().resolve(&to)?.path;
                // Whatever is put into it says that it is none, if so.
                self.moved.insert(at.to_owned(), real);
            }
            (NodeKind::Symlink { target }, Some(NodeKind::Directory)) => self.links.push((to, target.clone())),
            _ => {
                let is_another = self.replace(&to, node, content)?;
                // What the user wants to be another needs no mention.
                if is_another && self.closure.reason(at) != Some(&Reason::Declared) {
                    self.replaced.push(to);
                }
            }
        }
        Ok(())
    }

    /// Where a selected path stands: below where its folder does.
    fn place(&mut self, at: &str) -> String {
        let moved = path::parent(at).and_then(|above| self.moved.get(above));
        match moved.map(|above| path::join(above, path::file_name(at))) {
            None => at.to_owned(),
            Some(to) => {
                self.moved.insert(at.to_owned(), to.clone());
                to
            }
        }
    }

    /// Whether it is in the place of something else.
    fn replace(&mut self, to: &str, node: &Node, content: Option<&FileContent>) -> Result<bool, Error> {
        let seen = |image: &Index| match (image.tree().get(to).map(|node| &node.kind), image.content(to)) {
            (_, Some(content)) => Some(content.sha256.clone()),
            (Some(NodeKind::Symlink { target }), None) => Some(format!("-> {target}")),
            _ => None,
        };
        let before = seen(&self.image);
        match (&node.kind, content) {
            (NodeKind::File { size }, Some(content)) => {
                self.image.insert_file(to, node.clone(), *size, content.clone())?;
            }
            (NodeKind::HardLink { target }, _) => {
                let target = self.moved.get(target).unwrap_or(target).clone();
                self.image.insert(to, Node { kind: NodeKind::HardLink { target }, ..node.clone() })?;
            }
            _ => drop(self.image.insert(to, node.clone())?),
        }
        Ok(before.is_some() && before != seen(&self.image))
    }

    /// Links what was selected behind links of folders that are no links below.
    fn link(&mut self, selected: &FileTree) -> Result<(), Error> {
        for (folder, target) in std::mem::take(&mut self.links) {
            self.closure.remove(&folder);
            let above = path::parent(&folder).unwrap_or("/");
            let target = if target.starts_with('/') { target } else { path::join(above, &target) };
            let Ok(real) = selected.resolve(&target) else { continue };
            let is_child = |at: &&str| path::parent(at) == Some(real.path.as_str());
            let children: Vec<String> =
                selected.below(&real.path).map(|(at, _)| at).filter(is_child).map(str::to_owned).collect();
            for child in children {
                let at = path::join(&folder, path::file_name(&child));
                let to = self.moved.get(&child).unwrap_or(&child).clone();
                if at != to {
                    let is_another = self.replace(&at, &Node::symlink(to), None)?;
                    self.replaced.extend(is_another.then(|| at.clone()));
                    self.closure.add(&at, Reason::LinkTo { path: child });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Start;
    use crate::base::tests::{base_from_elsewhere, index};

    /// What comes of a selection on top of an image: each path that is another than below, and the findings.
    fn completed(below: &str, selected: &str, globs: &Globs) -> Result<(Vec<String>, Closure), Error> {
        let (base, selected) = (base_from_elsewhere(below), index(selected));
        let mut closure = Closure::default();
        for (at, node) in selected.tree().iter().filter(|(_, node)| !node.is_directory()) {
            let reason = if node.is_symlink() { Reason::Merged } else { Reason::Program };
            let Start { path, reason } = Start { reason, path: at.to_owned() };
            closure.add(&path, reason);
        }
        let Completed { image, .. } = base.complete(&selected, &mut closure, globs, BTreeMap::new())?;
        let changes = base.changes(&image);
        let text = |at: &String| match &image.tree().get(at).unwrap().kind {
            NodeKind::Symlink { target } => format!("{at} -> {target}"),
            _ => format!("{at} ({})", closure.reason(at).map_or("none", Reason::label)),
        };
        let removed = changes.removed.iter().map(|at| format!("no {at}"));
        Ok((changes.added.iter().map(text).chain(removed).collect(), closure))
    }

    fn replaced(closure: &Closure) -> Vec<String> {
        let of = |finding: &Finding| match finding {
            Finding::ForeignBase { replaced, .. } => replaced.clone(),
            _ => Vec::new(),
        };
        closure.findings.iter().flat_map(of).collect()
    }

    #[test]
    fn folders_and_links_are_those_of_below() {
        let ours = "/lib64 -> usr/lib64\n/usr/lib64/ld.so 2\n/usr/lib64/libc.so 2\n/usr/bin/p program";
        let cases: [(&str, &str, &[&str], &[&str]); 5] = [
            // Alike: only files are new.
            (
                "merged",
                "/lib64 -> usr/lib64\n/usr/lib64/ld.so 1\n/bin -> usr/bin\n/usr/bin/sh 1",
                &["/usr/bin/p (program)", "/usr/lib64/ld.so (program)", "/usr/lib64/libc.so (program)"],
                &["/usr/lib64/ld.so"],
            ),
            (
                "another libc",
                "/lib/ld-musl.so 1\n/bin/sh 1",
                &[
                    "/lib64 -> usr/lib64",
                    "/usr (directory)",
                    "/usr/bin (directory)",
                    "/usr/bin/p (program)",
                    "/usr/lib64 (directory)",
                    "/usr/lib64/ld.so (program)",
                    "/usr/lib64/libc.so (program)",
                ],
                &[],
            ),
            (
                "a folder where we have a link",
                "/lib64/ld.so -> ../lib/ld.so\n/lib/ld.so 1\n/usr/bin/sh 1",
                &[
                    "/lib64/ld.so -> /usr/lib64/ld.so",
                    "/lib64/libc.so -> /usr/lib64/libc.so",
                    "/usr/bin/p (program)",
                    "/usr/lib64 (directory)",
                    "/usr/lib64/ld.so (program)",
                    "/usr/lib64/libc.so (program)",
                ],
                &["/lib64/ld.so"],
            ),
            (
                "a link where we have a folder",
                "/lib64 -> usr/lib\n/usr/lib64 -> lib\n/usr/lib/ld.so 2\n/usr/bin/sh 1",
                &["/lib64 -> usr/lib64", "/usr/bin/p (program)", "/usr/lib/libc.so (program)"],
                &["/lib64"],
            ),
            (
                "a link to a file",
                "/lib64 -> usr/lib64\n/usr/bin/p -> q\n/usr/bin/q 1\n/usr/lib64/ld.so 2\n/usr/lib64/libc.so 2",
                &["/usr/bin/p (program)"],
                &["/usr/bin/p"],
            ),
        ];
        for (name, below, expected, expected_replaced) in cases {
            let (changes, closure) = completed(below, ours, &Globs::default()).unwrap();
            assert_eq!(changes, expected, "{name}");
            assert_eq!(replaced(&closure), expected_replaced, "{name}");
        }
    }

    #[test]
    fn what_moved_is_known_by_its_new_path() {
        let (_, closure) =
            completed("/usr/lib64 -> lib\n/usr/lib/x 1", "/usr/lib64/y 1\n/a -> usr/lib64/y", &Globs::default())
                .unwrap();
        assert_eq!(closure.reason("/usr/lib/y"), Some(&Reason::Program));
        assert_eq!(closure.reason("/usr/lib64/y"), None);
        assert_eq!(closure.reason("/usr/lib64").map(Reason::label), Some("base image"));
        let mut closure = Closure::default();
        closure.add("/a/b", Reason::Program);
        closure.add("/c", Reason::Interpreter { of: "/a/b".into() });
        closure.add("/d", Reason::TargetOf { link: "/c".into() });
        closure.rename(&BTreeMap::from([("/a/b".into(), "/x/b".into()), ("/c".into(), "/x/c".into())]));
        let chain: Vec<&str> = closure.chain("/d").into_iter().map(|(at, _)| at).collect();
        assert_eq!(chain, ["/x/b", "/x/c", "/d"]);
    }

    #[test]
    fn what_the_user_does_not_want_is_taken_away() {
        let globs = Globs {
            prune: Patterns::new(["/usr/share/doc"]).unwrap(),
            remove: Patterns::new(["/etc/*.d/x"]).unwrap(),
            ..Globs::default()
        };
        let below = "/usr/share/doc/a 1\n/etc/a.d/x 1\n/etc/a.d/y 1";
        let (changes, _) = completed(below, "/p 1", &globs).unwrap();
        assert_eq!(changes, ["/p (program)", "no /etc/a.d/x", "no /usr/share/doc"]);
    }

    #[test]
    fn what_only_a_link_of_root_leads_to_stays_where_it_is() {
        let base = base_from_elsewhere("/bin/sh 1\n/bin/x 1");
        let mut root = index("/bin -> usr/bin\n/usr/bin/script 1");
        let elsewhere = base.lay_over(&mut root).unwrap();
        let selected = root.select(["/bin", "/usr/bin/script", "/usr/bin/sh"]).unwrap();
        let mut closure = Closure::default();
        closure.add("/usr/bin/script", Reason::Program);
        closure.add("/usr/bin/sh", Reason::ScriptInterpreter { of: "/usr/bin/script".into() });
        let pattern = "/bin/x".to_owned();
        closure.findings.insert(Finding::UnmatchedRemove { pattern: pattern.clone(), nearest: None });
        let globs = Globs { remove: Patterns::new([&pattern]).unwrap(), ..Globs::default() };
        let Completed { image, .. } = base.complete(&selected, &mut closure, &globs, elsewhere).unwrap();
        let paths: Vec<&str> = image.tree().iter().map(|(at, _)| at).collect();
        assert_eq!(paths, ["/", "/bin", "/bin/script", "/bin/sh", "/usr", "/usr/bin", "/usr/bin/script"]);
        assert_eq!(closure.reason("/bin/sh").map(Reason::label), Some("script interpreter"));
        assert_eq!(closure.findings.len(), 1, "{:?}", closure.findings);
    }

    #[test]
    fn a_folder_and_a_file_cannot_stand_at_one_place() {
        for (below, selected) in [("/a/b 1", "/a 2"), ("/a 1", "/a/b 2"), ("/l -> a\n/a 1", "/l/b 2")] {
            let error = completed(below, selected, &Globs::default()).unwrap_err();
            assert!(error.to_string().contains("/a"), "{below}: {error}");
        }
    }
}
