//! Selects the files of an image from ROOT, programs and the base, each with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_builders::container::roots::RootFacts;
use tierce_manifest::{self as manifest, ImageSpec, Place};
use tierce_oci::Runtime;
use tierce_portage::without_version;
use tierce_rootfs::{
    Base, Closure, Completed, Finding, Globs, Index, Loader, RestOfLibc, RuntimeDepChoices, Start, closure, packages,
};
use tierce_store::{Error, ErrorKind, files};

use crate::gather::crates::crates;
use crate::steps::base_image::{BaseImage, MergedBase, base_image};
use crate::steps::external_base::warn_of_foreign_base;
use crate::steps::globs::{globs, includes_packages};
use crate::steps::missing::missing;
use crate::steps::overlay::overlay;
use crate::steps::runtime_keys::{check_strictness, run_time};
use crate::steps::{hook_files, unused_packages};

/// The files of an image before its last hook, including those of its base.
pub struct SelectedFiles {
    /// The files.
    pub image: Index,
    /// ROOT's archive, which has the contents of most files.
    pub archive: RootArchive,
    /// The reason for each file.
    pub(super) chosen: Closure,
    /// The base.
    pub(super) below: Option<BaseImage>,
    /// The files of the base: their paths in ROOT, each with its path in the base.
    pub(super) laid: BTreeMap<String, String>,
    /// The package of each path of ROOT, as `category/name`.
    pub(super) owners: BTreeMap<String, String>,
    /// The hook that made or changed each path of ROOT.
    pub(super) hooks: BTreeMap<String, String>,
    /// The rules of the selection.
    pub(super) rules: Rules,
    /// The package of each path of ROOT, as `category/name-version`.
    versions: BTreeMap<String, String>,
    /// The key of the original ROOT, if Tierce unmerged packages.
    unmerged_from: Option<String>,
}

/// The rules by which files need others.
pub(super) struct Rules {
    pub(super) loader: Loader,
    pub(super) globs: Globs,
    pub(super) choices: RuntimeDepChoices,
}

impl Rules {
    /// Selects from the files of `index`. `owners` has the package of each path, as `category/name`.
    pub(super) fn select(
        &self,
        spec: &ImageSpec,
        index: &Index,
        starts: &[Start],
        owners: &BTreeMap<String, String>,
    ) -> Result<Closure, tierce_rootfs::Error> {
        match includes_packages(spec) {
            false => closure(index, starts, &self.loader, &self.globs, &self.choices),
            true => packages(index, starts, owners, &self.loader, &self.globs, &self.choices),
        }
    }
}

impl SelectedFiles {
    /// The base, if it is external.
    pub(super) fn external_base(&self) -> Option<&Base> {
        external(self.below.as_ref())
    }

    /// The run configuration of the lowest base, if that base is external.
    pub(super) fn external_runtime(&self) -> Option<&Runtime> {
        self.below.as_ref().and_then(|below| below.foreign.as_ref())
    }

    /// Returns the error for files that the image lacks.
    pub(super) fn missing(&self, context: &Context<'_>, spec: &ImageSpec, error: tierce_rootfs::Error) -> Error {
        missing(context, spec, &self.versions, self.unmerged_from.as_deref(), error)
    }
}

/// Selects the image's files, without running its last hook.
pub fn select_files(context: &Context<'_>, spec: &ImageSpec, inputs: &Inputs) -> Result<SelectedFiles, Error> {
    let tree = inputs.tree(spec.name.as_str())?;
    let programs = inputs.programs(spec.name.as_str()).or(spec.program.is_none().then_some(&[]));
    let programs = programs.ok_or_else(|| Error::missing_input("programs"))?;
    let facts = context.root_facts(tree.key())?;
    let archive = context.root_archive(tree.key());
    let loader = facts.loader(&archive)?;
    let mut owners: BTreeMap<String, String> =
        facts.owners.iter().map(|(path, cpv)| (path.clone(), without_version(cpv).to_owned())).collect();
    let RootFacts { mut index, owners: versions, hooks, .. } = facts;

    let below = base_image(context, spec, inputs)?;
    if let Some(rest) =
        external(below.as_ref()).map(|base| base.root_without_libc(&index, &owners)).transpose()?.flatten()
    {
        index = rest;
    }
    let mut globs = globs(&spec.content)?;
    let MergedBase { mut starts, laid } =
        below.as_ref().map(|below| below.lay_over(&mut index, &mut globs, &archive)).transpose()?.unwrap_or_default();
    let overlaid = overlay(
        context,
        spec,
        programs,
        inputs.probe(),
        (&globs, below.as_ref().map(|below| &below.base)),
        &mut index,
        &archive,
    )?;
    starts.extend(overlaid.starts);
    let (asked, choices) = run_time(spec, &mut index, &archive)?;
    starts.extend(asked);
    let foreign = external(below.as_ref());
    globs.unfollowed = foreign.map(|base| base.unfollowed(&index, &laid)).unwrap_or_default();
    let rules = Rules { loader, globs, choices };
    let select = |starts: &[Start]| {
        let chosen = rules.select(spec, &index, starts, &owners);
        chosen.map_err(|error| missing(context, spec, &versions, tree.unmerged_from(), error))
    };
    let mut chosen = select(&starts)?;
    if let Some(base) = foreign {
        let RestOfLibc { starts: rest, lacking } = base.rest_of_libc(&index, &chosen, &laid, &owners);
        check_libc_is_whole(spec, base, &lacking)?;
        if !rest.is_empty() {
            starts.extend(rest);
            chosen = select(&starts)?;
        }
    }
    chosen.findings.extend(overlaid.unmatched_remove);
    let mut image = index.select(chosen.iter().map(|(path, _)| path))?;
    if let Some(base) = foreign {
        let completed = base.complete(&image, &mut chosen, &rules.globs, &laid);
        let completed: Completed = completed.map_err(|error| not_on_base(spec, base, &error))?;
        image = completed.image;
        for (from, to) in completed.moved {
            owners.extend(owners.get(&from).cloned().map(|owner| (to, owner)));
        }
    }
    chosen.findings.extend(unused_packages::find(spec, &owners, &image, || {
        let crates = crates(context.workspace, spec)?;
        Ok(crates.into_iter().map(|one| one.name).collect())
    })?);
    chosen.add_made(&mut image, &rules.loader, &foreign.map(Base::ld_cache).unwrap_or_default())?;
    warn_of_findings(context, spec, &chosen.findings, below.as_ref().and_then(|below| below.foreign.as_ref()));
    check_strictness(spec, &chosen)?;
    keep_symbols(context, &index, &image, &archive)?;
    hook_files::attribute(&mut chosen, &hooks);
    let unmerged_from = tree.unmerged_from().map(str::to_owned);
    let archive = RootArchive::open(&archive)?;
    Ok(SelectedFiles { image, archive, chosen, below, laid, owners, hooks, rules, versions, unmerged_from })
}

fn external(below: Option<&BaseImage>) -> Option<&Base> {
    below.map(|below| &below.base).filter(|base| base.is_foreign())
}

/// The place of an image's base.
pub(super) fn base_place(spec: &ImageSpec) -> &Place {
    match &spec.base {
        manifest::Base::Foreign(reference) => &reference.place,
        manifest::Base::Image(name) => &name.place,
        manifest::Base::Scratch => &spec.place,
    }
}

/// Fails if the base's programs need a part of their C library that ROOT's replaces and lacks.
fn check_libc_is_whole(spec: &ImageSpec, base: &Base, lacking: &BTreeMap<String, String>) -> Result<(), Error> {
    if lacking.is_empty() {
        return Ok(());
    }
    let (image, base) = (&spec.name, base.name());
    let message =
        format!("`{image}` has another C library than its base `{base}`, and the base's programs need all of it");
    let line = |(soname, by): (&String, &String)| format!("ROOT's lacks `{soname}`, needed by `{by}`");
    let lines: Vec<String> = lacking.iter().map(line).collect();
    let error = Error::new(ErrorKind::Pack, message).with_lines(&lines).at(base_place(spec));
    Err(error.with_help("begin with another image, or take the files that need it out by `remove`"))
}

/// Returns the error for files that conflict with an external base.
fn not_on_base(spec: &ImageSpec, base: &Base, error: &tierce_rootfs::Error) -> Error {
    Error::table(base_place(spec), format!("`{}` does not go together with `{}`: {error}", spec.name, base.name()))
        .with_help("keep the path out of both by `prune`, or begin with another image")
}

/// Warns about globs that match nothing, with the nearest path, and about an external base.
fn warn_of_findings(context: &Context<'_>, spec: &ImageSpec, findings: &BTreeSet<Finding>, base: Option<&Runtime>) {
    for finding in findings {
        let (key, pattern, nearest, why) = match finding {
            Finding::UnmatchedKeep { pattern, nearest } => {
                ("keep", pattern, nearest, "no package of the image has such a file")
            }
            Finding::UnmatchedPrune { pattern, nearest } => ("prune", pattern, nearest, "it removes nothing"),
            Finding::UnmatchedRemove { pattern, nearest } => ("remove", pattern, nearest, "it removes nothing"),
            Finding::ForeignBase { .. } => {
                warn_of_foreign_base(context, spec, finding, base);
                continue;
            }
            _ => continue,
        };
        let nearest = nearest.as_ref().map(|path| format!("; there is `{path}`")).unwrap_or_default();
        let message = format!("`{key}` of `{}` has `{pattern}`, which matches nothing: {why}{nearest}", spec.name);
        context.warn(message);
    }
}

/// Copies the symbols of the image's libraries to the place where debuggers look for them by build-id.
fn keep_symbols(context: &Context<'_>, root: &Index, selected: &Index, archive: &Path) -> Result<(), Error> {
    let mut source = RootArchive::open(archive)?;
    for (_, content) in selected.files() {
        let Some(id) = content.elf().and_then(|elf| elf.build_id.as_deref()) else { continue };
        let Some((first, rest)) = id.split_at_checked(2) else { continue };
        let inside = format!("/usr/lib/debug/.build-id/{first}/{rest}.debug");
        let kept = context.symbols_path(id);
        let Ok(resolved) = root.tree().resolve(&inside) else { continue };
        if let (false, Some(symbols)) = (kept.exists(), root.content(&resolved.path)) {
            let mut reader = source.content(symbols)?;
            files::write_with(&kept, |file| {
                io::copy(&mut reader, file).map(drop).map_err(|error| Error::file("write", &kept, error))
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "select_files_tests.rs"]
mod tests;
