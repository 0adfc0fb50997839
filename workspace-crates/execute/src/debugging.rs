//! What debugging sessions take from here: the image of the tools, and marks by which a later run tells what was left.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tierce_docker::{ContainerSummary, Docker, Image, Mount};
use tierce_manifest::DebugImage;
use tierce_plan::Sink;

use crate::owner::{self, KIND, NAMESPACE, OWNER};
use crate::places::create_dir;
use crate::progress::Observer;
use crate::session::Session;
use crate::steps::debian::utf8;
use crate::steps::source_mounts::SourceMounts;
use crate::{Error, untagged};

/// The kind of a session's container, as its label has it.
const DEBUG: &str = "debug";

/// The name of a file in the root directory of a session that was left by its detach keys: labels cannot be changed any more
/// then. It counts where the session's process has died.
pub const DETACHED: &str = ".tierce-detached";

/// What the container of a debugging session is labelled with in this namespace.
#[derive(Clone, Debug)]
pub struct SessionLabels {
    /// Where it ends with this process.
    pub attached: BTreeMap<String, String>,
    /// Where it stays.
    pub kept: BTreeMap<String, String>,
    /// What finds all sessions of the namespace, each as `key=value`.
    pub filter: [String; 2],
}

impl SessionLabels {
    /// Those of this process.
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

/// Whether a container is of the image of this name, whichever workspace it is from.
pub fn is_of_image(container: &ContainerSummary, name: &str) -> bool {
    container.labels.get(untagged::IMAGE).is_some_and(|image| image == name)
        && container.labels.get(KIND).is_none_or(|kind| kind != DEBUG)
}

/// What an image of this name is labelled with, whichever workspace it is from, as `key=value`.
pub fn image_label(name: &str) -> String {
    format!("{}={name}", untagged::IMAGE)
}

/// Whether this is a session that was left by its detach keys: it is in use although its process is gone.
pub(crate) fn is_detached(docker: &Docker, container: &ContainerSummary) -> Result<bool, Error> {
    if container.labels.get(KIND).is_none_or(|kind| kind != DEBUG) {
        return Ok(false);
    }
    match docker.path_exists(&container.id, &format!("/{DETACHED}")) {
        // It has ended meanwhile, and removing it again does no harm.
        Err(tierce_docker::Error::NotFound { .. }) => Ok(false),
        answer => Ok(answer?),
    }
}

/// Removes an image of Tierce that has lost its names to a newer one while a container held it.
///
/// # Errors
/// The daemon's. That another container holds it is none.
pub fn remove_superseded(docker: &Docker, id: &str) -> Result<(), Error> {
    let is_ours = |image: &Image| image.tags.is_empty() && image.labels.contains_key(untagged::IMAGE);
    if docker.image(id)?.as_ref().is_some_and(is_ours) {
        docker.remove_image(id)?;
    }
    Ok(())
}

/// Removes the sessions of this namespace that killed processes have left.
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

/// The image of the tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolbox {
    /// An image of the workspace, which is in the daemon now.
    Built {
        /// Its name in the workspace.
        name: String,
        /// Its id.
        id: String,
    },
    /// Any other.
    Reference(String),
}

impl Session {
    /// The image of the tools: that of the workspace, which is built or brought up to date if need be, or the one that
    /// the workspace names.
    ///
    /// # Errors
    /// What went wrong on the way.
    pub fn toolbox(&self, observer: &Observer<'_>) -> Result<Toolbox, Error> {
        let name = match self.debug_image() {
            DebugImage::OfWorkspace(name) => name.to_string(),
            DebugImage::Reference(reference) => {
                return Ok(Toolbox::Reference(reference.value.to_string()));
            }
        };
        let images = self.images(std::slice::from_ref(&name))?;
        let delivered = self.deliver(&images, &Sink::Daemon, observer)?;
        let built = delivered.into_iter().next().ok_or(Error::Planning { what: "the toolbox" })?;
        Ok(Toolbox::Built { name, id: built.report.id })
    }

    /// What gdb needs of the workspace: symbols, and sources where debug information says that they are.
    ///
    /// # Errors
    /// If the folder of the symbols cannot be made.
    pub fn debug_files(&self) -> Result<DebugFiles, Error> {
        let symbols = self.places.own("symbols");
        create_dir(&symbols)?;
        let home = utf8(self.options.cargo_home.clone())?;
        let target = utf8(self.places.own("cargo"))?;
        let mut sources = SourceMounts::new(&self.workspace, &self.cargo_config, &home, &target).readable();
        let library = self.toolchain.sysroot.join("lib/rustlib/src/rust");
        if let (Some(commit), true) = (&self.toolchain.commit, library.is_dir()) {
            // Where rustc's own libraries were compiled.
            sources.push(Mount::Bind { host: library.into(), target: format!("/rustc/{commit}"), read_only: true });
        }
        Ok(DebugFiles { symbols, sources })
    }
}

/// What gdb needs of a workspace.
#[derive(Clone, Debug)]
pub struct DebugFiles {
    /// The folder with the symbols of all that was built here, laid out as gdb's `debug-file-directory` is.
    pub symbols: PathBuf,
    /// The sources.
    pub sources: Vec<Mount>,
}
