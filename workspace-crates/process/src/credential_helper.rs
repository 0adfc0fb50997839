//! Credential helpers of the docker program: they keep the credentials of `docker login` in a keychain.

use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;

use crate::Error;
use crate::limited::{Limits, output};

/// The limit of a helper. It may ask the user to unlock a keychain.
const TIME: Duration = Duration::from_secs(60);

/// The limit of its output in bytes. Tokens have some KiB.
const OUTPUT: u64 = 1 << 20;

/// The credentials of a registry.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    /// The user; `<token>` if the secret is an identity token.
    pub username: String,
    /// The password or token.
    pub secret: String,
}

/// Asks the helper `docker-credential-NAME` for the credentials of a registry. Returns none if it has none. No error contains a
/// part of its output.
///
/// # Errors
/// `Error::Start`, `Error::Failed`, `Error::TimedOut` after a minute, `Error::Interrupted`, `Error::Output`.
pub fn credentials(name: &str, server: &str, interrupted: &AtomicBool) -> Result<Option<Credentials>, Error> {
    let program = format!("docker-credential-{name}");
    let mut command = Command::new(&program);
    command.arg("get");
    let limits = Limits { time: TIME, output: OUTPUT, interrupted };
    let output = output(&program, command, server.as_bytes(), &limits)?;
    if output.status.success() {
        let invalid = |_| Error::Output { program, reason: "it is not JSON with credentials".to_owned() };
        return serde_json::from_slice(&output.stdout).map(Some).map_err(invalid);
    }
    // The protocol's words, on stdout.
    if String::from_utf8_lossy(&output.stdout).contains("credentials not found") {
        return Ok(None);
    }
    Err(Error::Failed { program, code: output.status.code(), lines: Vec::new() })
}
