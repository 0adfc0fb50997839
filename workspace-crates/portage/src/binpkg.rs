//! Keys of binary packages: a cached package with the same key replaces a build.
//!
//! | input of the key | as |
//! |---|---|
//! | the builder, with its compiler and Debian packages | its digest |
//! | the package: category, name, version, slot, sub-slot, repository | text |
//! | its ebuild, the files beside it, the eclasses | SHA-256 each |
//! | its USE flags and the enabled ones | text |
//! | its sources | name and Manifest digests |
//! | each direct dependency | category, name, slot, sub-slot and the enabled USE flags |
//! | its make.conf, package.env and patches | [`PortageConfig::build_key_text`] |
//! | the build settings of the profile and its parents | their digest |
//!
//! | not an input | because |
//! |---|---|
//! | addresses of sources, licence, description | they change no byte of the build |
//! | versions of dependencies | a dependent is rebuilt when the sub-slot changes |
//! | indirect dependencies | the interface of a dependency is its own slot and flags |
//! | `USE`, keywords, masks, licences of the configuration | the resolution has their effect |
//! | jobs, mirrors, folders | they change no byte of the build |
//!
//! So another USE flag rebuilds the package and its direct dependents, and no other package.

use std::fmt::Write as _;

use crate::config::PortageConfig;
use crate::digest::sha256;
use crate::package_name::Cpv;
use crate::resolution::ResolvedPackage;

/// The version of this table; increase it when the inputs change.
const FORMAT: u32 = 2;

/// The key of the binary package of `package`: 64 hexadecimal digits. `packages` is the whole resolution, `builder` the
/// digest of the builder, `profile` that of the profile's build settings.
pub fn binpkg_key(
    package: &ResolvedPackage,
    packages: &[ResolvedPackage],
    config: &PortageConfig,
    builder: &str,
    profile: &str,
) -> String {
    let mut text = format!("binary package {FORMAT}\nbuilder {builder:?}\nprofile {profile:?}\n");
    let _ = writeln!(text, "package {}:{}/{}::{}", package.cpv(), package.slot, package.subslot, package.repository);
    let _ = writeln!(text, "use {}\niuse {}", sorted(&package.uses), sorted(&package.iuse));
    let _ = writeln!(text, "ebuild {}", package.ebuild);
    for (path, digest) in &package.files {
        let _ = writeln!(text, "file {digest} {path}");
    }
    for (name, digest) in &package.eclasses {
        let _ = writeln!(text, "eclass {digest} {name}");
    }
    let mut sources: Vec<String> = package
        .sources
        .iter()
        .map(|source| {
            let digest = source.blake2b.as_ref().or(source.sha512.as_ref());
            format!("source {} {}", digest.map_or("", |digest| digest.as_str()), source.name)
        })
        .collect();
    sources.sort();
    let mut needs: Vec<String> = package.needs.iter().map(|need| interface(need, packages)).collect();
    needs.sort();
    needs.dedup();
    for line in sources.iter().chain(&needs) {
        let _ = writeln!(text, "{line}");
    }
    text.push_str(&config.build_key_text(package));
    sha256(text.as_bytes()).to_string()
}

/// The interface of a dependency, on which its dependents are built.
fn interface(need: &Cpv, packages: &[ResolvedPackage]) -> String {
    match packages.iter().find(|package| package.cpv() == *need) {
        Some(package) => {
            format!("needs {}:{}/{}[{}]", package.package(), package.slot, package.subslot, sorted(&package.uses))
        }
        // A checked resolution has the dependency; an edited lock without it gets a key of its own.
        None => format!("needs {need}"),
    }
}

fn sorted<T: AsRef<str>>(names: &[T]) -> String {
    let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Machine, Repository};
    use crate::resolution::SourceFile;

    fn config() -> PortageConfig {
        let tierce = Repository::mounted("tierce".parse().unwrap());
        PortageConfig {
            use_flags: vec![],
            package_use: [].into(),
            package_keywords: [].into(),
            package_mask: vec![],
            package_unmask: vec![],
            package_env: [].into(),
            package_license: [].into(),
            patches: [].into(),
            make_conf: [].into(),
            profile: tierce.profile(&"default/linux/amd64".parse().unwrap()),
            repositories: vec![tierce],
            machine: Machine { jobs: 2.try_into().unwrap() },
        }
    }

    fn package(name: &str, version: &str, needs: &[&str]) -> ResolvedPackage {
        ResolvedPackage {
            category: "a".parse().unwrap(),
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            slot: "0".parse().unwrap(),
            subslot: "1".parse().unwrap(),
            repository: "tierce".parse().unwrap(),
            uses: vec![],
            iuse: vec!["x".parse().unwrap()],
            license: "MIT".to_owned(),
            description: String::new(),
            homepage: String::new(),
            ebuild: "e".repeat(64).parse().unwrap(),
            builder: true,
            root: true,
            by_use: [].into(),
            needs: needs.iter().map(|need| need.parse().unwrap()).collect(),
            files: [].into(),
            eclasses: [].into(),
            sources: vec![SourceFile {
                name: "x.tar.gz".parse().unwrap(),
                size: 1,
                blake2b: Some("b".repeat(128).parse().unwrap()),
                sha512: None,
                uris: vec!["https://example.org/x.tar.gz".parse().unwrap()],
            }],
        }
    }

    /// zlib, libpng on zlib, app on libpng.
    struct Case {
        packages: Vec<ResolvedPackage>,
        config: PortageConfig,
        builder: &'static str,
        profile: &'static str,
    }

    impl Case {
        fn keys(&self) -> Vec<String> {
            let key = |package| binpkg_key(package, &self.packages, &self.config, self.builder, self.profile);
            self.packages.iter().map(key).collect()
        }
    }

    #[test]
    fn inputs_change_their_keys() {
        type Change = fn(&mut Case);
        // Whether the keys of zlib, libpng and app change.
        let cases: [(&str, Change, [bool; 3]); 24] = [
            ("nothing", |_| {}, [false, false, false]),
            ("builder", |case| case.builder = "other", [true, true, true]),
            ("profile", |case| case.profile = "other", [true, true, true]),
            ("USE of zlib", |case| case.packages[0].uses.push("x".parse().unwrap()), [true, true, false]),
            ("sub-slot of zlib", |case| case.packages[0].subslot = "2".parse().unwrap(), [true, true, false]),
            ("slot of zlib", |case| case.packages[0].slot = "2".parse().unwrap(), [true, true, false]),
            (
                "version of zlib",
                |case| {
                    case.packages[0].version = "1.4".parse().unwrap();
                    case.packages[1].needs = vec!["a/zlib-1.4".parse().unwrap()];
                },
                [true, false, false],
            ),
            ("IUSE of zlib", |case| case.packages[0].iuse.clear(), [true, false, false]),
            (
                "ebuild of libpng",
                |case| case.packages[1].ebuild = "f".repeat(64).parse().unwrap(),
                [false, true, false],
            ),
            (
                "file of libpng",
                |case| drop(case.packages[1].files.insert("files/x".parse().unwrap(), "f".repeat(64).parse().unwrap())),
                [false, true, false],
            ),
            (
                "eclass of libpng",
                |case| drop(case.packages[1].eclasses.insert("x".parse().unwrap(), "f".repeat(64).parse().unwrap())),
                [false, true, false],
            ),
            (
                "source of libpng",
                |case| case.packages[1].sources[0].blake2b = Some("c".repeat(128).parse().unwrap()),
                [false, true, false],
            ),
            ("addresses of sources", |case| case.packages[1].sources[0].uris.clear(), [false, false, false]),
            ("licence", |case| case.packages[1].license = "BSD".to_owned(), [false, false, false]),
            ("repository", |case| case.packages[1].repository = "other".parse().unwrap(), [false, true, false]),
            ("ROOT only", |case| case.packages[1].builder = false, [false, false, false]),
            ("dependency gone", |case| case.packages[2].needs.clear(), [false, false, true]),
            (
                "CFLAGS",
                |case| drop(case.config.make_conf.insert("CFLAGS".parse().unwrap(), "-O3".parse().unwrap())),
                [true, true, true],
            ),
            (
                "MAKEOPTS",
                |case| drop(case.config.make_conf.insert("MAKEOPTS".parse().unwrap(), "-j1".parse().unwrap())),
                [false, false, false],
            ),
            ("jobs", |case| case.config.machine.jobs = 64.try_into().unwrap(), [false, false, false]),
            (
                "USE of the configuration",
                |case| case.config.use_flags = vec!["y".parse().unwrap()],
                [false, false, false],
            ),
            (
                "keywords",
                |case| drop(case.config.package_keywords.insert("a/zlib".parse().unwrap(), vec![])),
                [false, false, false],
            ),
            (
                "package.env of libpng",
                |case| {
                    let variables = [("CFLAGS".parse().unwrap(), "-O3".parse().unwrap())].into();
                    case.config.package_env.insert(">=a/libpng-1".parse().unwrap(), variables);
                },
                [false, true, false],
            ),
            (
                "patch of libpng",
                |case| {
                    let patch = crate::config::Patch { name: "x.patch".parse().unwrap(), content: vec![1] };
                    case.config.patches.insert("a/libpng".parse().unwrap(), vec![patch]);
                },
                [false, true, false],
            ),
        ];
        let case = || Case {
            packages: vec![
                package("zlib", "1.3", &[]),
                package("libpng", "1.6", &["a/zlib-1.3"]),
                package("app", "1", &["a/libpng-1.6"]),
            ],
            config: config(),
            builder: "sha256:b",
            profile: "sha256:p",
        };
        let before = case().keys();
        for (name, change, expected) in cases {
            let mut changed = case();
            change(&mut changed);
            let changes: Vec<bool> =
                changed.keys().iter().zip(&before).map(|(after, before)| after != before).collect();
            assert_eq!(changes, expected, "{name}");
        }
    }
}
