//! An image: its config and manifest as bytes, and descriptors of its layers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::manifest_json;
use crate::{Descriptor, Digest, Error, ImageConfig, LayerInfo, MediaType};

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Layer {
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
    /// The blob that holds it, compressed or not.
    pub blob: Descriptor,
    /// The step that made it, for the image's history.
    pub created_by: String,
}

impl Layer {
    /// A layer whose blob is the uncompressed archive.
    #[must_use]
    pub fn uncompressed(info: LayerInfo, created_by: impl Into<String>) -> Self {
        let LayerInfo { diff_id, size } = info;
        Self { diff_id, blob: Descriptor::new(MediaType::LayerTar, diff_id, size), created_by: created_by.into() }
    }
}

/// An image without the content of its layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Digest of the config: Docker's id of the image. The revision does not change it, as it is an annotation.
    pub id: Digest,
    /// The config as JSON.
    pub config: Vec<u8>,
    /// The manifest as JSON.
    pub manifest: Vec<u8>,
    /// The manifest's descriptor, with its platform: the entry of an index.
    pub descriptor: Descriptor,
    /// Layers from the bottom up.
    pub layers: Vec<Layer>,
}

impl Image {
    /// Writes the config and the manifest, with these annotations on the manifest.
    ///
    /// # Errors
    /// [`Error::Time`] for a time beyond the year 9999, [`Error::DiffId`] if the digest of an uncompressed layer's blob
    /// is not its diffID.
    pub fn assemble(image: ImageConfig, annotations: &BTreeMap<String, String>) -> Result<Self, Error> {
        for Layer { diff_id, blob, .. } in &image.layers {
            if blob.media_type == MediaType::LayerTar && blob.digest != *diff_id {
                return Err(Error::DiffId { digest: blob.digest.to_string(), diff_id: diff_id.to_string() });
            }
        }
        let config = image.to_json()?;
        let config_descriptor = Descriptor::of(MediaType::Config, &config);
        let blobs: Vec<&Descriptor> = image.layers.iter().map(|layer| &layer.blob).collect();
        let manifest = manifest_json(&config_descriptor, &blobs, annotations);
        let descriptor =
            Descriptor { platform: Some(image.platform), ..Descriptor::of(MediaType::Manifest, &manifest) };
        Ok(Self { id: config_descriptor.digest, config, manifest, descriptor, layers: image.layers })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use oci_spec::image::ImageManifest;

    use super::*;
    use crate::{Platform, Runtime, annotation};

    pub(crate) fn platform() -> Platform {
        Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None }
    }

    /// A layer that claims to be these bytes.
    pub(crate) fn layer(bytes: &[u8]) -> Layer {
        let info = LayerInfo { diff_id: Digest::of(bytes), size: bytes.len() as u64 };
        Layer::uncompressed(info, format!("tierce {}", String::from_utf8_lossy(bytes)))
    }

    pub(crate) fn image(layers: &[&[u8]]) -> Image {
        let layers = layers.iter().map(|bytes| layer(bytes)).collect();
        let config = ImageConfig {
            platform: platform(),
            created: 0,
            runtime: Runtime::default(),
            layers,
            below: Default::default(),
        };
        Image::assemble(config, &BTreeMap::new()).unwrap()
    }

    /// Indents JSON.
    pub(crate) fn pretty(json: &[u8]) -> String {
        let value: BTreeMap<String, serde_json::Value> = serde_json::from_slice(json).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    }

    #[test]
    fn revision_changes_manifest_only() {
        let config = || ImageConfig {
            platform: platform(),
            created: 0,
            runtime: Runtime::default(),
            layers: vec![layer(b"a")],
            below: Default::default(),
        };
        let revision = |text: &str| BTreeMap::from([(annotation::REVISION.to_owned(), text.to_owned())]);
        let (first, second) =
            (Image::assemble(config(), &revision("1")).unwrap(), Image::assemble(config(), &revision("2")).unwrap());
        assert_eq!(first.id, second.id);
        assert_ne!(first.descriptor.digest, second.descriptor.digest);
        assert_eq!(first, Image::assemble(config(), &revision("1")).unwrap());
    }

    #[test]
    fn manifest_follows_the_image_spec() {
        let image = image(&[b"libraries", b"program"]);
        insta::assert_snapshot!(pretty(&image.manifest), @r#"
        {
          "config": {
            "digest": "sha256:4fb9f3059c5c262e672e559057e695d6f424a68d1339d86e04b2b29af89004b5",
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": 414
          },
          "layers": [
            {
              "digest": "sha256:01cfc309bfc026dd4c48b8c92e1fa89ff3ad31e831e1355002d32c7a6cf6d48c",
              "mediaType": "application/vnd.oci.image.layer.v1.tar",
              "size": 9
            },
            {
              "digest": "sha256:1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8",
              "mediaType": "application/vnd.oci.image.layer.v1.tar",
              "size": 7
            }
          ],
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "schemaVersion": 2
        }
        "#);
        let parsed = ImageManifest::from_reader(&image.manifest[..]).unwrap();
        assert_eq!(parsed.config().digest().to_string(), image.id.to_string());
        assert_eq!(parsed.config().size(), image.config.len() as u64);
        assert_eq!(parsed.layers().len(), 2);
    }

    #[test]
    fn wrong_diff_id_is_refused() {
        let lying = Layer { diff_id: Digest::of("other"), ..layer(b"a") };
        let config = ImageConfig {
            platform: platform(),
            created: 0,
            runtime: Runtime::default(),
            layers: vec![lying.clone()],
            below: Default::default(),
        };
        assert!(matches!(Image::assemble(config.clone(), &BTreeMap::new()), Err(Error::DiffId { .. })));
        let compressed =
            Layer { blob: Descriptor { media_type: MediaType::LayerTarGzip, ..lying.blob.clone() }, ..lying };
        assert!(Image::assemble(ImageConfig { layers: vec![compressed], ..config }, &BTreeMap::new()).is_ok());
    }
}
