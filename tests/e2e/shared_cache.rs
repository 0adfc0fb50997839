//! Two users with one cache: every place where it is opened names the owner and the fix.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::daemon_errors::unprivileged;
use crate::kept::nameless_daemon;
use crate::running::{OwnCache, program};
use crate::support::{run, tool, unique_name};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn cache_of_another_user_is_named() {
    if tool("id", ["-u"]).ok().line() != "0" {
        // Only root can be two users.
        return;
    }
    let name = unique_name();
    let workspace = program(&name, "");
    tool("chmod", ["-R", "a+rwX", &workspace.root().to_string_lossy()]).ok();
    set_mode(workspace.root().parent().expect("a folder"), 0o755);
    let folder = tempfile::tempdir().expect("a folder");
    set_mode(folder.path(), 0o755);
    // The daemon's own socket is root's alone.
    let (daemon, _) = nameless_daemon(folder.path());
    set_mode(Path::new(daemon.trim_start_matches("unix://")), 0o666);
    // The other user's part of the cache.
    for (part, kind) in [("", "folder"), ("locks", "folder"), ("locks/cache.used.lock", "file"), ("debs", "folder")] {
        let cache = OwnCache::new(&[]);
        set_mode(cache.path(), if part.is_empty() { 0o755 } else { 0o777 });
        match (part, kind) {
            ("", _) => {}
            (_, "folder") => fs::create_dir_all(cache.path().join(part)).expect("writable"),
            _ => {
                let path = cache.path().join(part);
                let folder = path.parent().expect("a folder");
                fs::create_dir_all(folder).expect("writable");
                set_mode(folder, 0o777);
                fs::write(&path, "").expect("writable");
                set_mode(&path, 0o600);
            }
        }
        let mut command = unprivileged(&cache.image(workspace.root()));
        command.env("CARGO_HOME", workspace.root().join("cargo-home"));
        command.env("RUSTUP_HOME", crate::places::rustup_home());
        command.env("DOCKER_HOST", &daemon);
        let ran = run(&mut command);
        assert_ne!(ran.code, Some(0), "{part}");
        let said = ran.stderr.replace(&cache.path().display().to_string(), "[CACHE]");
        let place = if part.is_empty() { "[CACHE]".to_owned() } else { format!("[CACHE]/{part}") };
        let help = format!(
            "= help: `{place}` belongs to the user `root`, and each user needs a cache of their own: set TIERCE_CACHE to a folder of \
             yours, or take this one over: `sudo chown -R \"$USER\" [CACHE]`"
        );
        assert!(said.contains(&help), "{part}:\n{said}");
        tool("chmod", ["-R", "a+rwX", &workspace.root().to_string_lossy()]).ok();
    }
}
