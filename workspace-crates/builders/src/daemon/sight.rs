//! Whether the daemon sees the folders of this machine that containers mount. A daemon on another machine, in a virtual machine or
//! with hidden folders mounts other files in their places, or none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tierce_docker::{ContainerSpec, Docker, Error as DaemonError, ImageChanges, Mount, Network};
use tierce_store::{Error, ErrorKind};

use crate::daemon::labels::{MAKER, OWNER};
use tierce_store::owner;

/// The kind of the probe's container and image.
const KIND: &str = "sight";

/// The folder of the mounts in the probe's container.
const TARGET: &str = "/tierce/sight";

/// A folder of this machine that the daemon has to see.
pub(crate) struct Seen {
    pub(crate) folder: PathBuf,
    /// A file in it that no other machine has, or that shows at least that the folder is not empty.
    pub(crate) file: String,
    /// The advice for the user if the daemon does not see it.
    pub(crate) remedy: &'static str,
}

/// Fails if the daemon does not see one of the folders. Creates a container without starting it, and removes it.
///
/// # Errors
/// Names the folder.
pub(crate) fn check(docker: &Docker, labels: &BTreeMap<String, String>, folders: &[Seen]) -> Result<(), Error> {
    let of = |key: &str| BTreeMap::from([(key.to_owned(), owner::this_process())]);
    let with = |other| labels.clone().into_iter().chain(other).collect();
    // Its only layer is empty: two blocks of zeros end an archive.
    let changes = ImageChanges { labels: with(of(MAKER)), ..ImageChanges::default() };
    let image = docker.import(&[0; 1024][..], None, &changes)?;
    let hidden = find_hidden(docker, &image, with(of(OWNER)), folders);
    // A later run removes an image that stays.
    let _ = docker.remove_image(&image);
    match hidden? {
        Some(seen) => Err(error(docker, seen)),
        None => Ok(()),
    }
}

/// The kind that the labels of [`check`] have.
pub(crate) fn kind() -> &'static str {
    KIND
}

fn find_hidden<'s>(
    docker: &Docker,
    image: &str,
    labels: BTreeMap<String, String>,
    folders: &'s [Seen],
) -> Result<Option<&'s Seen>, Error> {
    let target = |index: usize| format!("{TARGET}/{index}");
    let bind = |(index, seen): (usize, &Seen)| {
        let (host, target) = (seen.folder.clone(), target(index));
        Mount::Bind { host, target, read_only: true }
    };
    let container = docker.create(&ContainerSpec {
        image: image.to_owned(),
        entrypoint: Some(vec!["-".to_owned()]),
        mounts: folders.iter().enumerate().map(bind).collect(),
        network: Network::None,
        labels,
        ..ContainerSpec::default()
    });
    let container = match container {
        Ok(container) => container,
        Err(DaemonError::MountSource { source, .. }) => {
            let names = |seen: &&Seen| source.message.contains(&*seen.folder.to_string_lossy());
            return Ok(folders.iter().find(names).or(folders.first()));
        }
        // A path that the API cannot carry has an error of its own where a step mounts it.
        Err(DaemonError::Name { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    for (index, seen) in folders.iter().enumerate() {
        if !docker.path_exists(container.id(), &format!("{}/{}", target(index), seen.file))? {
            return Ok(Some(seen));
        }
    }
    container.remove()?;
    Ok(None)
}

fn error(docker: &Docker, Seen { folder, remedy, .. }: &Seen) -> Error {
    let message =
        format!("the daemon at `{}` does not see the folder `{}` of this machine", docker.endpoint(), folder.display());
    let help = match docker.endpoint().is_local() {
        true => format!("{remedy}, or share the folder with the virtual machine of the daemon"),
        false => "use a daemon of this machine (unset DOCKER_HOST), or run Tierce on the daemon's machine".to_owned(),
    };
    Error::new(ErrorKind::Daemon, message).with_help(help)
}

/// The record of a check that succeeded. The same daemon still sees the same folders in the next run.
pub(crate) fn record(docker: &Docker, daemon: &str, folders: &[Seen]) -> String {
    let folders: Vec<&Path> = folders.iter().map(|seen| seen.folder.as_path()).collect();
    format!("{}\n{daemon}\n{folders:?}\n", docker.endpoint())
}
