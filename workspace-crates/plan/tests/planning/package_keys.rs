//! The keys of packages whose builds run code of the workspace, or need a package whose build does.

use tierce_manifest::WorkspaceSpec;
use tierce_plan::{Action, Facts, Sink};

use crate::{package, planned, spec, with_resolution};

/// The keys of the packages of the image `app`, and which of them are foreign.
fn package_keys(facts: &Facts, spec: &WorkspaceSpec) -> Vec<(String, String, bool)> {
    let packages = planned(spec, facts, &Sink::Daemon).steps.into_iter().find_map(|step| match step.action {
        Action::BuildPackages { packages, .. } => Some(packages),
        _ => None,
    });
    packages.expect("a whole plan").into_iter().map(|package| (package.package, package.key, package.foreign)).collect()
}

#[test]
fn key_has_the_code_that_ran_beside() {
    let spec = spec("packages = [\"media-libs/gd\"]", "");
    let of = |zlib: &str, ebuild: &str| {
        let mut packages =
            vec![package("zlib", &[], &[]), package("png", &["media-libs/zlib-1.0"], &[]), package("other", &[], &[])];
        packages[0].repository = zlib.parse().expect("a name");
        packages[0].ebuild = ebuild.repeat(32).parse().expect("a digest");
        packages.push(package("gd", &["media-libs/png-1.0"], &[]));
        package_keys(&with_resolution(&spec, packages), &spec)
    };
    let changed = |one: &[(String, String, bool)], other: &[(String, String, bool)]| -> Vec<bool> {
        one.iter().zip(other).map(|(one, other)| one.1 != other.1).collect()
    };
    let own = of("tierce", "ab");
    assert!(own.iter().all(|(_, _, foreign)| !foreign));
    // zlib, png, other, gd
    assert_eq!(changed(&own, &of("tierce", "cd")), [true, false, false, false], "of the same interface");
    let mine = of("mine", "ab");
    assert_eq!(mine.iter().map(|(_, _, foreign)| *foreign).collect::<Vec<_>>(), [true, true, false, true]);
    assert_eq!(changed(&mine, &of("mine", "cd")), [true, true, false, true], "its code runs beside its dependents");
    assert_eq!(changed(&own, &mine), [true, true, false, true]);
}

#[test]
fn tables_make_a_package_foreign() {
    let keys = "package-env = { \"media-libs/zlib\" = { CFLAGS = \"-O3\" } }";
    let spec = spec(&format!("packages = [\"media-libs/png\"]\n{keys}"), "");
    let packages = vec![package("zlib", &[], &[]), package("png", &["media-libs/zlib-1.0"], &[])];
    let keys = package_keys(&with_resolution(&spec, packages), &spec);
    assert!(keys.iter().all(|(_, _, foreign)| *foreign), "{keys:?}");
}
