//! The steps of a plan: the facts that it depends on, and one file an action.
//!
//! The folders are layers, and each imports only those above it in this list: `gather` (facts for planning), `steps` (one
//! file an action).

mod gather;
mod steps;

pub use gather::crates::crates;
pub use gather::gather;
pub use gather::program_checks::check_crates;
pub use steps::compile::{Compilation, cargo_call, compile_container, profiles, sources};
pub use steps::image_files::bring_tree;
pub use steps::mirrors::all_mirrors;
pub use steps::perform::Performer;
pub use steps::select_files::{SelectedFiles, select_files};
pub use steps::sources::source_urls;
pub use steps::unmerge::unmerge_container;
pub use tierce_image_tests::ImageTests;
