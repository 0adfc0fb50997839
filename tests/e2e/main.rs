//! End to end: real Docker, real emerge, real cargo, images that really run.
//!
//! These tests need a daemon and the mirrors of the host's own configuration. `cargo dev setup` installs the tools that judge
//! the results, such as skopeo, umoci and lddtree. Where no daemon answers, the first test ends all of them with one line.

mod answers;
mod base_changes;
mod bases;
mod builders;
mod cargo_build;
mod causes;
mod clean;
mod commands;
mod concurrency;
mod content_errors;
mod daemon;
mod daemon_errors;
mod damage;
mod debug_box;
mod debug_copy;
mod debug_forward;
mod debug_gdb;
mod debug_remains;
mod debug_sessions;
mod debug_targets;
mod debug_terminal;
mod docker;
mod dry_runs;
mod ebuilds;
mod engines;
mod first_image;
mod foreign_bases;
mod graph;
mod hangs;
mod healthchecks;
mod hello;
mod hidden_folders;
mod hooks;
mod host_programs;
mod hostile_builds;
mod image_keys;
mod image_tests;
mod interruption;
mod judges;
mod kept;
mod loading;
mod lock;
mod locks;
mod merging;
mod mirror;
mod names;
mod native_crates;
mod new;
mod oci_judges;
mod package_errors;
mod package_images;
mod packages;
mod php;
mod places;
mod podman;
mod progress;
mod pty;
mod registry;
mod reproducible;
mod root_errors;
mod run;
mod running;
mod runtime_deps;
mod sandbox;
mod sandboxed_tests;
mod search;
mod settings;
mod shared_cache;
mod shell;
mod size;
mod sources;
mod starting;
mod strangers;
mod support;
mod system_judges;
mod terminal;
mod thumbnailer;
mod times;
mod toolbox;
mod tutorial;
mod unmerge;
mod user_namespaces;
mod verify;
mod warm;
mod writing_ebuilds;

/// The program under test. It needs a daemon, so a test that asks for it ends the run where none answers.
fn xtask_path() -> &'static str {
    times::start();
    daemon::require();
    env!("CARGO_BIN_EXE_xtask-under-test")
}

/// The engine of the program under test.
fn engine() -> String {
    engines::engine()
}
