//! The lines of a Manifest (GLEP 74).

use blake2::{Blake2b512, Digest};
use sha2::Sha512;

/// The line of a source archive.
pub(crate) fn entry(name: &str, content: &[u8]) -> String {
    let blake2b = hex::encode(Blake2b512::digest(content));
    let sha512 = hex::encode(Sha512::digest(content));
    format!("DIST {name} {} BLAKE2B {blake2b} SHA512 {sha512}", content.len())
}

/// The Manifest without the lines of `before` and with `entries`, in the order of the names.
pub(crate) fn replaced(manifest: &str, before: &[String], entries: Vec<String>) -> String {
    let name = |line: &str| line.split(' ').nth(1).unwrap_or_default().to_owned();
    let kept = manifest.lines().filter(|line| !before.contains(&name(line)));
    let mut lines: Vec<String> = kept.map(str::to_owned).collect();
    lines.retain(|line| !entries.iter().any(|entry| name(entry) == name(line)));
    lines.extend(entries);
    lines.sort_by_key(|line| name(line));
    lines.into_iter().map(|line| line + "\n").collect()
}
