//! Roots of small packages, read back with an ordinary tar reader.

use super::*;
use crate::fixture::DebFile;
use proptest::prelude::*;

fn write(files: &[DebFile], extra: &[ExtraEntry]) -> Result<Vec<u8>, Error> {
    let debs: Vec<(Deb, Vec<u8>)> = files.iter().map(|file| (file.deb(), file.bytes())).collect();
    write_root(debs.iter().map(|(deb, bytes)| (deb, Ok(&bytes[..]))), extra, 500, Vec::new())
}

/// A line for each entry of the root, without the entries that all of these roots share.
fn listing(archive: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let target = entry.link_name_bytes().map(|target| format!(" -> {}", String::from_utf8_lossy(&target)));
        let header = entry.header();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap()), (500, 0), "{path}");
        lines.push(format!("{path} {:o}{}", header.mode().unwrap(), target.unwrap_or_default()));
    }
    let merged = |line: &str| {
        MERGED.iter().any(|name| line.starts_with(&format!("{name} ")) || line == format!("usr/{name}/ 755"))
    };
    lines.retain(|line| !merged(line) && !line.starts_with("var/") && line != "usr/ 755");
    lines
}

fn content(archive: &[u8], wanted: &str) -> Option<String> {
    tar::Archive::new(archive).entries().unwrap().find_map(|entry| {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        (entry.path_bytes().as_ref() == wanted.as_bytes()).then(|| entry.read_to_string(&mut text).unwrap())?;
        Some(text)
    })
}

fn error(files: &[DebFile], extra: &[ExtraEntry]) -> String {
    write(files, extra).unwrap_err().to_string()
}

#[test]
fn package_may_have_the_links_that_merge_usr() {
    let files = DebFile::new("base-files", "13").link("./bin", "usr/bin").file("./bin/a", 0o755, b"a");
    assert_eq!(listing(&write(&[files], &[]).unwrap()), ["usr/bin/a 755"]);
    let other = DebFile::new("base-files", "13").link("./bin", "elsewhere");
    assert_eq!(error(&[other], &[]), "failed to unpack `/bin` of `base-files`: `extra entries` has the same path");
}

#[test]
fn merged_usr_has_no_duplicate_path() {
    let files = [
        DebFile::new("base-files", "1").folder("./", 0o755).folder("./bin/", 0o755).folder("./root/", 0o700),
        DebFile::new("bash", "1").folder("./bin", 0o755).file("./bin/bash", 0o755, b"bash").link("./bin/sh", "bash"),
        DebFile::new("libc6", "1")
            .file("./lib/x86_64-linux-gnu/libc.so.6", 0o755, b"libc")
            .folder("./lib/x86_64-linux-gnu/", 0o711)
            .link("./lib64/ld.so", "/lib/x86_64-linux-gnu/libc.so.6"),
        DebFile::new("perl", "1")
            .file("./usr/bin/perl", 0o4755, b"perl")
            .entry(EntryType::Link, "./usr/bin/perl5", "./usr/bin/perl")
            .file("./root/x", 0o600, b""),
    ];
    let archive = write(&files, &[]).unwrap();
    insta::assert_snapshot!(listing(&archive).join("\n"), @r"
    ./ 755
    root/ 700
    usr/bin/bash 755
    usr/bin/sh 777 -> bash
    usr/lib/x86_64-linux-gnu/libc.so.6 755
    usr/lib/x86_64-linux-gnu/ 711
    usr/lib64/ld.so 777 -> /lib/x86_64-linux-gnu/libc.so.6
    usr/bin/perl 4755
    usr/bin/perl5 644 -> usr/bin/perl
    root/x 600
    ");
    let mut paths: Vec<Vec<u8>> = tar::Archive::new(&archive[..])
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path_bytes().into_owned())
        .collect();
    let count = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count, "a path is repeated");
    assert_eq!(archive, write(&files, &[]).unwrap(), "the bytes differ from run to run");
}

#[test]
fn root_has_dpkg_database() {
    let files = [
        DebFile::new("liba", "1")
            .field("Multi-Arch: same")
            .control_file("conffiles", 0o644, b"/etc/a.conf\n/etc/missing\n")
            .control_file("postinst", 0o755, b"#!/bin/sh\n")
            .folder("./", 0o755)
            .folder("./etc/", 0o755)
            .file("./etc/a.conf", 0o644, b"abc"),
        DebFile::new("b", "2").file("./bin/b", 0o755, b""),
    ];
    let archive = write(&files, &[]).unwrap();
    insta::assert_snapshot!(content(&archive, "var/lib/dpkg/status").unwrap(), @r"
    Package: liba
    Status: install ok unpacked
    Version: 1
    Architecture: amd64
    Multi-Arch: same
    Conffiles:
     /etc/a.conf 900150983cd24fb0d6963f7d28e17f72

    Package: b
    Status: install ok unpacked
    Version: 2
    Architecture: amd64
    ");
    let cases = [
        ("var/lib/dpkg/info/liba:amd64.list", "/.\n/etc\n/etc/a.conf\n"),
        ("var/lib/dpkg/info/liba:amd64.postinst", "#!/bin/sh\n"),
        ("var/lib/dpkg/info/b.list", "/bin/b\n"),
        ("var/lib/dpkg/info/format", "1\n"),
        ("var/lib/dpkg/available", ""),
    ];
    for (path, expected) in cases {
        assert_eq!(content(&archive, path).as_deref(), Some(expected), "{path}");
    }
}

#[test]
fn extra_entries_join_the_root() {
    let base = || {
        DebFile::new("base-passwd", "1").file("./usr/share/base-passwd/passwd.master", 0o644, b"root:x:0:0\n").file(
            "./usr/bin/gmake",
            0o755,
            b"",
        )
    };
    let account =
        ExtraEntry { path: "/etc/passwd".to_owned(), kind: EntryKind::AccountLine("p:x:250:250".to_owned()), mode: 0 };
    let extra = [
        ExtraEntry::program("/bin/emerge", "#!"),
        ExtraEntry::link("/usr/bin/gmake", "make"),
        ExtraEntry::link("/usr/bin/gtar", "tar"),
        ExtraEntry::folder("/etc/portage/repos.conf"),
        account.clone(),
    ];
    let archive = write(&[base()], &extra).unwrap();
    insta::assert_snapshot!(listing(&archive).join("\n"), @r"
    usr/share/base-passwd/passwd.master 644
    usr/bin/gmake 755
    usr/bin/emerge 755
    usr/bin/gtar 777 -> tar
    etc/portage/repos.conf/ 755
    etc/passwd 644
    etc/ 755
    etc/portage/ 755
    usr/share/ 755
    usr/share/base-passwd/ 755
    ");
    assert_eq!(content(&archive, "etc/passwd").unwrap(), "root:x:0:0\np:x:250:250\n");

    let cases = [
        ExtraEntry::file("/usr/bin/gmake", ""),
        ExtraEntry::file("/../etc/x", ""),
        ExtraEntry::file("/usr/bin/gmake/x", ""),
        ExtraEntry { path: "/etc/shadow".to_owned(), ..account },
    ];
    let errors: Vec<String> = cases.map(|entry| error(&[base()], &[entry])).to_vec();
    insta::assert_snapshot!(errors.join("\n"), @r"
    failed to unpack `/usr/bin/gmake` of `extra entries`: `base-passwd` has the same path
    failed to place `/../etc/x` of `extra entries` in the root: it leaves the root or has a name that is too long
    failed to place `/usr/bin/gmake/x` of `extra entries` in the root: a folder above it is a file
    failed to place `/etc/shadow` of `extra entries` in the root: only /etc/passwd and /etc/group take account lines
    ");
}

#[test]
fn invalid_entries_are_errors() {
    let package = |name| DebFile::new(name, "1");
    let cases: Vec<Vec<DebFile>> = vec![
        vec![package("a").file("../etc/passwd", 0o644, b"")],
        vec![package("a").file("./", 0o644, b"")],
        vec![package("a").file("./x", 0o644, b""), package("b").file("./x", 0o644, b"")],
        vec![package("a").file("./bin/x", 0o644, b""), package("b").file("./usr/bin/x", 0o644, b"")],
        vec![package("a").file("./x", 0o644, b""), package("b").file("./x/y", 0o644, b"")],
        vec![package("a").file("./x", 0o644, b""), package("b").folder("./x", 0o755)],
        vec![package("a").folder("./x", 0o755), package("b").file("./x", 0o644, b"")],
        vec![package("a").link("./x", "x").folder("./x/", 0o755)],
        vec![package("a").link("./x", "").folder("./y/", 0o755)],
        vec![package("a").entry(EntryType::Link, "./x", "./etc/shadow")],
        vec![package("a").file("./x", 0o644, b""), package("b").entry(EntryType::Link, "./y", "./x")],
        vec![package("a").entry(EntryType::Char, "./dev/null", "")],
    ];
    let errors: Vec<String> = cases.iter().map(|files| error(files, &[])).collect();
    insta::assert_snapshot!(errors.join("\n"), @r"
    failed to place `../etc/passwd` of `a` in the root: it leaves the root or has a name that is too long
    failed to place `./` of `a` in the root: only a folder can be the root
    failed to unpack `/x` of `b`: `a` has the same path
    failed to unpack `/usr/bin/x` of `b`: `a` has the same path
    failed to place `/x/y` of `b` in the root: a folder above it is a file
    failed to unpack `/x` of `b`: `a` has the same path
    failed to place `/x` of `b` in the root: it is a folder of another package
    failed to place `/x` of `a` in the root: its links form a loop
    failed to place `/x` of `a` in the root: its link has no target, or one that is too long
    failed to place `/x` of `a` in the root: its hard link leads to no file of the package
    failed to place `/y` of `b` in the root: its hard link leads to no file of the package
    failed to read package `a`: `/dev/null` is not a file, link or folder
    ");
}

#[test]
fn upward_link_stays_inside_the_root() {
    let files = [DebFile::new("a", "1").link("./evil", "../../../outside").file("./evil/x", 0o644, b"")];
    assert_eq!(
        listing(&write(&files, &[]).unwrap()),
        ["evil 777 -> ../../../outside", "outside/x 644", "outside/ 755"]
    );
}

#[test]
fn replacing_package_keeps_its_file() {
    let first = DebFile::new("a", "1").field("Replaces: b (<< 2)").file("./x", 0o644, b"of a");
    let archive = write(&[first, DebFile::new("b", "1").file("./x", 0o644, b"of b")], &[]).unwrap();
    assert_eq!(content(&archive, "x").unwrap(), "of a");
    let first = DebFile::new("a", "1").field("Replaces: b (<< 2)").file("./x", 0o644, b"of a");
    assert!(write(&[first, DebFile::new("b", "2").file("./x", 0o644, b"of b")], &[]).is_err());
}

proptest! {
    /// With any package content, the result repeats no path and has none that is absolute or leads upwards.
    #[test]
    fn archives_stay_inside(paths in proptest::collection::vec(("(\\./)?([ab]|bin|\\.\\.|usr){1}(/([ab]|\\.\\.|bin)){0,3}/?", 0u8..4, "[ab./]{0,6}"), 0..8)) {
        let mut file = DebFile::new("a", "1");
        for (path, kind, target) in &paths {
            file = match kind {
                0 => file.folder(path, 0o755),
                1 => file.file(path, 0o644, b"x"),
                2 => file.link(path, target),
                _ => file.entry(EntryType::Link, path, target),
            };
        }
        if let Ok(archive) = write(&[file], &[]) {
            let mut seen = std::collections::HashSet::new();
            for entry in tar::Archive::new(&archive[..]).entries().unwrap() {
                let path = String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap();
                prop_assert!(!path.starts_with('/') && !path.split('/').any(|name| name == ".."), "{}", path);
                prop_assert!(seen.insert(path.trim_end_matches('/').to_owned()), "{} twice", path);
            }
        }
    }
}
