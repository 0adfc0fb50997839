//! Installs Portage from its Python wheel: the files of `pip install`, as a system-wide installation of a Debian root.
//!
//! The wheel is a "MODULE" installation, which has all paths below Python's prefix and would merge into `/usr/usr`; two
//! edits of its text make it a "SYSTEM" one. Each edit must find its text exactly once: another version of Portage is
//! refused, and not installed half-edited.

use std::io::Read;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

use crate::{EntryKind, Error, ExtraEntry, path};

/// The version of Portage whose layout and text this module knows; pip finds it as `portage==VERSION`.
pub const PORTAGE_VERSION: &str = "3.0.83";
/// The wheel's file name: pure Python, one for every platform.
pub const PORTAGE_WHEEL: &str = "portage-3.0.83-py3-none-any.whl";
/// The SHA-256 digest of that file.
pub const PORTAGE_WHEEL_SHA256: &str = "25de95ad893cdf9abec2bf4d18217b3fc07756989c62d3e74bb1695cdf639402";

/// The largest wheel, in bytes: it has 2 MiB.
const MAX_PACKED: u64 = 16 << 20;
/// The largest unpacked wheel, in bytes, and the most files: it has 8 MiB in 600 files.
const MAX_UNPACKED: u64 = 64 << 20;
const MAX_FILES: u64 = 5_000;

/// The folder where Debian's Python finds modules.
const MODULES: &str = "/usr/lib/python3/dist-packages";
/// Portage's own programs and configuration.
const BASE: &str = "/usr/lib/portage";
/// The GNU triplet that Gentoo uses as CHOST for amd64.
const CHOST: &str = "x86_64-pc-linux-gnu";

/// Names that ebuilds and Portage's helpers expect, and Debian's name for each.
const GNU_TOOLS: &[&str] = &["tar", "make", "patch", "sed", "find", "xargs", "grep", "install", "cp"];
const CHOST_TOOLS: &[&str] = &[
    "gcc",
    "g++",
    "cpp",
    "ar",
    "as",
    "ld",
    "nm",
    "ranlib",
    "strip",
    "objcopy",
    "objdump",
    "readelf",
    "gcc-ar",
    "gcc-nm",
    "gcc-ranlib",
    "pkg-config",
    "pkgconf",
];

/// Debian's and Gentoo's library folders, from which env-update writes ld.so.conf.
const ENVIRONMENT: &str = "LDPATH=\"/usr/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu:/usr/lib64\"\n\
    PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n";

/// The edits of the wheel: file, text, replacement.
const EDITS: &[(&str, &str, &str)] = &[
    ("portage/installation.py", "if \"MODULE\" == \"MODULE\":", "if \"SYSTEM\" == \"MODULE\":"),
    ("portage/installation.py", "elif \"MODULE\" == \"SYSTEM\":", "elif \"SYSTEM\" == \"SYSTEM\":"),
    ("portage/const.py", "    PORTAGE_BASE_PATH = \"\"\"\"\"\"\n", "    PORTAGE_BASE_PATH = \"/usr/lib/portage\"\n"),
    ("portage/const.py", "    PORTAGE_BIN_PATH = \"\"\"\"\"\"\n", "    PORTAGE_BIN_PATH = \"/usr/lib/portage/bin\"\n"),
];

/// The entries that add `emerge` to a Debian root with a compiler and Python: Portage from its `wheel`, Gentoo's names
/// of tools, and the accounts and folders that Portage expects. The caller has checked the wheel's digest.
///
/// # Errors
/// [`Error::Wheel`] if it is not a zip, exceeds the limits, or does not have the layout of [`PORTAGE_VERSION`].
pub fn entries(wheel: impl Read) -> Result<Vec<ExtraEntry>, Error> {
    let mut packed = Vec::new();
    let size = wheel.take(MAX_PACKED + 1).read_to_end(&mut packed).map_err(|error| wrong(error.to_string()))?;
    if size as u64 > MAX_PACKED {
        return Err(wrong(format!("it has more than {MAX_PACKED} bytes")));
    }
    let archive = ZipArchive::from_slice(&packed).map_err(|error| wrong(error.to_string()))?;
    let count = archive.entries_hint();
    if count > MAX_FILES {
        return Err(wrong(format!("it has more than {MAX_FILES} files")));
    }
    let mut entries = Vec::new();
    let mut edited = 0;
    let mut has_programs = false;
    let mut left = MAX_UNPACKED;
    let mut files = archive.entries();
    for _ in 0..count {
        let file = files.next_entry().map_err(|error| wrong(error.to_string()))?;
        let file = file.ok_or_else(|| wrong(format!("it has fewer than {count} files")))?;
        let (name, content) = read(&archive, &file, &mut left)?;
        let is_entry_points = name.strip_suffix("/entry_points.txt").is_some_and(|folder| folder == dist_info());
        if is_entry_points {
            entries.extend(programs(&text(&name, content)?)?);
            has_programs = true;
            continue;
        }
        let edits: Vec<_> = EDITS.iter().filter(|(file, ..)| *file == name).collect();
        let content = match edits.is_empty() {
            true => content,
            false => edit(&name, text(&name, content)?, &edits)?.into_bytes(),
        };
        edited += edits.len();
        entries.extend(place(&name, content)?);
    }
    if !has_programs || edited != EDITS.len() {
        return Err(wrong(format!("it is not the wheel of Portage {PORTAGE_VERSION}: a file of it is missing")));
    }
    entries.extend(surroundings());
    Ok(entries)
}

/// Reads a file of the wheel; a folder has an empty name.
fn read(
    archive: &ZipSliceArchive<&Vec<u8>>,
    file: &ZipFileHeaderRecord<'_>,
    left: &mut u64,
) -> Result<(String, Vec<u8>), Error> {
    let name = text("the name of a file", file.file_path().as_bytes().to_vec())?;
    if file.is_dir() {
        return Ok((String::new(), Vec::new()));
    }
    if !path::is_plain(&name) {
        return Err(wrong(format!("it may not have the file `{name}`")));
    }
    let failed = |error: &dyn std::fmt::Display| wrong(format!("`{name}`: {error}"));
    let entry = archive.get_entry(file.wayfinder()).map_err(|error| failed(&error))?;
    let unpacked: Box<dyn Read + '_> = match file.compression_method() {
        CompressionMethod::STORE => Box::new(entry.data()),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(entry.data())),
        other => return Err(failed(&format!("unknown compression {other:?}"))),
    };
    let mut content = Vec::new();
    // One byte above the limit shows that a file is too large. The reader compares the size and the checksum at the end.
    let unpacked = entry.verifying_reader(unpacked).take(*left + 1).read_to_end(&mut content);
    let count = unpacked.map_err(|error| failed(&error))? as u64;
    *left = left.checked_sub(count).ok_or_else(|| wrong(format!("it unpacks to more than {MAX_UNPACKED} bytes")))?;
    Ok((name, content))
}

/// The entry of a file of the wheel; `None` for a file that a root does not need.
fn place(name: &str, content: Vec<u8>) -> Result<Option<ExtraEntry>, Error> {
    let data = format!("portage-{PORTAGE_VERSION}.data/");
    let entry =
        if name.is_empty() || name.starts_with("portage/tests/") || name.starts_with(&format!("{}/", dist_info())) {
            return Ok(None);
        } else if name.starts_with("portage/") || name.starts_with("_emerge/") {
            ExtraEntry::file(format!("{MODULES}/{name}"), content)
        } else if let Some(rest) = name.strip_prefix(&format!("{data}data/lib/portage/")) {
            ExtraEntry::program(format!("{BASE}/{rest}"), content)
        } else if let Some(rest) = name.strip_prefix(&format!("{data}data/share/portage/")) {
            // The wheel's repos.conf names a [gentoo] repository, which a workspace may not have.
            let content = if rest == "config/repos.conf" { Vec::new() } else { content };
            ExtraEntry::file(format!("/usr/share/portage/{rest}"), content)
        } else if let Some(rest) = name.strip_prefix(&format!("{data}data/etc/")) {
            ExtraEntry::file(format!("/etc/{rest}"), content)
        } else if let Some(rest) = name.strip_prefix(&format!("{data}data/share/man/")) {
            ExtraEntry::file(format!("/usr/share/man/{rest}"), content)
        } else if let Some(rest) = name.strip_prefix(&format!("{data}scripts/")) {
            ExtraEntry::program(format!("/usr/bin/{rest}"), script(content))
        } else {
            return Err(wrong(format!("it is not the wheel of Portage {PORTAGE_VERSION}: `{name}` is unknown")));
        };
    Ok(Some(entry))
}

/// Replaces "#!python", the wheel's placeholder for the interpreter, in a script's first line.
fn script(content: Vec<u8>) -> Vec<u8> {
    match content.strip_prefix(b"#!python").and_then(|rest| Some((rest, rest.iter().position(|&byte| byte == b'\n')?)))
    {
        Some((rest, end)) => [b"#!/usr/bin/python3", &rest[end..]].concat(),
        None => content,
    }
}

/// Writes a program for each console entry point: "emerge = portage.util.bin_entry_point:bin_entry_point".
fn programs(entry_points: &str) -> Result<Vec<ExtraEntry>, Error> {
    let mut programs = Vec::new();
    let mut in_scripts = false;
    for line in entry_points.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            in_scripts = line == "[console_scripts]";
            continue;
        }
        if !in_scripts {
            continue;
        }
        let parts = line.split_once('=').and_then(|(name, target)| Some((name.trim(), target.trim().split_once(':')?)));
        let Some((name, (module, function))) = parts else {
            return Err(wrong(format!("`{line}` is not an entry point")));
        };
        let is_word = |text: &str, more: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        if !is_word(name, b"-_") || !is_word(module, b"_.") || !is_word(function, b"_") {
            return Err(wrong(format!("`{line}` is not an entry point")));
        }
        let program = format!(
            "#!/usr/bin/python3\nimport sys\nfrom {module} import {function}\n\nif __name__ == \"__main__\":\n    sys.exit({function}())\n"
        );
        programs.push(ExtraEntry::program(format!("/usr/bin/{name}"), program));
    }
    Ok(programs)
}

fn edit(name: &str, mut text: String, edits: &[&(&str, &str, &str)]) -> Result<String, Error> {
    for (_, from, to) in edits {
        if text.matches(from).count() != 1 {
            let line = from.trim();
            return Err(wrong(format!(
                "it is not the wheel of Portage {PORTAGE_VERSION}: `{name}` has no line `{line}`"
            )));
        }
        text = text.replacen(from, to, 1);
    }
    Ok(text)
}

/// The links, folders, accounts and settings besides Portage's own files.
fn surroundings() -> Vec<ExtraEntry> {
    let mut entries: Vec<ExtraEntry> =
        GNU_TOOLS.iter().map(|tool| ExtraEntry::link(format!("/usr/bin/g{tool}"), *tool)).collect();
    entries.extend(CHOST_TOOLS.iter().map(|tool| ExtraEntry::link(format!("/usr/bin/{CHOST}-{tool}"), *tool)));
    let gnuconfig = ["config.guess", "config.sub"];
    entries.extend(
        gnuconfig.map(|file| ExtraEntry::link(format!("/usr/share/gnuconfig/{file}"), format!("../misc/{file}"))),
    );
    let folders = [
        "/etc/portage/repos.conf",
        "/var/cache/binpkgs",
        "/var/cache/distfiles",
        "/var/cache/edb",
        "/var/db/pkg",
        "/var/db/repos",
        "/var/lib/portage",
        "/var/tmp/portage",
    ];
    entries.extend(folders.map(ExtraEntry::folder));
    entries.push(ExtraEntry::file("/etc/env.d/00debian", ENVIRONMENT));
    entries.push(account("/etc/passwd", "portage:x:250:250:portage:/var/tmp/portage:/bin/false"));
    entries.push(account("/etc/group", "portage:x:250:"));
    entries
}

fn account(path: &str, line: &str) -> ExtraEntry {
    ExtraEntry { path: path.to_owned(), kind: EntryKind::AccountLine(line.to_owned()), mode: 0o644 }
}

fn dist_info() -> String {
    format!("portage-{PORTAGE_VERSION}.dist-info")
}

fn text(name: &str, content: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(content).map_err(|_| wrong(format!("`{name}` is not UTF-8")))
}

fn wrong(why: String) -> Error {
    Error::Wheel { why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use rawzip::ZipArchiveWriter;
    use rawzip::path::EntryPath;
    use std::io::{Cursor, Write};

    const INSTALLATION: &str = "if \"MODULE\" == \"MODULE\":\n    A\nelif \"MODULE\" == \"SYSTEM\":\n    B\n";
    const CONST: &str = "if x:\n    PORTAGE_BASE_PATH = \"\"\"\"\"\"\n    PORTAGE_BIN_PATH = \"\"\"\"\"\"\n";
    const ENTRY_POINTS: &str = "[console_scripts]\nemerge = portage.util.bin_entry_point:bin_entry_point\n[other]\nx\n";

    /// The parts of the wheel that this module reads.
    const PARTS: &[(&str, &str)] = &[
        ("portage/installation.py", INSTALLATION),
        ("portage/const.py", CONST),
        ("portage/tests/x.py", ""),
        ("_emerge/main.py", ""),
        ("portage-3.0.83.data/data/lib/portage/bin/ebuild.sh", "#!/bin/bash\n"),
        ("portage-3.0.83.data/data/share/portage/config/repos.conf", "[gentoo]\n"),
        ("portage-3.0.83.data/data/etc/dispatch-conf.conf", ""),
        ("portage-3.0.83.data/scripts/tool", "#!python3\nimport x\n"),
        ("portage-3.0.83.data/scripts/etc-update", "#!/bin/bash\n"),
        ("portage-3.0.83.dist-info/METADATA", ""),
        ("portage-3.0.83.dist-info/entry_points.txt", ENTRY_POINTS),
    ];

    fn wheel(parts: &[(&str, &str)]) -> Cursor<Vec<u8>> {
        let mut wheel = Vec::new();
        let mut archive = ZipArchiveWriter::new(&mut wheel);
        for (name, content) in parts {
            // A path upwards stays one.
            let file = archive.new_file(EntryPath::verbatim(name.as_bytes()));
            let (mut entry, config) = file.compression_method(CompressionMethod::DEFLATE).start().unwrap();
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
            writer.write_all(content.as_bytes()).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        Cursor::new(wheel)
    }

    #[test]
    fn wheel_files_become_entries() {
        let entries = entries(wheel(PARTS)).unwrap();
        let of_wheel = &entries[..entries.len() - surroundings().len()];
        let shown: Vec<String> = of_wheel
            .iter()
            .map(|entry| {
                let EntryKind::File(content) = &entry.kind else { panic!("{} is no file", entry.path) };
                format!("{:o} {}\n{}", entry.mode, entry.path, String::from_utf8_lossy(content))
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        644 /usr/lib/python3/dist-packages/portage/installation.py
        if "SYSTEM" == "MODULE":
            A
        elif "SYSTEM" == "SYSTEM":
            B

        644 /usr/lib/python3/dist-packages/portage/const.py
        if x:
            PORTAGE_BASE_PATH = "/usr/lib/portage"
            PORTAGE_BIN_PATH = "/usr/lib/portage/bin"

        644 /usr/lib/python3/dist-packages/_emerge/main.py

        755 /usr/lib/portage/bin/ebuild.sh
        #!/bin/bash

        644 /usr/share/portage/config/repos.conf

        644 /etc/dispatch-conf.conf

        755 /usr/bin/tool
        #!/usr/bin/python3
        import x

        755 /usr/bin/etc-update
        #!/bin/bash

        755 /usr/bin/emerge
        #!/usr/bin/python3
        import sys
        from portage.util.bin_entry_point import bin_entry_point

        if __name__ == "__main__":
            sys.exit(bin_entry_point())
        "#);
    }

    #[test]
    fn unknown_wheels_are_refused() {
        let with = |name: &str, content: &'static str| {
            let parts: Vec<(&str, &str)> =
                PARTS.iter().map(|&(part, text)| (part, if part == name { content } else { text })).collect();
            wheel(&parts)
        };
        let more = |name: &'static str| wheel(&[PARTS, &[(name, "")]].concat());
        let mut changed = wheel(PARTS);
        let at = changed.get_ref().windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
        // The checksum of the last file in the list.
        changed.get_mut()[at + 16] ^= 1;
        let cases = [
            ("an edit without its line", with("portage/const.py", "PORTAGE_BASE_PATH = 1\n")),
            ("a missing file", wheel(&PARTS[1..])),
            ("no entry points", wheel(&PARTS[..10])),
            (
                "an odd entry point",
                with("portage-3.0.83.dist-info/entry_points.txt", "[console_scripts]\n../sh = os:system\n"),
            ),
            ("another version", more("portage-3.0.84.dist-info/RECORD")),
            ("a path upwards", more("portage/../../../etc/passwd")),
            ("an absolute path", more("/etc/passwd")),
            ("no zip", Cursor::new(b"PK".to_vec())),
            ("a changed bit", changed),
        ];
        let shown: Vec<String> =
            cases.into_iter().map(|(name, wheel)| format!("{name}: {}", entries(wheel).unwrap_err())).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        an edit without its line: failed to read the portage wheel: it is not the wheel of Portage 3.0.83: `portage/const.py` has no line `PORTAGE_BASE_PATH = """"""`
        a missing file: failed to read the portage wheel: it is not the wheel of Portage 3.0.83: a file of it is missing
        no entry points: failed to read the portage wheel: it is not the wheel of Portage 3.0.83: a file of it is missing
        an odd entry point: failed to read the portage wheel: `../sh = os:system` is not an entry point
        another version: failed to read the portage wheel: it is not the wheel of Portage 3.0.83: `portage-3.0.84.dist-info/RECORD` is unknown
        a path upwards: failed to read the portage wheel: it may not have the file `portage/../../../etc/passwd`
        an absolute path: failed to read the portage wheel: it may not have the file `/etc/passwd`
        no zip: failed to read the portage wheel: Missing end of central directory
        a changed bit: failed to read the portage wheel: `portage-3.0.83.dist-info/entry_points.txt`: Invalid checksum: expected 0x9693400b, got 0x9693400a
        "#);
    }
}
