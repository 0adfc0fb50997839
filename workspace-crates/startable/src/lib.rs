//! Whether a container's engine can start the program of an image as the image's user. Pure: the index of the image's files and its
//! account files are all that it reads.

mod identity;
mod startable;

pub use identity::{AccountTexts, Identity, UnknownName};
pub use startable::{Obstacle, Surroundings};
