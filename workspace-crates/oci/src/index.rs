//! `index.json`: the list of a layout's images.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::annotation::REF_NAME;
use crate::{Descriptor, Error, MediaType};

/// Writes an index of these images as JSON.
pub(crate) fn index_json(manifests: &[Descriptor]) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct IndexJson<'a> {
        manifests: &'a [Descriptor],
        media_type: MediaType,
        schema_version: u32,
    }
    let document = IndexJson { manifests, media_type: MediaType::Index, schema_version: 2 };
    serde_json::to_vec(&document).expect("maps have strings as keys")
}

/// Adds an image to an `index.json`. It replaces the entry with the same `ref.name` annotation.
///
/// An image without a name replaces an unnamed entry of the same digest. Everything else of the existing index stays,
/// including keys that this crate does not know.
///
/// # Errors
/// [`Error::Index`] if `existing` is malformed.
pub fn merge_index(existing: Option<&[u8]>, image: &Descriptor) -> Result<Vec<u8>, Error> {
    let Some(existing) = existing else {
        return Ok(index_json(std::slice::from_ref(image)));
    };
    let malformed = |reason| Error::Index { reason, source: None };
    let mut index: Map<String, Value> = serde_json::from_slice(existing)
        .map_err(|error| Error::Index { reason: "it is no JSON object", source: Some(error) })?;
    if index.get("schemaVersion") != Some(&Value::from(2)) {
        return Err(malformed("its schemaVersion is not 2"));
    }
    let Some(Value::Array(manifests)) = index.get_mut("manifests") else {
        return Err(malformed("it has no list of manifests"));
    };
    let entry = serde_json::to_value(image).expect("maps have strings as keys");
    // No entry before the first match is removed, so its position stays valid.
    let place = manifests.iter().position(|other| same_place(other, &entry));
    manifests.retain(|other| !same_place(other, &entry));
    manifests.insert(place.unwrap_or(manifests.len()), entry);
    Ok(serde_json::to_vec(&index).expect("maps have strings as keys"))
}

fn same_place(one: &Value, other: &Value) -> bool {
    let name = |entry: &Value| entry.get("annotations")?.get(REF_NAME).cloned();
    match (name(one), name(other)) {
        (None, None) => one.get("digest") == other.get("digest"),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use oci_spec::image::ImageIndex;

    use super::*;
    use crate::Digest;

    fn manifest(content: &str, name: Option<&str>) -> Descriptor {
        let annotations =
            name.map(|name| (REF_NAME.to_owned(), name.to_owned())).into_iter().collect::<BTreeMap<_, _>>();
        Descriptor { annotations, ..Descriptor::of(MediaType::Manifest, content.as_bytes()) }
    }

    /// Names and content of an index, with the content looked up by its digest.
    fn entries(index: &[u8]) -> Vec<String> {
        let known = ["1", "2", "3"].map(|content| (Digest::of(content).to_string(), content));
        let parsed = ImageIndex::from_reader(index).unwrap();
        let entry = |descriptor: &oci_spec::image::Descriptor| {
            let content = known
                .iter()
                .find(|(digest, _)| *digest == descriptor.digest().to_string())
                .map_or("?", |(_, content)| content);
            let name = descriptor.annotations().as_ref().and_then(|annotations| annotations.get(REF_NAME));
            format!("{}={content}", name.map_or("", String::as_str))
        };
        parsed.manifests().iter().map(entry).collect()
    }

    #[test]
    fn image_replaces_its_namesake_in_place() {
        let mut index = merge_index(None, &manifest("1", Some("a"))).unwrap();
        let steps: [(Descriptor, &[&str]); 6] = [
            (manifest("2", Some("b")), &["a=1", "b=2"]),
            (manifest("3", Some("a")), &["a=3", "b=2"]),
            (manifest("1", None), &["a=3", "b=2", "=1"]),
            (manifest("2", None), &["a=3", "b=2", "=1", "=2"]),
            (manifest("1", None), &["a=3", "b=2", "=1", "=2"]),
            (manifest("1", Some("c")), &["a=3", "b=2", "=1", "=2", "c=1"]),
        ];
        for (image, expected) in steps {
            index = merge_index(Some(&index), &image).unwrap();
            assert_eq!(entries(&index), expected);
        }
    }

    #[test]
    fn unknown_entries_and_keys_stay() {
        let twice = format!(
            r#"{{"schemaVersion":2,"x":{{"y":[1]}},"manifests":[{{"size":1,"data":"eA=="}},{0},{0}]}}"#,
            serde_json::to_string(&manifest("1", Some("a"))).unwrap(),
        );
        let merged: Value =
            serde_json::from_slice(&merge_index(Some(twice.as_bytes()), &manifest("2", Some("a"))).unwrap()).unwrap();
        assert_eq!(merged["x"]["y"][0], 1);
        assert_eq!(merged["manifests"][0]["data"], "eA==");
        assert_eq!(merged["manifests"][1]["digest"], Digest::of("2").to_string());
        assert_eq!(merged["manifests"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn malformed_index_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"schemaVersion":1,"manifests":[]}"#,
            r#"{"schemaVersion":2,"manifests":{}}"#,
            "{\"a\":",
        ] {
            assert!(
                matches!(merge_index(Some(text.as_bytes()), &manifest("1", None)), Err(Error::Index { .. })),
                "{text}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(merge_index(Some(deep.as_bytes()), &manifest("1", None)).is_err());
    }
}
