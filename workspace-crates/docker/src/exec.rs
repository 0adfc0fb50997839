//! Runs programs in running containers.

use std::collections::BTreeMap;

use bollard::errors::Error as Client;
use bollard::models::ExecConfig;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::connection::TICK;
use crate::input::{Destination, Feeding, Terminal};
use crate::interactive::exit_code;
use crate::reference::check_name;
use crate::session::{Output, Session};
use crate::spec::variables;
use crate::{Answer, Docker, Ending, Engine, Error, Exit, Input, OutputStream, wire};

/// Detach keys that nobody types by accident. Here they must be ASCII. The first is the rarest key.
const NO_DETACH_KEYS: &str = "ctrl-^,q,ctrl-@,7,ctrl-_,Z,ctrl-],k,DEL,4,ctrl-g,W,ctrl-o,x,ctrl-^,J";

/// The first words of Docker's and Podman's refusal, which replaces the output of a program that cannot be executed.
const REFUSALS: [&[u8]; 2] = [b"OCI runtime exec failed: ", b"Error: runc: exec failed: "];

/// The limit of a refusal, in bytes.
const REFUSAL: usize = 16 << 10;

/// A program to run in a running container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables in addition to the container's.
    pub environment: BTreeMap<String, String>,
    /// The working folder, if not the container's.
    pub working_dir: Option<String>,
    /// `user`, `uid` or `uid:gid`, if not the container's.
    pub user: Option<String>,
    /// Whether it has a terminal.
    pub tty: bool,
}

impl Docker {
    /// Runs a program in a running container. The program survives an interruption or a detach.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] if the container does not run; [`Error::ProgramNotFound`],
    /// [`Error::NotExecutable`]; [`Error::LostMidway`].
    pub fn exec(
        &self,
        container: &str,
        command: &Command,
        input: Input,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Ending, Error> {
        check_name(container, "a container name")?;
        let program = command.command.first().map(String::as_str).unwrap_or_default();
        let action = format!("run `{program}` in the container `{container}`");
        let session = self.request(|| action.clone(), self.start_exec(container, command, input))?;
        let mut refusal = Refusal::default();
        let code = self.follow(session, &action, &mut |stream, bytes| refusal.pass(stream, bytes, output))?;
        if let Some(answer) = refusal.end(code, output) {
            return Err(Error::from_answer(action, answer));
        }
        Ok(code.map_or(Ending::Detached, |code| Ending::Exited(Exit { code, oom_killed: false })))
    }

    async fn start_exec(&self, container: &str, command: &Command, input: Input) -> Result<Session, Client> {
        let config = ExecConfig {
            attach_stdin: Some(input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            detach_keys: (command.tty && self.engine() == Engine::Docker).then(|| NO_DETACH_KEYS.to_owned()),
            tty: Some(command.tty),
            cmd: Some(command.command.clone()),
            env: Some(variables(&command.environment)),
            working_dir: command.working_dir.clone(),
            user: command.user.clone(),
            ..Default::default()
        };
        let client = self.client().clone();
        let id = client.create_exec(container, config).await?.id;
        let body = serde_json::json!({ "Detach": false, "Tty": command.tty }).to_string();
        let (reader, writer) = wire::upgrade(self.endpoint(), &format!("/exec/{id}/start"), Some(body)).await?;
        let (sender, detached) = oneshot::channel();
        let destination = Destination {
            client: client.clone(),
            writer,
            terminal: command.tty.then(|| Terminal::Exec(id.clone())),
            detached: sender,
        };
        let feeding = Feeding::start(input, destination);
        let end = Box::pin(exit_of_exec(client, id));
        Ok(Session::new(Output::new(reader, command.tty), end, true, detached, feeding))
    }
}

/// Returns the exit code of a program whose output has ended. The daemon may record the code a moment later.
async fn exit_of_exec(client: bollard::Docker, id: String) -> Result<i32, Client> {
    loop {
        let state = client.inspect_exec(&id).await?;
        if let (Some(false), Some(code)) = (state.running, state.exit_code) {
            return Ok(exit_code(code));
        }
        sleep(TICK / 5).await;
    }
}

/// Output that may be the daemon's refusal. The exit code decides at the end.
#[derive(Default)]
struct Refusal {
    /// Whether the output is certainly the program's.
    passed: bool,
    held: Vec<(OutputStream, Vec<u8>)>,
}

impl Refusal {
    /// Passes output on, or holds it back.
    fn pass(&mut self, stream: OutputStream, bytes: &[u8], output: &mut dyn FnMut(OutputStream, &[u8])) {
        let begins = !self.held.is_empty() || REFUSALS.iter().any(|refusal| bytes.starts_with(refusal));
        let length: usize = self.held.iter().map(|(_, held)| held.len()).sum();
        if !self.passed && begins && length + bytes.len() <= REFUSAL {
            self.held.push((stream, bytes.to_vec()));
        } else {
            self.release(output);
            output(stream, bytes);
        }
    }

    fn release(&mut self, output: &mut dyn FnMut(OutputStream, &[u8])) {
        self.passed = true;
        self.held.drain(..).for_each(|(stream, bytes)| output(stream, &bytes));
    }

    /// Returns the refusal if the exit code confirms it.
    fn end(mut self, code: Option<i32>, output: &mut dyn FnMut(OutputStream, &[u8])) -> Option<Answer> {
        if !matches!(code, Some(126 | 127)) || self.held.is_empty() {
            self.release(output);
            return None;
        }
        let words: Vec<u8> = self.held.into_iter().flat_map(|(_, bytes)| bytes).collect();
        Some(Answer { status: None, message: String::from_utf8_lossy(&words).trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_differs_from_program_output() {
        let long = [REFUSALS[0], &vec![b'x'; REFUSAL]].concat();
        for (pieces, code, refused) in [
            (vec![&b"OCI runtime exec failed: a"[..], b"b"], 127, true),
            (vec![b"Error: runc: exec failed: a"], 126, true),
            (vec![b"OCI runtime exec failed: a", b"b"], 1, false),
            (vec![b"a", b"OCI runtime exec failed: b"], 127, false),
            (vec![&long, b"b"], 127, false),
            (vec![], 127, false),
        ] {
            let (mut refusal, mut passed) = (Refusal::default(), Vec::new());
            let mut output = |_, bytes: &[u8]| passed.extend_from_slice(bytes);
            pieces.iter().for_each(|piece| refusal.pass(OutputStream::Stderr, piece, &mut output));
            let answer = refusal.end(Some(code), &mut output).map(|answer| answer.message.into_bytes());
            let all = pieces.concat();
            assert_eq!((answer, passed), if refused { (Some(all), vec![]) } else { (None, all) });
        }
    }
}
