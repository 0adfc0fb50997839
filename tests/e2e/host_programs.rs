//! gpgv and pip, as the crate `process` runs them.

use std::fs;
use std::sync::atomic::AtomicBool;

use camino::{Utf8Path, Utf8PathBuf};
use tierce_process::gpg::verify_clearsigned;
use tierce_process::pip::{Wheel, download_wheel};
use tierce_process::{Error, SignatureProblem};

use crate::times;

/// `keys.gpg` has the key that signed `good` and an expired key, which signed `expired`. It lacks the key that signed
/// `stranger`. `both` has signatures of the first key and of the stranger's.
fn fixture(name: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gpg").join(name)
}

fn verify(text: &[u8]) -> Result<String, SignatureProblem> {
    times::start();
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
fn good_signature_returns_the_signed_text() {
    let expected = "Origin: Example\nSuite: stable\n- dashes are escaped\n";
    assert_eq!(verify(&text("good")).as_deref(), Ok(expected));
    assert_eq!(verify(&text("both")).as_deref(), Ok(expected));
}

#[test]
fn text_beside_the_signed_one_is_dropped() {
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

/// The digest of the wheel in `fixtures/pip`.
const TINY: &str = "f2f6d982fc9205ad985db6b3695dbec6c583811c212c7242c78bb685d69f786f";

/// Downloads the wheel from an index of one wheel, a folder.
fn download(version: &str, sha256: &str) -> Result<Vec<u8>, Error> {
    times::start();
    let index = format!("file://{}/fixtures/pip", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let folder = Utf8Path::from_path(folder.path()).unwrap();
    let wheel = Wheel { name: "tiny", version, sha256, index: Some(&index), pip_wheel: None };
    let file = download_wheel(&wheel, folder, &AtomicBool::new(false), |_| {})?;
    assert_eq!(file.parent(), Some(folder));
    Ok(fs::read(&file).unwrap())
}

#[test]
fn downloaded_wheel_has_its_digest() {
    assert!(download("1.0", TINY).unwrap().starts_with(b"PK"));
    let wrong = TINY.replace('f', "0");
    let result = download("1.0", &wrong);
    assert!(matches!(result, Err(Error::Digest { found, .. }) if found == TINY));
    let result = download("2.0", TINY);
    let Err(Error::NotPublished { lines, .. }) = result else { panic!("{result:?}") };
    assert!(lines[0].starts_with("ERROR: Could not find a version"), "{lines:?}");
}
