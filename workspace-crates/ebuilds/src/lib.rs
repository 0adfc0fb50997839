//! The ebuild repository that a builder of the base `debian` needs, embedded, so that every workspace that depends on this
//! crate has it; and the table of the Gentoo packages for which Debian's own stand in the builder's root.
//!
//! The repository lies in `tree/`, as the [Package Manager Specification] has it. Its Manifests hold the digests of what is
//! downloaded; the ebuilds of the C library and of the compiler's runtime download nothing but take the builder's files.
//!
//! [Package Manager Specification]: https://projects.gentoo.org/pms/8/pms.html

mod provided;

use include_dir::{Dir, include_dir};

pub use provided::{Provided, provided};

static TREE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tree");

/// The repository's name, as its `profiles/repo_name` says it.
pub const NAME: &str = "tierce";

/// The profile that is chosen where a workspace names none: a folder below the repository's `profiles/`.
pub const DEFAULT_PROFILE: &str = "default/linux/amd64";

/// Every file of the repository: its path from the repository's root, with `/` between the parts, and its content. In the
/// order of the paths. None is executable, none is a link.
pub fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let mut files = Vec::new();
    let mut folders = vec![&TREE];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        files.extend(folder.files().filter_map(|file| Some((file.path().to_str()?, file.contents()))));
    }
    files.sort_unstable_by_key(|&(path, _)| path);
    files.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The largest is the libpng-apng project's patch.
    const LARGEST: usize = 64 << 10;

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
        assert_eq!(text(&format!("profiles/{DEFAULT_PROFILE}/eapi")), "8\n");
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
        let mut sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ebuild in ebuilds() {
            let Some(uri) = assigned(ebuild, "SRC_URI") else { continue };
            assert!(uri.starts_with("mirror://debian/pool/main/"), "{ebuild}: {uri}");
            assert!(!uri.contains('$'), "{ebuild}: {uri} has a variable that this test does not know");
            let folder = ebuild.rsplit_once('/').map_or("", |(folder, _)| folder);
            sources.entry(folder.to_owned()).or_default().push(uri.rsplit('/').next().unwrap_or(&uri).to_owned());
        }
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

    #[test]
    fn every_licence_is_there() {
        for ebuild in ebuilds() {
            for word in
                assigned(ebuild, "LICENSE").expect(ebuild).split(' ').filter(|word| !["||", "(", ")"].contains(word))
            {
                assert!(!text(&format!("licenses/{word}")).is_empty(), "{ebuild}");
            }
        }
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
}
