//! cargo's target folders: Tierce keeps one for each builder and each interface of a ROOT.
//!
//! cargo does not see ROOT. If a header or symbol there changes, cargo still considers its outputs fresh, and the image would
//! ship a stale program. So each interface of a ROOT has its own folder. Images with the same interface share one: a library
//! whose code alone changes costs no compilation.

use std::fs;
use std::path::Path;

use camino::Utf8PathBuf;
use tierce_builders::container::context::Context;
use tierce_plan::{Builder, Root, digest_of};
use tierce_store::files::utf8;
use tierce_store::{Error, files, untrusted};

/// The file beside an image's other results that names its target folder.
const NOTE: &str = "target-folder";

/// Returns the target folder for an image, emptied if `from_nothing`. It removes the image's previous folder unless another
/// image uses it; no build runs there meanwhile. Workspaces may share a cargo folder, so it leaves folders that no image
/// here uses.
pub(super) fn target_folder(
    context: &Context<'_>,
    image: &str,
    builder: &Builder,
    root: &Root,
    from_nothing: bool,
) -> Result<Utf8PathBuf, Error> {
    let paths = &context.workspace.paths;
    let (images, all) = (paths.own("images"), paths.own("cargo"));
    let name = &digest_of(&[&builder.key, &root.interface])[..16];
    let note = paths.of_image("images", image).join(NOTE);
    let before = tierce_bounded::text(&note, &tierce_bounded::SETTINGS).unwrap_or_default();
    files::write(&note, name)?;
    let old = all.join(&before);
    if is_name(&before) && old.is_dir() && !notes(&images)?.contains(&before) {
        untrusted::remove(&old)?;
    }
    let folder = all.join(name);
    if from_nothing {
        untrusted::remove(&folder)?;
    }
    untrusted::own_folder(&folder)?;
    utf8(folder)
}

/// Whether a text is a valid note. Tierce removes no folder with another name.
fn is_name(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the target folders that images use.
fn notes(images: &Path) -> Result<Vec<String>, Error> {
    let failed = |error| Error::file("read the folder", images, error);
    let entries = fs::read_dir(images).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    Ok(entries
        .iter()
        .filter_map(|entry| tierce_bounded::text(entry.path().join(NOTE), &tierce_bounded::SETTINGS).ok())
        .collect())
}
