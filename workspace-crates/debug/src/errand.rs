//! A short container of the toolbox beside a target, which answers something or does something before a session begins.

use tierce_docker::{Container, ContainerSpec, Docker, Input, OutputStream};

use crate::frames::{Frames, script};
use crate::spec::spec;
use crate::{Error, Options, Target};

/// How much of what a program says is kept for its error, in bytes.
const KEPT: usize = 4096;

/// The target and the toolbox of errands.
pub(crate) struct Errands<'e> {
    pub(crate) docker: &'e Docker,
    pub(crate) target: &'e Target,
    /// What the session that they are for is asked to be.
    pub(crate) options: &'e Options,
}

/// What a program left.
pub(crate) struct Done {
    pub(crate) code: i32,
    /// The end of what it said on stderr.
    pub(crate) said: String,
}

impl Errands<'_> {
    /// The container for a command: as a session's, but nobody's to keep or to talk to.
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
        // Files are read from it when its program has ended.
        ContainerSpec { auto_remove: false, ..spec(self.target, &options) }
    }

    /// Runs a script that tells frames.
    pub(crate) fn ask(&self, text: &str, arguments: &[String]) -> Result<Frames, Error> {
        let mut command: Vec<String> = ["sh", "-c", &script(text), "sh"].map(str::to_owned).into();
        command.extend_from_slice(arguments);
        let mut told = Vec::new();
        let ran = self.docker.run(&self.spec(command), Input::none(), &mut |stream, bytes| {
            if stream == OutputStream::Stdout {
                told.extend_from_slice(bytes);
            }
        });
        ran.map_err(|error| self.failed(error, "sh"))?;
        Ok(Frames::read(&told))
    }

    /// Runs a command to its end, for the files that it leaves in its container.
    pub(crate) fn make(&self, command: Vec<String>) -> Result<(Container, Done), Error> {
        let program = command.first().cloned().unwrap_or_default();
        let container = self.docker.create(&self.spec(command)).map_err(|error| self.failed(error, &program))?;
        let mut said = Vec::new();
        let exit = self.docker.run_created(&container, Input::none(), &mut |stream, bytes| {
            if stream == OutputStream::Stderr {
                said.extend_from_slice(bytes);
                said.drain(..said.len().saturating_sub(KEPT));
            }
        });
        let code = exit.map_err(|error| self.failed(error, &program))?.code;
        Ok((container, Done { code, said: String::from_utf8_lossy(&said).trim().to_owned() }))
    }

    fn failed(&self, error: tierce_docker::Error, program: &str) -> Error {
        match Error::at_creation(error, &self.options.toolbox.name) {
            Error::Docker(error) => Error::at_start(error, &self.options.toolbox, Some(program)),
            error => error,
        }
    }
}
