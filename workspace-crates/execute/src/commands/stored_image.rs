//! Reads images from a layout, an archive or the daemon.

use std::path::Path;

use tierce_builders::workspace::{Workspace, platform};
use tierce_manifest::ImageSpec;
use tierce_store::Error;
use tierce_stored::{Reader, Source, Stored};

/// Returns the names that an image may have in a layout, an archive or the daemon.
pub(crate) fn names(workspace: &Workspace, image: &ImageSpec) -> Vec<String> {
    [vec![workspace.spec.layout_name(image)], image.references()].concat()
}

/// Reads a stored image; large contents go into files in `folder`. `help` belongs to the error if the daemon has no such image.
pub(super) fn stored_image(
    workspace: &Workspace,
    folder: &Path,
    text: &str,
    source: Source,
    names: &[String],
    help: Option<String>,
) -> Result<Stored, Error> {
    let reader = Reader {
        name: text,
        scratch: folder,
        wanted: names,
        named: false,
        platform: &platform(),
        interrupted: &workspace.options.interrupted,
    };
    Ok(match source {
        Source::Layout { folder: layout, name: Some(name) } => {
            Reader { wanted: &[name], named: true, ..reader }.layout(&layout)?
        }
        Source::Layout { folder: layout, name: None } => reader.layout(&layout)?,
        Source::Archive(path) => {
            reader.archive(tierce_bounded::open(&path).map_err(|error| Error::file("read", &path, error))?)?
        }
        Source::Daemon(reference) => {
            let docker = workspace.docker()?;
            let Some(image) = docker.image(&reference)? else {
                let problem = "it is no image of the daemon, no folder and no file".into();
                return Err(tierce_stored::Error::Image { problem, help, name: reference }.into());
            };
            // For a name without a tag, the daemon would save all tags.
            let archive = docker.save(&image.id)?;
            let stored = Reader { wanted: &[], ..reader }.archive(archive)?;
            // The daemon writes its own manifest, without the image's annotations.
            Stored { annotations: None, ..stored }
        }
    })
}
