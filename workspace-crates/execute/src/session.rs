//! The façade of this crate: a workspace, and a method for each verb of the program.

use camino::Utf8Path;
use tierce_builders::engine::forecast::Forecast;
use tierce_builders::workspace::Workspace;
use tierce_builders::workspace::options::Options;
use tierce_docker::Docker;
use tierce_manifest::ImageSpec;
use tierce_plan::{Plan, Sink, StepId};
use tierce_portage::{FoundPackage, PackageFlags};
use tierce_report::{Contents, ImageSize, Verification};
use tierce_roots::RunOptions;
use tierce_steps::ImageTests;
use tierce_store::paths::Paths;
use tierce_store::{Error, Observer};

use crate::commands::clean::{Cleaned, Scope};
use crate::commands::debug::{DebugFiles, KnownToolbox, Toolbox};
use crate::commands::graph::ImageGraph;
use crate::commands::list::ListedImage;
use crate::commands::manifest::{ManifestScope, WrittenManifest};
use crate::commands::report::Delivered;
use crate::commands::run::Runnable;
use crate::commands::shell::{Shell, ShellOptions};
use crate::commands::update::LockUpdate;
use crate::commands::{self, run_plans};

/// An open workspace and one run over it.
///
/// # Errors
/// Every method fails with [`ErrorKind::Interrupted`](tierce_store::ErrorKind::Interrupted) after Ctrl-C, and with the error of the daemon, the disk or a table.
pub struct Session {
    workspace: Workspace,
}

impl Session {
    /// Finds the workspace and reads its tables.
    pub fn open(options: Options, observer: &Observer<'_>) -> Result<Session, Error> {
        Ok(Session { workspace: Workspace::open(options, None, observer)? })
    }

    /// The folder of the workspace.
    pub fn root(&self) -> &Utf8Path {
        self.workspace.root()
    }

    /// The folders of this run: the workspace's results and the user's cache.
    pub fn paths(&self) -> &Paths {
        &self.workspace.paths
    }

    /// Returns the connection to the daemon; the first call connects.
    pub fn docker(&self) -> Result<Docker, Error> {
        self.workspace.docker()
    }

    /// Returns the images with these names, without duplicates. If `names` is empty, returns all images except the toolbox.
    pub fn images(&self, names: &[String]) -> Result<Vec<&ImageSpec>, Error> {
        self.workspace.images(names)
    }

    /// Returns all images except these and the toolbox.
    pub fn images_without(&self, excluded: &[String]) -> Result<Vec<&ImageSpec>, Error> {
        self.workspace.images_without(excluded)
    }

    /// Returns the names of all images, including the toolbox.
    pub fn image_names(&self) -> Vec<&str> {
        self.workspace.spec.all_images().map(|image| image.name.as_str()).collect()
    }

    /// Returns the names that an image may have in a layout, an archive or the daemon.
    pub fn names(&self, image: &ImageSpec) -> Vec<String> {
        commands::stored_image::names(&self.workspace, image)
    }

    /// Returns the next steps of a run. Without a resolved builder or packages the plan is incomplete.
    pub fn plan(&self, images: &[&ImageSpec], sink: &Sink) -> Result<Plan, Error> {
        run_plans::plan(&self.workspace, images, sink)
    }

    /// Returns the forecast of each step in the plan's order. Runs no step.
    pub fn forecast(&self, images: &[&ImageSpec], sink: &Sink) -> Result<Vec<(StepId, Forecast)>, Error> {
        run_plans::forecast(&self.workspace, images, sink)
    }

    /// Builds these images and delivers them to the sink. A failed run leaves no partial results.
    pub fn deliver(
        &self,
        images: &[&ImageSpec],
        sink: &Sink,
        observer: &Observer<'_>,
    ) -> Result<Vec<Delivered>, Error> {
        commands::build::build(&self.workspace, images, sink, observer)
    }

    /// Builds an image, and makes it ready to run in a sandbox of this machine.
    pub fn runnable(
        &self,
        image: &ImageSpec,
        options: &RunOptions,
        observer: &Observer<'_>,
    ) -> Result<Runnable, Error> {
        commands::run::prepare(&self.workspace, image, options, observer)
    }

    /// Builds these images and runs their tests again; `names` selects some tests, empty selects all. A failed test is a
    /// result, not an error. Tags no image.
    pub fn test(
        &self,
        images: &[&ImageSpec],
        names: &[String],
        observer: &Observer<'_>,
    ) -> Result<Vec<ImageTests>, Error> {
        commands::test::test(&self.workspace, images, names, observer)
    }

    /// Resolves these images, atoms or `builder` again; if `words` is empty, everything. Writes Tierce.lock unless `dry_run` is
    /// set.
    pub fn update(&self, words: &[String], dry_run: bool, observer: &Observer<'_>) -> Result<LockUpdate, Error> {
        commands::update::update(&self.workspace, words, dry_run, observer)
    }

    /// Writes the Manifests of a repository of ebuilds. Returns those that changed.
    pub fn manifest(&self, scope: &ManifestScope, observer: &Observer<'_>) -> Result<Vec<WrittenManifest>, Error> {
        commands::manifest::manifest(&self.workspace, scope, observer)
    }

    /// Returns the packages of the builder's repositories whose names or descriptions have all of these words.
    pub fn search(&self, words: &[String], observer: &Observer<'_>) -> Result<Vec<FoundPackage>, Error> {
        commands::search::search(&self.workspace, words, observer)
    }

    /// Returns the versions of a package, and its USE flags in an image.
    pub fn package_flags(&self, image: &ImageSpec, atom: &str, observer: &Observer<'_>) -> Result<PackageFlags, Error> {
        commands::search::package_flags(&self.workspace, image, atom, observer)
    }

    /// Rebuilds an image from scratch and compares it with `against`: a layout, an archive or a reference in the daemon. The
    /// default is the image's first reference in the daemon. A difference is a result, not an error.
    pub fn verify(
        &self,
        image: &ImageSpec,
        against: Option<&str>,
        observer: &Observer<'_>,
    ) -> Result<Verification, Error> {
        commands::verify::verify(&self.workspace, image, against, observer)
    }

    /// Returns the files of an image as its last build recorded them.
    pub fn contents(&self, image: &str) -> Result<Contents, Error> {
        commands::contents::read_contents(&self.workspace, image)
    }

    /// Returns the packages of these images and of their bases, from Tierce.lock.
    pub fn graph(&self, images: &[&ImageSpec]) -> Result<Vec<ImageGraph>, Error> {
        commands::graph::graph(&self.workspace, images)
    }

    /// Returns the sizes of an image of the workspace or of a stored image. Builds an image of the workspace that has no
    /// results yet.
    pub fn size(&self, image: &str, observer: &Observer<'_>) -> Result<ImageSize, Error> {
        commands::size::size(&self.workspace, image, observer)
    }

    /// Returns the sizes of a stored image. If several images are stored there, `names` selects one.
    pub fn stored_size(&self, stored: &str, names: &[String]) -> Result<ImageSize, Error> {
        commands::size::stored_size(&self.workspace, stored, names)
    }

    /// Returns every image of the workspace by name, and the toolbox if it was built. Builds, loads and downloads nothing.
    pub fn list(&self) -> Result<Vec<ListedImage>, Error> {
        commands::list::list(&self.workspace)
    }

    /// Creates a builder in the state of a step: its mounts, environment, binary packages and merged packages.
    pub fn shell(&self, options: &ShellOptions, observer: &Observer<'_>) -> Result<Shell, Error> {
        commands::shell::shell(&self.workspace, options, observer)
    }

    /// Removes unused results and those that the scope selects. With `dry_run`, only lists them.
    pub fn clean(&self, scope: Scope, dry_run: bool, observer: &Observer<'_>) -> Result<Vec<Cleaned>, Error> {
        commands::clean::clean(&self.workspace, scope, dry_run, observer)
    }

    /// Returns the image with the debugging tools. Builds it if it is an image of the workspace and missing or stale.
    pub fn toolbox(&self, observer: &Observer<'_>) -> Result<Toolbox, Error> {
        commands::debug::toolbox(&self.workspace, observer)
    }

    /// Returns the image with the debugging tools as the daemon has it. Builds nothing.
    pub fn known_toolbox(&self) -> Result<KnownToolbox, Error> {
        commands::debug::known_toolbox(&self.workspace)
    }

    /// Returns the workspace's files for gdb: symbols, and sources at the paths that debug information names.
    pub fn debug_files(&self) -> Result<DebugFiles, Error> {
        commands::debug::debug_files(&self.workspace)
    }
}
