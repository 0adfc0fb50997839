//! An image on an external base. The two were made independently, so their folders and links may differ, and the needs of the
//! base's files are neither followed nor checked.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{ACCOUNTS, same_at};
use crate::{
    Base, Closure, Error, FileContent, Finding, Globs, Index, LdCache, Node, NodeKind, Patterns, Reason, path,
};

/// An image merged with its external base.
#[derive(Debug)]
pub struct Completed {
    /// All files that a container sees.
    pub image: Index,
    /// The new paths of selected paths whose folders are links in the base, by the selected path.
    pub moved: BTreeMap<String, String>,
}

/// The state of merging a selection with a base.
struct Completion<'a> {
    selected: &'a Index,
    globs: &'a Globs,
    image: Index,
    moved: BTreeMap<String, String>,
    /// The selected path of each file and link that was put, by its path in the image.
    put: BTreeMap<String, &'a str>,
    /// Folders of the base at whose path the selection has a link, each with that link.
    links: Vec<(String, &'a str)>,
    /// Files of the base that were replaced.
    replaced: Vec<String>,
    closure: &'a mut Closure,
}

impl Base {
    /// Merges a selection with the base and gives each path its reason. `prune` and `remove` apply to the base's paths too. If a
    /// selected folder is a link in the base, its content goes to that link's target. If a selected link is a folder in the base,
    /// that folder gets links to the selected content of the link's target. `laid` are the paths that came from the base itself
    /// ([`Base::lay_over`]): unchanged ones keep their place in the base.
    ///
    /// # Errors
    /// [`Error::Insert`] if one has a folder and the other a file, or if two selected files get the same path.
    pub fn complete(
        &self,
        selected: &Index,
        closure: &mut Closure,
        globs: &Globs,
        laid: &BTreeMap<String, String>,
    ) -> Result<Completed, Error> {
        let below: Vec<&str> = self.image().tree().iter().map(|(at, _)| at).filter(|at| stays(globs, at)).collect();
        let image = self.image().select(below.iter().copied())?;
        let is_its_own = |real: &str, at: &str| same_at((selected, real), (self.image(), at));
        let (own, others): (Vec<_>, Vec<_>) = laid.iter().partition(|(real, at)| is_its_own(real, at));
        let own: BTreeMap<&str, &str> = own.into_iter().map(|(real, at)| (real.as_str(), at.as_str())).collect();
        let moved = own.iter().filter(|(real, at)| real != at).map(|(real, at)| ((*real).to_owned(), (*at).to_owned()));
        let mut completion = Completion {
            selected,
            globs,
            image,
            moved: moved.collect(),
            put: BTreeMap::new(),
            links: Vec::new(),
            replaced: Vec::new(),
            closure,
        };
        let wanted = wanted(selected, &own);
        for (at, node) in selected.tree().iter().filter(|(at, _)| wanted.contains(at)) {
            completion.put(at, node)?;
        }
        completion.closure.rename(&completion.moved);
        completion.link()?;
        for (real, at) in others.into_iter().filter(|(real, at)| real != at && selected.tree().get(real).is_some()) {
            let real = completion.moved.get(real).unwrap_or(real).clone();
            completion.lead(at, &real)?;
        }
        let Completion { image, moved, replaced, closure, .. } = completion;
        // A selected folder is not in the image if all of its content moved.
        for (at, _) in selected.tree().iter().filter(|(at, _)| image.tree().get(at).is_none()) {
            closure.remove(at);
        }
        for (at, _) in image.tree().iter().filter(|(at, _)| self.image().tree().get(at).is_some()) {
            closure.add(at, Reason::Base { image: self.name().to_owned() });
        }
        closure.add_parents();
        closure.findings.retain(|finding| !self.is_matched(finding));
        let of_base = libc(self.image(), |_| true);
        let older_libc = libc(selected, |at| !own.contains_key(at)).zip(of_base).filter(|(own, base)| own < base);
        let older_libc = older_libc.map(|(own, base)| [base, own]);
        closure.findings.insert(Finding::ForeignBase { image: self.name().to_owned(), replaced, older_libc });
        Ok(Completed { image, moved })
    }

    /// Whether a finding reports a glob as unmatched that matches a path of the base.
    fn is_matched(&self, finding: &Finding) -> bool {
        let (Finding::UnmatchedPrune { pattern, .. } | Finding::UnmatchedRemove { pattern, .. }) = finding else {
            return false;
        };
        let globs = Patterns::new([pattern]);
        globs.is_ok_and(|globs| self.image().tree().iter().any(|(at, _)| globs.find(at).is_some()))
    }
}

impl Closure {
    /// Notes the libraries of an external base that its own programs no longer find: their sonames lead to others.
    pub(crate) fn note_shadowed(&mut self, image: &Index, own: &LdCache, below: &LdCache) {
        let content = |path: &str| image.content(&image.tree().resolve(path).ok()?.path);
        let is_another = |path: &str, other: &str| match (content(path), content(other)) {
            (Some(one), Some(other)) => one.sha256 != other.sha256,
            _ => false,
        };
        let shadowed = below.entries().iter().filter(|entry| {
            let first = own.lookup(&entry.soname, entry.flags).next();
            first.is_some_and(|first| is_another(&first.path, &entry.path))
        });
        let shadowed: Vec<String> = shadowed.map(|entry| entry.path.clone()).collect();
        self.findings = std::mem::take(&mut self.findings)
            .into_iter()
            .map(|finding| match finding {
                Finding::ForeignBase { image, mut replaced, older_libc } => {
                    let known: BTreeSet<String> = replaced.iter().cloned().collect();
                    replaced.extend(shadowed.iter().filter(|path| !known.contains(*path)).cloned());
                    Finding::ForeignBase { image, replaced, older_libc }
                }
                other => other,
            })
            .collect();
    }
}

/// The newest version of the C library among the files of an index that `is_one` accepts.
fn libc(index: &Index, is_one: impl Fn(&str) -> bool) -> Option<(u16, u16)> {
    let files = index.files().filter(|(at, _)| is_one(at)).filter_map(|(_, content)| content.elf());
    files.filter(|elf| elf.soname.as_deref() == Some("libc.so.6")).filter_map(|elf| elf.glibc).max()
}

/// Whether no glob removes a path of the base.
fn stays(globs: &Globs, at: &str) -> bool {
    globs.prune.find(at).is_none() && globs.remove.find(at).is_none()
}

/// The selected paths to merge: all except the base's own, and folders that contain only those.
fn wanted<'a>(selected: &'a Index, own: &BTreeMap<&str, &str>) -> BTreeSet<&'a str> {
    let holding: BTreeSet<&str> = selected.tree().iter().filter_map(|(at, _)| path::parent(at)).collect();
    let paths = selected.tree().iter().map(|(at, _)| at);
    let leaves = paths.filter(|at| *at != "/" && !own.contains_key(at) && !holding.contains(at));
    leaves.flat_map(|at| std::iter::once(at).chain(path::parents(at))).collect()
}

impl<'a> Completion<'a> {
    fn put(&mut self, at: &'a str, node: &Node) -> Result<(), Error> {
        let to = self.place(at);
        let present = self.image.tree().get(&to).map(|present| present.kind.clone());
        match (&node.kind, present) {
            (NodeKind::Directory, Some(NodeKind::Directory)) if self.closure.reason(at) != Some(&Reason::Declared) => {}
            (NodeKind::Directory, Some(NodeKind::Symlink { .. })) => {
                let real = self.folder_behind(&to, node)?;
                self.moved.insert(at.to_owned(), real);
            }
            (NodeKind::Symlink { .. }, Some(NodeKind::Directory)) => self.links.push((to, at)),
            (NodeKind::Symlink { .. }, Some(NodeKind::Symlink { .. }))
                if self.closure.reason(at) != Some(&Reason::Declared)
                    && leads_to_folder(self.selected, at)
                    && leads_to_folder(&self.image, &to) =>
            {
                self.links.push((to, at));
            }
            _ => self.put_at(at, to, node)?,
        }
        Ok(())
    }

    fn put_at(&mut self, at: &'a str, to: String, node: &Node) -> Result<(), Error> {
        if !node.is_directory() && !self.is_first(at, &to, node)? {
            self.closure.remove(at);
            return Ok(());
        }
        let node = self.leading_alike(at, &to, node);
        if matches!(&node.kind, NodeKind::Symlink { target } if *target == to) {
            // The base has the link's target at this very path.
            self.closure.remove(at);
            return Ok(());
        }
        let is_another = self.replace(&to, &node, self.selected.content(at))?;
        // A replacement needs no mention if the user declared it, or if it only adds accounts.
        if is_another && self.closure.reason(at) != Some(&Reason::Declared) && !ACCOUNTS.contains(&at) {
            self.replaced.push(to);
        }
        Ok(())
    }

    /// The folder that a link of the base leads to. Creates it if it is absent.
    fn folder_behind(&mut self, link: &str, node: &Node) -> Result<String, Error> {
        loop {
            match self.image.tree().resolve(link) {
                Ok(resolved) if self.image.tree().get(&resolved.path).is_some_and(Node::is_directory) => {
                    return Ok(resolved.path);
                }
                Ok(resolved) => return Err(Error::NotADirectory { path: link.to_owned(), at: resolved.path }),
                Err(Error::NotFound { at, .. }) => drop(self.image.insert(&at, node.clone())?),
                Err(error) => return Err(error),
            }
        }
    }

    /// The path in the image for a selected path: inside of its folder's place.
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

    /// Whether a selected file or link gets its place, if another one has the same place. A file precedes a link to it.
    fn is_first(&mut self, at: &'a str, to: &str, node: &Node) -> Result<bool, Error> {
        let Some(first) = self.put.get(to).copied() else {
            self.put.insert(to.to_owned(), at);
            return Ok(true);
        };
        let real = |at: &str| self.selected.tree().resolve(at).ok().map(|resolved| resolved.path);
        let digest = |at: &str| self.selected.content(at).map(|content| &content.sha256);
        let is_alike = digest(at).is_some() && digest(at) == digest(first);
        if is_alike || (node.is_symlink() && real(at).is_some() && real(at) == real(first)) {
            return Ok(false);
        }
        if self.selected.tree().get(first).is_some_and(Node::is_symlink) && real(first).as_deref() == Some(at) {
            self.put.insert(to.to_owned(), at);
            self.closure.remove(first);
            return Ok(true);
        }
        let problem = format!("`{first}` and `{at}` differ, and links of the base image lead both there");
        Err(Error::Insert { path: to.to_owned(), problem })
    }

    /// The node at its place. Rewrites a relative link that moved to another folder, so that it leads to the same target.
    fn leading_alike(&self, at: &str, to: &str, node: &Node) -> Node {
        let (Some(folder), NodeKind::Symlink { target }) = (path::parent(at), &node.kind) else { return node.clone() };
        let (above, name) = match target.rsplit_once('/') {
            Some((above, name)) if !target.starts_with('/') && path::parent(to) != Some(folder) => (above, name),
            _ => return node.clone(),
        };
        let without_dots = |path: String| path::resolve_dots(&path).unwrap_or(path);
        let from = path::join(folder, above);
        let above = self.selected.tree().resolve(&from).map_or_else(|_| without_dots(from), |real| real.path);
        let target = without_dots(path::join(&above, name));
        Node { kind: NodeKind::Symlink { target: self.moved.get(&target).unwrap_or(&target).clone() }, ..node.clone() }
    }

    /// Adds a node and returns whether it replaced a different file or link.
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

    /// Adds links for selected links that are folders in the base.
    fn link(&mut self) -> Result<(), Error> {
        for (folder, link) in std::mem::take(&mut self.links) {
            self.closure.remove(&folder);
            // A dangling link has no content to link.
            let Ok(target) = self.selected.tree().resolve(link) else { continue };
            if !self.selected.tree().get(&target.path).is_some_and(Node::is_directory) {
                let problem = format!("a directory stands there, and here it is a link to `{}`", target.path);
                return Err(Error::Insert { path: folder, problem });
            }
            let folder = self.image.tree().resolve(&folder)?.path;
            self.link_all(&folder, &target.path)?;
        }
        Ok(())
    }

    /// Adds links in `folder` to the selected content of another folder.
    fn link_all(&mut self, folder: &str, source: &str) -> Result<(), Error> {
        if self.moved.get(source).map_or(source, String::as_str) == folder {
            return Ok(());
        }
        let is_child = |at: &&str| path::parent(at) == Some(source);
        let selected = self.selected;
        for child in selected.tree().below(source).map(|(at, _)| at).filter(is_child) {
            let at = path::join(folder, path::file_name(child));
            let to = self.moved.get(child).map_or(child, String::as_str).to_owned();
            let is_folder = selected.tree().get(child).is_some_and(Node::is_directory);
            match self.image.tree().resolve(&at) {
                Ok(present) if is_folder && self.image.tree().get(&present.path).is_some_and(Node::is_directory) => {
                    self.link_all(&present.path, child)?;
                }
                // A folder whose content all moved is not in the image.
                _ if self.image.tree().get(&to).is_none() || !stays(self.globs, &at) => {}
                _ => self.lead_from(&at, &to)?,
            }
        }
        Ok(())
    }

    /// Makes a path of the base, if it exists, a link to another path.
    fn lead(&mut self, at: &str, to: &str) -> Result<(), Error> {
        if self.image.tree().get(at).is_some() { self.lead_from(at, to) } else { Ok(()) }
    }

    fn lead_from(&mut self, at: &str, to: &str) -> Result<(), Error> {
        // A link there may lead to that path already.
        let real = |at: &str| self.image.tree().resolve(at).ok().map(|resolved| resolved.path);
        if at != to && real(at) != real(to) {
            let is_another = self.replace(at, &Node::symlink(to), None)?;
            self.replaced.extend(is_another.then(|| at.to_owned()));
            self.closure.remove(at);
            self.closure.add(at, Reason::LinkTo { path: to.to_owned() });
        }
        Ok(())
    }
}

/// Whether a link leads to a folder.
fn leads_to_folder(index: &Index, link: &str) -> bool {
    let resolved = index.tree().resolve(link);
    resolved.is_ok_and(|resolved| index.tree().get(&resolved.path).is_some_and(Node::is_directory))
}

#[cfg(test)]
#[path = "foreign_tests.rs"]
mod tests;
