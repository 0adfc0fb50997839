//! Tierce's command line: what a workspace's xtask calls.
//!
//! Raw flags (`cli`) become options of a session; a session's events become bars or lines (`terminal`), its errors lines of a
//! Cargo.toml with a caret (`diagnostic`). stdout carries data and nothing else.

mod clean;
mod cli;
mod diagnostic;
mod image;
mod interrupt;
mod terminal;
mod timings;
mod update;
mod verify;
mod why;

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camino::Utf8PathBuf;
use clap::Parser;
use tierce_execute::{Error, Options, Session, UserFolders};

use crate::cli::{Cli, Command, Global};
use crate::terminal::{Environment, Terminal, Verbosity};

/// Runs Tierce with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment =
        Environment { no_color: path("NO_COLOR").is_some(), dumb: text("TERM").is_some_and(|term| term == "dumb") };
    let explain = matches!(&cli.command, Command::Image(arguments) if arguments.explain);
    let terminal = Arc::new(Terminal::new(&cli.global, explain, &environment));
    let interrupted = interrupt::on_signals(&terminal);
    let result = match &cli.command {
        Command::Image(arguments) => image::run(arguments, &cli.global, &terminal, &interrupted),
        Command::Update(arguments) => update::run(arguments, &cli.global, &terminal, &interrupted),
        Command::Clean(arguments) => clean::run(arguments, &cli.global, &terminal, &interrupted),
        Command::Verify(arguments) => verify::run(arguments, &cli.global, &terminal, &interrupted),
        Command::Why(arguments) => why::run(arguments, &cli.global, &terminal, &interrupted),
    };
    terminal.close();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Run(error)) => {
            let folder = current_folder().unwrap_or_default();
            terminal.raw(diagnostic::render(&error, &folder, terminal.has_colour()).as_bytes());
            ExitCode::from(error.kind() as u8)
        }
        // Whoever reads stdout has gone: nothing is left to say, and nobody to say it to.
        Err(Failure::Stdout) => ExitCode::FAILURE,
    }
}

/// Why a command did not do what it was asked to.
pub(crate) enum Failure {
    /// The run failed.
    Run(Error),
    /// stdout cannot be written.
    Stdout,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Run(error)
    }
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Failure {
        Failure::Stdout
    }
}

/// Writes data for other programs, or for people who asked for data.
pub(crate) fn print(text: &str) -> Result<(), io::Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Opens the workspace that the flags and the current folder name.
pub(crate) fn session(global: &Global, terminal: &Terminal, interrupted: &Arc<AtomicBool>) -> Result<Session, Error> {
    Session::open(options(global, terminal, interrupted)?, &|event| terminal.show(event))
}

/// What the flags of every command and the environment say.
pub(crate) fn options(global: &Global, terminal: &Terminal, interrupted: &Arc<AtomicBool>) -> Result<Options, Error> {
    Ok(Options {
        folder: folder(global)?,
        user: UserFolders {
            tierce_cache: path("TIERCE_CACHE"),
            xdg_cache_home: path("XDG_CACHE_HOME"),
            home: path("HOME"),
        },
        daemon: tierce_execute::DaemonEnvironment {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_config: path("DOCKER_CONFIG"),
            docker_tls_verify: text("DOCKER_TLS_VERIFY"),
            home: path("HOME"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
        },
        cargo_home: path("CARGO_HOME").or_else(|| path("HOME").map(|home| home.join(".cargo"))).unwrap_or_default(),
        namespace: text("TIERCE_NAMESPACE").unwrap_or_else(|| "tierce".to_owned()),
        offline: global.offline || global.frozen,
        locked: global.locked || global.frozen,
        no_cache: Vec::new(),
        keep_warm: 0,
        jobs: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        colour: terminal.has_colour(),
        quiet: terminal.verbosity() == Verbosity::Quiet,
        interrupted: Arc::clone(interrupted),
    })
}

/// The folder of the Cargo.toml that is named, else the current one.
fn folder(global: &Global) -> Result<Utf8PathBuf, Error> {
    let current = current_folder().map_err(|source| Error::File { verb: "use", path: PathBuf::from("."), source })?;
    Ok(match &global.manifest_path {
        None => current,
        Some(path) if path.file_name() == Some("Cargo.toml") => {
            current.join(path).parent().unwrap_or(&current).to_owned()
        }
        Some(path) => current.join(path),
    })
}

fn current_folder() -> io::Result<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(env::current_dir()?).map_err(|_| io::ErrorKind::InvalidFilename.into())
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
