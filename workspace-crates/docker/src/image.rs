//! Images: import, load, tag, look up, list and remove.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Read;

use bollard::errors::Error as Client;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ImportImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions,
    TagImageOptionsBuilder,
};
use futures_util::{Stream, TryStreamExt};
use hyper::Method;

use crate::reference::{check_reference, familiar, split_tag};
use crate::{Answer, Docker, Error, ImageChanges, labels, wire};

/// An image of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…`: the digest of its configuration, or of its manifest in containerd's store.
    pub id: String,
    /// The digests of its uncompressed layers, the lowest first.
    pub diff_ids: Vec<String>,
    /// The size of its files in bytes.
    pub size: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The references that name it, as Docker shows them (`hello:latest`).
    pub tags: Vec<String>,
    /// The creation time in its configuration (RFC 3339).
    pub created: String,
    /// Its operating system: "linux".
    pub os: String,
    /// Its architecture: "amd64".
    pub architecture: String,
    /// Its environment, `NAME=value` each.
    pub environment: Vec<String>,
}

/// An image in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    /// `sha256:…`.
    pub id: String,
    /// The size of its files in bytes, shared layers included.
    pub size: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its references; empty for a superseded image.
    pub tags: Vec<String>,
    /// Its creation time in seconds since 1970.
    pub created: i64,
}

/// The result of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The references of the loaded images, or the id of one without a reference.
    pub images: Vec<String>,
    /// Bytes of the archive.
    pub bytes: u64,
}

/// The result of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The daemon has removed it.
    Removed,
    /// It stays: a container, another image or another reference needs it, in the daemon's words.
    InUse(String),
    /// It did not exist.
    Absent,
}

/// The last messages of a stream, which say its result.
async fn last(messages: impl Stream<Item = Result<String, Client>>) -> Result<Vec<String>, Client> {
    /// An archive of a hundred images has a message for each.
    const KEPT: usize = 1000;
    let kept = messages.try_fold(VecDeque::new(), |mut kept, message| async move {
        kept.push_back(message);
        kept.drain(..kept.len().saturating_sub(KEPT));
        Ok(kept)
    });
    Ok(kept.await?.into())
}

impl Removal {
    pub(crate) fn from_result<T>(result: Result<T, Error>) -> Result<Self, Error> {
        match result {
            Ok(_) => Ok(Self::Removed),
            Err(Error::NotFound { .. }) => Ok(Self::Absent),
            Err(Error::Refused { source: Answer { status: Some(409), message }, .. }) => Ok(Self::InUse(message)),
            Err(error) => Err(error),
        }
    }
}

impl Docker {
    /// Creates an image of one layer from a tar stream of a root filesystem, tags it with `reference`, and returns its id. A
    /// broken import creates no image, except in Podman 4.3, which may leave one without a name: so give it labels.
    ///
    /// # Errors
    /// [`Error::Read`] for an unreadable `tar`, [`Error::Refused`] if it is not a tar archive, [`Error::NoSpace`].
    pub fn import(&self, tar: impl Read, reference: Option<&str>, changes: &ImageChanges) -> Result<String, Error> {
        reference.map(split_tag).transpose()?;
        let client = self.client_with_changes(changes)?;
        let action = || match reference {
            Some(reference) => format!("import the image `{reference}`"),
            None => "import an image".to_owned(),
        };
        let options = CreateImageOptionsBuilder::new().from_src("-").build();
        let (statuses, _) = self.upload(action, tar, |_, body| async move {
            let body = bollard::body_try_stream(body.into_stream());
            let answers = client.create_image(Some(options), Some(body), None);
            last(answers.try_filter_map(|answer| async move { Ok(answer.status) })).await
        })?;
        let id = statuses
            .iter()
            .rev()
            .find_map(|status| image_id(status))
            .ok_or_else(|| Error::Unexpected { action: action(), source: "it names no image".into() })?;
        if let Some(reference) = reference {
            self.tag(&id, reference)?;
        }
        Ok(id)
    }

    /// Loads the images of an archive in the format of `docker save`, plain or compressed. The archive may omit the lowest
    /// layers if the daemon has them, except with Podman.
    ///
    /// # Errors
    /// [`Error::Read`] if `archive` cannot be read, [`Error::Refused`] if it is malformed or incomplete,
    /// [`Error::NoSpace`].
    pub fn load(&self, archive: impl Read) -> Result<Loaded, Error> {
        let options = ImportImageOptionsBuilder::new().quiet(true).build();
        let (lines, bytes) = self.upload(
            || "load an image".to_owned(),
            archive,
            |client, body| async move {
                let answers = client.import_image_stream(options, body.into_stream(), None);
                last(answers.try_filter_map(|answer| async move { Ok(answer.stream) })).await
            },
        )?;
        Ok(Loaded { images: loaded_images(&lines.concat()), bytes })
    }

    /// Looks up an image by reference or id.
    ///
    /// # Errors
    /// If the connection is lost, or the start of an id fits several images.
    pub fn image(&self, reference: &str) -> Result<Option<Image>, Error> {
        check_reference(reference)?;
        match self.request(|| format!("inspect the image `{reference}`"), self.client().inspect_image(reference)) {
            Ok(image) => Ok(Some(image.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the daemon's JSON of an image, by reference or id (Docker Engine API, "Inspect an image").
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn image_json(&self, reference: &str) -> Result<String, Error> {
        check_reference(reference)?;
        let body = self.request(|| format!("inspect the image `{reference}`"), async {
            let request = wire::request(Method::GET, &format!("/images/{reference}/json"), None)?;
            wire::read(wire::send(self.endpoint(), request).await?).await
        })?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// The images that have all of the labels, each given as `key` or `key=value`.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn images(&self, labels: &[&str]) -> Result<Vec<ImageSummary>, Error> {
        let options = ListImagesOptionsBuilder::new().filters(&labels::filter(labels)).build();
        let images = self.request(|| "list images".to_owned(), self.client().list_images(Some(options)))?;
        let images = images.into_iter().map(ImageSummary::from);
        Ok(images.filter(|image| labels::has_all(&image.labels, labels)).collect())
    }

    /// Tags an image. Another image with this tag loses it.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such an image.
    pub fn tag(&self, image: &str, reference: &str) -> Result<(), Error> {
        check_reference(image)?;
        let (repository, tag) = split_tag(reference)?;
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        self.request(|| format!("tag the image `{reference}`"), self.client().tag_image(image, Some(options)))
    }

    /// Removes a reference, and the image with its last reference; or an image by its id. An image of a container, even of a
    /// stopped one, stays.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn remove_image(&self, reference: &str) -> Result<Removal, Error> {
        check_reference(reference)?;
        let request = self.client().remove_image(reference, None::<RemoveImageOptions>, None);
        Removal::from_result(self.request_uninterrupted(|| format!("remove the image `{reference}`"), request))
    }
}

/// The id in an import's answer. Podman omits its prefix.
pub(crate) fn image_id(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let valid = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| format!("sha256:{digits}"))
}

/// The images in "Loaded image: hello:1", "Loaded image ID: sha256:…" and Podman's "Loaded image: a,b".
fn loaded_images(text: &str) -> Vec<String> {
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("Loaded image")?.split_once(": "));
    let names = named.flat_map(|(_, names)| names.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| image_id(name).unwrap_or_else(|| familiar(name).to_owned())).collect()
}

fn size(bytes: Option<i64>) -> u64 {
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// Superseded images have the tag `<none>:<none>` in older daemons.
fn tags(tags: Vec<String>) -> Vec<String> {
    tags.iter().filter(|tag| !tag.starts_with("<none>")).map(|tag| familiar(tag).to_owned()).collect()
}

fn sorted(labels: HashMap<String, String>) -> BTreeMap<String, String> {
    labels.into_iter().collect()
}

impl From<bollard::models::ImageInspect> for Image {
    fn from(image: bollard::models::ImageInspect) -> Self {
        let config = image.config.unwrap_or_default();
        let id = image.id.unwrap_or_default();
        Self {
            id: image_id(&id).unwrap_or(id),
            diff_ids: image.root_fs.and_then(|root| root.layers).unwrap_or_default(),
            size: size(image.size),
            labels: sorted(config.labels.unwrap_or_default()),
            tags: tags(image.repo_tags.unwrap_or_default()),
            created: image.created.unwrap_or_default(),
            os: image.os.unwrap_or_default(),
            architecture: image.architecture.unwrap_or_default(),
            environment: config.env.unwrap_or_default(),
        }
    }
}

impl From<bollard::models::ImageSummary> for ImageSummary {
    fn from(image: bollard::models::ImageSummary) -> Self {
        Self {
            id: image_id(&image.id).unwrap_or(image.id),
            size: size(Some(image.size)),
            labels: sorted(image.labels),
            tags: tags(image.repo_tags),
            created: image.created,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_answer_names_the_images() {
        let id = format!("sha256:{}", "0".repeat(64));
        for (text, expected) in [
            (
                "Loaded image: hello:1\nLoaded image: hello:2\n".to_owned(),
                vec!["hello:1".to_owned(), "hello:2".to_owned()],
            ),
            (format!("Loaded image ID: {id}\n"), vec![id.clone()]),
            (
                "Loaded image: docker.io/library/a:1,docker.io/b/c:2\n".to_owned(),
                vec!["a:1".to_owned(), "b/c:2".to_owned()],
            ),
            ("nothing".to_owned(), vec![]),
        ] {
            assert_eq!(loaded_images(&text), expected);
        }
    }
}
