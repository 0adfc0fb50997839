//! `--dry-run` of every command: it builds nothing, starts nothing, and changes no file and no object of the daemon.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::debug_targets::target;
use crate::running::OwnCache;
use crate::support::{Workspace, run, tool, unique_name};

/// The limit of a dry run on a busy machine. The build of a toolbox takes many minutes.
const SOON: Duration = Duration::from_secs(60);

/// The files of a workspace with their contents, except those in target folders.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            match entry.path() {
                path if path.is_dir() && entry.file_name() == "target" => {}
                path if path.is_dir() => folders.push(path),
                path => _ = files.insert(path.display().to_string(), fs::read_to_string(&path).expect("a text")),
            }
        }
    }
    files
}

#[test]
fn dry_runs_change_nothing() {
    let name = unique_name();
    let workspace = Workspace::with_package(&name, "", "");
    // Nothing is built, so a run without `--dry-run` has to build the builder first.
    let cache = OwnCache::with_own_builder(&[]);
    let (running, paused) = (target(&[]), target(&[]));
    tool("docker", ["pause", paused.name()]).ok();
    // Otherwise cargo writes its lock before Tierce runs.
    run(Command::new("cargo").args(["generate-lockfile", "--offline"]).current_dir(workspace.root())).ok();
    let before = files(workspace.root());
    let began = tool("date", ["+%s.%N"]).ok().line().to_owned();
    for (arguments, printed) in [
        (&["debug", running.name(), "--dry-run"][..], "docker create "),
        (&["debug", running.name(), "--gdb", "--dry-run"], "docker create "),
        (&["debug", paused.name(), "--unpause", "--dry-run"], "docker unpause "),
        (&["image", "--dry-run"], "debs"),
        (&["image", "--dry-run", "--explain"], "debs"),
        (&["clean", "--all", "--dry-run"], ""),
        (&["new", "workspace", ".", "--dry-run"], "--- "),
        (&["new", "image", "another", "--bin", "--dry-run"], "--- "),
        (&["new", "builder", "--repository", "overlay", "--dry-run"], "--- "),
    ] {
        let mut command = workspace.command();
        command.args(arguments).env("TIERCE_CACHE", cache.path()).env("TIERCE_NAMESPACE", cache.namespace());
        let start = Instant::now();
        let ran = run(&mut command).ok();
        assert!(start.elapsed() < SOON, "{arguments:?} took {:?}:\n{}", start.elapsed(), ran.stderr);
        assert!(ran.stdout.starts_with(printed), "{arguments:?}:\n{}", ran.stdout);
        assert!(!ran.stderr.contains("Running"), "{arguments:?}:\n{}", ran.stderr);
        assert_eq!(files(workspace.root()), before, "{arguments:?}");
    }
    let ended = tool("date", ["+%s.%N"]).ok().line().to_owned();
    let ours = format!("label=dev.tierce.namespace={}", cache.namespace());
    let events = tool("docker", ["events", "--since", &began, "--until", &ended, "--filter", &ours]).ok().stdout;
    assert_eq!(events, "", "the daemon created or removed objects");
    let state = tool("docker", ["inspect", "-f", "{{.State.Status}}", paused.name()]).ok();
    assert_eq!(state.line(), "paused");
}
