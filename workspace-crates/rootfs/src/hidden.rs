//! Hidden run-time dependencies: which of [`tierce_hidden::TABLE`] apply to the files of an image, and what serves them.

use std::collections::{BTreeMap, BTreeSet};

use tierce_elf::Elf;
use tierce_hidden::{Files, Hidden, Need, TABLE, Trigger};

use crate::closure::{Finding, Reason, Told};
use crate::follow::Follow;
use crate::search::Requester;
use crate::tree::Resolved;
use crate::{Error, Patterns, path};

/// What a user's table has decided of hidden dependencies, by their names, and what the image's own configuration says of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HiddenChoices {
    /// Those of which a key says what goes in: nothing more does, and nothing is missing.
    pub decided: BTreeSet<String>,
    /// Those that may be missing.
    pub allowed: BTreeSet<String>,
    /// The sources of names that are modules of their own ([`crate::name_service::modules`]).
    pub name_services: BTreeSet<String>,
}

/// What becomes of a dependency that applies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hiding {
    /// What serves it goes in.
    Adds,
    /// Everything that is to be in is in: it is only looked whether something serves it.
    Looks,
}

/// The file that gives a dependency away.
struct Sign {
    by: String,
    told: Told,
}

impl<'index> Follow<'index> {
    /// Deals with every dependency that applies to the image, and to what dealing with another one has added.
    pub(crate) fn hidden(&mut self, choices: &HiddenChoices, hiding: Hiding) -> Result<(), Error> {
        let mut dealt_with = choices.decided.clone();
        loop {
            let applying = self.applying(&dealt_with);
            if applying.is_empty() {
                return Ok(());
            }
            for (name, (hidden, sign)) in applying {
                for need in hidden.needs {
                    self.serve(hidden, need, &sign, choices, hiding)?;
                }
                dealt_with.insert(name.to_owned());
            }
        }
    }

    /// The dependencies of files of the image, each with the first file that gives it away, a program before others.
    fn applying(&self, dealt_with: &BTreeSet<String>) -> BTreeMap<&'static str, (&'static Hidden, Sign)> {
        let mut applying: BTreeMap<&str, (&Hidden, Sign)> = BTreeMap::new();
        let programs = self.closure.iter().filter(|(_, reason)| **reason == Reason::Program);
        let others = self.closure.iter().filter(|(_, reason)| **reason != Reason::Program);
        for (path, _) in programs.chain(others).filter(|(path, _)| !self.globs.unfollowed.contains(*path)) {
            let Some(elf) = self.index.content(path).and_then(|content| content.elf()) else { continue };
            if elf.imports.is_empty() && elf.mentions.is_empty() && elf.soname.is_none() {
                continue;
            }
            for hidden in TABLE.iter().filter(|hidden| !dealt_with.contains(hidden.name)) {
                if applying.contains_key(hidden.name) {
                    continue;
                }
                if let Some(told) = tells(elf, hidden) {
                    applying.insert(hidden.name, (hidden, Sign { by: path.to_owned(), told }));
                }
            }
        }
        applying
    }

    fn serve(
        &mut self,
        hidden: &Hidden,
        need: &Need,
        sign: &Sign,
        choices: &HiddenChoices,
        hiding: Hiding,
    ) -> Result<(), Error> {
        let reason = Reason::Hidden { name: hidden.name.to_owned(), by: sign.by.clone(), trigger: sign.told.clone() };
        let (served, pruned) = match need.files {
            Files::Globs(globs) => self.by_globs(globs, &reason, hiding)?,
            Files::Chosen(globs) => self.by_globs(globs, &reason, Hiding::Looks)?,
            Files::Library(soname) => self.by_soname(soname, sign, reason, hiding)?,
            Files::NameServices => {
                for source in &choices.name_services {
                    let soname = format!("libnss_{source}.so.2");
                    let (served, pruned) = self.by_soname(&soname, sign, reason.clone(), hiding)?;
                    if let Some(without) = need.without.filter(|_| !served) {
                        let without = format!("{without}: `{source}`, as {soname} is not there");
                        self.lack(hidden, without, pruned, sign, choices);
                    }
                }
                return Ok(());
            }
            Files::Written(path, content) => self.by_writing(path, content, reason, hiding)?,
            Files::Unknown => (false, None),
        };
        if let Some(without) = need.without.filter(|_| !served) {
            self.lack(hidden, without.to_owned(), pruned, sign, choices);
        }
        Ok(())
    }

    /// Notes that something does not work, or that it may not.
    fn lack(&mut self, hidden: &Hidden, without: String, pruned: Option<String>, sign: &Sign, choices: &HiddenChoices) {
        let allowed = choices.allowed.get(hidden.name).map(String::as_str);
        let allowed = allowed.or_else(|| self.globs.allow_missing.find(&sign.by));
        let (name, by) = (hidden.name.to_owned(), sign.by.clone());
        self.closure.findings.insert(match allowed {
            Some(pattern) => Finding::AllowedMissing { path: by, wanted: name, pattern: pattern.to_owned() },
            None => Finding::HiddenMissing { name, by, trigger: sign.told.clone(), without, pruned },
        });
    }

    /// Whether something that the globs match is in the image, or goes in now; and what keeps the others out.
    fn by_globs(&mut self, globs: &[&str], reason: &Reason, hiding: Hiding) -> Result<(bool, Option<String>), Error> {
        let (patterns, index) = (Patterns::new(globs)?, self.index);
        let (mut served, mut pruned) = (false, None);
        for (path, node) in index.tree().iter() {
            // A directory is nothing that serves, and comes with what is in it.
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
                None if hiding == Hiding::Adds => {
                    self.take(path, &node.kind, reason.clone())?;
                    served = true;
                }
                None => {}
            }
        }
        Ok((served, pruned))
    }

    /// The same for a library that the dynamic linker finds by its soname, on behalf of the file that gives it away.
    fn by_soname(
        &mut self,
        soname: &str,
        sign: &Sign,
        reason: Reason,
        hiding: Hiding,
    ) -> Result<(bool, Option<String>), Error> {
        let index = self.index;
        let Some(elf) = index.content(&sign.by).and_then(|content| content.elf()) else { return Ok((false, None)) };
        let origin = path::parent(&sign.by).unwrap_or("/");
        let search = self.searcher.search(soname, &[Requester { elf, origin }]);
        for found in &search.found {
            let real = &found.resolved.path;
            if self.closure.reason(real).is_none() && hiding == Hiding::Adds {
                self.add(&found.resolved, reason.clone());
                self.follow(real)?;
            }
        }
        let served = search.found.iter().any(|found| self.closure.reason(&found.resolved.path).is_some());
        Ok((served, search.pruned().map(str::to_owned)))
    }

    /// The same for a file that is made where ROOT has nothing at its path.
    fn by_writing(
        &mut self,
        path: &'static str,
        content: &'static str,
        reason: Reason,
        hiding: Hiding,
    ) -> Result<(bool, Option<String>), Error> {
        if self.index.tree().resolve(path).is_ok() {
            return self.by_globs(&[path], &reason, hiding);
        }
        if let Some(pattern) = self.globs.pruned(path) {
            return Ok((false, Some(pattern.to_owned())));
        }
        self.closure.written.insert(path.to_owned(), (reason, content));
        Ok((true, None))
    }
}

/// What of a file gives a dependency away.
fn tells(elf: &Elf, hidden: &Hidden) -> Option<Told> {
    let soname = elf.soname.as_deref().unwrap_or_default();
    let hands_on = hidden.not_of.iter().any(|start| soname.starts_with(start));
    hidden.triggers.iter().find_map(|trigger| match trigger {
        Trigger::Soname(start) => soname.starts_with(start).then(|| Told::Is(soname.to_owned())),
        Trigger::Symbol(name) => has(&elf.imports, name, hands_on).map(Told::Calls),
        Trigger::Text(text) => has(&elf.mentions, text, hands_on).map(Told::Mentions),
    })
}

fn has(list: &[String], wanted: &str, hands_on: bool) -> Option<String> {
    list.iter().find(|item| *item == wanted && !hands_on).cloned()
}

#[cfg(test)]
#[path = "hidden_tests.rs"]
mod tests;
