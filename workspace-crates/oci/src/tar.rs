//! Tar archives whose bytes depend on nothing but their entries.
//!
//! [`TarWriter`] writes entries as they come. What a layer demands beyond that (order, parents, no whiteouts) is
//! [`LayerWriter`](crate::LayerWriter)'s.

use std::io::{self, ErrorKind, Read, Write};

use tierce_rootfs::{Node, NodeKind};

use crate::Error;
use crate::header::{BLOCK, EntryType, Header};

/// Bytes that are gathered before they are written: large enough for the cost of a system call to vanish, small
/// enough to stay in the processor's cache until they are hashed.
const BUFFER: usize = 256 * 1024;

/// The most that Go's reader, and with it every container engine, accepts as PAX records of one entry, in bytes.
const PAX_LIMIT: usize = 1024 * 1024;

/// Writes a tar archive (POSIX pax format) whose bytes depend on nothing but its entries.
///
/// Every entry has the same time; owners are numbers; memory is one buffer of fixed size. Paths are those of a root
/// filesystem, absolute and normalised, and are archived relative: `/usr/lib` becomes `usr/lib/`.
pub struct TarWriter<W> {
    inner: W,
    mtime: u64,
    buffer: Box<[u8]>,
    filled: usize,
}

impl<W: Write> TarWriter<W> {
    /// Writes an archive to `inner`, with `mtime` (seconds since 1970) as the time of each entry.
    ///
    /// Writes are gathered, so that `inner` needs no buffer of its own.
    pub fn new(inner: W, mtime: u64) -> Self {
        Self { inner, mtime, buffer: vec![0; BUFFER].into_boxed_slice(), filled: 0 }
    }

    /// Appends one entry. `content` is read to its end and has to be as long as the node says, empty for all but
    /// files.
    ///
    /// # Errors
    /// [`Error::Entry`] for a path or node that an archive cannot hold, [`Error::ContentLength`], [`Error::Read`] and
    /// [`Error::Write`]. After an error the archive is of no use.
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

    /// Ends the archive and flushes the writer below.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(mut self) -> Result<W, Error> {
        self.push(&[0; 2 * BLOCK])?;
        self.write_out()?;
        self.inner.flush().map_err(Error::write)?;
        Ok(self.inner)
    }

    /// Copies exactly `size` bytes of `content`, which have to be all of it.
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
        self.filled = 0;
        Ok(())
    }
}

/// One read that no signal interrupts.
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

/// The path without its leading `/`, or why it is no path of an entry.
///
/// Nothing that this lets through leaves the folder that an archive is unpacked into.
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
    fn sizes_are_whole_blocks_and_two_empty_ones() {
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
    fn refuses_paths_that_are_not_absolute_and_normalised() {
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
    fn refuses_nodes_that_an_archive_cannot_hold() {
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
    fn refuses_content_of_another_length() {
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
    fn an_interrupted_read_is_no_error_and_another_is() {
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
