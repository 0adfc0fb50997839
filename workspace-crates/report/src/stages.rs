//! The sizes of all stages from the builder to the image.

use serde::{Deserialize, Serialize};
use tierce_manifest::{Include, PRESETS};

use crate::amounts::{LeftOut, Sizes};

/// A stage on the way from the builder to the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// The root filesystem that Portage runs in.
    Builder,
    /// ROOT after emerge.
    Root,
    /// ROOT without the unmerged packages.
    Unmerge,
    /// The rest without the files of the presets.
    Presets,
    /// The rest without the files that `prune` matches.
    Prune,
    /// All files of the image: those selected from ROOT, and those from elsewhere.
    Files,
    /// The layers of the image, uncompressed.
    Image,
}

impl StageName {
    /// Returns its name for people, to stand before a size.
    pub fn label(self) -> &'static str {
        match self {
            StageName::Builder => "builder",
            StageName::Root => "ROOT",
            StageName::Unmerge => "after unmerge",
            StageName::Presets => "after presets",
            StageName::Prune => "after prune",
            StageName::Files => "all files of the image",
            StageName::Image => "its layers",
        }
    }
}

/// The size of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stage {
    /// The stage's name.
    pub stage: StageName,
    /// The bytes of its regular files, or of its layers.
    pub bytes: u64,
}

/// Returns the stages that an image went through, in their order.
///
/// A closure has no stages for presets and globs, because most files that it leaves out match neither.
pub fn stages(include: Include, sizes: &Sizes, left_out: &[LeftOut]) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut add = |stage, bytes| stages.push(Stage { stage, bytes });
    if let Some(bytes) = sizes.builder {
        add(StageName::Builder, bytes);
    }
    add(StageName::Root, sizes.root);
    if let Some(bytes) = sizes.unmerged {
        add(StageName::Unmerge, bytes);
    }
    if include == Include::Packages {
        let is_preset = |left: &&LeftOut| PRESETS.iter().any(|preset| preset.name == left.name);
        let (presets, globs): (Vec<&LeftOut>, Vec<&LeftOut>) = left_out.iter().partition(is_preset);
        let mut rest = sizes.unmerged.unwrap_or(sizes.root);
        for (stage, left_out) in [(StageName::Presets, presets), (StageName::Prune, globs)] {
            if !left_out.is_empty() {
                rest = rest.saturating_sub(left_out.iter().map(|left| left.bytes).sum());
                add(stage, rest);
            }
        }
    }
    add(StageName::Files, sizes.closure);
    add(StageName::Image, sizes.image);
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_has_its_size() {
        let sizes = Sizes { builder: Some(900), root: 100, unmerged: None, closure: 41, image: 45 };
        let left = |name: &str, bytes| LeftOut { name: name.into(), files: 1, bytes };
        let left_out = [left("/usr/share/x", 20), left("headers", 30), left("man", 10)];
        let said = |include, sizes, left_out: &[LeftOut]| {
            let line = |stage: &Stage| format!("{:?} {}", stage.stage, stage.bytes);
            stages(include, sizes, left_out).iter().map(line).collect::<Vec<_>>().join(", ")
        };
        let pruned = "Builder 900, Root 100, Presets 60, Prune 40, Files 41, Image 45";
        assert_eq!(said(Include::Packages, &sizes, &left_out), pruned);
        let without_a_package = Sizes { unmerged: Some(95), ..sizes.clone() };
        let unmerged = "Builder 900, Root 100, Unmerge 95, Presets 55, Prune 35, Files 41, Image 45";
        assert_eq!(said(Include::Packages, &without_a_package, &left_out), unmerged);
        let unknown_builder = Sizes { builder: None, ..sizes };
        assert_eq!(said(Include::Packages, &unknown_builder, &left_out[..1]), "Root 100, Prune 80, Files 41, Image 45");
        assert_eq!(said(Include::Closure, &unknown_builder, &[]), "Root 100, Files 41, Image 45");
    }
}
