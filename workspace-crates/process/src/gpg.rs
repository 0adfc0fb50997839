//! gpgv: the text that a signature covers.

use std::fs;

use camino::Utf8Path;

use crate::error::SignatureProblem;
use crate::{Error, run};

const HELP: &str = "install the package that brings gpgv (on Debian it is called gpgv, elsewhere gnupg)";

/// The line that begins a clear-signed text (RFC 9580, section 7).
const ARMOUR: &str = "-----BEGIN PGP SIGNED MESSAGE-----";

/// Verifies a clear-signed file (Debian's `InRelease`) against a keyring (in the binary format, with none of the user's own
/// keys) and gives the text that was signed, and nothing beside it: whatever else the file holds is not to be read.
///
/// A file may have several signatures; one good one of a key in the ring is enough, as for apt, unless another is bad.
///
/// # Errors
/// `Error::NotFound`, `Error::Signature`, `Error::File`, `Error::Output` if the text is no UTF-8.
pub fn verify_clearsigned(file: &Utf8Path, keyring: &Utf8Path) -> Result<String, Error> {
    let refuse = |reason| Error::Signature { file: file.to_owned(), reason };
    let failed = |path: &Utf8Path, source| Error::File { verb: "read", path: path.to_owned(), source };
    let gpgv = run::find("gpgv", HELP)?;
    let bytes = fs::read(file).map_err(|source| failed(file, source))?;
    // With a path that has no slash gpgv looks in the user's own folder.
    let keyring = keyring.canonicalize_utf8().map_err(|source| failed(keyring, source))?;
    let armours = bytes.split(|byte| *byte == b'\n').filter(|line| line.trim_ascii_end() == ARMOUR.as_bytes());
    if !bytes.starts_with(ARMOUR.as_bytes()) || armours.count() != 1 {
        return Err(refuse(SignatureProblem::Malformed));
    }

    let shell = run::shell("/".into())?;
    let command = shell.cmd(gpgv).args(["--keyring", keyring.as_str(), "--status-fd", "2", "--output", "-", "-"]);
    let output = run::output("gpgv", command.stdin(bytes))?;
    // The exit code is not enough: it is a failure as soon as one of several keys is unknown.
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
    Err(SignatureProblem::Other(run::lines_that_matter(words)))
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;

    /// `keys.gpg` has the key that signed `good` and one that has expired, which signed `expired`; `stranger` is signed by
    /// one that it lacks, `both` by the first and the stranger's.
    fn fixture(name: &str) -> Utf8PathBuf {
        Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gpg").join(name)
    }

    fn verify(text: &[u8]) -> Result<String, SignatureProblem> {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8PathBuf::from_path_buf(folder.path().join("In Release")).unwrap();
        fs::write(&file, text).unwrap();
        verify_clearsigned(&file, &fixture("keys.gpg")).map_err(|error| match error {
            Error::Signature { reason, .. } => reason,
            other => panic!("{other}"),
        })
    }

    fn text(name: &str) -> Vec<u8> {
        fs::read(fixture(name)).unwrap()
    }

    #[test]
    fn the_text_of_a_good_signature_is_given() {
        let expected = "Origin: Example\nSuite: stable\n- dashes are escaped\n";
        assert_eq!(verify(&text("good")).as_deref(), Ok(expected));
        assert_eq!(verify(&text("both")).as_deref(), Ok(expected));
    }

    #[test]
    fn only_the_signed_text_is_given() {
        let after = [text("good"), b"Origin: Mallory\n".to_vec()].concat();
        if let Ok(text) = verify(&after) {
            assert!(!text.contains("Mallory"));
        }
        let before = [b"Origin: Mallory\n".to_vec(), text("good")].concat();
        assert_eq!(verify(&before), Err(SignatureProblem::Malformed));
        assert_eq!(verify(&text("good").repeat(2)), Err(SignatureProblem::Malformed));
    }

    #[test]
    fn every_other_signature_is_refused() {
        let good = String::from_utf8(text("good")).unwrap();
        assert_eq!(verify(good.replace("stable", "sid").as_bytes()), Err(SignatureProblem::Bad));
        assert_eq!(verify(&text("expired")), Err(SignatureProblem::Expired));
        assert!(matches!(verify(&text("stranger")), Err(SignatureProblem::UnknownKeys(keys)) if keys.len() == 1));
        assert_eq!(verify(b"Origin: Mallory\n"), Err(SignatureProblem::Malformed));
        assert_eq!(verify(b""), Err(SignatureProblem::Malformed));
        let cut = good.split("-----BEGIN PGP SIGNATURE-----").next().unwrap();
        assert!(matches!(verify(cut.as_bytes()), Err(SignatureProblem::Other(_))));
    }
}
