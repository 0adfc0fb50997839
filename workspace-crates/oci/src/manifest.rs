//! Descriptors and the image manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The media types that this crate writes (OCI image-spec, "Media Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaType {
    /// An index of manifests.
    #[serde(rename = "application/vnd.oci.image.index.v1+json")]
    Index,
    /// A manifest of an image.
    #[serde(rename = "application/vnd.oci.image.manifest.v1+json")]
    Manifest,
    /// A config of an image.
    #[serde(rename = "application/vnd.oci.image.config.v1+json")]
    Config,
    /// A layer as plain tar.
    #[serde(rename = "application/vnd.oci.image.layer.v1.tar")]
    LayerTar,
    /// A layer compressed by gzip.
    #[serde(rename = "application/vnd.oci.image.layer.v1.tar+gzip")]
    LayerTarGzip,
    /// A layer compressed by Zstandard.
    #[serde(rename = "application/vnd.oci.image.layer.v1.tar+zstd")]
    LayerTarZstd,
}

/// A reference to content by its digest (OCI image-spec, "Content Descriptors").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Annotations of the reference, not of its content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Digest of the content.
    pub digest: Digest,
    /// The type of the content.
    pub media_type: MediaType,
    /// The platform of a manifest's image; in an index only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Size of the content in bytes.
    pub size: u64,
}

/// The platform that an image runs on, in Go's names (`amd64`, `linux`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// `GOARCH`: `amd64`, `arm64`.
    pub architecture: String,
    /// `GOOS`: `linux`.
    pub os: String,
    /// Variant of the architecture, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Descriptor {
    /// Describes content by its bytes.
    pub(crate) fn of(media_type: MediaType, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// Describes content by digest and size, without annotations and platform.
    #[must_use]
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self { annotations: BTreeMap::new(), digest, media_type, platform: None, size }
    }
}

/// Writes a manifest as JSON, with its keys sorted.
pub(crate) fn manifest_json(
    config: &Descriptor,
    layers: &[&Descriptor],
    annotations: &BTreeMap<String, String>,
) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ManifestJson<'a> {
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        annotations: &'a BTreeMap<String, String>,
        config: &'a Descriptor,
        layers: &'a [&'a Descriptor],
        media_type: MediaType,
        schema_version: u32,
    }
    let document = ManifestJson { annotations, config, layers, media_type: MediaType::Manifest, schema_version: 2 };
    serde_json::to_vec(&document).expect("maps have strings as keys")
}
