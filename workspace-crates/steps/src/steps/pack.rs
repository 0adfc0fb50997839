//! Packing: writes the selected files as the layers and documents of an image.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;

use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_manifest::ImageSpec;
use tierce_oci::{LayerInfo, LayerWriter};
use tierce_plan::{Ingredients, Outcome, PackedImage, PackedLayer};
use tierce_report::{Contents, Excess, excess, strangers};
use tierce_rootfs::{Index, NodeKind, layers};
use tierce_store::{Error, ErrorKind, files, sealed};

use crate::steps::base_image::BaseImage;
use crate::steps::documents::assemble;
use crate::steps::image_files::TIME;
use crate::steps::layer_limit;
use crate::steps::select::{Selection, select};

/// Increase this number if Tierce writes layers differently: other bytes need other keys.
const LAYER_FORMAT: u32 = 1;

/// Selects the image's files and writes its layers.
pub(super) fn pack(context: &Context<'_>, image: &str, inputs: &Inputs) -> Result<Outcome, Error> {
    let spec = context.image(image)?;
    let Selection { image: selected, chosen, owners, below, mut archive, user } = select(context, spec, inputs)?;
    let mut packed = Vec::new();
    let mut own = Cow::Borrowed(&selected);
    if let Some(BaseImage { layers, base, .. }) = &below {
        let changes = base.changes(&selected);
        packed.extend(layers.iter().cloned());
        packed.extend(write_removals(context, &changes.removed, &selected)?);
        own = Cow::Owned(selected.select(changes.added.iter().map(String::as_str))?);
    }
    let layers = layers(&own, &chosen, &owners.of_layers);
    layer_limit::check(spec, &packed, layers.len())?;
    for layer in &layers {
        let info = write_layer(context, &layer.paths, &own, &mut archive)?;
        let name = layer.group.to_string();
        packed.push(PackedLayer { name, diff_id: info.diff_id.to_string(), size: info.size });
    }
    let foreign = below.as_ref().and_then(|below| below.foreign.clone());
    let origin = below.as_ref().map(|below| below.origin.clone()).unwrap_or_default();
    let closure = tierce_rootfs::report::total(&selected).bytes;
    let packed = PackedImage { id: String::new(), closure, layers: packed, foreign, origin, user };
    let id = assemble(spec, &packed, context.facts, None)?.id.to_string();
    let packed = PackedImage { id, ..packed };
    let contents = Contents::new(
        &selected,
        chosen,
        &owners.of_files,
        &layers,
        below.as_ref().map(|below| (below.layers.as_slice(), &below.base)),
        &packed,
    );
    // Check before writing the list: if the image is too large, the list of the previous image stays.
    check_budget(context, spec, &packed, &contents)?;
    sealed::write(&context.workspace.paths.contents(image), &contents)?;
    Ok(Outcome::Image(packed))
}

/// Fails if the image exceeds its `max-size`.
fn check_budget(
    context: &Context<'_>,
    spec: &ImageSpec,
    packed: &PackedImage,
    contents: &Contents,
) -> Result<(), Error> {
    for stranger in strangers(spec, contents) {
        context.warn(format!("`max-size` of `{}` names `{stranger}`, which has no file in the image", spec.name));
    }
    let before = files::read_json(&context.workspace.paths.report(spec.name.as_str()));
    match excess(spec, packed, contents, before.as_ref()) {
        None => Ok(()),
        Some(Excess { place, lines }) => {
            let message = format!("the image `{}` is larger than its `max-size`", spec.name);
            let help = "leave out what is not needed, by USE flags or `prune`, or raise `max-size`; nothing was loaded or \
                        tagged";
            Err(Error::new(ErrorKind::TooLarge, message).with_lines(&lines).at(&place).with_help(help))
        }
    }
}

/// Writes a layer, or returns a cached one with the same content.
fn write_layer(
    context: &Context<'_>,
    paths: &[String],
    index: &Index,
    archive: &mut RootArchive,
) -> Result<LayerInfo, Error> {
    let key = layer_key(paths, index);
    let known = context.workspace.paths.shared("layers").join(format!("{key}.json"));
    if let Some(info) = sealed::read::<LayerInfo>(&known)
        && fs::metadata(context.workspace.paths.blob(info.diff_id.hex().as_str())).is_ok_and(|m| m.len() == info.size)
    {
        return Ok(info);
    }
    let mut blob = files::temporary_beside(&context.workspace.paths.blob(&key))?;
    let mut writer = LayerWriter::new(blob.as_file_mut(), TIME);
    for path in paths {
        context.workspace.check_interrupted()?;
        let Some(node) = index.tree().get(path) else { continue };
        match (&node.kind, index.content(path)) {
            (NodeKind::File { .. }, Some(content)) => writer.append(path, node, archive.content(content)?)?,
            _ => writer.append(path, node, io::empty())?,
        }
    }
    let info = writer.finish()?;
    files::persist(blob, &context.workspace.paths.blob(info.diff_id.hex().as_str()))?;
    sealed::write(&known, &info)?;
    Ok(info)
}

/// Writes the layer that removes files of lower layers, or returns `None` without such files.
fn write_removals(context: &Context<'_>, removed: &[String], image: &Index) -> Result<Option<PackedLayer>, Error> {
    if removed.is_empty() {
        return Ok(None);
    }
    let whiteout = |at: &String| {
        let (above, name) = at.rsplit_once('/').unwrap_or(("", at));
        format!("{above}/.wh.{name}")
    };
    // The map puts the entries into the order of the layer.
    let mut entries: BTreeMap<String, Option<&String>> = removed.iter().map(|at| (whiteout(at), Some(at))).collect();
    for at in removed {
        entries.extend(tierce_rootfs::path::parents(at).map(|above| (above.to_owned(), None)));
    }
    let mut bytes = Vec::new();
    let mut writer = LayerWriter::new(&mut bytes, TIME);
    for (path, removed) in &entries {
        match (removed, image.tree().get(path)) {
            (Some(removed), _) => writer.remove(removed)?,
            (None, Some(node)) => writer.append(path, node, io::empty())?,
            (None, None) => {}
        }
    }
    let info = writer.finish()?;
    files::write(&context.workspace.paths.blob(info.diff_id.hex().as_str()), bytes)?;
    Ok(Some(PackedLayer { name: "removed".into(), diff_id: info.diff_id.to_string(), size: info.size }))
}

/// Whether the cache has every layer of a packed image and the list of its files.
pub(super) fn packed_is_present(context: &Context<'_>, image: &str, packed: &PackedImage) -> bool {
    // The list may be of another state of the table, which a later run packed.
    layers_are_present(context, &packed.layers) && listed(context, image).is_some_and(|listed| listed.id == packed.id)
}

/// Whether there is a list of the image's files, which every run reports.
pub(super) fn is_listed(context: &Context<'_>, image: &str) -> bool {
    listed(context, image).is_some()
}

fn listed(context: &Context<'_>, image: &str) -> Option<Listed> {
    sealed::read(&context.workspace.paths.contents(image))
}

/// Whether the cache has every layer.
pub(super) fn layers_are_present(context: &Context<'_>, layers: &[PackedLayer]) -> bool {
    layers.iter().all(|layer| {
        let hex = layer.diff_id.trim_start_matches("sha256:");
        fs::metadata(context.workspace.paths.blob(hex)).is_ok_and(|metadata| metadata.len() == layer.size)
    })
}

/// The part of a list of files that names its image.
#[derive(serde::Deserialize)]
struct Listed {
    id: String,
}

/// Returns the cache key of a layer: a digest of everything that decides its bytes.
fn layer_key(paths: &[String], index: &Index) -> String {
    let mut ingredients = Ingredients::default();
    ingredients.add("format", LAYER_FORMAT.to_string()).add("time", TIME.to_string());
    for path in paths {
        let Some(node) = index.tree().get(path) else { continue };
        let content = index.content(path).map_or("", |content| &content.sha256);
        // JSON can encode every node.
        ingredients.add(path, serde_json::to_string(&(node, content)).unwrap_or_default());
    }
    ingredients.key().to_string()
}
