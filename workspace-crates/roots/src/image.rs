//! An image in the sandbox: its layers as roots, its accounts, and its program.

use std::io::Read;
use std::path::Path;

use tierce_oci::Runtime;
use tierce_sandbox::{Mount, Program, Root, Sandbox, Spec};
use tierce_startable::AccountTexts;
use tierce_store::Error;

use crate::image_program::{RunOptions, account, program, volumes};
use crate::layered::Used;
use crate::scratch::Scratch;
use crate::store::SandboxStore;

/// The account files of an image are small.
const LONGEST_ACCOUNTS: u64 = 1 << 20;

/// An image whose layers the store has.
pub struct SandboxImage {
    store: SandboxStore,
    runtime: Runtime,
    layers: Vec<Used>,
    texts: AccountTexts,
}

/// A program of an image that is ready to run. Its changes go away on drop.
pub struct ImageRun {
    /// The root and its mounts.
    pub spec: Spec,
    /// The program.
    pub program: Program,
    sandbox: Sandbox,
    _scratch: Scratch,
}

impl SandboxImage {
    /// Returns the image with this configuration and these layers, the lowest first.
    ///
    /// # Errors
    /// If the sandbox cannot read the image's account files.
    pub fn new(store: SandboxStore, runtime: Runtime, layers: Vec<Used>) -> Result<SandboxImage, Error> {
        let mut image = SandboxImage { store, runtime, layers, texts: AccountTexts::default() };
        let scratch = image.store.scratch()?;
        let spec = image.spec(&scratch);
        let passwd = text_of(image.store.sandbox(), &spec, "/etc/passwd")?;
        let group = text_of(image.store.sandbox(), &spec, "/etc/group")?;
        image.texts = AccountTexts { passwd, group };
        Ok(image)
    }

    /// Returns the run configuration.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Whether the files have the owners that the layers state. A sandbox with one user gives all of them to root.
    pub fn has_owners(&self) -> bool {
        self.store.sandbox().identity().has_range()
    }

    /// Prepares a run.
    ///
    /// # Errors
    /// If the options do not fit the image, or this machine does not have its user.
    pub fn prepare(&self, options: &RunOptions) -> Result<ImageRun, Error> {
        let sandbox = self.store.sandbox();
        let account = account(&self.runtime, options, &self.texts, sandbox.identity().has_range())?;
        let program = program(&self.runtime, options, &account)?;
        let scratch = self.store.scratch()?;
        let spec = self.spec(&scratch);
        let mut mounts = volumes(&self.runtime, options);
        mounts.push(Mount::Folder { host: self.store.hosts()?, target: "/etc/hosts".to_owned(), read_only: true });
        mounts.extend(options.mounts.iter().cloned());
        let spec = Spec { read_only: options.read_only, mounts, ..spec };
        Ok(ImageRun { spec, program, sandbox: sandbox.clone(), _scratch: scratch })
    }

    fn spec(&self, scratch: &Scratch) -> Spec {
        let root = Root::Layers {
            layers: self.layers.iter().flat_map(|used| used.layers.iter().cloned()).collect(),
            scratch: scratch.name(),
        };
        Spec { store: self.store.folder(), root, own_tmp: true, ..Spec::default() }
    }
}

impl ImageRun {
    /// Returns the sandbox that runs it.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// Returns the text of a file as the program finds it; nothing if the image lacks it.
fn text_of(sandbox: &Sandbox, spec: &Spec, path: &str) -> Result<String, Error> {
    let failed = |error| Error::file("read", Path::new(path), error);
    let Some(packed) = sandbox.pack(spec, path)? else { return Ok(String::new()) };
    let mut archive = tar::Archive::new(packed);
    let mut bytes = Vec::new();
    if let Some(entry) = archive.entries().map_err(failed)?.next() {
        entry.map_err(failed)?.take(LONGEST_ACCOUNTS).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
