//! Warm containers: they stay after a compilation, so that the next one only starts cargo.
//!
//! Each image of a workspace has at most one. Its label has a digest of its specification and the inodes of its mounts: a new
//! folder at the same path makes the container stale. It ends after an idle time, and the daemon then removes it.
//!
//! A file beside the image's other results names the process that uses the container. If that process died, cargo may still run
//! in the container, so Tierce removes it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tierce_docker::{Command, ContainerSpec, ContainerStatus, Docker, Ending, Input, Mount};
use tierce_plan::digest_of;
use tierce_store::paths::Paths;
use tierce_store::{Error, files};

use crate::container::builder_engine::{Frozen, Output};
use crate::container::daemon_engine::{DaemonEngine, daemon_mount, stream_of};
use crate::container::opening::Opening;
use crate::daemon::labels;
use tierce_store::owner;

const KEEP_WARM_SH: &str = include_str!("../scripts/keep_warm.sh");
/// The label with the digest of a container's specification and mounts.
const SPEC_DIGEST: &str = "dev.tierce.made-of";
/// The label with the workspace and the image that a container compiles.
pub const FOR: &str = "dev.tierce.warm-for";

impl DaemonEngine<'_> {
    /// Runs a program in the image's warm container and returns its exit code. The container ends `idle` seconds after the last
    /// program. No process of the container runs while the result exists.
    pub(super) fn run_in_warm_container(
        &self,
        image: &str,
        idle: u32,
        opening: &Opening,
        output: &mut Output<'_>,
    ) -> Result<(i32, Box<dyn Frozen>), Error> {
        let docker = &self.docker;
        let spec = self.container_spec(opening)?;
        let in_use = self.context.workspace.paths.of_image("images", image).join("warm");
        let container = self.warm_container(docker, image, idle, &spec, &in_use)?;
        files::write(&in_use, owner::this_process())?;
        let command = Command {
            command: spec.entrypoint.iter().flatten().chain(&spec.command).cloned().collect(),
            environment: spec.environment.clone(),
            working_dir: spec.working_dir.clone(),
            user: spec.user.clone(),
            tty: false,
        };
        let ending =
            docker.exec(&container, &command, Input::none(), &mut |stream, bytes| output(stream_of(stream), bytes));
        // A program may have left others, and an interrupted one may continue.
        let stays = ending.is_ok() && docker.pause(&container).is_ok();
        if !stays {
            docker.remove(&container)?;
        }
        let frozen = FrozenContainer { docker: docker.clone(), container: stays.then_some(container), in_use };
        match ending? {
            Ending::Exited(exit) => Ok((exit.code, Box::new(frozen))),
            Ending::Detached => unreachable!("there is no input that could say so"),
        }
    }

    /// Returns the id of a running container with this specification: the existing one, or a new one that replaces it.
    fn warm_container(
        &self,
        docker: &Docker,
        image: &str,
        idle: u32,
        spec: &ContainerSpec,
        in_use: &Path,
    ) -> Result<String, Error> {
        let mut warm = ContainerSpec {
            entrypoint: Some(vec!["/bin/sh".into(), "/tierce/scripts/keep_warm.sh".into()]),
            command: vec![idle.to_string()],
            environment: Default::default(),
            auto_remove: true,
            labels: self.context.finished_labels("warm"),
            ..spec.clone()
        };
        warm.mounts.push(daemon_mount(&self.context.script("keep_warm.sh", KEEP_WARM_SH)?));
        let spec_digest = spec_digest(&warm)?;
        let purpose = format!("{}{image}", purpose_of(&self.context.workspace.paths));
        let mut found = None;
        let namespace = format!("{}={}", labels::NAMESPACE, self.context.workspace.options.namespace);
        for there in docker.containers(&[&namespace, &format!("{FOR}={purpose}")])? {
            let is_same =
                there.labels.get(SPEC_DIGEST) == Some(&spec_digest) && there.status == ContainerStatus::Running;
            if is_same && found.is_none() && !in_use.exists() {
                found = Some(there.id);
            } else {
                docker.remove(&there.id)?;
            }
        }
        if let Some(id) = found {
            return Ok(id);
        }
        warm.labels.extend([(SPEC_DIGEST.into(), spec_digest), (FOR.into(), purpose)]);
        warm.labels.extend(warm.mounts.iter().filter_map(|mount| match mount {
            Mount::Volume { name, .. } => Some((labels::USES.into(), name.clone())),
            _ => None,
        }));
        let container = docker.create(&warm)?;
        docker.start(container.id())?;
        Ok(container.keep())
    }
}

/// A warm container whose processes are stopped, so that nothing changes its results. It continues on drop.
struct FrozenContainer {
    docker: Docker,
    /// None if the container is gone.
    container: Option<String>,
    in_use: PathBuf,
}

impl Frozen for FrozenContainer {
    fn remove(mut self: Box<Self>) -> Result<(), Error> {
        match self.container.take() {
            Some(container) => self.docker.remove(&container).map(drop).map_err(Error::from),
            None => Ok(()),
        }
    }
}

impl Drop for FrozenContainer {
    fn drop(&mut self) {
        // After an interruption, only a removal reaches the daemon.
        let is_usable =
            |container: &String| self.docker.unpause(container).is_ok() || self.docker.remove(container).is_ok();
        // While the file is there, the next run replaces the container.
        if self.container.as_ref().is_none_or(is_usable) {
            let _ = files::remove(&self.in_use);
        }
    }
}

/// Returns the prefix of the label [`FOR`] in a workspace.
pub fn purpose_of(paths: &Paths) -> String {
    format!("{}-", &digest_of(&[&paths.own("").display().to_string()])[..16])
}

/// Returns a digest of a container's specification and of the inodes of its mounts.
fn spec_digest(spec: &ContainerSpec) -> Result<String, Error> {
    let mut texts = vec![format!("{spec:?}")];
    for mount in &spec.mounts {
        if let Mount::Bind { host, .. } = mount {
            let metadata = fs::metadata(host).map_err(|error| Error::file("mount", host, error))?;
            texts.push(format!("{}:{}", metadata.dev(), metadata.ino()));
        }
    }
    Ok(digest_of(&texts.iter().map(String::as_str).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recreated_folder_changes_the_digest() {
        let scratch = tempfile::tempdir().expect("a folder");
        let host = scratch.path().join("mounted");
        let digest = |image: &str| {
            let mounts = vec![Mount::Bind { host: host.clone(), target: "/x".into(), read_only: true }];
            spec_digest(&ContainerSpec { image: image.into(), mounts, ..ContainerSpec::default() })
        };
        assert!(digest("a").is_err(), "what is not there cannot be mounted");
        fs::create_dir(&host).expect("writable");
        let before = digest("a").expect("there");
        fs::write(host.join("file"), "").expect("writable");
        assert_eq!(digest("a").expect("there"), before);
        assert_ne!(digest("b").expect("there"), before);
        // The old folder stays, so the new one cannot get its inode.
        fs::rename(&host, scratch.path().join("old")).expect("writable");
        fs::create_dir(&host).expect("writable");
        assert_ne!(digest("a").expect("there"), before);
    }
}
