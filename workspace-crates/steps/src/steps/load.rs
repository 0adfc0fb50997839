//! The last steps: load an image into the daemon, a layout or an archive, and name it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_builders::daemon::labels;
use tierce_docker::{Docker, Engine, Loaded};
use tierce_oci::{ArchiveUse, Image, LayoutContent, layout_files, write_docker_archive};
use tierce_plan::{Outcome, Sink};
use tierce_store::damage::{Checked, Damage};
use tierce_store::digests::FileDigests;
use tierce_store::{Error, ErrorKind, Event, damage, files, pending_images};

use crate::steps::documents::assemble;

/// Writes a packed image to its sink.
pub(super) fn load(context: &Context<'_>, image: &str, sink: &Sink, inputs: &Inputs) -> Result<Outcome, Error> {
    let spec = context.image(image)?;
    let packed = inputs.packed(image)?;
    let revision = context.facts.images.get(image).and_then(|facts| facts.revision.clone());
    let references = spec.references();
    match sink {
        Sink::Daemon => {
            let assembled = assemble(spec, packed, context.facts, None)?;
            let base = spec.base.image().and_then(|base| context.workspace.spec.image(base.as_str()));
            let named = base.into_iter().chain([spec]).map(|spec| spec.references().remove(0));
            let foreign = spec.base.foreign().map(|reference| reference.value.to_string());
            let present: Vec<String> = foreign.into_iter().chain(named).collect();
            let (id, bytes) = load_into_daemon(context, &assembled, image, &present)?;
            Ok(Outcome::Delivered { id, manifest: None, bytes })
        }
        Sink::Layout(folder) => {
            let assembled = assemble(spec, packed, context.facts, revision)?;
            let bytes = write_layout(context, &assembled, &context.workspace.spec.layout_name(spec), folder)?;
            Ok(Outcome::Delivered {
                id: assembled.id.to_string(),
                manifest: Some(assembled.descriptor.digest.to_string()),
                bytes,
            })
        }
        Sink::Archive(path) => {
            let assembled = assemble(spec, packed, context.facts, revision)?;
            let open = |layer: &tierce_oci::Layer| open_blob(context, layer);
            let bytes = files::write_with(path.as_std_path(), |file| {
                write_docker_archive(&assembled, &references, ArchiveUse::File, open, &mut *file)?;
                Ok(file.metadata().map_or(0, |metadata| metadata.len()))
            })?;
            Ok(Outcome::Delivered {
                id: assembled.id.to_string(),
                manifest: Some(assembled.descriptor.digest.to_string()),
                bytes,
            })
        }
    }
}

/// Whether the daemon does not answer any more.
fn is_gone(error: &Error) -> bool {
    matches!(
        error.source_as::<tierce_docker::Error>(),
        Some(
            tierce_docker::Error::Silent { .. }
                | tierce_docker::Error::Lost { .. }
                | tierce_docker::Error::LostMidway { .. }
        )
    )
}

/// Loads an image without the lowest layers that the daemon already has. If that fails, it sends every layer.
fn load_into_daemon(
    context: &Context<'_>,
    image: &Image,
    name: &str,
    references: &[String],
) -> Result<(String, u64), Error> {
    let docker = context.docker()?;
    let id = image.id.to_string();
    if docker.image(&id)?.is_some() {
        return Ok((id, 0));
    }
    pending_images::note(&context.workspace.paths, name, &id)?;
    let partial = docker.engine() == Engine::Docker && !docker.facts()?.containerd_image_store;
    let shared = if partial { shared_layers(&docker, image, references)? } else { 0 };
    if shared > 0 {
        match load_without(context, &docker, image, shared) {
            Ok(loaded) => return Ok((id, loaded.bytes)),
            Err(error) if error.kind() == ErrorKind::Interrupted || Damage::of(&error).is_some() => return Err(error),
            Err(error) if is_gone(&error) => return Err(error),
            Err(_) => {}
        }
    }
    let loaded = load_without(context, &docker, image, 0)?;
    // If the daemon's id is not the config's digest, its answer has the id.
    let id = match docker.image(&id)? {
        Some(_) => id,
        None => {
            let other = loaded.images.first().cloned().unwrap_or_else(|| id.clone());
            pending_images::note(&context.workspace.paths, name, &other)?;
            pending_images::forget(&context.workspace.paths, name, &id)?;
            other
        }
    };
    Ok((id, loaded.bytes))
}

fn load_without(context: &Context<'_>, docker: &Docker, image: &Image, omitted_layers: usize) -> Result<Loaded, Error> {
    let (reader, writer) = io::pipe().map_err(|error| Error::file("open", Path::new("a pipe"), error))?;
    std::thread::scope(|scope| {
        let written = scope.spawn(|| {
            let open = |layer: &tierce_oci::Layer| open_blob(context, layer);
            write_docker_archive(image, &[], ArchiveUse::Load { omitted_layers }, open, writer)
        });
        let loaded = docker.load(reader);
        let written = written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A daemon that refuses stops reading. Its error explains more than the writer's broken pipe.
        match written.map_err(Error::from) {
            Err(error) if Damage::of(&error).is_some() => Err(error),
            written => loaded.map_err(Error::from).and_then(|loaded| written.map(|()| loaded)),
        }
    })
}

/// Opens a layer of the cache. Reading fails if its bytes have another digest.
fn open_blob(context: &Context<'_>, layer: &tierce_oci::Layer) -> io::Result<Checked<File>> {
    let digest = layer.blob.digest.hex();
    let path = context.workspace.paths.blob(&digest);
    Ok(Checked::new(tierce_bounded::open(&path)?, layer.blob.size, &digest, &path))
}

/// Adds an image to a layout. It writes `index.json` last, so that the index never names a missing blob.
fn write_layout(context: &Context<'_>, image: &Image, name: &str, folder: &Utf8Path) -> Result<u64, Error> {
    let _alone = context.workspace.layout.lock().unwrap_or_else(PoisonError::into_inner);
    let index_path = folder.join("index.json");
    let existing = match tierce_bounded::bytes(&index_path, &tierce_bounded::TEXT) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::file("read", index_path.as_std_path(), error)),
    };
    let mut written = 0;
    for file in layout_files(image, Some(name), existing.as_deref())? {
        let path = folder.join(&file.path).into_std_path_buf();
        match file.content {
            LayoutContent::Bytes(bytes) => {
                written += bytes.len() as u64;
                files::write(&path, bytes)?;
            }
            LayoutContent::Layer(layer) if damage::check(&path, &layer.blob.digest.hex()).is_ok() => {}
            LayoutContent::Layer(layer) => {
                let mut blob = open_blob(context, layer).map_err(|error| Error::file("read", &path, error))?;
                written += files::write_with(&path, |file| {
                    io::copy(&mut blob, file).map_err(|error| Error::file("write", &path, error))
                })?;
            }
        }
    }
    Ok(written)
}

/// Whether a layout still holds the image; always false for an archive.
pub(super) fn sink_is_present(context: &Context<'_>, image: &str, sink: &Sink, manifest: Option<&str>) -> bool {
    match (sink, manifest, context.image(image)) {
        (Sink::Layout(folder), Some(manifest), Ok(spec)) => {
            layout_holds(&context.workspace.digests, folder, &context.workspace.spec.layout_name(spec), manifest)
        }
        // Other tools may have replaced a single file, and writing it again is cheap.
        _ => false,
    }
}

/// Names the loaded image, and removes the image that had the name before if nothing uses it.
pub(super) fn tag(
    context: &Context<'_>,
    image: &str,
    references: &[String],
    inputs: &Inputs,
) -> Result<Outcome, Error> {
    let docker = context.docker()?;
    let packed = inputs.packed(image)?;
    let id = inputs.loaded().map_or_else(|| packed.id.clone(), str::to_owned);
    let mut superseded = BTreeMap::new();
    for reference in references {
        if let Some(before) = docker.image(reference)?.filter(|before| before.id != id) {
            superseded.insert(before.id, before.labels.get(labels::IMAGE).is_some_and(|name| name == image));
        }
        docker.tag(&id, reference)?;
    }
    pending_images::forget(&context.workspace.paths, image, &id)?;
    for (before, ours) in superseded {
        if ours && let Err(error) = remove_unnamed(&docker, &before) {
            (context.observer)(Event::Warning { message: format!("a superseded image stays: {error}") });
        }
    }
    Ok(Outcome::Delivered { id, manifest: None, bytes: 0 })
}

/// Returns the number of lowest layers that the daemon already has. It compares the images with these names, the base's
/// and its own. If the daemon has none of them, it compares other images of Tierce.
fn shared_layers(docker: &Docker, image: &Image, references: &[String]) -> Result<usize, Error> {
    /// Limits the requests: most other images share no layer.
    const MOST_IMAGES: usize = 128;
    let shared = |stored: &[String]| {
        image.layers.iter().zip(stored).take_while(|(new, old)| new.diff_id.to_string() == **old).count()
    };
    let mut most = 0;
    let mut is_known = false;
    for reference in references {
        if let Some(earlier) = docker.image(reference)? {
            most = most.max(shared(&earlier.diff_ids));
            is_known = true;
        }
    }
    if is_known {
        return Ok(most);
    }
    for other in docker.images(&[labels::IMAGE])?.iter().take(MOST_IMAGES) {
        if let Some(other) = docker.image(&other.id)? {
            most = most.max(shared(&other.diff_ids));
        }
    }
    Ok(most)
}

/// Whether a layout has this manifest under this name, with every blob that it refers to. `digests` remembers those of unchanged files.
fn layout_holds(digests: &FileDigests, folder: &Utf8Path, name: &str, manifest: &str) -> bool {
    let blob = |digest: &str| folder.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let json = |path: Utf8PathBuf| files::read_json::<Value>(path.as_std_path()).unwrap_or_default();
    let is_there = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        let found = digests.of_file(blob(digest).as_std_path());
        found.is_ok_and(|found| digest.strip_prefix("sha256:") == Some(found.as_str()))
    };
    let (index, document) = (json(folder.join("index.json")), json(blob(manifest)));
    let is_named = |descriptor: &&Value| {
        descriptor["digest"] == manifest && descriptor["annotations"]["org.opencontainers.image.ref.name"] == name
    };
    let named = index["manifests"].as_array().into_iter().flatten().find(is_named);
    let layers = document["layers"].as_array().into_iter().flatten();
    named.is_some_and(is_there) && std::iter::once(&document["config"]).chain(layers).all(is_there)
}

/// Removes an image that no name and no container refers to.
fn remove_unnamed(docker: &Docker, id: &str) -> Result<(), Error> {
    if docker.image(id)?.is_some_and(|image| image.tags.is_empty()) {
        docker.remove_image(id)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tierce_store::written_paths::WrittenPaths;

    use super::*;

    #[test]
    fn damaged_blob_of_a_layout_is_noticed() {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = Utf8Path::from_path(scratch.path()).expect("UTF-8");
        let add = |bytes: &str| {
            let sha256 = tierce_plan::digest(bytes);
            files::write(folder.join("blobs/sha256").join(&sha256).as_std_path(), bytes).expect("writable");
            format!("sha256:{sha256}")
        };
        let (config, layer) = (add("a config"), add("a layer"));
        let document = serde_json::json!({ "config": { "digest": config }, "layers": [{ "digest": layer }] });
        let manifest = add(&document.to_string());
        let named = serde_json::json!({ "org.opencontainers.image.ref.name": "app" });
        let index = serde_json::json!({ "manifests": [{ "digest": manifest, "annotations": named }] });
        files::write(folder.join("index.json").as_std_path(), index.to_string()).expect("writable");
        let holds = || {
            let digests = FileDigests::load(scratch.path().join("digests.json"), WrittenPaths::default());
            layout_holds(&digests, folder, "app", &manifest)
        };
        assert!(holds());
        let path = folder.join("blobs/sha256").join(layer.trim_start_matches("sha256:"));
        files::write(path.as_std_path(), "b layer").expect("writable");
        assert!(!holds(), "of the same size");
        files::remove(path.as_std_path()).expect("there");
        assert!(!holds());
    }
}
