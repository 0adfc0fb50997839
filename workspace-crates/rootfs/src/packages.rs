//! The image of all packages: what of ROOT is in it, and whether everything is there that its files need.

use std::collections::{BTreeMap, BTreeSet};

use crate::closure::{Finding, Reason};
use crate::content::Format;
use crate::follow::Follow;
use crate::missing::{Rejected, Rejection, Wanted};
use crate::nearest::nearest;
use crate::search::Search;
use crate::{Error, Node, NodeKind, path};

/// The linker cache, which is made anew for what an image has.
const LD_CACHE: &str = "/etc/ld.so.cache";
/// What the kernel or the system fills where the image runs: a link into these leads to nothing until then.
const FILLED_AT_RUN_TIME: [&str; 5] = ["/dev", "/proc", "/run", "/sys", "/tmp"];

impl Follow<'_> {
    /// Adds everything that is not kept out, each file for its package. A directory whose content is all kept out stays out
    /// with it; one that is empty in ROOT was made on purpose.
    pub(crate) fn add_packages(&mut self, owners: &BTreeMap<String, String>) {
        let tree = self.index.tree();
        let holding: BTreeSet<&str> = tree.iter().filter_map(|(at, _)| path::parent(at)).collect();
        let keep = &self.globs.keep;
        let mut unmatched_keeps: BTreeSet<&str> = keep.iter().collect();
        for (at, node) in tree.iter().filter(|(at, _)| !["/", LD_CACHE].contains(at)) {
            for name in keep.matching(at) {
                unmatched_keeps.remove(name);
            }
            // What the image starts from is in already, whatever the globs say.
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
            let of = |package: &String| Reason::Package { package: package.clone() };
            self.closure.add(at, owners.get(at).map_or(Reason::Merged, of));
        }
        let unmatched =
            |pattern: &str| Finding::UnmatchedKeep { pattern: pattern.to_owned(), nearest: nearest(tree, pattern) };
        self.closure.findings.extend(unmatched_keeps.into_iter().map(unmatched));
        self.closure.add_parents();
    }

    /// Looks for what the files of the image need; it has to be in the image.
    pub(crate) fn check_all(&mut self) -> Result<(), Error> {
        let index = self.index;
        let looked_at = self.closure.iter().map(|(path, _)| path).filter(|path| !self.globs.unfollowed.contains(*path));
        let mut paths: Vec<String> = looked_at.map(str::to_owned).collect();
        // What is loaded into a program finds there what the program has loaded.
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
                // A script that nobody can run is a text.
                (_, Some(Format::Script { .. })) => {}
                _ => self.follow(at)?,
            }
        }
        Ok(())
    }

    /// Checks that a path leads to something of the image; `by` needs it.
    fn check_leads_in(&mut self, by: &str, to: &str, wanted: Wanted) -> Result<(), Error> {
        let mut search = Search::default();
        let tree = self.index.tree();
        let is_in = |path: &String| path == "/" || self.closure.reason(path).is_some();
        match tree.resolve(to) {
            Ok(resolved) if resolved.links.iter().chain([&resolved.path]).all(is_in) => return Ok(()),
            // The image below goes without it; this one does not.
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
            // What was in it is left out, and it is not.
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

/// Whether what stands at a path is there only where the image runs.
pub(crate) fn is_filled_at_run_time(at: &str) -> bool {
    std::iter::once(at).chain(path::parents(at)).any(|at| FILLED_AT_RUN_TIME.contains(&at))
}

#[cfg(test)]
#[path = "packages_tests.rs"]
mod tests;
