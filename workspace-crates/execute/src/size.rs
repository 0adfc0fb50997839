//! What an image is made of, file by file: one that was built here, or any that is stored somewhere.

mod groups;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierce_plan::Sink;
use tierce_rootfs::{Index, NodeKind, stack};

pub use groups::{By, Change, Group, changes};

use crate::progress::Observer;
use crate::report::{Contents, Report, report_path};
use crate::session::Session;
use crate::stages::Stage;
use crate::verify::{Source, Stored, history};
use crate::{Error, files};

/// An image as sizes. All are in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageSize {
    /// What it was asked for as.
    pub image: String,
    /// The digest of its config.
    pub id: String,
    /// Its layers, the lowest first.
    pub layers: Vec<SizedLayer>,
    /// Its regular files, as a container sees them, by path.
    pub files: Vec<SizedFile>,
    /// From the builder to the image, where it was built here; empty where it was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
}

/// A layer and its size.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SizedLayer {
    /// What made it, or what it is for.
    pub name: String,
    /// Its archive, not compressed.
    pub bytes: u64,
    /// The same as it is stored, where that is compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed: Option<u64>,
}

/// A file and its size.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SizedFile {
    /// Its path in the image.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// The package, `category/name`, or where it comes from if from none; none where nobody knows.
    pub owner: Option<String>,
    /// The number of its layer among [`ImageSize::layers`].
    pub layer: usize,
    /// The kind of the reason for which it is in.
    pub reason: Option<String>,
}

impl ImageSize {
    /// All layers together, not compressed: the size that Docker tells.
    pub fn bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.bytes).sum()
    }

    /// An image that was built here.
    fn of_contents(name: &str, contents: &Contents, report: Option<&Report>) -> ImageSize {
        let layers: Vec<SizedLayer> = contents
            .layers
            .iter()
            .map(|layer| SizedLayer { name: layer.name.clone(), bytes: layer.size, compressed: None })
            .collect();
        let number: BTreeMap<&str, usize> =
            layers.iter().enumerate().map(|(number, layer)| (layer.name.as_str(), number)).collect();
        let file = |(path, entry): (&String, &crate::ContentEntry)| {
            Some(SizedFile {
                path: path.clone(),
                bytes: entry.size?,
                owner: contents.owner(path),
                layer: number.get(entry.layer.as_str()).copied().unwrap_or_default(),
                reason: contents.closure.reason(path).map(|reason| reason.label().to_owned()),
            })
        };
        let files = contents.entries.iter().filter_map(file).collect();
        // Of another build it would say nothing.
        let stages = report.filter(|report| report.id == contents.id).map(|report| report.stages.clone());
        ImageSize { image: name.to_owned(), id: contents.id.clone(), layers, files, stages: stages.unwrap_or_default() }
    }

    /// An image that is stored somewhere. Whose its files are is known where an image of this workspace has the same path.
    fn of_stored(stored: &Stored, known: &[Contents]) -> ImageSize {
        let layers: Vec<SizedLayer> = stored
            .layers
            .iter()
            .enumerate()
            .map(|(at, layer)| {
                let name = history(&stored.config, at).unwrap_or_else(|| layer.diff_id.to_string());
                let name = name.strip_prefix("tierce: ").unwrap_or(&name).to_owned();
                let compressed = (layer.stored != layer.bytes).then_some(layer.stored);
                SizedLayer { name, bytes: layer.bytes, compressed }
            })
            .collect();
        let indexes: Vec<Index> = stored.layers.iter().map(|layer| layer.index.clone()).collect();
        let file = |(path, placed): (&str, tierce_rootfs::Placed<'_>)| match placed.node.kind {
            NodeKind::File { size } => Some(SizedFile {
                path: path.to_owned(),
                bytes: size,
                owner: known.iter().find_map(|contents| contents.owner(path)),
                layer: placed.layer,
                reason: None,
            }),
            _ => None,
        };
        let files = stack(&indexes).into_iter().filter_map(file).collect();
        ImageSize { image: stored.name.clone(), id: stored.id.to_string(), layers, files, stages: Vec::new() }
    }
}

impl Session {
    /// What an image of the workspace is made of, as it was built last; it is built if it was not yet. Any other word names an
    /// image that is stored somewhere: a layout, an archive or a reference in the daemon.
    ///
    /// # Errors
    /// [`Error::StoredImage`] if there is nothing of this name, and whatever goes wrong when it is built.
    pub fn size(&self, image: &str, observer: &Observer<'_>) -> Result<ImageSize, Error> {
        if self.spec.image(image).is_none() {
            return self.stored_size(image, &[]);
        }
        let images = self.images(&[image.to_owned()])?;
        let contents = match self.contents(image) {
            Ok(contents) if !contents.layers.is_empty() => contents,
            _ => {
                self.deliver(&images, &Sink::Daemon, observer)?;
                self.contents(image)?
            }
        };
        let report = files::read_json::<Report>(&report_path(&self.places, image));
        Ok(ImageSize::of_contents(image, &contents, report.as_ref()))
    }

    /// The same of what is stored somewhere. `names` are those that it may have where several are stored.
    ///
    /// # Errors
    /// [`Error::StoredImage`] if there is none, or it cannot be read.
    pub fn stored_size(&self, stored: &str, names: &[String]) -> Result<ImageSize, Error> {
        let parent = self.places.own("verify");
        files::sweep(&parent, 0);
        let (folder, _held) = files::temporary_folder_in(&parent)?;
        let known: Vec<String> = self.spec.images.iter().map(|image| image.name.to_string()).collect();
        let help = match known.is_empty() {
            true => None,
            false => Some(format!("the workspace has the images `{}`", known.join("`, `"))),
        };
        let stored = self.stored_image(folder.path(), stored, Source::of(stored), names, help)?;
        let known: Vec<Contents> = known.iter().filter_map(|name| self.contents(name).ok()).collect();
        Ok(ImageSize::of_stored(&stored, &known))
    }
}
