//! Repositories of users: the example of `new builder`, and the Manifests that `manifest` writes.

use std::fs;

use crate::ebuilds::{Mirror, nothing_is_left, with_repository};
use crate::support::{Workspace, cache};

/// Where the images of these tests go: not into the daemon, whose names all tests share.
const IMAGE: [&str; 3] = ["image", "--layout", "layout"];

const FILE: &str = "fetched-1.txt";

/// Adds an ebuild with one source, and no Manifest.
fn with_source(url: &str, restrict: &str) -> Workspace {
    let rest = format!(
        "KEYWORDS=\"amd64\"\nRESTRICT=\"{restrict}\"\nSRC_URI=\"extra? ( {url} )\"\nIUSE=\"+extra\"\n\n\
         src_install() {{\n\tinsinto /usr/share/fetched\n\tdoins \"${{DISTDIR}}/{FILE}\"\n}}\n"
    );
    with_repository("packages = [\"media-libs/fetched\"]").ebuild("fetched", &rest)
}

#[test]
fn example_of_new_repository_builds() {
    let workspace =
        Workspace::with_package("app", "packages = [\"dev-libs/libyaml\"]\nallow-missing = [\"dev-libs/libyaml\"]", "");
    let made = workspace.xtask(&["new", "builder", "--repository", "overlay"]).ok();
    assert!(made.stderr.contains("Created "), "{}", made.stderr);
    // The embedded digests are those of the source, so nothing is left to write.
    let ran = workspace.xtask(&["manifest", "overlay"]).ok();
    assert!(ran.stderr.contains("every source has its entry"), "{}", ran.stderr);
    let ran = workspace.xtask(&IMAGE).ok();
    assert!(ran.line().starts_with("oci:"), "{}", ran.stdout);
    let again = workspace.xtask(&["new", "builder", "--repository", "overlay"]).ok();
    assert!(!again.stderr.contains("Created"), "{}", again.stderr);
    nothing_is_left(&ran, &workspace);
}

#[test]
fn manifest_gets_missing_entries() {
    let mirror = Mirror::start(200, "what it should be");
    let workspace = with_source(&mirror.url(FILE), "mirror");
    let _ = fs::remove_file(cache().join("distfiles").join(FILE));
    insta::assert_snapshot!(workspace.xtask(&IMAGE).fails_with(4).error(workspace.root()), @r#"
    error: the Manifest of `media-libs/fetched` has no entry for `fetched-1.txt`
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/fetched"]
      |             ^^^^^^^^^^^^^^^^^^^^
      |
      = help: run `cargo xtask manifest mine`: it downloads the source and writes its digests
    "#);

    let ran = workspace.xtask(&["manifest", "mine"]).ok();
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("overlay/media-libs/fetched/Manifest: fetched-1.txt\n"), "{}", ran.stderr);
    nothing_is_left(&ran, &workspace);
    let first = workspace.read("overlay/media-libs/fetched/Manifest");
    assert_eq!(
        first,
        "DIST fetched-1.txt 17 BLAKE2B 5f0b05855d07943ea8b30a7cb980c6546181b5940f04793036b5b89035dd6355627891b5db07f46863443e5606ea30b657d70ec92c80c2cd2c6718f8b2f716a2 SHA512 9283dd2d2af0ce1be8ebb8d5dee37da1d7a5e4fa96a187785f0891a0c13f02474c0335e92bed60d79feb34b62a0aeb6c676de47d29384ebeb3125436347df4ce\n"
    );

    // An entry stays, whatever the mirror has now, until --force.
    mirror.answers(200, "something else");
    let again = workspace.xtask(&["manifest", "mine", "media-libs/fetched"]).ok();
    assert!(again.stderr.contains("every source has its entry"), "{}", again.stderr);
    workspace.xtask(&["manifest", "mine", "--force"]).ok();
    assert!(workspace.read("overlay/media-libs/fetched/Manifest").starts_with("DIST fetched-1.txt 14 BLAKE2B "));
    // The downloaded file is in the cache, so the build needs no mirror.
    drop(mirror);
    workspace.xtask(&IMAGE).ok();

    // An entry of a source that no ebuild names is removed.
    workspace.file_again("overlay/media-libs/fetched/fetched-1.ebuild", "SRC_URI=", "NO_URI=");
    workspace.xtask(&["manifest", "mine"]).ok();
    assert!(!workspace.root().join("overlay/media-libs/fetched/Manifest").exists());
}

#[test]
fn manifest_errors_say_what_to_do() {
    let workspace = with_source("https://example.invalid/fetched-1.txt", "fetch");
    let _ = fs::remove_file(cache().join("distfiles").join(FILE));
    let error = |arguments: &[&str], code| {
        let error = workspace.xtask(arguments).fails_with(code).error(workspace.root());
        error.replace(&cache().display().to_string(), "[CACHE]")
    };
    insta::assert_snapshot!(error(&["manifest", "mine"], 5), @"
    error: `fetched-1.txt` must be downloaded by hand; see https://example.invalid/fetched-1.txt
     |
     = help: put it at [CACHE]/distfiles/fetched-1.txt
    ");
    for (arguments, code, expected) in [
        (
            &["manifest", "mien"][..],
            3,
            "error: `repositories` has no repository `mien`\n |\n = help: name one of `mine`",
        ),
        (&["manifest", "mine", "fetched"], 3, "error: `fetched` is not a package: the category is missing\n"),
        (&["manifest", "mine", "media-libs/fetcht"], 4, "error: `mine` has no ebuild of `media-libs/fetcht`\n"),
    ] {
        let error = error(arguments, code);
        assert!(error.starts_with(expected), "{error}");
    }
}
