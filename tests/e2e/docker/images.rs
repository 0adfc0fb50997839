//! Images: import, load, tag, list, remove.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use tierce_docker::{ContainerSpec, Error, ImageChanges, Removal};

use super::support::{LABEL, archive, files, fixture, interruptible, labels, sha256, tool_layer, unique};

fn labelled() -> ImageChanges {
    ImageChanges { labels: labels(), ..Default::default() }
}

#[test]
fn import_keeps_labels_and_names() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let layer = files(&[("file", unique("content").as_bytes())]);
    let mut changes = labelled();
    changes.labels.insert("dev.tierce.words".to_owned(), r#"two  words, "quoted" $HOME \ ü = ö"#.to_owned());
    changes.labels.insert("dev.tierce.empty".to_owned(), String::new());
    changes.environment.insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
    let id = docker.import(&layer[..], None, &changes).unwrap();
    let image = docker.image(&id).unwrap().unwrap();
    assert_eq!(image.id, id);
    assert_eq!(image.labels, changes.labels);
    assert_eq!(image.environment, ["PATH=/usr/bin:/bin"]);
    assert_eq!(image.diff_ids, [format!("sha256:{}", sha256(&layer))]);
    assert!(image.tags.is_empty() && image.os == "linux", "{image:?}");

    let (first, second) = (format!("{}:a", unique("tierce-name")), unique("tierce/name"));
    docker.tag(&id, &first).unwrap();
    docker.tag(&first, &second).unwrap();
    let mut tags = docker.image(&id).unwrap().unwrap().tags;
    tags.sort();
    assert_eq!(tags, [first.clone(), format!("{second}:latest")]);
    let listed = docker.images(&[LABEL, &format!("{LABEL}={}", std::process::id()), "dev.tierce.empty"]).unwrap();
    assert!(listed.iter().any(|listed| listed.id == id && listed.tags.contains(&first)), "{listed:?}");
    assert_eq!(docker.remove_image(&first).unwrap(), Removal::Removed);
    assert!(docker.image(&id).unwrap().is_some());
    assert_eq!(docker.remove_image(&second).unwrap(), Removal::Removed);
    assert_eq!(docker.image(&id).unwrap(), None);
    assert_eq!(docker.remove_image(&id).unwrap(), Removal::Absent);
    assert!(matches!(docker.tag(&id, &first), Err(Error::NotFound { .. })));
}

#[test]
fn image_in_use_stays() {
    let fixture = fixture();
    let container = fixture.docker.create(&fixture.spec(&["exit", "0"])).unwrap();
    let removal = fixture.docker.remove_image(&fixture.docker.image(&fixture.image).unwrap().unwrap().id).unwrap();
    assert!(matches!(removal, Removal::InUse(_)), "{removal:?}");
    container.remove().unwrap();
}

#[test]
fn import_refuses_other_archives() {
    let fixture = fixture();
    let docker = &fixture.docker;
    // Small enough to be sent at once, and large enough for the daemon to answer before all of it was sent.
    for garbage in [b"garbage".repeat(1000), b"garbage ".repeat(4 << 20)] {
        let error = docker.import(&garbage[..], None, &ImageChanges::default()).unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    }
    let tag = format!("{}:1", unique("tierce-cut"));
    let layer = tool_layer();
    let broken = layer[..layer.len() / 2].chain(Broken);
    let error = docker.import(broken, Some(&tag), &labelled()).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error:?}");
    assert_eq!(docker.image(&tag).unwrap(), None);
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("broken"))
    }
}

#[test]
fn load_needs_only_new_layers() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let tool = tool_layer();
    let program = files(&[("program", unique("program").as_bytes())]);
    let changed = files(&[("program", unique("changed").as_bytes())]);
    let whole = archive(&[&tool, &program], 0);
    let loaded = docker.load(&whole[..]).unwrap();
    assert_eq!((loaded.images.len(), loaded.bytes), (1, whole.len() as u64));
    let first = docker.image(&loaded.images[0]).unwrap().unwrap();
    assert_eq!((&first.id, &first.labels), (&loaded.images[0], &labels()));
    assert_eq!(first.diff_ids[1], format!("sha256:{}", sha256(&program)));
    let tag = format!("{}:1", unique("tierce-loaded"));
    docker.tag(&first.id, &tag).unwrap();

    let partial = docker.load(&archive(&[&tool, &changed], 1)[..]);
    if fixture.is_podman() {
        assert!(matches!(partial, Err(Error::Refused { .. })), "{partial:?}");
        assert_eq!(docker.remove_image(&tag).unwrap(), Removal::Removed);
        return;
    }
    let second = partial.unwrap().images.remove(0);
    let spec = ContainerSpec { image: second.clone(), ..fixture.spec(&["cat", "/program"]) };
    assert!(fixture.run(&spec).stdout.starts_with("changed"));
    docker.tag(&second, &tag).unwrap();
    assert_eq!(docker.image(&tag).unwrap().unwrap().id, second);
    assert!(docker.image(&first.id).unwrap().unwrap().tags.is_empty());
    assert_eq!(docker.remove_image(&first.id).unwrap(), Removal::Removed);
    // A layer that the daemon does not have, and that the archive lacks.
    let unknown = files(&[("unknown", unique("unknown").as_bytes())]);
    let error = docker.load(&archive(&[&unknown, &changed], 1)[..]).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert_eq!(docker.remove_image(&tag).unwrap(), Removal::Removed);
}

#[test]
fn interrupted_import_leaves_nothing() {
    let fixture = fixture();
    let (docker, flag) = interruptible();
    let tag = format!("{}:1", unique("tierce-interrupted"));
    // The whole of a layer, without the end of the archive: cut properly, it would be an image.
    let layer = tool_layer();
    let endless = layer.as_slice().chain(Raise(&flag)).chain(std::io::repeat(0));
    let error = docker.import(endless, Some(&tag), &labelled()).unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error:?}");
    assert_eq!(fixture.docker.image(&tag).unwrap(), None);
}

/// Raises a flag when it is read.
struct Raise<'a>(&'a AtomicBool);

impl Read for Raise<'_> {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.store(true, Ordering::Relaxed);
        Ok(0)
    }
}

#[test]
fn corrupt_archive_is_refused() {
    let fixture = fixture();
    let docker = &fixture.docker;
    // Not a layer that the daemon has: it would not look at it.
    let layer = files(&[("file", unique("x").repeat(100_000).as_bytes())]);
    let whole = archive(&[&layer], 0);
    let mut wrong_digest = whole.clone();
    wrong_digest[whole.len() / 2] ^= 1;
    for (case, corrupt) in [
        ("garbage", b"garbage".repeat(1000)),
        ("much garbage", b"garbage ".repeat(8 << 20)),
        ("no manifest", files(&[("file", b"text")])),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("flipped bit", wrong_digest),
    ] {
        let error = docker.load(&corrupt[..]).unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{case}: {error:?}");
    }
    let error = docker.load(whole[..10_000].chain(Broken)).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error:?}");
}

#[test]
fn saved_image_equals_loaded_image() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let layer = files(&[("file", unique("saved").as_bytes())]);
    let id = docker.import(&layer[..], None, &labelled()).unwrap();
    let mut saved = Vec::new();
    docker.save(&id).unwrap().read_to_end(&mut saved).unwrap();
    assert_eq!(docker.remove_image(&id).unwrap(), Removal::Removed);
    assert_eq!(docker.load(&saved[..]).unwrap().images, std::slice::from_ref(&id));
    assert_eq!(docker.image(&id).unwrap().unwrap().diff_ids, [format!("sha256:{}", sha256(&layer))]);
    docker.remove_image(&id).unwrap();
    let error = docker.save(&id).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. } | Error::Refused { .. }), "{error:?}");
    assert!(matches!(docker.save("Not A Reference"), Err(Error::Name { .. })));
}
