//! Roots and volumes of the sandbox, as folders of the user's cache, and images that run in it.
//!
//! `sandbox/roots/ID` has the folder `tree`, one layer, and `about.json`. `sandbox/names` has a file for each name, with the id of
//! its root. `sandbox/volumes/NAME` has the folder `tree` and `about.json`. `sandbox/scratch` has unfinished folders, each locked by
//! the process that uses it. All of them get their final name by a rename, once they are whole.

#[cfg(test)]
mod tests;

mod about;
mod image;
mod image_layers;
mod image_program;
mod layered;
mod scratch;
mod store;
mod users;
mod volumes;

pub use image::{ImageRun, SandboxImage};
pub use image_program::{RunOptions, needs_users};
pub use layered::Used;
pub use scratch::Scratch;
pub use store::{SANDBOX_ID, SandboxStore};
pub use users::{forget_one_user, state_of_machine};
