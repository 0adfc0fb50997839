//! Ends the run where no daemon answers.

use std::io::{Write, stderr};
use std::process::exit;
use std::sync::{Arc, LazyLock};

use tierce_docker::{Docker, Environment};

/// Ends all tests with one line unless a daemon answers. Asks once a run.
///
/// The harness offers no place before its first test. A failure of each test alone would hide the one cause.
pub(crate) fn require() {
    static ANSWERS: LazyLock<()> = LazyLock::new(|| {
        if let Err(error) = Docker::connect(&environment(), Arc::default()) {
            // Unlike `eprintln!`, this is not captured with the test's output.
            drop(writeln!(stderr(), "error: end-to-end tests need a daemon: {error}"));
            exit(1);
        }
    });
    LazyLock::force(&ANSWERS);
}

/// The variables that decide where the daemon is.
pub(crate) fn environment() -> Environment {
    let variable = |name| std::env::var(name).ok();
    Environment {
        docker_host: variable("DOCKER_HOST"),
        docker_context: variable("DOCKER_CONTEXT"),
        docker_config: variable("DOCKER_CONFIG").map(Into::into),
        docker_tls_verify: variable("DOCKER_TLS_VERIFY"),
        home: variable("HOME").map(Into::into),
        xdg_runtime_dir: variable("XDG_RUNTIME_DIR").map(Into::into),
    }
}
