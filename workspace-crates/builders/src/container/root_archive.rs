//! The archive of a ROOT in the cache: its bytes depend on the files alone, and not on the engine that sent them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use tierce_oci::TarWriter;
use tierce_rootfs::{FileContent, FileTree, Index, Limits, NodeKind, Source};
use tierce_store::Error;

/// The limits for a ROOT; they catch mistakes and are no budget.
pub const LIMITS: Limits = Limits { entries: 2_000_000, bytes: 64 << 30 };
/// The timestamp of every file: the start of 1970.
const TIME: u64 = 0;
/// The unit of a tar archive, in bytes.
const BLOCK: u64 = 512;

/// Rewrites an archive that an engine sent into `out` and returns the index of `out`. It leaves out the engine's traces, sorts the
/// entries by path, and drops times and the names of users. `root` has the numbers of the container's root on the engine's host.
pub(super) fn normalise(sent: &mut File, out: &mut File, root: (u32, u32)) -> Result<Index, Error> {
    let index = Index::of_archive(sent, "/", LIMITS)?.without_engine(root)?;
    let mut files: BTreeMap<String, FileContent> = BTreeMap::new();
    let mut writer = TarWriter::new(out, TIME);
    for (path, node) in index.tree().iter().filter(|(path, _)| *path != "/") {
        let (&NodeKind::File { size }, Some(content)) = (&node.kind, index.content(path)) else {
            writer.append(path, node, io::empty())?;
            continue;
        };
        let Source::Archive { offset, size: length } = content.source else { continue };
        sent.seek(SeekFrom::Start(offset)).map_err(|error| Error::file("read", Path::new(path), error))?;
        writer.append(path, node, (&mut *sent).take(length))?;
        let source = Source::Archive { offset: writer.position() - size.next_multiple_of(BLOCK), size };
        files.insert(path.to_owned(), FileContent { source, ..content.clone() });
    }
    writer.finish()?;
    let nodes: BTreeMap<_, _> = index.tree().iter().map(|(path, node)| (path.to_owned(), node.clone())).collect();
    Ok(Index::from_parts(FileTree::try_from(nodes)?, files)?)
}

#[cfg(test)]
mod tests {
    use tar::{Builder, EntryType, Header};

    use super::*;

    /// An entry of an archive: its type, its name, its link or content.
    type Entry<'a> = (EntryType, &'a str, &'a str);

    /// Writes an archive as an engine does, with this time, name of the user, and extended attributes of the files.
    fn sent(entries: &[Entry<'_>], time: u64, user: &str, attributes: &[(&str, &str)]) -> File {
        let mut builder = Builder::new(tempfile::tempfile().expect("a file"));
        for (kind, name, text) in entries {
            let mut header = Header::new_ustar();
            header.set_entry_type(*kind);
            header.set_mode(if kind.is_file() { 0o644 } else { 0o755 });
            header.set_mtime(time);
            header.set_uid(0);
            header.set_gid(0);
            header.set_username(user).expect("a short name");
            let content = if kind.is_file() { text.as_bytes() } else { &[] };
            header.set_size(content.len() as u64);
            let records = [("mtime", "1.5")].into_iter().chain(attributes.iter().copied().filter(|_| kind.is_file()));
            let records = records.map(|(key, value)| (key, value.as_bytes()));
            builder.append_pax_extensions(records).expect("memory");
            match kind {
                EntryType::Link | EntryType::Symlink => builder.append_link(&mut header, name, text).expect("memory"),
                _ => builder.append_data(&mut header, name, content).expect("memory"),
            }
        }
        builder.into_inner().expect("memory")
    }

    fn normalised(mut sent: File) -> (Vec<u8>, Index) {
        let mut out = tempfile::tempfile().expect("a file");
        let index = normalise(&mut sent, &mut out, (0, 0)).expect("an archive");
        assert_eq!(
            Index::of_archive(&mut out, "/", LIMITS).expect("an archive"),
            index,
            "the index is that of its archive"
        );
        let mut bytes = Vec::new();
        out.seek(SeekFrom::Start(0)).and_then(|_| out.read_to_end(&mut bytes)).expect("readable");
        (bytes, index)
    }

    #[test]
    fn engines_send_the_same_root() {
        use EntryType::{Directory, Link, Regular, Symlink};
        let docker = [
            (Directory, "./", ""),
            (Regular, "./.dockerenv", ""),
            (Directory, "./dev/", ""),
            (Directory, "./dev/pts/", ""),
            (Directory, "./etc/", ""),
            (Regular, "./etc/hostname", ""),
            (Regular, "./etc/hosts", ""),
            (Regular, "./etc/issue", "ROOT"),
            (Symlink, "./etc/mtab", "/proc/mounts"),
            (Regular, "./etc/resolv.conf", ""),
            (Directory, "./proc/", ""),
            (Directory, "./sys/", ""),
            (Directory, "./usr/", ""),
            (Directory, "./usr/bin/", ""),
            (Regular, "./usr/bin/gzip", "a program that is a little longer than nothing"),
            (Link, "./usr/bin/zcat", "./usr/bin/gzip"),
            (Symlink, "./usr/lib", "lib64"),
        ];
        // The other order, without its own folder, and the file under its other name.
        let podman = [
            (Directory, "usr", ""),
            (Symlink, "usr/lib", "lib64"),
            (Directory, "usr/bin", ""),
            (Regular, "usr/bin/zcat", "a program that is a little longer than nothing"),
            (Link, "usr/bin/gzip", "usr/bin/zcat"),
            (Directory, "etc", ""),
            (Regular, "etc/issue", "ROOT"),
        ];
        let of_docker = normalised(sent(&docker, 1_700_000_000, "root", &[]));
        let of_podman = normalised(sent(&podman, 3, "", &[("SCHILY.xattr.user.overlay.origin", "x")]));
        assert_eq!(of_docker.1, of_podman.1);
        assert!(of_docker.0 == of_podman.0, "the archives differ");
        let paths: Vec<&str> = of_docker.1.tree().iter().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            ["/", "/etc", "/etc/issue", "/usr", "/usr/bin", "/usr/bin/gzip", "/usr/bin/zcat", "/usr/lib"]
        );
    }
}
