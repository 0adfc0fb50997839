//! Tierce's command line: what a workspace's xtask calls.
//!
//! Raw flags (`cli`) become options of a session; a session's events become bars or lines (`terminal`), its errors lines of a
//! Cargo.toml with a caret (`diagnostic`). stdout carries data and nothing else.

mod ask;
mod clean;
mod cli;
mod completions;
mod debug;
mod diagnostic;
mod graph;
mod image;
mod interrupt;
mod list;
mod new;
mod notify;
mod shell;
mod size;
mod terminal;
mod test;
mod timings;
mod update;
mod verify;
mod why;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use camino::Utf8PathBuf;
use clap::{CommandFactory, Parser};
use tierce_execute::{DaemonEnvironment, Error, ErrorKind, Options, Session, UserFolders};

use crate::cli::{Cli, Command, Global};
use crate::notify::Ended;
use crate::terminal::{Environment, Terminal, Verbosity};

/// Runs Tierce with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    let start = Instant::now();
    let cli = command_line();
    let environment =
        Environment { no_color: path("NO_COLOR").is_some(), dumb: text("TERM").is_some_and(|term| term == "dumb") };
    let explain = matches!(&cli.command, Command::Image(arguments) if arguments.explain);
    let terminal = Arc::new(Terminal::new(&cli.global, explain, &environment));
    let interrupted = interrupt::on_signals(&terminal);
    let result = match &cli.command {
        Command::Image(arguments) => image::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::Update(arguments) => update::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::Clean(arguments) => clean::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::Verify(arguments) => verify::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::Test(arguments) => test::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::Why(arguments) => why::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::Graph(arguments) => graph::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::Size(arguments) => size::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::New(arguments) => new::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::List(arguments) => list::run(arguments, &cli.global, &terminal, &interrupted).map(|()| 0),
        Command::Completions(arguments) => completions::completions(arguments.shell).map(|()| 0),
        Command::Man(arguments) => completions::man(arguments, &terminal).map(|()| 0),
        Command::Shell(arguments) => shell::run(arguments, &cli.global, &terminal, &interrupted),
        Command::Debug(arguments) => debug::run(arguments, &cli.global, &terminal, &interrupted),
    };
    terminal.close();
    let code = result.unwrap_or_else(|failure| {
        terminal.raw(failure.text(terminal.has_colour()).as_bytes());
        match matches!(cli.command, Command::Debug(_) | Command::Shell(_)) {
            true => failure.exit_code_of_session(),
            false => failure.exit_code(),
        }
    });
    if let Some((command, notify)) = cli.command.sign() {
        let ended = Ended { command, well: code == 0, took: start.elapsed() };
        notify::at_end(notify, &ended, &terminal, path("TMUX").is_some());
    }
    ExitCode::from(code)
}

/// The command line; one that means nothing ends the process here. A command of a session may end with the code that this has
/// otherwise, so that `debug` and `shell` have their own, as `docker run` does.
fn command_line() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let commands = Cli::command();
        let is_command = |word: &OsString| commands.get_subcommands().any(|command| *word == *command.get_name());
        let command = env::args_os().skip(1).find(is_command);
        let is_session = command.is_some_and(|command| command == "debug" || command == "shell");
        if is_session && error.use_stderr() {
            // A stderr that is gone is nobody's to tell.
            let _ = error.print();
            std::process::exit(NO_SESSION.into());
        }
        error.exit()
    })
}

/// Why a command did not do what it was asked to.
pub(crate) enum Failure {
    /// The run failed.
    Run(Error),
    /// There is no session, or it broke off.
    Session(tierce_debug::Error),
    /// There is no toolbox for a session.
    Toolbox(Error),
    /// The terminal does not do what terminals do.
    Terminal(io::Error),
    /// stdout cannot be written.
    Stdout,
}

/// The exit code of `debug` and `shell` for what is not their command's failure.
const NO_SESSION: u8 = 125;

impl Failure {
    /// What is said about it.
    fn text(&self, colour: bool) -> String {
        let folder = || current_folder().unwrap_or_default();
        match self {
            Failure::Session(error) => diagnostic::render_session(error, colour),
            Failure::Toolbox(error) if error.kind() != ErrorKind::Interrupted => {
                let text = diagnostic::render(error, &folder(), colour);
                format!(
                    "{text}note: this was for the toolbox; --toolbox IMAGE takes the tools from any image of the daemon\n"
                )
            }
            Failure::Run(error) | Failure::Toolbox(error) => diagnostic::render(error, &folder(), colour),
            Failure::Terminal(error) => format!("error: failed to use the terminal: {error}\n"),
            // Whoever reads stdout has gone: nothing is left to say, and nobody to say it to.
            Failure::Stdout => String::new(),
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Failure::Run(error) | Failure::Toolbox(error) => error.kind() as u8,
            Failure::Session(error) => error.exit_code(),
            Failure::Terminal(_) | Failure::Stdout => 1,
        }
    }

    fn exit_code_of_session(&self) -> u8 {
        const INTERRUPTED: u8 = ErrorKind::Interrupted as u8;
        match self {
            Failure::Session(error) => error.exit_code(),
            other if other.exit_code() == INTERRUPTED => INTERRUPTED,
            _ => NO_SESSION,
        }
    }
}

impl From<tierce_debug::Error> for Failure {
    fn from(error: tierce_debug::Error) -> Failure {
        Failure::Session(error)
    }
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
        daemon: daemon_environment(),
        cargo_home: path("CARGO_HOME").or_else(|| path("HOME").map(|home| home.join(".cargo"))).unwrap_or_default(),
        namespace: namespace(),
        offline: global.offline || global.frozen,
        locked: global.locked || global.frozen,
        no_cache: Vec::new(),
        no_deps: false,
        no_test: false,
        keep_warm: 0,
        jobs: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        colour: terminal.has_colour(),
        quiet: terminal.verbosity() == Verbosity::Quiet,
        interrupted: Arc::clone(interrupted),
    })
}

/// What decides where the daemon is.
pub(crate) fn daemon_environment() -> DaemonEnvironment {
    DaemonEnvironment {
        docker_host: text("DOCKER_HOST"),
        docker_context: text("DOCKER_CONTEXT"),
        docker_config: path("DOCKER_CONFIG"),
        docker_tls_verify: text("DOCKER_TLS_VERIFY"),
        home: path("HOME"),
        xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
    }
}

/// What everything in the daemon is named and labelled with.
pub(crate) fn namespace() -> String {
    text("TIERCE_NAMESPACE").unwrap_or_else(|| "tierce".to_owned())
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
