//! `run`: an image of the workspace as a process of this machine, from its layers, in a sandbox.

mod program;

use std::fs;
use std::io::{Read, Seek};
use std::path::Path;

use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_oci::Runtime;
use tierce_plan::Sink;
use tierce_rootfs::{Index, stack};
use tierce_roots::{SandboxStore, Scratch, Used};
use tierce_sandbox::{Mount, Program, Root, Spec};
use tierce_startable::AccountTexts;
use tierce_store::{Error, Observer, files, locks};
use tierce_stored::{Source, Stored};

use crate::commands::build::build;
use crate::commands::run::program::{account, program, volumes};
use crate::commands::stored_image::stored_image;

/// The account files of an image are small.
const LONGEST_ACCOUNTS: u64 = 1 << 20;
/// The options of `run`, which replace values of the image.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The arguments in the place of the image's `cmd`.
    pub arguments: Vec<String>,
    /// The program in the place of the image's entrypoint. The image's `cmd` does not count then.
    pub entrypoint: Option<String>,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
    /// The user, `USER` or `USER:GROUP`, by name or number.
    pub user: Option<String>,
    /// The folder in which the program starts.
    pub workdir: Option<String>,
    /// Whether the root refuses changes.
    pub read_only: bool,
    /// Whether stdin is the caller's terminal.
    pub terminal: bool,
}

/// An image that is ready to run. Its changes go away on drop.
pub struct Runnable {
    store: SandboxStore,
    spec: Spec,
    program: Program,
    _scratch: Scratch,
    _layers: Vec<Used>,
}

impl Runnable {
    /// Runs the program with the caller's streams. `signals` returns the numbers of signals for the program. Returns its exit code,
    /// or 128 plus the number of the signal that ended it.
    ///
    /// # Errors
    /// If the sandbox or the program does not start.
    pub fn run(&self, signals: &mut dyn FnMut() -> Vec<i32>) -> Result<i32, Error> {
        Ok(self.store.sandbox().run_here(&self.spec, &self.program, signals)?)
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
    let config = stored.config.to_string();
    let runtime = Runtime::of_config(config.as_bytes())?;
    let scratch = store.scratch()?;
    let root = Root::Layers {
        layers: layers.iter().flat_map(|used| used.layers.iter().cloned()).collect(),
        scratch: scratch.name(),
    };
    let spec = Spec { store: store.folder(), root, own_tmp: true, ..Spec::default() };
    let texts =
        AccountTexts { passwd: text_of(&store, &spec, "/etc/passwd")?, group: text_of(&store, &spec, "/etc/group")? };
    let has_range = store.sandbox().identity().has_range();
    let account = account(&runtime, options, &texts, has_range)?;
    let program = program(&runtime, options, &account)?;
    let indexes: Vec<Index> = stored.layers.iter().map(|layer| layer.index.clone()).collect();
    let files = stack(&indexes);
    let has_folder = |path: &str| files.contains_key(path.trim_end_matches('/'));
    let mut mounts = volumes(&runtime, options, &account, has_folder);
    mounts.push(Mount::Folder { host: store.hosts()?, target: "/etc/hosts".to_owned(), read_only: true });
    let spec = Spec { read_only: options.read_only, mounts, ..spec };
    Ok(Runnable { store, spec, program, _scratch: scratch, _layers: layers })
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

/// Returns the text of a file as the program finds it; nothing if the image lacks it.
fn text_of(store: &SandboxStore, spec: &Spec, path: &str) -> Result<String, Error> {
    let failed = |error| Error::file("read", Path::new(path), error);
    let Some(packed) = store.sandbox().pack(spec, path)? else { return Ok(String::new()) };
    let mut archive = tar::Archive::new(packed);
    let mut bytes = Vec::new();
    if let Some(entry) = archive.entries().map_err(failed)?.next() {
        entry.map_err(failed)?.take(LONGEST_ACCOUNTS).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
