//! The parts of a call of Tierce that every command takes.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camino::Utf8PathBuf;
use tierce_execute::{Error, Options, Session, UserFolders};

use crate::cli::Global;
use crate::terminal::{Terminal, Verbosity};
use crate::{current_folder, daemon_environment, namespace, path};

/// A call of Tierce, besides the arguments of its command.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The flags of every command.
    pub(crate) global: &'a Global,
    /// The terminal.
    pub(crate) terminal: &'a Arc<Terminal>,
    /// Set by Ctrl-C.
    pub(crate) interrupted: &'a Arc<AtomicBool>,
}

impl Call<'_> {
    /// Opens the workspace that the flags and the current folder name. `jobs` defaults to the number of cores.
    pub(crate) fn session(&self, jobs: Option<u16>) -> Result<Session, Error> {
        self.session_with(self.options(jobs)?)
    }

    /// Opens the workspace with these options.
    pub(crate) fn session_with(&self, options: Options) -> Result<Session, Error> {
        Session::open(options, &|event| self.terminal.show(event))
    }

    /// Returns options from the flags and the environment; a command changes its own.
    pub(crate) fn options(&self, jobs: Option<u16>) -> Result<Options, Error> {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Options {
            folder: folder(self.global)?,
            user: UserFolders {
                tierce_cache: path("TIERCE_CACHE"),
                xdg_cache_home: path("XDG_CACHE_HOME"),
                home: path("HOME"),
            },
            daemon: daemon_environment(),
            cargo_home: path("CARGO_HOME").or_else(|| path("HOME").map(|home| home.join(".cargo"))).unwrap_or_default(),
            namespace: namespace(),
            engine: self.global.engine.map(crate::cli::Engine::choice),
            offline: self.global.offline || self.global.frozen,
            locked: self.global.locked || self.global.frozen,
            no_cache: Vec::new(),
            no_deps: false,
            no_test: false,
            keep_warm: 0,
            jobs: jobs.map_or_else(cores, usize::from),
            colour: self.terminal.has_colour(),
            quiet: self.terminal.verbosity() == Verbosity::Quiet,
            interrupted: Arc::clone(self.interrupted),
        })
    }
}

/// The folder of the Cargo.toml that is named, else the current one.
fn folder(global: &Global) -> Result<Utf8PathBuf, Error> {
    let current = current_folder().map_err(|error| Error::file("use", ".".as_ref(), error))?;
    Ok(match &global.manifest_path {
        None => current,
        Some(path) if path.file_name() == Some("Cargo.toml") => {
            current.join(path).parent().unwrap_or(&current).to_owned()
        }
        Some(path) => current.join(path),
    })
}
