//! Gathers facts and runs plans: store, receipts, locks, sinks.
//!
//! A [`Session`] is one workspace and one run: it reads the tables, plans with what it knows, runs the plan and plans again
//! until the images are where they were asked to be. What goes on is told to an [`Observer`]; nothing is printed here.
//!
//! A step leaves a receipt under its key: what it was made of, what it came to, how long it took. Receipts of what serves every
//! workspace lie in the user's cache, the others in the workspace's target folder. Locks are files that the kernel lets go of
//! when their process ends, so that a killed run is in nobody's way.

mod accounts;
mod blame;
mod budget;
mod clean;
mod debugging;
mod declared;
mod delivery;
mod error;
mod executor;
mod facts;
mod failed;
mod files;
mod forecast;
mod gaps;
mod graph;
mod image_tests;
mod kept_workspace;
mod layer_limit;
mod list;
mod lock_file;
mod locks;
mod no_deps;
mod options;
mod owner;
mod package_report;
mod places;
mod profiles;
mod progress;
mod read_files;
mod reasons;
mod receipts;
mod report;
mod repositories;
mod run;
mod scaffold;
mod session;
mod shell;
mod size;
mod stages;
mod steps;
mod tidy;
mod tree_digest;
mod untagged;
mod update;
mod uses;
mod verify;
mod workspace_text;

pub use clean::{Cleaned, Kind, Scope};
pub use debugging::{
    DETACHED, DebugFiles, SessionLabels, Toolbox, image_label, is_of_image, remove_left_sessions, remove_superseded,
};
pub use delivery::Delivered;
pub use error::{Error, ErrorKind, FailedTests, NotBuilt, TestedWhen};
pub use files::write as write_file;
pub use forecast::Forecast;
pub use gaps::{Added, Gap};
pub use graph::{ImageGraph, PackageVertex};
pub use image_tests::ImageTests;
pub use list::{Built, ListedImage, State};
pub use options::Options;
pub use places::{Places, UserFolders};
pub use progress::{Event, Observer, Unit};
pub use report::{ContentEntry, Contents, FlagSize, LeftOut, OwnerSize, Report, Sizes, megabytes};
pub use run::StepRun;
pub use scaffold::Drafted;
pub use session::Session;
pub use shell::{SHELL_STEPS, Shell, ShellOptions};
pub use size::{By, Change, Group, ImageSize, SizedFile, SizedLayer, changes};
pub use stages::{Stage, StageName};
pub use tierce_docker::Environment as DaemonEnvironment;
pub use update::LockUpdate;
pub use verify::{LayerDifference, OwnedDifference, Verification};
