//! The engine that opens the builders of a test.

use std::thread;

/// The modules whose tests look at the builders, volumes and networks that the daemon has, or at what happens when the daemon
/// fails. Other tests take the engine that a user gets: the sandbox, where the machine offers one.
const OF_THE_DAEMON: [&str; 21] = [
    "builders",
    "clean",
    "concurrency",
    "daemon_errors",
    "damage",
    "dry_runs",
    "hidden_folders",
    "hooks",
    "hostile_builds",
    "interruption",
    "kept",
    "names",
    "places",
    "podman",
    "root_errors",
    "shell",
    "strangers",
    "terminal",
    "user_namespaces",
    "verify",
    "warm",
];

/// The modules whose tests have passed with the daemon only: nobody has seen all of them pass in the sandbox yet.
const UNSEEN_IN_THE_SANDBOX: [&str; 14] = [
    "php",
    "progress",
    "runtime_deps",
    "settings",
    "shared_cache",
    "size",
    "sources",
    "starting",
    "system_judges",
    "thumbnailer",
    "toolbox",
    "tutorial",
    "unmerge",
    "writing_ebuilds",
];

/// Returns the engine of the test in whose thread this runs: the harness names the thread after the test. `TIERCE_TEST_ENGINE`
/// chooses one for all tests.
pub(crate) fn engine() -> String {
    if let Ok(engine) = std::env::var("TIERCE_TEST_ENGINE") {
        return engine;
    }
    let thread = thread::current();
    let module = thread.name().and_then(|test| test.split("::").next()).unwrap_or_default();
    let is_of_the_daemon = OF_THE_DAEMON.iter().chain(&UNSEEN_IN_THE_SANDBOX).any(|listed| *listed == module);
    let engine = if is_of_the_daemon { "docker" } else { "auto" };
    engine.to_owned()
}

#[test]
fn modules_of_the_daemon_exist() {
    for module in OF_THE_DAEMON.iter().chain(&UNSEEN_IN_THE_SANDBOX) {
        let file = crate::support::repository().join(format!("tests/e2e/{module}.rs"));
        assert!(file.is_file(), "{}", file.display());
    }
}
