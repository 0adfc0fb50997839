//! The repository has no code of others: patches come with Debian's source packages, which Manifests pin.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tierce_ebuilds::DebianSource;

use crate::support::repository;

/// The patches that Tierce's authors wrote.
const OWN_PATCHES: [&str; 3] = [
    "tests/fixtures/packages/app/patches/one.patch",
    "tests/fixtures/packages/app/patches/two.patch",
    "workspace-crates/ebuilds/tree/app-misc/pax-utils/files/1.3.8/10-lddtree-other-root.patch",
];

/// The folders without files of this repository.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

#[test]
fn no_foreign_patch_is_in_the_repository() {
    let mut patches = Vec::new();
    for path in files_below(repository()) {
        let name = path.to_string_lossy().into_owned();
        if [".patch", ".diff", ".dpatch", ".orig", ".rej"].iter().any(|end| name.ends_with(end)) {
            patches.push(name);
        }
    }
    assert_eq!(patches, OWN_PATCHES, "let debian-source.eclass apply patches of others");
}

#[test]
fn overlay_ebuilds_carry_no_patches() {
    for path in overlay().into_iter().filter(|path| path.ends_with(".ebuild")) {
        let text = fs::read_to_string(repository().join(&path)).expect("text");
        for word in ["PATCHES=", "eapply ", "FILESDIR"] {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
    assert!(!overlay().iter().any(|path| path.contains("/licenses/")), "Portage needs the names of licences only");
}

#[test]
fn overlay_manifests_cover_the_sources() {
    let mut packages = 0;
    for path in overlay().into_iter().filter(|path| path.ends_with(".ebuild")) {
        let text = fs::read_to_string(repository().join(&path)).expect("text");
        let source = DebianSource::of(&path, &text).unwrap_or_else(|| panic!("{path} does not inherit debian-source"));
        assert!(!text.contains("SRC_URI="), "{path} assigns the eclass's SRC_URI");
        let manifest = repository().join(&path).with_file_name("Manifest");
        let manifest = fs::read_to_string(&manifest).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
        let entries: Vec<Vec<&str>> = manifest.lines().map(|line| line.split(' ').collect()).collect();
        let pinned: BTreeSet<&str> = entries.iter().map(|entry| entry[1]).collect();
        for entry in &entries {
            let ["DIST", name, size, "BLAKE2B", blake2b, "SHA512", sha512] = entry[..] else {
                panic!("{path}: {entry:?}")
            };
            assert!(size.parse::<u64>().is_ok_and(|size| size > 0), "{name}");
            assert_eq!((blake2b.len(), sha512.len()), (128, 128), "{name}");
        }
        let files = source.files();
        let needed: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(pinned, needed, "{path}");
        packages += 1;
    }
    assert!(packages >= 5);
}

/// The files of the overlay, by their paths from the root of the repository.
fn overlay() -> Vec<String> {
    let files = files_below(&repository().join("images/overlay"));
    files.into_iter().map(|path| format!("images/overlay/{}", path.display())).collect()
}

/// The files below a folder, by sorted paths from the folder on.
fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("readable")) {
            let kind = entry.file_type().expect("it exists");
            if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path().strip_prefix(root).expect("below").to_owned());
            }
        }
    }
    files.sort();
    files
}
