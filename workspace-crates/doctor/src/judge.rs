//! Puts the checks together.

use crate::checks::{Check, Diagnosis, Engine, State, Subject};
use crate::facts::{Choice, Facts, Probe};
use crate::{host, sandbox};

/// Judges a machine.
pub fn diagnose(facts: &Facts) -> Diagnosis {
    let choice = facts.choice;
    let has_sandbox = choice != Choice::Daemon && facts.probe == Probe::Started;
    let has_daemon = choice != Choice::Sandbox && facts.daemon.as_ref().is_ok_and(host::is_usable);
    let mut checks = vec![engine(choice, has_sandbox, has_daemon)];
    // An engine that nobody chose may fail.
    checks.extend(sandbox::checks(facts, has_daemon || choice == Choice::Daemon));
    checks.extend(host::checks(facts, has_sandbox || choice == Choice::Sandbox));
    let engines = [(has_sandbox, Engine::Sandbox), (has_daemon, Engine::Daemon)];
    Diagnosis {
        can_build: checks.iter().all(|check| check.state != State::Missing),
        engines: engines.into_iter().filter(|(works, _)| *works).map(|(_, engine)| engine).collect(),
        checks,
    }
}

fn engine(choice: Choice, has_sandbox: bool, has_daemon: bool) -> Check {
    const SUBJECT: Subject = Subject::Engine;
    let (meaning, fix) = match (has_sandbox, has_daemon, choice) {
        (true, true, _) => return Check::ok(SUBJECT, "sandboxes run builders, and the daemon can"),
        (true, false, Choice::Any) => {
            let meaning = "sandboxes run builders; without a daemon, write images with --layout or --archive";
            return Check::ok(SUBJECT, meaning);
        }
        (true, false, _) => return Check::ok(SUBJECT, "sandboxes run builders, as the settings choose"),
        (false, true, Choice::Any) => return Check::ok(SUBJECT, "the daemon runs builders"),
        (false, true, _) => return Check::ok(SUBJECT, "the daemon runs builders, as the settings choose"),
        (false, false, Choice::Any) => {
            ("neither a sandbox nor a daemon can run builders", "mend `sandbox` or `daemon`")
        }
        (false, false, Choice::Sandbox) => {
            ("the settings choose the sandbox, which does not work", "mend `sandbox`, or choose another --engine")
        }
        (false, false, Choice::Daemon) => {
            ("the settings choose the daemon, which does not work", "mend `daemon`, or choose another --engine")
        }
    };
    Check::missing(SUBJECT, meaning).with_fix(fix)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
