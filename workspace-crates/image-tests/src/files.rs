//! Compares files of a container. The engine reads them, so the image needs no program for it.

use std::io::Read;

use tierce_manifest::{ExpectedContent, ExpectedFile};
use tierce_store::Error;

use crate::container::TestContainer;
use crate::expect;

/// The maximum number of bytes that a test reads of a file.
const LONGEST: u64 = 16 << 20;

/// Returns the differences between a file and its expected state, one per line.
pub(crate) fn look(container: &dyn TestContainer, file: &ExpectedFile) -> Result<Vec<String>, Error> {
    let path = file.path.as_str();
    match (&file.present, container.copy_out(path)?) {
        (None, None) => Ok(Vec::new()),
        (None, Some(_)) => Ok(vec![format!("`{path}` is there")]),
        (Some(_), None) => Ok(vec![format!("`{path}` is not there")]),
        (Some(expected), Some(tar)) => compare(path, expected, tar),
    }
}

/// Compares the first entry of an archive.
fn compare(path: &str, expected: &ExpectedContent, tar: impl Read) -> Result<Vec<String>, Error> {
    let failed = |error| Error::file("read", path.as_ref(), error);
    let mut archive = tar::Archive::new(tar);
    let mut entries = archive.entries().map_err(failed)?;
    let Some(entry) = entries.next().transpose().map_err(failed)? else {
        return Ok(vec![format!("`{path}` is not there")]);
    };
    let header = entry.header();
    let mut problems = Vec::new();
    let (mode, uid, gid) =
        (header.mode().map_err(failed)?, header.uid().map_err(failed)?, header.gid().map_err(failed)?);
    if let Some(expected) = expected.mode.filter(|expected| expected.bits() != mode & 0o7777) {
        problems.push(format!("`{path}` has the mode {:04o}, expected {expected}", mode & 0o7777));
    }
    let is_other = |(wanted_uid, wanted_gid)| (uid, gid) != (u64::from(wanted_uid), u64::from(wanted_gid));
    if let Some(expected) = expected.owner.filter(|owner| is_other((owner.uid, owner.gid))) {
        problems.push(format!("`{path}` belongs to {uid}:{gid}, expected {expected}"));
    }
    if let Some(expected) = &expected.content {
        if !header.entry_type().is_file() {
            problems.push(format!("`{path}` is not a regular file"));
        } else {
            let mut content = Vec::new();
            entry.take(LONGEST).read_to_end(&mut content).map_err(failed)?;
            problems.extend(expect::text(&format!("`{path}`"), expected, &content));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds an archive in the daemon's format.
    fn archive(kind: tar::EntryType, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o100_640);
        header.set_uid(1000);
        header.set_gid(33);
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_data(&mut header, "x", content).expect("memory");
        builder.into_inner().expect("memory")
    }

    #[test]
    fn each_difference_has_a_line() {
        let expected = ExpectedContent {
            mode: Some("0600".parse().expect("a mode")),
            owner: Some("1000:1000".parse().expect("an owner")),
            content: Some(tierce_manifest::ExpectedText { equals: Some("b".into()), ..Default::default() }),
        };
        let problems = compare("/x", &expected, archive(tar::EntryType::Regular, b"a").as_slice()).expect("readable");
        assert_eq!(
            problems,
            [
                "`/x` has the mode 0640, expected 0600",
                "`/x` belongs to 1000:33, expected 1000:1000",
                r#"`/x`: line 1 is "a", expected "b""#,
            ]
        );
        let problems = compare("/x", &expected, archive(tar::EntryType::Directory, b"").as_slice()).expect("readable");
        assert_eq!(problems.last().map(String::as_str), Some("`/x` is not a regular file"));
        assert_eq!(
            compare("/x", &ExpectedContent::default(), archive(tar::EntryType::Fifo, b"").as_slice())
                .expect("readable"),
            Vec::<String>::new()
        );
    }
}
