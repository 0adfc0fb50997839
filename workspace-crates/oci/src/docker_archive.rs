//! The archive that `docker load`, `podman load` and skopeo take.

use std::io::{self, Read, Write};

use serde::Serialize;
use tierce_rootfs::{Node, NodeKind};

use crate::annotation::{CONTAINERD_NAME, REF_NAME};
use crate::index::index_json;
use crate::layout::{INDEX, OCI_LAYOUT, layers_once};
use crate::reference::Reference;
use crate::{Descriptor, Error, Image, Layer, TarWriter};

/// Whom an archive is for, and so what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveUse {
    /// A file for whoever gets it: two things at once, Docker's own archive (`manifest.json`, which points into
    /// `blobs/sha256`) and an OCI layout (`index.json` and `oci-layout`). Docker up to 20.10 reads the first alone.
    File,
    /// One load by a daemon: Docker's own archive alone. Podman prefers a layout where it finds one, and takes no
    /// health check from it.
    Load {
        /// So many of the lowest layers are named and not contained, since the daemon has them: Docker looks a
        /// layer's chain ID up before it opens the file. Podman and a daemon with containerd's store refuse such an
        /// archive; send all of it then.
        omitted_layers: usize,
    },
}

/// Writes an image as the archive that `docker load` takes.
///
/// - `tags` are references as `thumbnailer`, `ada/thumbnailer:1.0`. Without any the image is loaded untagged.
/// - `open_layer` gives the blob of a layer. What it gives has to be as long as the layer's descriptor says; its
///   digest is checked by whoever reads the archive.
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
    let references = tags.iter().map(|tag| Reference::parse(tag)).collect::<Result<Vec<_>, _>>()?;
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
        archive.document(INDEX, &index_json(&index_entries(image, &references)))?;
    }
    archive.document("manifest.json", &docker_manifest(image, &references))?;
    archive.tar.finish().map(drop)
}

/// One entry a reference, with the annotations by which containerd and Docker name what they import; or one without
/// a name.
fn index_entries(image: &Image, references: &[Reference]) -> Vec<Descriptor> {
    if references.is_empty() {
        return vec![image.descriptor.clone()];
    }
    let named = |reference: &Reference| {
        let mut descriptor = image.descriptor.clone();
        descriptor.annotations.insert(CONTAINERD_NAME.to_owned(), reference.full.clone());
        descriptor.annotations.insert(REF_NAME.to_owned(), reference.tag.clone());
        descriptor
    };
    references.iter().map(named).collect()
}

/// Docker's `manifest.json`: every image of the archive, which is one.
fn docker_manifest(image: &Image, references: &[Reference]) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct ManifestJson<'a> {
        config: String,
        layers: Vec<String>,
        repo_tags: Option<Vec<&'a str>>,
    }
    let tags: Vec<&str> = references.iter().map(|reference| reference.familiar.as_str()).collect();
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

    /// Names and content of an archive, JSON over several lines, digests cut short.
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
    fn is_dockers_archive_and_a_layout_at_once() {
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
    fn a_load_is_no_layout_and_may_lack_the_lower_layers() {
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
    fn refuses_tags_and_layers_that_are_not_right() {
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
