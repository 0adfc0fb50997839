//! Packages that cannot be had: each failure is shown at the line of the atom, and leaves nothing half-made.

use std::fs;
use std::net::TcpListener;

use crate::ebuilds::{Mirror, nothing_is_left, with_repository};
use crate::support::{Ran, Workspace, cache};

/// Where the images of these tests go: not into the daemon, whose names all tests share.
const IMAGE: [&str; 3] = ["image", "--layout", "layout"];

/// Builds, fails with this code, leaves nothing, and says this.
#[track_caller]
fn failure(workspace: &Workspace, code: i32) -> String {
    let ran = workspace.xtask(&IMAGE).fails_with(code);
    assert_eq!(ran.stdout, "");
    assert!(!workspace.root().join("layout").exists(), "an image in spite of the failure");
    nothing_is_left(&ran, workspace);
    said(&ran, workspace)
}

/// Returns the error without the workspace's path and the time in a log's name, which differ from run to run.
fn said(ran: &Ran, workspace: &Workspace) -> String {
    let error = ran.error(workspace.root());
    let Some(end) = error.find(".log") else { return error };
    let start = error[..end].rfind(':').expect("category:name-version:time.log") + 1;
    format!("{}[TIME]{}", &error[..start], &error[end..])
}

/// Returns an error without its list of packages, which grows with the embedded repository, and checks that the list has this line.
#[track_caller]
fn without_list(error: &str, line: &str) -> String {
    let all: Vec<&str> = error.lines().collect();
    let start = all.iter().position(|line| line.ends_with("the repositories have these packages:")).expect("a list");
    let end = all.iter().position(|line| line.contains("= help: ")).expect("help after the list");
    assert!(all[start..end].iter().any(|found| found.trim() == line), "{error}");
    [&all[..=start], &["            [PACKAGES]"], &all[end..]].concat().join("\n")
}

/// Returns the files of the shared folder of sources whose names begin like this: a source, and the rest of a download.
fn sources(name: &str) -> Vec<String> {
    let entries = fs::read_dir(cache().join("distfiles")).expect("some run has fetched").flatten();
    let names = entries.map(|entry| entry.file_name().into_string().expect("UTF-8"));
    names.filter(|there| there.trim_start_matches('.').starts_with(name)).collect()
}

/// Builds.
#[track_caller]
fn works(workspace: &Workspace) {
    let ran = workspace.xtask(&IMAGE).ok();
    assert!(ran.line().starts_with("oci:"), "{}", ran.stdout);
    nothing_is_left(&ran, workspace);
}

#[test]
fn unknown_packages() {
    let workspace = Workspace::with_package("app", "packages = [\"media-libs/libpgn\"]", "");
    insta::assert_snapshot!(without_list(&failure(&workspace, 4), "media-libs: libjpeg-turbo libpng"), @r#"
    error: no repository has an ebuild of `media-libs/libpgn`
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/libpgn"]
      |             ^^^^^^^^^^^^^^^^^^^
      |
      = note: the repositories have these packages:
                [PACKAGES]
      = help: did you mean `media-libs/libpng`? Otherwise add the repository that has it to `repositories`, or write an ebuild: `cargo xtask new builder --repository overlay` creates a repository with an example
    "#);
    // A folder without an ebuild is no package.
    let workspace = with_repository("packages = [\"dev-libs/zlib\"]").file("overlay/dev-libs/zlib/Manifest", "");
    let error = failure(&workspace, 4);
    assert!(error.contains("= help: did you mean `sys-libs/zlib`? Otherwise"), "{error}");
    let workspace = Workspace::with_package("app", "packages = [\">=media-libs/libpng-2\"]", "");
    insta::assert_snapshot!(failure(&workspace, 4), @r#"
    error: no version of `media-libs/libpng` matches `>=media-libs/libpng-2`; there are `media-libs/libpng-1.6.39`
     --> app/Cargo.toml:7:13
      |
    7 | packages = [">=media-libs/libpng-2"]
      |             ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: use one of these versions
    "#);
}

#[test]
fn unknown_dependency_names_its_parent() {
    let workspace = with_repository("packages = [\"media-libs/needy\"]")
        .ebuild("needy", "KEYWORDS=\"amd64\"\nRDEPEND=\"media-libs/absent\"\n");
    insta::assert_snapshot!(without_list(&failure(&workspace, 4), "media-libs: libjpeg-turbo libpng needy"), @r#"
    error: no repository has an ebuild of `media-libs/absent` (required by `media-libs/needy-1`)
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/needy"]
      |             ^^^^^^^^^^^^^^^^^^
      |
      = note: the repositories have these packages:
                [PACKAGES]
      = help: add the repository that has it to `repositories`, or write an ebuild: `cargo xtask new builder --repository overlay` creates a repository with an example
    "#);
}

#[test]
fn masked_package_error_suggests_keyword() {
    let workspace = with_repository("packages = [\"media-libs/young\"]").ebuild("young", "KEYWORDS=\"~amd64\"\n");
    insta::assert_snapshot!(failure(&workspace, 4), @r#"
    error: `media-libs/young` is masked by ~amd64 keyword
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/young"]
      |             ^^^^^^^^^^^^^^^^^^
      |
      = help: add package-keywords = { "media-libs/young" = ["~amd64"] }
    "#);
}

#[test]
fn unknown_use_flag_fails() {
    let table = "packages = [\"media-libs/libpng\"]\npackage-use = { \"media-libs/libpng\" = [\"smid\"] }";
    insta::assert_snapshot!(failure(&Workspace::with_package("app", table, ""), 4), @r#"
    error: `media-libs/libpng` has no USE flag `smid`; it has `simd`, `static-libs`, `tools`
     --> app/Cargo.toml:8:40
      |
    8 | package-use = { "media-libs/libpng" = ["smid"] }
      |                                        ^^^^^^
      |
      = help: did you mean `simd`?
    "#);
}

#[test]
fn feature_without_effect_is_a_warning() {
    let workspace = Workspace::with_package("app", "", "make-conf = { FEATURES = \"getbinpkg\" }");
    let ran = workspace.xtask(&IMAGE).ok();
    let expected = "warning: `make-conf`: `getbinpkg` of FEATURES has no effect: a builder has no network; ";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    let workspace = Workspace::with_package("app", "", "make-conf = { FEATURES = \"binpkg-request-signature\" }");
    insta::assert_snapshot!(failure(&workspace, 3), @r#"
    error: `binpkg-request-signature` of FEATURES cannot work in a builder: emerge would refuse every binary package, as those of Tierce have no signature
     --> Cargo.toml:6:27
      |
    6 | make-conf = { FEATURES = "binpkg-request-signature" }
      |                           ^^^^^^^^^^^^^^^^^^^^^^^^ cannot work in a builder
      |
      = help: leave it out; Tierce checks the digest of each source, and the key of each binary package
    "#);
}

#[test]
fn required_use_that_is_violated() {
    let ebuild = "KEYWORDS=\"amd64\"\nIUSE=\"gtk qt\"\nREQUIRED_USE=\"^^ ( gtk qt )\"\n";
    let workspace = with_repository("packages = [\"media-libs/choosy\"]").ebuild("choosy", ebuild);
    insta::assert_snapshot!(failure(&workspace, 4), @r#"
    error: `media-libs/choosy-1` requires exactly-one-of ( gtk qt ) of its USE flags
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/choosy"]
      |             ^^^^^^^^^^^^^^^^^^^
      |
      = help: set `gtk` or `qt` in `package-use` to meet this
    "#);
    let table = "packages = [\"media-libs/choosy\"]\npackage-use = { \"media-libs/choosy\" = [\"gtk\", \"qt\"] }";
    let workspace = with_repository(table).ebuild("choosy", ebuild);
    insta::assert_snapshot!(failure(&workspace, 4), @r#"
    error: `media-libs/choosy-1` requires exactly-one-of ( gtk qt ) of its USE flags
     --> app/Cargo.toml:8:40
      |
    8 | package-use = { "media-libs/choosy" = ["gtk", "qt"] }
      |                                        ^^^^^
      |
      = help: set `gtk` or `qt` in `package-use` to meet this
    "#);
}

#[test]
fn broken_ebuild_is_shown() {
    let workspace = with_repository("packages = [\"media-libs/broken\"]").ebuild("broken", "KEYWORDS=\"amd64\"\nif\n");
    insta::assert_snapshot!(failure(&workspace, 4), @r#"
    error: the ebuild of `media-libs/broken-1` is broken
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/broken"]
      |             ^^^^^^^^^^^^^^^^^^^
      |
      = note: [WORKSPACE]/overlay/media-libs/broken/broken-1.ebuild: line 8: syntax error: unexpected end of file
               * ERROR: media-libs/broken-1::mine failed (depend phase):
               *   error sourcing ebuild
    "#);
}

#[test]
fn missing_source_on_mirror_fails() {
    let mirror = Mirror::start(404, "no such file");
    let url = mirror.url("absent-1.txt");
    let workspace = with_repository("packages = [\"media-libs/absent\"]").downloaded(
        "absent",
        "absent-1.txt",
        &url,
        "what it should be",
    );
    insta::assert_snapshot!(failure(&workspace, 5).replace(&url, "[URL]"), @r#"
    error: failed to fetch `absent-1.txt` of `media-libs/absent-1`: `[URL]` does not exist (status 404)
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/absent"]
      |             ^^^^^^^^^^^^^^^^^^^
    "#);
    assert!(sources("absent-1.txt").is_empty());
}

#[test]
fn unreachable_mirror_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/distant-1.txt", listener.local_addr().expect("bound"));
    drop(listener);
    // The package is not in the table: the one that needs it is to blame.
    let workspace = with_repository("packages = [\"media-libs/needy\"]")
        .ebuild("needy", "KEYWORDS=\"amd64\"\nRDEPEND=\"media-libs/distant\"\n")
        .downloaded("distant", "distant-1.txt", &url, "what it should be");
    insta::assert_snapshot!(failure(&workspace, 5).replace(&url, "[URL]"), @r#"
    error: failed to fetch `distant-1.txt` of `media-libs/distant-1`: `[URL]` cannot be reached: Connection refused (os error 111); check the network, and the proxy settings in the environment
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/needy"]
      |             ^^^^^^^^^^^^^^^^^^
    "#);
    assert!(sources("distant-1.txt").is_empty());
}

#[test]
fn source_with_wrong_digest_fails() {
    const FILE: &str = "different-1.txt";
    let mirror = Mirror::start(200, "what it shall be!");
    let url = mirror.url(FILE);
    let workspace = with_repository("packages = [\"media-libs/different\"]").downloaded(
        "different",
        FILE,
        &url,
        "what it should be",
    );
    // A file of an earlier run of the tests would be correct.
    let _ = fs::remove_file(cache().join("distfiles").join(FILE));
    insta::assert_snapshot!(failure(&workspace, 5).replace(&url, "[URL]"), @r#"
    error: failed to fetch `different-1.txt` of `media-libs/different-1`: `[URL]` has the BLAKE2b digest 26e06d3a502cf3ca4e9a14500a935e5b3b2ac5582738e7c61910c3d46f52be1cdafafb2081381f91f50458408b92dacf795d8baaa81e940a47701dbdf78a02a0, not 5f0b05855d07943ea8b30a7cb980c6546181b5940f04793036b5b89035dd6355627891b5db07f46863443e5606ea30b657d70ec92c80c2cd2c6718f8b2f716a2; the mirror serves another file
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/different"]
      |             ^^^^^^^^^^^^^^^^^^^^^^
    "#);
    assert!(sources(FILE).is_empty(), "a source that is not right: {:?}", sources(FILE));

    // The right file, and everything goes on from there.
    mirror.answers(200, "what it should be");
    works(&workspace);
}

#[test]
fn compile_error_of_a_package_is_shown() {
    let workspace = with_repository("packages = [\"media-libs/faulty\"]")
        .library("faulty", "int faulty(void)\n{\n\treturn undeclared;\n}\n");
    insta::assert_snapshot!(failure(&workspace, 6), @r#"
    error: failed to emerge `media-libs/faulty-1`
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/faulty"]
      |             ^^^^^^^^^^^^^^^^^^^
      |
      = note: /var/tmp/portage/media-libs/faulty-1/files/faulty.c:3:16: error: ‘undeclared’ undeclared (first use in this function)
               * ERROR: media-libs/faulty-1::mine failed (compile phase):
               *   the library does not compile
      = help: the whole log is [WORKSPACE]/target/tierce/logs/app/media-libs:faulty-1:[TIME].log
    "#);

    let logs = workspace.root().join("target/tierce/logs/app");
    let log = fs::read_dir(logs)
        .expect("logs")
        .flatten()
        .find(|log| log.file_name().into_string().is_ok_and(|name| name.starts_with("media-libs:faulty-1:")));
    let log = fs::read_to_string(log.expect("the log that the error names").path()).expect("readable");
    assert!(log.contains("undeclared") && log.contains("Call stack"), "all of it: {log}");

    // Once fixed, it is compiled again, and --quiet prints only the reference.
    workspace.write("overlay/media-libs/faulty/files/faulty.c", "int faulty(void)\n{\n\treturn 1;\n}\n");
    let ran = workspace.xtask(&["image", "--quiet", "--layout", "layout"]).ok();
    assert!(ran.line().starts_with("oci:"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
    nothing_is_left(&ran, &workspace);
}

#[test]
fn failed_dependency_names_its_parent() {
    let workspace = with_repository("packages = [\"media-libs/needy\"]")
        .ebuild("needy", "KEYWORDS=\"amd64\"\nRDEPEND=\"media-libs/wrong\"\nDEPEND=\"${RDEPEND}\"\n")
        .library("wrong", "#include <no-such-header.h>\n");
    insta::assert_snapshot!(failure(&workspace, 6), @r#"
    error: failed to emerge `media-libs/wrong-1`
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/needy"]
      |             ^^^^^^^^^^^^^^^^^^
      |
      = note: /var/tmp/portage/media-libs/wrong-1/files/wrong.c:1:10: fatal error: no-such-header.h: No such file or directory
               * ERROR: media-libs/wrong-1::mine failed (compile phase):
               *   the library does not compile
      = help: the whole log is [WORKSPACE]/target/tierce/logs/app/media-libs:wrong-1:[TIME].log
    "#);
}
