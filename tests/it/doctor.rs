//! `doctor` works without a workspace, a daemon, programs and a cache.

use std::process::Command;

use serde_json::Value;

use crate::support::{Ran, Workspace, run};

/// A command in a folder that is no workspace, with the variables of a machine without a daemon.
fn doctor(folder: &Workspace) -> Command {
    let mut command = folder.command();
    command.args(["doctor", "--offline", "--format", "json"]).env("DOCKER_HOST", "unix:///no/such/socket");
    command.env("TIERCE_ENGINE", "auto");
    command
}

/// The diagnosis, whose exit code has to agree with it.
#[track_caller]
fn diagnosis(ran: &Ran) -> Value {
    let diagnosis: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let can_build = diagnosis["can-build"].as_bool().expect("a boolean");
    assert_eq!(ran.code, Some(i32::from(!can_build)), "{diagnosis}");
    assert_eq!(ran.stderr, "");
    diagnosis
}

/// The state, meaning and remedy of a subject; None without a check of it.
fn check(diagnosis: &Value, subject: &str) -> Option<[String; 3]> {
    let found = diagnosis["checks"].as_array().expect("a list").iter().find(|check| check["check"] == subject)?;
    Some(["state", "meaning", "fix"].map(|key| found[key].as_str().unwrap_or_default().to_owned()))
}

#[test]
fn outside_of_a_workspace_its_checks_are_left_out() {
    let folder = Workspace::new("empty");
    let diagnosis = diagnosis(&run(&mut doctor(&folder)));
    for subject in ["workspace", "mirrors", "daemon-disk"] {
        assert_eq!(check(&diagnosis, subject), None, "{subject}");
    }
    let [state, ..] = check(&diagnosis, "rust").expect("a check");
    assert_eq!(state, "ok", "{diagnosis}");
    assert!(!folder.root().join("target").exists());
}

#[test]
fn workspace_has_a_check_of_its_tables() {
    for (table, state, meaning) in [
        ("", "ok", "workspace has 1 image"),
        ("packages = 1", "missing", "`packages` must be"),
        ("packages = [", "missing", "unclosed array"),
    ] {
        let workspace = Workspace::with_package("app", table, "");
        let diagnosis = diagnosis(&run(&mut doctor(&workspace)));
        let [found, text, _] = check(&diagnosis, "workspace").expect("a check");
        assert!(found == state && text.contains(meaning), "{table}: {found}, {text}");
    }
}

#[test]
fn machine_without_anything_has_remedies() {
    let folder = Workspace::new("empty");
    let mut bare = doctor(&folder);
    bare.env("PATH", "/no/such/folder").env("TIERCE_CACHE", "/proc/cache");
    let ran = run(bare.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN"));
    let diagnosis = diagnosis(&ran.fails_with(1));
    for (subject, meaning, fix) in [
        ("gpgv", "`gpgv` is not in PATH", "sudo apt install gpgv"),
        ("pip", "`pip` is not in PATH", "sudo apt install python3-pip"),
        ("rust", "`rustc` is not in PATH", "rustup"),
        ("cache", "/proc/cache cannot be written", "TIERCE_CACHE"),
    ] {
        let [state, text, remedy] = check(&diagnosis, subject).expect("a check");
        assert!(state == "missing" && text.contains(meaning) && remedy.contains(fix), "{state}, {text}, {remedy}");
    }
    let [state, text, fix] = check(&diagnosis, "daemon").expect("a check");
    let expected = if check(&diagnosis, "sandbox").expect("a check")[0] == "ok" { "degraded" } else { "missing" };
    assert_eq!((state.as_str(), text.contains("/no/such/socket")), (expected, true), "{text}");
    assert!(fix.contains("unset DOCKER_HOST"), "{fix}");
}

#[test]
fn cache_of_the_home_may_be_absent() {
    let folder = Workspace::new("empty");
    let mut command = doctor(&folder);
    command.env_remove("TIERCE_CACHE").env_remove("XDG_CACHE_HOME").env("HOME", "/proc");
    let [state, text, _] = check(&diagnosis(&run(&mut command)), "cache").expect("a check");
    assert!(state == "degraded" && text.contains("/proc/.cache/tierce cannot be written"), "{state}, {text}");
}

#[test]
fn sandbox_leaves_nothing_behind() {
    let folder = Workspace::new("empty");
    let cache = folder.root().join("cache");
    diagnosis(&run(doctor(&folder).env("TIERCE_CACHE", &cache)));
    assert_eq!(std::fs::read_dir(cache).expect("the cache").count(), 0);
}
