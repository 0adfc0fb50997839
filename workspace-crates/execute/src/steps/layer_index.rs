//! The index of a layer, which is kept beside it: whoever packs an image on top of it needs no more of its bytes than he copies.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tierce_plan::{PackedLayer, digest};
use tierce_rootfs::{FileContent, Index, Limits, NodeKind};

use crate::executor::Executor;
use crate::{Error, files};

/// What a layer may be at most: it was written here.
const LIMITS: Limits = Limits { entries: 2_000_000, bytes: 64 << 30 };
/// What a text is at most.
const MAX_TEXT: u64 = 1 << 20;
/// Another way of reading layers makes other indexes.
const FORMAT: u32 = 1;

/// An index as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept<'i> {
    /// What of it would be another one if it were made otherwise.
    made: String,
    index: Cow<'i, Index>,
}

impl Executor<'_> {
    /// The index of a layer in the cache, with the texts that others are made from.
    pub(crate) fn layer_index(&self, layer: &PackedLayer) -> Result<Index, Error> {
        let hex = layer.diff_id.trim_start_matches("sha256:");
        let blob = self.session.places.blob(hex);
        kept_index(&blob, &self.session.places.blob(&format!("{hex}.index")))
    }
}

/// The index of an archive; `beside` is where it is kept. One that is damaged, or was made by another Tierce, is made again.
fn kept_index(blob: &Path, beside: &Path) -> Result<Index, Error> {
    let looked_for = (tierce_hidden::symbols(), tierce_hidden::texts());
    let made = digest(format!("{FORMAT} {looked_for:?}"));
    let mut file = File::open(blob).map_err(|error| Error::file("read", blob, error))?;
    if let Some(kept) = files::read_json::<Kept<'_>>(beside).filter(|kept| kept.made == made) {
        return Ok(kept.index.into_owned());
    }
    let mut index = Index::of_layer(&mut file, LIMITS)?;
    hold_texts(&mut index, &mut file)?;
    files::write_json(beside, &Kept { made, index: Cow::Borrowed(&index) })?;
    Ok(index)
}

/// Puts the texts of a layer that others are made from, such as the list of users, into its index.
fn hold_texts(index: &mut Index, blob: &mut File) -> Result<(), Error> {
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
    fn an_index_is_made_once_and_again_where_it_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let (blob, beside) = (folder.path().join("blob"), folder.path().join("blob.index"));
        let mut writer = LayerWriter::new(File::create(&blob).expect("writable"), 0);
        let node = Node::new(NodeKind::File { size: 4 }, 0o644);
        writer.append("/etc", &Node::new(NodeKind::Directory, 0o755), std::io::empty()).expect("writable");
        writer.append("/etc/passwd", &node, &b"root"[..]).expect("writable");
        writer.finish().expect("writable");
        let made = kept_index(&blob, &beside).expect("a layer");
        assert_eq!(made.content("/etc/passwd"), Some(&FileContent::of_bytes(b"root".to_vec())));

        let kept = fs::read_to_string(&beside).expect("it was kept");
        fs::write(&beside, kept.replace("/etc/passwd", "/etc/others")).expect("writable");
        let read = kept_index(&blob, &beside).expect("a layer");
        assert!(read.content("/etc/others").is_some(), "what is kept is read");
        for damaged in [kept[..kept.len() / 2].to_owned(), kept.replace("\"made\":\"", "\"made\":\"x"), String::new()] {
            fs::write(&beside, damaged).expect("writable");
            assert_eq!(kept_index(&blob, &beside).expect("a layer"), made);
            assert_eq!(fs::read_to_string(&beside).expect("it was kept"), kept);
        }
    }
}
