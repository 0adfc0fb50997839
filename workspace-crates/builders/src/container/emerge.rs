//! Runs emerge in a container: its mounts, its progress, and the error that names the failed package.

use std::path::{Path, PathBuf};

use tierce_bounded::Lines;
use tierce_manifest::ImageSpec;
use tierce_plan::{Binpkg, Builder, PackageBuild, StepId};
use tierce_portage::{EMERGE_SH, FOLLOW_LOGS_PY, ResolvedPackage, followed_line, relevant_lines};
use tierce_store::files::create_dir;
use tierce_store::{Cause, Error, ErrorKind, Event, files};

use crate::container::builder_engine::OpenBuilder;
use crate::container::container_files::{copy, for_each_file, read_out};
use crate::container::context::Context;
use crate::container::emerge_progress::{Compiled, Follower};
use crate::container::inputs::Inputs;
use crate::container::opening::{Opening, Stream, read_only};
use crate::container::tail::Tail;
use crate::workspace::atom_place;

/// The folder of logs in the builder.
const LOGS: &str = "/tierce/logs";

impl Context<'_> {
    /// Returns a container that merges the builder's packages into its own root. For the others it only builds binary packages.
    pub fn emerge_container(
        &self,
        image: &ImageSpec,
        packages: &[PackageBuild],
        builder: &Builder,
        kind: &'static str,
    ) -> Result<Opening, Error> {
        create_dir(&self.workspace.paths.distfiles())?;
        let mut mounts = self.portage_mounts(image, &self.resolved(image, packages))?;
        mounts.push(self.script("emerge.sh", EMERGE_SH)?);
        mounts.push(self.script("follow_logs.py", FOLLOW_LOGS_PY)?);
        mounts.push(read_only(self.workspace.paths.distfiles(), "/var/cache/distfiles"));
        let mut command = vec!["/tierce/scripts/emerge.sh".to_owned(), "build".to_owned()];
        command.extend(packages.iter().filter(|package| package.builder).map(|package| self.exact(image, package)));
        if packages.iter().any(|package| !package.builder) {
            command.push("--only-package".to_owned());
            command
                .extend(packages.iter().filter(|package| !package.builder).map(|package| self.exact(image, package)));
        }
        let mut container =
            Opening { program: vec!["/bin/bash".into()], arguments: command, ..self.opening(builder, kind, mounts) };
        container.environment.insert("JOBS".into(), self.workspace.options.jobs.to_string());
        Ok(container)
    }

    /// Returns the entries of these packages in Tierce.lock.
    fn resolved(&self, image: &ImageSpec, packages: &[PackageBuild]) -> Vec<ResolvedPackage> {
        let is_meant = |locked: &&ResolvedPackage| {
            let cpv = locked.cpv().to_string();
            packages.iter().any(|package| package.package == cpv)
        };
        self.locked(image.name.as_str()).iter().filter(is_meant).cloned().collect()
    }

    /// Returns the atom for exactly this version, from its repository in Tierce.lock.
    pub fn exact(&self, image: &ImageSpec, package: &PackageBuild) -> String {
        let mut locked = self.locked(image.name.as_str()).iter();
        let repository = locked.find(|locked| locked.cpv().to_string() == package.package).map(|p| &p.repository);
        repository.map_or_else(|| format!("={}", package.package), |name| format!("={}::{name}", package.package))
    }

    /// Runs emerge and reports progress. An error names the failed package and has the relevant lines of its log.
    pub fn run_emerge(
        &self,
        id: &StepId,
        image: &ImageSpec,
        container: &dyn OpenBuilder,
        compiled: impl Fn(Compiled),
    ) -> Result<(), Error> {
        let mut follower = Follower::new(id, self.observer);
        let mut tail = Tail::default();
        // Each stream has its own lines: emerge's on stdout come between those of the logs on stderr.
        let (mut of_stdout, mut of_stderr) = (Lines::default(), Lines::default());
        let exit = container.run(&[], &mut |stream, bytes| {
            let lines = match stream {
                Stream::Stdout => of_stdout.push(bytes),
                Stream::Stderr => of_stderr.push(bytes),
            };
            for line in String::from_utf8_lossy(&lines.unwrap_or_default()).lines() {
                match followed_line(line) {
                    Some((package, line)) => follower.log(package, line),
                    None => {
                        tail.push(stream, format!("{line}\n").as_bytes());
                        follower.line(line).into_iter().for_each(&compiled);
                    }
                }
            }
        });
        let exit = exit.map_err(|error| match (error.kind(), follower.under_way()) {
            // The kernel killed the builder as a whole, so emerge could not say which package failed.
            (ErrorKind::Build, packages) if !packages.is_empty() => {
                let message = format!("failed to emerge {packages}: {error}");
                error.with_message(message)
            }
            _ => error,
        })?;
        for rest in [of_stdout.finish(), of_stderr.finish()].into_iter().flatten() {
            tail.push(Stream::Stderr, &rest);
        }
        if exit == 0 {
            return Ok(());
        }
        let Some((cpv, log)) = follower.failed() else {
            let what = format!("emerge the packages of `{}`", image.name);
            return Err(Error::builder(what, exit, &tail.lines()));
        };
        let text = log.as_deref().and_then(|log| read_out(container, log).ok()).unwrap_or_default();
        let kept = log
            .as_deref()
            .and_then(|log| Path::new(log).file_name())
            .map(|name| self.workspace.paths.logs(image.name.as_str()).join(name));
        let lines = match relevant_lines(&text) {
            lines if lines.is_empty() => tail.lines(),
            lines => lines,
        };
        let error = Error::new(ErrorKind::Build, format!("failed to emerge `{cpv}`")).with_lines(&lines);
        let error = error.at_if(atom_place::atom_that_brings(image, self.locked(image.name.as_str()), &cpv));
        let help = kept.map(|log| format!("the whole log is {}", log.display()));
        Err(error.with_cause(Cause::Package(cpv.to_string())).with_help_if(help))
    }

    /// Copies the packages' logs into the workspace's folder, where the user owns them.
    pub fn keep_logs(&self, container: &dyn OpenBuilder, image: &ImageSpec) -> Result<(), Error> {
        let folder = self.workspace.paths.logs(image.name.as_str());
        for_each_file(container, LOGS, |name, entry| {
            let name = Path::new(name).file_name().map(PathBuf::from).unwrap_or_default();
            files::write_with(&folder.join(name), |file| copy(entry, file, LOGS))
        })
    }

    /// Reports that a package is compiled.
    pub fn built(&self, id: &StepId, compiled: &Compiled) {
        (self.observer)(Event::Part { step: id.clone(), name: compiled.cpv.to_string(), took: compiled.took });
    }

    /// Returns the packages of an image from the results of earlier steps.
    pub fn builds_of(&self, inputs: &Inputs, image: &ImageSpec) -> Vec<PackageBuild> {
        let locked = self.locked(image.name.as_str());
        let build = |binpkg: &Binpkg| PackageBuild {
            package: binpkg.package.clone(),
            key: binpkg.key.clone(),
            builder: locked.iter().any(|package| package.builder && package.cpv().to_string() == binpkg.package),
            root: binpkg.root,
            base: binpkg.base,
            foreign: false,
            cached: true,
        };
        inputs.binpkgs().iter().map(build).collect()
    }
}
