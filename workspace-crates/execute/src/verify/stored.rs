//! An image as it is stored somewhere, read and checked: in a layout, an archive or the daemon.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tierce_debian::decompress;
use tierce_oci::Digest;
use tierce_rootfs::{Index, Limits};

use crate::Error;
use crate::verify::blobs::Blobs;

/// What one layer may be: a bound against mistakes and bombs, not a budget.
const LIMITS: Limits = Limits { entries: 2_000_000, bytes: 64 << 30 };
/// Layers of an image that are looked at.
const MAX_LAYERS: usize = 1000;

/// An image that was read from where it is stored.
pub(crate) struct Stored {
    /// What it is called.
    pub(crate) name: String,
    /// The digest of its config, by which Docker knows it.
    pub(crate) id: Digest,
    /// Its config.
    pub(crate) config: Value,
    /// The annotations of its manifest; none where it is stored without the manifest that it was made with.
    pub(crate) annotations: Option<Value>,
    /// Its layers, the lowest first.
    pub(crate) layers: Vec<StoredLayer>,
}

/// A layer, checked against the config.
pub(crate) struct StoredLayer {
    /// The digest of its archive.
    pub(crate) diff_id: Digest,
    /// The archive, not compressed; it has no name.
    pub(crate) file: File,
    /// What is in it.
    pub(crate) index: Index,
    /// The archive's length.
    pub(crate) bytes: u64,
    /// The length of what is stored: less, where that is compressed.
    pub(crate) stored: u64,
}

/// Reads stored images; what is large is kept in files without names in its folder.
pub(crate) struct Reader<'a> {
    /// What is read, for errors.
    pub(crate) name: &'a str,
    /// A folder for large files.
    pub(crate) scratch: &'a Path,
    /// Which of several images is meant, by the names that it may have.
    pub(crate) wanted: &'a [String],
    /// Whether it must have one of these names, even where there is no other.
    pub(crate) named: bool,
    /// The machine that it is for: `linux/amd64`.
    pub(crate) platform: &'a str,
    /// Fails after Ctrl-C.
    pub(crate) check: &'a dyn Fn() -> Result<(), Error>,
}

impl Reader<'_> {
    /// The image of an OCI layout in a folder.
    pub(crate) fn layout(&self, folder: &Path) -> Result<Stored, Error> {
        let blobs = Blobs::Folder(folder.to_owned());
        if !blobs.has("oci-layout") {
            return Err(self.wrong("it is a folder without `oci-layout`"));
        }
        self.of_layout(&blobs)
    }

    /// The image of an archive, compressed or not.
    pub(crate) fn archive(&self, archive: impl Read) -> Result<Stored, Error> {
        let failed = |error: io::Error| self.unreadable("the archive", &error);
        let mut file = self.temporary()?;
        let archive = decompress(archive).map_err(failed)?;
        self.copy(archive, &mut file).map_err(|error| error.or(&failed))?;
        if !begins_as_tar(&file).map_err(failed)? {
            return Err(self.wrong("it is no tar archive"));
        }
        let blobs = Blobs::of_archive(file).map_err(failed)?;
        if blobs.has("manifest.json") {
            return self.of_docker_archive(&blobs);
        }
        if blobs.has("oci-layout") {
            return self.of_layout(&blobs);
        }
        Err(self.wrong("it is no archive of an image: it has no `manifest.json`"))
    }

    fn of_layout(&self, blobs: &Blobs) -> Result<Stored, Error> {
        let index = self.json(blobs, "index.json")?;
        let mut descriptor = self.chosen(&index)?;
        // A list of platforms, as registries have it.
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

    /// The image of an index that is meant, where there are several by its name.
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

    /// The bytes that a descriptor refers to, if they are those.
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
        text.parse().map_err(|_| self.wrong(&format!("it refers to `{text}`, which is no sha256 digest")))
    }

    fn json(&self, blobs: &Blobs, name: &str) -> Result<Value, Error> {
        let bytes = blobs.document(name).map_err(|error| self.unreadable(&format!("`{name}`"), &error))?;
        self.parse(&format!("`{name}`"), &bytes)
    }

    fn parse(&self, what: &str, bytes: &[u8]) -> Result<Value, Error> {
        serde_json::from_slice(bytes).map_err(|error| self.wrong(&format!("{what} is no JSON: {error}")))
    }

    /// Copies a stream into a file, and tells the digest and the length of what came.
    fn copy(&self, mut from: impl Read, to: &mut File) -> Result<(Digest, u64), Stop> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 17];
        let mut size = 0;
        loop {
            (self.check)().map_err(Stop::Run)?;
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
            to.write_all(&buffer[..count])
                .map_err(|error| Stop::Run(Error::file("write into", self.scratch, error)))?;
        }
        to.seek(SeekFrom::Start(0)).map_err(|error| Stop::Run(Error::file("read", self.scratch, error)))?;
        Ok((Digest::from_bytes(hasher.finalize().into()), size))
    }

    fn temporary(&self) -> Result<File, Error> {
        tempfile::tempfile_in(self.scratch).map_err(|error| Error::file("create a file in", self.scratch, error))
    }

    fn wrong(&self, problem: &str) -> Error {
        Error::StoredImage { name: self.name.to_owned(), problem: problem.to_owned(), help: None }
    }

    fn unreadable(&self, what: &str, error: &io::Error) -> Error {
        self.wrong(&match error.kind() {
            io::ErrorKind::NotFound => format!("{what} is not there"),
            // What a damaged archive says of itself may be long.
            _ => format!("{what} cannot be read: {}", error.to_string().lines().next().unwrap_or_default()),
        })
    }

    fn several(&self, names: impl Iterator<Item = String>) -> Error {
        let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        let problem = format!("none of its images is called `{}`", self.wanted.join("` or `"));
        let help = match names.is_empty() {
            true => "none of them has a name; store the one that is meant by itself".to_owned(),
            false => format!("in a layout, `oci:DIR:NAME` names one of them; they are `{}`", names.join("`, `")),
        };
        Error::StoredImage { name: self.name.to_owned(), problem, help: Some(help) }
    }
}

/// Whether a file's first header is one of POSIX or GNU.
fn begins_as_tar(mut file: &File) -> io::Result<bool> {
    let mut magic = Vec::new();
    file.seek(SeekFrom::Start(257))?;
    file.take(5).read_to_end(&mut magic)?;
    Ok(magic == b"ustar")
}

/// Why a copy ended early: what was to be read, or anything else.
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
#[path = "stored_tests.rs"]
mod tests;
