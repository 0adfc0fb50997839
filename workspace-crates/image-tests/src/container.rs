//! The container of one test, whichever engine has it.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use tierce_builders::container::context::Context;
use tierce_docker::{Exit, Health};
use tierce_manifest::{ImageSpec, ServiceTest, TestRun, TestSpec};
use tierce_oci::Runtime;
use tierce_plan::PackedImage;
use tierce_store::Error;

use crate::output::Output;

/// An image under test.
pub enum Subject<'a> {
    /// An image that the daemon has, by its id there: the daemon runs the tests.
    Loaded(&'a str),
    /// An image whose layers the cache has: the sandbox runs the tests.
    Packed(&'a PackedImage, Box<Runtime>),
}

/// An engine, which has the image under test.
pub(crate) trait Engine: Sync {
    /// Whether the limit of memory that a test states held while it ran.
    fn limited_memory(&self, test: &TestSpec) -> bool;

    /// Creates a container for a test.
    fn create<'a>(
        &'a self,
        context: &Context<'a>,
        image: &ImageSpec,
        test: &TestSpec,
    ) -> Result<Box<dyn TestContainer + 'a>, Error>;
}

/// A container. Its drop removes it.
pub(crate) trait TestContainer: Sync {
    /// Runs the program to its end, or kills it after this time. Returns its end, and none if it was killed.
    fn run(&self, input: Option<Vec<u8>>, limit: Duration) -> Result<Option<Exit>, Error>;

    /// Starts the program as a service.
    fn start(&self) -> Result<(), Error>;

    /// Returns the end of a service; none while it runs.
    fn ended(&self) -> Result<Option<Exit>, Error>;

    /// Returns the results of the image's health check; none if the image has none. May run one check, for at most this time.
    fn health(&self, limit: Duration) -> Result<Option<Health>, Error>;

    /// Returns the address of this machine that leads to a port of the service; none after its end.
    fn address(&self, port: u16) -> Result<Option<SocketAddr>, Error>;

    /// Sends the image's stop signal, and kills the service after this time.
    fn stop(&self, limit: Duration) -> Result<(), Error>;

    /// Kills the service. Ignores one that has ended.
    fn kill(&self) -> Result<(), Error>;

    /// Returns a file or folder as a tar archive; none if it does not exist.
    fn copy_out(&self, path: &str) -> Result<Option<Box<dyn Read>>, Error>;

    /// Ends everything, so that connections to it end too.
    fn abandon(&self);

    /// Returns the output of the program, after its end.
    fn output(&self) -> Result<Output, Error>;

    /// Removes the container.
    fn remove(self: Box<Self>) -> Result<(), Error>;
}

/// Returns what is wrong with a program that did not start; none for other errors.
pub(crate) fn start_problem(error: &Error) -> Option<&'static str> {
    let (missing, other) = ("is not in the image, or not what interprets it", "cannot be executed");
    match (error.source_as(), error.source_as()) {
        (Some(tierce_docker::Error::ProgramNotFound { .. }), _) => Some(missing),
        (Some(tierce_docker::Error::NotExecutable { .. }), _) => Some(other),
        (_, Some(tierce_sandbox::Error::Start { source, .. })) => {
            Some(if source.kind() == std::io::ErrorKind::NotFound { missing } else { other })
        }
        _ => None,
    }
}

/// The program of a test.
pub(crate) struct Program<'a> {
    pub(crate) entrypoint: &'a [String],
    pub(crate) command: &'a [String],
    /// Whether the test replaces a part of the image's own.
    pub(crate) is_changed: bool,
}

impl Program<'_> {
    pub(crate) fn of<'a>(image: &'a ImageSpec, test: &'a TestSpec) -> Program<'a> {
        Program {
            entrypoint: test.entrypoint.as_ref().unwrap_or(&image.config.entrypoint.value),
            command: test.command.as_ref().unwrap_or(&image.config.cmd),
            is_changed: test.entrypoint.is_some() || test.command.is_some(),
        }
    }

    /// The name of the program for messages.
    pub(crate) fn title(&self) -> String {
        let program = self.entrypoint.iter().chain(self.command).next();
        program.map_or_else(|| "its program".to_owned(), |program| format!("`{program}`"))
    }
}

/// The test of a service; none for a program that ends by itself.
pub(crate) fn service_of(test: &TestSpec) -> Option<&ServiceTest> {
    match &test.run {
        TestRun::Service(service) => Some(service),
        TestRun::Command { .. } => None,
    }
}

/// The ports that a test connects to, without duplicates.
pub(crate) fn ports(test: &TestSpec) -> Vec<u16> {
    let Some(service) = service_of(test) else { return Vec::new() };
    let mut ports: Vec<u16> = service.http.iter().map(|http| http.port).chain(service.ports.iter().copied()).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
