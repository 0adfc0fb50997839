//! Selecting: from ROOT, programs and what is below to what an image consists of, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::Path;

use tierce_manifest::{self as manifest, AllowMissing, ContentSpec, Hook, ImageSpec, Include, PRESETS};
use tierce_oci::Runtime;
use tierce_plan::{Outcome, Program, Root, Unmerged, keep_globs};
use tierce_rootfs::{Base, Closure, Completed, Finding, Globs, Index, Patterns, closure, packages};

use crate::executor::{Executor, builder_of, missing_input};
use crate::progress::Event;
use crate::report::base_name;
use crate::run::Inputs;
use crate::steps::below::{Below, Laid};
use crate::steps::overlay;
use crate::steps::pack::reader;
use crate::steps::packages::open;
use crate::steps::root::RootFacts;
use crate::steps::run_time::{check_strictness, run_time};
use crate::steps::{finish, hooks, started};
use crate::{Error, files};

/// What an image consists of, that below it included.
pub(crate) struct Selection {
    /// Its files.
    pub(crate) image: Index,
    /// Why each is in.
    pub(crate) chosen: Closure,
    /// The packages that they are of.
    pub(crate) owners: Owners,
    /// What it begins with.
    pub(crate) below: Option<Below>,
    /// ROOT's archive, which has the bytes of most.
    pub(crate) archive: File,
}

/// Packages, `category/name`, by the paths of their files.
pub(crate) struct Owners {
    /// Those by which layers are made.
    pub(crate) of_layers: BTreeMap<String, String>,
    /// The same, with the hooks that have made or changed a file.
    pub(crate) of_files: BTreeMap<String, String>,
}

impl Executor<'_> {
    /// Selects the image's files.
    pub(crate) fn select(&self, spec: &ImageSpec, inputs: &Inputs) -> Result<Selection, Error> {
        self.select_with(spec, inputs, |selected, chosen, archive| {
            self.finish(spec, builder_of(inputs)?, selected, chosen, archive)
        })
    }

    /// The same; `last_hook` is called where the image has `hooks.finish`, with what was selected, why, what `remove` matches,
    /// and ROOT's archive.
    pub(crate) fn select_with(
        &self,
        spec: &ImageSpec,
        inputs: &Inputs,
        mut last_hook: impl FnMut(Index, (&mut Closure, &Patterns), &mut File) -> Result<Index, Error>,
    ) -> Result<Selection, Error> {
        let (tree, programs) = built(spec, inputs)?;
        let facts = self.root_facts(tree.key())?;
        let archive = self.root_archive(tree.key());
        let loader = facts.loader(&archive)?;
        let mut owners: BTreeMap<String, String> =
            facts.owners.iter().map(|(path, cpv)| (path.clone(), base_name(cpv).to_owned())).collect();
        let RootFacts { mut index, owners: packages_of, hooks, .. } = facts;

        let below = self.below(spec, inputs)?;
        let mut globs = globs(&spec.content)?;
        let Laid { mut starts, laid } = below
            .as_ref()
            .map(|below| below.lay_over(&mut index, &mut globs, &archive))
            .transpose()?
            .unwrap_or_default();
        let overlaid = self.overlay(spec, programs, probe_of(inputs), &globs.remove, &mut index, &archive)?;
        let unmatched_remove = overlaid.unmatched_remove;
        starts.extend(overlaid.starts);
        let (asked, choices) = run_time(spec, &mut index, &archive)?;
        starts.extend(asked);
        let foreign = below.as_ref().map(|below| &below.base).filter(|base| base.is_foreign());
        globs.unfollowed = foreign.map(|base| base.unfollowed(&index, &laid)).unwrap_or_default();
        let chosen = match includes_packages(spec) {
            false => closure(&index, &starts, &loader, &globs, &choices),
            true => packages(&index, &starts, &owners, &loader, &globs, &choices),
        };
        let missing = |error| self.missing(spec, &packages_of, tree.unmerged_from(), error);
        let mut chosen = chosen.map_err(missing)?;
        chosen.findings.extend(unmatched_remove);
        let mut selected = index.select(chosen.iter().map(|(path, _)| path))?;
        if let Some(base) = foreign {
            let completed = base.complete(&selected, &mut chosen, &globs, &laid);
            let Completed { image, moved } = completed.map_err(|error| self.not_on_base(spec, base, &error))?;
            selected = image;
            for (from, to) in moved {
                owners.extend(owners.get(&from).cloned().map(|owner| (to, owner)));
            }
        }
        chosen.add_made(&mut selected, &loader, &foreign.map(Base::ld_cache).unwrap_or_default())?;
        self.warn_of_findings(spec, &chosen.findings, below.as_ref().and_then(|below| below.foreign.as_ref()));
        check_strictness(spec, &chosen)?;
        self.keep_symbols(&index, &selected, &archive)?;
        hooks::attribute(&mut chosen, &hooks);

        let (mut source, _) = open(&archive)?;
        if let Some(hook) = spec.hooks.get(Hook::Finish) {
            selected = last_hook(selected, (&mut chosen, &globs.remove), &mut source)?;
            // Of both, where there is an image below: what differs from that is found after it.
            let foreign = foreign.map(|base| (base, &laid));
            let whole = finish::check(spec, &selected, &chosen, foreign, &loader, &globs, &choices);
            whole.map_err(|error| finish::blamed(missing(error), hook))?;
        }
        started::check(spec, below.as_ref().and_then(|below| below.foreign.as_ref()), &selected, &globs)?;
        overlay::set_capabilities(&spec.content, &mut selected)?;
        let of_files = hooks::owners(owners.clone(), hooks, &chosen);
        let owners = Owners { of_layers: owners, of_files };
        Ok(Selection { image: selected, chosen, owners, below, archive: source })
    }

    /// The error for what cannot be put over an image from anywhere.
    fn not_on_base(&self, spec: &ImageSpec, base: &Base, error: &tierce_rootfs::Error) -> Error {
        let place = match &spec.base {
            manifest::Base::Foreign(reference) => &reference.place,
            manifest::Base::Image(name) => &name.place,
            manifest::Base::Scratch => &spec.place,
        };
        Error::Table {
            place: place.clone(),
            message: format!("`{}` does not go together with `{}`: {error}", spec.name, base.name()),
            help: Some("keep the path out of both by `prune`, or begin with another image".into()),
        }
    }

    /// Says which globs of the table match nothing, and what comes nearest; and of a base from anywhere that it is one.
    fn warn_of_findings(&self, spec: &ImageSpec, findings: &BTreeSet<Finding>, base: Option<&Runtime>) {
        for finding in findings {
            let (key, pattern, nearest, why) = match finding {
                Finding::UnmatchedKeep { pattern, nearest } => {
                    ("keep", pattern, nearest, "no package of the image brings such a file")
                }
                Finding::UnmatchedPrune { pattern, nearest } => {
                    ("prune", pattern, nearest, "nothing is left out by it")
                }
                Finding::UnmatchedRemove { pattern, nearest } => {
                    ("remove", pattern, nearest, "nothing is taken out by it")
                }
                Finding::ForeignBase { .. } => {
                    self.warn_of_foreign_base(spec, finding, base);
                    continue;
                }
                _ => continue,
            };
            let nearest = nearest.as_ref().map(|path| format!("; there is `{path}`")).unwrap_or_default();
            let message = format!("`{key}` of `{}` has `{pattern}`, which matches nothing: {why}{nearest}", spec.name);
            (self.observer)(Event::Warning { message });
        }
    }

    /// Copies the symbols of the libraries that ship to where debuggers look for them: by build-id.
    fn keep_symbols(&self, root: &Index, selected: &Index, archive: &Path) -> Result<(), Error> {
        let (mut source, _) = open(archive)?;
        for (path, content) in selected.files() {
            let Some(id) = content.elf().and_then(|elf| elf.build_id.as_deref()) else { continue };
            let Some((first, rest)) = id.split_at_checked(2) else { continue };
            let inside = format!("/usr/lib/debug/.build-id/{first}/{rest}.debug");
            let kept = self.symbols_path(id);
            let Ok(resolved) = root.tree().resolve(&inside) else { continue };
            if let (false, Some(symbols)) = (kept.exists(), root.content(&resolved.path)) {
                let mut reader = reader(symbols, &mut source, path)?;
                files::write_with(&kept, |file| {
                    io::copy(&mut reader, file).map(drop).map_err(|error| Error::file("write", &kept, error))
                })?;
            }
        }
        Ok(())
    }
}

/// Whether all files of packages go in. Without any of its own, an image on top of one from anywhere has what its files need.
pub(super) fn includes_packages(spec: &ImageSpec) -> bool {
    let has_packages = spec.base.foreign().is_none() || !spec.emerge.packages.is_empty();
    spec.content.include == Include::Packages && has_packages
}

/// What the table says by globs, and the presets.
pub(super) fn globs(content: &ContentSpec) -> Result<Globs, Error> {
    let kept: Vec<(String, String)> = content.keep.iter().flat_map(|keep| keep_globs(&keep.value)).collect();
    let of_presets = PRESETS.iter().flat_map(|preset| preset.globs.iter().map(|glob| (preset.name, *glob)));
    Ok(Globs {
        keep: Patterns::named(kept.iter().map(|(name, glob)| (name.as_str(), glob.as_str())))?,
        prune: Patterns::new(content.prune.iter().map(|glob| glob.value.glob()))?,
        remove: Patterns::new(content.remove.iter().map(|glob| glob.value.glob()))?,
        presets: Patterns::named(of_presets)?,
        allow_missing: Patterns::new(content.allow_missing.iter().filter_map(|allowed| match &allowed.value {
            AllowMissing::Glob(glob) => Some(glob.glob()),
            AllowMissing::Hidden(_) => None,
        }))?,
        ..Globs::default()
    })
}

/// What an image is chosen of.
enum Tree<'i> {
    Root(&'i Root),
    Unmerged(&'i Unmerged),
}

impl Tree<'_> {
    fn key(&self) -> &str {
        match self {
            Tree::Root(root) => &root.key,
            Tree::Unmerged(unmerged) => &unmerged.key,
        }
    }

    /// The key of the ROOT that has what was unmerged.
    fn unmerged_from(&self) -> Option<&str> {
        match self {
            Tree::Root(_) => None,
            Tree::Unmerged(unmerged) => Some(&unmerged.root),
        }
    }
}

/// The tree and the programs among the results before a step; no programs for an image that has none.
fn built<'i>(spec: &ImageSpec, inputs: &'i Inputs) -> Result<(Tree<'i>, &'i [Program]), Error> {
    let own = || inputs.iter().filter(|(id, _)| id.image() == Some(spec.name.as_str())).map(|(_, outcome)| outcome);
    let tree = own().find_map(|outcome| match outcome {
        Outcome::Root(root) => Some(Tree::Root(root)),
        Outcome::Unmerged(unmerged) => Some(Tree::Unmerged(unmerged)),
        _ => None,
    });
    let programs = own().find_map(|outcome| match outcome {
        Outcome::Programs(programs) => Some(programs.as_slice()),
        _ => None,
    });
    let programs = programs.or(spec.program.is_none().then_some(&[]));
    tree.zip(programs).ok_or_else(|| missing_input("ROOT and programs"))
}

/// The probe among the results before a step, for an image whose health check uses it.
fn probe_of(inputs: &Inputs) -> Option<&Program> {
    inputs.values().find_map(|outcome| match outcome {
        Outcome::Probe(probe) => Some(probe),
        _ => None,
    })
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
