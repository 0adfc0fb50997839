//! Tests of the embedded repository.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// The limit for a file, in bytes.
const LARGEST: usize = 16 << 10;

fn text(path: &str) -> &'static str {
    let (_, content) = files().find(|&(found, _)| found == path).unwrap_or_else(|| panic!("no file {path}"));
    std::str::from_utf8(content).expect("checked by every_file_is_text_and_small")
}

fn ebuilds() -> impl Iterator<Item = &'static str> {
    files().map(|(path, _)| path).filter(|path| path.ends_with(".ebuild"))
}

/// The value of a variable that an ebuild assigns on one line, with the variables that our SRC_URIs use replaced.
fn assigned(ebuild: &str, variable: &str) -> Option<String> {
    let line = text(ebuild).lines().find_map(|line| line.strip_prefix(&format!("{variable}=\"")))?;
    let name = ebuild.split('/').nth(1)?;
    let version = ebuild.rsplit('/').next()?.strip_suffix(".ebuild")?.strip_prefix(name)?.strip_prefix('-')?;
    Some(line.split('"').next()?.replace("${PN}", name).replace("${PV}", version))
}

#[test]
fn paths_are_sorted_relative_and_unique() {
    let paths: Vec<_> = files().map(|(path, _)| path).collect();
    assert!(paths.is_sorted_by(|a, b| a < b));
    assert!(paths.iter().all(|path| !path.starts_with('/') && !path.split('/').any(|part| part == "..")));
}

#[test]
fn every_file_is_text_and_small() {
    for (path, content) in files() {
        assert!(std::str::from_utf8(content).is_ok(), "{path} is not UTF-8");
        assert!(content.len() <= LARGEST, "{path} has {} bytes", content.len());
        assert!(content.ends_with(b"\n"), "{path} does not end with a newline");
    }
}

#[test]
fn repository_is_named_and_has_the_default_profile() {
    assert_eq!(text("profiles/repo_name"), format!("{NAME}\n"));
    for codename in ["trixie", "bookworm"] {
        let profile = default_profile(codename);
        assert_eq!(text(&format!("profiles/{profile}/eapi")), "8\n");
        assert!(text("profiles/profiles.desc").contains(&format!("\t{profile}\t")), "{profile}");
    }
}

#[test]
fn every_category_of_an_ebuild_is_declared() {
    let declared: Vec<_> = text("profiles/categories").lines().collect();
    for ebuild in ebuilds() {
        assert!(declared.iter().any(|category| ebuild.starts_with(&format!("{category}/"))), "{ebuild}");
    }
}

#[test]
fn every_source_has_its_manifest_entry() {
    let mut sources: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ebuild in ebuilds() {
        let folder = ebuild.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let names = sources.entry(folder).or_default();
        match (DebianSource::of(ebuild, text(ebuild)), assigned(ebuild, "SRC_URI")) {
            (Some(source), None) => names.extend(source.files().into_iter().map(|file| file.name)),
            (None, Some(uri)) => {
                assert!(uri.starts_with("mirror://debian/pool/main/"), "{ebuild}: {uri}");
                assert!(!uri.contains('$'), "{ebuild}: {uri} has a variable that this test does not know");
                names.insert(uri.rsplit('/').next().unwrap_or(&uri).to_owned());
            }
            (None, None) => {}
            (Some(_), Some(uri)) => panic!("{ebuild} inherits debian-source and assigns SRC_URI={uri}"),
        }
    }
    sources.retain(|_, names| !names.is_empty());
    assert!(sources.len() >= 19);
    for (folder, names) in sources {
        let manifest: Vec<Vec<_>> =
            text(&format!("{folder}/Manifest")).lines().map(|line| line.split(' ').collect()).collect();
        for name in &names {
            let entry = manifest.iter().find(|entry| entry.get(1) == Some(&name.as_str()));
            let [kind, _, size, "BLAKE2B", blake2b, "SHA512", sha512] = entry.expect(name)[..] else {
                panic!("{folder}/Manifest: the entry of {name} has other fields")
            };
            assert_eq!((kind, blake2b.len(), sha512.len()), ("DIST", 128, 128), "{name}");
            assert!(size.parse::<u64>().is_ok_and(|size| size > 0), "{name}");
        }
        assert_eq!(manifest.len(), names.len(), "{folder}/Manifest has entries that nothing uses");
    }
}

/// Debian's patches come with Debian's source packages. A patch in the repository is Tierce's own, and is listed here.
#[test]
fn only_own_patches_are_in_the_repository() {
    const OWN: [&str; 1] = ["app-misc/pax-utils/files/1.3.8/10-lddtree-other-root.patch"];
    let is_patch = |path: &str, content: &[u8]| {
        let ends = [".patch", ".diff", ".dpatch"].iter().any(|end| path.ends_with(end));
        ends || content.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"@@ -"))
    };
    let found: Vec<&str> = files().filter(|(path, content)| is_patch(path, content)).map(|(path, _)| path).collect();
    assert_eq!(found, OWN);
    for (path, _) in files().filter(|(path, _)| path.ends_with(".ebuild")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let applies = text(path).contains("PATCHES=") || text(path).contains("eapply ");
        assert_eq!(applies, OWN.iter().any(|own| own.starts_with(&format!("{folder}/"))), "{path}");
    }
}

#[test]
fn every_package_has_metadata_a_stable_keyword_and_a_slot() {
    for ebuild in ebuilds() {
        let folder = ebuild.rsplit_once('/').map_or("", |(folder, _)| folder);
        let metadata = text(&format!("{folder}/metadata.xml"));
        assert!(metadata.contains("<pkgmetadata>") && metadata.ends_with("</pkgmetadata>\n"), "{ebuild}");
        assert!(text(ebuild).starts_with("EAPI=8\n"), "{ebuild}");
        assert_eq!(assigned(ebuild, "KEYWORDS").as_deref(), Some("amd64"), "{ebuild}");
        for variable in ["DESCRIPTION", "HOMEPAGE", "SLOT"] {
            assert!(assigned(ebuild, variable).is_some_and(|value| !value.is_empty()), "{ebuild}: {variable}");
        }
    }
}

#[test]
fn every_described_flag_is_one() {
    for ebuild in ebuilds() {
        let folder = ebuild.rsplit_once('/').map_or("", |(folder, _)| folder);
        let flags = assigned(ebuild, "IUSE").unwrap_or_default();
        for described in text(&format!("{folder}/metadata.xml")).split("<flag name=\"").skip(1) {
            let name = described.split('"').next().unwrap_or_default();
            assert!(flags.split_whitespace().any(|flag| flag.trim_start_matches('+') == name), "{folder}: {name}");
        }
    }
}

/// Portage needs the names of licences, and no text.
#[test]
fn every_licence_is_named() {
    for ebuild in ebuilds() {
        assert!(assigned(ebuild, "LICENSE").is_some_and(|licence| !licence.is_empty()), "{ebuild}");
    }
    assert!(files().all(|(path, _)| !path.starts_with("licenses/")));
}

#[test]
fn every_flag_is_described() {
    for ebuild in ebuilds() {
        let folder = ebuild.rsplit_once('/').map_or("", |(folder, _)| folder);
        let metadata = text(&format!("{folder}/metadata.xml"));
        for flag in assigned(ebuild, "IUSE").unwrap_or_default().split_whitespace() {
            let flag = flag.trim_start_matches('+');
            let described = metadata.contains(&format!("<flag name=\"{flag}\">"))
                || text("profiles/use.desc").lines().any(|line| line.starts_with(&format!("{flag} - ")));
            assert!(described, "{ebuild}: {flag}");
        }
    }
}
