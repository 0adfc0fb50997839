//! Hooks: scripts of the workspace that run in a builder without a network.
//!
//! A hook sees only its script and the paths that the table lists for it, read-only. One that works on a root may write only
//! there and into /tmp: a change elsewhere would be lost without an error.

use std::path::Path;

use camino::Utf8Path;
use tierce_manifest::{Hook, HookSpec, ImageSpec};
use tierce_plan::{Builder, ROOT};
use tierce_store::{Cause, Error, ErrorKind, files};

use crate::container::builder_engine::OpenBuilder;
use crate::container::context::Context;
use crate::container::opening::{Mount, Opening, Stream, mounted_volume, read_only};
use crate::container::roots::BELOW;
use crate::container::tail::Tail;
use crate::workspace::declared;

/// The folder of a hook's script and the paths that it reads, relative to the table's.
const FOLDER: &str = "/tierce/hook";
/// The most bytes of a hook's output that its log keeps.
const MAX_LOG: usize = 16 << 20;

/// A hook of an image.
#[derive(Clone, Copy)]
pub struct ImageHook<'a> {
    /// The image.
    pub image: &'a ImageSpec,
    /// The place of the hook in a run.
    pub hook: Hook,
    /// Its table.
    pub spec: &'a HookSpec,
}

impl<'a> ImageHook<'a> {
    /// Returns a hook of an image, or `None` if the image does not have it.
    pub fn find(image: &'a ImageSpec, hook: Hook) -> Option<ImageHook<'a>> {
        Some(ImageHook { image, hook, spec: image.hooks.get(hook)? })
    }
}

impl Context<'_> {
    /// Returns a container that runs one hook of an image; `root` is the volume that the hook works on.
    pub fn hook_container(
        &self,
        ImageHook { image, hook, spec }: ImageHook<'_>,
        builder: &Builder,
        root: Option<&str>,
    ) -> Result<Opening, Error> {
        let mut mounts = self.portage_mounts(image, self.locked(image.name.as_str()))?;
        mounts.push(self.script("hook.sh", include_str!("../scripts/hook.sh"))?);
        for path in spec.paths() {
            mounts.push(read_only(declared::path(path)?, inside(path.value.relative())));
        }
        let mut environment = vec![
            ("TIERCE_HOOK", hook.key().to_owned()),
            ("TIERCE_IMAGE", image.name.to_string()),
            ("JOBS", self.workspace.options.jobs.to_string()),
            ("SOURCE_DATE_EPOCH", "0".to_owned()),
        ];
        if let Some(volume) = root {
            mounts.push(mounted_volume(volume, ROOT, false));
            mounts.push(Mount::Memory { target: "/tmp".to_owned() });
            environment.push(("ROOT", ROOT.to_owned()));
        }
        let mut container = Opening {
            program: vec!["/bin/bash".into()],
            arguments: vec!["/tierce/scripts/hook.sh".into(), inside(spec.script.value.relative())],
            read_only_root: root.is_some(),
            ..self.opening(builder, "hook", mounts)
        };
        container.environment.extend(environment.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(container)
    }

    /// Runs one hook on the root in a volume, if the image has this hook. The container first copies the root in the volume
    /// `below` into it. Returns the paths that the hook made or changed.
    pub fn run_root_hook(
        &self,
        image: &ImageSpec,
        hook: Hook,
        builder: &Builder,
        volume: &str,
        below: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        let Some(hook) = ImageHook::find(image, hook) else { return Ok(Vec::new()) };
        let mut container = self.hook_container(hook, builder, Some(volume))?;
        if let Some(below) = below {
            container.mounts.push(mounted_volume(below, BELOW, true));
            container.arguments.push(BELOW.to_owned());
        }
        let container = self.open(&container)?;
        let changed = self.run_hook(&*container, hook)?;
        container.remove()?;
        Ok(changed)
    }

    /// Runs a hook and writes its log. Returns the paths that its wrapper hook.sh reports as changed.
    pub fn run_hook(
        &self,
        container: &dyn OpenBuilder,
        ImageHook { image, hook, spec }: ImageHook<'_>,
    ) -> Result<Vec<String>, Error> {
        let (mut tail, mut output, mut changed) = (Tail::default(), Vec::new(), Vec::new());
        let ended = container.run(&[], &mut |stream, bytes| match stream {
            Stream::Stdout => tierce_bounded::add_answer(&mut changed, bytes),
            Stream::Stderr => {
                tail.push(stream, bytes);
                output.extend_from_slice(&bytes[..bytes.len().min(MAX_LOG.saturating_sub(output.len()))]);
            }
        });
        // An interrupted hook leaves its log too.
        let log = self.workspace.paths.logs(image.name.as_str()).join(format!("hook-{}.log", hook.key()));
        files::write(&log, &output)?;
        let exit = ended?;
        if exit != 0 {
            let message = format!("the script {hook} of `{}` failed: exit code {exit}", image.name);
            let error = Error::new(ErrorKind::Build, message).with_lines(&tail.lines()).at(&spec.script.place);
            return Err(error.with_cause(Cause::Hook(hook)).with_help(help(&tail.lines(), &log)));
        }
        let paths = changed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }
}

/// Names the log, and the folders that a hook may write into if it wrote elsewhere.
fn help(lines: &[String], log: &Path) -> String {
    let outside = lines.iter().any(|line| line.contains("Read-only file system"));
    let outside = if outside { "it may write below $ROOT and /tmp and nowhere else; " } else { "" };
    format!("{outside}all that it said is in {}", log.display())
}

fn inside(relative: &Utf8Path) -> String {
    format!("{FOLDER}/{relative}")
}
