//! `run`: an image of the workspace as a process of this machine, from its layers, in a sandbox.

use std::fs;
use std::io::Seek;
use std::path::Path;

use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_oci::Runtime;
use tierce_plan::Sink;
use tierce_roots::{ImageRun, RunOptions, SandboxImage, SandboxStore, Used};
use tierce_sandbox::{Limits, Published};
use tierce_store::{Error, Observer, files, locks};
use tierce_stored::{Source, Stored};

use crate::commands::build::build;
use crate::commands::stored_image::stored_image;

/// An image that is ready to run. Its changes go away on drop.
pub struct Runnable {
    run: ImageRun,
    _image: SandboxImage,
}

impl Runnable {
    /// Runs the program with the caller's streams, and connections of these ports of the host. `signals` returns the numbers of signals
    /// for the program. Returns its exit code, or 128 plus the number of the signal that ended it.
    ///
    /// # Errors
    /// If the sandbox or the program does not start.
    pub fn run(&self, ports: Vec<Published>, signals: &mut dyn FnMut() -> Vec<i32>) -> Result<i32, Error> {
        let sandbox = self.run.sandbox().clone().with_limits(Limits::of_machine().for_image(None));
        Ok(sandbox.run_published(&self.run.spec, &self.run.program, ports, signals)?)
    }
}

/// Builds an image, and unpacks those of its layers that the cache lacks.
///
/// # Errors
/// If this machine has no sandbox, the build fails, or the options do not fit the image.
pub(crate) fn prepare(
    workspace: &Workspace,
    image: &ImageSpec,
    options: &RunOptions,
    observer: &Observer<'_>,
) -> Result<Runnable, Error> {
    let help = format!("run it with a daemon: `docker run --rm $(cargo xtask image {})`", image.name);
    let store = workspace.sandbox(observer).map_err(|error| error.with_help(help))?;
    let (stored, layers) = unpacked(workspace, &store, image, observer)?;
    let runtime = Runtime::of_config(stored.config.to_string().as_bytes())?;
    let image = SandboxImage::new(store, runtime, layers)?;
    Ok(Runnable { run: image.prepare(options)?, _image: image })
}

/// Builds an image into a layout of the workspace, reads it, and unpacks its layers.
fn unpacked(
    workspace: &Workspace,
    store: &SandboxStore,
    image: &ImageSpec,
    observer: &Observer<'_>,
) -> Result<(Stored, Vec<Used>), Error> {
    let parent = workspace.paths.own("run");
    let layout = parent.join(image.name.as_str());
    let lock = parent.join(format!("{}.lock", image.name));
    let _alone = locks::take(&lock, "another run of the same image", &workspace.options.interrupted, observer)?;
    build(workspace, &[image], &Sink::Layout(files::utf8(layout.clone())?), observer)?;
    let (folder, _held) = files::temporary_folder_in(&parent)?;
    let source = Source::Layout { folder: layout.clone(), name: None };
    let stored = stored_image(workspace, folder.path(), image.name.as_str(), source, &[], None)?;
    // The manifest, the config and the layers. The next run writes the layout again without those of earlier builds.
    if count(&layout.join("blobs/sha256")) > stored.layers.len() + 2 {
        files::discard_folder(&layout)?;
    }
    let unpack = |layer: &tierce_stored::StoredLayer| {
        workspace.check_interrupted()?;
        // The reader has read it to its end.
        (&layer.file).rewind().map_err(|error| Error::file("read", folder.path(), error))?;
        store.use_root(&store.image_layer(&layer.diff_id.to_string(), &layer.file)?)
    };
    let layers = stored.layers.iter().map(unpack).collect::<Result<_, Error>>();
    Ok((stored, layers.map_err(|error| workspace.unless_interrupted(error))?))
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
