//! The image of all packages: selects paths of ROOT and checks that their needs are present.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::Format;
use crate::finding::Finding;
use crate::follow::{Follow, is_filled_at_run_time};
use crate::missing::{Rejected, Rejection, Wanted};
use crate::nearest::suggestions;
use crate::reason::Reason;
use crate::search::Search;
use crate::{Error, Node, NodeKind, path};

/// The linker cache of ROOT. Each image gets its own.
const LD_CACHE: &str = "/etc/ld.so.cache";

impl Follow<'_> {
    /// Adds every path that no glob or preset keeps out. A directory stays out if all of its content does; a directory that is
    /// empty in ROOT is added, as a package made it on purpose.
    pub(crate) fn add_packages(&mut self, owners: &BTreeMap<String, String>) {
        let tree = self.index.tree();
        let holding: BTreeSet<&str> = tree.iter().filter_map(|(at, _)| path::parent(at)).collect();
        let keep = &self.globs.keep;
        let mut unmatched_keeps: BTreeSet<&str> = keep.iter().collect();
        for (at, node) in tree.iter().filter(|(at, _)| !["/", LD_CACHE].contains(at)) {
            for name in keep.matching(at) {
                unmatched_keeps.remove(name);
            }
            // No glob keeps out a start of the image.
            if self.closure.reason(at).is_some() || (node.is_directory() && holding.contains(at)) {
                continue;
            }
            if self.globs.decided.contains(at) && keep.find(at).is_none() {
                continue;
            }
            if let Some(name) = self.globs.pruned(at) {
                let size = self.closure.left_out.entry(name.to_owned()).or_default();
                if let NodeKind::File { size: bytes } = node.kind {
                    size.add(bytes);
                }
                continue;
            }
            let owned = |package: &String| Reason::Package { package: package.clone() };
            self.closure.add(at, owners.get(at).map_or(Reason::Merged, owned));
        }
        let finding = |(pattern, nearest): (&str, _)| Finding::UnmatchedKeep { pattern: pattern.to_owned(), nearest };
        self.closure.findings.extend(suggestions(tree, unmatched_keeps).map(finding));
        self.closure.add_parents();
    }

    /// Checks that the image contains everything that its files need.
    pub(crate) fn check_all(&mut self) -> Result<(), Error> {
        let index = self.index;
        let looked_at = self.closure.iter().map(|(path, _)| path).filter(|path| !self.globs.unfollowed.contains(*path));
        let mut paths: Vec<String> = looked_at.map(str::to_owned).collect();
        // Programs come first: a plugin finds libraries that its program has loaded.
        paths.sort_by_key(|path| self.closure.reason(path) != Some(&Reason::Program));
        for at in &paths {
            let format = index.content(at).map(|content| &content.format);
            match (index.tree().get(at).map(|node| &node.kind), format) {
                (Some(NodeKind::Symlink { target }), _) => {
                    self.check_leads_in(at, at, Wanted::LinkTarget(target.clone()))?;
                }
                (_, Some(Format::Script { interpreter })) if self.is_run(at) => {
                    self.check_leads_in(at, interpreter, Wanted::ScriptInterpreter(interpreter.clone()))?;
                }
                // A script without an execute bit is a text.
                (_, Some(Format::Script { .. })) => {}
                _ => self.follow(at)?,
            }
        }
        Ok(())
    }

    /// Checks that `to`, which `by` needs, leads to a path of the image.
    fn check_leads_in(&mut self, by: &str, to: &str, wanted: Wanted) -> Result<(), Error> {
        let mut search = Search::default();
        let tree = self.index.tree();
        let is_in = |path: &String| path == "/" || self.closure.reason(path).is_some();
        match tree.resolve(to) {
            Ok(resolved) if resolved.links.iter().chain([&resolved.path]).all(is_in) => return Ok(()),
            // The base image left it out; this image needs it.
            Ok(resolved)
                if self.globs.decided.contains(&resolved.path) && self.searcher.pruned(&resolved).is_none() =>
            {
                self.add(
                    &resolved,
                    match wanted {
                        Wanted::ScriptInterpreter(_) => Reason::ScriptInterpreter { of: by.to_owned() },
                        _ => Reason::TargetOf { link: by.to_owned() },
                    },
                );
                return self.follow(&resolved.path);
            }
            // All of the directory's content stays out, but the link needs the directory.
            Ok(resolved)
                if tree.get(&resolved.path).is_some_and(Node::is_directory)
                    && self.searcher.pruned(&resolved).is_none() =>
            {
                self.closure.add(&resolved.path, Reason::TargetOf { link: by.to_owned() });
                return Ok(());
            }
            Ok(resolved) => {
                let pruned = self.searcher.pruned(&resolved).map(|name| Rejection::Pruned(name.to_owned()));
                search.rejected.extend(pruned.map(|why| Rejected { path: resolved.path, why }));
            }
            Err(Error::NotFound { at, .. }) if is_filled_at_run_time(&at) => return Ok(()),
            Err(_) => {}
        }
        self.miss(by, wanted, &search);
        Ok(())
    }
}

#[cfg(test)]
#[path = "packages_tests.rs"]
mod tests;
