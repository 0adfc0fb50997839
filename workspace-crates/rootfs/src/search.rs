//! The search for one library, step by step as glibc's `_dl_map_object` does it, inside of a tree.
//!
//! Not supported: `LD_LIBRARY_PATH` and preloads, which are not part of the image; folders of the legacy hardware capabilities (`tls`,
//! `haswell`), which glibc 2.37 dropped; directories relative to a process's working directory.

use std::collections::HashMap;
use std::rc::Rc;

use tierce_elf::{Elf, Kind};

use crate::content::Format;
use crate::ld_cache::flags_of;
use crate::missing::{Rejected, Rejection};
use crate::reason::Via;
use crate::tree::Resolved;
use crate::{Globs, Index, Loader, NodeKind, path};

/// The object that needs a library.
#[derive(Clone, Copy)]
pub(crate) struct Requester<'object> {
    pub(crate) elf: &'object Elf,
    /// `$ORIGIN`: the directory of the path by which it was found.
    pub(crate) origin: &'object str,
}

/// The result of a search.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The libraries of one directory: its `glibc-hwcaps` variants, then the one for every processor. The processor at run time
    /// decides which of them is loaded.
    pub(crate) found: Vec<Found>,
    pub(crate) searched: Vec<String>,
    pub(crate) rejected: Vec<Rejected>,
}

impl Search {
    /// The glob or preset that keeps out a library that fits.
    pub(crate) fn pruned(&self) -> Option<&str> {
        self.rejected.iter().find_map(|rejected| match &rejected.why {
            Rejection::Pruned(pattern) => Some(pattern.as_str()),
            _ => None,
        })
    }
}

/// A library that fits.
#[derive(Debug)]
pub(crate) struct Found {
    /// The path by which it was found, whose directory is its `$ORIGIN`.
    pub(crate) path: String,
    pub(crate) resolved: Resolved,
    pub(crate) via: Via,
}

/// The verdict on one candidate.
enum Candidate {
    Absent,
    Fits(Resolved),
    Unfit(Rejection),
}

/// Searches in one tree, with a cache of directories.
pub(crate) struct Searcher<'index> {
    index: &'index Index,
    loader: &'index Loader,
    globs: &'index Globs,
    directories: HashMap<String, Rc<Directory>>,
}

/// A directory of a search path.
#[derive(Default)]
struct Directory {
    /// Its real path, if it exists.
    resolved: Option<Resolved>,
    /// The loader's `glibc-hwcaps` folders that it contains.
    hwcaps: Vec<String>,
}

impl<'index> Searcher<'index> {
    pub(crate) fn new(index: &'index Index, loader: &'index Loader, globs: &'index Globs) -> Self {
        Self { index, loader, globs, directories: HashMap::new() }
    }

    /// Searches for `name`, which `chain`'s first object needs. The others are the objects that loaded it, up to the program.
    pub(crate) fn search(&mut self, name: &str, chain: &[Requester<'_>]) -> Search {
        let mut search = Search::default();
        let Some(&requester) = chain.first() else { return search };
        if name.contains('/') {
            let path = self.loader.expand(name, requester.origin, requester.elf);
            self.try_path(&mut search, path, Via::Path, requester.elf);
            return search;
        }
        for (via, directories) in self.steps(chain) {
            match directories {
                Some(directories) => {
                    for directory in directories {
                        if self.try_directory(&mut search, &directory, name, via, requester.elf) {
                            return search;
                        }
                    }
                }
                None => {
                    if self.try_cache(&mut search, name, requester.elf) {
                        return search;
                    }
                }
            }
        }
        search
    }

    /// The steps of a search in order; `None` means the cache.
    fn steps(&self, chain: &[Requester<'_>]) -> Vec<(Via, Option<Vec<String>>)> {
        let mut steps = Vec::new();
        let requester = chain[0];
        let directories = |list: &Option<String>, of: Requester<'_>| {
            list.as_deref().map(|list| self.loader.directories(list, of.origin, of.elf))
        };
        if requester.elf.runpath.is_none() {
            // An RPATH beside a RUNPATH has no effect, not even as an inherited one.
            let with_rpath = chain.iter().filter(|object| object.elf.runpath.is_none());
            steps.extend(
                with_rpath.filter_map(|object| Some((Via::Rpath, Some(directories(&object.elf.rpath, *object)?)))),
            );
        }
        steps.extend(directories(&requester.elf.runpath, requester).map(|runpath| (Via::Runpath, Some(runpath))));
        steps.push((Via::Cache, None));
        if !requester.elf.no_default_libraries {
            steps.push((Via::DefaultDirectory, Some(self.loader.default_directories.clone())));
        }
        steps
    }

    /// Searches one directory. Returns whether the search ends there.
    fn try_directory(&mut self, search: &mut Search, directory: &str, name: &str, via: Via, elf: &Elf) -> bool {
        if !search.searched.iter().any(|searched| searched == directory) {
            search.searched.push(directory.to_owned());
        }
        let known = self.directory(directory);
        let Some(resolved) = &known.resolved else { return false };
        for hwcaps in &known.hwcaps {
            let inside = format!("glibc-hwcaps/{hwcaps}/{name}");
            if self.index.tree().get(&path::join(&resolved.path, &inside)).is_some() {
                // No processor uses a variant that does not fit.
                let _ = self.try_path(search, path::join(directory, &inside), via, elf);
            }
        }
        let found = self.index.tree().get(&path::join(&resolved.path, name)).is_some()
            && self.try_path(search, path::join(directory, name), via, elf);
        found || !search.found.is_empty()
    }

    fn try_cache(&mut self, search: &mut Search, name: &str, elf: &Elf) -> bool {
        if self.loader.cache.entries().is_empty() {
            return false;
        }
        search.searched.push("/etc/ld.so.cache".to_owned());
        let Some(flags) = flags_of(elf) else { return false };
        let loader = self.loader;
        let mut ended = false;
        for entry in loader.cache.lookup(name, flags) {
            let in_default = || {
                let parent = path::parent(&entry.path);
                parent.is_some_and(|parent| loader.default_directories.iter().any(|default| default == parent))
            };
            if elf.no_default_libraries && in_default() {
                continue;
            }
            // `ld.so` uses only the first entry without hwcaps. The image's cache gets no absent or pruned entries, so the next
            // one becomes the first there.
            if self.try_path(search, entry.path.clone(), Via::Cache, elf) {
                ended = true;
                if entry.hwcaps.is_none() {
                    break;
                }
            }
        }
        ended
    }

    /// Adds one path to the search's result. Returns whether the search ends there: at a library that fits, or at a file at which
    /// `ld.so` gives up, such as a linker script with a library's name.
    fn try_path(&mut self, search: &mut Search, path: String, via: Via, elf: &Elf) -> bool {
        match self.candidate(&path, elf) {
            Candidate::Absent => false,
            Candidate::Fits(resolved) => {
                search.found.push(Found { path, resolved, via });
                true
            }
            Candidate::Unfit(why) => {
                let goes_on = matches!(why, Rejection::Machine(..) | Rejection::Pruned(_));
                search.rejected.push(Rejected { path, why });
                !goes_on
            }
        }
    }

    fn candidate(&self, path: &str, elf: &Elf) -> Candidate {
        let Ok(resolved) = self.index.tree().resolve(path) else { return Candidate::Absent };
        let Some(content) = self.index.content(&resolved.path) else { return Candidate::Absent };
        if let Some(pattern) = self.pruned(&resolved) {
            return Candidate::Unfit(Rejection::Pruned(pattern.to_owned()));
        }
        match &content.format {
            Format::Elf(found) if !found.is_compatible_with(elf) => {
                Candidate::Unfit(Rejection::Machine(found.class, found.machine))
            }
            Format::Elf(found) if found.kind != Kind::Shared || found.pie => Candidate::Unfit(Rejection::NotShared),
            Format::Elf(_) => Candidate::Fits(resolved),
            Format::MalformedElf { problem } => Candidate::Unfit(Rejection::NotElf(problem.clone())),
            Format::Script { .. } => Candidate::Unfit(Rejection::NotElf("it is a script".to_owned())),
            Format::Data => Candidate::Unfit(Rejection::NotElf("it does not begin as one".to_owned())),
        }
    }

    /// The glob that keeps a file, or a link on the way to it, out of the image.
    pub(crate) fn pruned(&self, resolved: &Resolved) -> Option<&'index str> {
        resolved.links.iter().chain([&resolved.path]).find_map(|path| self.globs.pruned(path))
    }

    fn directory(&mut self, path: &str) -> Rc<Directory> {
        if let Some(known) = self.directories.get(path) {
            return Rc::clone(known);
        }
        let tree = self.index.tree();
        let is_directory = |path: &str| tree.get(path).is_some_and(|node| node.kind == NodeKind::Directory);
        let resolved = tree.resolve(path).ok().filter(|resolved| is_directory(&resolved.path));
        let hwcaps = resolved.iter().flat_map(|resolved| {
            let has = |name: &&String| is_directory(&path::join(&resolved.path, &format!("glibc-hwcaps/{name}")));
            self.loader.hwcaps.iter().filter(has).cloned()
        });
        let directory = Rc::new(Directory { hwcaps: hwcaps.collect(), resolved });
        self.directories.insert(path.to_owned(), Rc::clone(&directory));
        directory
    }
}
