//! Sources and binary packages: what is missing is fetched and compiled once, what is there is used again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use tierce_docker::{Container, ContainerSpec, Docker, ImageChanges, Input, Mount};
use tierce_manifest::{Hook, ImageSpec};
use tierce_plan::{Binpkg, Builder, Outcome, PackageBuild, Step, StepId};
use tierce_portage::{EMERGE_SH, ResolvedPackage, relevant_lines};

use crate::executor::{Executor, builder_of};
use crate::places::create_dir;
use crate::progress::{Event, WholeLines};
use crate::run::Inputs;
use crate::steps::builder::Tail;
use crate::steps::follower::{Compiled, Follower};
use crate::{Error, blame, files};

/// The folder of logs, as the builder sees it.
const LOGS: &str = "/tierce/logs";

impl Executor<'_> {
    /// What the lock says of an image.
    pub(crate) fn locked(&self, image: &str) -> &[ResolvedPackage] {
        let locked = self.facts.lock.as_ref().and_then(|lock| lock.image(image));
        locked.map_or(&[], |locked| &locked.packages)
    }

    /// Compiles what the cache lacks.
    pub(crate) fn build_packages(
        &self,
        step: &Step,
        image: &str,
        packages: &[PackageBuild],
        inputs: &Inputs,
    ) -> Result<Outcome, Error> {
        // A run that was waited for may have compiled all that this one needs.
        if packages.iter().any(|package| self.is_missing(step, package)) {
            self.emerge(step, self.image(image)?, packages, builder_of(inputs)?)?;
        }
        let binpkg =
            |p: &PackageBuild| Binpkg { package: p.package.clone(), key: p.key.clone(), root: p.root, base: p.base };
        Ok(Outcome::Binpkgs(packages.iter().map(binpkg).collect()))
    }

    fn emerge(
        &self,
        step: &Step,
        image: &ImageSpec,
        packages: &[PackageBuild],
        builder: &Builder,
    ) -> Result<(), Error> {
        let docker = self.docker()?;
        let container = self.emerge_container(image, packages, builder, "packages")?;
        let container = docker.create(&container)?;
        let (missing, there): (Vec<_>, Vec<_>) =
            packages.iter().cloned().partition(|package| self.is_missing(step, package));
        self.bring_binpkgs(&docker, &container, &there)?;
        let (ended, missing) = std::thread::scope(|scope| {
            // What is compiled is kept at once, so that no interruption costs it; emerge goes on meanwhile.
            let (sender, compiled) = mpsc::channel::<Compiled>();
            let taking = scope.spawn(|| self.take_each(&step.id, &docker, &container, missing, compiled));
            // It is received as long as there is a sender.
            let tell = move |compiled| drop(sender.send(compiled));
            let ended = self.run_emerge(&step.id, image, &docker, &container, tell);
            (ended, taking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        // Also after a failure: the logs say why it failed.
        let kept = self.keep_logs(&docker, &container, image);
        let taken = self.take_binpkgs(&docker, &container, &missing, None);
        ended.and(kept).and(taken)?;
        container.remove()?;
        Ok(())
    }

    /// A container that has emerge merge these packages into its own root, and the others made binary packages only.
    fn emerge_container(
        &self,
        image: &ImageSpec,
        packages: &[PackageBuild],
        builder: &Builder,
        kind: &str,
    ) -> Result<ContainerSpec, Error> {
        create_dir(&self.session.places.distfiles())?;
        let mut mounts = self.portage_mounts(image, self.locked(image.name.as_str()))?;
        mounts.push(self.script("emerge.sh", EMERGE_SH)?);
        mounts.push(Self::read_only(self.session.places.distfiles(), "/var/cache/distfiles"));
        let mut command = vec!["/tierce/scripts/emerge.sh".to_owned(), "build".to_owned()];
        command.extend(packages.iter().filter(|package| package.builder).map(|package| self.exact(image, package)));
        if packages.iter().any(|package| !package.builder) {
            command.push("--only-package".to_owned());
            command
                .extend(packages.iter().filter(|package| !package.builder).map(|package| self.exact(image, package)));
        }
        let mut container = ContainerSpec {
            entrypoint: Some(vec!["/bin/bash".into()]),
            command,
            user: Some("0:0".into()),
            ..self.builder_container(builder, kind, mounts)
        };
        container.environment.insert("JOBS".into(), self.session.options.jobs.to_string());
        Ok(container)
    }

    /// The atom of exactly this package.
    pub(crate) fn exact(&self, image: &ImageSpec, package: &PackageBuild) -> String {
        let mut locked = self.locked(image.name.as_str()).iter();
        let repository = locked.find(|locked| locked.cpv().to_string() == package.package).map(|p| &p.repository);
        repository.map_or_else(|| format!("={}", package.package), |name| format!("={}::{name}", package.package))
    }

    /// Runs emerge, tells how far it is and which packages are compiled; a failure names the package and the lines of its log that matter.
    pub(crate) fn run_emerge(
        &self,
        id: &StepId,
        image: &ImageSpec,
        docker: &Docker,
        container: &Container,
        compiled: impl Fn(Compiled),
    ) -> Result<(), Error> {
        let mut follower = Follower::new(id, self.observer);
        let mut tail = Tail::default();
        let mut lines = WholeLines::default();
        let exit = docker.run_created(container, Input::none(), &mut |stream, bytes| {
            tail.push(stream, bytes);
            let lines = lines.push(bytes).unwrap_or_default();
            String::from_utf8_lossy(&lines).lines().filter_map(|line| follower.line(line)).for_each(&compiled);
        })?;
        if exit.success() {
            return Ok(());
        }
        let Some((cpv, log)) = follower.failed() else {
            let what = format!("emerge the packages of `{}`", image.name);
            return Err(Error::Builder { what, code: exit.code, lines: tail.lines() });
        };
        let text = log.as_deref().and_then(|log| read_out(docker, container, log).ok()).unwrap_or_default();
        let kept = log
            .as_deref()
            .and_then(|log| Path::new(log).file_name())
            .map(|name| self.session.places.logs(image.name.as_str()).join(name));
        let lines = match relevant_lines(&text) {
            lines if lines.is_empty() => tail.lines(),
            lines => lines,
        };
        let place = blame::atom_that_brings(image, self.locked(image.name.as_str()), &cpv).cloned();
        Err(Error::Emerge { package: cpv.to_string(), lines, log: kept, place })
    }

    /// Copies the packages' logs to the workspace, where they belong to the user.
    pub(crate) fn keep_logs(&self, docker: &Docker, container: &Container, image: &ImageSpec) -> Result<(), Error> {
        let folder = self.session.places.logs(image.name.as_str());
        for_each_file(docker, container, LOGS, |name, entry| {
            let name = Path::new(name).file_name().map(PathBuf::from).unwrap_or_default();
            files::write_with(&folder.join(name), |file| copy(entry, file, LOGS))
        })
    }

    /// Says that a package is compiled.
    pub(crate) fn built(&self, id: &StepId, compiled: &Compiled) {
        (self.observer)(Event::Part { step: id.clone(), name: compiled.cpv.to_string(), took: compiled.took });
    }

    /// Puts the build-packages into a builder of the image's own, and lets the image's hook change it.
    pub(crate) fn extend_builder(&self, step: &Step, image: &str, inputs: &Inputs) -> Result<Outcome, Error> {
        let image = self.image(image)?;
        let builder = builder_of(inputs)?;
        let docker = self.docker()?;
        let packages = self.builds_of(inputs, image);
        let key = step.ingredients_with(step.after.iter().filter_map(|id| inputs.get(id))).key();
        let reference = format!("{}-environment:{}", self.session.options.namespace, key.short());
        let made = |image| {
            Ok(Outcome::Builder(Builder { key: key.to_string(), daemon: docker.facts()?.id, image, repository: None }))
        };
        // A run that was killed before it wrote its receipt, or one with another cache, may have made it.
        if let (false, Some(image)) = (step.again, docker.image(&reference)?) {
            return made(image.id);
        }
        let hook = image.hooks.get(Hook::Builder);
        let changes = ImageChanges { labels: self.finished_labels("environment"), ..ImageChanges::default() };
        let mut builder = builder.clone();
        if !image.emerge.build_packages.is_empty() {
            let container = docker.create(&self.emerge_container(image, &packages, &builder, "environment")?)?;
            self.bring_binpkgs(&docker, &container, &packages)?;
            self.run_emerge(&step.id, image, &docker, &container, |compiled| self.built(&step.id, &compiled))?;
            // Where a hook comes after it, this goes with what is made of it.
            let name = hook.is_none().then_some(reference.as_str());
            builder.image = docker.commit(container.id(), name, &changes)?;
            container.remove()?;
        }
        if let Some(hook) = hook {
            let hook = (Hook::Builder, hook);
            let container = docker.create(&self.hook_container(image, hook, &builder, None)?)?;
            self.run_hook(&docker, &container, image, hook)?;
            builder.image = docker.commit(container.id(), Some(&reference), &changes)?;
            container.remove()?;
        }
        made(builder.image)
    }

    /// The packages of an image as the steps before left them.
    pub(crate) fn builds_of(&self, inputs: &Inputs, image: &ImageSpec) -> Vec<PackageBuild> {
        let binpkgs = inputs.values().find_map(|outcome| match outcome {
            Outcome::Binpkgs(binpkgs) => Some(binpkgs.as_slice()),
            _ => None,
        });
        let locked = self.locked(image.name.as_str());
        let build = |binpkg: &Binpkg| PackageBuild {
            package: binpkg.package.clone(),
            key: binpkg.key.clone(),
            builder: locked.iter().any(|package| package.builder && package.cpv().to_string() == binpkg.package),
            root: binpkg.root,
            base: binpkg.base,
            cached: true,
        };
        binpkgs.unwrap_or_default().iter().map(build).collect()
    }
}

/// Calls `each` with every regular file below a folder of a container.
pub(crate) fn for_each_file(
    docker: &Docker,
    container: &Container,
    folder: &str,
    mut each: impl FnMut(&str, &mut dyn Read) -> Result<(), Error>,
) -> Result<(), Error> {
    let stream = match docker.copy_out(container.id(), folder) {
        Ok(stream) => stream,
        Err(tierce_docker::Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let failed = |error| Error::file("read from the builder", Path::new(folder), error);
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if entry.header().entry_type().is_file() {
            let name = entry.path().map_err(failed)?.to_string_lossy().into_owned();
            each(&name, &mut entry)?;
        }
    }
    Ok(())
}

pub(crate) fn copy(from: &mut dyn Read, to: &mut File, what: &str) -> Result<(), Error> {
    io::copy(from, to).map(drop).map_err(|error| Error::file("copy from the builder", Path::new(what), error))
}

/// The text of one log.
fn read_out(docker: &Docker, container: &Container, path: &str) -> Result<String, Error> {
    let mut text = Vec::new();
    for_each_file(docker, container, path, |_, entry| {
        let failed = |error| Error::file("read from the builder", Path::new(path), error);
        entry.take(16 << 20).read_to_end(&mut text).map(drop).map_err(failed)
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A file whose size is known, opened.
pub(crate) fn open(path: &Path) -> Result<(File, u64), Error> {
    let failed = |error| Error::file("read", path, error);
    let file = File::open(path).map_err(failed)?;
    let size = fs::metadata(path).map_err(failed)?.len();
    Ok((file, size))
}

/// A folder of the workspace as the container sees it.
pub(crate) fn writable(host: PathBuf, target: &str) -> Mount {
    Mount::Bind { host, target: target.to_owned(), read_only: false }
}
