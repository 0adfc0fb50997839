//! ROOT that cannot be merged.

use crate::ebuilds::with_repository;
use crate::running::{OwnCache, program};
use crate::support::{LoadedImage, run, tool, unique_name};

#[test]
fn failed_merge_leaves_nothing() {
    // Merged into the builder's own root it is well.
    let workspace = with_repository("packages = [\"media-libs/picky\"]").ebuild(
        "picky",
        "KEYWORDS=\"amd64\"\npkg_preinst() { [[ -z ${ROOT} ]] || die \"it does not want to be in ${ROOT}\"; }\n",
    );
    let ran = workspace.xtask(&["image", "--layout", "layout"]).fails_with(6);
    let error = ran.error(workspace.root());
    assert!(error.starts_with("error: failed to emerge `media-libs/picky-1`\n --> app/Cargo.toml:7:13"), "{error}");
    assert!(error.contains("it does not want to be in /"), "{error}");
    let log = error.split("the whole log is ").nth(1).expect("it names the log").trim();
    let log = log.replace("[WORKSPACE]", &workspace.root().display().to_string());
    assert!(std::fs::read_to_string(&log).expect("a log").contains("it does not want to be in /"), "{log}");
    crate::ebuilds::nothing_is_left(&ran, &workspace);
}

#[test]
fn mounted_root_is_a_daemon_error() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    run(&mut cache.image(workspace.root())).ok();
    let id = std::fs::read_to_string(cache.path().join("id")).expect("the cache has a name");
    let list = ["volume", "ls", "-q", "--filter", &format!("label=dev.tierce.cache={id}")];
    let volume = tool("docker", list).ok().line().to_owned();
    let holder = unique_name();
    let mount = format!("{volume}:/root");
    tool("docker", ["create", "--name", &holder, "--volume", &mount, &name, "-"]).ok();
    // ROOT's archive is gone, so that it has to be merged again; and the program has changed, so that ROOT is needed.
    std::fs::remove_dir_all(cache.path().join("roots")).expect("it was there");
    workspace.write(&format!("{name}/src/main.rs"), "fn main() {}\n");
    let ran = run(&mut cache.image(workspace.root()));
    tool("docker", ["rm", "-f", &holder]).ok();
    let ran = ran.fails_with(8);
    let error = ran.error(workspace.root()).replace(&volume, "[VOLUME]");
    assert!(error.starts_with("error: failed to replace the volume `[VOLUME]`: "), "{error}");
    let help = " = help: see `docker ps -a --filter volume=[VOLUME]`, and remove what mounts it";
    assert!(error.ends_with(help), "{error}");
    run(&mut cache.image(workspace.root())).ok();
}
