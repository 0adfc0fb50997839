//! The interface of an engine, which opens builders: all that runs in a builder goes through it. No type of an engine is in it.

use std::io::{Read, Write};

use tierce_store::Error;

use crate::container::opening::{Opening, Stream};

/// Receives the output of a program.
pub type Output<'o> = dyn FnMut(Stream, &[u8]) + 'o;

/// Writes a root as a tar stream.
pub type WriteRoot<'w> = dyn FnMut(&mut dyn Write) -> Result<(), Error> + Send + 'w;

/// An engine: it has roots, which a step names and a builder starts from, and volumes, which builders mount.
pub trait BuilderEngine {
    /// Returns the id of the engine. Another engine does not have its roots and volumes.
    fn id(&self) -> Result<String, Error>;

    /// Returns the user and group on the engine's host that are root in containers. Archives have the host's numbers.
    fn root_ids(&self) -> Result<(u32, u32), Error>;

    /// Fails if the engine does not see the folders of this machine that containers mount. Asks again after a change of engine or folders.
    fn check_sight(&self) -> Result<(), Error>;

    /// Opens a builder. If this process is killed, a later run removes what is left of it.
    fn open(&self, opening: &Opening) -> Result<Box<dyn OpenBuilder>, Error>;

    /// Runs a program for an image, and returns its exit code. An engine whose builders start slowly keeps one open for the next
    /// program, until `idle` seconds have passed. No process of the program runs while the second result exists.
    fn run_warm(
        &self,
        image: &str,
        idle: u32,
        opening: &Opening,
        output: &mut Output<'_>,
    ) -> Result<(i32, Box<dyn Frozen>), Error>;

    /// Returns the id of the root with this name or id.
    fn find_root(&self, reference: &str) -> Result<Option<String>, Error>;

    /// Returns the id of the root with this name, if Tierce has made it in this namespace by the step with this key. Any image may
    /// have the name.
    fn find_own_root(&self, reference: &str, kind: &str, key: &str) -> Result<Option<String>, Error>;

    /// Returns the id of the oldest root that Tierce has made in this namespace by the step with this key, named or not. Two caches
    /// may make one at once; each run that looks after its own is complete finds the same oldest one.
    fn oldest_own_root(&self, kind: &str, key: &str) -> Result<Option<String>, Error>;

    /// Warns if an image that Tierce has not made loses its name to a builder.
    fn warn_of_stranger(&self, reference: &str, kind: &str, key: &str) -> Result<(), Error>;

    /// Imports the tar stream that `write` produces as a root without a name, and returns its id.
    fn import_root(&self, kind_and_key: (&str, &str), write: &mut WriteRoot<'_>) -> Result<String, Error>;

    /// Names a root. Another root with this name loses it.
    fn name_root(&self, root: &str, name: &str) -> Result<(), Error>;

    /// Removes a root unless something uses it. If it stays, its label lets a later run find it.
    fn drop_root(&self, root: &str);

    /// Returns the size of a root's files in bytes, or `None` if the engine does not have it.
    fn root_bytes(&self, root: &str) -> Result<Option<u64>, Error>;

    /// Creates an empty volume. Its label names this process as the owner until a receipt names the volume.
    fn create_volume(&self, kind: &str, name: &str) -> Result<(), Error>;

    /// Replaces a volume by an empty one.
    fn replace_volume(&self, kind: &str, name: &str) -> Result<(), Error>;

    /// Removes a volume. If that fails, its owner label lets a later run remove it.
    fn drop_volume(&self, name: &str);

    /// Returns the removal of a volume, for a holder that lives longer than the engine.
    fn volume_removal(&self, name: &str) -> Box<dyn FnOnce()>;

    /// Returns the time of the creation of a volume of this namespace and cache, as the engine has it. None if there is no such
    /// volume.
    fn volume_created(&self, kind: &str, name: &str) -> Result<Option<String>, Error>;
}

/// An open builder. Dropping it removes what it changed in its root.
pub trait OpenBuilder: Sync {
    /// Runs the program to the end with `input` on its stdin, and passes its output on. Returns the exit code, or 128 plus the
    /// number of the signal that ended it.
    fn run(&self, input: &[u8], output: &mut Output<'_>) -> Result<i32, Error>;

    /// Unpacks a tar stream into a folder of the builder.
    fn copy_in(&self, folder: &str, tar: &mut (dyn Read + Send)) -> Result<(), Error>;

    /// Returns a file or folder of the builder as a tar stream, or `None` if it does not exist.
    fn copy_out(&self, path: &str) -> Result<Option<Box<dyn Read>>, Error>;

    /// Keeps the builder's root, without its mounts, as a new root. An unnamed one goes with the last image above it.
    fn keep(&self, kind_and_key: (&str, &str), name: Option<&str>) -> Result<String, Error>;

    /// Returns the id that the daemon attaches a terminal to, or `None` if the program can have the caller's own terminal.
    fn attachable(&self) -> Option<&str>;

    /// Runs the program with the caller's own stdin, stdout and stderr, and returns its exit code as [`OpenBuilder::run`] does.
    /// `signals` returns the numbers of signals that the program gets.
    fn run_here(&self, signals: &mut dyn FnMut() -> Vec<i32>) -> Result<i32, Error>;

    /// Removes the builder and returns the error if that fails, unlike a drop.
    fn remove(self: Box<Self>) -> Result<(), Error>;
}

/// The processes of a program that has ended, stopped: nothing changes its results. They continue on drop.
pub trait Frozen {
    /// Ends them, because the program has left others than those of the engine.
    fn remove(self: Box<Self>) -> Result<(), Error>;
}
