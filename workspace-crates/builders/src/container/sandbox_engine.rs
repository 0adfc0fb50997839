//! The sandbox as the engine of builders: no daemon, and the caller's own privileges.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tierce_sandbox::{Mount as SandboxMount, Program, Root, Spec, Stdin, Stream as SandboxStream};
use tierce_store::Error;

use crate::container::builder_engine::{BuilderEngine, Frozen, OpenBuilder, Output, WriteRoot};
use crate::container::opening::{Interaction, Mount, Opening, Stream};
use crate::container::pipe_end::PipeEnd;
use tierce_roots::{SANDBOX_ID, SandboxStore, Scratch, Used};

/// The folders of programs in a root, in the order in which daemons have them too.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The kind of the step that configures Debian's packages. Their scripts set owners, which no image has.
const CONFIGURE: &str = "configure";

/// The sandbox, for the builders of one run.
pub(super) struct SandboxEngine {
    pub(super) store: SandboxStore,
}

/// An open builder: a scratch folder over the layers of its root.
struct OpenSandbox {
    store: SandboxStore,
    scratch: Scratch,
    /// The id of the root below.
    root: String,
    _used: Used,
    spec: Spec,
    program: Program,
    /// Whether the program has the caller's terminal, if it has the caller's streams.
    has_terminal: bool,
    /// Whether the program runs now: then nobody else may mount the layers.
    is_running: AtomicBool,
}

impl BuilderEngine for SandboxEngine {
    fn id(&self) -> Result<String, Error> {
        Ok(SANDBOX_ID.to_owned())
    }

    fn root_ids(&self) -> Result<(u32, u32), Error> {
        // Archives are written from inside.
        Ok((0, 0))
    }

    fn check_sight(&self) -> Result<(), Error> {
        Ok(())
    }

    fn open(&self, opening: &Opening) -> Result<Box<dyn OpenBuilder>, Error> {
        let root = self.store.find_root(&opening.root).ok_or_else(|| Error::missing_input("builder's root"))?;
        let used = self.store.use_root(&root)?;
        let scratch = self.store.scratch()?;
        let hosts =
            SandboxMount::Folder { host: self.store.hosts()?, target: "/etc/hosts".to_owned(), read_only: true };
        let spec = Spec {
            store: self.store.folder(),
            root: Root::Layers { layers: used.layers.clone(), scratch: scratch.name() },
            read_only: opening.read_only_root,
            own_tmp: false,
            mounts: std::iter::once(hosts).chain(opening.mounts.iter().map(|mount| self.mount(mount))).collect(),
        };
        let (program, is_running) = (self.program(opening), AtomicBool::new(false));
        let (store, has_terminal) = (self.store.clone(), opening.interaction == Interaction::Terminal);
        Ok(Box::new(OpenSandbox { store, scratch, root, _used: used, spec, program, has_terminal, is_running }))
    }

    fn run_warm(
        &self,
        _image: &str,
        _idle: u32,
        opening: &Opening,
        output: &mut Output<'_>,
    ) -> Result<(i32, Box<dyn Frozen>), Error> {
        // A sandbox starts at once, and nothing of it runs after its program.
        let opened = self.open(opening)?;
        let code = opened.run(&[], output)?;
        opened.remove()?;
        Ok((code, Box::new(Ended)))
    }

    fn find_root(&self, reference: &str) -> Result<Option<String>, Error> {
        Ok(self.store.find_root(reference))
    }

    fn find_own_root(&self, reference: &str, kind: &str, key: &str) -> Result<Option<String>, Error> {
        Ok(self.store.find_own_root(reference, kind, key))
    }

    fn oldest_own_root(&self, _kind: &str, _key: &str) -> Result<Option<String>, Error> {
        // Runs with one cache wait for each other at its locks, and no other run uses its roots.
        Ok(None)
    }

    fn warn_of_stranger(&self, _reference: &str, _kind: &str, _key: &str) -> Result<(), Error> {
        Ok(())
    }

    fn import_root(&self, kind_and_key: (&str, &str), write: &mut WriteRoot<'_>) -> Result<String, Error> {
        let scratch = self.store.scratch()?;
        let spec = Spec { store: self.store.folder(), root: Root::Folder(scratch.upper_name()), ..Spec::default() };
        let (reader, writer) = io::pipe().map_err(|error| Error::file("open", Path::new("a pipe"), error))?;
        let sandbox = self.store.sandbox();
        let (written, unpacked) = std::thread::scope(|scope| {
            let written = scope.spawn(move || {
                let mut pipe = PipeEnd::new(writer);
                let written = write(&mut io::BufWriter::with_capacity(1 << 16, &mut pipe));
                written.map_err(|error| (error, pipe.broken))
            });
            let unpacked = sandbox.unpack(&spec, "/", reader);
            (written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), unpacked)
        });
        // A sandbox that stops reading breaks the pipe. Then its error is the cause, otherwise the writer's.
        match (written, unpacked) {
            (Err((_, true)), Err(error)) => return Err(error.into()),
            (Err((error, _)), _) => return Err(error),
            (Ok(()), unpacked) => unpacked?,
        }
        self.store.keep_root(&scratch, kind_and_key, None)
    }

    fn name_root(&self, root: &str, name: &str) -> Result<(), Error> {
        self.store.name_root(root, name)
    }

    fn drop_root(&self, root: &str) {
        let _ = self.store.drop_root(root);
    }

    fn root_bytes(&self, root: &str) -> Result<Option<u64>, Error> {
        let Some(root) = self.store.find_root(root) else { return Ok(None) };
        let layers = self.store.use_root(&root)?.layers;
        Ok(Some(layers.iter().map(|layer| file_bytes(&self.store.folder().join(layer))).sum()))
    }

    fn create_volume(&self, kind: &str, name: &str) -> Result<(), Error> {
        self.store.create_volume(kind, name)
    }

    fn replace_volume(&self, kind: &str, name: &str) -> Result<(), Error> {
        self.store.drop_volume(name)?;
        self.store.create_volume(kind, name)
    }

    fn drop_volume(&self, name: &str) {
        let _ = self.store.drop_volume(name);
    }

    fn volume_removal(&self, name: &str) -> Box<dyn FnOnce()> {
        let (store, name) = (self.store.clone(), name.to_owned());
        Box::new(move || drop(store.drop_volume(&name)))
    }

    fn volume_created(&self, kind: &str, name: &str) -> Result<Option<String>, Error> {
        Ok(self.store.volume_created(kind, name))
    }
}

impl SandboxEngine {
    fn mount(&self, mount: &Mount) -> SandboxMount {
        match mount.clone() {
            Mount::Folder { host, target, read_only } => SandboxMount::Folder { host, target, read_only },
            Mount::Volume { name, target, read_only } => {
                SandboxMount::Folder { host: self.store.volume(&name), target, read_only }
            }
            Mount::Memory { target } => SandboxMount::Memory { target },
        }
    }

    /// Returns the program. The caller is root in the sandbox, so both users of an opening are.
    fn program(&self, opening: &Opening) -> Program {
        let mut environment = opening.environment.clone();
        environment.entry("PATH".to_owned()).or_insert_with(|| PATH.to_owned());
        environment.entry("TERM".to_owned()).or_insert_with(|| "xterm".to_owned());
        let has_range = self.store.sandbox().identity().has_range();
        if !has_range {
            // Portage would change to its own user otherwise.
            for name in ["PORTAGE_USERNAME", "PORTAGE_GRPNAME"] {
                environment.insert(name.to_owned(), "root".to_owned());
            }
        }
        Program {
            command: opening.program.iter().chain(&opening.arguments).cloned().collect(),
            environment: environment.into_iter().collect(),
            working_dir: opening.working_dir.clone(),
            fakes_owners: !has_range && opening.kind == CONFIGURE,
            ..Program::default()
        }
    }
}

impl OpenSandbox {
    fn start(&self, stdin: Stdin, input: &[u8], output: &mut Output<'_>) -> Result<i32, Error> {
        let program = Program { stdin, ..self.program.clone() };
        self.is_running.store(true, Ordering::Relaxed);
        let ended = self.store.sandbox().run(&self.spec, &program, input, &mut |stream, bytes| {
            let stream = match stream {
                SandboxStream::Stdout => Stream::Stdout,
                SandboxStream::Stderr => Stream::Stderr,
            };
            output(stream, bytes);
        });
        self.is_running.store(false, Ordering::Relaxed);
        Ok(ended?)
    }

    /// Packs a path of one folder of the store.
    fn pack_folder(&self, folder: String, path: &str) -> Result<Option<Box<dyn Read>>, Error> {
        let spec = Spec { store: self.store.folder(), root: Root::Folder(folder), ..Spec::default() };
        let packed = self.store.sandbox().pack(&spec, path)?;
        Ok(packed.map(|packed| Box::new(packed) as Box<dyn Read>))
    }
}

impl OpenBuilder for OpenSandbox {
    fn run(&self, input: &[u8], output: &mut Output<'_>) -> Result<i32, Error> {
        self.start(if input.is_empty() { Stdin::Null } else { Stdin::Bytes }, input, output)
    }

    fn copy_in(&self, folder: &str, tar: &mut (dyn Read + Send)) -> Result<(), Error> {
        Ok(self.store.sandbox().unpack(&self.spec, folder, tar)?)
    }

    fn copy_out(&self, path: &str) -> Result<Option<Box<dyn Read>>, Error> {
        let store = self.store.folder();
        for mount in &self.spec.mounts {
            let SandboxMount::Folder { host, target, .. } = mount else { continue };
            let (Some(rest), Ok(volume)) = (path.strip_prefix(target.as_str()), host.strip_prefix(&store)) else {
                continue;
            };
            if rest.is_empty() || rest.starts_with('/') {
                return self.pack_folder(volume.to_string_lossy().into_owned(), rest);
            }
        }
        // The files that the program made are in the scratch folder, also while it runs.
        match self.pack_folder(self.scratch.upper_name(), path)? {
            None if !self.is_running.load(Ordering::Relaxed) => {
                let packed = self.store.sandbox().pack(&self.spec, path)?;
                Ok(packed.map(|packed| Box::new(packed) as Box<dyn Read>))
            }
            packed => Ok(packed),
        }
    }

    fn keep(&self, kind_and_key: (&str, &str), name: Option<&str>) -> Result<String, Error> {
        let id = self.store.keep_root(&self.scratch, kind_and_key, Some(&self.root))?;
        name.map_or(Ok(()), |name| self.store.name_root(&id, name))?;
        Ok(id)
    }

    fn attachable(&self) -> Option<&str> {
        None
    }

    fn run_here(&self, signals: &mut dyn FnMut() -> Vec<i32>) -> Result<i32, Error> {
        let stdin = if self.has_terminal { Stdin::Terminal } else { Stdin::Inherited };
        let program = Program { stdin, ..self.program.clone() };
        Ok(self.store.sandbox().run_here(&self.spec, &program, signals)?)
    }

    fn remove(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}

/// A program that has ended, with all processes of its sandbox.
struct Ended;

impl Frozen for Ended {
    fn remove(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}

/// Returns the bytes of the files in a folder, of those that this user can read.
fn file_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => file_bytes(&entry.path()),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    entries.map(size).sum()
}
