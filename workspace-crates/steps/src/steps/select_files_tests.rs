//! Tests the files and bytes that presets leave out of an image of packages.

use std::io::{Cursor, Read};

use tierce_manifest::{CargoToml, Include, PRESETS, WorkspaceText};
use tierce_plan::PackedImage;
use tierce_report::{Contents, LeftOut, Sizes, StageName, stages};
use tierce_rootfs::{LdCache, Limits, Loader, RuntimeDepChoices};

use super::*;

/// Returns an image of packages with these additional keys.
fn image(keys: &str) -> ImageSpec {
    let text = format!("[workspace]\n[workspace.metadata.images.web]\ncmd = [\"/x\"]\n{keys}\n");
    let root = CargoToml { path: "Cargo.toml".into(), text: text.into() };
    tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("a valid table").images.remove(0)
}

/// Returns a path that the glob of a preset leaves out.
fn example(glob: &str) -> String {
    let path = glob.replace("**", "x/y").replace('*', "64");
    match glob.contains(".a") || glob.contains(".la") || glob.ends_with("-config") {
        true => path,
        false => format!("{path}/some/file"),
    }
}

/// Returns a root filesystem with files of these sizes.
fn root(files: &[(String, usize)]) -> Index {
    let mut archive = tar::Builder::new(Vec::new());
    let mut folders = BTreeSet::new();
    let mut add = |path: &str, kind: tar::EntryType, size: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size as u64);
        archive.append_data(&mut header, path, io::repeat(b'x').take(size as u64)).expect("memory");
    };
    for (path, size) in files {
        for above in tierce_rootfs::path::parents(path).filter(|above| *above != "/") {
            if folders.insert(above.to_owned()) {
                add(above.trim_start_matches('/'), tar::EntryType::Directory, 0);
            }
        }
        add(path.trim_start_matches('/'), tar::EntryType::Regular, *size);
    }
    let mut archive = Cursor::new(archive.into_inner().expect("memory"));
    Index::of_archive(&mut archive, "/", Limits { entries: 1000, bytes: 1 << 20 }).expect("an archive")
}

/// Returns the presets' totals for these keys, and the files that remain.
fn left_out(keys: &str, files: &[(String, usize)]) -> (Vec<LeftOut>, Vec<String>) {
    let (spec, index) = (image(keys), root(files));
    let loader = Loader::of_diagnostics("path.system_dirs[0x0]=\"/lib/\"\ndso.lib=\"lib64\"\n", LdCache::default());
    let globs = globs(&spec.content).expect("globs");
    let chosen =
        packages(&index, &[], &BTreeMap::new(), &loader.expect("a loader"), &globs, &RuntimeDepChoices::default());
    let chosen = chosen.expect("nothing needs anything");
    let selected = index.select(chosen.iter().map(|(path, _)| path)).expect("paths of ROOT");
    let stay = selected.files().map(|(path, _)| path.to_owned()).collect();
    let packed = PackedImage::default();
    let contents = Contents::new(&selected, chosen, &BTreeMap::new(), &[], None, &packed);
    (contents.left_out(), stay)
}

#[test]
fn each_preset_reports_bytes_it_saves() {
    // Each preset gets one file for each of its globs; the files of one preset have the same size.
    let mut files = vec![("/usr/bin/web".to_owned(), 3)];
    let mut saves: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (at, preset) in PRESETS.iter().enumerate() {
        for glob in preset.globs {
            let size = 1 << at;
            files.push((example(glob), size));
            let sum = saves.entry(preset.name).or_default();
            *sum = (sum.0 + 1, sum.1 + size as u64);
        }
    }
    assert_eq!(saves.len(), PRESETS.len());
    let sums = |left: &[LeftOut]| -> BTreeMap<String, (u64, u64)> {
        left.iter().map(|left| (left.name.clone(), (left.files, left.bytes))).collect()
    };
    let expected = |without: &str| -> BTreeMap<String, (u64, u64)> {
        let kept = saves.iter().filter(|(name, _)| **name != without);
        kept.map(|(name, size)| ((*name).to_owned(), *size)).collect()
    };
    let (left, stay) = left_out("", &files);
    assert_eq!((sums(&left), stay), (expected(""), vec!["/usr/bin/web".to_owned()]));
    assert!(left.is_sorted_by_key(|left| std::cmp::Reverse(left.bytes)), "{left:?}");

    // The presets together account for the difference between ROOT and their stage.
    let bytes = files.iter().map(|(_, size)| *size as u64).sum();
    let sizes = Sizes { builder: None, root: bytes, unmerged: None, closure: 3, image: 3 };
    let stages = stages(Include::Packages, &sizes, &left);
    let after = stages.iter().find(|stage| stage.stage == StageName::Presets).map(|stage| stage.bytes);
    assert_eq!(after, Some(3));

    // `keep` with a preset's name restores the files of that preset only.
    for preset in PRESETS {
        let (left, stay) = left_out(&format!("keep = [\"{}\"]", preset.name), &files);
        assert_eq!(sums(&left), expected(preset.name), "{}", preset.name);
        assert_eq!(stay.len(), 1 + preset.globs.len(), "{}: {stay:?}", preset.name);
    }
}
