//! A short container of the toolbox beside a target, for a task before a session.

use tierce_docker::{Container, ContainerSpec, Docker, Input, OutputStream};

use crate::frames::{Frames, script};
use crate::spec::spec;
use crate::{Error, Options, Target};

/// The limit of a program's messages kept for its error, in bytes.
const KEPT: usize = 4096;

/// The target and the toolbox of errands.
pub(crate) struct Errands<'e> {
    pub(crate) docker: &'e Docker,
    pub(crate) target: &'e Target,
    /// The options of their session.
    pub(crate) options: &'e Options,
}

/// The result of a program.
pub(crate) struct Done {
    pub(crate) code: i32,
    /// The end of its stderr.
    pub(crate) messages: String,
}

impl Errands<'_> {
    /// The container for a command: as a session's, but without input, and never kept.
    fn spec(&self, command: Vec<String>) -> ContainerSpec {
        let options = Options {
            command,
            name: format!("{}-errand", self.options.name),
            tty: false,
            stdin: false,
            keep: false,
            detach: false,
            working_dir: None,
            user: None,
            environment: Vec::new(),
            ..self.options.clone()
        };
        // The caller reads files of the container after the program's end.
        ContainerSpec { auto_remove: false, ..spec(self.target, &options) }
    }

    /// Runs a script that writes frames.
    pub(crate) fn ask(&self, text: &str, arguments: &[String]) -> Result<Frames, Error> {
        let mut command: Vec<String> = ["sh", "-c", &script(text), "sh"].map(str::to_owned).into();
        command.extend_from_slice(arguments);
        let mut told = Vec::new();
        let ran = self.docker.run(&self.spec(command), Input::none(), &mut |stream, bytes| {
            // The target decides on the number of its processes and the size of their files. A frame that is cut is dropped.
            if stream == OutputStream::Stdout {
                tierce_bounded::add_answer(&mut told, bytes);
            }
        });
        ran.map_err(|error| self.failed(error, "sh"))?;
        Ok(Frames::read(&told))
    }

    /// Runs a command to its end, and keeps its container for its files.
    pub(crate) fn make(&self, command: Vec<String>) -> Result<(Container, Done), Error> {
        let program = command.first().cloned().unwrap_or_default();
        let container = self.docker.create(&self.spec(command)).map_err(|error| self.failed(error, &program))?;
        let mut messages = Vec::new();
        let exit = self.docker.run_created(&container, Input::none(), &mut |stream, bytes| {
            if stream == OutputStream::Stderr {
                messages.extend_from_slice(bytes);
                messages.drain(..messages.len().saturating_sub(KEPT));
            }
        });
        let code = exit.map_err(|error| self.failed(error, &program))?.code;
        Ok((container, Done { code, messages: String::from_utf8_lossy(&messages).trim().to_owned() }))
    }

    fn failed(&self, error: tierce_docker::Error, program: &str) -> Error {
        let error = match Error::at_creation(error, &self.options.toolbox.name) {
            Error::Docker(error) => Error::at_start(error, &self.options.toolbox, Some(program)),
            error => error,
        };
        self.target.or_its_end(self.docker, error)
    }
}
