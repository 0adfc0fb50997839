//! Tierce.lock: its stability, its updates, and the errors if it must not change or is unreadable.

use std::fs;

use crate::ebuilds::with_repository;
use crate::support::{Ran, Workspace};

/// The changes that `update` prints, except those of the builder and of repositories.
fn changes(ran: &Ran) -> String {
    let verbs = ["Adding", "Removing", "Updating", "Downgrading", "Locked"];
    let lines = ran.stderr.lines().map(str::trim).filter(|line| verbs.iter().any(|verb| line.starts_with(verb)));
    let lines = lines.filter(|line| !["builder's", "repository", "sys-"].iter().any(|other| line.contains(other)));
    lines.collect::<Vec<_>>().join("\n")
}

fn lock(workspace: &Workspace) -> String {
    fs::read_to_string(workspace.root().join("Tierce.lock")).expect("a lock")
}

/// The lines of the images, `category/name` with flags.
fn packages(workspace: &Workspace) -> Vec<String> {
    let text = lock(workspace);
    let blocks = text.split("[[package]]").filter(|block| block.contains("name = \"media-libs/"));
    let value = |block: &str, key: &str| {
        let start = format!("{key} = ");
        let line = block.lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned));
        line.unwrap_or_default().replace(['"', '[', ']'], "")
    };
    blocks.map(|block| format!("{} {}", value(block, "name"), value(block, "version"))).collect()
}

/// A version of a package without content.
fn add(workspace: &Workspace, name: &str, version: &str, needs: &str) {
    let ebuild = format!(
        "EAPI=8\nDESCRIPTION=\"For a test\"\nHOMEPAGE=\"https://example.org\"\nLICENSE=\"MIT\"\nSLOT=\"0\"\n\
         KEYWORDS=\"amd64\"\nIUSE=\"extra\"\nS=\"${{WORKDIR}}\"\nRDEPEND=\"{needs}\"\n"
    );
    workspace.write(&format!("overlay/media-libs/{name}/{name}-{version}.ebuild"), &ebuild);
}

/// Two packages in version 1, locked; the first depends on the second.
fn locked() -> Workspace {
    let workspace = with_repository("packages = [\"media-libs/upper\"]");
    add(&workspace, "upper", "1", "media-libs/lower");
    add(&workspace, "lower", "1", "");
    workspace.xtask(&["update"]).ok();
    assert_eq!(packages(&workspace), ["media-libs/lower 1", "media-libs/upper 1"]);
    workspace
}

#[test]
fn locked_version_stays_until_update() {
    let workspace = locked();
    let first = lock(&workspace);
    let again = workspace.xtask(&["update"]).ok();
    assert_eq!(
        (changes(&again), again.stdout.as_str(), lock(&workspace)),
        ("Locked nothing changes".into(), "", first.clone())
    );

    add(&workspace, "upper", "2", ">=media-libs/lower-2");
    add(&workspace, "lower", "2", "");
    add(&workspace, "lower", "3", "");
    // Tierce resolves a changed repository again, and no version changes because of that.
    let ran = workspace.xtask(&["image", "--dry-run", "--explain"]).ok();
    assert!(ran.stdout.contains("would run: the repository `mine` changed"), "{}", ran.stdout);
    workspace.xtask(&["update", "builder"]).ok();
    assert_eq!(packages(&workspace), ["media-libs/lower 1", "media-libs/upper 1"]);
    assert_ne!(lock(&workspace), first, "it covers the repository as it is now");
    let kept = lock(&workspace);

    let ran = workspace.xtask(&["update", "app", "--dry-run"]).ok();
    insta::assert_snapshot!(changes(&ran), @r#"
    Updating media-libs/lower 1 -> 3 (app)
    Updating media-libs/upper 1 -> 2 (app)
    Locked 2 changes
    "#);
    assert!(ran.stderr.contains("Tierce.lock is left as it is, because of --dry-run"), "{}", ran.stderr);
    assert_eq!(lock(&workspace), kept);

    // One package alone, to a version that is not the newest; then another, which needs it newer still.
    let ran = workspace.xtask(&["update", "<media-libs/lower-3"]).ok();
    insta::assert_snapshot!(changes(&ran), @r#"
    Updating media-libs/lower 1 -> 2 (app)
    Locked 1 change
    "#);
    let ran = workspace.xtask(&["update", "media-libs/upper", "--format", "json"]).ok();
    let data: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    insta::assert_snapshot!(data.to_string(), @r#"{"changed":true,"changes":[{"from":"1","images":["app"],"name":"media-libs/upper","parts":[],"subject":"package","to":"2","use":[]}],"written":true}"#);
    assert_eq!(packages(&workspace), ["media-libs/lower 2", "media-libs/upper 2"]);
    let ran = workspace.xtask(&["update", "=media-libs/upper-1"]).ok();
    insta::assert_snapshot!(changes(&ran), @r#"
    Downgrading media-libs/upper 2 -> 1 (app)
    Locked 1 change
    "#);

    let ran = workspace.xtask(&["update", "media-libs/upper", "=media-libs/lower-1"]).ok();
    insta::assert_snapshot!(changes(&ran), @r#"
    Downgrading media-libs/lower 2 -> 1 (app)
    Locked 1 change
    "#);
    workspace.write("app/Cargo.toml", &workspace_table("packages = [\">=media-libs/upper-2\"]"));
    let ran = workspace.xtask(&["update", "=media-libs/lower-1"]).fails_with(4);
    insta::assert_snapshot!(ran.error(workspace.root()), @r#"
    error: `=media-libs/lower-1` cannot be chosen: `media-libs/upper-2` needs `>=media-libs/lower-2`
     --> app/Cargo.toml:6:19
      |
    6 | [package.metadata.image]
      |                   ^^^^^
    "#);

    // The table asks for more than Tierce.lock has: only packages in conflict change.
    let ran = workspace.xtask(&["update", "builder"]).ok();
    insta::assert_snapshot!(changes(&ran), @r"
    Updating media-libs/lower 1 -> 3 (app)
    Updating media-libs/upper 1 -> 2 (app)
    Locked 2 changes
    ");
}

/// The Cargo.toml of the package with another table.
fn workspace_table(table: &str) -> String {
    format!("[package]\nname = \"app\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n[package.metadata.image]\n{table}\n")
}

#[test]
fn locked_error_lists_the_changes() {
    let workspace = locked();
    // Without a change the plan is whole, and Tierce prints nothing.
    let ran = workspace.xtask(&["image", "--dry-run", "--locked"]).ok();
    assert!(ran.stdout.contains("tag app:latest"), "{}", ran.stdout);

    let table = "packages = [\">=media-libs/upper-1\", \"media-libs/lower\"]\npackage-use = { \"media-libs/lower\" = [\"extra\"] }\n\
                 use = [\"-nls\"]";
    workspace.write("app/Cargo.toml", &workspace_table(table));
    add(&workspace, "other", "1", "");
    let before = lock(&workspace);
    let ran = workspace.xtask(&["image", "--locked"]).fails_with(9);
    insta::assert_snapshot!(ran.error(workspace.root()), @r"
    error: Tierce.lock has to change, and --locked forbids it
     |
     = note: the image `app`: `package-use` now has `media-libs/lower`: `extra`
             the image `app`: `packages` now has `>=media-libs/upper-1`
             the image `app`: `packages` now has `media-libs/lower`
             the image `app`: the repository `mine` changed
             the image `app`: `use` is now `-nls`
             the image `app`: `packages` no longer has `media-libs/upper`
     = help: run `cargo xtask image` without --locked and commit Tierce.lock; `cargo xtask update --dry-run` lists what would move
    ");
    let ran = workspace.xtask(&["update", "--locked"]).fails_with(9);
    let is_digest = |word: &str| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let error = ran.error(workspace.root());
    let digest = error.split_whitespace().filter(|word| is_digest(word));
    let error = digest.fold(error.clone(), |error, digest| error.replace(digest, "…"));
    insta::assert_snapshot!(error, @r"
    error: Tierce.lock has to change, and --locked forbids it
     |
     = note: Updating repository mine … -> …
             Updating media-libs/lower 1 USE +extra (app)
     = help: run `cargo xtask image` without --locked and commit Tierce.lock; `cargo xtask update --dry-run` lists what would move
    ");
    assert_eq!(lock(&workspace), before);

    fs::remove_file(workspace.root().join("Tierce.lock")).expect("it is there");
    let ran = workspace.xtask(&["image", "--locked"]).fails_with(9);
    insta::assert_snapshot!(ran.error(workspace.root()), @r"
    error: Tierce.lock has to change, and --locked forbids it
     |
     = note: Tierce.lock does not exist yet
     = help: run `cargo xtask image` without --locked and commit Tierce.lock; `cargo xtask update --dry-run` lists what would move
    ");
    assert!(!workspace.root().join("Tierce.lock").exists());
}

#[test]
fn words_of_update_that_mean_nothing() {
    let workspace = locked();
    for (word, expected) in [
        ("ap", "the workspace has no image `ap`"),
        ("upper", "did you mean `media-libs/upper`?"),
        ("media-libs/uper", "did you mean `media-libs/upper`?"),
        ("media-libs/something", "no image of Tierce.lock has the package `media-libs/something`"),
        (">=media-libs/upper", "the version is missing"),
    ] {
        let ran = workspace.xtask(&["update", word]).fails_with(3);
        assert!(ran.stderr.contains(expected), "{word}: {}", ran.stderr);
    }
    insta::assert_snapshot!(workspace.xtask(&["update", "thing"]).error(workspace.root()), @r#"
    error: the workspace has no image `thing`
     |
     = help: name one of `app`, a package with its category, or `builder`
    "#);
    // Portage reports a version that does not exist.
    insta::assert_snapshot!(workspace.xtask(&["update", "=media-libs/upper-9"]).fails_with(4).error(workspace.root()), @r#"
    error: no version of `media-libs/upper` matches `=media-libs/upper-9`; there are `media-libs/upper-1`
     --> app/Cargo.toml:7:13
      |
    7 | packages = ["media-libs/upper"]
      |             ^^^^^^^^^^^^^^^^^^
      |
      = help: use one of these versions
    "#);
}

#[test]
fn edited_lock_entry_is_resolved_again() {
    let workspace = locked();
    let whole = lock(&workspace);
    for (from, to) in [
        ("name = \"media-libs/upper\"\nversion = \"1\"", "name = \"media-libs/upper\"\nversion = \"7\""),
        ("    \"media-libs/upper\"", "    \"media-libs/upper[extra]\""),
        ("\nebuild = \"", "\nebuild = \"0000000000000000000000000000000000000000000000000000000000000000\"\n#"),
    ] {
        let edited = whole.replace(from, to);
        assert_ne!(edited, whole, "{from}");
        workspace.write("Tierce.lock", &edited);
        let ran = workspace.xtask(&["image", "--locked"]).fails_with(9);
        assert!(
            ran.stderr.contains("the image `app`: its entry in Tierce.lock was edited or merged"),
            "{}",
            ran.stderr
        );
        let ran = workspace.xtask(&["image", "--dry-run"]).ok();
        assert!(ran.stdout.contains("resolve app"), "{}", ran.stdout);
    }
    // A new resolution restores the entry.
    workspace.xtask(&["update", "builder"]).ok();
    assert_eq!(lock(&workspace), whole);
}

#[test]
fn invalid_lock_file_names_line() {
    let workspace = Workspace::with_package("app", "", "");
    let refused = |text: &str| {
        workspace.write("Tierce.lock", text);
        let ran = workspace.xtask(&["image", "--dry-run"]).fails_with(9);
        assert_eq!(lock(&workspace), text, "an unreadable lock file stays");
        ran.error(workspace.root())
    };
    insta::assert_snapshot!(refused("version = 2\nwhatever = true\n"), @r#"
    error: failed to use `[WORKSPACE]/Tierce.lock`: it has format version 2; this Tierce reads version 1
     --> Tierce.lock:1:11
      |
    1 | version = 2
      |           ^
      |
      = help: update the tierce dependency of the xtask
    "#);
    insta::assert_snapshot!(refused("version = 1\n<<<<<<< HEAD\n[builder]\n=======\n>>>>>>> other\n"), @r#"
    error: failed to use `[WORKSPACE]/Tierce.lock`: it has the conflict markers of a merge
     --> Tierce.lock:2:1
      |
    2 | <<<<<<< HEAD
      | ^^^^^^^^^^^^
      |
      = help: take either side, for example by `git checkout --ours Tierce.lock`, and run `cargo xtask image`, which resolves the images that changed
    "#);
    insta::assert_snapshot!(refused("version = 1\n[builder\nbase = \"debian\"\n"), @r#"
    error: failed to use `[WORKSPACE]/Tierce.lock`: unclosed table, expected `]`
     --> Tierce.lock:2:9
      |
    2 | [builder
      |         ^
      |
      = help: restore it from version control, or delete it to resolve all packages again
    "#);
    let builder = "version = 1\n[builder]\nbase = \"debian\"\nrustc = \"\"\n";
    let image = "[[image]]\nname = \"app\"\nchecksum = \"\"\ninputs = []\npackages = [\"media-libs/libpng\"]\n";
    insta::assert_snapshot!(refused(&format!("{builder}{image}")), @r#"
    error: failed to use `[WORKSPACE]/Tierce.lock`: no [[package]] matches `media-libs/libpng` of `app`
     --> Tierce.lock:9:13
      |
    9 | packages = ["media-libs/libpng"]
      |             ^^^^^^^^^^^^^^^^^^^
      |
      = help: restore it from version control, or delete it to resolve all packages again
    "#);
}

#[test]
fn unrelated_repository_edit_only_resolves() {
    let workspace = with_repository("packages = [\"media-libs/upper\"]");
    add(&workspace, "upper", "1", "");
    workspace.xtask(&["image"]).ok();
    let ran = workspace.xtask(&["image"]).ok();
    assert!(!ran.stderr.contains("Running"), "while the lock covers the inputs nothing is resolved: {}", ran.stderr);
    add(&workspace, "unrelated", "1", "");
    add(&workspace, "upper", "2", "");
    let ran = workspace.xtask(&["image", "--explain"]).ok();
    assert!(ran.stderr.contains("Dirty resolve app: the repository `mine` changed"), "{}", ran.stderr);
    let ran: Vec<&str> = ran.stderr.lines().filter_map(|line| line.trim().strip_prefix("Running ")).collect();
    assert_eq!(ran, ["resolve app: resolve packages"]);
}
