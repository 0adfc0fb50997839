//! A daemon that does not see this machine's folders: a run says so before it downloads or builds anything.

use std::time::{Duration, Instant};

use crate::daemon_errors::Daemon;
use crate::running::{OwnCache, program};
use crate::support::{run, tool, unique_name};

/// The limit for the first error on a busy machine.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn hidden_folder_is_named_before_any_step() {
    let workspace = program(&unique_name(), "");
    let cache = OwnCache::with_own_builder(&[]);
    let above = cache.path().parent().expect("a folder");
    let mine = [(cache.path(), "[CACHE]"), (workspace.root(), "[WORKSPACE]")];
    // The daemon sees an empty folder, or none.
    for (hidden, expected) in [
        (cache.path(), "the folder `[CACHE]` of this machine"),
        (above, "the folder `[CACHE]` of this machine"),
        (workspace.root(), "the folder `[WORKSPACE]/target/tierce` of this machine"),
    ] {
        let daemon = Daemon::start_without(hidden);
        let start = Instant::now();
        let mut command = cache.image(workspace.root());
        let ran = run(command.env("DOCKER_HOST", daemon.host())).fails_with(8);
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        let said = mine.iter().fold(ran.stderr.replace(&daemon.host(), "[DAEMON]"), |text, (path, name)| {
            text.replace(&path.display().to_string(), name)
        });
        let expected = format!("error: the daemon at `[DAEMON]` does not see {expected}\n");
        assert!(said.contains(&expected) && !said.contains("Running"), "{said}");
        assert!(said.contains(", or share the folder with the virtual machine of the daemon"), "{said}");
        for list in [&["images", "-aq"], &["ps", "-aq"]] {
            let left = tool("docker", ["--host", &daemon.host()].iter().chain(list)).ok();
            assert_eq!(left.stdout, "", "{list:?}");
        }
    }
}
