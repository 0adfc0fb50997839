//! Tests of an image, which observe its container from outside.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    place::{Located, Place},
    values::{ImagePath, InnerPath, Mode, Pattern, TestName, UserGroup},
};

/// A test: a container of the image, and its expected results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSpec {
    /// Its name, unique in the image.
    pub name: TestName,
    /// The key of its table.
    pub place: Place,
    /// The program that replaces the image's.
    pub entrypoint: Option<Vec<String>>,
    /// The arguments that replace the image's.
    pub command: Option<Vec<String>>,
    /// Variables in addition to the image's.
    pub env: BTreeMap<String, String>,
    /// The user that replaces the image's.
    pub user: Option<UserGroup>,
    /// Whether the image's filesystem is read-only.
    pub read_only: bool,
    /// Capabilities that the container lacks.
    pub cap_drop: Vec<String>,
    /// The memory limit, in bytes.
    pub memory: Option<u64>,
    /// The time after which the test fails; not zero.
    pub timeout: Duration,
    /// The program, and its expected end.
    pub run: TestRun,
    /// The expected standard output.
    pub stdout: Option<ExpectedText>,
    /// The expected standard error.
    pub stderr: Option<ExpectedText>,
    /// The expected files of the container.
    pub files: Vec<ExpectedFile>,
}

/// The kind of program that a test runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestRun {
    /// A program that ends by itself.
    Command {
        /// The content of standard input.
        stdin: Option<TestInput>,
        /// The expected exit code.
        exit_code: u8,
    },
    /// A program that serves until something stops it.
    Service(ServiceTest),
}

/// The expected behaviour of a service; at least one field is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTest {
    /// The time limit for a success of the image's own health check. Such an image has a health check.
    pub healthy_within: Option<Duration>,
    /// TCP ports that accept connections.
    pub ports: Vec<u16>,
    /// Requests, in the order in which Tierce sends them.
    pub http: Vec<HttpTest>,
    /// The expected stop.
    pub stop: Option<ExpectedStop>,
}

/// The expected end of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedStop {
    /// The time limit after the stop signal.
    pub within: Duration,
    /// The expected exit code, if it matters.
    pub exit_code: Option<u8>,
}

/// A request, and its expected response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTest {
    /// The container's port.
    pub port: u16,
    /// Path and query, starting with `/`.
    pub path: String,
    /// The method, in capital letters.
    pub method: String,
    /// Headers of the request.
    pub headers: BTreeMap<String, String>,
    /// The body of the request.
    pub send: Option<TestInput>,
    /// The expected status of the response.
    pub status: u16,
    /// The expected body of the response.
    pub body: Option<ExpectedText>,
}

/// Input for a program or a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestInput {
    /// A text of the table.
    Text(String),
    /// The content of a file. Reading does not check whether it exists.
    File(Located<InnerPath>),
}

/// The expected content of a text; at least one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedText {
    /// The whole text.
    pub equals: Option<String>,
    /// Texts that occur somewhere in it.
    pub contains: Vec<String>,
    /// An expression that matches somewhere in it.
    pub matches: Option<Pattern>,
}

/// The expected state of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Its path in the container.
    pub path: ImagePath,
    /// Its expected content; `None` if it must not exist.
    pub present: Option<ExpectedContent>,
}

/// The expected properties of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedContent {
    /// Its mode.
    pub mode: Option<Mode>,
    /// Its owner.
    pub owner: Option<UserGroup>,
    /// Its content.
    pub content: Option<ExpectedText>,
}

impl TestSpec {
    /// Returns every file of the host that the test reads.
    pub fn inputs(&self) -> impl Iterator<Item = &Located<InnerPath>> {
        let inputs: Vec<&TestInput> = match &self.run {
            TestRun::Command { stdin, .. } => stdin.iter().collect(),
            TestRun::Service(service) => service.http.iter().filter_map(|http| http.send.as_ref()).collect(),
        };
        inputs.into_iter().filter_map(|input| match input {
            TestInput::Text(_) => None,
            TestInput::File(path) => Some(path),
        })
    }

    /// Returns everything that decides whether the test passes, without places and folders.
    pub fn text(&self) -> String {
        let TestSpec { name: _, place: _, entrypoint, command, env, user, read_only, cap_drop, memory, .. } = self;
        let TestSpec { timeout, run, stdout, stderr, files, .. } = self;
        let container = format!("{entrypoint:?} {command:?} {env:?} {user:?} {read_only} {cap_drop:?} {memory:?}");
        let run = match run {
            TestRun::Command { stdin, exit_code } => {
                format!("command {:?} {exit_code}", stdin.as_ref().map(TestInput::text))
            }
            TestRun::Service(ServiceTest { healthy_within, ports, http, stop }) => {
                let http: String = http.iter().map(HttpTest::text).collect();
                format!("service {healthy_within:?} {ports:?} {http}{stop:?}")
            }
        };
        format!("{container}\n{timeout:?} {run}\n{stdout:?} {stderr:?} {files:?}")
    }
}

impl HttpTest {
    fn text(&self) -> String {
        let HttpTest { port, path, method, headers, send, status, body } = self;
        let send = send.as_ref().map(TestInput::text);
        format!("{method} {port} {path:?} {headers:?} {send:?} {status} {body:?}\n")
    }
}

impl TestInput {
    /// Returns the text, or the path of the file. The file's content is a separate fact.
    fn text(&self) -> String {
        match self {
            TestInput::Text(text) => format!("text {text}"),
            TestInput::File(path) => format!("file {}", path.value.relative()),
        }
    }
}
