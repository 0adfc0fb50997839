//! The report of a run on one image.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tierce_plan::{PackedLayer, StepId};
use tierce_rootfs::Finding;

use crate::amounts::{FlagSize, LeftOut, OwnerSize, Sizes};
use crate::stages::Stage;
use crate::warnings::{Added, Gap};

/// The report of a run on one image. Sizes are in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The image's name.
    pub image: String,
    /// Its address: a reference in the daemon, `oci:DIR:NAME` or `docker-archive:FILE`.
    pub reference: String,
    /// The image's id: the digest of its config.
    pub id: String,
    /// The sizes of the builder, of ROOT, and of the image.
    pub sizes: Sizes,
    /// The same sizes in the order of the stages, with one stage for each kind of files that are left out.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// The bytes of the image's files by owner, the largest first.
    pub owners: Vec<OwnerSize>,
    /// The packages that USE flags add to ROOT, with their bytes in the image, the largest first.
    #[serde(default)]
    pub flags: Vec<FlagSize>,
    /// The presets and globs that keep files out of an image of packages, the largest first.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// The layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// The bytes that this run sent to the sink.
    pub sent: u64,
    /// The steps, run or reused.
    pub steps: Vec<StepRun>,
    /// The files that run-time dependencies and their keys added, by name.
    #[serde(default)]
    pub added: Vec<Added>,
    /// The things that might be missing.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// All warnings and notes of the closure, gaps included.
    pub findings: Vec<Finding>,
}

/// One step of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepRun {
    /// The step's id.
    pub step: StepId,
    /// The step's title for people.
    pub title: String,
    /// Whether the run reused an earlier result.
    pub reused: bool,
    /// The reason why it ran; None if it was reused.
    pub cause: Option<String>,
    /// Its duration in this run, or in the run that made the reused result.
    pub took: Duration,
}
