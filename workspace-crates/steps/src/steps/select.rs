//! The files of an image after its last hook.

use std::collections::BTreeMap;

use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::context::Context;
use tierce_builders::container::hooks::ImageHook;
use tierce_builders::container::inputs::Inputs;
use tierce_manifest::{Hook, ImageSpec};
use tierce_rootfs::{Closure, Index};
use tierce_store::Error;

use crate::steps::base_image::BaseImage;
use crate::steps::finish::apply_last_hook;
use crate::steps::select_files::{SelectedFiles, select_files};
use crate::steps::{entrypoint_check, hook_files, overlay, start_check};

/// The selected files of an image, including those of its base.
pub(super) struct Selection {
    /// Its files.
    pub(super) image: Index,
    /// The reason for each file.
    pub(super) chosen: Closure,
    /// The packages that own the files.
    pub(super) owners: Owners,
    /// Its base.
    pub(super) below: Option<BaseImage>,
    /// ROOT's archive, which has the contents of most files.
    pub(super) archive: RootArchive,
    /// The user that the program runs as, in numbers.
    pub(super) user: Option<String>,
}

/// The packages, as `category/name`, that own each path.
pub(super) struct Owners {
    /// The owners that decide layers.
    pub(super) of_layers: BTreeMap<String, String>,
    /// The same, but a hook owns the files that it made or changed.
    pub(super) of_files: BTreeMap<String, String>,
}

/// Selects the image's files and runs its last hook.
pub(super) fn select(context: &Context<'_>, spec: &ImageSpec, inputs: &Inputs) -> Result<Selection, Error> {
    let mut files = select_files(context, spec, inputs)?;
    if let Some(hook) = ImageHook::find(spec, Hook::Finish) {
        apply_last_hook(context, hook, inputs.builder()?, &mut files)?;
    }
    entrypoint_check::check(spec, files.external_runtime(), &files.image, &files.rules.globs)?;
    let user = start_check::check_start(context, spec, &mut files)?;
    overlay::set_capabilities(&spec.content, &mut files.image)?;
    let of_files = hook_files::owners(files.owners.clone(), files.hooks, &files.chosen);
    let owners = Owners { of_layers: files.owners, of_files };
    let SelectedFiles { image, chosen, below, archive, .. } = files;
    Ok(Selection { image, chosen, owners, below, archive, user })
}
