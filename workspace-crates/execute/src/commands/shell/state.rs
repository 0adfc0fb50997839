//! The containers of `shell`: those of the steps, with a shell or the user's command as their program.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;
use tierce_builders::container::builder_engine::OpenBuilder;
use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::context::Context;
use tierce_builders::container::hooks::ImageHook;
use tierce_builders::container::inputs::Inputs;
use tierce_builders::container::opening::{Interaction, Opening, read_only};
use tierce_builders::container::tar_of_files::TarOfFiles;
use tierce_manifest::{Hook, ImageSpec};
use tierce_plan::{Action, Builder, Outcome, PackageBuild, Plan, ROOT, Root, Step, StepId};
use tierce_portage::EMERGE_SH;
use tierce_rootfs::Index;
use tierce_steps::{Compilation, bring_tree, cargo_call, compile_container, profiles, sources, unmerge_container};
use tierce_store::failed::Failed;
use tierce_store::files::{create_dir, utf8};
use tierce_store::receipts::Receipt;
use tierce_store::{Error, files};

use crate::commands::shell::scratch_volume::ScratchVolume;
use crate::commands::shell::{Shell, ShellOptions, missing};

/// The script that restores the state of a step in a builder.
const SHELL_SH: &str = include_str!("../../scripts/shell.sh");

/// The inputs for entering a step.
pub(super) struct State<'s> {
    pub(super) context: &'s Context<'s>,
    pub(super) image: &'s ImageSpec,
    pub(super) plan: &'s Plan,
    pub(super) known: &'s BTreeMap<StepId, Receipt>,
    pub(super) options: &'s ShellOptions,
}

/// A container to create, and the resources that live as long as it.
#[derive(Default)]
pub(super) struct Made {
    pub(super) spec: Opening,
    /// Whether emerge finds the image's binary packages in the container.
    pub(super) has_binpkgs: bool,
    /// The selected files for ROOT, and ROOT's archive with their contents.
    pub(super) selected: Option<(Index, RootArchive)>,
    pub(super) prepared: Option<String>,
    pub(super) hook: Option<Hook>,
    pub(super) folders: Option<TempDir>,
    pub(super) volume: Option<ScratchVolume>,
}

impl State<'_> {
    pub(super) fn missing(&self, problem: &str) -> Error {
        missing(self.image.name.as_str(), problem)
    }

    /// Creates the container with the state at the start of the step, or at its failure.
    pub(super) fn enter(&self, step: &Step, failed: Option<Failed>) -> Result<Shell, Error> {
        let made = match &step.action {
            Action::Compile { .. } => {
                let folders = self.folders()?;
                Made { spec: self.compile_container(step, folders.path())?, folders: Some(folders), ..Made::default() }
            }
            Action::Unmerge { packages, .. } => self.unmerging(packages)?,
            Action::MergeRoot { .. } => match &failed {
                Some(failed) => self.merging(step, failed)?,
                None => self.before_merging()?,
            },
            Action::Pack { .. } => self.finishing(step)?,
            _ => self.emerging(step, failed.as_ref())?,
        };
        let Made { spec, has_binpkgs, selected, prepared, hook, folders, volume } = made;
        let interaction = if self.options.tty { Interaction::Terminal } else { Interaction::Pipe };
        let has_command = spec.environment.contains_key("TIERCE_COMMAND");
        let container = self.context.open(&Opening { interaction, ..spec })?;
        if has_binpkgs {
            self.context.bring_binpkgs(&*container, &self.packages())?;
        }
        if let Some((selected, mut archive)) = selected {
            bring_tree(&*container, &selected, &mut archive)?;
        }
        // The volume of a failed merge is already ROOT.
        if self.options.root && volume.is_none() {
            self.bring_root(&*container)?;
        }
        let step = step.id.clone();
        Ok(Shell { container, step, prepared, hook, has_command, _folders: folders, _volume: volume })
    }

    /// Returns the container that compiles packages or installs them into the image's own builder.
    fn emerging(&self, step: &Step, failed: Option<&Failed>) -> Result<Made, Error> {
        let packages = self.packages();
        let own_builder = matches!(step.action, Action::ExtendBuilder { .. });
        let failed_package = failed.and_then(|failed| failed.package.as_deref());
        let mut words = Vec::new();
        if !own_builder || !self.image.emerge.build_packages.is_empty() {
            let before = packages.iter().take_while(|package| failed_package != Some(package.package.as_str()));
            let is_there = |package: &&PackageBuild| self.context.binpkg_path(&package.key).is_file();
            words.push("--merge".to_owned());
            let merged = before.filter(|package| package.builder).filter(is_there);
            words.extend(merged.map(|package| self.context.exact(self.image, package)));
        }
        let prepared = packages.iter().find(|package| failed_package == Some(package.package.as_str()));
        if let Some(package) = prepared {
            words.extend(["--prepare".to_owned(), self.context.exact(self.image, package)]);
        }
        let hook = failed.and_then(Failed::hook).and_then(|hook| ImageHook::find(self.image, hook));
        let builder = self.builder(step)?;
        let mut spec = match hook {
            Some(hook) => {
                words.push("--hook".to_owned());
                self.hook_container(hook, builder, None)?
            }
            None => {
                let mounts = self.context.portage_mounts(self.image, self.context.locked(self.image.name.as_str()))?;
                self.context.opening(builder, "shell", mounts)
            }
        };
        self.add_emerge(&mut spec)?;
        if self.options.root {
            words.extend(["--root".to_owned(), ROOT.to_owned()]);
        }
        let prepared = prepared.map(|package| package.package.clone());
        let spec = self.waits(spec, words)?;
        Ok(Made { spec, has_binpkgs: true, prepared, hook: hook.map(|hook| hook.hook), ..Made::default() })
    }

    /// Adds the requirements of emerge: its script, the distfiles and the number of jobs.
    pub(super) fn add_emerge(&self, spec: &mut Opening) -> Result<(), Error> {
        let workspace = self.context.workspace;
        spec.mounts.push(self.context.script("emerge.sh", EMERGE_SH)?);
        let distfiles = workspace.paths.distfiles();
        create_dir(&distfiles)?;
        spec.mounts.push(read_only(distfiles, "/var/cache/distfiles"));
        spec.environment.insert("JOBS".into(), workspace.options.jobs.to_string());
        Ok(())
    }

    /// Returns a hook's container. `TIERCE_COMMAND` has the hook's command.
    pub(super) fn hook_container(
        &self,
        hook: ImageHook<'_>,
        builder: &Builder,
        volume: Option<&str>,
    ) -> Result<Opening, Error> {
        let mut spec = self.context.hook_container(hook, builder, volume)?;
        let script = spec.arguments.pop().unwrap_or_default();
        let words = ["/bin/bash", "-euo", "pipefail", &script].map(str::to_owned);
        spec.environment.insert("TIERCE_COMMAND".into(), quoted(words));
        Ok(spec)
    }

    /// Returns the container that unmerges packages from a copy of ROOT.
    fn unmerging(&self, packages: &[String]) -> Result<Made, Error> {
        let root = self.root()?;
        let spec = unmerge_container(self.context, self.image, packages, self.plain_builder()?, root)?;
        Ok(Made { spec: self.waits(with_command(spec), Vec::new())?, ..Made::default() })
    }

    /// Makes `shell.sh` the container's program: it follows `words`, then runs the user's command or a shell.
    pub(super) fn waits(&self, mut spec: Opening, mut words: Vec<String>) -> Result<Opening, Error> {
        spec.mounts.push(self.context.script("shell.sh", SHELL_SH)?);
        words.push("--".to_owned());
        words.extend(self.options.command.iter().cloned());
        Ok(Opening {
            program: vec!["/bin/bash".into(), "/tierce/scripts/shell.sh".into()],
            arguments: words,
            kind: "shell",
            ..spec
        })
    }

    /// Returns the compilation's container with its own target folder. `TIERCE_COMMAND` has the step's command for `eval`.
    fn compile_container(&self, step: &Step, folder: &Path) -> Result<Opening, Error> {
        let program = self.image.program.as_ref().ok_or_else(|| self.missing("the image has no program"))?;
        let (context, root) = (self.context, self.root()?);
        let sources = sources(context, program, &utf8(folder.join("target"))?)?;
        let profiles = profiles(context)?;
        let call = cargo_call(context, program, &profiles);
        let (builder, out) = (self.builder(step)?, folder.join("out"));
        let compilation = Compilation { spec: self.image, call: &call, sources: &sources, builder, root, out: &out };
        let mut spec = with_command(compile_container(context, &compilation)?);
        let command = match self.options.command.as_slice() {
            [] => vec!["/bin/bash".to_owned(), "-i".to_owned()],
            command => command.to_vec(),
        };
        // As compile.sh does before it starts cargo.
        let sees_root = ". /tierce/scripts/root_env.sh && exec \"$@\"";
        spec.program = ["/bin/sh", "-c", sees_root, "sh"].map(String::from).into_iter().chain(command).collect();
        spec.kind = "shell";
        Ok(spec)
    }

    /// Creates temporary folders on the host for a compilation.
    fn folders(&self) -> Result<TempDir, Error> {
        let parent = self.context.workspace.paths.own("shell");
        files::sweep(&parent, 0);
        let (folder, _held) = files::temporary_folder_in(&parent)?;
        for name in ["out", "target"] {
            create_dir(&folder.path().join(name))?;
        }
        Ok(folder)
    }

    /// Copies ROOT into the container, so changes stay there.
    fn bring_root(&self, container: &dyn OpenBuilder) -> Result<(), Error> {
        let key = &self.root()?.key;
        container.copy_in("/", &mut TarOfFiles::default().below(ROOT)?)?;
        let mut archive = RootArchive::open(&self.context.root_archive(key))?;
        bring_tree(container, &self.context.root_facts(key)?.index, &mut archive)
    }

    fn packages(&self) -> Vec<PackageBuild> {
        let build = self.plan.steps.iter().find_map(|step| match &step.action {
            Action::BuildPackages { image, packages } if *image == *self.image.name.as_str() => Some(packages.clone()),
            _ => None,
        });
        build.unwrap_or_default()
    }

    /// Returns the known results of a step's inputs.
    pub(super) fn inputs(&self, step: &Step) -> Inputs {
        let known = |id: &StepId| Some((id.clone(), self.known.get(id)?.outcome.clone()));
        step.inputs().filter_map(known).collect()
    }

    /// Returns the builder among the step's inputs: the plain one, or that of an image.
    pub(super) fn builder(&self, step: &Step) -> Result<&Builder, Error> {
        match step.inputs().find(|id| matches!(id.verb(), "builder" | "environment")) {
            Some(id) => self.check_builder(id),
            // If all packages are cached, their step needs no builder.
            None => self.plain_builder(),
        }
    }

    /// Returns the builder that all images share.
    pub(super) fn plain_builder(&self) -> Result<&Builder, Error> {
        let builder = self.plan.steps.iter().find(|step| step.id.verb() == "builder");
        self.check_builder(&builder.ok_or_else(|| self.missing("there is no builder yet"))?.id)
    }

    fn check_builder(&self, step: &StepId) -> Result<&Builder, Error> {
        let Some(Outcome::Builder(builder)) = self.known.get(step).map(|receipt| &receipt.outcome) else {
            return Err(self.missing(&format!("there is no `{step}` yet")));
        };
        if self.context.has_builder(builder)? {
            Ok(builder)
        } else {
            Err(self.missing(&format!("`{step}` is not in the daemon any more")))
        }
    }

    /// Returns the image's own ROOT.
    fn root(&self) -> Result<&Root, Error> {
        let name = self.image.name.as_str();
        self.root_of(name)?.ok_or_else(|| self.missing("there is no ROOT yet"))
    }

    /// Returns the ROOT of this image or of a base; None if its step is not done. Fails if the ROOT was removed.
    pub(super) fn root_of(&self, image: &str) -> Result<Option<&Root>, Error> {
        let root = self.known.iter().find_map(|(id, receipt)| match &receipt.outcome {
            Outcome::Root(root) if id.image() == Some(image) => Some(root),
            _ => None,
        });
        match root {
            Some(root) if !self.context.root_is_present(image, root)? => {
                Err(self.missing("ROOT is not there any more"))
            }
            root => Ok(root),
        }
    }
}

/// Moves the container's command to `TIERCE_COMMAND`.
pub(super) fn with_command(mut spec: Opening) -> Opening {
    let runs = std::mem::take(&mut spec.program).into_iter().chain(std::mem::take(&mut spec.arguments));
    spec.environment.insert("TIERCE_COMMAND".into(), quoted(runs));
    spec
}

/// Quotes words for a shell.
fn quoted(words: impl IntoIterator<Item = String>) -> String {
    let words = words.into_iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
    words.collect::<Vec<_>>().join(" ")
}
