//! Runs one test in one container.

use std::sync::mpsc::{self, RecvTimeoutError};

use tierce_builders::container::context::Context;
use tierce_docker::{Container, ContainerSpec, Docker, Input, Network};
use tierce_manifest::{ImageSpec, ServiceTest, TestRun, TestSpec};
use tierce_store::Error;

use crate::service::Service;
use crate::trial::Trial;
use crate::{expect, files, input_bytes, service};

impl Trial {
    /// Runs a container of the image `id` and removes it even if the test fails.
    pub(crate) fn run(context: &Context<'_>, image: &ImageSpec, test: &TestSpec, id: &str) -> Result<Trial, Error> {
        let docker = context.docker()?;
        let container = docker.create(&container_spec(context, image, test, id))?;
        let mut trial = Trial::default();
        let ran = match &test.run {
            TestRun::Command { stdin, exit_code } => {
                let input = stdin.as_ref().map(input_bytes).transpose()?;
                trial.command(&docker, &container, test, input, *exit_code)
            }
            TestRun::Service(service) => {
                let interrupted = &context.workspace.options.interrupted;
                Service { docker: &docker, container: container.id(), test, service, interrupted }.run(&mut trial)
            }
        };
        if let Err(error) = ran {
            // A missing program is a failed test, not an error of the run.
            let problem = match error.source_as() {
                Some(tierce_docker::Error::ProgramNotFound { .. }) => "is not in the image, or not what interprets it",
                Some(tierce_docker::Error::NotExecutable { .. }) => "cannot be executed",
                _ => return Err(error),
            };
            trial.problems.push(format!("{} {problem}", program(image, test)));
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
                // A container that has just ended cannot be killed, and need not be.
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
}

/// The name of the started program for messages.
fn program(image: &ImageSpec, test: &TestSpec) -> String {
    let entrypoint = test.entrypoint.as_ref().unwrap_or(&image.config.entrypoint.value);
    let command = test.command.as_ref().unwrap_or(&image.config.cmd);
    let program = entrypoint.iter().chain(command).next();
    program.map_or_else(|| "its program".to_owned(), |program| format!("`{program}`"))
}

fn container_spec(context: &Context<'_>, image: &ImageSpec, test: &TestSpec, id: &str) -> ContainerSpec {
    let is_changed = test.entrypoint.is_some() || test.command.is_some();
    let entrypoint = test.entrypoint.as_ref().unwrap_or(&image.config.entrypoint.value);
    let command = test.command.as_ref().unwrap_or(&image.config.cmd);
    let service_test = match &test.run {
        TestRun::Service(service) => Some(service),
        TestRun::Command { .. } => None,
    };
    ContainerSpec {
        image: id.to_owned(),
        // An explicit entrypoint keeps the daemon from adding the image's `cmd` if there are no arguments.
        entrypoint: (is_changed && !entrypoint.is_empty()).then(|| entrypoint.clone()),
        command: if is_changed { command.clone() } else { Vec::new() },
        environment: test.env.clone(),
        user: test.user.map(|user| user.to_string()),
        read_only_root: test.read_only,
        cap_drop: test.cap_drop.clone(),
        memory: test.memory,
        stdin: matches!(&test.run, TestRun::Command { stdin: Some(_), .. }),
        // A test that sends requests needs a network: the host cannot reach the container's loopback address.
        network: if service_test.is_some_and(|service| !ports(service).is_empty()) {
            Network::Default
        } else {
            Network::None
        },
        publish: service_test.map(ports).unwrap_or_default(),
        health_interval: service_test.and_then(|service| service.healthy_within).map(|_| service::HEALTH_INTERVAL),
        labels: context.owned_labels("test"),
        ..ContainerSpec::default()
    }
}

/// The ports that the test connects to, without duplicates.
fn ports(service: &ServiceTest) -> Vec<u16> {
    let mut ports: Vec<u16> = service.http.iter().map(|http| http.port).chain(service.ports.iter().copied()).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
