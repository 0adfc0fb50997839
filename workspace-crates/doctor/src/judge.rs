//! Puts the checks together.

use crate::checks::{Check, Diagnosis, Engine, State, Subject};
use crate::facts::{Facts, Probe};
use crate::{host, sandbox};

/// Judges a machine.
pub fn diagnose(facts: &Facts) -> Diagnosis {
    let has_sandbox = facts.probe == Probe::Started;
    let has_daemon = facts.daemon.as_ref().is_ok_and(host::is_usable);
    let mut checks = vec![engine(has_sandbox, has_daemon)];
    checks.extend(sandbox::checks(facts, has_daemon));
    checks.extend(host::checks(facts, has_sandbox));
    let engines = [(has_sandbox, Engine::Sandbox), (has_daemon, Engine::Daemon)];
    Diagnosis {
        can_build: checks.iter().all(|check| check.state != State::Missing),
        engines: engines.into_iter().filter(|(works, _)| *works).map(|(_, engine)| engine).collect(),
        checks,
    }
}

fn engine(has_sandbox: bool, has_daemon: bool) -> Check {
    match (has_sandbox, has_daemon) {
        (true, true) => Check::ok(Subject::Engine, "sandboxes and the daemon can run builders"),
        (true, false) => Check::ok(
            Subject::Engine,
            "sandboxes can run builders; without a daemon, write images with --layout or --archive",
        ),
        (false, true) => Check::ok(Subject::Engine, "the daemon can run builders"),
        (false, false) => Check::missing(Subject::Engine, "neither a sandbox nor a daemon can run builders")
            .with_fix("mend `sandbox` or `daemon`"),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
