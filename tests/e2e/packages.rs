//! Portage's builds: /etc/portage from the tables, repositories with masters, profiles, and binary packages that are kept.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Ran, Workspace, tool};

/// The fixture `packages`, whose ebuilds no cache has seen: all of them inherit an eclass with this text in it.
fn workspace(unique: &str) -> Workspace {
    let workspace = Workspace::fixture("packages");
    let path = workspace.root().join("first/eclass/words.eclass");
    let text = fs::read_to_string(&path).expect("of the fixture");
    fs::write(&path, format!("{text}\n# {unique}\n")).expect("writable");
    workspace
}

fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    format!("{} {}", now.as_nanos(), std::process::id())
}

#[track_caller]
fn output(image: &str) -> String {
    tool("docker", ["run", "--rm", "--network", "none", image]).ok().stdout
}

/// The packages with the eclass that a run compiled.
fn emerged(ran: &Ran) -> Vec<&str> {
    let lines = ran.stderr.lines().filter_map(|line| line.trim_start().strip_prefix("Built "));
    let mut packages: Vec<&str> = lines.filter_map(|line| line.split(' ').next()).collect();
    packages.retain(|package| package.starts_with("app-misc/"));
    packages.sort_unstable();
    packages
}

#[test]
fn portage_uses_the_tables() {
    let unique = unique();
    let first = workspace(&unique);
    let ran = first.xtask(&["image"]).ok();
    assert_eq!(ran.stdout, "packages-loud:latest\npackages-odd:latest\npackages-quiet:latest\n");

    // Each image has its own USE flags; the generator of code is in the builder and not in the image.
    insta::assert_snapshot!(output("packages-quiet"), @"
    by the generator
    first
    version 1
    the profile's words
    ");
    insta::assert_snapshot!(output("packages-loud"), @"
    without a generator
    first
    version 1
    the profile's words
    LOUD
    ");
    // Of another version: that keyword is accepted, a later one masked, this one unmasked; patched, with a flag that is on for
    // every package and a variable of its own.
    insta::assert_snapshot!(output("packages-odd"), @"
    without a generator
    first
    second, by a patch
    third, by another on top of it
    version 2
    the profile's words
    LOUD
    from package.env
    ");
    // Each package once: with a flag and without it, and of the other version.
    let expected = ["app-misc/words-1", "app-misc/words-1", "app-misc/words-2"];
    assert_eq!(emerged(&ran), expected, "{}", ran.stderr);

    // Another workspace, where nothing of the first one's target folder helps: every binary package is there.
    let second = workspace(&unique);
    let ran = second.xtask(&["image"]).ok();
    assert_eq!(emerged(&ran), Vec::<&str>::new(), "{}", ran.stderr);
    assert!(output("packages-loud").contains("LOUD"));
    assert!(!output("packages-quiet").contains("LOUD"));

    // The profile's settings affect the packages, though no ebuild has changed.
    second.write("first/profiles/words/make.defaults", "WORDS_PROFILE=\"other words\"\n");
    second.xtask(&["image", "packages-loud"]).ok();
    assert!(output("packages-loud").contains("other words"));
}

#[test]
fn library_code_change_skips_compilation() {
    let workspace = Workspace::with_package("relinked", "packages = [\"sys-libs/zlib\"]", "").file(
        "relinked/src/main.rs",
        r#"
            #[link(name = "z")]
            unsafe extern "C" { fn zlibCompileFlags() -> std::ffi::c_ulong; }
            fn main() { println!("{}", unsafe { zlibCompileFlags() } & 0xff); }
        "#,
    );
    let table = |lines: &str| {
        let head =
            "[package]\nname = \"relinked\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n[package.metadata.image]\n";
        workspace.write("relinked/Cargo.toml", &format!("{head}packages = [\"sys-libs/zlib\"]\n{lines}"));
        let ran = workspace.xtask(&["image", "--explain"]).ok();
        let compiled = ran.stderr.contains("Compiling relinked");
        assert!(ran.stderr.contains("Dirty compile relinked"), "{}", ran.stderr);
        (compiled, tool("docker", ["image", "inspect", "-f", "{{.Id}}", "relinked:latest"]).ok().stdout)
    };
    let (compiled, first) = table("");
    assert!(compiled);
    let (compiled, second) = table("package-env = { \"sys-libs/zlib\" = { CFLAGS = \"-O1 -pipe\" } }");
    assert!(!compiled, "the program is linked against the same symbols");
    assert_ne!(first, second, "what ships is the new library");
    let (compiled, third) = table("package-use = { \"sys-libs/zlib\" = [\"static-libs\"] }");
    assert!(compiled, "a library to link statically is another thing to link against");
    assert_eq!(output("relinked").trim(), "169");
    assert_ne!(second, third);
}
