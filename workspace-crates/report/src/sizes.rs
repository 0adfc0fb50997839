//! The size of an image, file by file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contents::{ContentEntry, Contents};
use crate::image::Report;
use crate::stages::Stage;

/// The sizes of an image, in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageSize {
    /// The name or the reference that the user gave.
    pub image: String,
    /// The digest of its config.
    pub id: String,
    /// The layers, lowest first.
    pub layers: Vec<SizedLayer>,
    /// The regular files that a container sees, by path.
    pub files: Vec<SizedFile>,
    /// The stages from the builder to the image; empty unless this cache has the report of the build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
}

/// A layer and its size.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SizedLayer {
    /// Its name, or the command that made it.
    pub name: String,
    /// The size of its uncompressed archive.
    pub bytes: u64,
    /// The size of its stored archive if that is compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<u64>,
}

/// A file and its size.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SizedFile {
    /// Its path in the image.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The owner: its package, `category/name`, else its source; None if unknown.
    pub owner: Option<String>,
    /// The index of its layer in [`ImageSize::layers`].
    pub layer: usize,
    /// The kind of its reason; None if unknown.
    pub reason: Option<String>,
}

impl ImageSize {
    /// Returns the sum of all layers, uncompressed: the size that Docker reports.
    pub fn bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.bytes).sum()
    }

    /// Takes the sizes of an image from its list of files.
    pub fn of_contents(name: &str, contents: &Contents, report: Option<&Report>) -> ImageSize {
        let layers: Vec<SizedLayer> = contents
            .layers
            .iter()
            .map(|layer| SizedLayer { name: layer.name.clone(), bytes: layer.size, compressed: None })
            .collect();
        let number: BTreeMap<&str, usize> =
            layers.iter().enumerate().map(|(number, layer)| (layer.name.as_str(), number)).collect();
        let file = |(path, entry): (&String, &ContentEntry)| {
            Some(SizedFile {
                path: path.clone(),
                bytes: entry.size?,
                owner: contents.owner(path),
                layer: number.get(entry.layer.as_str()).copied().unwrap_or_default(),
                reason: contents.closure.reason(path).map(|reason| reason.label().to_owned()),
            })
        };
        let files = contents.entries.iter().filter_map(file).collect();
        // The report of another build has other sizes.
        let stages = report.filter(|report| report.id == contents.id).map(|report| report.stages.clone());
        ImageSize { image: name.to_owned(), id: contents.id.clone(), layers, files, stages: stages.unwrap_or_default() }
    }
}
