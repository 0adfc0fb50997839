//! The verbs of the program. [`Session`] is one workspace and one run; an [`Observer`] receives progress. This crate prints
//! nothing.

mod commands;
mod session;

pub use commands::clean::{Cleaned, Kind, Scope};
pub use commands::debug::{DebugFiles, KnownToolbox, Toolbox};
pub use commands::doctor::doctor;
pub use commands::graph::{ImageGraph, PackageVertex};
pub use commands::list::{Built, ListedImage, State};
pub use commands::manifest::{ManifestScope, WrittenManifest};
pub use commands::new::{Drafted, not_drafted, origin};
pub use commands::report::Delivered;
pub use commands::run::Runnable;
pub use commands::shell::{SHELL_STEPS, Shell, ShellOptions};
pub use commands::update::LockUpdate;
pub use session::Session;
pub use tierce_builders::daemon::debug_sessions::{
    DETACHED, SessionLabels, image_label, is_of_image, remove_left_sessions, remove_superseded,
};
pub use tierce_builders::engine::forecast::Forecast;
pub use tierce_builders::workspace::options::Options;
pub use tierce_docker::Environment as DaemonEnvironment;
pub use tierce_doctor::{Check, Diagnosis, Engine, State as CheckState, Subject};
pub use tierce_portage::{FlagSource, FlagState, FoundPackage, PackageFlags, PackageVersion};
pub use tierce_roots::RunOptions;
pub use tierce_steps::ImageTests;
pub use tierce_store::files::write as write_file;
pub use tierce_store::paths::{Paths, UserFolders};
pub use tierce_store::{Error, ErrorKind, Event, Observer, Unit};
