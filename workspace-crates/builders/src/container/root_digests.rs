//! Digests of a ROOT: one of everything for images, and one of the link interface for programs.

use std::io::{Read, Seek};

use tierce_elf::link_interface;
use tierce_plan::digest;
use tierce_rootfs::{FileContent, Index, Node, NodeKind, Source};

/// The package database, excluded because it contains times.
const DATABASE: &str = "/var/db/pkg";
/// Split debug symbols; no compiler reads them.
const SYMBOLS: &str = "/usr/lib/debug";

/// Returns a digest of everything that an image can take from a ROOT.
pub fn content(index: &Index) -> String {
    let line =
        |(path, node): (&str, &Node)| line(path, node, index.content(path).map_or("", |content| &content.sha256));
    digest(index.tree().iter().filter(|(path, _)| !path.starts_with(DATABASE)).map(line).collect::<String>())
}

/// Returns a digest of everything that a program can compile or link against. A shared library contributes its symbols, not its
/// code. `archive` has the files.
pub fn interface(index: &Index, archive: &mut (impl Read + Seek)) -> String {
    let mut lines = String::new();
    for (path, node) in index.tree().iter() {
        if path.starts_with(DATABASE) || path.starts_with(SYMBOLS) {
            continue;
        }
        let content = index.content(path);
        match content.and_then(|content| symbols(content, archive)) {
            // Code may change the size, so the size does not count.
            Some(symbols) => {
                let kind = match &node.kind {
                    NodeKind::File { .. } => NodeKind::File { size: 0 },
                    other => other.clone(),
                };
                lines.push_str(&line(path, &Node { kind, ..node.clone() }, &digest(symbols)));
            }
            None => lines.push_str(&line(path, node, content.map_or("", |content| &content.sha256))),
        }
    }
    digest(lines)
}

/// Returns the part of a shared library that a linker reads. `None` for other files and unreadable ones, which count whole.
fn symbols(content: &FileContent, archive: &mut (impl Read + Seek)) -> Option<String> {
    let Source::Archive { offset, size } = content.source else { return None };
    content.elf()?.soname.as_ref()?;
    link_interface(archive, offset..offset + size).ok()?
}

fn line(path: &str, node: &Node, content: &str) -> String {
    // JSON can encode every node.
    format!("{path:?} {} {content}\n", serde_json::to_string(node).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Cursor;
    use std::path::Path;
    use std::process::Command;

    use tierce_rootfs::Limits;

    use super::*;

    /// Compiles this C source as a shared library.
    fn library(source: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("x.c"), folder.path().join("libx.so.1"));
        std::fs::write(&from, source).expect("writable");
        let mut cc = Command::new("cc");
        let cc = cc.args(["-shared", "-fPIC", "-Wl,-soname,libx.so.1", "-o"]).args([&to, &from]);
        assert!(cc.status().expect("a C compiler").success());
        std::fs::read(to).expect("cc wrote it")
    }

    /// Returns both digests of a ROOT with these files.
    fn digests(files: &[(&str, &[u8])]) -> (String, String) {
        let mut archive = tar::Builder::new(Vec::new());
        let mut append = |kind, path: &Path, bytes: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(kind);
            header.set_size(bytes.len() as u64);
            header.set_mode(0o755);
            header.set_uid(0);
            header.set_gid(0);
            archive.append_data(&mut header, path, bytes).expect("memory");
        };
        let folders = files.iter().flat_map(|(path, _)| Path::new(path).ancestors().skip(1));
        let folders: BTreeSet<&Path> = folders.filter(|folder| *folder != Path::new("")).collect();
        folders.into_iter().for_each(|folder| append(tar::EntryType::Directory, folder, b""));
        files.iter().for_each(|(path, bytes)| append(tar::EntryType::Regular, Path::new(path), bytes));
        let mut archive = Cursor::new(archive.into_inner().expect("memory"));
        let index = Index::of_archive(&mut archive, "/", Limits::default()).expect("an archive");
        (content(&index), interface(&index, &mut archive))
    }

    #[test]
    fn library_code_changes_content_not_interface() {
        let (old, new) = (library("int f(void) { return 1; }"), library("int f(void) { return f() + 2; }"));
        let more = library("int f(void) { return 1; } int g;");
        let header = ("usr/include/x.h", &b"int f(void);\n"[..]);
        let all = |library, header, symbols, database| {
            digests(&[
                ("usr/lib64/libx.so.1.2", library),
                header,
                ("usr/lib/debug/x.debug", symbols),
                ("var/db/pkg/x/y", database),
            ])
        };
        let first = all(&old, header, b"1", b"1");
        let other_header = ("usr/include/x.h", &b"int f(void); /* */\n"[..]);
        for (what, digests, same) in [
            ("nothing", all(&old, header, b"1", b"1"), (true, true)),
            ("the database", all(&old, header, b"1", b"2"), (true, true)),
            ("code", all(&new, header, b"1", b"1"), (false, true)),
            ("what was split off", all(&old, header, b"2", b"1"), (false, true)),
            ("a symbol", all(&more, header, b"1", b"1"), (false, false)),
            ("a header", all(&old, other_header, b"1", b"1"), (false, false)),
            ("a library that cannot be read", all(&old[..200], header, b"1", b"1"), (false, false)),
        ] {
            assert_eq!((digests.0 == first.0, digests.1 == first.1), same, "{what}");
        }
        let (damaged, other) = ([&old[..200], b"1"].concat(), [&old[..200], b"2"].concat());
        assert_ne!(
            all(&damaged, header, b"1", b"1").1,
            all(&other, header, b"1", b"1").1,
            "all of what is damaged counts"
        );
    }
}
