//! What is said where `--no-deps` would need an image that is not built.

use std::fmt;

use tierce_manifest::Place;

/// Images that would have to be built first, although nobody asked for them.
#[derive(Debug)]
pub struct NotBuilt {
    /// The images, at least one, each after those that it begins with.
    pub images: Vec<String>,
    /// The step of each that would run, and why.
    pub lines: Vec<String>,
    /// Where an image says that it begins with the first of them.
    pub place: Option<Place>,
}

impl fmt::Display for NotBuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.images.len() == 1 { "image" } else { "images" };
        let have = if self.images.len() == 1 { "has" } else { "have" };
        write!(f, "the {noun} `{}` {have} to be built first, and --no-deps forbids it", self.images.join("`, `"))?;
        self.lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for NotBuilt {}

impl NotBuilt {
    /// How to go on.
    pub(super) fn help(&self) -> String {
        format!("`cargo xtask image {}` builds what is missing; or leave --no-deps out", self.images.join(" "))
    }
}
