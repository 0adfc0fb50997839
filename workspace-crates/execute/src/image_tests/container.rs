//! One test in one container.

use std::sync::mpsc::{self, RecvTimeoutError};

use tierce_docker::{Container, ContainerSpec, Docker, Exit, Input, Network, OutputStream};
use tierce_manifest::{ImageSpec, ServiceTest, TestRun, TestSpec};

use crate::Error;
use crate::executor::Executor;
use crate::image_tests::service::Service;
use crate::image_tests::{expect, files, input_bytes};

/// The bytes of a container's output that are kept at most: of each of the two outputs, and of the log.
const KEPT: usize = 16 << 20;

/// A test that has been run.
#[derive(Default)]
pub(super) struct Trial {
    /// What was not as expected.
    pub(super) problems: Vec<String>,
    /// What the container wrote.
    pub(super) output: Output,
}

/// What a container wrote.
#[derive(Default)]
pub(super) struct Output {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Both, in the order in which they came.
    pub(super) log: Vec<u8>,
}

impl Output {
    pub(super) fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        let of_stream = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        for kept in [of_stream, &mut self.log] {
            let room = KEPT.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// The last lines of the log, as text.
    pub(super) fn last_lines(&self, count: usize) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.log[self.log.len().saturating_sub(64 << 10)..]);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].iter().map(|line| expect::excerpt_of_line(line)).collect()
    }
}

impl Trial {
    /// Runs a container of the image `id`, and removes it whatever happens.
    pub(super) fn run(executor: &Executor<'_>, image: &ImageSpec, test: &TestSpec, id: &str) -> Result<Trial, Error> {
        let docker = executor.docker()?;
        let container = docker.create(&container_spec(executor, image, test, id))?;
        let mut trial = Trial::default();
        let ran = match &test.run {
            TestRun::Command { stdin, exit_code } => {
                let input = stdin.as_ref().map(input_bytes).transpose()?;
                trial.command(&docker, &container, test, input, *exit_code)
            }
            TestRun::Service(service) => {
                let interrupted = &executor.session.options.interrupted;
                Service::new(&docker, container.id(), (test, service), interrupted).run(&mut trial)
            }
        };
        match ran {
            Ok(()) => {}
            // That the image has not what it is to start is what a test is to find out.
            Err(Error::Docker(tierce_docker::Error::ProgramNotFound { .. })) => {
                trial.problems.push(format!("{} is not in the image, or not what interprets it", program(image, test)));
            }
            Err(Error::Docker(tierce_docker::Error::NotExecutable { .. })) => {
                trial.problems.push(format!("{} cannot be executed", program(image, test)));
            }
            Err(error) => return Err(error),
        }
        for (name, expected, came) in
            [("stdout", &test.stdout, &trial.output.stdout), ("stderr", &test.stderr, &trial.output.stderr)]
        {
            trial.problems.extend(expected.iter().flat_map(|expected| expect::text(name, expected, came)));
        }
        container.remove()?;
        Ok(trial)
    }

    fn command(
        &mut self,
        docker: &Docker,
        container: &Container,
        test: &TestSpec,
        input: Option<Vec<u8>>,
        expected: u8,
    ) -> Result<(), Error> {
        let input = input.map_or_else(Input::none, Input::bytes);
        let (ended, watched) = mpsc::channel::<()>();
        let (exit, killed) = std::thread::scope(|scope| {
            let watcher = scope.spawn(move || {
                let is_over = watched.recv_timeout(test.timeout) == Err(RecvTimeoutError::Timeout);
                // One that has ended in this moment cannot be killed, and need not be.
                is_over && docker.kill(container.id(), "KILL").is_ok()
            });
            let exit = docker.run_created(container, input, &mut |stream, bytes| self.output.push(stream, bytes));
            drop(ended);
            (exit, watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let exit = exit?;
        if killed {
            self.problems.push(format!("it did not end within {}, and was killed", expect::seconds(test.timeout)));
            return Ok(());
        }
        self.problems.extend(expect::exit(exit, Some(expected), test.memory));
        for file in &test.files {
            self.problems.extend(files::look(docker, container.id(), file)?);
        }
        Ok(())
    }

    /// What the end of a service says.
    pub(super) fn ended(&mut self, exit: Exit, expected: Option<u8>, test: &TestSpec) {
        self.problems.extend(expect::exit(exit, expected, test.memory));
    }
}

/// What is started, for people.
fn program(image: &ImageSpec, test: &TestSpec) -> String {
    let entrypoint = test.entrypoint.as_ref().unwrap_or(&image.config.entrypoint.value);
    let command = test.command.as_ref().unwrap_or(&image.config.cmd);
    let program = entrypoint.iter().chain(command).next();
    program.map_or_else(|| "its program".to_owned(), |program| format!("`{program}`"))
}

fn container_spec(executor: &Executor<'_>, image: &ImageSpec, test: &TestSpec, id: &str) -> ContainerSpec {
    let is_changed = test.entrypoint.is_some() || test.command.is_some();
    let entrypoint = test.entrypoint.as_ref().unwrap_or(&image.config.entrypoint.value);
    let command = test.command.as_ref().unwrap_or(&image.config.cmd);
    let service = match &test.run {
        TestRun::Service(service) => Some(service),
        TestRun::Command { .. } => None,
    };
    ContainerSpec {
        image: id.to_owned(),
        // An entrypoint of its own is what keeps the daemon from adding the image's `cmd` where there are no arguments.
        entrypoint: (is_changed && !entrypoint.is_empty()).then(|| entrypoint.clone()),
        command: if is_changed { command.clone() } else { Vec::new() },
        environment: test.env.clone(),
        user: test.user.map(|user| user.to_string()),
        read_only_root: test.read_only,
        cap_drop: test.cap_drop.clone(),
        memory: test.memory,
        stdin: matches!(&test.run, TestRun::Command { stdin: Some(_), .. }),
        // From outside, what only listens on the loopback address of the container is not there.
        network: if service.is_some_and(|service| !ports(service).is_empty()) {
            Network::Default
        } else {
            Network::None
        },
        publish: service.map(ports).unwrap_or_default(),
        health_interval: service.and_then(|service| service.healthy_within).map(|_| super::service::HEALTH_INTERVAL),
        labels: executor.owned_labels("test"),
        ..ContainerSpec::default()
    }
}

/// The ports of a service that are asked from outside, each once.
fn ports(service: &ServiceTest) -> Vec<u16> {
    let mut ports: Vec<u16> = service.http.iter().map(|http| http.port).chain(service.ports.iter().copied()).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
