//! The volumes of the sandbox: folders that several builders mount.

use std::fs;
use std::path::PathBuf;

use tierce_store::files::create_dir;
use tierce_store::receipts::Receipts;
use tierce_store::{Error, owner, sealed};

use crate::about::About;
use crate::scratch::create_root;
use crate::store::{SandboxStore, entries, new_id};

/// The kind of a volume with a ROOT, which a receipt names.
const ROOT: &str = "root";

impl SandboxStore {
    /// Creates an empty volume.
    ///
    /// # Errors
    /// The file system's.
    pub fn create_volume(&self, kind: &str, name: &str) -> Result<(), Error> {
        let (kind, key) = (kind.to_owned(), String::new());
        let about = About { kind, key, below: None, maker: owner::this_process(), id: new_id() };
        let made = self.scratch()?;
        create_root(&made.path().join("tree"))?;
        sealed::write(&made.path().join("about.json"), &about)?;
        let path = self.path("volumes", name);
        create_dir(path.parent().unwrap_or(&path))?;
        fs::rename(made.path(), &path).map_err(|error| Error::file("write", &path, error))
    }

    /// Removes a volume.
    ///
    /// # Errors
    /// The file system's.
    pub fn drop_volume(&self, name: &str) -> Result<(), Error> {
        self.discard_whole(&self.path("volumes", name))
    }

    /// Returns the folder of a volume.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.path("volumes", name).join("tree")
    }

    /// Returns a text that no other volume of this name ever had, or `None` if there is no such volume of this kind.
    pub fn volume_created(&self, kind: &str, name: &str) -> Option<String> {
        let about: About = sealed::read(&self.path("volumes", name).join("about.json"))?;
        (about.kind == kind).then_some(about.id)
    }

    pub(crate) fn remove_left_volumes(&self, receipts: &Receipts) -> Result<(), Error> {
        let mut left = Vec::new();
        for path in entries(&self.folder().join("volumes")) {
            let about = sealed::read::<About>(&path.join("about.json"));
            if about.as_ref().is_none_or(|about| !owner::is_alive(&about.maker)) {
                left.push((path, about.is_some_and(|about| about.kind == ROOT)));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        // Volumes before receipts: a run that has ended by now has written its receipts.
        let known = receipts.volumes();
        let has_receipt =
            |path: &PathBuf| path.file_name().is_some_and(|name| known.contains(&*name.to_string_lossy()));
        for (path, _) in left.iter().filter(|(path, is_root)| !(*is_root && has_receipt(path))) {
            self.discard_whole(path)?;
        }
        Ok(())
    }
}
