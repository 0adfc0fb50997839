//! Files with several names, from ROOT's archive to an image's layers. Each layer can be unpacked alone.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tierce_oci::LayerWriter;
use tierce_rootfs::{Closure, Index, Limits, NodeKind, Source, layers};

/// The names of three files in the order of the archive, which is not that of their bytes.
const GROUPS: [&[&str]; 3] = [
    &["usr/share/zoneinfo/Etc/UTC", "usr/share/zoneinfo/Etc-UTC", "usr/share/zoneinfo/UTC"],
    &["usr/bin/tool", "usr/bin/again", "usr/bin/tool.old"],
    &["usr/lib64/libz.so.1", "etc/libz"],
];

fn archive() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for names in GROUPS {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_uid(7);
        header.set_gid(8);
        header.set_size(names[0].len() as u64);
        tar.append_data(&mut header.clone(), names[0], names[0].as_bytes()).expect("memory");
        header.set_size(0);
        header.set_entry_type(tar::EntryType::Link);
        for name in &names[1..] {
            tar.append_link(&mut header.clone(), name, names[0]).expect("memory");
        }
    }
    tar.into_inner().expect("memory")
}

/// The layers of these paths of the archive.
fn pack(index: &Index, archive: &[u8], paths: &[String], owners: &BTreeMap<String, String>) -> Vec<Vec<u8>> {
    let image = index.select(paths.iter().map(String::as_str)).expect("paths of the index");
    let layers = layers(&image, &Closure::default(), owners);
    layers
        .iter()
        .map(|layer| {
            let mut bytes = Vec::new();
            let mut writer = LayerWriter::new(&mut bytes, 0);
            for path in &layer.paths {
                let node = image.tree().get(path).expect("a path of the image");
                let content: Box<dyn Read> = match (&node.kind, image.content(path).map(|content| &content.source)) {
                    (NodeKind::File { .. }, Some(Source::Archive { offset, size })) => {
                        let mut archive = Cursor::new(archive);
                        archive.seek(SeekFrom::Start(*offset)).expect("memory");
                        Box::new(archive.take(*size))
                    }
                    _ => Box::new(std::io::empty()),
                };
                writer.append(path, node, content).expect("the layer's order holds");
            }
            writer.finish().expect("memory");
            bytes
        })
        .collect()
}

/// Unpacks a layer into a folder of its own. Returns each file of [`GROUPS`] with its content and inode.
fn unpack(layer: &[u8], folder: &Path) -> BTreeMap<String, (String, u64)> {
    tar::Archive::new(layer).unpack(folder).expect("it needs no other layer");
    let names = GROUPS.iter().copied().flatten().map(|name| (*name).to_owned());
    let file = |name: String| {
        let path = folder.join(&name);
        let text = std::fs::read_to_string(&path).ok()?;
        Some((name, (text, path.metadata().ok()?.ino())))
    };
    names.filter_map(file).collect()
}

#[test]
fn names_of_a_file_share_a_layer() {
    let archive = archive();
    let index = Index::of_archive(&mut Cursor::new(&archive), "", Limits::default()).expect("an archive");
    let all: Vec<String> = GROUPS.iter().copied().flatten().map(|name| format!("/{name}")).collect();
    let owner = |path: &str, owner: &str| (path.to_owned(), owner.to_owned());
    // A file owned by one package, one by two of different layers, one by none.
    let owners = BTreeMap::from([
        owner("/usr/share/zoneinfo/Etc/UTC", "sys-libs/timezone-data"),
        owner("/usr/share/zoneinfo/Etc-UTC", "sys-libs/timezone-data"),
        owner("/usr/share/zoneinfo/UTC", "sys-libs/timezone-data"),
        owner("/usr/lib64/libz.so.1", "sys-libs/zlib"),
        owner("/etc/libz", "media-libs/libpng"),
    ]);
    // Every subset of the paths: the remaining names are still one file.
    for choice in 1..1_u32 << all.len() {
        let chosen: Vec<String> =
            all.iter().enumerate().filter(|(bit, _)| choice >> bit & 1 == 1).map(|(_, path)| path.clone()).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let mut found = BTreeMap::new();
        for (number, layer) in pack(&index, &archive, &chosen, &owners).iter().enumerate() {
            let layer = unpack(layer, &folder.path().join(number.to_string()));
            let count = found.len() + layer.len();
            found.extend(layer);
            assert_eq!(found.len(), count, "a file lies in one layer");
        }
        let expected: Vec<&str> = chosen.iter().map(|path| &path[1..]).collect();
        assert_eq!(found.len(), expected.len(), "{expected:?}");
        for names in GROUPS {
            let group: Vec<_> = names.iter().filter_map(|name| found.get(*name)).collect();
            assert!(group.iter().all(|(text, _)| text == names[0]), "{chosen:?}: {group:?}");
            assert!(group.windows(2).all(|pair| pair[0].1 == pair[1].1), "{chosen:?} are one file: {group:?}");
        }
    }
}
