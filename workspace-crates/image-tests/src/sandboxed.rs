//! Tests in sandboxes, over the layers of an image in the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tierce_builders::container::context::Context;
use tierce_docker::{Exit, Health, HealthStatus, OutputStream, Probe};
use tierce_manifest::{ExpectedFile, ImageSpec, Signal, TestRun, TestSpec};
use tierce_oci::{Healthcheck, Runtime};
use tierce_plan::PackedImage;
use tierce_roots::{ImageRun, RunOptions, SandboxImage, needs_users};
use tierce_sandbox::{Attended, Limits, Output as Receiver, Published, Stdin, Stream, limits_in_force};
use tierce_store::damage::Checked;
use tierce_store::{Error, ErrorKind};

use crate::container::{Engine, Program, TestContainer, ports};
use crate::output::Output;
use crate::service::HEALTH_INTERVAL;

/// The longest wait for a program that was killed.
const KILLED: Duration = Duration::from_secs(10);
/// The time limit of a health check that states none, as a daemon has it.
const CHECK_LIMIT: Duration = Duration::from_secs(30);
/// `SIGTERM`
const TERM: i32 = 15;
/// `SIGKILL`
const KILL: i32 = 9;

/// An image whose layers the sandbox has.
pub(crate) struct SandboxEngine {
    image: SandboxImage,
    /// The tests whose limits of memory held.
    limited: Limited,
}

/// Names of tests whose limits of memory held.
#[derive(Default)]
struct Limited(Mutex<BTreeSet<String>>);

struct SandboxContainer<'a> {
    test: String,
    limited: &'a Limited,
    /// It ends before its files go.
    started: OnceLock<Running>,
    run: ImageRun,
    limits: Limits,
    stop_signal: i32,
    healthcheck: Option<Healthcheck>,
    ports: Vec<u16>,
    checks: Mutex<Checks>,
    output: Arc<Mutex<Output>>,
}

struct Running {
    attended: Attended,
    addresses: BTreeMap<u16, SocketAddr>,
}

/// The health checks so far.
#[derive(Default)]
struct Checks {
    last: Option<Instant>,
    log: Vec<Probe>,
}

impl SandboxEngine {
    /// Unpacks the layers that the cache of the sandbox lacks.
    pub(crate) fn new(
        context: &Context<'_>,
        image: &ImageSpec,
        packed: &PackedImage,
        runtime: Runtime,
    ) -> Result<SandboxEngine, Error> {
        let help = format!(
            "run it with `--no-test`, and test the image in a daemon: `cargo xtask test {}`; `cargo xtask doctor` says what the \
             sandbox lacks",
            image.name
        );
        let store = context.workspace.sandbox(context.observer).map_err(|error| error.with_help(help))?;
        let mut layers = Vec::new();
        for layer in &packed.layers {
            context.workspace.check_interrupted()?;
            let sha256 = layer.diff_id.trim_start_matches("sha256:");
            let archive = Checked::open(&context.workspace.paths.blob(sha256), sha256)?;
            layers.push(store.use_root(&store.image_layer(&layer.diff_id, archive)?)?);
        }
        Ok(SandboxEngine { image: SandboxImage::new(store, runtime, layers)?, limited: Limited::default() })
    }
}

impl Limited {
    /// Notes whether the limit of a test holds. The last sandbox of a test counts.
    fn note(&self, test: &str, holds: bool) {
        let mut tests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match holds {
            true => tests.insert(test.to_owned()),
            false => tests.remove(test),
        };
    }

    fn has(&self, test: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(test)
    }
}

impl Engine for SandboxEngine {
    fn limited_memory(&self, test: &TestSpec) -> bool {
        self.limited.has(test.name.as_str())
    }

    fn create<'a>(
        &'a self,
        _context: &Context<'a>,
        image: &ImageSpec,
        test: &TestSpec,
    ) -> Result<Box<dyn TestContainer + 'a>, Error> {
        let limits = Limits::of_machine().for_image(test.memory);
        if !self.image.has_owners() {
            refuse_owners(test)?;
        }
        // It counts where the sandbox does not start.
        self.limited.note(test.name.as_str(), sandbox_limits_memory());
        let runtime = self.image.runtime();
        let stop_signal = runtime.stop_signal.as_deref().and_then(|signal| signal.parse::<Signal>().ok());
        let has_input = matches!(&test.run, TestRun::Command { stdin: Some(_), .. });
        let stdin = if has_input { Stdin::Bytes } else { Stdin::Null };
        let run = self.image.prepare(&options(image, test, stdin)).map_err(|error| error.at(&test.place))?;
        Ok(Box::new(SandboxContainer {
            test: test.name.to_string(),
            limited: &self.limited,
            started: OnceLock::new(),
            run,
            limits,
            stop_signal: stop_signal.map_or(TERM, |signal| signal.number().into()),
            healthcheck: runtime.healthcheck.clone().filter(|check| !check.command.is_empty()),
            ports: ports(test),
            checks: Mutex::default(),
            output: Arc::default(),
        }))
    }
}

/// Whether the sandbox can limit the memory of a test on this machine.
pub(crate) fn sandbox_limits_memory() -> bool {
    limits_in_force(&Limits::of_machine()).is_ok_and(|limits| limits.memory.is_some())
}

/// Refuses a test that compares owners, for a sandbox in which root has all files.
fn refuse_owners(test: &TestSpec) -> Result<(), Error> {
    let states_owner = |file: &&ExpectedFile| file.present.as_ref().is_some_and(|expected| expected.owner.is_some());
    test.files.iter().find(states_owner).map_or(Ok(()), |file| {
        let what = format!("the test `{}` compares the owner of `{}`", test.name, file.path);
        Err(needs_users(&what, ", or run it in a daemon, with `cargo xtask test`").at(&test.place))
    })
}

/// Returns the options of the run that are those of the container in a daemon.
fn options(image: &ImageSpec, test: &TestSpec, stdin: Stdin) -> RunOptions {
    let (entrypoint, arguments) = replacement(&Program::of(image, test));
    RunOptions {
        arguments,
        entrypoint,
        environment: test.env.clone().into_iter().collect(),
        user: test.user.map(|user| user.to_string()),
        workdir: None,
        read_only: test.read_only,
        stdin,
        cap_drop: test.cap_drop.clone(),
        mounts: Vec::new(),
    }
}

/// Returns the program and the arguments in the place of the image's own; the image's, if the test replaces nothing.
fn replacement(program: &Program<'_>) -> (Option<String>, Vec<String>) {
    if !program.is_changed {
        return (None, Vec::new());
    }
    let mut words = program.entrypoint.iter().chain(program.command).cloned();
    (words.next(), words.collect())
}

impl SandboxContainer<'_> {
    fn begin(&self, input: Vec<u8>) -> Result<&Running, Error> {
        let (mut addresses, mut published) = (BTreeMap::new(), Vec::new());
        for port in &self.ports {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
            let (address, listener) = bound.map_err(|error| {
                Error::new(ErrorKind::Daemon, format!("cannot listen on a port of 127.0.0.1: {error}"))
            })?;
            addresses.insert(*port, address);
            published.push(Published { listener, port: *port });
        }
        let output = Arc::clone(&self.output);
        let receiver: Receiver = Arc::new(move |stream, bytes: &[u8]| {
            let stream = match stream {
                Stream::Stdout => OutputStream::Stdout,
                Stream::Stderr => OutputStream::Stderr,
            };
            output.lock().unwrap_or_else(PoisonError::into_inner).push(stream, bytes);
        });
        let ImageRun { spec, program, .. } = &self.run;
        let attended =
            self.run.sandbox().clone().with_limits(self.limits).attend(spec, program, input, published, &receiver)?;
        self.limited.note(&self.test, attended.limits_memory());
        Ok(self.started.get_or_init(|| Running { attended, addresses }))
    }

    fn running(&self) -> Result<&Running, Error> {
        self.started.get().ok_or_else(|| Error::missing_input("a started sandbox"))
    }
}

impl TestContainer for SandboxContainer<'_> {
    fn run(&self, input: Option<Vec<u8>>, limit: Duration) -> Result<Option<Exit>, Error> {
        let start = Instant::now();
        let attended = &self.begin(input.unwrap_or_default())?.attended;
        if let Some(exit) = exit(attended, attended.wait(limit.saturating_sub(start.elapsed())))? {
            return Ok(Some(exit));
        }
        self.kill().map(|()| None)
    }

    fn start(&self) -> Result<(), Error> {
        self.begin(Vec::new()).map(drop)
    }

    fn ended(&self) -> Result<Option<Exit>, Error> {
        let attended = &self.running()?.attended;
        exit(attended, attended.ended())
    }

    fn health(&self, limit: Duration) -> Result<Option<Health>, Error> {
        let Some(healthcheck) = &self.healthcheck else { return Ok(None) };
        let attended = &self.running()?.attended;
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = checks.last.is_none_or(|last| last.elapsed() >= HEALTH_INTERVAL);
        if is_due && exit(attended, attended.ended())?.is_none() {
            let limit = healthcheck.timeout.unwrap_or(CHECK_LIMIT).min(limit);
            let checked = attended.check(&healthcheck.command, limit)?;
            checks.log.push(Probe { exit_code: checked.code.map_or(-1, i64::from), output: checked.output });
            checks.last = Some(Instant::now());
        }
        let is_healthy = checks.log.last().is_some_and(|probe| probe.exit_code == 0);
        let status = if is_healthy { HealthStatus::Healthy } else { HealthStatus::Starting };
        Ok(Some(Health { status, log: checks.log.clone() }))
    }

    fn address(&self, port: u16) -> Result<Option<SocketAddr>, Error> {
        let running = self.running()?;
        Ok(running.addresses.get(&port).copied().filter(|_| matches!(running.attended.ended(), Ok(None))))
    }

    fn stop(&self, limit: Duration) -> Result<(), Error> {
        let attended = &self.running()?.attended;
        attended.signal(self.stop_signal);
        match exit(attended, attended.wait(limit))? {
            Some(_) => Ok(()),
            None => self.kill(),
        }
    }

    fn kill(&self) -> Result<(), Error> {
        let attended = &self.running()?.attended;
        attended.signal(KILL);
        match exit(attended, attended.wait(KILLED))? {
            Some(_) => Ok(()),
            None => Err(tierce_sandbox::Error::Killed.into()),
        }
    }

    fn copy_out(&self, path: &str) -> Result<Option<Box<dyn Read>>, Error> {
        let packed = self.running()?.attended.pack(path)?;
        Ok(packed.map(|packed| Box::new(packed) as Box<dyn Read>))
    }

    fn abandon(&self) {
        if let Some(running) = self.started.get() {
            running.attended.close();
        }
    }

    fn output(&self) -> Result<Output, Error> {
        self.abandon();
        Ok(std::mem::take(&mut self.output.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn remove(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}

/// Returns how a program ended. As in a container, lack of memory kills the program, one of its processes, or the first process.
fn exit(attended: &Attended, ended: Result<Option<i32>, tierce_sandbox::Error>) -> Result<Option<Exit>, Error> {
    match ended {
        Ok(code) => Ok(code.map(|code| Exit { code, oom_killed: attended.ran_out_of_memory() })),
        Err(tierce_sandbox::Error::OutOfMemory { .. }) => Ok(Some(Exit { code: 128 + KILL, oom_killed: true })),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_counts_where_its_sandbox_had_it() {
        let limited = Limited::default();
        limited.note("a", true);
        assert!(limited.has("a") && !limited.has("b"));
        limited.note("a", false);
        assert!(!limited.has("a"));
    }

    #[test]
    fn test_replaces_the_whole_command() {
        for (entrypoint, command, is_changed, expected) in [
            (["/a"].as_slice(), ["b"].as_slice(), false, (None, [].as_slice())),
            (&["/a", "b"], &["c"], true, (Some("/a"), &["b", "c"])),
            (&["/a"], &[], true, (Some("/a"), &[])),
            (&[], &["/b", "c"], true, (Some("/b"), &["c"])),
        ] {
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let (entrypoint, command) = (owned(entrypoint), owned(command));
            let found = replacement(&Program { entrypoint: &entrypoint, command: &command, is_changed });
            assert_eq!(found, (expected.0.map(str::to_owned), owned(expected.1)));
        }
    }
}
