//! Notes: the build-id, and the libraries that a file may load by `dlopen`.
//!
//! A dlopen note follows the UAPI Group's "ELF Dlopen Metadata Specification": vendor `FDO`, type `0x407c0c0a`, a JSON array
//! of objects as the descriptor.

use std::fmt;

use object::read::elf::{FileHeader, ProgramHeader};
use serde::{Deserialize, Serialize};

use crate::{Elf, Error};

/// The type of a dlopen note of the vendor `FDO`.
const FDO_DLOPEN: u32 = 0x407c_0c0a;
/// `NT_GNU_BUILD_ID` of the vendor `GNU`.
const GNU_BUILD_ID: u32 = 3;
/// The most bytes of a build-id: the longest that a link editor writes is SHA-512.
const MAX_BUILD_ID: usize = 64;

/// One feature that a file loads at run time if a library is present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DlopenNote {
    /// The sonames, the preferred one first; one of them is enough.
    pub soname: Vec<String>,
    /// The feature's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// The feature's purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How much the file depends on it.
    #[serde(default)]
    pub priority: Priority,
}

/// How much a file depends on a library that it loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Nothing works without it.
    Required,
    /// An important feature needs it; the specification's default.
    #[default]
    Recommended,
    /// A rarely used feature needs it.
    Suggested,
}

impl fmt::Display for Priority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Required => "required",
            Self::Recommended => "recommended",
            Self::Suggested => "suggested",
        })
    }
}

/// Adds the notes of one segment to `facts`. A damaged note ends the list, as for other readers.
pub(crate) fn take<H: FileHeader>(
    facts: &mut Elf,
    endian: H::Endian,
    segment: &H::ProgramHeader,
    bytes: &[u8],
) -> Result<(), Error> {
    let mut notes = object::read::elf::NoteIterator::<H>::new(endian, segment.p_align(endian), bytes)
        .map_err(|error| Error::Malformed { part: "note segment", problem: error.to_string() })?;
    while let Ok(Some(note)) = notes.next() {
        match (note.name(), note.n_type(endian).0) {
            (b"GNU", GNU_BUILD_ID) if note.desc().len() <= MAX_BUILD_ID => {
                facts.build_id = Some(hex::encode(note.desc()));
            }
            (b"FDO", FDO_DLOPEN) => match dlopen_notes(note.desc()) {
                Some(found) => facts.dlopen.extend(found),
                None => facts.malformed_dlopen_note = true,
            },
            _ => {}
        }
    }
    Ok(())
}

/// Parses the array of one descriptor, which may end in NUL bytes. An entry without a soname is malformed.
fn dlopen_notes(descriptor: &[u8]) -> Option<Vec<DlopenNote>> {
    let end = descriptor.iter().position(|&byte| byte == 0).unwrap_or(descriptor.len());
    let notes: Vec<DlopenNote> = serde_json::from_slice(&descriptor[..end]).ok()?;
    notes.iter().all(|note| !note.soname.is_empty()).then_some(notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dlopen_descriptors_are_parsed() {
        let note =
            |priority| DlopenNote { soname: vec!["libz.so.1".into()], feature: None, description: None, priority };
        let cases: &[(&str, Option<Vec<DlopenNote>>)] = &[
            ("[]", Some(vec![])),
            (r#"[{"soname":["libz.so.1"]}]"#, Some(vec![note(Priority::Recommended)])),
            ("[{\"soname\":[\"libz.so.1\"],\"priority\":\"required\"}]\0\0", Some(vec![note(Priority::Required)])),
            (r#"[{"soname":["libz.so.1"],"priority":"suggested","x":1}]"#, Some(vec![note(Priority::Suggested)])),
            (r#"[{"soname":[]}]"#, None),
            (r#"[{"feature":"x"}]"#, None),
            ("{", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(dlopen_notes(text.as_bytes()), *expected, "{text}");
        }
    }
}
