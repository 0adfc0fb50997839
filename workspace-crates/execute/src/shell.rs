//! A builder to look around in, as it was in a step: a container that is thrown away, so that nothing of it gets into results.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;
use tierce_docker::{Container, ContainerSpec, Docker};
use tierce_manifest::ImageSpec;
use tierce_plan::{Action, Builder, Outcome, PackageBuild, Plan, ROOT, Root, Sink, Step, StepId};
use tierce_portage::EMERGE_SH;

use crate::Error;
use crate::executor::Executor;
use crate::failed::Failed;
use crate::files;
use crate::progress::Observer;
use crate::receipts::{Receipt, Receipts};
use crate::run::known;
use crate::session::Session;
use crate::steps::debian::utf8;
use crate::steps::packages::open;
use crate::steps::tree::TarOfFiles;

/// The script that brings a builder to where a step was.
const SHELL_SH: &str = include_str!("scripts/shell.sh");
/// The steps that have a builder to enter.
pub const SHELL_STEPS: [&str; 4] = ["packages", "environment", "root", "compile"];

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct ShellOptions {
    /// Of which image; none for that of the step that failed last, or the only one.
    pub image: Option<String>,
    /// Which kind of step, one of [`SHELL_STEPS`]; none for the one that failed last.
    pub step: Option<String>,
    /// Whether a copy of ROOT is there, as the current folder.
    pub root: bool,
    /// What is run; a shell if it is empty.
    pub command: Vec<String>,
    /// Whether it has a terminal.
    pub tty: bool,
}

/// A container that waits for its start. With this value it goes away.
pub struct Shell {
    container: Container,
    /// The step that it stands in.
    pub step: StepId,
    /// The package that failed there, `category/name-version`: its sources are unpacked and patched.
    pub failed: Option<String>,
    /// The daemon that has it.
    pub docker: Docker,
    /// What a compilation writes.
    _folders: Option<TempDir>,
}

impl Shell {
    /// The container's id.
    pub fn id(&self) -> &str {
        self.container.id()
    }
}

impl Session {
    /// Makes a builder as it was in a step: with its mounts, its environment, its binary packages and what was merged.
    ///
    /// # Errors
    /// [`Error::NoShell`] where nothing tells which step is meant, or the results before it are not there; the daemon's.
    pub fn shell(&self, options: &ShellOptions, observer: &Observer<'_>) -> Result<Shell, Error> {
        let failed = Failed::read(&self.places);
        let image = self.image_of_shell(options, failed.as_ref())?;
        let name = image.name.as_str();
        let failed = failed.filter(|failed| failed.image() == Some(name));
        let (facts, plan) = self.plan_with(&[image], &Sink::Daemon, self.read_lock()?, &[])?;
        let verb = options.step.as_deref().or(failed.as_ref().map(|failed| failed.step.verb()));
        let verb = verb.filter(|verb| SHELL_STEPS.contains(verb)).unwrap_or("packages");
        if verb == "compile" && options.root {
            let problem = "`compile` has ROOT already, where it cannot be written".to_owned();
            return Err(Error::NoShell { problem, help: Some("leave out --root, or --step compile".to_owned()) });
        }
        let step = plan.steps.iter().find(|step| step.id.verb() == verb);
        let known = known(&plan, &Receipts::new(self.places.clone()));
        let executor = Executor::new(self, &facts, observer);
        let state = State { executor: &executor, image, plan: &plan, known: &known, options };
        let step = step.ok_or_else(|| state.missing(&format!("the image has no step `{verb}` yet")))?;
        let failed = failed.filter(|failed| failed.step == step.id).and_then(|failed| failed.package);
        state.enter(step, failed)
    }

    fn image_of_shell(&self, options: &ShellOptions, failed: Option<&Failed>) -> Result<&ImageSpec, Error> {
        let named = options.image.as_deref();
        let known = failed.and_then(Failed::image).filter(|image| self.spec.image(image).is_some());
        let names: Vec<String> = named.or(known).map(str::to_owned).into_iter().collect();
        match self.images(&names)?.as_slice() {
            [only] => Ok(only),
            several => {
                let names: Vec<&str> = several.iter().map(|image| image.name.as_str()).collect();
                let problem = format!("no step has failed; say which of `{}`", names.join("`, `"));
                Err(Error::NoShell { problem, help: None })
            }
        }
    }
}

/// What there is to enter.
struct State<'s> {
    executor: &'s Executor<'s>,
    image: &'s ImageSpec,
    plan: &'s Plan,
    known: &'s BTreeMap<StepId, Receipt>,
    options: &'s ShellOptions,
}

impl State<'_> {
    fn missing(&self, problem: &str) -> Error {
        let help = format!("run `cargo xtask image {}` first", self.image.name);
        Error::NoShell { problem: problem.to_owned(), help: Some(help) }
    }

    fn enter(&self, step: &Step, failed: Option<String>) -> Result<Shell, Error> {
        let docker = self.executor.docker()?;
        let (spec, folders) = match &step.action {
            Action::Compile { .. } => {
                let folders = self.folders()?;
                (self.compile_container(step, folders.path())?, Some(folders))
            }
            _ => (self.emerge_container(step, failed.as_deref())?, None),
        };
        let spec = ContainerSpec { stdin: true, tty: self.options.tty, ..spec };
        let container = docker.create(&spec)?;
        if !matches!(step.action, Action::Compile { .. }) {
            self.executor.bring_binpkgs(&docker, &container, &self.packages())?;
        }
        if self.options.root {
            self.bring_root(&docker, &container)?;
        }
        Ok(Shell { container, step: step.id.clone(), failed, docker, _folders: folders })
    }

    /// The container of a step that runs Portage, as `steps/packages.rs` makes it.
    fn emerge_container(&self, step: &Step, failed: Option<&str>) -> Result<ContainerSpec, Error> {
        let (executor, name) = (self.executor, self.image.name.as_str());
        let mut mounts = executor.portage_mounts(self.image, executor.locked(name))?;
        mounts.push(executor.script("emerge.sh", EMERGE_SH)?);
        mounts.push(executor.script("shell.sh", SHELL_SH)?);
        let distfiles = executor.session.places.distfiles();
        crate::places::create_dir(&distfiles)?;
        mounts.push(Executor::read_only(distfiles, "/var/cache/distfiles"));
        let packages = self.packages();
        let mut command = Vec::new();
        if step.id.verb() != "root" {
            let before = packages.iter().take_while(|package| failed != Some(package.package.as_str()));
            let merged = before.filter(|package| package.builder && executor.binpkg_path(&package.key).is_file());
            command.push("--merge".to_owned());
            command.extend(merged.map(|package| executor.exact(self.image, package)));
        }
        if let Some(failed) = packages.iter().find(|package| failed == Some(package.package.as_str())) {
            command.extend(["--prepare".to_owned(), executor.exact(self.image, failed)]);
        }
        if self.options.root || step.id.verb() == "root" {
            command.extend(["--root".to_owned(), ROOT.to_owned()]);
        }
        command.push("--".to_owned());
        command.extend(self.options.command.iter().cloned());
        let mut spec = ContainerSpec {
            entrypoint: Some(vec!["/bin/bash".into(), "/tierce/scripts/shell.sh".into()]),
            command,
            user: Some("0:0".into()),
            ..executor.builder_container(self.builder()?, "shell", mounts)
        };
        spec.environment.insert("JOBS".into(), executor.session.options.jobs.to_string());
        Ok(spec)
    }

    /// The container of the compilation, with a target folder of its own. What the step runs is in `TIERCE_COMMAND`, for `eval`.
    fn compile_container(&self, step: &Step, folder: &Path) -> Result<ContainerSpec, Error> {
        let program = self.image.program.as_ref().ok_or_else(|| self.missing("the image has no program"))?;
        let (executor, root) = (self.executor, self.root()?);
        let sources = executor.sources(&utf8(folder.join("target"))?)?;
        let profiles = executor.profiles()?;
        let call = executor.cargo_call(program, &profiles);
        let built = (self.environment(step)?, root);
        let mut spec = executor.compile_container(self.image, &call, &sources, built, &folder.join("out"))?;
        let step_runs = spec.entrypoint.take().unwrap_or_default().into_iter().chain(std::mem::take(&mut spec.command));
        let quoted = step_runs.map(|word| format!("'{}'", word.replace('\'', "'\\''")));
        spec.environment.insert("TIERCE_COMMAND".into(), quoted.collect::<Vec<_>>().join(" "));
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
            Action::BuildPackages { packages, .. } => Some(packages.clone()),
            _ => None,
        });
        build.unwrap_or_default()
    }

    fn builder(&self) -> Result<&Builder, Error> {
        let builder = self.known.iter().find(|(id, _)| id.verb() == "builder").map(|(_, receipt)| &receipt.outcome);
        let Some(Outcome::Builder(builder)) = builder else { return Err(self.missing("there is no builder yet")) };
        self.check_builder(builder)
    }

    /// The builder that a compilation runs in.
    fn environment(&self, step: &Step) -> Result<&Builder, Error> {
        let builder = step.after.iter().find_map(|id| match &self.known.get(id)?.outcome {
            Outcome::Builder(builder) => Some(builder),
            _ => None,
        });
        self.check_builder(builder.ok_or_else(|| self.missing("there is no builder for the program yet"))?)
    }

    fn check_builder<'b>(&self, builder: &'b Builder) -> Result<&'b Builder, Error> {
        let docker = self.executor.docker()?;
        let is_there = docker.facts()?.id == builder.daemon && docker.image(&builder.image)?.is_some();
        if is_there { Ok(builder) } else { Err(self.missing("the builder is not in the daemon any more")) }
    }

    fn root(&self) -> Result<&Root, Error> {
        let root = self.known.iter().find(|(id, _)| id.verb() == "root").map(|(_, receipt)| &receipt.outcome);
        let Some(Outcome::Root(root)) = root else { return Err(self.missing("there is no ROOT yet")) };
        match self.executor.root_is_present(self.image.name.as_str(), root)? {
            true => Ok(root),
            false => Err(self.missing("ROOT is not there any more")),
        }
    }
}
