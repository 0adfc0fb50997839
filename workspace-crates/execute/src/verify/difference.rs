//! What two stored images differ in.

use std::fs::File;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tierce_oci::{DocumentDifference, document_differences};
use tierce_rootfs::{
    ContentDifference, FileDifference, Index, Part, Placed, Source, compare, content_difference, header_field, stack,
};

use crate::Error;
use crate::report::Contents;
use crate::verify::stored::{Stored, StoredLayer};

/// What came of building an image again. `before` is what is stored, `after` what was built anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verification {
    /// The image's name.
    pub image: String,
    /// What it was compared with.
    pub against: String,
    /// Whether both are the same, byte for byte.
    pub identical: bool,
    /// The id of what is stored.
    pub before: String,
    /// The id of what was built anew.
    pub after: String,
    /// The files that differ.
    pub files: Vec<OwnedDifference>,
    /// The layers that differ.
    pub layers: Vec<LayerDifference>,
    /// What differs in the config, layers apart.
    pub config: Vec<DocumentDifference>,
    /// What differs in the annotations of the manifest, where the one that was made with the image is stored.
    pub annotations: Vec<DocumentDifference>,
}

/// A file that differs, and whose it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnedDifference {
    /// Path and differences.
    #[serde(flatten)]
    pub file: FileDifference,
    /// Its package, or where it comes from if from none; none where that is not known.
    pub owner: Option<String>,
}

/// A layer that differs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerDifference {
    /// Which one, the lowest being 1.
    pub layer: usize,
    /// What made it, as the history says.
    pub name: String,
    /// Its digest; none where there is no such layer.
    pub before: Option<String>,
    /// The same of what was built anew.
    pub after: Option<String>,
    /// Where the archives differ, if none of their files does.
    pub written: Option<String>,
}

/// The two that are compared.
pub(crate) struct Sides<'a> {
    pub(crate) there: &'a Stored,
    pub(crate) built: &'a Stored,
    /// Whose files are whose; the first that knows a path is right.
    pub(crate) contents: Vec<&'a Contents>,
    /// Fails after Ctrl-C.
    pub(crate) check: &'a dyn Fn() -> Result<(), Error>,
}

impl Sides<'_> {
    pub(crate) fn compare(&self, image: &str) -> Result<Verification, Error> {
        let (there, built) = (self.there, self.built);
        let files = if there.id == built.id { Vec::new() } else { self.files()? };
        let annotations = match (&there.annotations, &built.annotations) {
            (Some(before), Some(after)) => document_differences(before, after),
            _ => Vec::new(),
        };
        // Layers are told of by themselves.
        let mut config = document_differences(&there.config, &built.config);
        config.retain(|one| !one.path.starts_with("rootfs.diff_ids"));
        Ok(Verification {
            image: image.to_owned(),
            against: there.name.clone(),
            identical: there.id == built.id && annotations.is_empty(),
            before: there.id.to_string(),
            after: built.id.to_string(),
            layers: self.layers(&files)?,
            files,
            config,
            annotations,
        })
    }

    fn files(&self) -> Result<Vec<OwnedDifference>, Error> {
        let indexes = |stored: &Stored| stored.layers.iter().map(|layer| layer.index.clone()).collect::<Vec<Index>>();
        let (before, after) = (indexes(self.there), indexes(self.built));
        let found = compare(&stack(&before), &stack(&after), |old, new| {
            (self.check)()?;
            let layers = self.there.layers.get(old.layer).zip(self.built.layers.get(new.layer));
            let (Some((one, other)), Some(left), Some(right)) = (layers, range(old), range(new)) else {
                return Ok(None);
            };
            differences(one, left, other, right)
        })?;
        let owner = |path: &str| self.contents.iter().find_map(|contents| contents.owner(path));
        Ok(found.into_iter().map(|file| OwnedDifference { owner: owner(&file.path), file }).collect())
    }

    fn layers(&self, files: &[OwnedDifference]) -> Result<Vec<LayerDifference>, Error> {
        let (before, after) = (&self.there.layers, &self.built.layers);
        let mut found = Vec::new();
        for at in 0..before.len().max(after.len()) {
            let (old, new) = (before.get(at), after.get(at));
            if old.map(|layer| layer.diff_id) == new.map(|layer| layer.diff_id) {
                continue;
            }
            let has = |layer: &StoredLayer, path: &str| layer.index.tree().get(path).is_some();
            let explained =
                |file: &OwnedDifference| [old, new].into_iter().flatten().any(|layer| has(layer, &file.file.path));
            let written = match old.zip(new) {
                Some((old, new)) if !files.iter().any(explained) => written(old, new)?,
                _ => None,
            };
            let digest = |layer: Option<&StoredLayer>| layer.map(|layer| layer.diff_id.to_string());
            let name = history(&self.built.config, at).or_else(|| history(&self.there.config, at)).unwrap_or_default();
            found.push(LayerDifference { layer: at + 1, name, before: digest(old), after: digest(new), written });
        }
        Ok(found)
    }
}

/// Where a file's bytes are in the archive of its layer.
fn range(placed: &Placed<'_>) -> Option<std::ops::Range<u64>> {
    match placed.content?.source {
        Source::Archive { offset, size } => Some(offset..offset + size),
        _ => None,
    }
}

fn differences(
    before: &StoredLayer,
    left: std::ops::Range<u64>,
    after: &StoredLayer,
    right: std::ops::Range<u64>,
) -> Result<Option<ContentDifference>, Error> {
    let (mut one, mut other): (&File, &File) = (&before.file, &after.file);
    let (mut one, mut other) = (Part { stream: &mut one, range: left }, Part { stream: &mut other, range: right });
    content_difference(&mut one, &mut other)
        .map_err(|error| Error::file("read", std::path::Path::new("a layer"), error))
}

/// Where two archives differ whose files do not.
fn written(before: &StoredLayer, after: &StoredLayer) -> Result<Option<String>, Error> {
    let length = |layer: &StoredLayer| layer.file.metadata().map_or(0, |metadata| metadata.len());
    let found = differences(before, 0..length(before), after, 0..length(after))?;
    let Some(ContentDifference::Data(bytes)) = found else { return Ok(None) };
    let next = |layer: &StoredLayer| {
        let behind = |(path, content): (&str, &tierce_rootfs::FileContent)| match content.source {
            Source::Archive { offset, .. } if offset > bytes.offset => Some((offset, path.to_owned())),
            _ => None,
        };
        layer.index.files().filter_map(behind).min()
    };
    let field = header_field(bytes.offset);
    let place = match next(before) {
        Some((_, path)) => format!("{field} of a header before the content of `{path}`"),
        None => format!("{field} of a header behind all files"),
    };
    Ok(Some(format!("{place}, at {:#x}: {} there, {} built", bytes.offset, bytes.before, bytes.after)))
}

/// What made a layer, as a config says.
pub(crate) fn history(config: &Value, layer: usize) -> Option<String> {
    let steps = config["history"].as_array().into_iter().flatten();
    let mut with_layers = steps.filter(|step| step["empty_layer"] != true);
    with_layers.nth(layer)?["created_by"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::{Seek, SeekFrom, Write};
    use tierce_oci::Digest;
    use tierce_rootfs::Limits;

    /// A layer of one file that was changed at this time.
    fn layer(text: &str, time: u64) -> StoredLayer {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(time);
        builder.append_data(&mut header, "etc/file", text.as_bytes()).expect("written");
        let archive = builder.into_inner().expect("written");
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&archive).and_then(|()| file.seek(SeekFrom::Start(0))).expect("written");
        let index = Index::of_archive(&mut file, "", Limits::default()).expect("an archive");
        let bytes = archive.len() as u64;
        StoredLayer { diff_id: Digest::of(&archive), file, index, bytes, stored: bytes }
    }

    fn stored(layers: Vec<StoredLayer>, config: Value, annotations: Option<Value>) -> Stored {
        let digests: Vec<String> = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let mut config = config;
        config["rootfs"] = json!({"diff_ids": digests});
        config["history"] = json!([{"created_by": "nothing", "empty_layer": true}, {"created_by": "first"}]);
        Stored { name: "there".into(), id: Digest::of(config.to_string()), config, annotations, layers }
    }

    fn compared(there: &Stored, built: &Stored) -> Verification {
        let sides = Sides { there, built, contents: Vec::new(), check: &|| Ok(()) };
        sides.compare("web").expect("readable")
    }

    #[test]
    fn equal_images_are_identical_and_annotations_count_where_both_have_them() {
        let image = |annotations| stored(vec![layer("text", 0)], json!({}), annotations);
        let (one, two) = (Some(json!({"revision": "1"})), Some(json!({"revision": "2"})));
        for (there, built, identical) in
            [(None, None, true), (None, one.clone(), true), (one.clone(), one.clone(), true), (one, two, false)]
        {
            let found = compared(&image(there), &image(built));
            assert_eq!((found.identical, found.annotations.is_empty()), (identical, identical));
            assert!(found.files.is_empty() && found.layers.is_empty() && found.config.is_empty());
        }
    }

    #[test]
    fn a_layer_of_the_same_files_that_is_written_differently_says_where() {
        let image = |time| stored(vec![layer("text", time)], json!({}), None);
        let found = compared(&image(0), &image(0o777));
        assert!(!found.identical && found.files.is_empty() && found.config.is_empty(), "{found:?}");
        let [one] = &found.layers[..] else { panic!("{found:?}") };
        assert_eq!((one.layer, one.name.as_str()), (1, "first"));
        let written = one.written.as_deref().expect("no file explains it");
        let expected = "the time of a header before the content of `/etc/file`, at 0x90: 30303000";
        assert!(written.starts_with(expected), "{written}");
    }

    #[test]
    fn files_explain_their_layer_and_further_layers_are_told_of() {
        let there = stored(vec![layer("one\n", 0), layer("x", 0)], json!({"config": {"User": "1"}}), None);
        let built = stored(vec![layer("two\n", 0)], json!({"config": {"User": "2"}}), None);
        let found = compared(&there, &built);
        assert_eq!(found.files.len(), 1);
        let layers: Vec<_> = found.layers.iter().map(|one| (one.layer, one.after.is_some(), &one.written)).collect();
        assert_eq!(layers, [(1, true, &None), (2, false, &None)]);
        let config: Vec<&str> = found.config.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(config, ["config.User"]);
    }
}
