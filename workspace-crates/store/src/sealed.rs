//! Sealed JSON: a file of Tierce's own that has the digest of its content and name. A changed bit, or a file of another name, counts as
//! missing, and the caller rebuilds it.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tierce_plan::digest_of;

use crate::Error;
use crate::files;

/// The text before the digest, between digest and content, and after the content.
const FRAME: [&str; 3] = ["{\"sha256\":\"", "\",\"content\":", "}"];

/// Writes a value under its digest.
pub fn write(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let content = serde_json::to_string(value).map_err(|error| Error::file("write", path, error.into()))?;
    let [before, between, after] = FRAME;
    files::write(path, [before, &seal(path, &content), between, &content, after].concat())
}

/// Reads a value. None if the file is missing or damaged.
pub fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let text = tierce_bounded::text(path, &tierce_bounded::STATE).ok()?;
    let [before, between, after] = FRAME;
    let (digest, content) = text.strip_prefix(before)?.strip_suffix(after)?.split_once(between)?;
    (digest == seal(path, content)).then(|| serde_json::from_str(content).ok())?
}

fn seal(path: &Path, content: &str) -> String {
    digest_of(&[&path.file_name().unwrap_or_default().to_string_lossy(), content])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_bit_or_name_counts_as_missing() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("a.json");
        write(&path, &"a value").expect("written");
        assert_eq!(read::<String>(&path).as_deref(), Some("a value"));
        let whole = std::fs::read(&path).expect("there");
        assert!(serde_json::from_slice::<serde_json::Value>(&whole).is_ok(), "other tools read it as JSON");
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &changed).expect("writable");
            assert_eq!(read::<String>(&path), None, "bit {bit}");
        }
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("writable");
            assert_eq!(read::<String>(&path), None, "{length} bytes");
        }
        std::fs::write(scratch.path().join("b.json"), &whole).expect("writable");
        assert_eq!(read::<String>(&scratch.path().join("b.json")), None, "another name");
    }
}
