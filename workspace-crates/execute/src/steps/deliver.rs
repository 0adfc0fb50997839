//! The last steps: layers and documents into the daemon, a layout or an archive, and the image's names.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tierce_docker::{Docker, Engine, Loaded};
use tierce_oci::{ArchiveUse, Image, LayoutContent, layout_files, write_docker_archive};
use tierce_plan::{Outcome, PackedImage, Sink};

use crate::executor::{Executor, missing_input};
use crate::progress::Event;
use crate::run::Inputs;
use crate::steps::pack::assemble;
use crate::{Error, files, untagged};

impl Executor<'_> {
    /// Brings a packed image to its sink.
    pub(crate) fn load(&self, image: &str, sink: &Sink, inputs: &Inputs) -> Result<Outcome, Error> {
        let spec = self.image(image)?;
        let packed = packed(inputs)?;
        let revision = self.facts.images.get(image).and_then(|facts| facts.revision.clone());
        let references = references(spec);
        match sink {
            Sink::Daemon => {
                let assembled = assemble(spec, &packed.layers, packed.foreign.as_ref(), self.facts, None)?;
                let base = spec.base.image().and_then(|base| self.session.spec.image(base.as_str()));
                let named = base.into_iter().chain([spec]).map(|spec| self::references(spec).remove(0));
                let foreign = spec.base.foreign().map(|reference| reference.value.to_string());
                let there: Vec<String> = foreign.into_iter().chain(named).collect();
                let (id, bytes) = self.load_into_daemon(&assembled, image, &there)?;
                Ok(Outcome::Delivered { id, manifest: None, bytes })
            }
            Sink::Layout(folder) => {
                let assembled = assemble(spec, &packed.layers, packed.foreign.as_ref(), self.facts, revision)?;
                let bytes = self.write_layout(&assembled, &self.session.layout_name(spec), folder)?;
                Ok(Outcome::Delivered {
                    id: assembled.id.to_string(),
                    manifest: Some(assembled.descriptor.digest.to_string()),
                    bytes,
                })
            }
            Sink::Archive(path) => {
                let assembled = assemble(spec, &packed.layers, packed.foreign.as_ref(), self.facts, revision)?;
                let open = |layer: &tierce_oci::Layer| self.open_blob(layer);
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

    /// Loads what the daemon lacks: the lowest layers that an image there shares are left out. On any doubt everything is sent.
    fn load_into_daemon(&self, image: &Image, name: &str, references: &[String]) -> Result<(String, u64), Error> {
        let docker = self.docker()?;
        let id = image.id.to_string();
        if docker.image(&id)?.is_some() {
            return Ok((id, 0));
        }
        untagged::note(&self.session.places, name, &id)?;
        let partial = docker.engine() == Engine::Docker && !docker.facts()?.containerd_image_store;
        let shared = if partial { shared_layers(&docker, image, references)? } else { 0 };
        if shared > 0 {
            match self.load_without(&docker, image, shared) {
                Ok(loaded) => return Ok((id, loaded.bytes)),
                Err(error @ Error::Docker(tierce_docker::Error::Interrupted)) => return Err(error),
                Err(_) => {}
            }
        }
        let loaded = self.load_without(&docker, image, 0)?;
        // Where an image's id is not its config's digest, the daemon's answer says what it is.
        let id = match docker.image(&id)? {
            Some(_) => id,
            None => {
                let other = loaded.images.first().cloned().unwrap_or_else(|| id.clone());
                untagged::note(&self.session.places, name, &other)?;
                untagged::forget(&self.session.places, name, &id)?;
                other
            }
        };
        Ok((id, loaded.bytes))
    }

    fn load_without(&self, docker: &Docker, image: &Image, omitted_layers: usize) -> Result<Loaded, Error> {
        let (reader, writer) = io::pipe().map_err(|error| Error::file("open", Path::new("a pipe"), error))?;
        std::thread::scope(|scope| {
            let written = scope.spawn(|| {
                let open = |layer: &tierce_oci::Layer| self.open_blob(layer);
                write_docker_archive(image, &[], ArchiveUse::Load { omitted_layers }, open, writer)
            });
            let loaded = docker.load(reader);
            let written = written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // A daemon that refuses stops reading: its word comes before that of the writer, whose pipe broke.
            let loaded = loaded?;
            written?;
            Ok(loaded)
        })
    }

    fn open_blob(&self, layer: &tierce_oci::Layer) -> io::Result<File> {
        File::open(self.session.places.blob(layer.blob.digest.hex().as_str()))
    }

    /// Writes an image into a layout, beside what is there; `index.json` comes last, so that it never names what is missing.
    fn write_layout(&self, image: &Image, name: &str, folder: &Utf8Path) -> Result<u64, Error> {
        let _alone = self.session.layout.lock().unwrap_or_else(PoisonError::into_inner);
        let index_path = folder.join("index.json");
        let existing = match fs::read(&index_path) {
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
                LayoutContent::Layer(layer) if path.metadata().is_ok_and(|there| there.len() == layer.blob.size) => {}
                LayoutContent::Layer(layer) => {
                    let mut blob = self.open_blob(layer).map_err(|error| Error::file("read", &path, error))?;
                    written += files::write_with(&path, |file| {
                        io::copy(&mut blob, file).map_err(|error| Error::file("write", &path, error))
                    })?;
                }
            }
        }
        Ok(written)
    }

    /// Whether a layout or an archive still holds what was written.
    pub(crate) fn sink_is_present(&self, image: &str, sink: &Sink, manifest: Option<&str>) -> bool {
        match (sink, manifest, self.image(image)) {
            (Sink::Layout(folder), Some(manifest), Ok(spec)) => {
                layout_holds(folder, &self.session.layout_name(spec), manifest)
            }
            // A single file may have been replaced by anything; writing it again is cheap and certain.
            _ => false,
        }
    }

    /// Names the loaded image, and removes the one that had the name before if nothing uses it.
    pub(crate) fn tag(&self, image: &str, references: &[String], inputs: &Inputs) -> Result<Outcome, Error> {
        let docker = self.docker()?;
        let packed = packed(inputs)?;
        let loaded = inputs.values().find_map(|outcome| match outcome {
            Outcome::Delivered { id, .. } => Some(id.clone()),
            _ => None,
        });
        let id = loaded.unwrap_or_else(|| packed.id.clone());
        let mut superseded = BTreeMap::new();
        for reference in references {
            if let Some(before) = docker.image(reference)?.filter(|before| before.id != id) {
                superseded.insert(before.id, before.labels.get(untagged::IMAGE).is_some_and(|name| name == image));
            }
            docker.tag(&id, reference)?;
        }
        untagged::forget(&self.session.places, image, &id)?;
        for (before, ours) in superseded {
            if ours && let Err(error) = self.remove_superseded(&docker, &before) {
                (self.observer)(Event::Warning { message: format!("a superseded image stays: {error}") });
            }
        }
        Ok(Outcome::Delivered { id, manifest: None, bytes: 0 })
    }

    /// Removes an image that has no name any more and that no container uses.
    fn remove_superseded(&self, docker: &Docker, id: &str) -> Result<(), Error> {
        if docker.image(id)?.is_some_and(|image| image.tags.is_empty()) {
            docker.remove_image(id)?;
        }
        Ok(())
    }
}

impl crate::session::Session {
    /// What an image is called inside of a layout, the part of `oci:DIR:NAME` that skopeo looks for: its tag, with its name
    /// before it unless it is the only one of the workspace.
    pub(crate) fn layout_name(&self, spec: &tierce_manifest::ImageSpec) -> String {
        match self.spec.images.as_slice() {
            [only] if only.name == spec.name => spec.tags[0].value.to_string(),
            _ => references(spec)[0].clone(),
        }
    }
}

/// How many of an image's layers, from the lowest on, the daemon has: of images of these names, which are its base's and its own, else,
/// as for the first image of a name, of any other of Tierce's.
fn shared_layers(docker: &Docker, image: &Image, references: &[String]) -> Result<usize, Error> {
    /// The layers of images that have nothing in common are asked for in vain.
    const MOST_IMAGES: usize = 32;
    let shared = |there: &[String]| {
        image.layers.iter().zip(there).take_while(|(new, old)| new.diff_id.to_string() == **old).count()
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
    for other in docker.images(&[untagged::IMAGE])?.iter().take(MOST_IMAGES) {
        if let Some(other) = docker.image(&other.id)? {
            most = most.max(shared(&other.diff_ids));
        }
    }
    Ok(most)
}

/// Whether a layout has this manifest under this name, with every blob that it refers to.
fn layout_holds(folder: &Utf8Path, name: &str, manifest: &str) -> bool {
    let blob = |digest: &str| folder.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let json = |path: Utf8PathBuf| files::read_json::<Value>(path.as_std_path()).unwrap_or_default();
    let is_there = |descriptor: &Value| {
        let there = descriptor["digest"].as_str().and_then(|digest| blob(digest).metadata().ok());
        there.is_some_and(|there| Some(there.len()) == descriptor["size"].as_u64())
    };
    let (index, document) = (json(folder.join("index.json")), json(blob(manifest)));
    let is_named = |descriptor: &&Value| {
        descriptor["digest"] == manifest && descriptor["annotations"]["org.opencontainers.image.ref.name"] == name
    };
    let named = index["manifests"].as_array().into_iter().flatten().find(is_named);
    let layers = document["layers"].as_array().into_iter().flatten();
    named.is_some_and(is_there) && std::iter::once(&document["config"]).chain(layers).all(is_there)
}

/// The names of an image, the first of which is printed.
pub(crate) fn references(spec: &tierce_manifest::ImageSpec) -> Vec<String> {
    spec.tags.iter().map(|tag| format!("{}:{}", spec.name, tag.value)).collect()
}

fn packed(inputs: &Inputs) -> Result<&PackedImage, Error> {
    let found = inputs.values().find_map(|outcome| match outcome {
        Outcome::Image(image) => Some(image),
        _ => None,
    });
    found.ok_or_else(|| missing_input("packed image"))
}
