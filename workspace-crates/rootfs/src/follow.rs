//! The traversal behind [`closure`](crate::closure()): processes, as `ld.so` would build them up.
//!
//! Each program, and each kept or declared ELF file, is loaded into a process of its own, breadth first. A process loads a
//! library once: later objects that need the same soname get it, even if their own search would find another file.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use tierce_elf::{DlopenNote, Elf, Priority};

use crate::closure::Closure;
use crate::content::Format;
use crate::finding::Finding;
use crate::ld_cache::flags_of;
use crate::missing::{Missing, Rejected, Rejection, Wanted};
use crate::nearest::suggestions;
use crate::reason::Reason;
use crate::search::{Found, Requester, Search, Searcher};
use crate::tree::Resolved;
use crate::{Error, Globs, Index, Loader, NodeKind, path};

/// Folders that the kernel or the system fills at run time. A link into these may dangle in the image.
const FILLED_AT_RUN_TIME: [&str; 5] = ["/dev", "/proc", "/run", "/sys", "/tmp"];

/// The state of one computation.
pub(crate) struct Follow<'index> {
    pub(crate) index: &'index Index,
    pub(crate) globs: &'index Globs,
    pub(crate) searcher: Searcher<'index>,
    pub(crate) closure: Closure,
    missing: Vec<Missing>,
    /// Results of searches that depend only on the name and the kind of process.
    searches: HashMap<(&'index str, Option<u32>), Rc<Search>>,
    /// The sonames that the programs load.
    programs_have: HashSet<&'index str>,
    /// Objects of plain processes: the closure has their needs, which are the same in every plain process.
    settled: HashSet<&'index str>,
    /// Files that have been followed.
    started: HashSet<&'index str>,
}

/// An object of a process.
struct Object<'index> {
    path: &'index str,
    elf: &'index Elf,
    origin: String,
    /// The object that loaded it.
    by: Option<usize>,
    /// Whether its searches differ from those of other objects: it has a search path or a flag, or inherits an `RPATH`.
    has_own_path: bool,
}

/// The objects of a process, in the order in which they are loaded.
struct Process<'index> {
    objects: Vec<Object<'index>>,
    names: HashSet<&'index str>,
    paths: HashSet<&'index str>,
    /// Whether every search for its objects has the same result in every process.
    is_plain: bool,
    /// Whether it skips settled objects, and whether it has skipped one.
    passes_settled: bool,
    passed_settled: bool,
}

impl Default for Process<'_> {
    fn default() -> Self {
        Self {
            objects: Vec::new(),
            names: HashSet::new(),
            paths: HashSet::new(),
            is_plain: true,
            passes_settled: false,
            passed_settled: false,
        }
    }
}

impl<'index> Process<'index> {
    /// Loads an object, unless the process has the same file already, even under another name.
    fn push(&mut self, path: &'index str, elf: &'index Elf, origin: String, by: Option<usize>) {
        if !self.paths.insert(path) {
            return;
        }
        // Only an RPATH is inherited. A RUNPATH of the loading object counts too, which only costs cached searches.
        let has_own_path = elf.rpath.is_some()
            || elf.runpath.is_some()
            || elf.no_default_libraries
            || by.is_some_and(|by| self.objects[by].has_own_path);
        self.is_plain &= !has_own_path;
        self.objects.push(Object { path, elf, origin, by, has_own_path });
    }
}

impl<'index> Follow<'index> {
    pub(crate) fn new(index: &'index Index, loader: &'index Loader, globs: &'index Globs) -> Self {
        Self {
            index,
            globs,
            searcher: Searcher::new(index, loader, globs),
            closure: Closure::default(),
            missing: Vec::new(),
            searches: HashMap::new(),
            programs_have: HashSet::new(),
            settled: HashSet::new(),
            started: HashSet::new(),
        }
    }

    /// Adds a path and its needs. A link needs its target.
    pub(crate) fn start(&mut self, path: &str, reason: Reason) -> Result<(), Error> {
        let index = self.index;
        let real = self.add_start(path, reason)?;
        match index.tree().get(&real).map(|node| &node.kind) {
            Some(NodeKind::Symlink { target }) => self.start_link(&real, target),
            _ => self.follow(&real),
        }
    }

    /// Adds the target of a declared link.
    fn start_link(&mut self, link: &str, target: &str) -> Result<(), Error> {
        let mut search = Search::default();
        match self.index.tree().resolve(link) {
            Ok(resolved) => match self.searcher.pruned(&resolved).map(str::to_owned) {
                Some(name) if self.closure.reason(&resolved.path).is_none() => {
                    search.rejected.push(Rejected { path: resolved.path, why: Rejection::Pruned(name) })
                }
                _ => {
                    self.add(&resolved, Reason::TargetOf { link: link.to_owned() });
                    return self.follow(&resolved.path);
                }
            },
            Err(Error::NotFound { at, .. }) if is_filled_at_run_time(&at) => return Ok(()),
            Err(_) => {}
        }
        self.miss(link, Wanted::LinkTarget(target.to_owned()), &search);
        Ok(())
    }

    /// Adds a path and the links in its parents, without its needs. Returns the path without these links.
    pub(crate) fn add_start(&mut self, path: &str, reason: Reason) -> Result<String, Error> {
        let resolved = self.index.tree().resolve_folder(path)?;
        self.add(&resolved, reason);
        Ok(resolved.path)
    }

    /// Adds the paths that `keep` matches, and their needs. Tries a glob without a match as a path, which may contain links.
    pub(crate) fn keep(&mut self) -> Result<(), Error> {
        let patterns = &self.globs.keep;
        let mut unmatched: BTreeSet<&str> = patterns.iter().collect();
        if unmatched.is_empty() {
            return Ok(());
        }
        for (path, node) in self.index.tree().iter() {
            // `find` names only the first of two globs for one path.
            patterns.matching(path).for_each(|name| {
                unmatched.remove(name);
            });
            let Some(pattern) = patterns.find(path) else { continue };
            self.keep_one(path, &node.kind, pattern)?;
        }
        let mut absent = Vec::new();
        for pattern in unmatched {
            match self.index.tree().resolve(pattern) {
                Ok(resolved) => {
                    let reason = Reason::Keep { pattern: pattern.to_owned() };
                    self.add(&resolved, reason);
                    self.follow(&resolved.path)?;
                }
                Err(_) => absent.push(pattern),
            }
        }
        let finding = |(pattern, nearest): (&str, _)| Finding::UnmatchedKeep { pattern: pattern.to_owned(), nearest };
        self.closure.findings.extend(suggestions(self.index.tree(), absent).map(finding));
        Ok(())
    }

    /// Notes the globs of `prune` that match nothing.
    pub(crate) fn note_unmatched_prunes(&mut self) {
        let tree = self.index.tree();
        let unmatched = self.globs.prune.unmatched(tree.iter().map(|(path, _)| path));
        let finding = |(pattern, nearest): (&str, _)| Finding::UnmatchedPrune { pattern: pattern.to_owned(), nearest };
        self.closure.findings.extend(suggestions(tree, unmatched).map(finding));
    }

    /// Returns the closure, or an error with everything that is missing.
    pub(crate) fn finish(mut self) -> Result<Closure, Error> {
        if !self.missing.is_empty() {
            self.missing.sort_by(|a, b| (&a.file, a.wanted.to_string()).cmp(&(&b.file, b.wanted.to_string())));
            return Err(Error::Missing(self.missing));
        }
        self.closure.add_parents();
        Ok(self.closure)
    }

    fn keep_one(&mut self, path: &'index str, kind: &NodeKind, pattern: &str) -> Result<(), Error> {
        let here = Resolved { path: path.to_owned(), links: Vec::new() };
        if let Some(pruned) = self.searcher.pruned(&here) {
            let pattern = pruned.to_owned();
            self.closure.findings.insert(Finding::Pruned { path: path.to_owned(), pattern });
            return Ok(());
        }
        self.take(path, kind, Reason::Keep { pattern: pattern.to_owned() })
    }

    /// Adds a path that is not pruned, the target of a link, and their needs.
    pub(crate) fn take(&mut self, path: &'index str, kind: &NodeKind, reason: Reason) -> Result<(), Error> {
        self.closure.add(path, reason);
        if !matches!(kind, NodeKind::Symlink { .. }) {
            return self.follow(path);
        }
        let Ok(target) = self.index.tree().resolve(path) else {
            self.closure.findings.insert(Finding::DanglingLink { path: path.to_owned() });
            return Ok(());
        };
        if let Some(pattern) = self.searcher.pruned(&target) {
            let pattern = pattern.to_owned();
            self.closure.findings.insert(Finding::Pruned { path: target.path, pattern });
            return Ok(());
        }
        self.add(&target, Reason::TargetOf { link: path.to_owned() });
        self.follow(&target.path)
    }

    /// Adds a path and the links that lead to it.
    pub(crate) fn add(&mut self, resolved: &Resolved, reason: Reason) {
        self.add_with(resolved, || reason);
    }

    /// As `add`, but builds the reason only if the path has none: many ways lead to one library.
    fn add_with(&mut self, resolved: &Resolved, reason: impl FnOnce() -> Reason) {
        if self.closure.reason(&resolved.path).is_none() {
            self.closure.add(&resolved.path, reason());
        }
        for link in &resolved.links {
            if self.closure.reason(link).is_none() {
                self.closure.add(link, Reason::LinkTo { path: resolved.path.clone() });
            }
        }
    }

    /// Follows a file's needs, depending on its format.
    pub(crate) fn follow(&mut self, path: &str) -> Result<(), Error> {
        let Some((path, content)) = self.entry(path) else { return Ok(()) };
        if self.globs.unfollowed.contains(path) || !self.started.insert(path) {
            return Ok(());
        }
        match content {
            Format::Elf(elf) => self.load(path, elf),
            Format::Script { interpreter } => self.script(path, interpreter)?,
            Format::MalformedElf { .. } | Format::Data => {}
        }
        Ok(())
    }

    /// Returns the tree's own path and format of a file, without a borrow of `self`.
    fn entry(&self, path: &str) -> Option<(&'index str, &'index Format)> {
        let index = self.index;
        Some((index.tree().key(path)?, &index.content(path)?.format))
    }

    /// Adds the interpreter of an executable script. Other scripts are texts for a program that reads them.
    fn script(&mut self, script: &'index str, interpreter: &str) -> Result<(), Error> {
        if !self.is_run(script) {
            return Ok(());
        }
        let Ok(resolved) = self.index.tree().resolve(interpreter) else {
            let (script, interpreter) = (script.to_owned(), interpreter.to_owned());
            self.closure.findings.insert(Finding::ScriptInterpreterAbsent { script, interpreter });
            return Ok(());
        };
        if let Some(pattern) = self.searcher.pruned(&resolved) {
            let pattern = pattern.to_owned();
            self.closure.findings.insert(Finding::Pruned { path: resolved.path, pattern });
            return Ok(());
        }
        self.add(&resolved, Reason::ScriptInterpreter { of: script.to_owned() });
        self.follow(&resolved.path)
    }

    /// Whether a file has an execute bit.
    pub(crate) fn is_run(&self, path: &str) -> bool {
        self.index.tree().get(path).is_some_and(|node| node.mode & 0o111 != 0)
    }

    /// Loads an ELF file as the first object of a process.
    fn load(&mut self, path: &'index str, elf: &'index Elf) {
        let is_program = self.closure.reason(path) == Some(&Reason::Program);
        let mut process = Process { passes_settled: !is_program, ..Process::default() };
        self.run(&mut process, path, elf, is_program);
        if process.passed_settled && !process.is_plain {
            // A skipped object may decide which library an object with a search path of its own gets.
            process = Process::default();
            self.run(&mut process, path, elf, is_program);
        }
        if process.is_plain {
            self.settled.extend(process.objects.iter().map(|object| object.path));
        }
        if is_program {
            for object in &process.objects {
                self.programs_have.extend(object.elf.soname.as_deref());
            }
        }
    }

    /// Builds up a process: first the libraries that its objects need, then those of dlopen notes.
    fn run(&mut self, process: &mut Process<'index>, path: &'index str, elf: &'index Elf, is_program: bool) {
        self.load_interpreter(process, path, elf);
        process.names.extend(elf.soname.as_deref());
        process.push(path, elf, directory_of(path), None);
        let (mut needed, mut noted) = (0, 0);
        while needed < process.objects.len() || noted < process.objects.len() {
            if needed < process.objects.len() {
                self.load_needed(process, needed, is_program);
                needed += 1;
            } else {
                self.load_noted(process, noted);
                noted += 1;
            }
        }
    }

    /// Whether a process has an object of this name. If no search has found that name so far, another process might not have it:
    /// then this process is not plain.
    fn has(&self, process: &mut Process<'index>, at: usize, name: &'index str) -> bool {
        let has = process.names.contains(name);
        if has && !self.searches.contains_key(&(name, flags_of(process.objects[at].elf))) {
            process.is_plain = false;
        }
        has
    }

    fn load_interpreter(&mut self, process: &mut Process<'index>, program: &'index str, elf: &'index Elf) {
        let Some(interpreter) = &elf.interpreter else { return };
        let search = self.searcher.search(interpreter, &[Requester { elf, origin: "/" }]);
        match search.found.first() {
            Some(found) => {
                self.add(&found.resolved, Reason::Interpreter { of: program.to_owned() });
                if let Some((path, Format::Elf(elf))) = self.entry(&found.resolved.path) {
                    process.names.extend(elf.soname.as_deref());
                    process.paths.insert(path);
                }
            }
            None => self.miss(program, Wanted::Interpreter(interpreter.clone()), &search),
        }
    }

    fn load_needed(&mut self, process: &mut Process<'index>, at: usize, is_program: bool) {
        let (by, elf) = (process.objects[at].path, process.objects[at].elf);
        if self.globs.unfollowed.contains(by) {
            return;
        }
        for soname in &elf.needed {
            if self.has(process, at, soname) {
                continue;
            }
            let search = self.search(process, at, soname);
            for found in &search.found {
                let reason = || Reason::Needed { by: by.to_owned(), soname: soname.clone(), via: found.via };
                self.add_with(&found.resolved, reason);
                self.push(process, found, at);
            }
            process.names.insert(soname);
            // A plugin finds libraries that its program has loaded.
            let is_loaded = !is_program && self.programs_have.contains(soname.as_str());
            if search.found.is_empty() && !is_loaded {
                self.miss(by, Wanted::Soname(soname.clone()), &search);
            }
        }
    }

    fn load_noted(&mut self, process: &mut Process<'index>, at: usize) {
        let (by, elf) = (process.objects[at].path, process.objects[at].elf);
        if self.globs.unfollowed.contains(by) {
            return;
        }
        if elf.malformed_dlopen_note {
            self.closure.findings.insert(Finding::MalformedDlopenNote { path: by.to_owned() });
        }
        for note in &elf.dlopen {
            if note.soname.iter().any(|soname| self.has(process, at, soname)) {
                continue;
            }
            if note.priority == Priority::Suggested || !self.load_one_of(process, at, note) {
                if let Some(pattern) = self.globs.allow_missing.find(by) {
                    let (path, pattern) = (by.to_owned(), pattern.to_owned());
                    let wanted = Wanted::OneOf(note.soname.clone()).to_string();
                    self.closure.findings.insert(Finding::AllowedMissing { path, wanted, pattern });
                    continue;
                }
                self.closure.findings.insert(Finding::DlopenNotTaken {
                    by: by.to_owned(),
                    sonames: note.soname.clone(),
                    feature: note.feature.clone(),
                    priority: note.priority,
                });
            }
        }
    }

    /// Loads the first of a note's libraries that is present. Returns whether there is one; the absence of a required one is an
    /// error as well.
    fn load_one_of(&mut self, process: &mut Process<'index>, at: usize, note: &'index DlopenNote) -> bool {
        let by = process.objects[at].path;
        let mut failed = Search::default();
        for soname in &note.soname {
            let search = self.search(process, at, soname);
            for found in &search.found {
                self.add_with(&found.resolved, || Reason::DlopenNote {
                    by: by.to_owned(),
                    soname: soname.clone(),
                    feature: note.feature.clone(),
                    priority: note.priority,
                });
                self.push(process, found, at);
            }
            if !search.found.is_empty() {
                process.names.insert(soname);
                return true;
            }
            failed.searched.clone_from(&search.searched);
            failed.rejected.extend(search.rejected.iter().cloned());
        }
        if note.priority == Priority::Required {
            self.miss(by, Wanted::OneOf(note.soname.clone()), &failed);
        }
        false
    }

    /// Searches for a library that an object of a process needs. Uses the cache if no object's own search path takes part.
    fn search(&mut self, process: &Process<'index>, at: usize, name: &'index str) -> Rc<Search> {
        let object = &process.objects[at];
        let flags = flags_of(object.elf);
        let is_plain = !object.has_own_path && !name.contains('/') && flags.is_some();
        if let Some(known) = self.searches.get(&(name, flags)).filter(|_| is_plain) {
            return Rc::clone(known);
        }
        let chain = std::iter::successors(Some(object), |object| object.by.map(|by| &process.objects[by]));
        let chain: Vec<_> = chain.map(|object| Requester { elf: object.elf, origin: &object.origin }).collect();
        let search = Rc::new(self.searcher.search(name, &chain));
        if is_plain {
            self.searches.insert((name, flags), Rc::clone(&search));
        }
        search
    }

    /// Adds a found library to a process, unless the process has the same file under another name.
    fn push(&mut self, process: &mut Process<'index>, found: &Found, by: usize) {
        let Some((path, Format::Elf(elf))) = self.entry(&found.resolved.path) else { return };
        process.names.extend(elf.soname.as_deref());
        if process.passes_settled && self.settled.contains(path) {
            process.passed_settled = true;
        } else {
            process.push(path, elf, directory_of(&found.path), Some(by));
        }
    }

    pub(crate) fn miss(&mut self, file: &str, wanted: Wanted, search: &Search) {
        if let Some(pattern) = self.globs.allow_missing.find(file) {
            let (path, wanted, pattern) = (file.to_owned(), wanted.to_string(), pattern.to_owned());
            self.closure.findings.insert(Finding::AllowedMissing { path, wanted, pattern });
            return;
        }
        let missing = Missing {
            file: file.to_owned(),
            wanted,
            searched: search.searched.clone(),
            rejected: search.rejected.clone(),
            chain: self.closure.chain(file).iter().map(|(path, _)| (*path).to_owned()).collect(),
        };
        let same = |known: &Missing| known.file == missing.file && known.wanted == missing.wanted;
        if !self.missing.iter().any(same) {
            self.missing.push(missing);
        }
    }
}

fn directory_of(path: &str) -> String {
    path::parent(path).unwrap_or("/").to_owned()
}

/// Whether a path exists only at run time.
pub(crate) fn is_filled_at_run_time(at: &str) -> bool {
    std::iter::once(at).chain(path::parents(at)).any(|at| FILLED_AT_RUN_TIME.contains(&at))
}
