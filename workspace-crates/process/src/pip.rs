//! pip: downloads a wheel with the host's own settings.
//!
//! pip knows the host's index, proxy, certificates and credentials.

use std::fs;
use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use digest_io::IoWrapper;
use duct::Expression;
use sha2::{Digest, Sha256};

use crate::{Error, run};

/// The limit of a download. pip itself gives up on a silent index much earlier.
const DOWNLOAD_TIME: Duration = Duration::from_secs(10 * 60);

const HELP: &str = "install Python's pip (on Debian the package is called python3-pip)";

/// Command lines of a host's pip, best first.
const CALLS: [&[&str]; 3] = [&["pip3"], &["python3", "-m", "pip"], &["pip"]];

/// pip's words for a network error. A misleading "no matching distribution" follows them.
const NETWORK_WORDS: [&str; 6] =
    ["connection broken by", "Max retries exceeded", "ConnectionError", "ConnectTimeout", "ReadTimeout", "SSLError"];

/// pip's words for an index that lacks the file.
const ABSENT_WORDS: [&str; 2] = ["No matching distribution found", "Could not find a version"];

/// A wheel and its index.
#[derive(Debug, Clone, Copy)]
pub struct Wheel<'a> {
    /// The project's name in the index.
    pub name: &'a str,
    /// The exact version.
    pub version: &'a str,
    /// Its SHA-256 in lower-case hexadecimal digits. Another digest is an error.
    pub sha256: &'a str,
    /// An index (PEP 503) that replaces the configured one. It may hold credentials, so no message or command line has it.
    pub index: Option<&'a str>,
    /// A wheel of pip itself, for a host that has Python but no pip.
    pub pip_wheel: Option<&'a Utf8Path>,
}

/// Downloads a wheel for any Python and machine, without its dependencies, and returns its path. `folder` must be empty: pip
/// also keeps its temporary files there, so that a killed pip leaves nothing elsewhere. `on_line` gets each line of pip.
///
/// # Errors
/// `Error::NotFound` without pip and without a Python for `pip_wheel`; `Error::Unreachable`, `Error::NotPublished`,
/// `Error::Failed`; `Error::Digest`; `Error::Interrupted`, `Error::TimedOut` after ten minutes; `Error::File`.
pub fn download_wheel(
    wheel: &Wheel<'_>,
    folder: &Utf8Path,
    interrupted: &AtomicBool,
    mut on_line: impl FnMut(&str),
) -> Result<Utf8PathBuf, Error> {
    let failed = |verb, path: &Utf8Path| {
        let path = path.to_owned();
        move |source| Error::File { verb, path, source }
    };
    let temporary = folder.join("tmp");
    fs::create_dir(&temporary).map_err(failed("make the folder", &temporary))?;
    let secret = wheel.index.and_then(credentials);
    let hide = |line: &str| secret.map_or_else(|| line.to_owned(), |secret| line.replace(secret, "****"));
    let command = command(wheel, folder)?.env("TMPDIR", &temporary);
    let ended = run::stream("pip download", &command, DOWNLOAD_TIME, interrupted, |line| on_line(&hide(line)))?;
    if ended.code != Some(0) {
        let lines: Vec<String> = ended.lines.iter().map(|line| hide(line)).collect();
        return Err(explain(wheel, ended.code, &lines));
    }

    let file = downloaded(folder)?;
    let found = sha256(&file).map_err(failed("read", &file))?;
    if found != wheel.sha256 {
        let file = file.file_name().unwrap_or_default().to_owned();
        return Err(Error::Digest { file, expected: wheel.sha256.to_owned(), found });
    }
    Ok(file)
}

/// Returns the first line of the version of this host's pip.
///
/// # Errors
/// `Error::NotFound` if no pip answers.
pub fn version() -> Result<String, Error> {
    let (call, _) = pip(None)?;
    let program = run::find(call[0], HELP)?;
    run::version("pip --version", run::shell("/".into())?.cmd(program).args(&call[1..]).arg("--version"))
}

fn command(wheel: &Wheel<'_>, folder: &Utf8Path) -> Result<Expression, Error> {
    let requirement = format!("{}=={}", wheel.name, wheel.version);
    let options = [
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--platform",
        "any",
        "--implementation",
        "py",
        "--abi",
        "none",
        "--ignore-requires-python",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        "--dest",
        folder.as_str(),
        requirement.as_str(),
    ];
    let (call, path) = pip(wheel.pip_wheel)?;
    let mut command = duct::cmd(call[0], call[1..].iter().copied().chain(options)).env("LC_ALL", "C.UTF-8");
    if let Some(path) = path {
        command = command.env("PYTHONPATH", path);
    }
    if let Some(index) = wheel.index {
        command = command.env("PIP_INDEX_URL", index);
    }
    Ok(command)
}

/// Returns the command line of this host's pip, and the PYTHONPATH that it needs.
fn pip(pip_wheel: Option<&Utf8Path>) -> Result<(&'static [&'static str], Option<&Utf8Path>), Error> {
    let shell = run::shell("/".into())?;
    // A name in PATH may be a broken stub, so pip has to print its version.
    let answers = |call: &[&str], path: Option<&Utf8Path>| {
        run::find(call[0], HELP).is_ok_and(|program| {
            let command = shell.cmd(program).args(&call[1..]).arg("--version");
            let command = if let Some(path) = path { command.env("PYTHONPATH", path) } else { command };
            run::output("pip", command).is_ok_and(|output| output.status.success())
        })
    };
    let own = CALLS.into_iter().find(|call| answers(call, None)).map(|call| (call, None));
    let from_wheel = || pip_wheel.filter(|wheel| answers(CALLS[1], Some(wheel))).map(|wheel| (CALLS[1], Some(wheel)));
    own.or_else(from_wheel).ok_or(Error::NotFound { program: "pip".to_owned(), help: HELP })
}

/// The one wheel in a folder.
fn downloaded(folder: &Utf8Path) -> Result<Utf8PathBuf, Error> {
    let files =
        folder.read_dir_utf8().map_err(|source| Error::File { verb: "read", path: folder.to_owned(), source })?;
    let mut wheels = files.flatten().map(|file| file.into_path()).filter(|file| file.extension() == Some("whl"));
    match (wheels.next(), wheels.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => Err(Error::Output { program: "pip download".to_owned(), reason: "it left no single wheel".to_owned() }),
    }
}

fn sha256(file: &Utf8Path) -> io::Result<String> {
    let mut hasher = IoWrapper(Sha256::new());
    io::copy(&mut tierce_bounded::open(file)?, &mut hasher)?;
    Ok(hex::encode(hasher.0.finalize()))
}

/// The text between `//` and `@` of a URL.
fn credentials(index: &str) -> Option<&str> {
    let (_, rest) = index.split_once("://")?;
    let (credentials, _) = rest.split('/').next()?.rsplit_once('@')?;
    Some(credentials).filter(|credentials| !credentials.is_empty())
}

/// Turns pip's output into an error.
fn explain(wheel: &Wheel<'_>, code: Option<i32>, lines: &[String]) -> Error {
    let has = |words: &[&str]| lines.iter().any(|line| words.iter().any(|word| line.contains(word)));
    let shown = run::relevant_lines(lines.iter().map(String::as_str));
    if has(&NETWORK_WORDS) {
        let first = lines.iter().find(|line| NETWORK_WORDS.iter().any(|word| line.contains(word)));
        Error::Unreachable { lines: first.cloned().into_iter().collect() }
    } else if has(&ABSENT_WORDS) {
        Error::NotPublished { name: wheel.name.to_owned(), version: wheel.version.to_owned(), lines: shown }
    } else {
        Error::Failed { program: "pip download".to_owned(), code, lines: shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = "f2f6d982fc9205ad985db6b3695dbec6c583811c212c7242c78bb685d69f786f";

    #[test]
    fn pip_output_decides_the_error() {
        let wheel = Wheel { name: "tiny", version: "1.0", sha256: TINY, index: None, pip_wheel: None };
        let case = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            explain(&wheel, Some(1), &lines).to_string()
        };
        insta::assert_snapshot!(
            case(&[
                "WARNING: Retrying after connection broken by 'NewConnectionError'",
                "ERROR: Could not find a version that satisfies the requirement tiny==1.0 (from versions: none)",
                "ERROR: No matching distribution found for tiny==1.0",
            ]),
            @r"
        failed to reach the index of the host's pip
          WARNING: Retrying after connection broken by 'NewConnectionError'
        "
        );
        insta::assert_snapshot!(
            case(&["Looking in indexes: x", "ERROR: No matching distribution found for tiny==1.0"]),
            @r"
        failed to find a wheel of `tiny` 1.0 in the index of the host's pip
          ERROR: No matching distribution found for tiny==1.0
        "
        );
        insta::assert_snapshot!(
            case(&["ERROR: Could not install packages due to an OSError: No space left on device"]),
            @r"
        failed to run `pip download` (exit code 1)
          ERROR: Could not install packages due to an OSError: No space left on device
        "
        );
    }

    #[test]
    fn credentials_precede_the_host() {
        let cases = [
            ("https://user:pass@mirror.example/simple", Some("user:pass")),
            ("https://token@mirror.example/simple/", Some("token")),
            ("https://a@b:c@mirror.example", Some("a@b:c")),
            ("https://mirror.example/simple/@scope", None),
            ("https://mirror.example", None),
            ("/srv/index", None),
            ("https://@mirror.example", None),
        ];
        for (index, expected) in cases {
            assert_eq!(credentials(index), expected, "{index}");
        }
    }
}
