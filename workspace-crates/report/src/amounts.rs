//! Sums of files and bytes.

use serde::{Deserialize, Serialize};

/// Sizes from the builder to the image, in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sizes {
    /// The builder's image; None if no run needed a builder for this image.
    pub builder: Option<u64>,
    /// All files of ROOT after emerge.
    pub root: u64,
    /// All files of ROOT's copy without the unmerged packages; None if the table unmerges none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmerged: Option<u64>,
    /// The files that the closure selected.
    pub closure: u64,
    /// The image's layers, uncompressed.
    pub image: u64,
}

/// The share of one owner in an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnerSize {
    /// The owner: `category/name` for a package, else the source of the files, such as `the program`.
    pub owner: String,
    /// The number of its regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The packages that an image has because of one USE flag.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlagSize {
    /// The flag: `category/name[flag]`, or `category/name[-flag]` if the unset flag adds them.
    pub flag: String,
    /// The packages, each `category/name-version`.
    pub packages: Vec<String>,
    /// The bytes of their files in the image.
    pub bytes: u64,
}

/// The files that a preset or a glob keeps out of an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    /// The preset's name, or the glob.
    pub name: String,
    /// The number of its regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}
