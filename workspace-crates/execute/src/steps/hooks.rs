//! Hooks: scripts of the workspace, run in a builder without a network.
//!
//! A hook sees itself and what its line of the table names, nothing else of the host, read-only. One that works on a root may write
//! there and into /tmp: all else of its container is read-only, so that nothing it does is lost unseen.

use std::collections::BTreeMap;

use camino::Utf8Path;
use tierce_docker::{Container, ContainerSpec, Docker, Input, Mount, OutputStream};
use tierce_manifest::{Hook, HookSpec, ImageSpec};
use tierce_plan::{Builder, ROOT};
use tierce_rootfs::{Closure, Reason};

use crate::executor::Executor;
use crate::steps::builder::Tail;
use crate::steps::root::BELOW;
use crate::{Error, Session, declared, files};

/// Where a hook finds itself and what it reads: the paths of the table, from here on.
const FOLDER: &str = "/tierce/hook";
/// Of what a hook says, this much is kept.
const MAX_LOG: usize = 16 << 20;

impl Executor<'_> {
    /// A container that runs one hook of an image; `root` is the volume of the root that it works on.
    pub(crate) fn hook_container(
        &self,
        image: &ImageSpec,
        (hook, spec): (Hook, &HookSpec),
        builder: &Builder,
        root: Option<&str>,
    ) -> Result<ContainerSpec, Error> {
        let mut mounts = self.portage_mounts(image, self.locked(image.name.as_str()))?;
        mounts.push(self.script("hook.sh", include_str!("../scripts/hook.sh"))?);
        for path in spec.paths() {
            mounts.push(Self::read_only(declared::path(path)?, inside(path.value.relative())));
        }
        let mut environment = vec![
            ("TIERCE_HOOK", hook.key().to_owned()),
            ("TIERCE_IMAGE", image.name.to_string()),
            ("JOBS", self.session.options.jobs.to_string()),
            ("SOURCE_DATE_EPOCH", "0".to_owned()),
        ];
        if let Some(volume) = root {
            mounts.push(Mount::Volume { name: volume.to_owned(), target: ROOT.to_owned(), read_only: false });
            mounts.push(Mount::Tmpfs { target: "/tmp".to_owned(), size: None });
            environment.push(("ROOT", ROOT.to_owned()));
        }
        let mut container = ContainerSpec {
            entrypoint: Some(vec!["/bin/bash".into()]),
            command: vec!["/tierce/scripts/hook.sh".into(), inside(spec.script.value.relative())],
            user: Some("0:0".into()),
            read_only_root: root.is_some(),
            ..self.builder_container(builder, "hook", mounts)
        };
        container.environment.extend(environment.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(container)
    }

    /// Runs the hook of an image at one point on the root in a volume, if it has one there; `below` is the volume of a root that is
    /// copied into it first. Gives the paths that it made or changed.
    pub(crate) fn run_root_hook(
        &self,
        docker: &Docker,
        image: &ImageSpec,
        hook: Hook,
        builder: &Builder,
        volume: &str,
        below: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        let Some(spec) = image.hooks.get(hook) else { return Ok(Vec::new()) };
        let mut container = self.hook_container(image, (hook, spec), builder, Some(volume))?;
        if let Some(below) = below {
            container.mounts.push(Mount::Volume { name: below.to_owned(), target: BELOW.to_owned(), read_only: true });
            container.command.push(BELOW.to_owned());
        }
        let container = docker.create(&container)?;
        let changed = self.run_hook(docker, &container, image, (hook, spec))?;
        container.remove()?;
        Ok(changed)
    }

    /// Runs a hook's container, and keeps what it says. Gives the paths that it says it changed.
    pub(crate) fn run_hook(
        &self,
        docker: &Docker,
        container: &Container,
        image: &ImageSpec,
        (hook, spec): (Hook, &HookSpec),
    ) -> Result<Vec<String>, Error> {
        let (mut tail, mut said, mut changed) = (Tail::default(), Vec::new(), Vec::new());
        let ended = docker.run_created(container, Input::none(), &mut |stream, bytes| match stream {
            OutputStream::Stdout => changed.extend_from_slice(bytes),
            OutputStream::Stderr => {
                tail.push(stream, bytes);
                said.extend_from_slice(&bytes[..bytes.len().min(MAX_LOG.saturating_sub(said.len()))]);
            }
        });
        // Also of one that was interrupted.
        let log = self.session.places.logs(image.name.as_str()).join(format!("hook-{}.log", hook.key()));
        files::write(&log, &said)?;
        let exit = ended?;
        if !exit.success() {
            return Err(Error::Hook {
                hook,
                image: image.name.as_str().into(),
                code: exit.code,
                lines: tail.lines(),
                log,
                place: spec.script.place.clone(),
            });
        }
        let paths = changed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }
}

/// All that a hook is made of: its script and what it reads, file by file, each with its digest.
pub(crate) fn parts(session: &Session, spec: &HookSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut parts = BTreeMap::new();
    for path in spec.paths() {
        let name = path.value.relative();
        let host = if *path == spec.script { declared::file(path)? } else { declared::path(path)? };
        if host.is_dir() {
            let files = session.digests.files_of(&host)?;
            parts.extend(files.into_iter().map(|(inner, content)| (format!("{name}/{inner}"), content)));
        } else {
            parts.insert(name.to_string(), session.digests.of_file(&host)?);
        }
    }
    Ok(parts)
}

/// Says of files of ROOT that are in an image of packages that a hook made or changed them. In a closure each has another reason.
pub(crate) fn attribute(chosen: &mut Closure, hooks: &BTreeMap<String, String>) {
    for (path, hook) in hooks {
        if matches!(chosen.reason(path), Some(Reason::Package { .. } | Reason::Merged)) {
            chosen.made_by_hook(path, hook);
        }
    }
}

/// Whose each path is: a hook's, or else its package's.
pub(crate) fn owners(
    mut owners: BTreeMap<String, String>,
    of_root: BTreeMap<String, String>,
    chosen: &Closure,
) -> BTreeMap<String, String> {
    owners.extend(of_root);
    owners.extend(chosen.iter().filter_map(|(path, reason)| match reason {
        Reason::Hook { hook } => Some((path.to_owned(), hook.clone())),
        _ => None,
    }));
    owners
}

fn inside(relative: &Utf8Path) -> String {
    format!("{FOLDER}/{relative}")
}
