//! The index of a layer, cached beside it: packing an image above it then reads only the bytes that it copies.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tierce_builders::container::context::Context;
use tierce_plan::{PackedLayer, digest};
use tierce_rootfs::{FileContent, Index, Limits, NodeKind};
use tierce_store::{Error, damage, sealed};

/// The limits for a layer; Tierce wrote it, so they need not be tight.
const LIMITS: Limits = Limits { entries: 2_000_000, bytes: 64 << 30 };
/// The largest file, in bytes, that an index holds.
const MAX_TEXT: u64 = 1 << 20;
/// Increase this number if Tierce reads layers differently; it invalidates cached indexes.
const FORMAT: u32 = 1;

/// A cached index.
#[derive(Serialize, Deserialize)]
struct CachedIndex<'i> {
    /// The digest of everything else that decides the index; a different one makes it stale.
    made: String,
    index: Cow<'i, Index>,
}

/// Returns the index of a layer in the cache, with the small files of /etc.
pub(super) fn layer_index(context: &Context<'_>, layer: &PackedLayer) -> Result<Index, Error> {
    let hex = layer.diff_id.trim_start_matches("sha256:");
    let blob = context.workspace.paths.blob(hex);
    cached_index(&blob, hex, &context.workspace.paths.blob(&format!("{hex}.index")))
}

/// Returns the index of the archive with this digest, cached at `beside`. It rebuilds a damaged index, or one of another version of Tierce.
fn cached_index(blob: &Path, sha256: &str, beside: &Path) -> Result<Index, Error> {
    let looked_for = (tierce_runtime_deps::symbols(), tierce_runtime_deps::texts());
    let made = digest(format!("{FORMAT} {looked_for:?}"));
    let mut file = tierce_bounded::open(blob).map_err(|error| Error::file("read", blob, error))?;
    if let Some(kept) = sealed::read::<CachedIndex<'_>>(beside).filter(|kept| kept.made == made) {
        return Ok(kept.index.into_owned());
    }
    damage::check(blob, sha256)?;
    let mut index = Index::of_layer(&mut file, LIMITS)?;
    store_etc_files(&mut index, &mut file)?;
    sealed::write(beside, &CachedIndex { made, index: Cow::Borrowed(&index) })?;
    Ok(index)
}

/// Stores the small files of /etc in an index: the image above may change some, such as the list of users.
fn store_etc_files(index: &mut Index, blob: &mut File) -> Result<(), Error> {
    let in_etc = |path: &&str| path.starts_with("/etc/");
    let paths: Vec<String> = index.files().map(|(path, _)| path).filter(in_etc).map(str::to_owned).collect();
    for path in paths {
        let Some((node, size)) = index.tree().get(&path).cloned().and_then(|node| match node.kind {
            NodeKind::File { size } if size <= MAX_TEXT => Some((node, size)),
            _ => None,
        }) else {
            continue;
        };
        let content = FileContent::of_bytes(index.read(blob, &path, MAX_TEXT)?);
        index.insert_file(&path, node, size, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tierce_oci::LayerWriter;
    use tierce_rootfs::Node;

    use super::*;

    #[test]
    fn stale_or_damaged_index_is_rebuilt() {
        let folder = tempfile::tempdir().expect("a folder");
        let (blob, beside) = (folder.path().join("blob"), folder.path().join("blob.index"));
        let mut writer = LayerWriter::new(File::create(&blob).expect("writable"), 0);
        let node = Node::new(NodeKind::File { size: 4 }, 0o644);
        writer.append("/etc", &Node::new(NodeKind::Directory, 0o755), std::io::empty()).expect("writable");
        writer.append("/etc/passwd", &node, &b"root"[..]).expect("writable");
        let sha256 = writer.finish().expect("writable").diff_id.hex();
        let made = cached_index(&blob, &sha256, &beside).expect("a layer");
        assert_eq!(made.content("/etc/passwd"), Some(&FileContent::of_bytes(b"root".to_vec())));

        let kept = fs::read_to_string(&beside).expect("it was kept");
        let others = Index::new();
        sealed::write(&beside, &CachedIndex { made: "another version".into(), index: Cow::Borrowed(&others) })
            .expect("writable");
        let stale = fs::read_to_string(&beside).expect("it was written");
        let renamed = kept.replace("/etc/passwd", "/etc/others");
        for damaged in [stale, renamed, kept[..kept.len() / 2].to_owned(), String::new()] {
            fs::write(&beside, damaged).expect("writable");
            assert_eq!(cached_index(&blob, &sha256, &beside).expect("a layer"), made);
            assert_eq!(fs::read_to_string(&beside).expect("it was kept"), kept);
        }
        fs::remove_file(&beside).expect("it was kept");
        fs::write(&blob, "another layer").expect("writable");
        let error = cached_index(&blob, &sha256, &beside).expect_err("a damaged layer");
        assert!(damage::Damage::of(&error).is_some(), "{error:?}");
    }
}
