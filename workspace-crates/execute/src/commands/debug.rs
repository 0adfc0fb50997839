//! The toolbox and the files of debugging sessions.

use std::path::PathBuf;

use tierce_builders::container::daemon_engine::daemon_mount;
use tierce_builders::container::source_mounts::{HostFolders, SourceMounts};
use tierce_builders::workspace::Workspace;
use tierce_docker::Mount;
use tierce_manifest::{DebugImage, ImageSpec};
use tierce_plan::Sink;
use tierce_store::files::{create_dir, utf8};
use tierce_store::{Error, Observer};

use crate::commands::build::build;

/// The image with the debugging tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolbox {
    /// An image of the workspace. It is in the daemon.
    Built {
        /// Its name in the workspace.
        name: String,
        /// Its id.
        id: String,
    },
    /// Any other image.
    Reference(String),
}

/// Returns the image with the debugging tools. Builds it if it is an image of the workspace and missing or stale.
///
/// # Errors
/// Errors of the build.
pub(crate) fn toolbox(workspace: &Workspace, observer: &Observer<'_>) -> Result<Toolbox, Error> {
    let name = match &workspace.spec.debug_image {
        DebugImage::OfWorkspace(name) => name.to_string(),
        DebugImage::Reference(reference) => {
            return Ok(Toolbox::Reference(reference.value.to_string()));
        }
    };
    let images = workspace.images(std::slice::from_ref(&name))?;
    let delivered = build(workspace, &images, &Sink::Daemon, observer)?;
    let built = delivered.into_iter().next().ok_or_else(|| Error::missing_input("the toolbox"))?;
    Ok(Toolbox::Built { name, id: built.report.id })
}

/// Returns the image with the debugging tools as the daemon has it. Builds nothing.
///
/// # Errors
/// The daemon's.
pub(crate) fn known_toolbox(workspace: &Workspace) -> Result<KnownToolbox, Error> {
    let name = match &workspace.spec.debug_image {
        DebugImage::OfWorkspace(name) => name.to_string(),
        DebugImage::Reference(reference) => {
            return Ok(KnownToolbox { toolbox: Toolbox::Reference(reference.value.to_string()), is_missing: false });
        }
    };
    let images = workspace.images(std::slice::from_ref(&name))?;
    let references = images.into_iter().flat_map(ImageSpec::references).collect::<Vec<_>>();
    let docker = workspace.docker()?;
    for reference in &references {
        if let Some(image) = docker.image(reference)? {
            return Ok(KnownToolbox { toolbox: Toolbox::Built { name, id: image.id }, is_missing: false });
        }
    }
    let id = references.into_iter().next().unwrap_or_else(|| name.clone());
    Ok(KnownToolbox { toolbox: Toolbox::Built { name, id }, is_missing: true })
}

/// The image with the debugging tools, before a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownToolbox {
    /// The image. A missing image of the workspace has the reference of its next build in place of its id.
    pub toolbox: Toolbox,
    /// Whether it is an image of the workspace that the daemon lacks.
    pub is_missing: bool,
}

/// Returns the workspace's files for gdb: symbols, and sources at the paths that debug information names.
///
/// # Errors
/// Fails if the folder of the symbols cannot be created.
pub(crate) fn debug_files(workspace: &Workspace) -> Result<DebugFiles, Error> {
    let symbols = workspace.paths.own("symbols");
    create_dir(&symbols)?;
    let home = utf8(workspace.options.cargo_home.clone())?;
    let target = utf8(workspace.paths.own("cargo"))?;
    let own = utf8(workspace.paths.own(""))?;
    let folders = HostFolders { cargo_home: &home, target: &target, skeletons: &own, configs: &own };
    let sources = SourceMounts::new(&workspace.metadata, &workspace.cargo_config, folders, None, Vec::new());
    let mut sources: Vec<Mount> = sources.readable().iter().map(daemon_mount).collect();
    let library = workspace.toolchain.sysroot.join("lib/rustlib/src/rust");
    if let (Some(commit), true) = (&workspace.toolchain.commit, library.is_dir()) {
        // The debug information of the standard library names this path.
        sources.push(Mount::Bind { host: library.into(), target: format!("/rustc/{commit}"), read_only: true });
    }
    Ok(DebugFiles { symbols, sources })
}

/// A workspace's files for gdb.
#[derive(Clone, Debug)]
pub struct DebugFiles {
    /// The folder with the symbols of everything built here, in the layout of gdb's `debug-file-directory`.
    pub symbols: PathBuf,
    /// The mounts of the sources.
    pub sources: Vec<Mount>,
}
