//! Mirrors whose packages vanish, or whose index has an untrusted signature.

use crate::ebuilds::Mirror;
use crate::support::{Workspace, namespace, run, xtask};

#[test]
fn vanished_package_is_updated_unless_frozen() {
    let workspace = Workspace::with_package("app", "", "");
    workspace.xtask(&["image"]).ok();
    let lock = std::fs::read_to_string(workspace.root().join("Tierce.lock")).expect("a lock");
    let line = lock.lines().find(|line| line.contains("\"bash ")).expect("every root has bash").to_owned();
    let gone = format!("    \"bash 0 amd64 1 {} pool/main/b/bash/bash_0_amd64.deb\",", "0".repeat(64));
    workspace.write("Tierce.lock", &lock.replace(&line, &gone));

    let refused = workspace.xtask(&["image", "--locked"]).fails_with(9);
    assert!(refused.stderr.contains("the image `app`: the builder changed"), "{}", refused.stderr);
    let edited = std::fs::read_to_string(workspace.root().join("Tierce.lock")).expect("a lock");
    let updated = workspace.xtask(&["update", "app"]).ok();
    assert!(updated.stderr.contains("`bash 0` of Tierce.lock is gone from the mirror"), "{}", updated.stderr);
    assert_eq!(std::fs::read_to_string(workspace.root().join("Tierce.lock")).expect("a lock"), lock);
    workspace.write("Tierce.lock", &edited);
    let ran = workspace.xtask(&["image"]).ok();
    assert!(ran.stderr.contains("`bash 0` of Tierce.lock is gone from the mirror"), "{}", ran.stderr);
    let now = std::fs::read_to_string(workspace.root().join("Tierce.lock")).expect("a lock");
    assert!(now.contains(&line), "the packages are those of before");
}

#[test]
fn untrusted_index_signature_is_refused() {
    let mirror = Mirror::start(200, "Origin: Debian\nCodename: trixie\n");
    let defaults = format!("debian-mirror = {:?}", mirror.url("debian"));
    let workspace = Workspace::with_package("app", "", &defaults);
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = xtask(workspace.root());
    command.arg("image").env("TIERCE_CACHE", cache.path()).env("TIERCE_NAMESPACE", format!("{}-forged", namespace()));
    let ran = run(&mut command).fails_with(5);
    assert!(ran.stderr.contains("failed to verify the signature"), "{}", ran.stderr);
    assert!(!workspace.root().join("Tierce.lock").exists(), "nothing is locked");
}
