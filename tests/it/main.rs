//! End to end: real Docker, real emerge, real cargo, images that really run.
//!
//! A daemon and the mirrors of the host's own configuration are all that these need. What judges the results (skopeo, umoci,
//! lddtree) is installed by `.ci/run`.

mod answers;
mod architecture;
mod builders;
mod cargo_build;
mod causes;
mod clean;
mod commands;
mod concurrency;
mod content_errors;
mod daemon_errors;
mod debug_box;
mod debug_copy;
mod debug_forward;
mod debug_gdb;
mod debug_remains;
mod debug_sessions;
mod debug_targets;
mod debug_terminal;
mod ebuilds;
mod file_errors;
mod first_image;
mod graph;
mod hello;
mod image_keys;
mod interruption;
mod judges;
mod kept;
mod loading;
mod lock;
mod locks;
mod manifest_errors;
mod mirror;
mod new;
mod package_errors;
mod package_images;
mod packages;
mod places;
mod podman;
mod pty;
mod reproducible;
mod root_errors;
mod running;
mod settings;
mod shell;
mod size;
mod support;
mod terminal;
mod thumbnailer;
mod toolbox;
mod unmerge;
mod verify;
mod warm;
mod workspace_errors;
