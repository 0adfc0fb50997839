//! Tar archives whose bytes depend only on their entries.
//!
//! [`TarWriter`] writes entries in any order. [`LayerWriter`](crate::LayerWriter) checks the rules of a layer (order,
//! parents, no whiteouts).

use std::io::{self, ErrorKind, Read, Write};

use tierce_rootfs::{Node, NodeKind};

use crate::Error;
use crate::header::{BLOCK, EntryType, Header};

/// Size of the buffer in bytes: large enough that system calls cost little, small enough to stay in the processor's cache
/// until the bytes are hashed.
const BUFFER: usize = 256 * 1024;

/// The most bytes of PAX records per entry that Go's reader, and so every container engine, accepts.
const PAX_LIMIT: usize = 1024 * 1024;

/// Writes a tar archive (POSIX pax format) whose bytes depend only on its entries.
///
/// Every entry has the same time; owners are numbers; the writer holds one buffer of fixed size. Paths are absolute and
/// normalised, and become relative in the archive: `/usr/lib` becomes `usr/lib/`.
pub struct TarWriter<W> {
    inner: W,
    mtime: u64,
    buffer: Box<[u8]>,
    filled: usize,
    /// The bytes that `inner` has.
    written: u64,
}

impl<W: Write> TarWriter<W> {
    /// Writes an archive to `inner`, with `mtime` (seconds since 1970) as the time of each entry.
    ///
    /// Buffers its writes: `inner` needs no buffer of its own.
    pub fn new(inner: W, mtime: u64) -> Self {
        Self { inner, mtime, buffer: vec![0; BUFFER].into_boxed_slice(), filled: 0, written: 0 }
    }

    /// Appends one entry. Reads `content` to its end: it must be as long as the node's size, and empty for anything but a
    /// file.
    ///
    /// # Errors
    /// [`Error::Entry`] for a path or node that an archive cannot contain, [`Error::ContentLength`], [`Error::Read`]
    /// and [`Error::Write`]. After an error the archive is incomplete: discard it.
    pub fn append(&mut self, path: &str, node: &Node, mut content: impl Read) -> Result<(), Error> {
        let name = relative(path).map_err(|reason| Error::entry(path, reason))?;
        check_node(node).map_err(|reason| Error::entry(path, reason))?;
        let directory_name;
        let (entry_type, name, size, link) = match &node.kind {
            NodeKind::File { size } => (EntryType::File, name, *size, ""),
            NodeKind::Directory => {
                directory_name = format!("{name}/");
                (EntryType::Directory, directory_name.as_str(), 0, "")
            }
            NodeKind::Symlink { target } => (EntryType::Symlink, name, 0, target.as_str()),
            NodeKind::HardLink { target } => {
                let link =
                    relative(target).map_err(|_| Error::entry(path, "its target is no absolute, normalised path"))?;
                (EntryType::HardLink, name, 0, link)
            }
        };
        let Node { mode, uid, gid, .. } = *node;
        let header = Header { name, entry_type, mode, uid, gid, size, mtime: self.mtime, link };
        let records = header.pax_records(&node.xattrs);
        if records.len() > PAX_LIMIT {
            return Err(Error::entry(path, "its path, link and extended attributes exceed 1 MiB"));
        }
        if !records.is_empty() {
            self.push(&Header::extended(records.len() as u64, self.mtime).block())?;
            self.push(&records)?;
            self.pad(records.len() as u64)?;
        }
        self.push(&header.block())?;
        self.copy(path, size, &mut content)?;
        self.pad(size)
    }

    /// The length of the archive so far, in bytes. After [`TarWriter::append`] of a file, its content ends here, but for the
    /// padding to a whole block of 512 bytes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.written + self.filled as u64
    }

    /// Ends the archive, flushes the inner writer and returns it.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(mut self) -> Result<W, Error> {
        self.push(&[0; 2 * BLOCK])?;
        self.write_out()?;
        self.inner.flush().map_err(Error::write)?;
        Ok(self.inner)
    }

    /// Copies `content`, which must have exactly `size` bytes.
    fn copy(&mut self, path: &str, size: u64, content: &mut dyn Read) -> Result<(), Error> {
        let mut left = size;
        while left > 0 {
            if self.filled == self.buffer.len() {
                self.write_out()?;
            }
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len() - self.filled);
            match read(path, content, &mut self.buffer[self.filled..self.filled + room])? {
                0 => return Err(content_length(path, size, "shorter")),
                count => {
                    self.filled += count;
                    left -= count as u64;
                }
            }
        }
        match read(path, content, &mut [0])? {
            0 => Ok(()),
            _ => Err(content_length(path, size, "longer")),
        }
    }

    fn pad(&mut self, size: u64) -> Result<(), Error> {
        let rest = (size % BLOCK as u64) as usize;
        self.push(&[0; BLOCK][..(BLOCK - rest) % BLOCK])
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            if self.filled == self.buffer.len() {
                self.write_out()?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.buffer.len() - self.filled));
            self.buffer[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), Error> {
        self.inner.write_all(&self.buffer[..self.filled]).map_err(Error::write)?;
        self.written += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}

/// Reads once, and repeats a read that a signal interrupted.
fn read(path: &str, content: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Error> {
    loop {
        match content.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => {
                return result.map_err(|source: io::Error| Error::Read { path: path.to_owned(), source });
            }
        }
    }
}

fn content_length(path: &str, expected: u64, found: &'static str) -> Error {
    Error::ContentLength { path: path.to_owned(), expected, found }
}

/// Returns the path without its leading `/`, or the reason why an entry cannot have it.
///
/// A path that passes cannot leave the folder that an archive is unpacked into.
pub(crate) fn relative(path: &str) -> Result<&str, &'static str> {
    let relative = path.strip_prefix('/').ok_or("the path is not absolute")?;
    if relative.contains('\0') {
        return Err("the path contains a NUL byte");
    }
    if relative.split('/').any(|component| matches!(component, "" | "." | "..")) {
        return Err("the path is not normalised, or names the root itself");
    }
    Ok(relative)
}

fn check_node(node: &Node) -> Result<(), &'static str> {
    if node.mode > 0o7777 {
        return Err("its mode has bits beyond 07777");
    }
    if let NodeKind::Symlink { target } = &node.kind
        && (target.is_empty() || target.contains('\0'))
    {
        return Err("its link text is empty or contains a NUL byte");
    }
    if node.xattrs.keys().any(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return Err("the name of an extended attribute is empty or contains `=` or a NUL byte");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn node(kind: NodeKind) -> Node {
        Node { kind, mode: 0o644, uid: 0, gid: 0, xattrs: BTreeMap::new() }
    }

    fn file(size: u64) -> Node {
        node(NodeKind::File { size })
    }

    fn append(path: &str, node: &Node, content: &[u8]) -> Result<Vec<u8>, Error> {
        let mut writer = TarWriter::new(Vec::new(), 0);
        writer.append(path, node, content)?;
        writer.finish()
    }

    fn refusal(path: &str, node: &Node, content: &[u8]) -> String {
        append(path, node, content).expect_err(path).to_string()
    }

    #[test]
    fn archive_is_padded_to_whole_blocks() {
        let padded = [(0, 3), (1, 4), (511, 4), (512, 4), (513, 5), (BUFFER - 512, 514), (BUFFER + 1, 516)];
        for (size, blocks) in padded {
            let archive = append("/f", &file(size as u64), &vec![7; size]).unwrap();
            assert_eq!(archive.len(), blocks * BLOCK, "{size}");
            assert!(archive[512..512 + size].iter().all(|&byte| byte == 7), "{size}");
            assert!(archive[512 + size..].iter().all(|&byte| byte == 0), "{size}");
        }
        assert_eq!(TarWriter::new(Vec::new(), 0).finish().unwrap(), [0; 1024]);
    }

    #[test]
    fn relative_and_unnormalised_paths_are_refused() {
        for path in
            ["", "/", "usr", "./usr", "/usr/", "//usr", "/usr//lib", "/./usr", "/usr/.", "/usr/../etc", "/..", "/a\0b"]
        {
            assert!(matches!(append(path, &file(0), b""), Err(Error::Entry { .. })), "{path:?}");
        }
        for path in ["/...", "/.hidden", "/a b", "/ü", "/a\nb", "/..a"] {
            assert!(append(path, &file(0), b"").is_ok(), "{path:?}");
        }
    }

    #[test]
    fn unrepresentable_nodes_are_refused() {
        let symlink = |target: &str| node(NodeKind::Symlink { target: target.to_owned() });
        let hard_link = node(NodeKind::HardLink { target: "usr/bin/x".to_owned() });
        let attribute =
            |name: &str, value: Vec<u8>| Node { xattrs: BTreeMap::from([(name.to_owned(), value)]), ..file(0) };
        let nodes = [
            Node { mode: 0o100_644, ..file(0) },
            symlink(""),
            hard_link,
            attribute("user.a=b", vec![]),
            attribute("user.a", vec![0; PAX_LIMIT]),
        ];
        insta::assert_snapshot!(nodes.map(|node| refusal("/f", &node, b"")).join("\n"), @r#"
        failed to pack `/f`: its mode has bits beyond 07777
        failed to pack `/f`: its link text is empty or contains a NUL byte
        failed to pack `/f`: its target is no absolute, normalised path
        failed to pack `/f`: the name of an extended attribute is empty or contains `=` or a NUL byte
        failed to pack `/f`: its path, link and extended attributes exceed 1 MiB
        "#);
        assert!(append("/f", &attribute("user.a", vec![0; PAX_LIMIT - 64]), b"").is_ok());
    }

    #[test]
    fn content_of_wrong_length_is_refused() {
        let refusals = [
            refusal("/f", &file(3), b"ab"),
            refusal("/f", &file(3), b"abcd"),
            refusal("/d", &node(NodeKind::Directory), b"a"),
            refusal("/f", &file(u64::MAX), b"a"),
        ];
        insta::assert_snapshot!(refusals.join("\n"), @r#"
        failed to pack `/f`: its content is shorter than the 3 bytes that were announced
        failed to pack `/f`: its content is longer than the 3 bytes that were announced
        failed to pack `/d`: its content is longer than the 0 bytes that were announced
        failed to pack `/f`: its content is shorter than the 18446744073709551615 bytes that were announced
        "#);
    }

    #[test]
    fn interrupted_read_is_repeated() {
        struct Moody(Vec<ErrorKind>);
        impl Read for Moody {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                self.0.pop().map_or(Ok(0), |kind| Err(kind.into()))
            }
        }
        let mut writer = TarWriter::new(Vec::new(), 0);
        writer.append("/f", &file(0), Moody(vec![ErrorKind::Interrupted])).unwrap();
        let error = writer.append("/g", &file(1), Moody(vec![ErrorKind::PermissionDenied])).unwrap_err();
        insta::assert_snapshot!(error, @"failed to read `/g`");
    }
}
