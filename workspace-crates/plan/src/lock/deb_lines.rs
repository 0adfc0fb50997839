//! Writes each Debian package as a line: name, version, architecture, size, SHA-256, the path below the mirror's base, and
//! the part of the suite that has it, except for the release. A changed package is one changed line of a diff.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use tierce_debian::{Deb, SuitePart};

pub(super) fn serialize<S: Serializer>(debs: &[Deb], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(debs.iter().map(|deb| {
        let Deb { name, version, architecture, filename, size, sha256, part } = deb;
        let part = if *part == SuitePart::Release { String::new() } else { format!(" {}", part.as_str()) };
        format!("{name} {version} {architecture} {size} {sha256} {filename}{part}")
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Deb>, D::Error> {
    let lines = Vec::<String>::deserialize(deserializer)?;
    lines
        .iter()
        .map(|line| parse(line).ok_or_else(|| D::Error::custom(format!("not a Debian package: {line:?}"))))
        .collect()
}

fn parse(line: &str) -> Option<Deb> {
    let mut words = line.split(' ').map(str::to_owned);
    let (name, version, architecture) = (words.next()?, words.next()?, words.next()?);
    let (size, sha256, filename) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
    let part = match words.next() {
        Some(word) => SuitePart::of(&word).filter(|part| *part != SuitePart::Release)?,
        None => SuitePart::Release,
    };
    let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_inside = !filename.starts_with('/') && !filename.split('/').any(|part| part == "..");
    (words.next().is_none() && is_digest && is_inside).then_some(Deb {
        name,
        version,
        architecture,
        filename,
        size,
        sha256,
        part,
    })
}
