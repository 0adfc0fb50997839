//! The files of an OCI layout (OCI image-spec, "Image Layout").

use std::collections::HashSet;

use crate::annotation::REF_NAME;
use crate::index::merge_index;
use crate::reference::check_ref_name;
use crate::{Descriptor, Error, Image, Layer};

/// The file that marks a folder as a layout, and its content.
pub(crate) const OCI_LAYOUT: (&str, &[u8]) = ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);

/// Path of the list of images within a layout.
pub(crate) const INDEX: &str = "index.json";

/// One file of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutFile<'a> {
    /// Path relative to the layout, with `/` between its components.
    pub path: String,
    /// Its content.
    pub content: LayoutContent<'a>,
}

/// The content of a file of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutContent<'a> {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The blob of this layer; the caller has its bytes.
    Layer(&'a Layer),
}

/// Returns the files of an image's layout in the order in which to write them: a blob before every file that refers to
/// it, `index.json` last. So a reader never finds a dangling reference.
///
/// `name` becomes the image's `org.opencontainers.image.ref.name`, skopeo's NAME in `oci:DIR:NAME`.
/// `existing_index` is the layout's present `index.json`; its other images stay. The list has no unused blobs, and
/// does not name those that become unused.
///
/// # Errors
/// [`Error::Name`] for a name outside the grammar of the image-spec, [`Error::Index`] if `existing_index` is malformed.
pub fn layout_files<'a>(
    image: &'a Image,
    name: Option<&str>,
    existing_index: Option<&[u8]>,
) -> Result<Vec<LayoutFile<'a>>, Error> {
    let mut descriptor: Descriptor = image.descriptor.clone();
    if let Some(name) = name {
        check_ref_name(name)?;
        descriptor.annotations.insert(REF_NAME.to_owned(), name.to_owned());
    }
    let index = merge_index(existing_index, &descriptor)?;
    let document = |path: String, bytes: &[u8]| LayoutFile { path, content: LayoutContent::Bytes(bytes.to_vec()) };
    let layer =
        |layer: &'a Layer| LayoutFile { path: layer.blob.digest.blob_path(), content: LayoutContent::Layer(layer) };
    let mut files: Vec<LayoutFile<'a>> = layers_once(image, 0).map(layer).collect();
    files.push(document(image.id.blob_path(), &image.config));
    files.push(document(image.descriptor.digest.blob_path(), &image.manifest));
    files.push(document(OCI_LAYOUT.0.to_owned(), OCI_LAYOUT.1));
    files.push(document(INDEX.to_owned(), &index));
    Ok(files)
}

/// The layers without the lowest `omitted_layers`, each blob once: two layers may share one.
pub(crate) fn layers_once(image: &Image, omitted_layers: usize) -> impl Iterator<Item = &Layer> {
    let mut seen = HashSet::new();
    image.layers.iter().skip(omitted_layers).filter(move |layer| seen.insert(layer.blob.digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::{image, pretty};

    fn paths(files: &[LayoutFile<'_>]) -> Vec<String> {
        files.iter().map(|file| file.path.clone()).collect()
    }

    #[test]
    fn blobs_come_before_references() {
        let image = image(&[b"a", b"b"]);
        let files = layout_files(&image, Some("thumbnailer:latest"), None).unwrap();
        let expected = [
            image.layers[0].diff_id.blob_path(),
            image.layers[1].diff_id.blob_path(),
            image.id.blob_path(),
            image.descriptor.digest.blob_path(),
            "oci-layout".to_owned(),
            "index.json".to_owned(),
        ];
        assert_eq!(paths(&files), expected);
        let LayoutContent::Bytes(index) = &files[5].content else { panic!("no bytes") };
        insta::assert_snapshot!(pretty(index), @r#"
        {
          "manifests": [
            {
              "annotations": {
                "org.opencontainers.image.ref.name": "thumbnailer:latest"
              },
              "digest": "sha256:96356f429b9fd2115342d2ed5f012e3e8475541258fc2cc78c542707a753ab6a",
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
        "#);
    }

    #[test]
    fn shared_blob_is_listed_once() {
        let image = image(&[b"a", b"b", b"a"]);
        assert_eq!(layout_files(&image, None, None).unwrap().len(), 6);
        // The lowest layer is omitted. The top layer still needs the same blob, as its chain ID differs.
        let layers: Vec<_> = layers_once(&image, 1).map(|layer| layer.diff_id).collect();
        assert_eq!(layers, [image.layers[1].diff_id, image.layers[0].diff_id]);
    }

    #[test]
    fn invalid_name_is_refused() {
        assert!(matches!(layout_files(&image(&[]), Some("a b"), None), Err(Error::Name { .. })));
    }
}
