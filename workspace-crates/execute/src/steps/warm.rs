//! Containers that stay after a compilation, so that the next one has only to start cargo in it.
//!
//! There is at most one for an image of a workspace. Its label says all that it was made of, the inodes of what is mounted
//! included: a folder that was removed and made again is another one. It ends by itself when nothing has run in it for a
//! while, and the daemon removes it then.
//!
//! A file beside the image's other results names the process that uses it. Where that has died on the way, cargo may still be
//! at work in the container: it is removed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tierce_docker::{Command, ContainerSpec, ContainerStatus, Docker, Ending, Exit, Input, Mount, OutputStream};

use crate::executor::Executor;
use crate::facts::digest_of;
use crate::owner;
use crate::places::Places;
use crate::{Error, files};

const KEEP_WARM_SH: &str = include_str!("../scripts/keep_warm.sh");
/// The label with the digest of all that such a container is made of.
const MADE_OF: &str = "dev.tierce.made-of";
/// The label with the workspace and the image that it compiles.
pub(crate) const FOR: &str = "dev.tierce.warm-for";

impl Executor<'_> {
    /// Runs what the specification says in a container that is kept for the next time; `idle` seconds after the last time it
    /// ends.
    pub(crate) fn run_warm(
        &self,
        image: &str,
        idle: u32,
        spec: &ContainerSpec,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Exit, Error> {
        let docker = self.docker()?;
        let in_use = self.session.places.own("images").join(image).join("warm");
        let container = self.warm_container(&docker, image, idle, spec, &in_use)?;
        files::write(&in_use, owner::this_process())?;
        let command = Command {
            command: spec.entrypoint.iter().flatten().chain(&spec.command).cloned().collect(),
            environment: spec.environment.clone(),
            working_dir: spec.working_dir.clone(),
            user: spec.user.clone(),
            tty: false,
        };
        let ending = docker.exec(&container, &command, Input::none(), output);
        if ending.is_err() {
            // The program may go on: of an interrupted one nothing is to be left.
            docker.remove(&container)?;
        }
        fs::remove_file(&in_use).map_err(|error| Error::file("remove", &in_use, error))?;
        match ending? {
            Ending::Exited(exit) => Ok(exit),
            Ending::Detached => unreachable!("there is no input that could say so"),
        }
    }

    /// The id of a running container of this specification: the one of last time, or a new one in its place.
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
            labels: self.finished_labels("warm"),
            ..spec.clone()
        };
        warm.mounts.push(self.script("keep_warm.sh", KEEP_WARM_SH)?);
        let made_of = made_of(&warm)?;
        let purpose = format!("{}{image}", purpose_of(&self.session.places));
        let mut found = None;
        for there in docker.containers(&[&format!("{FOR}={purpose}")])? {
            let is_same = there.labels.get(MADE_OF) == Some(&made_of) && there.status == ContainerStatus::Running;
            if is_same && found.is_none() && !in_use.exists() {
                found = Some(there.id);
            } else {
                docker.remove(&there.id)?;
            }
        }
        if let Some(id) = found {
            return Ok(id);
        }
        warm.labels.extend([(MADE_OF.into(), made_of), (FOR.into(), purpose)]);
        warm.labels.extend(warm.mounts.iter().filter_map(|mount| match mount {
            Mount::Volume { name, .. } => Some((owner::USES.into(), name.clone())),
            _ => None,
        }));
        let container = docker.create(&warm)?;
        docker.start(container.id())?;
        Ok(container.keep())
    }
}

/// How what such containers are for begins in a workspace.
pub(crate) fn purpose_of(places: &Places) -> String {
    format!("{}-", &digest_of(&[&places.own("").display().to_string()])[..16])
}

/// Digest of all that a container is made of.
fn made_of(spec: &ContainerSpec) -> Result<String, Error> {
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
    fn a_folder_that_was_made_again_is_another_one() {
        let scratch = tempfile::tempdir().expect("a folder");
        let host = scratch.path().join("mounted");
        let digest = |image: &str| {
            let mounts = vec![Mount::Bind { host: host.clone(), target: "/x".into(), read_only: true }];
            made_of(&ContainerSpec { image: image.into(), mounts, ..ContainerSpec::default() })
        };
        assert!(digest("a").is_err(), "what is not there cannot be mounted");
        fs::create_dir(&host).expect("writable");
        let before = digest("a").expect("there");
        fs::write(host.join("file"), "").expect("writable");
        assert_eq!(digest("a").expect("there"), before);
        assert_ne!(digest("b").expect("there"), before);
        // Kept, so that its inode is not given to the new one.
        fs::rename(&host, scratch.path().join("old")).expect("writable");
        fs::create_dir(&host).expect("writable");
        assert_ne!(digest("a").expect("there"), before);
    }
}
