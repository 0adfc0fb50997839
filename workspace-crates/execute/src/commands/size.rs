//! `size`: the sizes of an image's files, for an image of the workspace or a stored one.

use tierce_builders::workspace::Workspace;
use tierce_plan::Sink;
use tierce_report::{Contents, ImageSize, Report, SizedFile, SizedLayer};
use tierce_rootfs::{Index, NodeKind, stack};
use tierce_store::{Error, Observer, files};
use tierce_stored::{Source, Stored};

use crate::commands::build::build;
use crate::commands::contents::read_contents;
use crate::commands::stored_image::stored_image;

/// Returns the sizes of an image of the workspace after its last build; builds it if it has no results. Any other name refers
/// to a stored image: a layout, an archive or a reference in the daemon.
///
/// # Errors
/// There is no such image, or the build fails.
pub(crate) fn size(workspace: &Workspace, image: &str, observer: &Observer<'_>) -> Result<ImageSize, Error> {
    if workspace.spec.image(image).is_none() {
        return stored_size(workspace, image, &[]);
    }
    let images = workspace.images(&[image.to_owned()])?;
    let contents = match read_contents(workspace, image) {
        Ok(contents) if !contents.layers.is_empty() => contents,
        _ => {
            build(workspace, &images, &Sink::Daemon, observer)?;
            read_contents(workspace, image)?
        }
    };
    let report = files::read_json::<Report>(&workspace.paths.report(image));
    Ok(ImageSize::of_contents(image, &contents, report.as_ref()))
}

/// Returns the sizes of a stored image. If several images are stored there, `names` selects one.
///
/// # Errors
/// The image is missing or unreadable.
pub(crate) fn stored_size(workspace: &Workspace, stored: &str, names: &[String]) -> Result<ImageSize, Error> {
    let parent = workspace.paths.own("verify");
    files::sweep(&parent, 0);
    let (folder, _held) = files::temporary_folder_in(&parent)?;
    let known: Vec<String> = workspace.spec.images.iter().map(|image| image.name.to_string()).collect();
    let help = match known.is_empty() {
        true => None,
        false => Some(format!("the workspace has the images `{}`", known.join("`, `"))),
    };
    let stored = stored_image(workspace, folder.path(), stored, Source::of(stored), names, help)?;
    let known: Vec<Contents> = known.iter().filter_map(|name| read_contents(workspace, name).ok()).collect();
    Ok(size_of_stored(&stored, &known))
}

/// Returns the sizes of a stored image. A file has an owner only if an image of this workspace has the same path.
fn size_of_stored(stored: &Stored, known: &[Contents]) -> ImageSize {
    let layers: Vec<SizedLayer> = stored
        .layers
        .iter()
        .enumerate()
        .map(|(at, layer)| {
            let name = stored.history(at).map_or_else(|| layer.diff_id.to_string(), str::to_owned);
            let name = name.strip_prefix("tierce: ").unwrap_or(&name).to_owned();
            let compressed = (layer.stored != layer.bytes).then_some(layer.stored);
            SizedLayer { name, bytes: layer.bytes, compressed }
        })
        .collect();
    let indexes: Vec<Index> = stored.layers.iter().map(|layer| layer.index.clone()).collect();
    let file = |(path, placed): (&str, tierce_rootfs::Placed<'_>)| match placed.node.kind {
        NodeKind::File { size } => Some(SizedFile {
            path: path.to_owned(),
            bytes: size,
            owner: known.iter().find_map(|contents| contents.owner(path)),
            layer: placed.layer,
            reason: None,
        }),
        _ => None,
    };
    let files = stack(&indexes).into_iter().filter_map(file).collect();
    ImageSize { image: stored.name.clone(), id: stored.id.to_string(), layers, files, stages: Vec::new() }
}
