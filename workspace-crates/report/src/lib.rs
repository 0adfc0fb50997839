//! The content of an image as data and sums.
//!
//! The reports have its files with owners, layers and reasons, its packages and crates, possibly missing files, growth since the last
//! build, and differences from another image. All functions are pure: `tierce-execute` gathers their input and writes the results.

mod amounts;
mod budget;
mod contents;
mod groups;
mod image;
mod packages;
mod reasons;
mod sizes;
mod stages;
mod text;
mod verification;
mod warnings;

pub use amounts::{FlagSize, LeftOut, OwnerSize, Sizes};
pub use budget::{Excess, excess, strangers};
pub use contents::{ContentEntry, Contents};
pub use groups::{By, Change, Group, changes};
pub use image::{Report, StepRun};
pub use packages::{Crate, Installed, PackageReport};
pub use sizes::{ImageSize, SizedFile, SizedLayer};
pub use stages::{Stage, StageName, stages};
pub use text::megabytes;
pub use verification::{LayerDifference, OwnedDifference, Verification};
pub use warnings::{Added, Gap, added};
