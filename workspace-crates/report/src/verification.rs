//! The differences between a stored image and the same image, rebuilt.

use serde::{Deserialize, Serialize};
use tierce_oci::DocumentDifference;
use tierce_rootfs::FileDifference;

/// The comparison of a stored image, `before`, with the same image rebuilt, `after`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verification {
    /// The image's name.
    pub image: String,
    /// The stored image: a reference, an archive or a layout.
    pub against: String,
    /// Whether both are equal, byte for byte.
    pub identical: bool,
    /// The stored image's id.
    pub before: String,
    /// The rebuilt image's id.
    pub after: String,
    /// The files that differ.
    pub files: Vec<OwnedDifference>,
    /// The layers that differ.
    pub layers: Vec<LayerDifference>,
    /// The differences of the configs, except for their layers.
    pub config: Vec<DocumentDifference>,
    /// The differences of the manifests' annotations; empty unless the manifest of the build is stored.
    pub annotations: Vec<DocumentDifference>,
}

/// A file that differs, with its owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnedDifference {
    /// Its path and differences.
    #[serde(flatten)]
    pub file: FileDifference,
    /// Its owner: its package, else its source; None if unknown.
    pub owner: Option<String>,
}

/// A layer that differs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerDifference {
    /// The layer's number; the lowest is 1.
    pub layer: usize,
    /// The entry of the history that made it.
    pub name: String,
    /// The stored layer's digest; None if the stored image has no such layer.
    pub before: Option<String>,
    /// The rebuilt layer's digest; None if the rebuilt image has no such layer.
    pub after: Option<String>,
    /// The first difference of the archives if all their files are equal.
    pub written: Option<String>,
}
