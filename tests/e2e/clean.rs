//! Automatic removal, and `cargo xtask clean`: by label and by use.

use std::process::Command;

use serde_json::Value;

use crate::ebuilds::with_repository;
use crate::kept::{LargeDownload, with_known_builder};
use crate::running::{OwnCache, Running, image_id, program, started_by};
use crate::support::{LoadedImage, Ran, Workspace, run, tool, unique_name, xtask};

/// The volumes of a cache.
fn volumes(cache: &OwnCache) -> Vec<String> {
    let id = std::fs::read_to_string(cache.path().join("id")).unwrap_or_default();
    let list = ["volume", "ls", "-q", "--filter", &format!("label=dev.tierce.cache={id}")];
    tool("docker", list).ok().stdout.lines().map(str::to_owned).collect()
}

fn clean(cache: &OwnCache, workspace: &Workspace, arguments: &[&str]) -> Ran {
    let mut command = xtask(workspace.root());
    command.env("TIERCE_CACHE", cache.path()).env("TIERCE_NAMESPACE", cache.namespace());
    run(command.arg("clean").args(arguments))
}

#[test]
fn unused_root_is_removed() {
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    let image = |workspace: &Workspace| run(cache.image(workspace.root()).args(["--layout", "layout"])).ok();
    let data = "KEYWORDS=\"amd64\"\n";
    let first = with_known_builder(with_repository("")).ebuild("data", data);
    let second = with_known_builder(with_repository("")).ebuild("data", data);
    image(&first);
    image(&second);
    let [shared] = volumes(&cache).try_into().expect("they share one ROOT");
    let table = std::fs::read_to_string(first.root().join("app/Cargo.toml")).expect("there");
    first.write("app/Cargo.toml", &format!("{table}packages = [\"media-libs/data\"]\n"));
    image(&first);
    let now = volumes(&cache);
    assert!(now.len() == 2 && now.contains(&shared), "the second workspace uses it: {now:?}");
    drop(second);
    assert_eq!(volumes(&cache).len(), 2, "what is cleaned is another cache");
    let dry = clean(&cache, &first, &["--dry-run"]).ok();
    assert!(dry.line().starts_with(&format!("ROOT {shared} (")), "{}", dry.stdout);
    first.write("overlay/media-libs/data/data-1.ebuild", &{
        let path = first.root().join("overlay/media-libs/data/data-1.ebuild");
        std::fs::read_to_string(path).expect("there") + "src_install() { keepdir /var/lib/data; }\n"
    });
    image(&first);
    let [left] = volumes(&cache).try_into().expect("that of the last run");
    assert!(!now.contains(&left), "{left} of {now:?}");
    let archives = std::fs::read_dir(cache.path().join("roots")).expect("there").flatten();
    assert_eq!(archives.count(), 2, "one archive and what is known of it");
    // Unused objects are removed without another run.
    let workspace = program(&unique_name(), "");
    drop(first);
    let ran = clean(&cache, &workspace, &[]).ok();
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains(&format!("Removed ROOT {left} (")), "{}", ran.stderr);
    assert_eq!(volumes(&cache), Vec::<String>::new());
}

#[test]
fn clean_removes_exactly_the_listed_objects() {
    let name = unique_name();
    let _image = LoadedImage::new(&name).and(&format!("{name}-theirs"));
    let workspace = program(&name, "");
    let cache = OwnCache::with_own_builder(&["debs", "wheels", "distfiles", "binpkgs"]);
    run(cache.image(workspace.root()).env("TIERCE_KEEP_WARM", "600")).ok();
    let id = image_id(&name);
    let filter = format!("label=dev.tierce.namespace={}", cache.namespace());
    let builders = || tool("docker", ["images", "-aq", "--filter", &filter]).ok().stdout.lines().count();
    let [volume] = volumes(&cache).try_into().expect("one ROOT");

    // Everything is in use.
    let nothing = clean(&cache, &workspace, &[]).ok();
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.trim()), ("", "Freed 0 B"));
    let listed = clean(&cache, &workspace, &["--dry-run", "--all"]).ok();
    assert_eq!(listed.stderr, "");
    for line in [
        format!("image {name}:latest ("),
        format!("ROOT {volume} ("),
        format!("builder {}-builder:", cache.namespace()),
    ] {
        assert!(listed.stdout.contains(&line), "{line} in {}", listed.stdout);
    }
    let debs = format!("cache {} (", cache.path().join("debs").display());
    assert!(listed.stdout.contains(&debs), "{}", listed.stdout);
    assert!(volumes(&cache).len() == 1 && builders() > 0 && image_id(&name) == id, "a dry run removes nothing");

    // A container holds the image.
    let holder = unique_name();
    tool("docker", ["create", "--name", &holder, &name, "-"]).ok();
    let held = clean(&cache, &workspace, &["--images"]).ok();
    assert!(held.stderr.contains("Removed container "), "the one that waits to compile:\n{}", held.stderr);
    assert!(held.stderr.contains(&format!("Kept image {name}:latest (")), "{}", held.stderr);
    assert_eq!(image_id(&name), id);
    tool("docker", ["rm", &holder]).ok();
    // Somebody has named it, too.
    let theirs = format!("{name}-theirs:1");
    tool("docker", ["tag", &name, &theirs]).ok();
    let ran = clean(&cache, &workspace, &["--images"]).ok();
    assert!(ran.stderr.contains(&format!("Removed image {name}:latest (0 B)")), "{}", ran.stderr);
    assert_eq!(image_id(&theirs), id);
    assert_ne!(tool("docker", ["image", "inspect", &name]).code, Some(0));
    assert!(builders() > 0, "the builder was not asked for");
    // The rest suffices to build the same image.
    run(&mut cache.image(workspace.root())).ok();
    assert_eq!(image_id(&name), id);

    let all = clean(&cache, &workspace, &["--all", "--format", "json"]).ok();
    let data: Vec<Value> = serde_json::from_str(&all.stdout).expect("JSON");
    assert!(data.iter().all(|one| one["kept"].is_null()), "{}", all.stdout);
    assert!(data.iter().any(|one| one["kind"] == "builder" && one["bytes"].as_u64() > Some(100_000_000)));
    assert_eq!((volumes(&cache).len(), builders()), (0, 0));
    assert_eq!(tool("docker", ["ps", "-aq", "--filter", &filter]).ok().stdout, "");
    let left = std::fs::read_dir(cache.path()).expect("there").flatten().map(|entry| entry.file_name());
    let mut left: Vec<String> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    left.sort();
    // The open session unpacks its own repository again only when it builds.
    assert_eq!(left, ["id", "locks"]);
    assert_eq!(image_id(&theirs), id, "what others have named is theirs");
}

#[test]
fn full_disk_error_suggests_clean() {
    let LargeDownload { workspace, cache, file, .. } = LargeDownload::new(60_000);
    let distfiles = cache.path().join("distfiles");
    std::fs::create_dir(&distfiles).expect("writable");
    let mut small = Command::new("unshare");
    let mount = format!("mount -t tmpfs -o size=256k tmpfs '{}' && exec \"$0\" \"$@\"", distfiles.display());
    small.args(["--mount", "sh", "-c", &mount]);
    let mut command = started_by(small, &cache.image(workspace.root()));
    let mut running = Running::start(command.args(["--layout", "layout"]));
    running.wait_for("error:");
    let ran = running.end().fails_with(5);
    let error = ran.error(workspace.root());
    let missing = format!("error: failed to fetch `{file}`: 757.9 kB more are needed for `{}/", distfiles.display());
    assert!(error.starts_with(&missing), "{error}");
    assert!(error.contains("= help: `cargo xtask clean --all` would free "), "{error}");
}
