//! Run-time dependencies: finds the entries of [`TABLE`] that apply to an image, and adds the files that serve them.

use std::collections::{BTreeMap, BTreeSet};

use tierce_elf::Elf;
use tierce_runtime_deps::{Files, Need, RuntimeDep, TABLE, Trigger};

use crate::finding::Finding;
use crate::follow::Follow;
use crate::reason::{Evidence, Reason};
use crate::search::Requester;
use crate::tree::Resolved;
use crate::{Error, Patterns, path};

/// The settings of an image that concern run-time dependencies, which are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeDepChoices {
    /// The dependencies whose files a key selects: Tierce adds no others and reports none as missing.
    pub decided: BTreeSet<String>,
    /// The dependencies that may be missing.
    pub allowed: BTreeSet<String>,
    /// The sources in nsswitch.conf that are modules ([`crate::name_service::modules`]).
    pub name_services: BTreeSet<String>,
}

/// The treatment of a dependency that applies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serving {
    /// Adds the files that serve it.
    Adds,
    /// Checks only that the image has a file that serves it, because the selection is complete.
    Checks,
}

/// The file that has a dependency, with the evidence.
struct Sign {
    by: String,
    evidence: Evidence,
}

impl<'index> Follow<'index> {
    /// Serves every dependency that applies to the image, including those of files that serve another one.
    pub(crate) fn serve_runtime_deps(&mut self, choices: &RuntimeDepChoices, serving: Serving) -> Result<(), Error> {
        let mut dealt_with = choices.decided.clone();
        loop {
            let applying = self.applying(&dealt_with);
            if applying.is_empty() {
                return Ok(());
            }
            for (name, (dependency, sign)) in applying {
                for need in dependency.needs {
                    self.serve(dependency, need, &sign, choices, serving)?;
                }
                dealt_with.insert(name.to_owned());
            }
        }
    }

    /// Returns the dependencies that apply, each with the first file that has it; programs come before other files.
    fn applying(&self, dealt_with: &BTreeSet<String>) -> BTreeMap<&'static str, (&'static RuntimeDep, Sign)> {
        let mut applying: BTreeMap<&str, (&RuntimeDep, Sign)> = BTreeMap::new();
        let programs = self.closure.iter().filter(|(_, reason)| **reason == Reason::Program);
        let others = self.closure.iter().filter(|(_, reason)| **reason != Reason::Program);
        for (path, _) in programs.chain(others).filter(|(path, _)| !self.globs.unfollowed.contains(*path)) {
            let Some(elf) = self.index.content(path).and_then(|content| content.elf()) else { continue };
            if elf.imports.is_empty() && elf.mentions.is_empty() && elf.soname.is_none() {
                continue;
            }
            for dependency in TABLE.iter().filter(|dependency| !dealt_with.contains(dependency.name)) {
                if applying.contains_key(dependency.name) {
                    continue;
                }
                if let Some(evidence) = evidence(elf, dependency) {
                    applying.insert(dependency.name, (dependency, Sign { by: path.to_owned(), evidence }));
                }
            }
        }
        applying
    }

    fn serve(
        &mut self,
        dependency: &RuntimeDep,
        need: &Need,
        sign: &Sign,
        choices: &RuntimeDepChoices,
        serving: Serving,
    ) -> Result<(), Error> {
        let reason = Reason::RuntimeDep {
            name: dependency.name.to_owned(),
            by: sign.by.clone(),
            trigger: sign.evidence.clone(),
        };
        let (served, pruned) = match need.files {
            Files::Globs(globs) => self.by_globs(globs, &reason, serving)?,
            Files::Chosen(globs) => self.by_globs(globs, &reason, Serving::Checks)?,
            Files::Library(soname) => self.by_soname(soname, sign, reason, serving)?,
            Files::NameServices => {
                for source in &choices.name_services {
                    let soname = format!("libnss_{source}.so.2");
                    let (served, pruned) = self.by_soname(&soname, sign, reason.clone(), serving)?;
                    if let Some(without) = need.without.filter(|_| !served) {
                        let without = format!("{without}: `{source}`, as {soname} is not there");
                        self.lack(dependency, without, pruned, sign, choices);
                    }
                }
                return Ok(());
            }
            Files::Written(path, content) => self.by_writing(path, content, reason, serving)?,
            Files::Unknown => (false, None),
        };
        if let Some(without) = need.without.filter(|_| !served) {
            self.lack(dependency, without.to_owned(), pruned, sign, choices);
        }
        Ok(())
    }

    /// Records a missing dependency, or that the table allows it to be missing.
    fn lack(
        &mut self,
        dependency: &RuntimeDep,
        without: String,
        pruned: Option<String>,
        sign: &Sign,
        choices: &RuntimeDepChoices,
    ) {
        let allowed = choices.allowed.get(dependency.name).map(String::as_str);
        let allowed = allowed.or_else(|| self.globs.allow_missing.find(&sign.by));
        let (name, by) = (dependency.name.to_owned(), sign.by.clone());
        self.closure.findings.insert(match allowed {
            Some(pattern) => Finding::AllowedMissing { path: by, wanted: name, pattern: pattern.to_owned() },
            None => Finding::RuntimeDepMissing { name, by, trigger: sign.evidence.clone(), without, pruned },
        });
    }

    /// Adds the files that the globs match.
    ///
    /// Returns whether the image has one of them, and the glob or preset that keeps another one out.
    fn by_globs(&mut self, globs: &[&str], reason: &Reason, serving: Serving) -> Result<(bool, Option<String>), Error> {
        let (patterns, index) = (Patterns::new(globs)?, self.index);
        let (mut served, mut pruned) = (false, None);
        for (path, node) in index.tree().iter() {
            // A directory serves nothing by itself; its files add it.
            if node.is_directory() || patterns.find(path).is_none() {
                continue;
            }
            if self.closure.reason(path).is_some() {
                served = true;
                continue;
            }
            let here = Resolved { path: path.to_owned(), links: Vec::new() };
            match self.searcher.pruned(&here) {
                Some(pattern) => pruned = pruned.or(Some(pattern.to_owned())),
                None if serving == Serving::Adds => {
                    self.take(path, &node.kind, reason.clone())?;
                    served = true;
                }
                None => {}
            }
        }
        Ok((served, pruned))
    }

    /// As [`Follow::by_globs`], for the library that the dynamic linker finds by a soname for the file that has the dependency.
    fn by_soname(
        &mut self,
        soname: &str,
        sign: &Sign,
        reason: Reason,
        serving: Serving,
    ) -> Result<(bool, Option<String>), Error> {
        let index = self.index;
        let Some(elf) = index.content(&sign.by).and_then(|content| content.elf()) else { return Ok((false, None)) };
        let origin = path::parent(&sign.by).unwrap_or("/");
        let search = self.searcher.search(soname, &[Requester { elf, origin }]);
        for found in &search.found {
            let real = &found.resolved.path;
            if self.closure.reason(real).is_none() && serving == Serving::Adds {
                self.add(&found.resolved, reason.clone());
                self.follow(real)?;
            }
        }
        let served = search.found.iter().any(|found| self.closure.reason(&found.resolved.path).is_some());
        Ok((served, search.pruned().map(str::to_owned)))
    }

    /// As [`Follow::by_globs`], for one file, which Tierce generates if ROOT lacks it.
    fn by_writing(
        &mut self,
        path: &'static str,
        content: &'static str,
        reason: Reason,
        serving: Serving,
    ) -> Result<(bool, Option<String>), Error> {
        if self.index.tree().resolve(path).is_ok() {
            return self.by_globs(&[path], &reason, serving);
        }
        if let Some(pattern) = self.globs.pruned(path) {
            return Ok((false, Some(pattern.to_owned())));
        }
        self.closure.written.insert(path.to_owned(), (reason, content));
        Ok((true, None))
    }
}

/// Returns the evidence of a dependency in a file, if there is any.
fn evidence(elf: &Elf, dependency: &RuntimeDep) -> Option<Evidence> {
    let soname = elf.soname.as_deref().unwrap_or_default();
    let hands_on = dependency.not_of.iter().any(|start| soname.starts_with(start));
    dependency.triggers.iter().find_map(|trigger| match trigger {
        Trigger::Soname(start) => soname.starts_with(start).then(|| Evidence::Is(soname.to_owned())),
        Trigger::Symbol(name) => has(&elf.imports, name, hands_on).map(Evidence::Calls),
        Trigger::Text(text) => has(&elf.mentions, text, hands_on).map(Evidence::Mentions),
        Trigger::Texts(texts) => {
            let found: Option<Vec<String>> = texts.iter().map(|text| has(&elf.mentions, text, hands_on)).collect();
            found.map(|texts| Evidence::Mentions(texts.join(" and ")))
        }
    })
}

fn has(list: &[String], wanted: &str, hands_on: bool) -> Option<String> {
    list.iter().find(|item| *item == wanted && !hands_on).cloned()
}

#[cfg(test)]
#[path = "runtime_deps_tests.rs"]
mod tests;
