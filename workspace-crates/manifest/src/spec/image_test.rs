//! What is expected of an image, seen from outside of its container.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    place::{Located, Place},
    values::{ImagePath, InnerPath, Mode, Pattern, TestName, UserGroup},
};

/// One test: a container of the image, and what is expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSpec {
    /// Its name; no other test of the image has it.
    pub name: TestName,
    /// The key of its table.
    pub place: Place,
    /// The program in place of the image's.
    pub entrypoint: Option<Vec<String>>,
    /// The arguments in place of the image's.
    pub command: Option<Vec<String>>,
    /// Variables besides the image's.
    pub env: BTreeMap<String, String>,
    /// Who it runs as, if not as the image says.
    pub user: Option<UserGroup>,
    /// Whether the image's files are mounted read-only.
    pub read_only: bool,
    /// Capabilities that are taken away.
    pub cap_drop: Vec<String>,
    /// The most memory, in bytes.
    pub memory: Option<u64>,
    /// The time after which it has failed; not zero.
    pub timeout: Duration,
    /// What runs, and how it ends.
    pub run: TestRun,
    /// What is expected on standard output.
    pub stdout: Option<ExpectedText>,
    /// What is expected on standard error.
    pub stderr: Option<ExpectedText>,
    /// What is expected of files of the container.
    pub files: Vec<ExpectedFile>,
}

/// What runs in a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestRun {
    /// A program that ends by itself.
    Command {
        /// What it reads.
        stdin: Option<TestInput>,
        /// How it ends.
        exit_code: u8,
    },
    /// A program that serves until it is stopped.
    Service(ServiceTest),
}

/// What is asked of a service; at least one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTest {
    /// The time in which the image's own health check succeeds; the image has one then.
    pub healthy_within: Option<Duration>,
    /// TCP ports that take connections.
    pub ports: Vec<u16>,
    /// Requests, one after the other.
    pub http: Vec<HttpTest>,
    /// How it stops.
    pub stop: Option<ExpectedStop>,
}

/// How a service stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedStop {
    /// The time after the stop signal.
    pub within: Duration,
    /// The exit code, if it matters.
    pub exit_code: Option<u8>,
}

/// A request, and the answer that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTest {
    /// The container's port.
    pub port: u16,
    /// Path and query, from the `/` on.
    pub path: String,
    /// The method, in capital letters.
    pub method: String,
    /// Headers of the request.
    pub headers: BTreeMap<String, String>,
    /// The body of the request.
    pub send: Option<TestInput>,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer.
    pub body: Option<ExpectedText>,
}

/// Bytes that are given to a program or a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestInput {
    /// These.
    Text(String),
    /// Those of a file; whether it exists has not been looked at.
    File(Located<InnerPath>),
}

/// What is expected of a text; at least one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedText {
    /// All of it.
    pub equals: Option<String>,
    /// What is somewhere in it.
    pub contains: Vec<String>,
    /// What fits somewhere.
    pub matches: Option<Pattern>,
}

/// What is expected of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Its path in the container.
    pub path: ImagePath,
    /// What it is like; `None` where it must not be there.
    pub present: Option<ExpectedContent>,
}

/// What a file is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedContent {
    /// Its mode.
    pub mode: Option<Mode>,
    /// Its owner.
    pub owner: Option<UserGroup>,
    /// What it holds.
    pub content: Option<ExpectedText>,
}

impl TestSpec {
    /// Every file of the host that the test reads.
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

    /// All that it says, without the places and folders where it says so: what decides whether it passes.
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
    /// What it says, of a file its path: its content is a fact of its own.
    fn text(&self) -> String {
        match self {
            TestInput::Text(text) => format!("text {text}"),
            TestInput::File(path) => format!("file {}", path.value.relative()),
        }
    }
}
