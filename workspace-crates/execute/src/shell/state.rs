//! The containers that a shell stands in: those of the steps themselves, which wait for somebody instead of going on.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use tempfile::TempDir;
use tierce_docker::{Container, ContainerSpec, Docker};
use tierce_manifest::{Hook, HookSpec, ImageSpec};
use tierce_plan::{Action, Builder, Outcome, PackageBuild, Plan, ROOT, Root, Step, StepId};
use tierce_portage::EMERGE_SH;
use tierce_rootfs::Index;

use crate::executor::Executor;
use crate::failed::Failed;
use crate::receipts::Receipt;
use crate::run::Inputs;
use crate::shell::root::ScratchVolume;
use crate::shell::{Shell, ShellOptions, missing};
use crate::steps::debian::utf8;
use crate::steps::finish::bring_tree;
use crate::steps::packages::open;
use crate::steps::tree::TarOfFiles;
use crate::{Error, files};

/// The script that brings a builder to where a step was.
const SHELL_SH: &str = include_str!("../scripts/shell.sh");

/// What there is to enter.
pub(super) struct State<'s> {
    pub(super) executor: &'s Executor<'s>,
    pub(super) image: &'s ImageSpec,
    pub(super) plan: &'s Plan,
    pub(super) known: &'s BTreeMap<StepId, Receipt>,
    pub(super) options: &'s ShellOptions,
}

/// A container, and what goes away with it.
#[derive(Default)]
pub(super) struct Made {
    pub(super) spec: ContainerSpec,
    /// Whether emerge finds the image's binary packages there.
    pub(super) has_binpkgs: bool,
    /// What is where ROOT is, and ROOT's archive.
    pub(super) selected: Option<(Index, File)>,
    pub(super) prepared: Option<String>,
    pub(super) hook: Option<Hook>,
    pub(super) folders: Option<TempDir>,
    pub(super) volume: Option<ScratchVolume>,
}

impl State<'_> {
    pub(super) fn missing(&self, problem: &str) -> Error {
        missing(self.image.name.as_str(), problem)
    }

    /// Makes the container, which stands where the step begins, or where it failed.
    pub(super) fn enter(&self, step: &Step, failed: Option<Failed>) -> Result<Shell, Error> {
        let docker = self.executor.docker()?;
        let made = match &step.action {
            Action::Compile { .. } => {
                let folders = self.folders()?;
                Made { spec: self.compile_container(step, folders.path())?, folders: Some(folders), ..Made::default() }
            }
            Action::Unmerge { packages, .. } => self.unmerging(packages)?,
            Action::MergeRoot { .. } => match &failed {
                Some(failed) => self.merging(step, failed, &docker)?,
                None => self.before_merging()?,
            },
            Action::Pack { .. } => self.finishing(step, &docker)?,
            _ => self.emerging(step, failed.as_ref())?,
        };
        let Made { spec, has_binpkgs, selected, prepared, hook, folders, volume } = made;
        let has_command = spec.environment.contains_key("TIERCE_COMMAND");
        let container = docker.create(&ContainerSpec { stdin: true, tty: self.options.tty, ..spec })?;
        if has_binpkgs {
            self.executor.bring_binpkgs(&docker, &container, &self.packages())?;
        }
        if let Some((selected, mut archive)) = selected {
            bring_tree(&docker, &container, &selected, &mut archive)?;
        }
        // What is merged into after a failure is ROOT already.
        if self.options.root && volume.is_none() {
            self.bring_root(&docker, &container)?;
        }
        let step = step.id.clone();
        Ok(Shell { container, step, prepared, hook, has_command, docker, _folders: folders, _volume: volume })
    }

    /// Where packages are compiled, or put into the image's own builder.
    fn emerging(&self, step: &Step, failed: Option<&Failed>) -> Result<Made, Error> {
        let packages = self.packages();
        let own_builder = matches!(step.action, Action::ExtendBuilder { .. });
        let failed_package = failed.and_then(|failed| failed.package.as_deref());
        let mut words = Vec::new();
        if !own_builder || !self.image.emerge.build_packages.is_empty() {
            let before = packages.iter().take_while(|package| failed_package != Some(package.package.as_str()));
            let is_there = |package: &&PackageBuild| self.executor.binpkg_path(&package.key).is_file();
            words.push("--merge".to_owned());
            let merged = before.filter(|package| package.builder).filter(is_there);
            words.extend(merged.map(|package| self.executor.exact(self.image, package)));
        }
        let prepared = packages.iter().find(|package| failed_package == Some(package.package.as_str()));
        if let Some(package) = prepared {
            words.extend(["--prepare".to_owned(), self.executor.exact(self.image, package)]);
        }
        let hook = failed.and_then(Failed::hook).and_then(|hook| Some((hook, self.image.hooks.get(hook)?)));
        let builder = self.builder(step)?;
        let mut spec = match hook {
            Some(hook) => {
                words.push("--hook".to_owned());
                self.hook_container(hook, builder, None)?
            }
            None => {
                let mounts =
                    self.executor.portage_mounts(self.image, self.executor.locked(self.image.name.as_str()))?;
                self.executor.builder_container(builder, "shell", mounts)
            }
        };
        self.add_emerge(&mut spec)?;
        if self.options.root {
            words.extend(["--root".to_owned(), ROOT.to_owned()]);
        }
        let prepared = prepared.map(|package| package.package.clone());
        let spec = self.waits(spec, words)?;
        Ok(Made { spec, has_binpkgs: true, prepared, hook: hook.map(|(hook, _)| hook), ..Made::default() })
    }

    /// Lets emerge compile there.
    pub(super) fn add_emerge(&self, spec: &mut ContainerSpec) -> Result<(), Error> {
        let session = self.executor.session;
        spec.mounts.push(self.executor.script("emerge.sh", EMERGE_SH)?);
        let distfiles = session.places.distfiles();
        crate::places::create_dir(&distfiles)?;
        spec.mounts.push(Executor::read_only(distfiles, "/var/cache/distfiles"));
        spec.environment.insert("JOBS".into(), session.options.jobs.to_string());
        Ok(())
    }

    /// A hook's container, with what it runs in `TIERCE_COMMAND`.
    pub(super) fn hook_container(
        &self,
        (hook, script): (Hook, &HookSpec),
        builder: &Builder,
        volume: Option<&str>,
    ) -> Result<ContainerSpec, Error> {
        let mut spec = self.executor.hook_container(self.image, (hook, script), builder, volume)?;
        let script = spec.command.pop().unwrap_or_default();
        let words = ["/bin/bash", "-euo", "pipefail", &script].map(str::to_owned);
        spec.environment.insert("TIERCE_COMMAND".into(), quoted(words));
        Ok(spec)
    }

    /// Where packages are unmerged from a copy of ROOT.
    fn unmerging(&self, packages: &[String]) -> Result<Made, Error> {
        let root = self.root()?;
        let spec = self.executor.unmerge_container(self.image, packages, self.plain_builder()?, root)?;
        Ok(Made { spec: self.waits(with_command(spec), Vec::new())?, ..Made::default() })
    }

    /// The same container, where `shell.sh` does as these words say and then gives it to whoever asked.
    pub(super) fn waits(&self, mut spec: ContainerSpec, mut words: Vec<String>) -> Result<ContainerSpec, Error> {
        spec.mounts.push(self.executor.script("shell.sh", SHELL_SH)?);
        words.push("--".to_owned());
        words.extend(self.options.command.iter().cloned());
        Ok(ContainerSpec {
            entrypoint: Some(vec!["/bin/bash".into(), "/tierce/scripts/shell.sh".into()]),
            command: words,
            user: Some("0:0".into()),
            labels: self.executor.owned_labels("shell"),
            ..spec
        })
    }

    /// The container of the compilation, with a target folder of its own. What the step runs is in `TIERCE_COMMAND`, for `eval`.
    fn compile_container(&self, step: &Step, folder: &Path) -> Result<ContainerSpec, Error> {
        let program = self.image.program.as_ref().ok_or_else(|| self.missing("the image has no program"))?;
        let (executor, root) = (self.executor, self.root()?);
        let sources = executor.sources(&utf8(folder.join("target"))?)?;
        let profiles = executor.profiles()?;
        let call = executor.cargo_call(program, &profiles);
        let built = (self.builder(step)?, root);
        let mut spec =
            with_command(executor.compile_container(self.image, &call, &sources, built, &folder.join("out"))?);
        spec.entrypoint = Some(match self.options.command.as_slice() {
            [] => vec!["/bin/bash".to_owned(), "-i".to_owned()],
            command => command.to_vec(),
        });
        spec.labels = executor.owned_labels("shell");
        Ok(spec)
    }

    /// Folders of the host that go away with the container.
    fn folders(&self) -> Result<TempDir, Error> {
        let parent = self.executor.session.places.own("shell");
        files::sweep(&parent, 0);
        let (folder, _held) = files::temporary_folder_in(&parent)?;
        for name in ["out", "target"] {
            crate::places::create_dir(&folder.path().join(name))?;
        }
        Ok(folder)
    }

    /// Copies ROOT into the container: what is done to it there stays there.
    fn bring_root(&self, docker: &Docker, container: &Container) -> Result<(), Error> {
        let (archive, _) = open(&self.executor.root_archive(&self.root()?.key))?;
        docker.copy_in(container.id(), "/", TarOfFiles::default().below(ROOT)?)?;
        docker.copy_in(container.id(), ROOT, archive)?;
        Ok(())
    }

    fn packages(&self) -> Vec<PackageBuild> {
        let build = self.plan.steps.iter().find_map(|step| match &step.action {
            Action::BuildPackages { image, packages } if *image == *self.image.name.as_str() => Some(packages.clone()),
            _ => None,
        });
        build.unwrap_or_default()
    }

    /// What is known of the results before a step.
    pub(super) fn inputs(&self, step: &Step) -> Inputs {
        let known = |id: &StepId| Some((id.clone(), self.known.get(id)?.outcome.clone()));
        step.inputs().filter_map(known).collect()
    }

    /// The builder that a step runs in: that of the image below, where the builder begins with it, or the image's own.
    pub(super) fn builder(&self, step: &Step) -> Result<&Builder, Error> {
        match step.inputs().find(|id| matches!(id.verb(), "builder" | "environment")) {
            Some(id) => self.check_builder(id),
            // Packages that are all there need none.
            None => self.plain_builder(),
        }
    }

    /// The builder of all images.
    pub(super) fn plain_builder(&self) -> Result<&Builder, Error> {
        let builder = self.plan.steps.iter().find(|step| step.id.verb() == "builder");
        self.check_builder(&builder.ok_or_else(|| self.missing("there is no builder yet"))?.id)
    }

    fn check_builder(&self, step: &StepId) -> Result<&Builder, Error> {
        let Some(Outcome::Builder(builder)) = self.known.get(step).map(|receipt| &receipt.outcome) else {
            return Err(self.missing(&format!("there is no `{step}` yet")));
        };
        let docker = self.executor.docker()?;
        let is_there = docker.facts()?.id == builder.daemon && docker.image(&builder.image)?.is_some();
        if is_there { Ok(builder) } else { Err(self.missing(&format!("`{step}` is not in the daemon any more"))) }
    }

    /// The image's own ROOT.
    fn root(&self) -> Result<&Root, Error> {
        let name = self.image.name.as_str();
        self.root_of(name)?.ok_or_else(|| self.missing("there is no ROOT yet"))
    }

    /// The ROOT of this image, or of one below, if its step is done.
    pub(super) fn root_of(&self, image: &str) -> Result<Option<&Root>, Error> {
        let root = self.known.iter().find_map(|(id, receipt)| match &receipt.outcome {
            Outcome::Root(root) if id.image() == Some(image) => Some(root),
            _ => None,
        });
        match root {
            Some(root) if !self.executor.root_is_present(image, root)? => {
                Err(self.missing("ROOT is not there any more"))
            }
            root => Ok(root),
        }
    }
}

/// Tells by `TIERCE_COMMAND` what the container would run.
pub(super) fn with_command(mut spec: ContainerSpec) -> ContainerSpec {
    let runs = spec.entrypoint.take().unwrap_or_default().into_iter().chain(std::mem::take(&mut spec.command));
    spec.environment.insert("TIERCE_COMMAND".into(), quoted(runs));
    spec
}

/// Words as a shell reads them.
fn quoted(words: impl IntoIterator<Item = String>) -> String {
    let words = words.into_iter().map(|word| format!("'{}'", word.replace('\'', "'\\''")));
    words.collect::<Vec<_>>().join(" ")
}
