//! The record beside a root or a volume.

use serde::{Deserialize, Serialize};

/// The record of a root or a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The kind of the step that made it.
    pub(crate) kind: String,
    /// The key of that step; empty for a volume.
    pub(crate) key: String,
    /// The root below this one.
    pub(crate) below: Option<String>,
    /// The process that made it. It counts until the root has a name, or a receipt names the volume.
    pub(crate) maker: String,
    /// A name that no other root or volume ever had.
    pub(crate) id: String,
}
