//! `verify`: compares a rebuilt image with the stored one.

use std::fs;

use serde_json::Value;

use crate::running::{OwnCache, Running, image_id, program};
use crate::support::{LoadedImage, Ran, Workspace, run, tool, unique_name};

/// Returns the objects in the daemon that a verification of this process made.
fn made_by(pid: u32) -> Vec<String> {
    let filter = "label=dev.tierce.verifier";
    let mut found = Vec::new();
    for (kind, list, labels) in [
        ("container", &["ps", "-aq", "--filter", filter][..], "{{json .Config.Labels}}"),
        ("image", &["images", "-aq", "--filter", filter], "{{json .Config.Labels}}"),
        ("volume", &["volume", "ls", "-q", "--filter", filter], "{{json .Labels}}"),
    ] {
        for name in tool("docker", list).ok().stdout.lines() {
            // Another test may have removed its image meanwhile.
            let labels = tool("docker", [kind, "inspect", "-f", labels, name]).stdout;
            if labels.contains(&format!(":{pid}:")) {
                found.push(format!("{kind} {name}"));
            }
        }
    }
    found
}

/// The leftovers of verifications on the disk.
fn left(workspace: &Workspace) -> usize {
    fs::read_dir(workspace.root().join("target/tierce/verify")).into_iter().flatten().count()
}

#[test]
fn verify_confirms_an_identical_image() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    workspace.xtask(&["image"]).ok();
    let lock = || fs::read_to_string(workspace.root().join("Tierce.lock")).expect("there");
    let before = lock();
    let ran = workspace.xtask(&["verify", &name]).ok();
    assert_eq!(ran.line(), format!("{name} {}", image_id(&name)));
    for said in [
        "Running builder: make the builder",
        "emerge 3 packages, reuse 0",
        "Running compile",
        &format!("Verified {name}: the rebuilt image equals {name}:latest"),
    ] {
        assert!(ran.stderr.contains(said), "{said} in {}", ran.stderr);
    }
    assert_eq!((made_by(ran.pid), left(&workspace)), (Vec::new(), 0));
    assert_eq!(lock(), before);
}

#[test]
fn verify_names_owner_of_difference() {
    let name = unique_name();
    let table = |env: &str, keep: &str| {
        format!(
            "env = {{ A = \"1\", B = \"{env}\" }}\nkeep = [{keep}]\nfiles = [{{ from = \"a.txt\", to = \"/etc/a.txt\" }}]"
        )
    };
    let manifest = |table: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n[package.metadata.image]\n{table}\n"
        )
    };
    let workspace = program(&name, "").file(&format!("{name}/a.txt"), "one\ntwo\n");
    workspace.write(&format!("{name}/Cargo.toml"), &manifest(&table("2", "\"/etc/nsswitch.conf\"")));
    workspace.xtask(&["image", "--archive", "old.tar"]).ok();

    workspace.write(&format!("{name}/Cargo.toml"), &manifest(&table("3", "\"/etc/shells\"")));
    workspace.write(&format!("{name}/a.txt"), "one\n2\n");
    workspace.write(&format!("{name}/src/main.rs"), "fn main() { println!(\"that is another\"); }\n");
    let ran = workspace.xtask(&["verify", &name, "--against", "old.tar", "--format", "json"]).fails_with(10);
    let data: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&data["identical"], &data["against"]), (&Value::from(false), &Value::from("old.tar")));
    let file = |path: &str| {
        let files = data["files"].as_array().expect("a list");
        files.iter().find(|file| file["path"] == path).unwrap_or_else(|| panic!("{path} in {}", ran.stdout)).clone()
    };
    let program = file(&format!("/usr/bin/{name}"));
    assert_eq!(program["owner"], "the program");
    let content = program["differences"].as_array().expect("a list").iter().find(|one| one["what"] == "content");
    let sections = content.expect("its content differs")["sections"].as_array().expect("an ELF file");
    let rodata = sections.iter().find(|section| section["name"] == ".rodata").expect("where texts are");
    assert_ne!(rodata["first"]["before"], rodata["first"]["after"]);
    let (gone, new, text) = (file("/etc/nsswitch.conf"), file("/etc/shells"), file("/etc/a.txt"));
    assert_eq!((&gone["owner"], &gone["differences"][0]["what"]), (&"sys-libs/glibc".into(), &"gone".into()));
    assert_eq!((&new["owner"], &new["differences"][0]["what"]), (&"sys-apps/baselayout".into(), &"new".into()));
    assert_eq!(text["owner"], "declared files");
    let line = &text["differences"][1];
    assert_eq!((&line["line"], &line["before"], &line["after"]), (&2.into(), &"two".into(), &"2".into()));
    assert_eq!(data["config"][0], serde_json::json!({"path": "config.Env[1]", "before": "B=2", "after": "B=3"}));
    let layers: Vec<&str> =
        data["layers"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(layers, ["tierce: libc", "tierce: data", "tierce: program"]);
    let error = ran.error(workspace.root());
    assert!(error.starts_with(&format!("error: the rebuilt image `{name}` differs from `old.tar` in ")), "{error}");
    assert_eq!((made_by(ran.pid), left(&workspace)), (Vec::new(), 0));
}

#[test]
fn invalid_against_fails_before_build() {
    let workspace = program("app", "");
    workspace.xtask(&["image", "--archive", "app.tar"]).ok();
    let root = workspace.root();
    fs::write(root.join("text.tar"), "this is a text, however long it may be\n".repeat(100)).expect("writable");
    let archive = fs::read(root.join("app.tar")).expect("there");
    fs::write(root.join("cut.tar"), &archive[..archive.len() / 2]).expect("writable");
    // Some byte of the first layer's content.
    let mut damaged = archive;
    damaged[100_000] ^= 1;
    fs::write(root.join("damaged.tar"), damaged).expect("writable");
    fs::create_dir(root.join("folder")).expect("writable");
    workspace.xtask(&["image", "--layout", "layout"]).ok();
    let index = root.join("layout/index.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&index).expect("there")).expect("JSON");
    let one = document["manifests"][0].clone();
    let named = |name: &str| {
        let mut one = one.clone();
        one["annotations"]["org.opencontainers.image.ref.name"] = name.into();
        one
    };
    document["manifests"] = Value::from(vec![named("1"), named("2")]);
    fs::write(&index, document.to_string()).expect("writable");

    let mut said = String::new();
    for (against, code) in [
        ("app:never-built", 1),
        ("./absent.tar", 1),
        ("./folder", 1),
        ("text.tar", 1),
        ("cut.tar", 1),
        ("damaged.tar", 1),
        ("layout", 1),
        ("oci:layout:3", 1),
        ("Not A Reference", 8),
    ] {
        let ran = workspace.xtask(&["verify", "app", "--against", against]).fails_with(code);
        assert_eq!(ran.stdout, "");
        assert!(!ran.stderr.contains("Running"), "{}", ran.stderr);
        said.push_str(&format!("{}\n\n", ran.error(root)));
    }
    assert_eq!(left(&workspace), 0);
    // Digests are those of this machine's compiler.
    let mut words: Vec<String> = Vec::new();
    for word in said.split(' ') {
        let digits =
            word.find("sha256:").map(|at| at + "sha256:".len()).or_else(|| word.find("sha256/").map(|at| at + 7));
        words.push(digits.map_or(word.to_owned(), |at| {
            let end = word[at..].find(|char: char| !char.is_ascii_hexdigit()).map_or(word.len(), |end| at + end);
            format!("{}[DIGEST]{}", &word[..at], &word[end..])
        }));
    }
    insta::assert_snapshot!(words.join(" "), @r"
    error: failed to read the image `app:never-built`: it is no image of the daemon, no folder and no file
     |
     = help: build it with `cargo xtask image app`, or name another image by --against

    error: failed to read `./absent.tar`: No such file or directory (os error 2)

    error: failed to read the image `./folder`: it is a folder without `oci-layout`

    error: failed to read the image `text.tar`: it is not a tar archive

    error: failed to read the image `cut.tar`: the archive cannot be read: it ends within `blobs/sha256/[DIGEST]`

    error: failed to read the image `damaged.tar`: the layer `blobs/sha256/[DIGEST]` is damaged: it has the digest sha256:[DIGEST], not sha256:[DIGEST]

    error: failed to read the image `layout`: none of its images is called `latest` or `app:latest`
     |
     = help: in a layout, `oci:DIR:NAME` selects one of them: `1`, `2`

    error: failed to read the image `oci:layout:3`: none of its images is called `3`
     |
     = help: in a layout, `oci:DIR:NAME` selects one of them: `1`, `2`

    error: failed to use `Not A Reference` as an image reference
    ");

    let unknown = workspace.xtask(&["verify", "apq"]).fails_with(3);
    assert!(unknown.stderr.contains("the workspace has no image `apq`"), "{}", unknown.stderr);
    fs::remove_file(root.join("Tierce.lock")).expect("there");
    let unlocked = workspace.xtask(&["verify", "app", "--against", "app.tar"]).fails_with(9);
    assert!(unlocked.stderr.contains("--locked"), "{}", unlocked.stderr);
}

#[test]
fn interrupted_verify_leaves_nothing() {
    let workspace = program("app", "");
    // Runs of other tests would remove what a killed run leaves in their namespace.
    let own = OwnCache::with_own_builder(&["debs", "wheels", "distfiles", "binpkgs"]);
    let command = |arguments: &[&str]| {
        let mut command = workspace.command();
        command.env("TIERCE_CACHE", own.path()).env("TIERCE_NAMESPACE", own.namespace()).args(arguments);
        command
    };
    run(&mut command(&["image", "--archive", "app.tar"])).ok();
    let ended_by = |signal: &str| {
        let mut running = Running::start(&mut command(&["verify", "app", "--against", "app.tar"]));
        running.wait_until("its builder is configured", |running| {
            made_by(running.pid()).iter().any(|made| made.starts_with("container"))
        });
        running.signal(signal);
        running.end()
    };
    let interrupted = ended_by("INT");
    assert_eq!(interrupted.code, Some(130), "{}", interrupted.stderr);
    assert_eq!((made_by(interrupted.pid), left(&workspace)), (Vec::new(), 0));
    // The container may have ended before the signal arrives, and what follows it in the daemon may not be there yet.
    let is_something_left = |killed: &Ran| !made_by(killed.pid).is_empty() && left(&workspace) > 0;
    let killed = (0..5).map(|_| ended_by("KILL")).find(is_something_left).expect("there is something to remove");
    let cleaned = run(&mut command(&["clean"])).ok();
    assert!(cleaned.stderr.contains("Removed leftover"), "{}", cleaned.stderr);
    assert_eq!((made_by(killed.pid), left(&workspace)), (Vec::new(), 0));
    assert!(own.path().join("debs").is_dir(), "downloads stay");
    run(&mut command(&["image", "--archive", "app.tar"])).ok();
}
