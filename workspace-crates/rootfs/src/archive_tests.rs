use std::io::Cursor;

use proptest::prelude::*;
use tar::{EntryType, Header};

use crate::{FileContent, Format, Index, Limits, NodeKind, Source};

/// A tar archive, entry by entry, without the corrections of a library.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn entry(mut self, kind: EntryType, name: &str, link: &str, data: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o100_755);
        header.set_uid(7);
        header.set_gid(8);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, "", data)
    }

    fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut data = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (1..).map(|digits| rest + digits).find(|all| rest + all.to_string().len() == *all).unwrap();
            data.extend([format!("{length} {key}=").as_bytes(), value, b"\n"].concat());
        }
        self.entry(EntryType::XHeader, "PaxHeaders.0/x", "", &data)
    }

    fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

fn index(bytes: &[u8], prefix: &str) -> Result<Index, String> {
    Index::of_archive(&mut Cursor::new(bytes), prefix, Limits::default()).map_err(|error| error.to_string())
}

#[test]
fn devices_and_pipes_are_skipped() {
    let bytes = Archive::default()
        .entry(EntryType::Directory, "dev/", "", b"")
        .entry(EntryType::Char, "dev/null", "", b"")
        .entry(EntryType::Fifo, "dev/pipe", "", b"")
        .entry(EntryType::Link, "dev/again", "dev/pipe", b"")
        .file("run/x/file", b"1")
        .end();
    let layer = Index::of_layer(&mut Cursor::new(&bytes), Limits::default()).unwrap();
    let paths: Vec<&str> = layer.tree().iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/", "/dev", "/run", "/run/x", "/run/x/file"]);
    assert_eq!(["/dev", "/run", "/run/x"].map(|path| layer.is_implied(path)), [false, true, true]);
}

#[test]
fn archive_of_the_engine_is_read() {
    let long = format!("destination/usr/{}/file", "d".repeat(120));
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let bytes = Archive::default()
        .entry(EntryType::Directory, "destination/", "", b"")
        .entry(EntryType::Directory, "destination/usr/", "", b"")
        .pax(&[("path", long.as_bytes()), ("mtime", b"1.5"), ("SCHILY.xattr.user.x", b"\n\0\xff")])
        .file("destination/usr/ddd", b"contents")
        .file("destination/usr/program", &program)
        .entry(EntryType::Link, "destination/usr/again", "destination/usr/program", b"")
        .entry(EntryType::Link, "destination/usr/aagain", "destination/usr/again", b"")
        .entry(EntryType::Symlink, "destination/lib", "/usr/../../lib", b"")
        .entry(EntryType::GNULongName, "././@LongLink", "", b"destination/usr/gnu\0")
        .file("destination/usr/g", b"#!/bin/sh\n")
        .file("destination/usr/broken", b"\x7fELF\x09, and nothing of the kind")
        .file("destination/var/db/pkg/x/y-1/CONTENTS", b"obj /x")
        .end();
    let index = index(&bytes, "destination").unwrap();

    let long = long.strip_prefix("destination").unwrap();
    let node = index.tree().get(long).unwrap();
    assert_eq!((&node.kind, node.mode, node.uid, node.gid), (&NodeKind::File { size: 8 }, 0o755, 7, 8));
    assert_eq!(node.xattrs["user.x"], b"\n\0\xff");
    for link in ["/usr/again", "/usr/aagain"] {
        let target = "/usr/program".to_owned();
        assert_eq!(index.tree().get(link).unwrap().kind, NodeKind::HardLink { target });
    }
    assert_eq!(index.tree().get("/lib").unwrap().kind, NodeKind::Symlink { target: "/usr/../../lib".to_owned() });
    let expected = FileContent::of_bytes(program.clone());
    let found = index.content("/usr/again").unwrap();
    assert_eq!((&found.sha256, &found.format), (&expected.sha256, &expected.format));
    let Source::Archive { offset, size } = found.source else { panic!("it lies in the archive") };
    assert_eq!(&bytes[offset as usize..][..size as usize], program);
    assert_eq!(index.content("/usr/gnu").unwrap().format, Format::Script { interpreter: "/bin/sh".to_owned() });
    assert!(matches!(index.content("/usr/broken").unwrap().format, Format::MalformedElf { .. }));
    let mut archive = Cursor::new(&bytes);
    assert_eq!(index.read(&mut archive, "/var/db/pkg/x/y-1/CONTENTS", 6).unwrap(), b"obj /x");
    let error = index.read(&mut archive, "/var/db/pkg/x/y-1/CONTENTS", 5).unwrap_err();
    assert_eq!(error.to_string(), "failed to read `/var/db/pkg/x/y-1/CONTENTS`");

    let text = serde_json::to_string(&index).unwrap();
    assert_eq!(serde_json::from_str::<Index>(&text).unwrap(), index);
}

#[test]
fn hostile_archives_are_refused() {
    let new = Archive::default;
    let symlink = |archive: Archive, name| archive.entry(EntryType::Symlink, name, "/etc", b"");
    let mut global = new().pax(&[("path", b"x")]).file("r/x", b"").end();
    global[156] = b'g';
    let sum: u32 = global[..148].iter().chain(&global[156..512]).map(|&byte| u32::from(byte)).sum::<u32>() + 256;
    global[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let cut = new().file("r/x", b"abc").end();
    let cases: &[(Vec<u8>, &str)] = &[
        (
            new().file("r/../x", b"").end(),
            "failed to index `r/../x` of the archive: its name leads out of the root, or is too long",
        ),
        (new().file("x", b"").end(), "failed to index `x` of the archive: `x` is not below `r`"),
        (new().file("rx/y", b"").end(), "failed to index `rx/y` of the archive: `rx/y` is not below `r`"),
        (new().file("r/x", b"").file("r/./x", b"").end(), "failed to index `r/./x` of the archive: it occurs twice"),
        (symlink(new(), "r/l").file("r/l/passwd", b"").end(), "failed to resolve `/l/passwd`: `/l` is not a directory"),
        (
            new().file("r/l/passwd", b"").entry(EntryType::Symlink, "r/l", "/etc", b"").end(),
            "failed to resolve `/l/passwd`: `/l` is not a directory",
        ),
        (
            new().entry(EntryType::Link, "r/h", "r/absent", b"").end(),
            "failed to put `/h` into the file tree: `/absent`, to which it is a hard link, is not a regular file",
        ),
        (
            new().entry(EntryType::Link, "r/h", "etc/passwd", b"").end(),
            "failed to index `r/h` of the archive: `etc/passwd` is not below `r`",
        ),
        (
            new().entry(EntryType::Link, "r/a", "r/b", b"").entry(EntryType::Link, "r/b", "r/a", b"").end(),
            "failed to put `/a` into the file tree: it is a hard link to a hard link to a hard link",
        ),
        (
            new().entry(EntryType::Char, "r/null", "", b"").end(),
            "failed to index `r/null` of the archive: devices have no place in an image",
        ),
        (
            new().entry(EntryType::Fifo, "r/p", "", b"").end(),
            "failed to index `r/p` of the archive: named pipes have no place in an image",
        ),
        (
            new().entry(EntryType::GNUSparse, "r/s", "", b"").end(),
            "failed to index `r/s` of the archive: sparse files are not supported",
        ),
        (
            new().pax(&[("GNU.sparse.major", b"1")]).file("r/s", b"").end(),
            "failed to index `PaxHeaders.0/x` of the archive: sparse files are not supported",
        ),
        (
            new().pax(&[("size", b"9")]).file("r/s", b"").end(),
            "failed to index `r/s` of the archive: its size is stated twice, differently",
        ),
        (
            new().pax(&[("path", b"r/\xff")]).file("r/s", b"").end(),
            "failed to index `r/\u{fffd}` of the archive: its name, or its link's, is not UTF-8",
        ),
        (
            new().entry(EntryType::Symlink, "r/s", "", b"").end(),
            "failed to put `/s` into the file tree: its target has 0 bytes",
        ),
        (global, "failed to index `PaxHeaders.0/x` of the archive: global extended headers are not supported"),
        (
            new().entry(EntryType::GNULongName, "r/x", "", &vec![b'x'; 200_000]).file("r/x", b"").end(),
            "failed to index `r/x` of the archive: its extended header has 200000 bytes",
        ),
        (Vec::new(), "failed to read the archive of a root filesystem"),
        (cut[..514].to_vec(), "failed to read the archive of a root filesystem"),
        (cut[..1024].to_vec(), "failed to read the archive of a root filesystem"),
        (b"x".repeat(1024), "failed to read the archive of a root filesystem"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(index(bytes, "r").unwrap_err(), *expected);
    }
    let bytes = new().file("a", b"").file("b", b"").end();
    for limits in [Limits { entries: 1, ..Limits::default() }, Limits { bytes: 100, ..Limits::default() }] {
        assert!(Index::of_archive(&mut Cursor::new(&bytes), "", limits).is_err());
    }
}

proptest! {
    #[test]
    fn mutated_archives_never_panic(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6)) {
        let mut bytes = Archive::default()
            .pax(&[("path", b"r/long"), ("SCHILY.xattr.user.x", b"1")])
            .file("r/x", b"\x7fELF\x02\x01\x01")
            .entry(EntryType::Link, "r/h", "r/long", b"")
            .end();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
            // Keeps the checksums valid, so that the reader gets beyond them.
            let start = at / 512 * 512;
            let sum: u32 = (0..512).map(|at| if (148..156).contains(&at) { 32 } else { u32::from(bytes[start + at]) }).sum();
            if bytes[start + 257..start + 262] == *b"ustar" {
                bytes[start + 148..start + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        let _ = index(&bytes, "r");
    }
}
