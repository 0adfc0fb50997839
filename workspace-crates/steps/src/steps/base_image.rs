//! The image that another image starts from: its layers, and its files as a container sees them.

use std::collections::BTreeMap;
use std::path::Path;

use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_manifest::ImageSpec;
use tierce_oci::{Origin, Runtime};
use tierce_plan::PackedLayer;
use tierce_rootfs::{ACCOUNTS, Base, FileContent, Globs, Index, Start, stack};
use tierce_store::Error;

use crate::steps::accounts;
use crate::steps::image_files::text_of;
use crate::steps::layer_index::layer_index;

/// The base of an image.
pub(super) struct BaseImage {
    /// Its layers, the lowest first.
    pub(super) layers: Vec<PackedLayer>,
    /// Its files, and the ROOT that Tierce selected them from.
    pub(super) base: Base,
    /// The run configuration of the lowest base, if that base is external.
    pub(super) foreign: Option<Runtime>,
    /// The author and the history of the lowest base, if that base is external.
    pub(super) origin: Origin,
}

/// The result of merging a base into the ROOT of the image above it.
#[derive(Default)]
pub(super) struct MergedBase {
    /// The paths where the selection starts.
    pub(super) starts: Vec<Start>,
    /// The files of the base: their paths in ROOT, each with its path in the base.
    pub(super) laid: BTreeMap<String, String>,
}

impl BaseImage {
    /// Merges the base into a ROOT whose archive is `archive`.
    pub(super) fn lay_over(&self, root: &mut Index, globs: &mut Globs, archive: &Path) -> Result<MergedBase, Error> {
        let mut source = RootArchive::open(archive)?;
        let is_foreign = self.base.is_foreign();
        let of_root = ACCOUNTS.iter().filter(|_| is_foreign).map(|path| text_of(root, &mut source, path));
        let of_root = of_root.collect::<Result<Vec<_>, Error>>()?;
        let laid = self.base.lay_over(root)?;
        for (path, others) in ACCOUNTS.iter().zip(of_root) {
            add_accounts(root, path, &others.unwrap_or_default(), &mut source)?;
        }
        globs.decided = self.base.decided(root);
        globs.decided.extend(laid.keys().cloned());
        Ok(MergedBase { starts: self.base.starts(root, globs), laid })
    }
}

/// Returns the base of an image, read from the results of earlier steps, or `None` for `scratch`.
pub(super) fn base_image(context: &Context<'_>, spec: &ImageSpec, inputs: &Inputs) -> Result<Option<BaseImage>, Error> {
    let name = match &spec.base {
        tierce_manifest::Base::Scratch => return Ok(None),
        tierce_manifest::Base::Foreign(reference) => {
            return external_base_image(context, &reference.value.to_string(), inputs).map(Some);
        }
        tierce_manifest::Base::Image(name) => &name.value,
    };
    let packed = inputs.packed(name.as_str())?;
    let root = inputs.root(name.as_str()).ok_or_else(|| Error::missing_input("the base's ROOT"))?;
    let root = context.root_facts(&root.key)?.index;
    let base = base(context, name.as_str(), &packed.layers, root, packed.foreign.is_some())?;
    // A layer that the base has from its own base already has a name with that image.
    let named = |layer: &PackedLayer| match layer.name.contains(": ") {
        true => layer.clone(),
        false => PackedLayer { name: format!("{name}: {}", layer.name), ..layer.clone() },
    };
    let layers = packed.layers.iter().map(named).collect();
    Ok(Some(BaseImage { layers, base, foreign: packed.foreign.clone(), origin: packed.origin.clone() }))
}

fn external_base_image(context: &Context<'_>, reference: &str, inputs: &Inputs) -> Result<BaseImage, Error> {
    let saved = inputs.external_base()?;
    let base = base(context, reference, &saved.layers, Index::new(), true)?;
    let (layers, origin) = (saved.layers.clone(), saved.origin.clone());
    Ok(BaseImage { layers, base, foreign: Some(saved.runtime.clone()), origin })
}

/// Reads the files of a base from its layers; `root` is the ROOT that Tierce selected them from.
fn base(
    context: &Context<'_>,
    name: &str,
    packed: &[PackedLayer],
    root: Index,
    is_foreign: bool,
) -> Result<Base, Error> {
    let (mut layers, mut archives) = (Vec::new(), Vec::new());
    for layer in packed {
        context.workspace.check_interrupted()?;
        layers.push(layer_index(context, layer)?);
        archives.push(context.workspace.paths.blob(layer.diff_id.trim_start_matches("sha256:")));
    }
    Ok(Base::new(name, &stack(&layers), &archives, root, is_foreign)?)
}

/// Adds the entries of ROOT that a file of users or groups lacks.
fn add_accounts(index: &mut Index, path: &str, others: &str, source: &mut RootArchive) -> Result<(), Error> {
    let Some(text) = text_of(index, source, path)? else { return Ok(()) };
    let merged = accounts::with_others(&text, others);
    if let Some(node) = index.tree().get(path).cloned().filter(|_| merged != text) {
        let (size, content) = (merged.len() as u64, FileContent::of_bytes(merged.into_bytes()));
        index.insert_file(path, node, size, content)?;
    }
    Ok(())
}
