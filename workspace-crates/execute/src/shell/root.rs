//! ROOT as far as its step came: the same containers do the same again, with a volume that goes away.

use tierce_docker::{Docker, Mount};
use tierce_manifest::Hook;
use tierce_plan::{PackageBuild, ROOT, Step, digest};

use crate::failed::Failed;
use crate::shell::state::{Made, State, with_command};
use crate::steps::root::{BELOW, Beginning};
use crate::{Error, owner};

/// A volume of the daemon that goes away with this value, and should this process be killed, by a later run.
pub(super) struct ScratchVolume {
    docker: Docker,
    name: String,
}

impl Drop for ScratchVolume {
    fn drop(&mut self) {
        // What cannot be removed now carries this process.
        let _ = self.docker.remove_volume(&self.name);
    }
}

impl State<'_> {
    /// Where ROOT begins: with nothing, or with a copy of the ROOT below; or where it is done, if a copy of that is asked for.
    pub(super) fn before_merging(&self) -> Result<Made, Error> {
        let mounts = self.executor.portage_mounts(self.image, self.executor.locked(self.image.name.as_str()))?;
        let mut spec = self.executor.builder_container(self.plain_builder()?, "shell", mounts);
        self.add_emerge(&mut spec)?;
        let mut words = Vec::new();
        if let (false, Some(below)) = (self.options.root, self.below()?) {
            spec.mounts.push(below);
            words.extend(["--copy".to_owned(), BELOW.to_owned()]);
        }
        words.extend(["--root".to_owned(), ROOT.to_owned()]);
        Ok(Made { spec: self.waits(spec, words)?, has_binpkgs: true, ..Made::default() })
    }

    /// Where ROOT could not be merged further: before a hook, or before a package. What comes next is in `TIERCE_COMMAND`.
    pub(super) fn merging(&self, step: &Step, failed: &Failed, docker: &Docker) -> Result<Made, Error> {
        let (executor, image) = (self.executor, self.image);
        let volume = self.scratch_volume(docker)?;
        let hook = failed.hook().and_then(|hook| Some((hook, image.hooks.get(hook)?)));
        let (before, rest) = self.split_at(step, failed);
        if !matches!(hook, Some((Hook::RootBefore, _))) {
            self.merge(step, &volume, &before, docker)?;
        }
        let builder = self.plain_builder()?;
        let mut words = Vec::new();
        let spec = match hook {
            Some(hook) => {
                words.push("--hook".to_owned());
                let mut spec = self.hook_container(hook, builder, Some(&volume.name))?;
                if let (Hook::RootBefore, Some(below)) = (hook.0, self.below()?) {
                    spec.mounts.push(below);
                    words.extend(["--copy".to_owned(), BELOW.to_owned()]);
                }
                spec
            }
            None => {
                words.extend(["--root".to_owned(), ROOT.to_owned()]);
                with_command(executor.root_container(image, builder, &volume.name, Beginning::There, &rest)?)
            }
        };
        let (has_binpkgs, hook) = (hook.is_none(), hook.map(|(hook, _)| hook));
        let spec = self.waits(spec, words)?;
        Ok(Made { spec, has_binpkgs, hook, volume: Some(volume), ..Made::default() })
    }

    /// Where the image's last hook finds what was selected.
    pub(super) fn finishing(&self, step: &Step, docker: &Docker) -> Result<Made, Error> {
        let hook = self.image.hooks.get(Hook::Finish);
        let hook = (Hook::Finish, hook.ok_or_else(|| self.missing("the image has no hook `finish`"))?);
        let mut selected = None;
        let inputs = self.inputs(step);
        let whole = self.executor.select_with(self.image, &inputs, |image, _, archive| {
            let failed = |error| Error::file("read", "the archive of ROOT".as_ref(), error);
            selected = Some((image, archive.try_clone().map_err(failed)?));
            // What comes after the hook is not for a shell.
            Err(self.missing("the hook `finish` did not run"))
        });
        let Some(selected) = selected else {
            return Err(whole.err().unwrap_or_else(|| self.missing("nothing was selected")));
        };
        let volume = self.scratch_volume(docker)?;
        let spec = self.hook_container(hook, self.builder(step)?, Some(&volume.name))?;
        let spec = self.waits(spec, vec!["--hook".to_owned()])?;
        let (selected, hook) = (Some(selected), Some(hook.0));
        Ok(Made { spec, selected, hook, volume: Some(volume), ..Made::default() })
    }

    /// Has everything done that comes before what failed.
    fn merge(
        &self,
        step: &Step,
        volume: &ScratchVolume,
        packages: &[PackageBuild],
        docker: &Docker,
    ) -> Result<(), Error> {
        let (executor, image, builder) = (self.executor, self.image, self.plain_builder()?);
        let below = self.root_below()?;
        executor.run_root_hook(docker, image, Hook::RootBefore, builder, &volume.name, below)?;
        let beginning = match below {
            None if packages.is_empty() => return Ok(()),
            None => Beginning::Nothing,
            Some(_) if image.hooks.get(Hook::RootBefore).is_some() => Beginning::There,
            Some(below) => Beginning::Copy(below),
        };
        let container = executor.root_container(image, builder, &volume.name, beginning, packages)?;
        let container = docker.create(&container)?;
        executor.bring_binpkgs(docker, &container, packages)?;
        executor.run_emerge(&step.id, image, docker, &container, |_| {})?;
        Ok(container.remove()?)
    }

    /// The packages that ROOT had, and the one that failed with those after it.
    fn split_at(&self, step: &Step, failed: &Failed) -> (Vec<PackageBuild>, Vec<PackageBuild>) {
        let mut before = self.executor.builds_of(&self.inputs(step), self.image);
        before.retain(|package| package.root && !package.base);
        let is_failed = |package: &PackageBuild| failed.package.as_deref() == Some(package.package.as_str());
        let rest = match (failed.hook(), before.iter().position(is_failed)) {
            (_, Some(at)) => before.split_off(at),
            // Nothing says which.
            (None, None) => std::mem::take(&mut before),
            (Some(_), None) => Vec::new(),
        };
        (before, rest)
    }

    fn scratch_volume(&self, docker: &Docker) -> Result<ScratchVolume, Error> {
        let own = format!("{} {}", owner::this_process(), self.image.name);
        let name = self.executor.daemon_name("shell", &digest(own));
        let mut labels = self.executor.owned_labels("shell");
        labels.insert(owner::CACHE.into(), self.executor.session.places.cache_id()?);
        docker.create_volume(&name, &labels)?;
        Ok(ScratchVolume { docker: docker.clone(), name })
    }

    /// The volume of the ROOT below, if there is an image below.
    fn root_below(&self) -> Result<Option<&str>, Error> {
        let Some(base) = self.image.base.image() else { return Ok(None) };
        let root = self.root_of(base.as_str())?;
        Ok(Some(&root.ok_or_else(|| self.missing(&format!("there is no ROOT of `{base}` yet")))?.volume))
    }

    fn below(&self) -> Result<Option<Mount>, Error> {
        let mount = |volume: &str| Mount::Volume { name: volume.to_owned(), target: BELOW.to_owned(), read_only: true };
        Ok(self.root_below()?.map(mount))
    }
}
