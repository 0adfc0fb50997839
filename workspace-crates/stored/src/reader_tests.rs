use super::*;
use serde_json::json;

/// Returns a layer with one file.
fn layer(text: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    builder.append_data(&mut header, "etc/file", text.as_bytes()).expect("written");
    builder.into_inner().expect("written")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

/// Returns the files of a layout by path: an image for each name, with one layer that contains the name.
fn layout(names: &[&str], compressed: bool) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("oci-layout".to_owned(), b"{}".to_vec())];
    let mut manifests = Vec::new();
    for name in names {
        let archive = layer(name);
        let blob = if compressed { gzip(&archive) } else { archive.clone() };
        let config = json!({"rootfs": {"diff_ids": [Digest::of(&archive).to_string()]}}).to_string().into_bytes();
        let descriptor = |bytes: &[u8]| json!({"digest": Digest::of(bytes).to_string(), "size": bytes.len()});
        let manifest = json!({"config": descriptor(&config), "layers": [descriptor(&blob)], "annotations": {"a": "b"}});
        let manifest = manifest.to_string().into_bytes();
        let mut entry = descriptor(&manifest);
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        manifests.push(entry);
        files.extend([blob, config, manifest].map(|bytes| (Digest::of(&bytes).blob_path(), bytes)));
    }
    files.push(("index.json".to_owned(), json!({"manifests": manifests}).to_string().into_bytes()));
    files
}

/// Returns the files of an archive of `docker save` with the same images.
fn saved(names: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut images = Vec::new();
    for name in names {
        let archive = layer(name);
        let config = json!({"rootfs": {"diff_ids": [Digest::of(&archive).to_string()]}}).to_string().into_bytes();
        let (path, of_layer) = (format!("{}.json", Digest::of(&config).hex()), format!("{name}/layer.tar"));
        images.push(json!({"Config": path, "RepoTags": [name], "Layers": [of_layer]}));
        files.extend([(path, config), (of_layer, archive)]);
    }
    files.push(("manifest.json".to_owned(), json!(images).to_string().into_bytes()));
    files
}

fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, &bytes[..]).expect("written");
    }
    builder.into_inner().expect("written")
}

fn read(read: impl FnOnce(&Reader<'_>) -> Result<Stored, Error>) -> Result<Stored, Error> {
    let scratch = tempfile::tempdir().expect("a folder");
    let wanted = ["web:latest".to_owned()];
    let reader = Reader {
        name: "it",
        scratch: scratch.path(),
        wanted: &wanted,
        named: false,
        platform: "linux/amd64",
        interrupted: &AtomicBool::new(false),
    };
    let stored = read(&reader);
    assert_eq!(std::fs::read_dir(scratch.path()).expect("a folder").count(), 0, "large files have no names");
    stored
}

fn of_archive(bytes: &[u8]) -> Result<Stored, Error> {
    read(|reader| reader.archive(bytes))
}

fn of_layout(files: &[(String, Vec<u8>)]) -> Result<Stored, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(path, bytes).expect("written");
    }
    read(|reader| reader.layout(folder.path()))
}

#[test]
fn same_image_is_read_from_any_store() {
    let expected = Digest::of(layer("web:latest"));
    let (one, several) = (&["web:latest"][..], &["other:1", "web:latest"][..]);
    for (what, stored) in [
        ("layout", of_layout(&layout(one, false))),
        ("layout, compressed", of_layout(&layout(one, true))),
        ("layout of several", of_layout(&layout(several, false))),
        ("archive of a layout", of_archive(&archive(&layout(one, true)))),
        ("saved", of_archive(&archive(&saved(one)))),
        ("several saved", of_archive(&archive(&saved(several)))),
        ("saved, compressed", of_archive(&gzip(&archive(&saved(one))))),
    ] {
        let stored = stored.unwrap_or_else(|error| panic!("{what}: {error}"));
        let found: Vec<Digest> = stored.layers.iter().map(|layer| layer.diff_id).collect();
        assert_eq!(found, [expected], "{what}");
        assert!(stored.layers[0].index.content("/etc/file").is_some(), "{what}");
        let annotations = if what.contains("saved") { None } else { Some(json!({"a": "b"})) };
        assert_eq!(stored.annotations, annotations, "{what}");
    }
}

#[test]
fn damaged_images_are_refused_with_the_cause() {
    let one = &["web:latest"][..];
    // Leave out a file of a layout or an archive, or change a byte of it.
    let without = |files: Vec<(String, Vec<u8>)>, path: &str| -> Vec<(String, Vec<u8>)> {
        files.into_iter().filter(|(name, _)| name != path).collect()
    };
    let damaged = |mut files: Vec<(String, Vec<u8>)>, at: usize| {
        if let Some(byte) = files[at].1.last_mut() {
            *byte ^= 1;
        }
        files
    };
    let whole = archive(&saved(one));
    let cases: Vec<(Result<Stored, Error>, &str)> = vec![
        (of_layout(&[]), "it is a folder without `oci-layout`"),
        (of_layout(&without(layout(one, false), "index.json")), "`index.json` is not there"),
        (of_layout(&layout(&[], false)), "it has no image"),
        (of_layout(&layout(&["a", "b"], false)), "none of its images is called `web:latest`"),
        (of_layout(&damaged(layout(one, false), 1)), "is damaged: it has the digest sha256:"),
        (of_layout(&damaged(layout(one, false), 2)), "is damaged: it has the digest sha256:"),
        (of_layout(&damaged(layout(one, true), 1)), "cannot be read: "),
        (of_archive(b""), "it is not a tar archive"),
        (of_archive(&[b'x'; 2000]), "it is not a tar archive"),
        (of_archive(&layer("x")), "it is not an image's archive: it has no `manifest.json`"),
        (of_archive(&archive(&without(saved(one), "web:latest/layer.tar"))), "`web:latest/layer.tar` is not there"),
        (of_archive(&archive(&damaged(saved(one), 0))), "its config is damaged: it has the digest sha256:"),
        (of_archive(&archive(&damaged(saved(one), 1))), "is damaged: it has the digest sha256:"),
        (of_archive(&archive(&[("manifest.json".into(), b"[".to_vec())])), "`manifest.json` is not JSON: "),
        (of_archive(&archive(&saved(&["a", "b"]))), "none of its images is called `web:latest`"),
        (of_archive(&whole[..whole.len() / 2]), "the archive cannot be read: "),
        (of_archive(&gzip(&whole)[..100]), "the archive cannot be read: "),
    ];
    for (stored, expected) in cases {
        let error = match stored {
            Ok(_) => panic!("it was read, and not refused: {expected}"),
            Err(error) => error.to_string(),
        };
        assert!(
            error.starts_with("failed to read the image `it`: ") && error.contains(expected),
            "{error}\n{expected}"
        );
    }
}

#[test]
fn index_of_platforms_is_followed() {
    let mut files = layout(&["web:latest"], false);
    let index = files.pop().expect("it comes last").1;
    let mut index: Value = serde_json::from_slice(&index).expect("JSON");
    index["manifests"][0]["platform"] = json!({"os": "linux", "architecture": "amd64"});
    let list = index.to_string().into_bytes();
    let media_type = "application/vnd.oci.image.index.v1+json";
    let outer = json!({"manifests": [{"digest": Digest::of(&list).to_string(), "mediaType": media_type}]});
    files.extend([(Digest::of(&list).blob_path(), list), ("index.json".into(), outer.to_string().into_bytes())]);
    assert_eq!(of_layout(&files).expect("an image").layers.len(), 1);
}
