//! Running programs in containers, with their input and output.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as Client;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{ContainerWaitResponse, ExecConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, LogsOptionsBuilder, StartContainerOptions, WaitContainerOptionsBuilder,
};
use futures_util::{Stream, StreamExt, stream};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::connection::TICK;
use crate::reference::check_name;
use crate::spec::variables;
use crate::{Container, ContainerSpec, Docker, Error};

/// How long a container's output may be silent once the container has ended, before its end is no longer waited for.
const DRAIN: Duration = Duration::from_secs(5);

/// The size of a piece of an exec's output that is read at once, in bytes.
const OUTPUT_CHUNK: usize = 64 * 1024;

/// Which of a program's two outputs something came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; 128 and a signal's number if a signal ended it.
    pub code: i32,
    /// Whether the kernel killed a process of the container because memory ran out. Not known, and false, for
    /// [`Docker::exec`] and where Podman does not notice (with version 1 of the kernel's control groups).
    pub oom_killed: bool,
}

impl Exit {
    /// Whether the code is 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }

    /// The signal that ended it, going by the code.
    pub fn signal(&self) -> Option<i32> {
        (129..=192).contains(&self.code).then(|| self.code - 128)
    }
}

/// A program to run in a container that runs already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables that are added to the container's.
    pub environment: BTreeMap<String, String>,
    /// The working folder, if not the container's.
    pub working_dir: Option<String>,
    /// `user`, `uid` or `uid:gid`, if not the container's.
    pub user: Option<String>,
}

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Client>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// What happens while a container runs.
enum Event {
    Output(Result<LogOutput, Client>),
    OutputEnd,
    Exit(Result<ContainerWaitResponse, Client>),
}

impl Docker {
    /// Runs a container to its end and removes it, whatever happens: also on an error, a panic in `output`, or an
    /// interruption. `stdin` is what its standard input gives, none an empty one. `output` gets what it writes, in pieces
    /// of any size, as it comes; it must not call methods of this type.
    ///
    /// # Errors
    /// Those of [`Docker::create`] and [`Docker::start`]; [`Error::Interrupted`]. A code other than 0 is none.
    pub fn run(
        &self,
        spec: &ContainerSpec,
        stdin: Option<&[u8]>,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Exit, Error> {
        let spec = ContainerSpec { stdin: stdin.is_some(), ..spec.clone() };
        let container = self.create_as(&spec, false)?;
        let exit = self.run_created(&container, stdin, output)?;
        container.remove()?;
        Ok(exit)
    }

    /// Starts a container that was made with [`Docker::create`], and waits for its end as [`Docker::run`] does. It is
    /// killed when interrupted, but not removed. `stdin` needs [`ContainerSpec::stdin`].
    ///
    /// # Errors
    /// Those of [`Docker::start`]; [`Error::Interrupted`].
    pub fn run_created(
        &self,
        container: &Container,
        stdin: Option<&[u8]>,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Exit, Error> {
        let id = container.id();
        let action = || format!("run {}", container.title());
        let stdin = stdin.map(<[u8]>::to_vec);
        let ended = self.wait_for(self.attach_and_wait(id, stdin, output));
        let code = match ended {
            Ok(Ok(code)) => code,
            Ok(Err(error)) => return Err(Error::from_client(action(), error)),
            Err(interrupted) => {
                // That it has ended already is no matter.
                let _ = self.kill(id, "KILL");
                return Err(interrupted);
            }
        };
        // A process that was killed for lack of memory need not be the first one, but is why that failed.
        let oom_killed = code != 0 && self.state(id)?.is_some_and(|state| state.oom_killed);
        Ok(Exit { code, oom_killed })
    }

    /// Attaches, starts, and follows the container to its end. Gives the exit code.
    async fn attach_and_wait(
        &self,
        id: &str,
        stdin: Option<Vec<u8>>,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<i32, Client> {
        let client = self.client();
        let options =
            AttachContainerOptionsBuilder::new().stream(true).stdin(stdin.is_some()).stdout(true).stderr(true).build();
        // Before the start, so that nothing that is written can be missed.
        let attached = client.attach_container(id, Some(options)).await?;
        client.start_container(id, None::<StartContainerOptions>).await?;
        let _input = stdin.map(|stdin| Feeding(tokio::spawn(feed(attached.input, stdin))));
        // "not-running" is answered at once if the container has ended by now; "next-exit" would not be.
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        follow(attached.output, client.wait_container(id, Some(options)), output).await
    }

    /// Runs a program in a container that runs already. Interrupted, the program goes on until the container is removed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] if the container does not run. A program that cannot be executed gives
    /// the code 126 or 127, as in a shell.
    pub fn exec(
        &self,
        container: &str,
        command: &Command,
        stdin: Option<&[u8]>,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Exit, Error> {
        check_name(container, "a container name")?;
        let config = ExecConfig {
            attach_stdin: Some(stdin.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.command.clone()),
            env: Some(variables(&command.environment)),
            working_dir: command.working_dir.clone(),
            user: command.user.clone(),
            ..Default::default()
        };
        let action = || {
            let program = command.command.first().map(String::as_str).unwrap_or_default();
            format!("run `{program}` in the container `{container}`")
        };
        let code = self.request(action, self.exec_and_wait(container, config, stdin.map(<[u8]>::to_vec), output))?;
        Ok(Exit { code, oom_killed: false })
    }

    async fn exec_and_wait(
        &self,
        container: &str,
        config: ExecConfig,
        stdin: Option<Vec<u8>>,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<i32, Client> {
        let client = self.client();
        let id = client.create_exec(container, config).await?.id;
        let options = StartExecOptions { output_capacity: Some(OUTPUT_CHUNK), ..Default::default() };
        let StartExecResults::Attached { output: mut pieces, input } = client.start_exec(&id, Some(options)).await?
        else {
            return Err(Client::DockerStreamError { error: "the program was started detached".to_owned() });
        };
        let _input = stdin.map(|stdin| Feeding(tokio::spawn(feed(input, stdin))));
        while let Some(piece) = pieces.next().await {
            deliver(piece?, output);
        }
        // The end of the output may be seen a moment before the end of the program is known.
        loop {
            let state = client.inspect_exec(&id).await?;
            if let (Some(false), Some(code)) = (state.running, state.exit_code) {
                return Ok(exit_code(code));
            }
            sleep(TICK / 5).await;
        }
    }

    /// What a container that was made with [`Docker::create`] has written so far.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn logs(&self, container: &str, output: &mut dyn FnMut(OutputStream, &[u8])) -> Result<(), Error> {
        check_name(container, "a container name")?;
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut pieces = self.client().logs(container, Some(options));
        self.request(|| format!("read the log of the container `{container}`"), async {
            while let Some(piece) = pieces.next().await {
                deliver(piece?, output);
            }
            Ok(())
        })
    }
}

/// Follows a started container until it has ended and its output has, too.
async fn follow(
    output: Output,
    wait: impl Stream<Item = Result<ContainerWaitResponse, Client>>,
    deliver_to: &mut dyn FnMut(OutputStream, &[u8]),
) -> Result<i32, Client> {
    let output = output.map(Event::Output).chain(stream::iter([Event::OutputEnd]));
    let mut events = std::pin::pin!(stream::select(output, wait.map(Event::Exit)));
    let (mut code, mut ended) = (None, false);
    loop {
        let event = match code {
            Some(code) if ended => return Ok(code),
            // Something else holds the output open.
            Some(code) => match timeout(DRAIN, events.next()).await {
                Ok(event) => event,
                Err(_) => return Ok(code),
            },
            None => events.next().await,
        };
        match event {
            Some(Event::Output(piece)) => deliver(piece?, deliver_to),
            Some(Event::OutputEnd) => ended = true,
            Some(Event::Exit(answer)) => code = Some(wait_code(answer)?),
            None => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

/// The exit code in an answer to a wait. The client makes errors of codes other than 0.
fn wait_code(answer: Result<ContainerWaitResponse, Client>) -> Result<i32, Client> {
    match answer {
        Ok(answer) => Ok(exit_code(answer.status_code)),
        Err(Client::DockerContainerWaitError { error, code }) if error.is_empty() => Ok(exit_code(code)),
        Err(Client::DockerContainerWaitError { error, .. }) => Err(Client::DockerStreamError { error }),
        Err(error) => Err(error),
    }
}

fn exit_code(code: i64) -> i32 {
    i32::try_from(code).unwrap_or(i32::MAX)
}

fn deliver(piece: LogOutput, output: &mut dyn FnMut(OutputStream, &[u8])) {
    match piece {
        LogOutput::StdErr { message } => output(OutputStream::Stderr, &message),
        LogOutput::StdOut { message } | LogOutput::Console { message } => output(OutputStream::Stdout, &message),
        LogOutput::StdIn { .. } => {}
    }
}

/// A task that writes standard input; it ends with this value, as a program need not read all of its input.
struct Feeding(JoinHandle<()>);

impl Drop for Feeding {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn feed(mut input: Input, stdin: Vec<u8>) {
    // A program that does not read its input is not at fault. Dropping alone would not close the container's end.
    let _ = input.write_all(&stdin).await;
    let _ = input.shutdown().await;
}
