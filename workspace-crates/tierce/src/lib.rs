//! Tierce's command line: [`main`] for a workspace's xtask, [`cargo_subcommand`] for the installed `cargo tierce`.
//!
//! Raw flags (`cli`) become options of a session; a session's events become bars or lines (`terminal`), its errors lines of a
//! Cargo.toml with a caret (`diagnostic`). stdout carries data and nothing else.

mod ask;
mod call;
mod clean;
mod cli;
mod columns;
mod completions;
mod data;
mod debug;
mod diagnostic;
mod doctor;
mod graph;
mod image;
mod interrupt;
mod invocation;
mod list;
mod manifest;
mod new;
mod notify;
mod publish;
mod run;
mod search;
mod shell;
mod size;
mod terminal;
mod test;
mod timings;
mod update;
mod verify;
mod volume;
mod why;

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use camino::Utf8PathBuf;
use clap::FromArgMatches;
use tierce_execute::{DaemonEnvironment, Error, ErrorKind};

use crate::call::Call;
use crate::cli::{Cli, Command};
use crate::notify::Ended;
use crate::terminal::shown::{Shown, write_stderr, write_stdout};
use crate::terminal::{Environment, Terminal};

/// Runs Tierce with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    run(env::args_os().collect())
}

/// Runs Tierce as the program `cargo-tierce`, to which cargo passes the word `tierce` as the first argument.
pub fn cargo_subcommand() -> ExitCode {
    invocation::set_tierce();
    let mut arguments: Vec<OsString> = env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == "tierce") {
        arguments.remove(1);
    }
    run(arguments)
}

/// Runs Tierce; the first argument is the program's name.
fn run(arguments: Vec<OsString>) -> ExitCode {
    // A sandbox executes this program again. Nothing may run before.
    if let Some(code) = tierce_sandbox::entry() {
        return code;
    }
    let start = Instant::now();
    let cli = command_line(&arguments);
    let environment =
        Environment { no_color: path("NO_COLOR").is_some(), dumb: text("TERM").is_some_and(|term| term == "dumb") };
    let explain = matches!(&cli.command, Command::Image(arguments) if arguments.explain);
    let terminal = Arc::new(Terminal::new(&cli.global, explain, &environment));
    let interrupted = interrupt::on_signals(&terminal);
    let call = Call { global: &cli.global, terminal: &terminal, interrupted: &interrupted };
    let result = match &cli.command {
        Command::Image(arguments) => image::run(arguments, &call).map(|()| 0),
        Command::Update(arguments) => update::run(arguments, &call).map(|()| 0),
        Command::Clean(arguments) => clean::run(arguments, &call).map(|()| 0),
        Command::Verify(arguments) => verify::run(arguments, &call).map(|()| 0),
        Command::Test(arguments) => test::run(arguments, &call).map(|()| 0),
        Command::Why(arguments) => why::run(arguments, &call).map(|()| 0),
        Command::Graph(arguments) => graph::run(arguments, &call).map(|()| 0),
        Command::Size(arguments) => size::run(arguments, &call).map(|()| 0),
        Command::New(arguments) => new::run(arguments, &call).map(|()| 0),
        Command::Manifest(arguments) => manifest::run(arguments, &call).map(|()| 0),
        Command::Search(arguments) => search::run(arguments, &call).map(|()| 0),
        Command::Use(arguments) => search::run_use(arguments, &call).map(|()| 0),
        Command::Doctor(arguments) => doctor::run(arguments, &call),
        Command::List(arguments) => list::run(arguments, &call).map(|()| 0),
        Command::Completions(arguments) => completions::completions(arguments.shell).map(|()| 0),
        Command::Man(arguments) => completions::man(arguments, &terminal).map(|()| 0),
        Command::Run(arguments) => run::run(arguments, &call),
        Command::Shell(arguments) => shell::run(arguments, &call),
        Command::Debug(arguments) => debug::run(arguments, &call),
    };
    terminal.close();
    let code = result.unwrap_or_else(|failure| {
        terminal.raw(&failure.text(terminal.has_colour()));
        match matches!(cli.command, Command::Debug(_) | Command::Run(_) | Command::Shell(_)) {
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

/// Parses the command line; an invalid one ends the process.
fn command_line(arguments: &[OsString]) -> Cli {
    let mut commands = invocation::command();
    let matches = commands.try_get_matches_from_mut(arguments);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut commands)));
    cli.unwrap_or_else(|error| {
        let is_command = |word: &OsString| commands.get_subcommands().any(|command| *word == *command.get_name());
        let command = arguments.iter().skip(1).find(|word| is_command(word));
        end_with_usage(
            &error,
            command.is_some_and(|command| ["debug", "run", "shell"].iter().any(|name| command == name)),
        )
    })
}

/// Prints help or a mistake of the command line, and ends the process.
///
/// `debug`, `run` and `shell` exit with 125 after a mistake, as `docker run` does: 2 could be the exit code of the user's command.
pub(crate) fn end_with_usage(error: &clap::Error, is_session: bool) -> ! {
    let is_terminal = if error.use_stderr() { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
    let colour = is_terminal && path("NO_COLOR").is_none() && text("TERM").is_none_or(|term| term != "dumb");
    // It repeats the user's words and variables.
    let message = Shown::styled(&error.render().ansi().to_string(), colour);
    if error.use_stderr() {
        write_stderr(&message);
    } else {
        // A closed stdout leaves no place to report that.
        let _ = write_stdout(&message);
    }
    let code = if is_session && error.use_stderr() { NO_SESSION.into() } else { error.exit_code() };
    std::process::exit(code)
}

/// The failure of a command.
pub(crate) enum Failure {
    /// The run failed.
    Run(Error),
    /// The session of `debug` or `shell` failed.
    Session(tierce_debug::Error),
    /// The toolbox of a session could not be built.
    Toolbox(Error),
    /// The terminal refused to change its mode.
    Terminal(io::Error),
    /// stdout cannot be written.
    Stdout,
}

/// The exit code of `debug`, `run` and `shell` if the session fails, as of `docker run`.
const NO_SESSION: u8 = 125;

impl Failure {
    /// The text for stderr, lines included.
    fn text(&self, colour: bool) -> Shown {
        Shown::styled(&invocation::named(&self.rendered(colour)), colour)
    }

    fn rendered(&self, colour: bool) -> String {
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
            // The reader of stdout has closed it, as `head` does; other programs end silently too.
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
    write_stdout(&Shown::text(text))
}

/// The environment variables that name the daemon.
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

/// The prefix and label of everything in the daemon, from `TIERCE_NAMESPACE`.
pub(crate) fn namespace() -> String {
    text("TIERCE_NAMESPACE").unwrap_or_else(|| "tierce".to_owned())
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
