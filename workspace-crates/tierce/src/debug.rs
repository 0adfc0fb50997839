//! `cargo xtask debug`

mod copy;
mod forwards;
mod gdb;
mod keyboard;
mod prepare;
mod remains;
mod sessions;
mod signals;
pub(crate) mod talk;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use anstyle::AnsiColor;
use rustix::fs::FileType;
use serde::Serialize;
use tierce_debug::{DetachKeys, DryRun, EnvironmentOption, Error, Marks, Options, Process, Session, Target};
use tierce_docker::{Docker, Mount};
use tierce_execute::{DETACHED, SessionLabels};

use crate::call::Call;
use crate::cli::{DebugArgs, DebugCommand, Format, Global, SessionArgs};
use crate::data::json;
use crate::debug::gdb::Next;
use crate::debug::prepare::Prepared;
use crate::debug::signals::Signals;
use crate::debug::talk::Talk;
use crate::terminal::Terminal;
use crate::{Failure, daemon_environment, namespace, print};

/// The context that all commands of `debug` share.
pub(crate) struct Context<'c> {
    global: &'c Global,
    terminal: &'c Arc<Terminal>,
    docker: Docker,
    labels: SessionLabels,
    signals: Signals,
    /// Set to interrupt every wait.
    stop: Arc<AtomicBool>,
}

/// A session in the background.
#[derive(Serialize)]
pub(crate) struct DetachedSession<'s> {
    /// Its name.
    name: &'s str,
    /// The id of its container.
    id: &'s str,
}

/// Starts, lists, attaches to or removes sessions. Returns the exit code.
pub(crate) fn run(arguments: &DebugArgs, call: &Call<'_>) -> Result<u8, Failure> {
    let context = Context::new(call)?;
    match &arguments.command {
        None => context.begin(&arguments.session),
        Some(DebugCommand::Ls(arguments)) => context.list(arguments),
        Some(DebugCommand::Attach(arguments)) => context.come_back(arguments),
        Some(DebugCommand::Rm(arguments)) => context.remove(arguments),
        Some(DebugCommand::Cp(arguments)) => context.copy(arguments),
    }
}

impl<'c> Context<'c> {
    /// Connects to the daemon, and passes signals on from now on.
    pub(crate) fn new(call: &Call<'c>) -> Result<Context<'c>, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let signals = Signals::listen(call.interrupted, &stop);
        let docker = Docker::connect(&daemon_environment(), Arc::clone(&stop)).map_err(Error::Docker)?;
        let labels = SessionLabels::new(&namespace());
        Ok(Context { global: call.global, terminal: call.terminal, docker, labels, signals, stop })
    }
}

impl Context<'_> {
    /// Opens the workspace. A signal interrupts it as it interrupts the session.
    fn workspace(&self) -> Result<tierce_execute::Session, tierce_execute::Error> {
        Call { global: self.global, terminal: self.terminal, interrupted: &self.stop }.session(None)
    }

    fn begin(&self, arguments: &SessionArgs) -> Result<u8, Failure> {
        let mut options = options(arguments)?;
        let keys = detach_keys(arguments.detach_keys.as_deref())?;
        // An invalid or occupied port fails before a container is created.
        let forwards = forwards::listen(&arguments.forward)?;
        let idle = options.command.is_empty() && !(options.tty || forwards.is_empty() || arguments.inspects());
        if idle {
            options.command = forwards::idle_command();
        }
        if remains::are_data(arguments) {
            return self.print_remains(arguments);
        }
        let ends_by_itself = arguments.dry_run || arguments.core.is_some() || arguments.snapshot.is_some();
        if options.command.is_empty() && !(options.tty || options.detach || ends_by_itself || can_be_read()) {
            return Err(Error::NoInput.into());
        }
        options.marks = self.marks();
        let session = match remains::are_meant(arguments) {
            true => self.with_remains(arguments, &mut options)?,
            false => match self.beside_target(arguments, &mut options, &keys)? {
                Some(session) => session,
                None => return Ok(0),
            },
        };
        if options.detach {
            return self.leave_alone(session, &options, arguments.format);
        }
        let (name, id) = (options.name.clone(), session.id().to_owned());
        let sweeper = self.sweep();
        self.forward(&session, forwards, options.tty, arguments.format)?;
        let talk = Talk { tty: options.tty, stdin: options.stdin && !idle, keys: Some(&keys), again: false };
        let outcome = self.talk(&talk, &id, |input, output| session.converse(input, output));
        // A leftover of another session is no failure of this one.
        let _ = sweeper.join();
        self.end(outcome?, &name, options.keep)
    }

    /// Creates the container of a session; None if the command needs no session.
    fn beside_target(
        &self,
        arguments: &SessionArgs,
        options: &mut Options,
        keys: &DetachKeys,
    ) -> Result<Option<Session>, Failure> {
        let word = arguments.container.as_deref().unwrap_or_default();
        let Prepared { target, early } = self.prepare(word, arguments, options)?;
        let process = match arguments.dry_run {
            true => target.known_process()?,
            false => target.process(&self.docker, &options.toolbox.image)?,
        };
        if arguments.dry_run {
            // The printed commands may run after this process has ended.
            options.marks.attached.clone_from(&options.marks.kept);
        }
        if let Next::Done = self.inspect(arguments, &target, process, options)? {
            return Ok(None);
        }
        if arguments.dry_run {
            let commands = DryRun::new(&target, process, options, options.tty.then_some(keys));
            print(&match arguments.format {
                Format::Text => commands.script(),
                Format::Json => json(&commands) + "\n",
            })?;
            return Ok(None);
        }
        self.say(&target, process, options.tty && !options.detach);
        Ok(Some(match early {
            Some(session) => session,
            None => Session::create(&self.docker, target, process, options.clone())?,
        }))
    }

    fn marks(&self) -> Marks {
        let SessionLabels { attached, kept, .. } = self.labels.clone();
        Marks { attached, kept, detached: DETACHED.to_owned() }
    }

    /// Removes what killed sessions left, while this one goes on.
    fn sweep(&self) -> thread::JoinHandle<()> {
        let (docker, labels) = (self.docker.clone(), self.labels.clone());
        thread::spawn(move || {
            // The next session retries a removal that fails.
            let _ = tierce_execute::remove_left_sessions(&docker, &labels);
        })
    }

    fn leave_alone(&self, session: Session, options: &Options, format: Format) -> Result<u8, Failure> {
        let id = session.id().to_owned();
        session.start()?;
        print(&match format {
            Format::Text => format!("{}\n", options.name),
            Format::Json => json(&DetachedSession { name: &options.name, id: &id }) + "\n",
        })?;
        let _ = self.sweep().join();
        Ok(0)
    }

    /// Prints the place of the container's files and the id of its program.
    fn say(&self, target: &Target, process: Process, is_watched: bool) {
        let name = target.name();
        if target.unpaused {
            self.terminal.status(AnsiColor::Yellow, "Unpaused", name);
        }
        if is_watched {
            let whose = match (target.has_init(), process.program) {
                (false, _) => format!("its process is {}", process.pid),
                (true, Some(program)) => format!("its program is {program}, and {} an init before it", process.pid),
                (true, None) => format!("its program is a child of {}, which is an init", process.pid),
            };
            let message = format!("{name}: its files are in {}, {whose}", tierce_debug::LINK);
            self.terminal.status(AnsiColor::Green, "Debugging", &message);
        }
    }
}

/// The options of a session from its arguments.
fn options(arguments: &SessionArgs) -> Result<Options, Failure> {
    let current = std::env::current_dir().unwrap_or_default();
    let volume = |text: &String| tierce_debug::volume(text, Path::new(&current));
    let mounts: Vec<Mount> = arguments.volume.iter().map(volume).collect::<Result<_, _>>()?;
    let environment = arguments.env.iter().map(|text| EnvironmentOption::parse(text)).collect::<Result<_, _>>()?;
    // --dry-run prints commands to use on a terminal, even if its own stdout is a file.
    let listens = io::stdin().is_terminal() && (io::stdout().is_terminal() || arguments.dry_run);
    let tty = !arguments.no_tty && (listens || arguments.detach);
    Ok(Options {
        command: arguments.command.clone(),
        user: arguments.user.clone(),
        working_dir: arguments.workdir.clone(),
        mounts,
        cap_add: arguments.cap_add.clone(),
        environment,
        tty,
        // A user who attaches later wants to type.
        stdin: tty || !arguments.detach,
        keep: arguments.keep,
        detach: arguments.detach,
        ..Options::default()
    })
}

fn detach_keys(text: Option<&str>) -> Result<DetachKeys, Error> {
    text.map_or_else(|| Ok(DetachKeys::default()), DetachKeys::parse)
}

/// Whether a shell could read stdin: a terminal, a pipe or a file, but not `/dev/null`.
pub(crate) fn can_be_read() -> bool {
    let kind = rustix::fs::fstat(io::stdin()).map(|status| FileType::from_raw_mode(status.st_mode));
    io::stdin().is_terminal() || kind.is_ok_and(|kind| kind != FileType::CharacterDevice)
}
