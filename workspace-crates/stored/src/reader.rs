//! The reader of stored images.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tierce_debian::decompress;
use tierce_oci::Digest;
use tierce_rootfs::{Index, Limits};

use crate::blobs::Blobs;
use crate::error::Error;

/// The limits of one layer, against mistakes and decompression bombs.
const LIMITS: Limits = Limits { entries: 2_000_000, bytes: 64 << 30 };
/// The most layers that an image may have.
const MAX_LAYERS: usize = 1000;

/// A stored image, read and checked.
pub struct Stored {
    /// The image, as the caller named it.
    pub name: String,
    /// The digest of its config, which is Docker's image id.
    pub id: Digest,
    /// Its config.
    pub config: Value,
    /// The annotations of its manifest; None if it is stored without its original manifest.
    pub annotations: Option<Value>,
    /// Its layers, lowest first.
    pub layers: Vec<StoredLayer>,
}

impl Stored {
    /// Returns the command that made a layer, from the config's history. The lowest layer is 0.
    pub fn history(&self, layer: usize) -> Option<&str> {
        let steps = self.config["history"].as_array().into_iter().flatten();
        let mut with_layers = steps.filter(|step| step["empty_layer"] != true);
        with_layers.nth(layer)?["created_by"].as_str()
    }
}

/// A layer, checked against the config.
pub struct StoredLayer {
    /// The digest of its archive.
    pub diff_id: Digest,
    /// The uncompressed archive, a file without a name.
    pub file: File,
    /// Its entries.
    pub index: Index,
    /// The uncompressed archive's length.
    pub bytes: u64,
    /// The length of the stored blob, which may be compressed.
    pub stored: u64,
}

/// Reads stored images; copies large content into files without names.
pub struct Reader<'a> {
    /// The image, as the caller named it, for errors.
    pub name: &'a str,
    /// The folder for large files.
    pub scratch: &'a Path,
    /// The names that select one of several images; the first image with one of them wins.
    pub wanted: &'a [String],
    /// Whether even a single image must have one of these names.
    pub named: bool,
    /// The image's platform: `linux/amd64`.
    pub platform: &'a str,
    /// Ctrl-C sets it; the reader then returns [`Error::Interrupted`].
    pub interrupted: &'a AtomicBool,
}

impl Reader<'_> {
    /// Reads the image of an OCI layout in a folder.
    pub fn layout(&self, folder: &Path) -> Result<Stored, Error> {
        let blobs = Blobs::Folder(folder.to_owned());
        if !blobs.has("oci-layout") {
            return Err(self.wrong("it is a folder without `oci-layout`"));
        }
        self.of_layout(&blobs)
    }

    /// Reads the image of an archive, compressed or not.
    pub fn archive(&self, archive: impl Read) -> Result<Stored, Error> {
        let failed = |error: io::Error| self.unreadable("the archive", &error);
        let mut file = self.temporary()?;
        let archive = decompress(archive).map_err(failed)?;
        self.copy(archive, &mut file).map_err(|error| error.or(&failed))?;
        if !begins_as_tar(&file).map_err(failed)? {
            return Err(self.wrong("it is not a tar archive"));
        }
        let blobs = Blobs::of_archive(file).map_err(failed)?;
        if blobs.has("manifest.json") {
            return self.of_docker_archive(&blobs);
        }
        if blobs.has("oci-layout") {
            return self.of_layout(&blobs);
        }
        Err(self.wrong("it is not an image's archive: it has no `manifest.json`"))
    }

    fn of_layout(&self, blobs: &Blobs) -> Result<Stored, Error> {
        let index = self.json(blobs, "index.json")?;
        let mut descriptor = self.chosen(&index)?;
        // Registries store one image a platform behind an index of their manifests.
        if descriptor["mediaType"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("index.v1+json") || kind.ends_with("list.v2+json"))
        {
            let (_, bytes) = self.blob(blobs, &descriptor)?;
            descriptor = self.of_platform(&self.parse("the list of platforms", &bytes)?)?;
        }
        let (_, manifest) = self.blob(blobs, &descriptor)?;
        let manifest = self.parse("the manifest", &manifest)?;
        let (id, config) = self.blob(blobs, &manifest["config"])?;
        let layers = manifest["layers"].as_array().into_iter().flatten();
        let layers = layers.map(|layer| Ok(self.digest(layer)?.blob_path())).collect::<Result<Vec<_>, Error>>()?;
        let annotations = Some(manifest.get("annotations").cloned().unwrap_or_else(|| serde_json::json!({})));
        self.assemble(blobs, id, &config, annotations, &layers)
    }

    fn of_docker_archive(&self, blobs: &Blobs) -> Result<Stored, Error> {
        let manifest = self.json(blobs, "manifest.json")?;
        let images = manifest.as_array().map(Vec::as_slice).unwrap_or_default();
        let tags = |image: &Value| -> Vec<String> {
            image["RepoTags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let is_wanted = |image: &&Value| tags(image).iter().any(|tag| self.wanted.contains(tag));
        let image = match images {
            [image] => image,
            [] => return Err(self.wrong("it has no image")),
            several => several.iter().find(is_wanted).ok_or_else(|| self.several(several.iter().flat_map(tags)))?,
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().trim_start_matches("./").to_owned();
        let path = text(&image["Config"]);
        let config = blobs.document(&path).map_err(|error| self.unreadable("the config", &error))?;
        let layers: Vec<String> = image["Layers"].as_array().into_iter().flatten().map(text).collect();
        let id = Digest::of(&config);
        let named = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".json").to_owned();
        if named.len() == 64 && named != id.hex() {
            return Err(self.wrong(&format!("its config is damaged: it has the digest {id}, not sha256:{named}")));
        }
        self.assemble(blobs, id, &config, None, &layers)
    }

    /// Reads the layers and checks them against the config.
    fn assemble(
        &self,
        blobs: &Blobs,
        id: Digest,
        config: &[u8],
        annotations: Option<Value>,
        paths: &[String],
    ) -> Result<Stored, Error> {
        let config = self.parse("the config", config)?;
        let diff_ids = config["rootfs"]["diff_ids"].as_array().map(Vec::as_slice).unwrap_or_default();
        if diff_ids.len() != paths.len() || paths.len() > MAX_LAYERS {
            return Err(self.wrong(&format!("it has {} layers, and its config names {}", paths.len(), diff_ids.len())));
        }
        let mut layers = Vec::new();
        for (path, expected) in paths.iter().zip(diff_ids) {
            let what = format!("the layer `{path}`");
            let failed = |error: io::Error| self.unreadable(&what, &error);
            let mut file = self.temporary()?;
            let blob = blobs.open(path).and_then(decompress).map_err(failed)?;
            let (diff_id, bytes) = self.copy(blob, &mut file).map_err(|error| error.or(&failed))?;
            if Some(diff_id.to_string().as_str()) != expected.as_str() {
                return Err(
                    self.wrong(&format!("{what} is damaged: it has the digest {diff_id}, not {}", word(expected)))
                );
            }
            let index = Index::of_layer(&mut file, LIMITS).map_err(|error| {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                self.wrong(&format!("{what}: {error}{cause}"))
            })?;
            let stored = blobs.length(path).map_err(failed)?;
            layers.push(StoredLayer { diff_id, file, index, bytes, stored });
        }
        Ok(Stored { name: self.name.to_owned(), id, config, annotations, layers })
    }

    /// Returns the descriptor of the wanted image of an index.
    fn chosen(&self, index: &Value) -> Result<Value, Error> {
        let name = |one: &Value| {
            one["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap_or_default().to_owned()
        };
        match index["manifests"].as_array().map(Vec::as_slice).unwrap_or_default() {
            [] => Err(self.wrong("it has no image")),
            [one] if !self.named => Ok(one.clone()),
            several => {
                let mut found = several.iter().filter(|one| self.wanted.contains(&name(one)));
                found.next().cloned().ok_or_else(|| self.several(several.iter().map(name)))
            }
        }
    }

    fn of_platform(&self, index: &Value) -> Result<Value, Error> {
        let is_ours = |one: &&Value| {
            let platform = &one["platform"];
            format!("{}/{}", word(&platform["os"]), word(&platform["architecture"])) == self.platform
        };
        let found = index["manifests"].as_array().into_iter().flatten().find(is_ours);
        found.cloned().ok_or_else(|| self.wrong(&format!("it has no image for {}", self.platform)))
    }

    /// Reads the bytes that a descriptor refers to, and checks their digest.
    fn blob(&self, blobs: &Blobs, descriptor: &Value) -> Result<(Digest, Vec<u8>), Error> {
        let digest = self.digest(descriptor)?;
        let bytes = blobs.document(&digest.blob_path());
        let bytes = bytes.map_err(|error| self.unreadable(&format!("the blob {digest}"), &error))?;
        match Digest::of(&bytes) {
            found if found == digest => Ok((digest, bytes)),
            found => Err(self.wrong(&format!("the blob {digest} is damaged: it has the digest {found}"))),
        }
    }

    fn digest(&self, descriptor: &Value) -> Result<Digest, Error> {
        let text = word(&descriptor["digest"]);
        text.parse().map_err(|_| self.wrong(&format!("it refers to `{text}`, which is not a sha256 digest")))
    }

    fn json(&self, blobs: &Blobs, name: &str) -> Result<Value, Error> {
        let bytes = blobs.document(name).map_err(|error| self.unreadable(&format!("`{name}`"), &error))?;
        self.parse(&format!("`{name}`"), &bytes)
    }

    fn parse(&self, what: &str, bytes: &[u8]) -> Result<Value, Error> {
        serde_json::from_slice(bytes).map_err(|error| self.wrong(&format!("{what} is not JSON: {error}")))
    }

    /// Copies a stream into a file. Returns the digest and the length of the stream.
    fn copy(&self, mut from: impl Read, to: &mut File) -> Result<(Digest, u64), Stop> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 17];
        let mut size = 0;
        loop {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Stop::Run(Error::Interrupted));
            }
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Read(error)),
            };
            size += count as u64;
            if size > LIMITS.bytes {
                return Err(Stop::Read(io::Error::other(format!("it has more than {} bytes", LIMITS.bytes))));
            }
            hasher.update(&buffer[..count]);
            to.write_all(&buffer[..count]).map_err(|error| Stop::Run(self.failed("write into", error)))?;
        }
        to.seek(SeekFrom::Start(0)).map_err(|error| Stop::Run(self.failed("read", error)))?;
        Ok((Digest::from_bytes(hasher.finalize().into()), size))
    }

    fn temporary(&self) -> Result<File, Error> {
        tempfile::tempfile_in(self.scratch).map_err(|error| self.failed("create a file in", error))
    }

    fn failed(&self, verb: &'static str, source: io::Error) -> Error {
        Error::Scratch { verb, path: self.scratch.to_owned(), source }
    }

    fn wrong(&self, problem: &str) -> Error {
        Error::Image { name: self.name.to_owned(), problem: problem.to_owned(), help: None }
    }

    fn unreadable(&self, what: &str, error: &io::Error) -> Error {
        self.wrong(&match error.kind() {
            io::ErrorKind::NotFound => format!("{what} is not there"),
            // An error about a damaged archive may quote it at length.
            _ => format!("{what} cannot be read: {}", error.to_string().lines().next().unwrap_or_default()),
        })
    }

    fn several(&self, names: impl Iterator<Item = String>) -> Error {
        let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        let problem = format!("none of its images is called `{}`", self.wanted.join("` or `"));
        let help = match names.is_empty() {
            true => "its images have no names; store the wanted image alone".to_owned(),
            false => format!("in a layout, `oci:DIR:NAME` selects one of them: `{}`", names.join("`, `")),
        };
        Error::Image { name: self.name.to_owned(), problem, help: Some(help) }
    }
}

/// Whether a file begins with a tar header of POSIX or GNU.
fn begins_as_tar(mut file: &File) -> io::Result<bool> {
    let mut magic = Vec::new();
    file.seek(SeekFrom::Start(257))?;
    file.take(5).read_to_end(&mut magic)?;
    Ok(magic == b"ustar")
}

/// The reason why a copy ended early: the source's error, or any other one.
enum Stop {
    Read(io::Error),
    Run(Error),
}

impl Stop {
    fn or(self, failed: &dyn Fn(io::Error) -> Error) -> Error {
        match self {
            Stop::Read(error) => failed(error),
            Stop::Run(error) => error,
        }
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
