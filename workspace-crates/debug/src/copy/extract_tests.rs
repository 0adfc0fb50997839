use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

/// A hostile entry with unchecked names.
fn entry(kind: EntryType, path: &str, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o6755);
    header.set_size(content.len() as u64);
    header.set_mtime(0);
    header.set_cksum();
    let mut bytes = [header.as_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// Unpacks below `out/here`, and returns the other files and the result.
fn unpack(entries: &[Vec<u8>]) -> (tempfile::TempDir, io::Result<Copied>) {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("out/here");
    fs::create_dir_all(&here).unwrap();
    fs::write(folder.path().join("file"), "outside").unwrap();
    let opened = fs::File::open(&here).unwrap();
    let destination = Destination { folder: opened.into(), name: None, strip: 1 };
    let result = extract(&entries.concat()[..], &destination);
    (folder, result)
}

/// Everything outside of the destination.
fn outside(folder: &Path) -> Vec<PathBuf> {
    let list = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut all = [list(folder), list(&folder.join("out"))].concat();
    all.sort();
    all
}

#[test]
fn hostile_entries_stay_inside() {
    let (file, link, symlink) = (EntryType::Regular, EntryType::Link, EntryType::Symlink);
    for entries in [
        vec![entry(file, "top/../../../file", "", b"x")],
        vec![entry(file, "/../file", "", b"x")],
        vec![entry(symlink, "top/a", "/tmp", b""), entry(file, "top/a/file", "", b"x")],
        vec![entry(symlink, "top/a", "..", b""), entry(file, "top/a/file", "", b"x")],
        vec![entry(symlink, "top/d/up", "..", b""), entry(symlink, "top/l", "d/up/..", b"")],
        vec![entry(link, "top/l", "../../file", b""), entry(file, "top/l", "", b"x")],
        vec![entry(symlink, "top/d/e/l", "../../x", b""), entry(link, "top/l", "top/d/e/l", b"")],
        vec![entry(EntryType::Char, "top/null", "", b""), entry(EntryType::Fifo, "top/fifo", "", b"")],
    ] {
        let (folder, result) = unpack(&entries);
        let left_out = result.as_ref().map_or(1, |done| done.left_out_count);
        assert!(left_out > 0, "{result:?}");
        assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "outside");
        assert_eq!(outside(folder.path()).len(), 3);
        assert!(!folder.path().join("out/here/l").is_symlink());
    }
}

#[test]
fn inner_files_and_links_are_unpacked() {
    let (folder, result) = unpack(&[
        entry(EntryType::Directory, "top/d/", "", b""),
        entry(EntryType::Regular, "./top/d/f", "", b"content"),
        entry(EntryType::Symlink, "top/d/l", "../d/f", b""),
        entry(EntryType::Link, "top/h", "top/d/f", b""),
        entry(EntryType::Regular, "top/d/l", "", b"in place of the link"),
    ]);
    let done = result.unwrap();
    assert_eq!((done.files, done.bytes, done.left_out_count), (2, 27, 0));
    let here = folder.path().join("out/here");
    assert_eq!(fs::read(here.join("h")).unwrap(), b"content");
    assert_eq!(fs::read(here.join("d/l")).unwrap(), b"in place of the link");
    assert_eq!(fs::metadata(here.join("h")).unwrap().permissions().mode() & 0o7777, 0o755, "without setuid");
    let broken = entry(EntryType::Regular, "top/x", "", &[7; 700]);
    assert!(unpack(&[broken[..600].to_vec()]).1.is_err());
}

proptest! {
    #[test]
    fn whatever_an_archive_says_it_stays_inside(
        entries in prop::collection::vec(
            (0_usize..4, "(top/|/|\\.\\./)?((a|b|c|\\.\\.|\\.)/){0,3}(a|b|c)", "(/)?((a|b|c|\\.\\.|\\.)/){0,4}(a|b|c|\\.\\.)"),
            0..12,
        ),
    ) {
        let kinds = [EntryType::Regular, EntryType::Directory, EntryType::Symlink, EntryType::Link];
        let entries: Vec<_> = entries.iter().map(|(kind, path, link)| entry(kinds[*kind], path, link, b"")).collect();
        let (folder, _) = unpack(&entries);
        prop_assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "outside");
        prop_assert_eq!(outside(folder.path()).len(), 3);
        let here = folder.path().join("out/here").canonicalize().unwrap();
        let mut folders = vec![here.clone()];
        while let Some(next) = folders.pop() {
            for found in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
                // A broken link leads to no file outside.
                if let Ok(real) = found.canonicalize() {
                    prop_assert!(real.starts_with(&here), "{} is {}", found.display(), real.display());
                }
                if found.is_dir() && !found.is_symlink() {
                    folders.push(found);
                }
            }
        }
    }
}
