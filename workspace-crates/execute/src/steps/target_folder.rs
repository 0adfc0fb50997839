//! cargo's target folders: kept between runs, one for each builder and each interface of a ROOT.
//!
//! cargo knows nothing of what lies in ROOT: where a header or a symbol there becomes another one, it takes what it has built
//! for fresh, and what it linked before would ship. So what is built against another interface is built in another folder;
//! images with the same share one, and a library whose code alone has changed costs no compilation.

use std::fs;
use std::path::Path;

use camino::Utf8PathBuf;
use tierce_plan::{Builder, Root};

use crate::executor::Executor;
use crate::facts::digest_of;
use crate::places::create_dir;
use crate::{Error, files};

/// The file beside an image's other results that names its target folder.
const NOTE: &str = "target-folder";

impl Executor<'_> {
    /// The target folder for an image, empty if it is to be built from nothing. The one that it had before is removed unless
    /// another image has it: nothing is built there while this runs. Workspaces may share one target folder, so what no image
    /// of this one uses is left alone.
    pub(crate) fn target_folder(
        &self,
        image: &str,
        builder: &Builder,
        root: &Root,
        from_nothing: bool,
    ) -> Result<Utf8PathBuf, Error> {
        let places = &self.session.places;
        let (images, all) = (places.own("images"), places.own("cargo"));
        let name = &digest_of(&[&builder.key, &root.interface])[..16];
        let note = images.join(image).join(NOTE);
        let before = fs::read_to_string(&note).unwrap_or_default();
        files::write(&note, name)?;
        let old = all.join(&before);
        if is_name(&before) && old.is_dir() && !notes(&images)?.contains(&before) {
            fs::remove_dir_all(&old).map_err(|error| Error::file("remove", &old, error))?;
        }
        let folder = all.join(name);
        if from_nothing && folder.is_dir() {
            fs::remove_dir_all(&folder).map_err(|error| Error::file("remove", &folder, error))?;
        }
        create_dir(&folder)?;
        crate::steps::debian::utf8(folder)
    }
}

/// Whether this is what a note holds: nothing else names a folder that may be removed.
fn is_name(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The target folders that images have.
fn notes(images: &Path) -> Result<Vec<String>, Error> {
    let failed = |error| Error::file("read the folder", images, error);
    let entries = fs::read_dir(images).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    Ok(entries.iter().filter_map(|entry| fs::read_to_string(entry.path().join(NOTE)).ok()).collect())
}
