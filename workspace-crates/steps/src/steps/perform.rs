//! Performs single steps: matches every action and calls the file of this folder that implements it.

use std::collections::BTreeMap;

use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_builders::engine::run::Perform;
use tierce_builders::workspace::Workspace;
use tierce_plan::{Action, Facts, Key, Outcome, PackageBuild, Sink, Step};
use tierce_store::locks::Held;
use tierce_store::{Error, Observer, locks};

use crate::steps::builder::{import_builder, make_builder, use_builder_image};
use crate::steps::compile::compile;
use crate::steps::debian::{fetch_builder, select_debs};
use crate::steps::external_base::save_base;
use crate::steps::load::{load, sink_is_present, tag};
use crate::steps::pack::{is_listed, layers_are_present, pack, packed_is_present};
use crate::steps::packages::{build_packages, extend_builder};
use crate::steps::probe::build_probe;
use crate::steps::pull::pull_image;
use crate::steps::resolve::resolve;
use crate::steps::root::merge_root;
use crate::steps::sources::fetch_sources;
use crate::steps::test::test_image;
use crate::steps::unmerge::unmerge;
use tierce_image_tests::{count_for, failed_tests};

/// Performs the steps of a plan.
pub struct Performer<'a> {
    context: Context<'a>,
    /// Whether a failed test of one image lets the run continue with other images.
    forgives_failed_tests: bool,
}

impl<'a> Performer<'a> {
    /// Returns a performer for a run whose purpose is to build.
    pub fn new(workspace: &'a Workspace, facts: &'a Facts, observer: &'a Observer<'a>) -> Performer<'a> {
        Performer { context: Context { workspace, facts, observer }, forgives_failed_tests: false }
    }

    /// Returns a performer for a run whose purpose is to test: a failed test is a result, not an error.
    pub fn forgiving(self) -> Performer<'a> {
        Performer { forgives_failed_tests: true, ..self }
    }

    /// Waits until no other run compiles one of the missing packages, and locks them.
    fn claim_packages(&self, step: &Step, packages: &[PackageBuild]) -> Result<Vec<Held>, Error> {
        let Context { workspace, observer, .. } = self.context;
        let missing = packages.iter().filter(|package| self.context.is_missing(step, package));
        // All runs lock packages in the same order, so two runs never wait for each other.
        let missing: BTreeMap<&str, &PackageBuild> = missing.map(|package| (package.key.as_str(), package)).collect();
        let take = |(key, package): (&str, &PackageBuild)| {
            let lock = format!("package-{}", key.get(..16).unwrap_or(key));
            let what = format!("another run or image that compiles {}", package.package);
            let is_made = || !self.context.is_missing(step, package);
            let interrupted = &workspace.options.interrupted;
            locks::shared_until(&workspace.paths, &lock, &what, step.id.as_str(), &is_made, interrupted, observer)
                .transpose()
        };
        missing.into_iter().filter_map(take).collect()
    }

    /// Removes leftovers of killed runs before the first step that uses the daemon. Their containers may still write into the
    /// same folders.
    fn remove_leftovers(&self, action: &Action) -> Result<(), Error> {
        let makes = matches!(
            action,
            Action::MakeBuilder
                | Action::ImportBuilder
                | Action::UseBuilderImage { .. }
                | Action::Resolve { .. }
                | Action::BuildPackages { .. }
                | Action::ExtendBuilder { .. }
                | Action::MergeRoot { .. }
                | Action::Unmerge { .. }
                | Action::Compile { .. }
                | Action::BuildProbe { .. }
                | Action::Test { .. }
        );
        if !makes {
            return Ok(());
        }
        let workspace = self.context.workspace;
        match workspace.remove_leftovers() {
            // A container may still write into folders of this run. A sandbox has ended with its run, and takes disk space alone.
            Err(error) if workspace.has_sandbox() => {
                workspace.check_interrupted()?;
                self.context.warn(format!("leftovers of a killed run stay: {error}"));
                Ok(())
            }
            ended => ended,
        }
    }
}

impl Perform for Performer<'_> {
    type Claim = Vec<Held>;

    fn begin<'s>(&self, mut steps: impl Iterator<Item = &'s Step>) -> Result<(), Error> {
        // Downloads too, because the containers that need them come after minutes.
        let leads_to_mounts = |step: &Step| {
            !matches!(
                step.action,
                Action::PullImage { .. }
                    | Action::SaveBase { .. }
                    | Action::Unmerge { .. }
                    | Action::Pack { .. }
                    | Action::Load { .. }
                    | Action::Test { .. }
                    | Action::Tag { .. }
            )
        };
        if steps.any(leads_to_mounts) { self.context.engine()?.check_sight() } else { Ok(()) }
    }

    fn claim(&self, step: &Step, key: &Key) -> Result<Option<Vec<Held>>, Error> {
        let (lock, what) = match &step.action {
            Action::SelectDebs => ("debs".to_owned(), "selects Debian's packages"),
            Action::MakeBuilder | Action::ImportBuilder => ("builder".to_owned(), "makes a builder"),
            Action::BuildPackages { packages, .. } => return self.claim_packages(step, packages).map(Some),
            Action::ExtendBuilder { .. } => {
                (format!("environment-{}", key.short()), "adds the same build-packages to a builder")
            }
            Action::MergeRoot { .. } => (format!("root-{}", key.short()), "merges the same ROOT"),
            Action::Unmerge { .. } => {
                (format!("unmerge-{}", key.short()), "unmerges the same packages from the same ROOT")
            }
            _ => return Ok(None),
        };
        let Context { workspace, observer, .. } = self.context;
        let what = format!("another run or image that {what}");
        let held =
            locks::shared(&workspace.paths, &lock, &what, step.id.as_str(), &workspace.options.interrupted, observer)?;
        Ok(Some(vec![held]))
    }

    fn perform(&self, step: &Step, inputs: &Inputs) -> Result<Outcome, Error> {
        let (id, context) = (&step.id, &self.context);
        self.remove_leftovers(&step.action)?;
        match &step.action {
            Action::SelectDebs => select_debs(context, id),
            Action::FetchBuilder => fetch_builder(context, id),
            Action::MakeBuilder => make_builder(context, step),
            Action::ImportBuilder => import_builder(context, step),
            Action::PullImage { reference } => pull_image(context, id, reference),
            Action::UseBuilderImage { reference } => use_builder_image(context, step, reference),
            Action::Resolve { image, keep, moves, .. } => resolve(context, image, keep, moves, inputs.builder()?),
            Action::FetchSources { image, packages } => fetch_sources(context, id, image, packages),
            Action::BuildPackages { image, packages } => build_packages(context, step, image, packages, inputs),
            Action::ExtendBuilder { image } => extend_builder(context, step, image, inputs),
            Action::MergeRoot { image } => merge_root(context, step, image, inputs),
            Action::Unmerge { image, packages } => unmerge(context, step, image, packages, inputs),
            Action::Compile { image } => compile(context, step, image, inputs),
            Action::BuildProbe { .. } => build_probe(context, inputs),
            Action::SaveBase { reference, id, .. } => save_base(context, reference, id),
            Action::Pack { image } => pack(context, image, inputs),
            Action::Load { image, sink } => load(context, image, sink, inputs),
            Action::Test { image, tests } => test_image(context, step, image, tests, inputs),
            Action::Tag { image, references } => tag(context, image, references, inputs),
        }
    }

    fn accept(&self, step: &Step, outcome: &Outcome, earlier: bool) -> Result<(), Error> {
        if self.forgives_failed_tests { Ok(()) } else { failed_tests(&self.context, step, outcome, earlier) }
    }

    fn is_present(&self, step: &Step, outcome: &Outcome) -> Result<bool, Error> {
        let context = &self.context;
        let has_blob = |sha256: &str| context.workspace.paths.blob(sha256).is_file();
        Ok(match (&step.action, outcome) {
            (_, Outcome::Builder(builder)) => context.has_builder(builder)?,
            (_, Outcome::Binpkgs(binpkgs)) => binpkgs.iter().all(|binpkg| context.binpkg_path(&binpkg.key).is_file()),
            (Action::MergeRoot { image }, Outcome::Root(root)) => context.root_is_present(image, root)?,
            (Action::Unmerge { image, .. }, Outcome::Unmerged(unmerged)) => {
                context.root_archive_is_present(image, &unmerged.key)?
            }
            (_, Outcome::Programs(programs)) => programs.iter().all(|program| has_blob(&program.sha256)),
            (_, Outcome::Probe(probe)) => has_blob(&probe.sha256),
            (_, Outcome::Base(base)) => layers_are_present(context, &base.layers),
            (Action::Pack { image }, Outcome::Image(packed)) => packed_is_present(context, image, packed),
            (Action::Load { sink: Sink::Daemon, .. }, Outcome::Delivered { id, .. }) => {
                context.docker()?.image(id)?.is_some()
            }
            (Action::Load { image, sink }, Outcome::Delivered { manifest, .. }) => {
                is_listed(context, image) && sink_is_present(context, image, sink, manifest.as_deref())
            }
            (Action::Test { .. }, Outcome::Tested(tests)) => count_for(step, tests),
            (Action::Tag { image, references }, Outcome::Delivered { id, .. }) => {
                let docker = context.docker()?;
                let mut all = is_listed(context, image);
                for reference in references {
                    all &= docker.image(reference)?.is_some_and(|image| image.id == *id);
                }
                all
            }
            // Tierce never asks about a step without a receipt.
            _ => false,
        })
    }
}
