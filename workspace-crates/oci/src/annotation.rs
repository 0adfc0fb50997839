//! The standard annotations of the OCI image-spec ("Pre-Defined Annotation Keys") and where they belong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::time::rfc3339;

/// Contact details of those responsible for the image, free text.
pub const AUTHORS: &str = "org.opencontainers.image.authors";
/// Date and time of the build, RFC 3339.
pub const CREATED: &str = "org.opencontainers.image.created";
/// Description for people.
pub const DESCRIPTION: &str = "org.opencontainers.image.description";
/// Address of the documentation.
pub const DOCUMENTATION: &str = "org.opencontainers.image.documentation";
/// Licences of the content, an SPDX expression.
pub const LICENSES: &str = "org.opencontainers.image.licenses";
/// Name of an image within an index; on descriptors only.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Revision of the source in its version control.
pub const REVISION: &str = "org.opencontainers.image.revision";
/// Address of the source.
pub const SOURCE: &str = "org.opencontainers.image.source";
/// Title, for people.
pub const TITLE: &str = "org.opencontainers.image.title";
/// Address of more information about the image.
pub const URL: &str = "org.opencontainers.image.url";
/// Distributor.
pub const VENDOR: &str = "org.opencontainers.image.vendor";
/// Version of the packaged software.
pub const VERSION: &str = "org.opencontainers.image.version";
/// containerd's and Docker's full reference of an image within an index; on descriptors only.
pub(crate) const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Metadata of the package that an image is made from. Empty texts count as `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Metadata {
    /// [`TITLE`]: the name of the package.
    pub title: Option<String>,
    /// [`VERSION`].
    pub version: Option<String>,
    /// [`DESCRIPTION`].
    pub description: Option<String>,
    /// [`LICENSES`].
    pub licenses: Option<String>,
    /// [`SOURCE`]: the repository.
    pub source: Option<String>,
    /// [`URL`]: the home page.
    pub url: Option<String>,
    /// [`DOCUMENTATION`].
    pub documentation: Option<String>,
    /// [`AUTHORS`], joined by commas.
    pub authors: Vec<String>,
    /// [`VENDOR`].
    pub vendor: Option<String>,
    /// [`REVISION`]: an annotation only, as it changes with every commit.
    pub revision: Option<String>,
    /// [`CREATED`], in seconds since 1970: an annotation only. A fixed time makes the image reproducible.
    pub created: Option<u64>,
}

impl Metadata {
    /// Returns the labels for the config: the values that do not change with each commit, so that the image's id does not
    /// change either.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        let authors = self.authors.join(", ");
        let texts = [
            (AUTHORS, Some(&authors)),
            (DESCRIPTION, self.description.as_ref()),
            (DOCUMENTATION, self.documentation.as_ref()),
            (LICENSES, self.licenses.as_ref()),
            (SOURCE, self.source.as_ref()),
            (TITLE, self.title.as_ref()),
            (URL, self.url.as_ref()),
            (VENDOR, self.vendor.as_ref()),
            (VERSION, self.version.as_ref()),
        ];
        let stated = texts.into_iter().filter_map(|(key, text)| Some((key, text.filter(|text| !text.is_empty())?)));
        stated.map(|(key, text)| (key.to_owned(), text.clone())).collect()
    }

    /// Returns the annotations for the manifest: the labels, the revision and the time.
    ///
    /// # Errors
    /// [`Error::Time`] for a time beyond the year 9999.
    pub fn annotations(&self) -> Result<BTreeMap<String, String>, Error> {
        let mut annotations = self.labels();
        if let Some(revision) = self.revision.as_ref().filter(|revision| !revision.is_empty()) {
            annotations.insert(REVISION.to_owned(), revision.clone());
        }
        if let Some(created) = self.created {
            annotations.insert(CREATED.to_owned(), rfc3339(created)?);
        }
        Ok(annotations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revision_is_an_annotation_only() {
        let metadata = Metadata {
            title: Some("thumbnailer".to_owned()),
            version: Some("0.1.0".to_owned()),
            description: Some(String::new()),
            licenses: Some("MIT OR Apache-2.0".to_owned()),
            authors: vec!["Ada <ada@example.org>".to_owned(), "Grace".to_owned()],
            revision: Some("2c26b46b".to_owned()),
            created: Some(0),
            ..Metadata::default()
        };
        insta::assert_snapshot!(serde_json::to_string_pretty(&metadata.labels()).unwrap(), @r#"
        {
          "org.opencontainers.image.authors": "Ada <ada@example.org>, Grace",
          "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
          "org.opencontainers.image.title": "thumbnailer",
          "org.opencontainers.image.version": "0.1.0"
        }
        "#);
        let annotations = metadata.annotations().unwrap();
        let added = annotations.iter().filter(|(key, _)| !metadata.labels().contains_key(*key));
        let added: Vec<(&str, &str)> = added.map(|(key, text)| (key.as_str(), text.as_str())).collect();
        let expected = [(CREATED, "1970-01-01T00:00:00Z"), (REVISION, "2c26b46b")];
        assert_eq!(added, expected);
        assert!(Metadata::default().annotations().unwrap().is_empty());
    }
}
