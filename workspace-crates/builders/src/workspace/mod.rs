//! A workspace: its tables, folders and toolchain, and the daemon once a step needs it.

pub mod atom_place;
mod config_place;
pub mod declared;
pub mod engine_choice;
mod images;
mod open;
pub mod options;
pub mod repositories;
mod root_volumes;
pub mod tables;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use tierce_docker::Docker;
use tierce_manifest::{BuilderBase, Place, WorkspaceSpec};
use tierce_process::cargo;
use tierce_process::cargo_config::CargoConfig;
use tierce_process::rustc::Toolchain;

use crate::daemon::root_uses::RootUses;
pub use crate::workspace::config_place::config_place;
use crate::workspace::engine_choice::Engine;
use crate::workspace::options::Options;
use crate::workspace::repositories::RepositoryFolder;
use tierce_store::Error;
use tierce_store::digests::FileDigests;
use tierce_store::files::utf8;
use tierce_store::locks::Held;
use tierce_store::paths::Paths;
use tierce_store::receipts::Receipts;

/// A workspace whose tables were read, and one run over it.
pub struct Workspace {
    /// The options of this run.
    pub options: Options,
    /// The packages, as cargo describes them.
    pub metadata: cargo::Workspace,
    /// The tables.
    pub spec: WorkspaceSpec,
    /// The Rust toolchain of the host.
    pub toolchain: Toolchain,
    /// cargo's configuration in this workspace.
    pub cargo_config: CargoConfig,
    /// The folders of this run.
    pub paths: Paths,
    /// The ebuild repositories, the embedded one first.
    pub repositories: Vec<RepositoryFolder>,
    /// The digests of the workspace's files.
    pub digests: FileDigests,
    /// The engine that opens builders.
    pub engine: Engine,
    docker: Mutex<Option<Docker>>,
    /// Whether this run has removed the leftovers of killed runs.
    pub tidied: Mutex<bool>,
    root_uses: Mutex<RootUses>,
    /// Keeps others from emptying the cache.
    pub cache_lock: Mutex<Option<Held>>,
    /// The namespace of the run that this one verifies, if it verifies one.
    pub(crate) verifies: Option<String>,
    /// Held while a layout is written: each image reads its index, and writes it with itself in it.
    pub layout: Mutex<()>,
    /// Held while cargo runs: all images share its target folder, and two at once would wait for each other's locks.
    pub cargo: Mutex<()>,
}

/// The folders of a run that shares only downloads with others.
pub struct Alone {
    /// Its folders.
    pub paths: Paths,
    /// The namespace of the run that it is a part of.
    pub verifies: String,
}

impl Workspace {
    /// The receipts of this run's cache, workspace, namespace and engine.
    pub fn receipts(&self) -> Receipts {
        match &self.engine {
            Engine::Daemon => Receipts::new(self.paths.clone(), &self.options.namespace),
            Engine::Sandbox(_) => Receipts::of_sandbox(self.paths.clone()),
        }
    }

    /// The folder of the workspace.
    pub fn root(&self) -> &Utf8Path {
        &self.metadata.root
    }

    /// Tierce.lock.
    pub fn lock_path(&self) -> Utf8PathBuf {
        self.metadata.root.join("Tierce.lock")
    }

    /// cargo's own folder on the host.
    pub fn cargo_home(&self) -> Result<Utf8PathBuf, Error> {
        utf8(self.options.cargo_home.clone())
    }

    /// The line of the table that names the builder's base.
    pub fn base_place(&self) -> Result<Place, Error> {
        match &self.spec.builder {
            BuilderBase::Image(reference) => Ok(reference.place.clone()),
            BuilderBase::RootFilesystem(path) => Ok(path.place.clone()),
            BuilderBase::Debian => Err(Error::missing_input("builder base")),
        }
    }

    /// The ROOTs that this run uses.
    pub fn root_uses(&self) -> MutexGuard<'_, RootUses> {
        self.root_uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a builder has an ebuild of a package, `category/name`. A base of the user's own may have any.
    pub fn may_have(&self, package: &str) -> bool {
        let is_debian = matches!(self.spec.builder, BuilderBase::Debian);
        !is_debian || self.repositories.iter().any(|repository| repository.has(package))
    }

    /// Fails after Ctrl-C: for long work of our own, which waits for no other program.
    pub fn check_interrupted(&self) -> Result<(), Error> {
        if self.is_interrupted() { Err(Error::interrupted()) } else { Ok(()) }
    }

    /// The error of a run that Ctrl-C broke off is the interruption, whatever failed because of it.
    pub fn unless_interrupted(&self, error: Error) -> Error {
        if self.is_interrupted() { Error::interrupted() } else { error }
    }

    fn is_interrupted(&self) -> bool {
        self.options.interrupted.load(Ordering::Relaxed)
    }

    /// Whether this run has connected to the daemon.
    pub fn is_connected(&self) -> bool {
        self.docker.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The daemon; the first call connects.
    pub fn docker(&self) -> Result<Docker, Error> {
        let mut docker = self.docker.lock().unwrap_or_else(PoisonError::into_inner);
        if docker.is_none() {
            *docker = Some(Docker::connect(&self.options.daemon, Arc::clone(&self.options.interrupted))?);
        }
        docker.clone().ok_or(Error::interrupted())
    }
}

/// This host's processor in Go's words, as the OCI's documents have it.
pub fn oci_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The platform that builders run on and images are for: `linux/amd64`.
pub fn platform() -> String {
    format!("linux/{}", oci_architecture())
}
