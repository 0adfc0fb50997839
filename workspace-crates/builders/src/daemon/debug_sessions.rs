//! Containers of debugging sessions: how they are labelled, and which of them killed processes have left.

use std::collections::BTreeMap;

use tierce_docker::{ContainerSummary, Docker, Image};
use tierce_store::Error;

use crate::daemon::labels;
use crate::daemon::labels::{KIND, NAMESPACE, OWNER};
use tierce_store::owner;

/// The kind of a session's container, as its label has it.
const DEBUG: &str = "debug";

/// A file in the root folder of a session that somebody left by the detach keys. Labels cannot change then. The file counts once the
/// session's process has died.
pub const DETACHED: &str = ".tierce-detached";

/// The labels of a debugging session's container.
#[derive(Clone, Debug)]
pub struct SessionLabels {
    /// Of a session that ends with this process.
    pub attached: BTreeMap<String, String>,
    /// Of a session that stays.
    pub kept: BTreeMap<String, String>,
    /// The filter that finds all sessions of the namespace, each part as `key=value`.
    pub filter: [String; 2],
}

impl SessionLabels {
    /// The labels for this process.
    pub fn new(namespace: &str) -> SessionLabels {
        let owned_by = |owner: String| {
            let labels = [(NAMESPACE, namespace.to_owned()), (KIND, DEBUG.to_owned()), (OWNER, owner)];
            labels.map(|(label, value)| (label.to_owned(), value)).into()
        };
        SessionLabels {
            attached: owned_by(owner::this_process()),
            kept: owned_by(String::new()),
            filter: [format!("{NAMESPACE}={namespace}"), format!("{KIND}={DEBUG}")],
        }
    }
}

/// Whether a container runs the image of this name, of any workspace.
pub fn is_of_image(container: &ContainerSummary, name: &str) -> bool {
    container.labels.get(labels::IMAGE).is_some_and(|image| image == name)
        && container.labels.get(KIND).is_none_or(|kind| kind != DEBUG)
}

/// The label of an image of this name, of any workspace, as `key=value`.
pub fn image_label(name: &str) -> String {
    format!("{}={name}", labels::IMAGE)
}

/// Whether somebody left this session by the detach keys: it is in use although its process is gone.
pub(super) fn is_detached(docker: &Docker, container: &ContainerSummary) -> Result<bool, Error> {
    if container.labels.get(KIND).is_none_or(|kind| kind != DEBUG) {
        return Ok(false);
    }
    match docker.path_exists(&container.id, &format!("/{DETACHED}")) {
        // It has ended meanwhile; removing it again does no harm.
        Err(tierce_docker::Error::NotFound { .. }) => Ok(false),
        answer => Ok(answer?),
    }
}

/// Removes an image of Tierce that lost its names to a newer one while a container held it.
///
/// # Errors
/// The daemon's. An image that another container holds stays without an error.
pub fn remove_superseded(docker: &Docker, id: &str) -> Result<(), Error> {
    let is_ours = |image: &Image| image.tags.is_empty() && image.labels.contains_key(labels::IMAGE);
    if docker.image(id)?.as_ref().is_some_and(is_ours) {
        docker.remove_image(id)?;
    }
    Ok(())
}

/// Removes the debugging sessions of this namespace that killed processes have left.
///
/// # Errors
/// The daemon's.
pub fn remove_left_sessions(docker: &Docker, labels: &SessionLabels) -> Result<(), Error> {
    for session in docker.containers(&labels.filter.each_ref().map(String::as_str))? {
        if owner::is_left(&session.labels, OWNER) && !is_detached(docker, &session)? {
            docker.remove(&session.id)?;
        }
    }
    Ok(())
}
