//! ROOT up to the failure of its step. The step's own containers repeat the work on a temporary volume.

use tierce_builders::container::hooks::ImageHook;
use tierce_builders::container::opening::{Mount, mounted_volume};
use tierce_builders::container::roots::{BELOW, Beginning};
use tierce_manifest::Hook;
use tierce_plan::{PackageBuild, ROOT, Step, digest};
use tierce_steps::select_files;
use tierce_store::Error;
use tierce_store::failed::Failed;
use tierce_store::owner;

use crate::commands::shell::scratch_volume::ScratchVolume;
use crate::commands::shell::state::{Made, State, with_command};

impl State<'_> {
    /// Returns the container before the merge: ROOT is empty or a copy of the base's ROOT. With `--root`, `enter` adds the
    /// finished ROOT.
    pub(super) fn before_merging(&self) -> Result<Made, Error> {
        let mounts = self.context.portage_mounts(self.image, self.context.locked(self.image.name.as_str()))?;
        let mut spec = self.context.opening(self.plain_builder()?, "shell", mounts);
        self.add_emerge(&mut spec)?;
        let mut words = Vec::new();
        if let (false, Some(below)) = (self.options.root, self.below()?) {
            spec.mounts.push(below);
            words.extend(["--copy".to_owned(), BELOW.to_owned()]);
        }
        words.extend(["--root".to_owned(), ROOT.to_owned()]);
        Ok(Made { spec: self.waits(spec, words)?, has_binpkgs: true, ..Made::default() })
    }

    /// Returns the container where the merge failed: before a hook or a package. `TIERCE_COMMAND` has the next command.
    pub(super) fn merging(&self, step: &Step, failed: &Failed) -> Result<Made, Error> {
        let (context, image) = (self.context, self.image);
        let volume = self.scratch_volume()?;
        let hook = failed.hook().and_then(|hook| ImageHook::find(image, hook));
        let (before, rest) = self.split_at(step, failed);
        let is_before = hook.is_some_and(|hook| hook.hook == Hook::RootBefore);
        if !is_before {
            self.merge(step, &volume, &before)?;
        }
        let builder = self.plain_builder()?;
        let mut words = Vec::new();
        let spec = match hook {
            Some(hook) => {
                words.push("--hook".to_owned());
                let mut spec = self.hook_container(hook, builder, Some(&volume.name))?;
                if let (true, Some(below)) = (is_before, self.below()?) {
                    spec.mounts.push(below);
                    words.extend(["--copy".to_owned(), BELOW.to_owned()]);
                }
                spec
            }
            None => {
                words.extend(["--root".to_owned(), ROOT.to_owned()]);
                with_command(context.root_container(image, builder, &volume.name, Beginning::There, &rest)?)
            }
        };
        let (has_binpkgs, hook) = (hook.is_none(), hook.map(|hook| hook.hook));
        let spec = self.waits(spec, words)?;
        Ok(Made { spec, has_binpkgs, hook, volume: Some(volume), ..Made::default() })
    }

    /// Returns the container of the hook `finish` with the selected files.
    pub(super) fn finishing(&self, step: &Step) -> Result<Made, Error> {
        let hook = ImageHook::find(self.image, Hook::Finish);
        let hook = hook.ok_or_else(|| self.missing("the image has no hook `finish`"))?;
        let files = select_files(self.context, self.image, &self.inputs(step))?;
        let volume = self.scratch_volume()?;
        let spec = self.hook_container(hook, self.builder(step)?, Some(&volume.name))?;
        let spec = self.waits(spec, vec!["--hook".to_owned()])?;
        let (selected, hook) = (Some((files.image, files.archive)), Some(hook.hook));
        Ok(Made { spec, selected, hook, volume: Some(volume), ..Made::default() })
    }

    /// Repeats the hooks and packages before the failure.
    fn merge(&self, step: &Step, volume: &ScratchVolume, packages: &[PackageBuild]) -> Result<(), Error> {
        let (context, image, builder) = (self.context, self.image, self.plain_builder()?);
        let below = self.root_below()?;
        context.run_root_hook(image, Hook::RootBefore, builder, &volume.name, below)?;
        let beginning = match below {
            None if packages.is_empty() => return Ok(()),
            None => Beginning::Nothing,
            Some(_) if image.hooks.get(Hook::RootBefore).is_some() => Beginning::There,
            Some(below) => Beginning::Copy(below),
        };
        let container = context.root_container(image, builder, &volume.name, beginning, packages)?;
        let container = context.open(&container)?;
        context.bring_binpkgs(&*container, packages)?;
        context.run_emerge(&step.id, image, &*container, |_| {})?;
        container.remove()
    }

    /// Splits the packages of ROOT before the failed one.
    fn split_at(&self, step: &Step, failed: &Failed) -> (Vec<PackageBuild>, Vec<PackageBuild>) {
        let mut before = self.context.builds_of(&self.inputs(step), self.image);
        before.retain(|package| package.root && !package.base);
        let is_failed = |package: &PackageBuild| failed.package.as_deref() == Some(package.package.as_str());
        let rest = match (failed.hook(), before.iter().position(is_failed)) {
            (_, Some(at)) => before.split_off(at),
            // The failed package is unknown, so all of them are still to do.
            (None, None) => std::mem::take(&mut before),
            (Some(_), None) => Vec::new(),
        };
        (before, rest)
    }

    fn scratch_volume(&self) -> Result<ScratchVolume, Error> {
        let own = format!("{} {}", owner::this_process(), self.image.name);
        let name = self.context.daemon_name("shell", &digest(own));
        let engine = self.context.engine()?;
        engine.create_volume("shell", &name)?;
        Ok(ScratchVolume::new(engine.volume_removal(&name), name))
    }

    /// Returns the volume of the base's ROOT; None without a base in the workspace.
    fn root_below(&self) -> Result<Option<&str>, Error> {
        let Some(base) = self.image.base.image() else { return Ok(None) };
        let root = self.root_of(base.as_str())?;
        Ok(Some(&root.ok_or_else(|| self.missing(&format!("there is no ROOT of `{base}` yet")))?.volume))
    }

    fn below(&self) -> Result<Option<Mount>, Error> {
        let mount = |volume: &str| mounted_volume(volume, BELOW, true);
        Ok(self.root_below()?.map(mount))
    }
}
