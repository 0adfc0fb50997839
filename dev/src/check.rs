//! `cargo dev check`: everything that needs neither a daemon nor the network.

use crate::run::{Failed, Parts, cargo, run, succeeds};
use crate::times;

/// Members that are not published.
const UNPUBLISHED: [&str; 7] = ["dev", "dev-ebuilds", "e2e", "fetch", "hello", "thumbnailer", "xtask"];

/// Images of this repository that link libraries of the host when cargo compiles them outside of a builder.
const WITH_LIBRARIES: [&str; 2] = ["fetch", "thumbnailer"];

/// The libraries of these images, as pkg-config names them.
const LIBRARIES: [&str; 5] = ["libexif", "libpng", "libturbojpeg", "openssl", "sqlite3"];

fn all_parts(parts: &mut Parts) -> Result<(), Failed> {
    let has_libraries = succeeds("pkg-config", &[&["--exists"][..], &LIBRARIES].concat());
    let without = match has_libraries {
        true => Vec::new(),
        false => {
            eprintln!("skipped {}: `cargo dev setup` installs their libraries", WITH_LIBRARIES.join(" and "));
            WITH_LIBRARIES.iter().flat_map(|name| ["--exclude", name]).collect()
        }
    };
    parts.part("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    parts.part("lints", || {
        let lints = ["--quiet", "--", "-D", "warnings"];
        run(&mut cargo(&[&["clippy", "--workspace", "--all-targets"][..], &without, &lints].concat()))
    })?;
    parts.part("documentation", || {
        let what = ["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"];
        run(cargo(&[&what[..], &without].concat()).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    // They include the tests of the architecture.
    parts.part("tests", || times::test(&["test", "--no-fail-fast"]))?;
    if has_libraries {
        parts
            .part("tests of images", || times::test(&["test", "--no-fail-fast", "-p", "fetch", "-p", "thumbnailer"]))?;
    }
    // Packages each crate with the files of its include list, and does not compile them again: that takes ten minutes.
    parts.part("packages", || {
        let what = ["package", "--workspace", "--no-verify", "--offline", "--allow-dirty", "--quiet"];
        let without = UNPUBLISHED.iter().flat_map(|name| ["--exclude", name]).collect::<Vec<_>>();
        run(&mut cargo(&[&what[..], &without].concat()))
    })
}

/// Runs all parts up to the first that fails, and prints their times.
pub(crate) fn check() -> Result<(), Failed> {
    let mut parts = Parts::default();
    let result = all_parts(&mut parts);
    parts.print();
    result
}
