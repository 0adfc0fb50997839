//! cargo's target folders: kept between runs, one for each ROOT and builder.
//!
//! cargo knows nothing of what lies in ROOT: where a library there becomes another one, it takes what it has built for fresh,
//! and what it linked before would ship. So what is built against another ROOT is built in another folder; images with the
//! same ROOT share one.

use std::collections::BTreeSet;
use std::fs;

use camino::Utf8PathBuf;
use tierce_plan::{Builder, Root};

use crate::executor::Executor;
use crate::facts::digest_of;
use crate::places::create_dir;
use crate::{Error, files};

impl Executor<'_> {
    /// The target folder for an image. Folders that no image of the workspace uses any more are removed: nothing is built in
    /// them while this runs.
    pub(crate) fn target_folder(&self, image: &str, builder: &Builder, root: &Root) -> Result<Utf8PathBuf, Error> {
        let places = &self.session.places;
        let name = &digest_of(&[&builder.key, &root.content])[..16];
        let note = |image: &str| places.own("images").join(image).join("target-folder");
        files::write(&note(image), name)?;
        let images = self.session.spec.images.iter();
        let used: BTreeSet<String> =
            images.filter_map(|image| fs::read_to_string(note(image.name.as_str())).ok()).collect();
        let all = places.own("cargo");
        create_dir(&all)?;
        let failed = |error| Error::file("read the folder", &all, error);
        for entry in fs::read_dir(&all).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
                let path = entry.path();
                fs::remove_dir_all(&path).map_err(|error| Error::file("remove", &path, error))?;
            }
        }
        let folder = all.join(name);
        create_dir(&folder)?;
        crate::steps::debian::utf8(folder)
    }
}
