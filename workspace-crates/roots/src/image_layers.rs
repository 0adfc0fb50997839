//! The layers of images that run in the sandbox: a root for each layer, with the layer's diff id as its key.

use std::io::Read;

use tierce_sandbox::{Root, Spec};
use tierce_store::Error;

use crate::SandboxStore;

/// The kind of a root that is one layer of an image.
const KIND: &str = "layer";

impl SandboxStore {
    /// Returns the id of the root with a layer of an image, and unpacks the layer if the store lacks it.
    ///
    /// # Errors
    /// Those of the archive, the file system and the sandbox.
    pub fn image_layer(&self, diff_id: &str, archive: impl Read) -> Result<String, Error> {
        // Without a range of users, root owns all files: a sandbox with a range has a copy of its own.
        let owners = if self.sandbox().identity().has_range() { "owned" } else { "unowned" };
        let (name, key) = (format!("layer-{owners}:{diff_id}"), format!("{owners} {diff_id}"));
        if let Some(id) = self.find_own_root(&name, KIND, &key) {
            return Ok(id);
        }
        let scratch = self.scratch()?;
        let spec = Spec { store: self.folder(), root: Root::Folder(scratch.upper_name()), ..Spec::default() };
        self.sandbox().unpack_layer(&spec, archive)?;
        let id = self.keep_root(&scratch, (KIND, &key), None)?;
        self.name_root(&id, &name)?;
        Ok(id)
    }
}
