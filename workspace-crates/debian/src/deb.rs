//! Reads a `.deb` file (deb(5)) as a stream: an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*`.

use std::io::{self, Read};

use crate::compression::{Limited, decompress, limited};
use crate::{Deb, Error, control};

/// The largest unpacked control archive, in bytes; Debian's largest have some hundred KiB.
const MAX_CONTROL: u64 = 16 << 20;
/// The largest unpacked data archive of a package, in bytes.
pub(crate) const MAX_DATA: u64 = 2 << 30;
/// The most files that a control archive may have besides `control`.
const MAX_CONTROL_FILES: usize = 64;

/// A `.deb` with its control archive read; `data` is the next member to read.
pub(crate) struct OpenDeb<'r> {
    pub(crate) control: Control,
    pub(crate) data: tar::Archive<Limited<Box<dyn Read + 'r>>>,
}

/// The control archive of a package.
pub(crate) struct Control {
    /// The control file: one paragraph.
    pub(crate) text: String,
    /// The other files, sorted: name ("postinst"), mode and content.
    pub(crate) files: Vec<(String, u32, Vec<u8>)>,
}

impl Control {
    /// The value of a field of the control file; empty if the field is missing.
    pub(crate) fn field(&self, name: &str) -> &str {
        let paragraph = control::paragraphs("control", &self.text).next().and_then(Result::ok);
        paragraph.and_then(|paragraph| paragraph.get(name)).unwrap_or("")
    }

    /// The content of a file of the control archive.
    pub(crate) fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|(found, ..)| found == name).map(|(.., content)| content.as_slice())
    }
}

/// Opens the file of `deb` and checks its package name, version and architecture.
pub(crate) fn open<'r>(deb: &Deb, mut reader: impl Read + 'r) -> Result<OpenDeb<'r>, Error> {
    let failed = |source| Error::PackageIo { package: deb.name.clone(), source };
    let wrong = |why: String| Error::package(&deb.name, why);
    let mut magic = [0; 8];
    reader.read_exact(&mut magic).map_err(failed)?;
    if &magic != b"!<arch>\n" {
        return Err(wrong("it is not a Debian package".to_owned()));
    }
    let mut control = None;
    let mut is_first = true;
    loop {
        let Some((name, size)) = next_member(&mut reader).map_err(failed)? else {
            return Err(wrong("it has no data archive".to_owned()));
        };
        if is_first != (name == "debian-binary") {
            return Err(wrong(format!("the member `{name}` is not in the order of deb(5)")));
        }
        is_first = false;
        if name.starts_with("data.tar") {
            let control = control.ok_or_else(|| wrong("its data comes before its control archive".to_owned()))?;
            let data: Box<dyn Read + 'r> = decompress(reader.take(size)).map_err(failed)?;
            return Ok(OpenDeb { control, data: tar::Archive::new(limited(data, MAX_DATA)) });
        }
        let mut member = (&mut reader).take(size);
        if name == "debian-binary" {
            let mut format = [0; 2];
            member.read_exact(&mut format).map_err(failed)?;
            if &format != b"2." {
                return Err(wrong("it has a format version other than 2".to_owned()));
            }
        } else if name.starts_with("control.tar") {
            control = Some(read_control(deb, &mut member)?);
        } else if !name.starts_with('_') {
            // deb(5): members whose name starts with an underscore are for extensions, others are errors.
            return Err(wrong(format!("it has an unknown member `{name}`")));
        }
        // Skips the rest of the member, then the byte that makes the size even.
        io::copy(&mut member, &mut io::sink()).map_err(failed)?;
        io::copy(&mut (&mut reader).take(size % 2), &mut io::sink()).map_err(failed)?;
    }
}

/// The next member's name and size; `None` at the end of the archive.
pub(crate) fn next_member(reader: &mut impl Read) -> io::Result<Option<(String, u64)>> {
    let mut header = Vec::with_capacity(60);
    reader.take(60).read_to_end(&mut header)?;
    if header.is_empty() {
        return Ok(None);
    }
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "a member header of the ar archive is damaged");
    if header.len() != 60 || &header[58..] != b"`\n" {
        return Err(invalid());
    }
    let text = std::str::from_utf8(&header).map_err(|_| invalid())?;
    let name = text.get(..16).ok_or_else(invalid)?.trim_end().trim_end_matches('/').to_owned();
    let size = text.get(48..58).and_then(|size| size.trim_end().parse().ok()).ok_or_else(invalid)?;
    Ok(Some((name, size)))
}

/// Reads the control archive and checks name, version and architecture.
fn read_control(deb: &Deb, member: impl Read) -> Result<Control, Error> {
    let failed = |source| Error::PackageIo { package: deb.name.clone(), source };
    let mut archive = tar::Archive::new(limited(decompress(member).map_err(failed)?, MAX_CONTROL));
    let mut text = None;
    let mut files = Vec::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        if !crate::path::is_plain(&name) || name.contains('/') || files.len() == MAX_CONTROL_FILES {
            return Err(Error::package(&deb.name, format!("its control archive may not have the file `{name}`")));
        }
        let mode = entry.header().mode().map_err(failed)? & 0o777;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(failed)?;
        match name.as_str() {
            "control" => {
                text = Some(
                    String::from_utf8(content)
                        .map_err(|_| Error::package(&deb.name, "its control file is not UTF-8"))?,
                );
            }
            _ => files.push((name, mode, content)),
        }
    }
    files.sort();
    let control = Control { text: text.ok_or_else(|| Error::package(&deb.name, "it has no control file"))?, files };
    check_identity(deb, &control)?;
    Ok(control)
}

fn check_identity(deb: &Deb, control: &Control) -> Result<(), Error> {
    let count = control::paragraphs("control", &control.text).collect::<Result<Vec<_>, _>>()?.len();
    if count != 1 {
        return Err(Error::package(&deb.name, "its control file is not one paragraph"));
    }
    let expected = [("Package", &deb.name), ("Version", &deb.version), ("Architecture", &deb.architecture)];
    for (field, expected) in expected {
        let found = control.field(field);
        if found != expected {
            return Err(Error::package(&deb.name, format!("its {field} is `{found}`, not `{expected}`")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{DebFile, member};
    use proptest::prelude::*;

    fn message(deb: &Deb, file: &[u8]) -> String {
        match open(deb, file) {
            Ok(opened) => format!("opened, {} control files", opened.control.files.len()),
            Err(Error::PackageIo { package, source }) => format!("failed to read package `{package}`: {source}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn archive_layouts() {
        let file = DebFile::new("a", "1").control_file("postinst", 0o755, b"#!/bin/sh\n");
        let deb = file.deb();
        let (control, data) = (file.control_archive(), file.data_archive());
        let archive = |members: &[(&str, &[u8])]| {
            let members: Vec<u8> = members.iter().flat_map(|(name, content)| member(name, content)).collect();
            [b"!<arch>\n".to_vec(), members].concat()
        };
        let format: (&str, &[u8]) = ("debian-binary", b"2.0\n");
        let whole = archive(&[format, ("control.tar", &control), ("_extra", b"odd"), ("data.tar", &data)]);
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("as dpkg-deb makes it", file.bytes()),
            ("with an extension", whole.clone()),
            ("no ar archive", b"PK".to_vec()),
            ("empty", Vec::new()),
            ("format 3", archive(&[("debian-binary", b"3.0\n")])),
            ("no format first", archive(&[("control.tar", &control)])),
            ("no control", archive(&[format, ("data.tar", &data)])),
            ("no data", archive(&[format, ("control.tar", &control)])),
            ("unknown member", archive(&[format, ("other", b"")])),
            ("damaged header", [&archive(&[format])[..], &[b'x'; 60]].concat()),
            ("cut header", [&archive(&[format])[..], b"control.tar"].concat()),
            ("another package", DebFile::new("b", "1").bytes()),
            ("another version", DebFile::new("a", "2").bytes()),
            (
                "a damaged control archive",
                archive(&[format, ("control.tar.xz", b"\xFD7zXZ\0oops"), ("data.tar", &data)]),
            ),
        ];
        let shown: Vec<String> = cases.iter().map(|(name, file)| format!("{name}: {}", message(&deb, file))).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        as dpkg-deb makes it: opened, 1 control files
        with an extension: opened, 1 control files
        no ar archive: failed to read package `a`: failed to fill whole buffer
        empty: failed to read package `a`: failed to fill whole buffer
        format 3: failed to read package `a`: it has a format version other than 2
        no format first: failed to read package `a`: the member `control.tar` is not in the order of deb(5)
        no control: failed to read package `a`: its data comes before its control archive
        no data: failed to read package `a`: it has no data archive
        unknown member: failed to read package `a`: it has an unknown member `other`
        damaged header: failed to read package `a`: a member header of the ar archive is damaged
        cut header: failed to read package `a`: a member header of the ar archive is damaged
        another package: failed to read package `a`: its Package is `b`, not `a`
        another version: failed to read package `a`: its Version is `2`, not `1`
        a damaged control archive: failed to read package `a`: premature eof
        ");
    }

    #[test]
    fn control_file_names_are_plain() {
        for name in ["../postinst", "a/b", "..", "a\tb"] {
            let file = DebFile::new("a", "1").control_file(name, 0o644, b"");
            assert!(message(&file.deb(), &file.bytes()).contains("may not have the file"), "{name}");
        }
    }

    proptest! {
        #[test]
        fn damaged_files_never_panic(at in 0usize..2000, byte: u8, length in 0usize..3000) {
            let file = DebFile::new("a", "1").control_file("postinst", 0o755, b"x").file("./usr/bin/a", 0o755, b"content");
            let mut bytes = file.bytes();
            if let Some(damaged) = bytes.get_mut(at) {
            *damaged = byte;
            }
            bytes.truncate(length);
            if let Ok(mut opened) = open(&file.deb(), &bytes[..]) {
                for entry in opened.data.entries().into_iter().flatten().map_while(Result::ok) {
                    let _ = io::copy(&mut { entry }, &mut io::sink());
                }
            }
        }
    }
}
