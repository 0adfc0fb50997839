//! The result of a diagnosis.

use serde::Serialize;

/// The diagnosis of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diagnosis {
    /// Whether a build can work: no check is `missing`.
    pub can_build: bool,
    /// The engines that work, the sandbox first.
    pub engines: Vec<Engine>,
    /// The checks, in the order of the table.
    pub checks: Vec<Check>,
}

/// An engine that runs builders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Namespaces of this machine's kernel.
    Sandbox,
    /// A Docker or Podman daemon.
    Daemon,
}

/// The check of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// The subject.
    pub check: Subject,
    /// The result.
    pub state: State,
    /// The facts, and their consequence for builds.
    pub meaning: String,
    /// The command or setting that mends it; None if nothing needs to be mended, or no remedy is known.
    pub fix: Option<String>,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing needs to be mended.
    Ok,
    /// A build works, but with less, more slowly, or only with the other engine.
    Degraded,
    /// A build does not work.
    Missing,
}

impl State {
    /// The word in the table and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Degraded => "degraded",
            State::Missing => "missing",
        }
    }
}

/// The subject of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Whether the sandbox or the daemon works.
    Engine,
    /// The kernel's version.
    Kernel,
    /// User namespaces, and the settings of the kernel that restrict them.
    UserNamespaces,
    /// A container around this process, and its seccomp filter.
    Confinement,
    /// The subordinate users and groups of the caller.
    SubordinateIds,
    /// The file system overlayfs.
    Overlayfs,
    /// The controllers of cgroups v2 that limit memory and processes.
    Cgroups,
    /// Whether a sandbox starts.
    Sandbox,
    /// Whether a daemon answers, and its kind.
    Daemon,
    /// The free space of the daemon's folder.
    DaemonDisk,
    /// The cache, and its free space.
    Cache,
    /// The program that checks the signature of Debian's release.
    Gpgv,
    /// The program that downloads Portage.
    Pip,
    /// The Rust toolchain.
    Rust,
    /// The mirrors of Debian.
    Mirrors,
    /// The tables of the workspace.
    Workspace,
}

impl Subject {
    /// The word in the table and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Subject::Engine => "engine",
            Subject::Kernel => "kernel",
            Subject::UserNamespaces => "user-namespaces",
            Subject::Confinement => "confinement",
            Subject::SubordinateIds => "subordinate-ids",
            Subject::Overlayfs => "overlayfs",
            Subject::Cgroups => "cgroups",
            Subject::Sandbox => "sandbox",
            Subject::Daemon => "daemon",
            Subject::DaemonDisk => "daemon-disk",
            Subject::Cache => "cache",
            Subject::Gpgv => "gpgv",
            Subject::Pip => "pip",
            Subject::Rust => "rust",
            Subject::Mirrors => "mirrors",
            Subject::Workspace => "workspace",
        }
    }
}

impl Check {
    pub(crate) fn ok(check: Subject, meaning: impl Into<String>) -> Check {
        Check { check, state: State::Ok, meaning: meaning.into(), fix: None }
    }

    pub(crate) fn degraded(check: Subject, meaning: impl Into<String>) -> Check {
        Check { state: State::Degraded, ..Check::ok(check, meaning) }
    }

    pub(crate) fn missing(check: Subject, meaning: impl Into<String>) -> Check {
        Check { state: State::Missing, ..Check::ok(check, meaning) }
    }

    /// A problem of one engine, which matters little if another one works.
    pub(crate) fn problem(check: Subject, works_otherwise: bool, meaning: impl Into<String>) -> Check {
        let state = if works_otherwise { State::Degraded } else { State::Missing };
        Check { state, ..Check::ok(check, meaning) }
    }

    pub(crate) fn with_fix(self, fix: impl Into<String>) -> Check {
        self.with_fix_if(Some(fix))
    }

    pub(crate) fn with_fix_if(self, fix: Option<impl Into<String>>) -> Check {
        Check { fix: fix.map(Into::into), ..self }
    }
}
