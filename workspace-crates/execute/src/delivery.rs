//! What a run gives back for each image.

use crate::report::Report;

/// An image that is where it was asked to be.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The image's name in the workspace.
    pub image: String,
    /// What to call it: a reference in the daemon, `oci:DIR:NAME` or `docker-archive:FILE` elsewhere.
    pub reference: String,
    /// What it came to.
    pub report: Report,
}
