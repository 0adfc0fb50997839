//! Workspaces in unusual places, homes that cannot be written, and users who are not root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::running::{OwnCache, image_id, program, started_by};
use crate::support::{LoadedImage, Workspace, cache, daemon_socket, run, tool, unique_name, xtask};
use crate::xtask_path;

#[test]
fn odd_workspace_path_keeps_image_id() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let plain = program(&name, "");
    plain.xtask(&["image"]).ok();
    let expected = image_id(&name);
    let odd = Workspace::new("Größe: \"ein\" 'Ordner', mit $allem & 100 % mehr");
    for path in ["Cargo.toml", "Tierce.lock", &format!("{name}/Cargo.toml"), &format!("{name}/src/main.rs")] {
        odd.write(path, &fs::read_to_string(plain.root().join(path)).expect("it is there"));
    }
    odd.xtask(&["image"]).ok();
    assert_eq!(image_id(&name), expected);
    assert!(odd.root().join("target/tierce/cargo").is_dir());
}

/// A workspace whose xtask lies in `tools/xtask`, with the alias that README.md shows.
fn with_xtask_elsewhere(name: &str) -> Workspace {
    let workspace = program(name, "");
    workspace.write(
        "Cargo.toml",
        &format!("[workspace]\nresolver = \"3\"\nmembers = [\"{name}\", \"tools/*\"]\n\n[profile.xtask]\ninherits = \"dev\"\n"),
    );
    // This program passes its arguments on: compiling all of Tierce would test nothing more.
    let main = format!(
        "use std::os::unix::process::CommandExt;\nfn main() {{\n    \
         let error = std::process::Command::new({:?}).args(std::env::args_os().skip(1)).exec();\n    \
         panic!(\"{{error}}\");\n}}\n",
        xtask_path()
    );
    workspace
        .file("tools/xtask/Cargo.toml", "[package]\nname = \"xtask\"\nversion = \"0.0.0\"\nedition = \"2024\"\n")
        .file("tools/xtask/src/main.rs", &main)
        .file(".cargo/config.toml", "[alias]\nxtask = \"run --profile xtask --package xtask --\"\n")
}

#[test]
fn xtask_works_from_every_folder() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = with_xtask_elsewhere(&name);
    let mut ids = Vec::new();
    for folder in ["", &name, &format!("{name}/src"), "tools/xtask"] {
        let from = workspace.root().join(folder);
        let environment = xtask(&from);
        let mut command = Command::new(env!("CARGO"));
        command.args(["xtask", "image", &name]).current_dir(&from).env_remove("CARGO_TARGET_DIR");
        command.envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
        assert_eq!(run(&mut command).ok().line(), format!("{name}:latest"), "from `{folder}`");
        ids.push(image_id(&name));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(workspace.root().join("target/tierce").is_dir(), "one target folder, that of the workspace");
    assert!(!workspace.root().join(&name).join("Tierce.lock").exists(), "one lock, in the workspace's root");
}

#[test]
fn unwritable_home_is_replaced_with_warning() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    // The fallback folder has the downloads.
    let inside = workspace.root().join("target/tierce/cache");
    for folder in ["debs", "wheels", "distfiles", "binpkgs"] {
        fs::create_dir_all(inside.join(folder)).expect("writable");
        for entry in fs::read_dir(cache().join(folder)).expect("the cache is warm").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), inside.join(folder).join(entry.file_name())).expect("writable");
            }
        }
    }
    let mut command = xtask(workspace.root());
    // cargo and rustup need the paths of their own folders to run.
    command.args(["image"]).env("RUSTUP_HOME", rustup_home()).env("CARGO_HOME", cargo_home());
    command.env("HOME", "/proc/no-home").env_remove("TIERCE_CACHE").env_remove("XDG_CACHE_HOME");
    let ran = run(&mut command).ok();
    let warning = format!("warning: the user's cache cannot be written; {} is used instead\n", inside.display());
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    assert_eq!(tool("docker", ["run", "--rm", &name]).ok().stdout, format!("this is {name}\n"));
    let id = fs::read_to_string(inside.join("id")).expect("the cache has a name");
    let volumes = tool("docker", ["volume", "ls", "-q", "--filter", &format!("label=dev.tierce.cache={id}")]).stdout;
    tool("docker", ["volume", "rm"].into_iter().chain(volumes.lines()));
}

/// Where rustup keeps its toolchains.
pub(crate) fn rustup_home() -> PathBuf {
    in_home("RUSTUP_HOME", ".rustup")
}

/// Where cargo keeps its cache.
fn cargo_home() -> PathBuf {
    in_home("CARGO_HOME", ".cargo")
}

fn in_home(variable: &str, name: &str) -> PathBuf {
    let home = || Path::new(&std::env::var_os("HOME").expect("a home")).join(name);
    std::env::var_os(variable).map_or_else(home, PathBuf::from)
}

#[test]
fn files_belong_to_the_calling_user() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    let home = workspace.root().join("home");
    fs::create_dir(&home).expect("writable");
    let socket = fs::metadata(daemon_socket()).expect("a daemon");
    let user = fs::metadata("/proc/self").expect("Linux").uid();
    let user = if user == 0 { 54321 } else { user };
    for folder in [workspace.root(), cache.path()] {
        tool("chown", ["-R", &user.to_string(), &folder.to_string_lossy()]).ok();
    }
    let command = cache.image(workspace.root());
    // The capability stands for a toolchain that is installed where this user may read it.
    let mut as_user = Command::new("setpriv");
    as_user.args([format!("--reuid={user}"), format!("--regid={user}"), format!("--groups={}", socket.gid())]);
    as_user.args(["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]);
    let mut as_user = started_by(as_user, &command);
    as_user.env("HOME", &home).env("CARGO_HOME", home.join(".cargo")).env("RUSTUP_HOME", rustup_home());
    run(&mut as_user).ok();
    let mut folders = vec![workspace.root().to_owned(), cache.path().to_owned()];
    let mut foreign = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            let metadata = entry.metadata().expect("it is there");
            if metadata.uid() != user {
                foreign.push((entry.path(), metadata.uid()));
            }
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert_eq!(foreign, []);
    assert!(workspace.root().join("target/tierce/cargo").is_dir());
    // This user builds the same image elsewhere.
    let theirs = image_id(&name);
    tool("docker", ["rmi", &name]).ok();
    program(&name, "").xtask(&["image"]).ok();
    assert_eq!(image_id(&name), theirs);
}
