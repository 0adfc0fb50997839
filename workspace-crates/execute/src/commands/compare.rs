//! Compares two stored images.

use std::fs::File;

use tierce_oci::document_differences;
use tierce_report::{Contents, LayerDifference, OwnedDifference, Verification};
use tierce_rootfs::{ContentDifference, Index, Part, Placed, Source, compare, content_difference, header_field, stack};
use tierce_store::Error;
use tierce_stored::{Stored, StoredLayer};

/// The images to compare.
pub(super) struct Sides<'a> {
    pub(super) stored_image: &'a Stored,
    pub(super) built: &'a Stored,
    /// The known owners of files; the first entry with a path wins.
    pub(super) contents: Vec<&'a Contents>,
    /// Fails after Ctrl-C.
    pub(super) check: &'a dyn Fn() -> Result<(), Error>,
}

impl Sides<'_> {
    pub(super) fn compare(&self, image: &str) -> Result<Verification, Error> {
        let (stored_image, built) = (self.stored_image, self.built);
        let files = if stored_image.id == built.id { Vec::new() } else { self.files()? };
        let annotations = match (&stored_image.annotations, &built.annotations) {
            (Some(before), Some(after)) => document_differences(before, after),
            _ => Vec::new(),
        };
        // The layers have their own list of differences.
        let mut config = document_differences(&stored_image.config, &built.config);
        config.retain(|one| !one.path.starts_with("rootfs.diff_ids"));
        Ok(Verification {
            image: image.to_owned(),
            against: stored_image.name.clone(),
            identical: stored_image.id == built.id && annotations.is_empty(),
            before: stored_image.id.to_string(),
            after: built.id.to_string(),
            layers: self.layers(&files)?,
            files,
            config,
            annotations,
        })
    }

    fn files(&self) -> Result<Vec<OwnedDifference>, Error> {
        let indexes = |stored: &Stored| stored.layers.iter().map(|layer| layer.index.clone()).collect::<Vec<Index>>();
        let (before, after) = (indexes(self.stored_image), indexes(self.built));
        let found = compare(&stack(&before), &stack(&after), |old, new| {
            (self.check)()?;
            let layers = self.stored_image.layers.get(old.layer).zip(self.built.layers.get(new.layer));
            let (Some((one, other)), Some(left), Some(right)) = (layers, range(old), range(new)) else {
                return Ok(None);
            };
            differences(one, left, other, right)
        })?;
        let owner = |path: &str| self.contents.iter().find_map(|contents| contents.owner(path));
        Ok(found.into_iter().map(|file| OwnedDifference { owner: owner(&file.path), file }).collect())
    }

    fn layers(&self, files: &[OwnedDifference]) -> Result<Vec<LayerDifference>, Error> {
        let (before, after) = (&self.stored_image.layers, &self.built.layers);
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
            let name = self.built.history(at).or_else(|| self.stored_image.history(at)).unwrap_or_default().to_owned();
            found.push(LayerDifference { layer: at + 1, name, before: digest(old), after: digest(new), written });
        }
        Ok(found)
    }
}

/// Returns the range of a file's content in its layer's archive.
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

/// Describes the first difference between the archives of two layers whose files are equal.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::io::{Seek, SeekFrom, Write};
    use tierce_oci::Digest;
    use tierce_rootfs::Limits;

    /// Creates a layer with one file that has this modification time.
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

    fn compared(stored_image: &Stored, built: &Stored) -> Verification {
        let sides = Sides { stored_image, built, contents: Vec::new(), check: &|| Ok(()) };
        sides.compare("web").expect("readable")
    }

    #[test]
    fn equal_images_and_annotations_are_identical() {
        let image = |annotations| stored(vec![layer("text", 0)], json!({}), annotations);
        let (one, two) = (Some(json!({"revision": "1"})), Some(json!({"revision": "2"})));
        for (stored_image, built, identical) in
            [(None, None, true), (None, one.clone(), true), (one.clone(), one.clone(), true), (one, two, false)]
        {
            let found = compared(&image(stored_image), &image(built));
            assert_eq!((found.identical, found.annotations.is_empty()), (identical, identical));
            assert!(found.files.is_empty() && found.layers.is_empty() && found.config.is_empty());
        }
    }

    #[test]
    fn differently_written_layer_names_header_field() {
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
    fn file_differences_explain_their_layer() {
        let stored_image = stored(vec![layer("one\n", 0), layer("x", 0)], json!({"config": {"User": "1"}}), None);
        let built = stored(vec![layer("two\n", 0)], json!({"config": {"User": "2"}}), None);
        let found = compared(&stored_image, &built);
        assert_eq!(found.files.len(), 1);
        let layers: Vec<_> = found.layers.iter().map(|one| (one.layer, one.after.is_some(), &one.written)).collect();
        assert_eq!(layers, [(1, true, &None), (2, false, &None)]);
        let config: Vec<&str> = found.config.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(config, ["config.User"]);
    }
}
