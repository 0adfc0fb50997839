//! The archive that `docker load`, `podman load` and skopeo read.

use std::io::{self, Read, Write};

use serde::Serialize;
use tierce_rootfs::{Node, NodeKind};

use crate::annotation::{CONTAINERD_NAME, REF_NAME};
use crate::index::index_json;
use crate::layout::{INDEX, OCI_LAYOUT, layers_once};
use crate::reference::DockerName;
use crate::{Descriptor, Error, Image, Layer, TarWriter};

/// The use of an archive; decides on its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveUse {
    /// A file for any tool: Docker's own archive (`manifest.json`, which points into `blobs/sha256`) and an OCI layout
    /// (`index.json` and `oci-layout`) in one. Docker up to 20.10 reads only the first.
    File,
    /// One load by a daemon: only Docker's own archive. From a layout, Podman would not take the health check.
    Load {
        /// The number of lowest layers that the daemon has: the archive names them without their content. Docker looks
        /// up a layer's chain ID before it opens the file. Podman and a daemon with containerd's store refuse such an
        /// archive: use 0 for them.
        omitted_layers: usize,
    },
}

/// Writes an image as the archive that `docker load` reads.
///
/// - `tags` are references as `thumbnailer`, `ada/thumbnailer:1.0`. Without tags, the loaded image is untagged.
/// - `open_layer` returns the blob of a layer, which must be as long as its descriptor's size. The archive's reader
///   checks the digest.
///
/// # Errors
/// [`Error::Name`] for a tag that is no reference, [`Error::Read`] and [`Error::ContentLength`] for a layer,
/// [`Error::Write`].
pub fn write_docker_archive<R: Read>(
    image: &Image,
    tags: &[String],
    archive_use: ArchiveUse,
    mut open_layer: impl FnMut(&Layer) -> io::Result<R>,
    writer: impl Write,
) -> Result<(), Error> {
    let names = tags.iter().map(|tag| DockerName::parse(tag)).collect::<Result<Vec<_>, _>>()?;
    let omitted_layers = match archive_use {
        ArchiveUse::File => 0,
        ArchiveUse::Load { omitted_layers } => omitted_layers,
    };
    let mut archive = Archive { tar: TarWriter::new(writer, 0) };
    archive.directory("blobs")?;
    archive.directory("blobs/sha256")?;
    for layer in layers_once(image, omitted_layers) {
        let path = layer.blob.digest.blob_path();
        let content = open_layer(layer).map_err(|source| Error::Read { path: path.clone(), source })?;
        archive.file(&path, layer.blob.size, content)?;
    }
    archive.document(&image.id.blob_path(), &image.config)?;
    if archive_use == ArchiveUse::File {
        archive.document(&image.descriptor.digest.blob_path(), &image.manifest)?;
        archive.document(OCI_LAYOUT.0, OCI_LAYOUT.1)?;
        archive.document(INDEX, &index_json(&index_entries(image, &names)))?;
    }
    archive.document("manifest.json", &docker_manifest(image, &names))?;
    archive.tar.finish().map(drop)
}

/// Returns an entry per name, with the annotations from which containerd and Docker take the name; or one without a
/// name.
fn index_entries(image: &Image, names: &[DockerName]) -> Vec<Descriptor> {
    if names.is_empty() {
        return vec![image.descriptor.clone()];
    }
    let named = |name: &DockerName| {
        let mut descriptor = image.descriptor.clone();
        descriptor.annotations.insert(CONTAINERD_NAME.to_owned(), name.full.clone());
        descriptor.annotations.insert(REF_NAME.to_owned(), name.tag.clone());
        descriptor
    };
    names.iter().map(named).collect()
}

/// Docker's `manifest.json`: every image of the archive, which is one.
fn docker_manifest(image: &Image, names: &[DockerName]) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct ManifestJson<'a> {
        config: String,
        layers: Vec<String>,
        repo_tags: Option<Vec<&'a str>>,
    }
    let tags: Vec<&str> = names.iter().map(|name| name.familiar.as_str()).collect();
    let entry = ManifestJson {
        config: image.id.blob_path(),
        layers: image.layers.iter().map(|layer| layer.blob.digest.blob_path()).collect(),
        repo_tags: (!tags.is_empty()).then_some(tags),
    };
    serde_json::to_vec(&[entry]).expect("maps have strings as keys")
}

struct Archive<W> {
    tar: TarWriter<W>,
}

impl<W: Write> Archive<W> {
    fn directory(&mut self, path: &str) -> Result<(), Error> {
        self.tar.append(&format!("/{path}"), &Node::directory(), io::empty())
    }

    fn document(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.file(path, bytes.len() as u64, bytes)
    }

    fn file(&mut self, path: &str, size: u64, content: impl Read) -> Result<(), Error> {
        self.tar.append(&format!("/{path}"), &Node::new(NodeKind::File { size }, 0o644), content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::image;

    const LAYERS: [&[u8]; 2] = [b"libraries", b"program"];

    fn archive(tags: &[&str], archive_use: ArchiveUse) -> Result<Vec<u8>, Error> {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        let mut bytes = Vec::new();
        let open = |layer: &Layer| {
            let found = LAYERS.into_iter().find(|bytes| layer.diff_id == crate::Digest::of(bytes));
            found.ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        write_docker_archive(&image(&LAYERS), &tags, archive_use, open, &mut bytes)?;
        Ok(bytes)
    }

    /// Names and content of an archive, JSON indented, digests shortened.
    fn listing(archive: &[u8]) -> String {
        let mut lines = Vec::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            lines.push(match path.as_str() {
                "index.json" | "manifest.json" => {
                    let value: serde_json::Value = serde_json::from_str(&content).unwrap();
                    format!("{path} {value:#}")
                }
                _ if content.len() < 40 => format!("{path} {content}").trim_end().to_owned(),
                _ => format!("{path} …"),
            });
        }
        let mut text = lines.join("\n");
        while let Some(start) =
            text.match_indices("sha256").map(|(at, _)| at + 7).find(|&at| hex_run(&text[at..]) == 64)
        {
            text.replace_range(start + 6..start + 64, "");
        }
        text
    }

    fn hex_run(text: &str) -> usize {
        text.bytes().take_while(u8::is_ascii_hexdigit).count()
    }

    #[test]
    fn file_is_archive_and_layout() {
        insta::assert_snapshot!(listing(&archive(&["thumbnailer"], ArchiveUse::File).unwrap()), @r#"
        blobs/
        blobs/sha256/
        blobs/sha256/01cfc3 libraries
        blobs/sha256/1310ca program
        blobs/sha256/4fb9f3 …
        blobs/sha256/3d8f98 …
        oci-layout {"imageLayoutVersion":"1.0.0"}
        index.json {
          "manifests": [
            {
              "annotations": {
                "io.containerd.image.name": "docker.io/library/thumbnailer:latest",
                "org.opencontainers.image.ref.name": "latest"
              },
              "digest": "sha256:3d8f98",
              "mediaType": "application/vnd.oci.image.manifest.v1+json",
              "platform": {
                "architecture": "amd64",
                "os": "linux"
              },
              "size": 541
            }
          ],
          "mediaType": "application/vnd.oci.image.index.v1+json",
          "schemaVersion": 2
        }
        manifest.json [
          {
            "Config": "blobs/sha256/4fb9f3",
            "Layers": [
              "blobs/sha256/01cfc3",
              "blobs/sha256/1310ca"
            ],
            "RepoTags": [
              "thumbnailer:latest"
            ]
          }
        ]
        "#);
    }

    #[test]
    fn load_omits_layout_and_lower_layers() {
        insta::assert_snapshot!(listing(&archive(&[], ArchiveUse::Load { omitted_layers: 1 }).unwrap()), @r#"
        blobs/
        blobs/sha256/
        blobs/sha256/1310ca program
        blobs/sha256/4fb9f3 …
        manifest.json [
          {
            "Config": "blobs/sha256/4fb9f3",
            "Layers": [
              "blobs/sha256/01cfc3",
              "blobs/sha256/1310ca"
            ],
            "RepoTags": null
          }
        ]
        "#);
    }

    #[test]
    fn wrong_tags_and_layers_are_refused() {
        assert!(matches!(archive(&["Not A Tag"], ArchiveUse::File), Err(Error::Name { .. })));
        let mut sink = Vec::new();
        let short = write_docker_archive(&image(&LAYERS), &[], ArchiveUse::File, |_| Ok(&b"short"[..]), &mut sink);
        assert!(matches!(short, Err(Error::ContentLength { .. })));
        let failing = |_: &Layer| Err::<&[u8], _>(io::ErrorKind::NotFound.into());
        assert!(matches!(
            write_docker_archive(&image(&LAYERS), &[], ArchiveUse::File, failing, &mut sink),
            Err(Error::Read { .. })
        ));
        assert!(
            write_docker_archive(&image(&LAYERS), &[], ArchiveUse::Load { omitted_layers: 9 }, failing, &mut sink)
                .is_ok()
        );
    }
}
