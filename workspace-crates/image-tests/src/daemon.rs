//! Tests in containers of the daemon, which has loaded the image.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tierce_builders::container::context::Context;
use tierce_docker::{Container, ContainerSpec, ContainerStatus, Docker, Exit, Health, Input, Network};
use tierce_manifest::{ImageSpec, TestRun, TestSpec};
use tierce_store::Error;

use crate::container::{Engine, Program, TestContainer, ports, service_of};
use crate::output::Output;
use crate::service::HEALTH_INTERVAL;

/// An image that the daemon has.
pub(crate) struct DaemonEngine<'a> {
    pub(crate) docker: Docker,
    /// The id of the image.
    pub(crate) id: &'a str,
}

struct DaemonContainer {
    docker: Docker,
    container: Container,
    /// The output of a program that ran to its end; the daemon keeps that of a service.
    output: Mutex<Option<Output>>,
}

impl Engine for DaemonEngine<'_> {
    fn limited_memory(&self, _test: &TestSpec) -> bool {
        true
    }

    fn create<'a>(
        &'a self,
        context: &Context<'a>,
        image: &ImageSpec,
        test: &TestSpec,
    ) -> Result<Box<dyn TestContainer + 'a>, Error> {
        let container = self.docker.create(&container_spec(context, image, test, self.id))?;
        Ok(Box::new(DaemonContainer { docker: self.docker.clone(), container, output: Mutex::default() }))
    }
}

impl DaemonContainer {
    fn id(&self) -> &str {
        self.container.id()
    }
}

impl TestContainer for DaemonContainer {
    fn run(&self, input: Option<Vec<u8>>, limit: Duration) -> Result<Option<Exit>, Error> {
        let input = input.map_or_else(Input::none, Input::bytes);
        let (ended, watched) = mpsc::channel::<()>();
        let mut output = Output::default();
        let (exit, killed) = std::thread::scope(|scope| {
            let watcher = scope.spawn(move || {
                let is_over = watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
                // A container that has just ended cannot be killed, and need not be.
                is_over && self.docker.kill(self.id(), "KILL").is_ok()
            });
            let exit = self.docker.run_created(&self.container, input, &mut |stream, bytes| output.push(stream, bytes));
            drop(ended);
            (exit, watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        *self.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
        let exit = exit?;
        Ok((!killed).then_some(exit))
    }

    fn start(&self) -> Result<(), Error> {
        Ok(self.docker.start(self.id())?)
    }

    fn ended(&self) -> Result<Option<Exit>, Error> {
        let state = self.docker.state(self.id())?.filter(|state| state.status == ContainerStatus::Exited);
        Ok(state.map(|state| Exit { code: state.exit_code, oom_killed: state.oom_killed }))
    }

    fn health(&self, _: Duration) -> Result<Option<Health>, Error> {
        Ok(self.docker.health(self.id())?)
    }

    fn address(&self, port: u16) -> Result<Option<SocketAddr>, Error> {
        // An exited container publishes no ports.
        let host = self.docker.published(self.id())?.get(&port).copied();
        Ok(host.map(|host| SocketAddr::from((Ipv4Addr::LOCALHOST, host))))
    }

    fn stop(&self, limit: Duration) -> Result<(), Error> {
        let whole_seconds = limit.as_millis().div_ceil(1000);
        Ok(self.docker.stop(self.id(), u16::try_from(whole_seconds).unwrap_or(u16::MAX))?)
    }

    fn kill(&self) -> Result<(), Error> {
        match self.docker.kill(self.id(), "KILL") {
            Ok(()) | Err(tierce_docker::Error::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.docker.wait(self.id())?;
        Ok(())
    }

    fn copy_out(&self, path: &str) -> Result<Option<Box<dyn Read>>, Error> {
        match self.docker.copy_out(self.id(), path) {
            Ok(tar) => Ok(Some(Box::new(tar))),
            Err(tierce_docker::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn abandon(&self) {
        // The caller removes the container too, so an error here does not matter.
        let _ = self.docker.remove(self.id());
    }

    fn output(&self) -> Result<Output, Error> {
        if let Some(output) = self.output.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(output);
        }
        let mut output = Output::default();
        self.docker.log(self.id(), None, false, &mut |stream, bytes| output.push(stream, bytes))?;
        Ok(output)
    }

    fn remove(self: Box<Self>) -> Result<(), Error> {
        Ok(self.container.remove()?)
    }
}

fn container_spec(context: &Context<'_>, image: &ImageSpec, test: &TestSpec, id: &str) -> ContainerSpec {
    let Program { entrypoint, command, is_changed } = Program::of(image, test);
    let ports = ports(test);
    ContainerSpec {
        image: id.to_owned(),
        // An explicit entrypoint keeps the daemon from adding the image's `cmd` if there are no arguments.
        entrypoint: (is_changed && !entrypoint.is_empty()).then(|| entrypoint.to_vec()),
        command: if is_changed { command.to_vec() } else { Vec::new() },
        environment: test.env.clone(),
        user: test.user.map(|user| user.to_string()),
        read_only_root: test.read_only,
        cap_drop: test.cap_drop.clone(),
        memory: test.memory,
        stdin: matches!(&test.run, TestRun::Command { stdin: Some(_), .. }),
        // A test that sends requests needs a network: the host cannot reach the container's loopback address.
        network: if ports.is_empty() { Network::None } else { Network::Default },
        publish: ports,
        health_interval: service_of(test).and_then(|service| service.healthy_within).map(|_| HEALTH_INTERVAL),
        labels: context.owned_labels("test"),
        ..ContainerSpec::default()
    }
}
