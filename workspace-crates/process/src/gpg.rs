//! gpgv: verifies clear-signed text.

use camino::Utf8Path;

use crate::error::SignatureProblem;
use crate::{Error, run};

const HELP: &str = "install gpgv (Debian's package gpgv, elsewhere gnupg)";

/// The line that begins a clear-signed text (RFC 9580, section 7).
const ARMOUR: &str = "-----BEGIN PGP SIGNED MESSAGE-----";

/// Returns the first line of gpgv's version.
///
/// # Errors
/// `Error::NotFound`, `Error::Start`, `Error::Failed`, `Error::TimedOut`.
pub fn version() -> Result<String, Error> {
    let gpgv = run::find("gpgv", HELP)?;
    run::version("gpgv --version", run::shell("/".into())?.cmd(gpgv).arg("--version"))
}

/// Verifies a clear-signed file (Debian's `InRelease`) against a keyring in the binary format, without the user's own keys.
/// Returns only the signed text.
///
/// One good signature by a key in the ring is enough, as for apt, unless another signature is bad.
///
/// # Errors
/// `Error::NotFound`, `Error::Signature`, `Error::File`, `Error::Output` if the text is not UTF-8.
pub fn verify_clearsigned(file: &Utf8Path, keyring: &Utf8Path) -> Result<String, Error> {
    let refuse = |reason| Error::Signature { file: file.to_owned(), reason };
    let failed = |path: &Utf8Path, source| Error::File { verb: "read", path: path.to_owned(), source };
    let gpgv = run::find("gpgv", HELP)?;
    let bytes = tierce_bounded::bytes(file, &tierce_bounded::RELEASE).map_err(|source| failed(file, source))?;
    // gpgv searches the user's own folder for a path without a slash.
    let keyring = keyring.canonicalize_utf8().map_err(|source| failed(keyring, source))?;
    let armours = bytes.split(|byte| *byte == b'\n').filter(|line| line.trim_ascii_end() == ARMOUR.as_bytes());
    if !bytes.starts_with(ARMOUR.as_bytes()) || armours.count() != 1 {
        return Err(refuse(SignatureProblem::Malformed));
    }

    let shell = run::shell("/".into())?;
    let command = shell.cmd(gpgv).args(["--keyring", keyring.as_str(), "--status-fd", "2", "--output", "-", "-"]);
    let output = run::output_of("gpgv", command, &bytes)?;
    // The exit code is not enough: one unknown key of several makes it a failure.
    judge(&String::from_utf8_lossy(&output.stderr)).map_err(refuse)?;
    String::from_utf8(output.stdout)
        .map_err(|_| Error::Output { program: "gpgv".to_owned(), reason: "the signed text is not UTF-8".to_owned() })
}

/// Reads gpgv's status lines (GnuPG's doc/DETAILS).
fn judge(status: &str) -> Result<(), SignatureProblem> {
    let words = |name: &str| {
        let lines = status.lines().filter_map(|line| line.strip_prefix("[GNUPG:] "));
        let lines = lines.map(|line| line.split(' ').collect::<Vec<_>>());
        lines
            .filter(|words| words[0] == name)
            .map(|words| words.get(1).copied().unwrap_or_default().to_owned())
            .collect::<Vec<String>>()
    };
    let any = |names: &[&str]| names.iter().any(|name| !words(name).is_empty());
    if any(&["BADSIG"]) {
        return Err(SignatureProblem::Bad);
    }
    if any(&["GOODSIG"]) && any(&["VALIDSIG"]) && !any(&["FAILURE", "BADARMOR", "UNEXPECTED"]) {
        return Ok(());
    }
    if any(&["EXPKEYSIG", "EXPSIG", "REVKEYSIG"]) {
        return Err(SignatureProblem::Expired);
    }
    let unknown = words("NO_PUBKEY");
    if !unknown.is_empty() {
        return Err(SignatureProblem::UnknownKeys(unknown));
    }
    let words = status.lines().filter(|line| !line.starts_with("[GNUPG:]"));
    Err(SignatureProblem::Other(run::relevant_lines(words)))
}
