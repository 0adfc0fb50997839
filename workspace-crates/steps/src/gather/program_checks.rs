//! Refuses programs that cargo or a build script would refuse after the packages are built.

use std::collections::BTreeSet;

use tierce_builders::workspace::Workspace;
use tierce_manifest::{ImageSpec, ProgramSpec};
use tierce_native::{Behaviour, NativeCrate, crate_named};
use tierce_plan::{Facts, Lock};
use tierce_process::cargo::Compiled;
use tierce_process::cargo_config::ConfigFile;
use tierce_process::cargo_profile;
use tierce_store::{Error, files};

use crate::gather::crates;

/// Features of crates that compile a copy of a library, or load it at run time if there is one.
const OWN_LIBRARY: [&str; 5] = ["vendored", "bundled", "static", "dlopen", "dox"];

/// Checks the toolchain and the profile of a program, without starting cargo.
pub(super) fn check_program(workspace: &Workspace, image: &ImageSpec, program: &ProgramSpec) -> Result<(), Error> {
    let package = workspace.metadata.members.iter().find(|member| member.manifest_path == *program.cargo_toml);
    if let Some(needed) = package.and_then(|package| package.rust_version.as_deref()) {
        let release = &workspace.toolchain.release;
        if is_newer(needed, release) {
            let name = &program.package.name;
            let message = format!("the package `{name}` needs Rust {needed}, and this toolchain is {release}");
            return Err(Error::table(&image.place, message).with_help(NEWER_TOOLCHAIN));
        }
    }
    let Some(profile) = &program.cargo.profile else { return Ok(()) };
    let manifest = files::read_text(workspace.root().join("Cargo.toml").as_std_path())?;
    let texts = workspace.cargo_config.files.iter().map(|file| file.text.as_str()).chain([manifest.as_str()]);
    if cargo_profile::is_defined(&profile.value, texts) {
        return Ok(());
    }
    let message = format!("the workspace has no cargo profile `{}`", profile.value);
    let help = format!("define `[profile.{}]` in the workspace's Cargo.toml", profile.value);
    Err(Error::table(&profile.place, message).with_help(help))
}

const NEWER_TOOLCHAIN: &str = "run `rustup update`, or name a newer toolchain in rust-toolchain.toml";

/// Checks the crates of the programs of these images, which takes a tenth of a second for each: the Rust versions that they need, and the
/// libraries that they link. `is_compiled` says whether a program was compiled from the same sources before.
///
/// # Errors
/// At the table of an image whose program cannot be compiled, and those of `cargo tree`.
pub fn check_crates(
    workspace: &Workspace,
    images: &[&ImageSpec],
    facts: &Facts,
    is_whole: bool,
    is_compiled: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    for image in images.iter().filter(|image| image.program.is_some() && !is_compiled(image.name.as_str())) {
        let crates = crates::compiled(workspace, image)?;
        let too_new = crates.iter().find_map(|one| too_new(workspace, one));
        if let Some(message) = too_new {
            return Err(Error::table(&image.place, message).with_help(NEWER_TOOLCHAIN));
        }
        let Some(available) = available(workspace, image, facts.lock.as_ref(), is_whole) else { continue };
        for one in &crates {
            let Some(entry) = crate_named(&one.name).filter(|entry| lacks(entry, one, &available)) else { continue };
            if is_set_up(entry, &workspace.cargo_config.files) {
                continue;
            }
            let package = entry.packages.first().copied().unwrap_or_default();
            let message = format!("the crate `{}` links a library that the image's packages lack", one.name);
            let help = format!("add `packages = [\"{package}\"]` to the table");
            return Err(Error::table(&image.place, message).with_help(help));
        }
    }
    Ok(())
}

/// Says that a crate needs a newer toolchain.
fn too_new(workspace: &Workspace, one: &Compiled) -> Option<String> {
    let needed = workspace.metadata.rust_versions.get(&format!("{} {}", one.name, one.version))?;
    let release = &workspace.toolchain.release;
    let message =
        format!("the crate `{} {}` needs Rust {needed}, and this toolchain is {release}", one.name, one.version);
    is_newer(needed, release).then_some(message)
}

/// Whether a needed version of Rust is newer than a release. A nightly counts as its release.
fn is_newer(needed: &str, release: &str) -> bool {
    let numbers = |version: &str| -> Vec<u64> {
        let plain = version.split(['-', '+']).next().unwrap_or_default();
        let mut numbers: Vec<u64> = plain.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        numbers.resize(3, 0);
        numbers
    };
    numbers(needed) > numbers(release)
}

/// The packages that a program of an image can link, `category/name`; none if they are not resolved yet.
fn available(
    workspace: &Workspace,
    image: &ImageSpec,
    lock: Option<&Lock>,
    is_whole: bool,
) -> Option<BTreeSet<String>> {
    let images = workspace.spec.with_bases(&[image]);
    let is_empty = images.iter().all(|image| image.emerge.packages.is_empty() && image.emerge.by_key.is_empty());
    // An image without a package has no other one either.
    if is_empty {
        return Some(BTreeSet::new());
    }
    let locked = lock.filter(|_| is_whole)?.images.iter();
    let named = locked.filter(|locked| images.iter().any(|image| image.name.as_str() == locked.name));
    Some(
        named
            .flat_map(|locked| &locked.packages)
            .map(|package| format!("{}/{}", package.category, package.name))
            .collect(),
    )
}

/// Whether a crate links a library that is not available.
fn lacks(entry: &NativeCrate, one: &Compiled, available: &BTreeSet<String>) -> bool {
    let has_own = one.features.iter().any(|feature| OWN_LIBRARY.iter().any(|own| feature.starts_with(own)));
    // Its features choose the libraries.
    let links_nothing = entry.name == "x11" && one.features.is_empty();
    entry.behaviour == Behaviour::Links
        && !has_own
        && !links_nothing
        && !entry.packages.iter().any(|package| available.contains(*package))
}

/// Whether cargo's configuration says something about the library: `OPENSSL_DIR` in `[env]`, or `[target.….openssl]`.
fn is_set_up(entry: &NativeCrate, files: &[ConfigFile]) -> bool {
    let name = entry.name.trim_end_matches("-sys").trim_start_matches("lib").replace('-', "_").to_lowercase();
    files.iter().map(|file| file.text.to_lowercase()).any(|text| text.contains(&name) || text.contains("pkg_config"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        for (needed, release, expected) in [
            ("1.95", "1.95.0", false),
            ("1.95.1", "1.95.0", true),
            ("1.100", "1.95.0", true),
            ("1.97", "1.97.0-nightly", false),
            ("1.9.0", "1.95.0", false),
        ] {
            assert_eq!(is_newer(needed, release), expected, "{needed} {release}");
        }
    }

    #[test]
    fn linking_crates_need_a_package() {
        let lacks = |name: &str, features: &[&str], available: &[&str]| {
            let features = features.iter().map(|feature| (*feature).to_owned()).collect();
            let one = Compiled { name: name.into(), version: "1.0.0".into(), features };
            let available = available.iter().map(|package| (*package).to_owned()).collect();
            crate_named(name).is_some_and(|entry| super::lacks(entry, &one, &available))
        };
        assert!(lacks("openssl-sys", &["default"], &["sys-libs/zlib"]));
        assert!(!lacks("openssl-sys", &["vendored"], &[]));
        assert!(!lacks("openssl-sys", &[], &["dev-libs/openssl"]));
        assert!(!lacks("libudev-sys", &[], &["sys-apps/systemd"]), "any package of its row");
        assert!(!lacks("libz-sys", &[], &[]), "it has its own copy");
        assert!(!lacks("x11", &[], &[]));
    }

    #[test]
    fn own_settings_of_the_user_count() {
        let openssl = crate_named("openssl-sys").expect("listed");
        let is_set = |text: &str| is_set_up(openssl, &[ConfigFile { path: "/c".into(), text: text.into() }]);
        assert!(is_set("[env]\nOPENSSL_DIR = \"/opt/openssl\"\n"));
        assert!(is_set("[target.x86_64-unknown-linux-gnu.openssl]\nrustc-link-lib = [\"ssl\"]\n"));
        assert!(!is_set("[env]\nGREETING = \"hello\"\n"));
    }
}
