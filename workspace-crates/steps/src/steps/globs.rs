//! The globs and presets of a table: which files to keep, to leave out, and to allow to be missing.

use tierce_manifest::{AllowMissing, ContentSpec, ImageSpec, Include, PRESETS};
use tierce_plan::keep_globs;
use tierce_rootfs::{Globs, Patterns};
use tierce_store::Error;

/// Whether the image contains every file of its packages. On an external base, an image without packages holds only the files
/// that its own files need.
pub(super) fn includes_packages(spec: &ImageSpec) -> bool {
    let has_packages = spec.base.foreign().is_none() || !spec.emerge.packages.is_empty();
    spec.content.include == Include::Packages && has_packages
}

/// Compiles the globs of the table and the presets.
pub(super) fn globs(content: &ContentSpec) -> Result<Globs, Error> {
    let kept: Vec<(String, String)> = content.keep.iter().flat_map(|keep| keep_globs(&keep.value)).collect();
    let of_presets = PRESETS.iter().flat_map(|preset| preset.globs.iter().map(|glob| (preset.name, *glob)));
    Ok(Globs {
        keep: Patterns::named(kept.iter().map(|(name, glob)| (name.as_str(), glob.as_str())))?,
        prune: Patterns::new(content.prune.iter().map(|glob| glob.value.glob()))?,
        remove: Patterns::new(content.remove.iter().map(|glob| glob.value.glob()))?,
        presets: Patterns::named(of_presets)?,
        allow_missing: Patterns::new(content.allow_missing.iter().filter_map(|allowed| match &allowed.value {
            AllowMissing::Glob(glob) => Some(glob.glob()),
            AllowMissing::RuntimeDep(_) | AllowMissing::Package(_) => None,
        }))?,
        ..Globs::default()
    })
}
