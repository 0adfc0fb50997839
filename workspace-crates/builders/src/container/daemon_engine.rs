//! The daemon as the engine of builders. In this folder, only this file and `warm.rs` name types of the docker crate.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use tierce_docker::{
    Container, ContainerSpec, Docker, Error as DaemonError, ImageChanges, Input, Network, OutputStream,
};
use tierce_store::cache_id::cache_id;
use tierce_store::{Error, ErrorKind, files};

use crate::container::builder_engine::{BuilderEngine, Frozen, OpenBuilder, Output, WriteRoot};
use crate::container::context::Context;
use crate::container::opening::{Interaction, Mount, Opening, Stream, User};
use crate::container::pipe_end::PipeEnd;
use crate::container::tar_of_files::TarOfFiles;
use crate::daemon::sight::{self, Seen};
use crate::daemon::{labels, leftovers};
use tierce_store::owner;

/// The daemon, for the builders of one run.
pub(super) struct DaemonEngine<'a> {
    pub(super) context: Context<'a>,
    pub(super) docker: Docker,
}

/// An open container of a builder, removed on drop.
struct OpenContainer {
    docker: Docker,
    container: Container,
    /// The labels of everything that this run creates.
    labels: BTreeMap<String, String>,
}

impl Context<'_> {
    /// Returns the daemon, which loads, tests and pulls images. [`Context::open`] opens builders.
    pub fn docker(&self) -> Result<Docker, Error> {
        self.workspace.docker()
    }
}

impl BuilderEngine for DaemonEngine<'_> {
    fn id(&self) -> Result<String, Error> {
        Ok(self.docker.facts()?.id)
    }

    fn root_ids(&self) -> Result<(u32, u32), Error> {
        Ok(self.docker.facts()?.root_ids())
    }

    fn check_sight(&self) -> Result<(), Error> {
        let (workspace, docker) = (self.context.workspace, &self.docker);
        let paths = &workspace.paths;
        let seen =
            |folder: &Path, file: &str, remedy| Seen { folder: folder.to_owned(), file: file.to_owned(), remedy };
        // Random names, which no other machine has.
        let probes = [files::temporary_beside(&paths.shared("sight"))?, files::temporary_beside(&paths.own("sight"))?];
        let name = |index: usize| probes[index].path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folders = [
            seen(paths.cache(), &name(0), "set TIERCE_CACHE to a folder that the daemon sees"),
            seen(
                probes[1].path().parent().unwrap_or(Path::new("/")),
                &name(1),
                "set CARGO_TARGET_DIR to a folder that the daemon sees",
            ),
            seen(workspace.root().as_std_path(), "Cargo.toml", "move the workspace to a folder that the daemon sees"),
            seen(
                workspace.toolchain.sysroot.as_std_path(),
                "lib",
                "install the toolchain in a folder that the daemon sees (RUSTUP_HOME)",
            ),
        ];
        let (record, path) = (sight::record(docker, &self.id()?, &folders), paths.own("sight.txt"));
        if files::read_text(&path).is_ok_and(|known| known == record) {
            return Ok(());
        }
        sight::check(docker, &self.context.labels(sight::kind()), &folders)?;
        files::write(&path, record)
    }

    fn open(&self, opening: &Opening) -> Result<Box<dyn OpenBuilder>, Error> {
        let docker = &self.docker;
        let container = docker.create(&self.container_spec(opening)?)?;
        if opening.user == User::Root && docker.facts()?.userns_remap {
            // A copy into a container that has not started makes the folders of its mounts, as the host's root. They have no owner
            // in the container, so its root could create nothing in this one.
            docker.copy_in(container.id(), "/", TarOfFiles::default().below("tierce")?)?;
        }
        Ok(Box::new(OpenContainer { docker: docker.clone(), container, labels: self.context.labels(opening.kind) }))
    }

    fn run_warm(
        &self,
        image: &str,
        idle: u32,
        opening: &Opening,
        output: &mut Output<'_>,
    ) -> Result<(i32, Box<dyn Frozen>), Error> {
        self.run_in_warm_container(image, idle, opening, output)
    }

    fn find_root(&self, reference: &str) -> Result<Option<String>, Error> {
        Ok(self.docker.image(reference)?.map(|image| image.id))
    }

    fn find_own_root(&self, reference: &str, kind: &str, key: &str) -> Result<Option<String>, Error> {
        let expected = self.context.root_labels(kind, key);
        let image = self.docker.image(reference)?;
        Ok(image.filter(|image| is_own(&image.labels, &expected)).map(|image| image.id))
    }

    fn oldest_own_root(&self, kind: &str, key: &str) -> Result<Option<String>, Error> {
        let docker = &self.docker;
        let expected = self.context.root_labels(kind, key);
        let filters: Vec<String> = expected.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
        let mut oldest = None;
        for summary in docker.images(&filters)?.into_iter().filter(|image| is_own(&image.labels, &expected)) {
            // The list has whole seconds only.
            let Some(image) = docker.image(&summary.id)? else { continue };
            let candidate = (image.created.trim_end_matches('Z').to_owned(), image.id);
            oldest = Some(oldest.map_or(candidate.clone(), |oldest| candidate.min(oldest)));
        }
        Ok(oldest.map(|(_, id)| id))
    }

    fn warn_of_stranger(&self, reference: &str, kind: &str, key: &str) -> Result<(), Error> {
        if let (Some(other), None) = (self.find_root(reference)?, self.find_own_root(reference, kind, key)?) {
            self.context.warn(format!("`{reference}` was the name of the image {other}, and is the builder's now"));
        }
        Ok(())
    }

    fn import_root(&self, (kind, key): (&str, &str), write: &mut WriteRoot<'_>) -> Result<String, Error> {
        let mut labels = self.context.root_labels(kind, key);
        labels.insert(labels::MAKER.into(), owner::this_process());
        let changes = ImageChanges { labels, ..ImageChanges::default() };
        let (reader, writer) = io::pipe().map_err(|error| Error::file("open", Path::new("a pipe"), error))?;
        std::thread::scope(|scope| {
            let written = scope.spawn(move || {
                let mut pipe = PipeEnd::new(writer);
                let written = write(&mut io::BufWriter::with_capacity(1 << 16, &mut pipe));
                written.map_err(|error| (error, pipe.broken))
            });
            let imported = self.docker.import(reader, None, &changes);
            let written = written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // A daemon that stops reading breaks the pipe. Then its error is the cause, otherwise the writer's.
            match (written, imported) {
                (Err((_, true)), Err(error)) => Err(error.into()),
                (Err((error, _)), _) => Err(error),
                (Ok(()), imported) => Ok(imported?),
            }
        })
    }

    fn name_root(&self, root: &str, name: &str) -> Result<(), Error> {
        Ok(self.docker.tag(root, name)?)
    }

    fn drop_root(&self, root: &str) {
        let _ = self.docker.remove_image(root);
    }

    fn root_bytes(&self, root: &str) -> Result<Option<u64>, Error> {
        Ok(self.docker.image(root)?.map(|image| image.size))
    }

    fn create_volume(&self, kind: &str, name: &str) -> Result<(), Error> {
        let paths = &self.context.workspace.paths;
        let mut labels = self.context.owned_labels(kind);
        labels.insert(labels::CACHE.into(), cache_id(paths)?);
        labels.insert(labels::CACHE_FOLDER.into(), paths.cache().display().to_string());
        self.docker.create_volume(name, &labels)?;
        Ok(())
    }

    fn replace_volume(&self, kind: &str, name: &str) -> Result<(), Error> {
        leftovers::release(&self.docker, name)?;
        match self.docker.remove_volume(name)? {
            tierce_docker::Removal::InUse(reason) => {
                let help = format!("see `docker ps -a --filter volume={name}`, and remove what mounts it");
                let message = format!("failed to replace the volume `{name}`: {reason}");
                Err(Error::new(ErrorKind::Daemon, message).with_help(help))
            }
            _ => self.create_volume(kind, name),
        }
    }

    fn drop_volume(&self, name: &str) {
        let _ = self.docker.remove_volume(name);
    }

    fn volume_removal(&self, name: &str) -> Box<dyn FnOnce()> {
        let (docker, name) = (self.docker.clone(), name.to_owned());
        Box::new(move || drop(docker.remove_volume(&name)))
    }

    fn volume_created(&self, kind: &str, name: &str) -> Result<Option<String>, Error> {
        let mut expected = self.context.labels(kind);
        expected.insert(labels::CACHE.into(), cache_id(&self.context.workspace.paths)?);
        let volume = self.docker.volume(name)?;
        Ok(volume.filter(|volume| is_own(&volume.labels, &expected)).map(|volume| volume.created))
    }
}

impl DaemonEngine<'_> {
    /// Converts an opening into the daemon's specification of a container.
    pub(super) fn container_spec(&self, opening: &Opening) -> Result<ContainerSpec, Error> {
        let userns = self.user_namespace(opening.user)?;
        Ok(ContainerSpec {
            image: opening.root.clone(),
            entrypoint: Some(opening.program.clone()),
            command: opening.arguments.clone(),
            environment: opening.environment.clone(),
            working_dir: opening.working_dir.clone(),
            user: Some(self.user(opening.user)?),
            // Without the mapping, root in the container is the host's root.
            cap_drop: if userns.is_some() { vec!["ALL".to_owned()] } else { Vec::new() },
            userns,
            mounts: opening.mounts.iter().map(daemon_mount).collect(),
            network: Network::None,
            labels: self.context.owned_labels(opening.kind),
            read_only_root: opening.read_only_root,
            init: true,
            stdin: opening.interaction != Interaction::None,
            tty: opening.interaction == Interaction::Terminal,
            ..ContainerSpec::default()
        })
    }

    fn user(&self, user: User) -> Result<String, Error> {
        // A rootless daemon maps the container's root to the caller.
        if user == User::Root || self.docker.facts()?.rootless {
            return Ok("0:0".to_owned());
        }
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        Ok(format!("{}:{}", user.as_raw(), group.as_raw()))
    }

    /// Returns the user namespace of a container. `userns-remap` gives the caller's number to another user, who cannot write into
    /// the caller's folders, so such a container keeps the host's numbers.
    fn user_namespace(&self, user: User) -> Result<Option<String>, Error> {
        let keeps = user == User::Caller && self.docker.facts()?.userns_remap;
        Ok(keeps.then(|| "host".to_owned()))
    }
}

impl OpenBuilder for OpenContainer {
    fn run(&self, input: &[u8], output: &mut Output<'_>) -> Result<i32, Error> {
        let input = if input.is_empty() { Input::none() } else { Input::bytes(input.to_vec()) };
        let exit =
            self.docker.run_created(&self.container, input, &mut |stream, bytes| output(stream_of(stream), bytes));
        Ok(exit?.code)
    }

    fn copy_in(&self, folder: &str, tar: &mut (dyn Read + Send)) -> Result<(), Error> {
        self.docker.copy_in(self.container.id(), folder, tar)?;
        Ok(())
    }

    fn copy_out(&self, path: &str) -> Result<Option<Box<dyn Read>>, Error> {
        match self.docker.copy_out(self.container.id(), path) {
            Ok(stream) => Ok(Some(Box::new(stream))),
            Err(DaemonError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn keep(&self, (kind, key): (&str, &str), name: Option<&str>) -> Result<String, Error> {
        let mut labels = self.labels.clone();
        let own = [(labels::KIND, kind), (labels::KEY, key), (labels::OWNER, "")];
        labels.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let changes = ImageChanges { labels, ..ImageChanges::default() };
        Ok(self.docker.commit(self.container.id(), name, &changes)?)
    }

    fn remove(self: Box<Self>) -> Result<(), Error> {
        Ok(self.container.remove()?)
    }

    fn attachable(&self) -> Option<&str> {
        Some(self.container.id())
    }

    fn run_here(&self, _signals: &mut dyn FnMut() -> Vec<i32>) -> Result<i32, Error> {
        // Only a client of the daemon can forward a terminal.
        Err(Error::missing_input("terminal"))
    }
}

/// Whether an object of the daemon has all labels of Tierce's own. An image of the user's has its name in the workspace.
fn is_own(there: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) -> bool {
    // A verification's process differs from run to run.
    let mut decisive = expected.iter().filter(|(name, _)| *name != labels::VERIFIER);
    decisive.all(|(name, value)| there.get(name) == Some(value)) && !there.contains_key(labels::IMAGE)
}

pub(super) fn stream_of(stream: OutputStream) -> Stream {
    match stream {
        OutputStream::Stdout => Stream::Stdout,
        OutputStream::Stderr => Stream::Stderr,
    }
}

/// Converts a mount into the daemon's type.
pub fn daemon_mount(mount: &Mount) -> tierce_docker::Mount {
    match mount.clone() {
        Mount::Folder { host, target, read_only } => tierce_docker::Mount::Bind { host, target, read_only },
        Mount::Volume { name, target, read_only } => tierce_docker::Mount::Volume { name, target, read_only },
        Mount::Memory { target } => tierce_docker::Mount::Tmpfs { target, size: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn name_alone_makes_no_builder() {
        let expected = labels(&[(labels::NAMESPACE, "tierce"), (labels::KIND, "builder"), (labels::KEY, "k")]);
        let with = |name: &str, value: &str| {
            let mut all = expected.clone();
            all.insert(name.to_owned(), value.to_owned());
            all
        };
        assert!(is_own(&expected, &expected));
        assert!(is_own(&with("maintainer", "x"), &expected), "labels of the root below");
        for other in [
            labels(&[]),
            with(labels::NAMESPACE, "others"),
            with(labels::KIND, "environment"),
            with(labels::KEY, "l"),
            with(labels::IMAGE, "web"),
        ] {
            assert!(!is_own(&other, &expected), "{other:?}");
        }
    }
}
