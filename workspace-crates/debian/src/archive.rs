//! Writes the root's tar, deterministically and each path once, and keeps the tree of its content up to date.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

use crate::tree::{Node, Tree};
use crate::{Error, path};

/// The longest target of a symbolic link, in bytes: PATH_MAX without the final NUL.
const MAX_TARGET: usize = 4095;

/// A tar that is being written.
pub(crate) struct Archive<W: Write> {
    builder: tar::Builder<W>,
    pub(crate) tree: Tree,
    latest: u64,
}

/// The package of an entry: its number in the [`Tree`], and its name for errors.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'n> {
    pub(crate) owner: usize,
    pub(crate) name: &'n str,
}

/// Mode, owner and modification time of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    mode: u32,
    uid: u64,
    gid: u64,
    time: u64,
}

impl<W: Write> Archive<W> {
    /// An empty archive; its times are at most `latest`, in seconds since 1970.
    pub(crate) fn new(out: W, latest: u64) -> Self {
        Self { builder: tar::Builder::new(out), tree: Tree::default(), latest }
    }

    /// Notes the folders above `place` that no package has declared so far. They are written at the end: a later
    /// package may declare them with its own mode, and Docker refuses an archive that names a path twice.
    pub(crate) fn imply_parents(&mut self, place: &str, origin: Origin<'_>) -> Result<(), Error> {
        for folder in self.tree.missing_parents(place).map_err(|why| path_error(origin.name, place, why))? {
            self.tree.insert(&folder, Node::Folder { implied: true });
        }
        Ok(())
    }

    /// Writes the folders that no package has declared, and ends the archive.
    pub(crate) fn finish(mut self) -> Result<W, Error> {
        for folder in self.tree.implied() {
            self.put_folder(&folder, self.own(0o755))?;
        }
        self.builder.into_inner().map_err(Error::Write)
    }

    /// Writes a folder.
    pub(crate) fn put_folder(&mut self, place: &str, attributes: Attributes) -> Result<(), Error> {
        let mut header = header(EntryType::Directory, attributes, 0);
        let name = if place == "/" { "./".to_owned() } else { format!("{}/", &place[1..]) };
        self.builder.append_data(&mut header, name, io::empty()).map_err(Error::Write)?;
        self.tree.insert(place, Node::Folder { implied: false });
        Ok(())
    }

    /// Writes a file with `size` bytes of `content`. A failed read is [`Error::PackageIo`].
    pub(crate) fn put_file(
        &mut self,
        place: &str,
        origin: Origin<'_>,
        attributes: Attributes,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), Error> {
        let mut header = header(EntryType::Regular, attributes, size);
        let mut content = Noted { reader: content, left: size, failed: None };
        let written = self.builder.append_data(&mut header, &place[1..], &mut content);
        if let Some(source) = content.failed {
            return Err(Error::PackageIo { package: origin.name.to_owned(), source });
        }
        written.map_err(Error::Write)?;
        self.tree.insert(place, Node::File { owner: origin.owner });
        Ok(())
    }

    /// Writes a symbolic link.
    pub(crate) fn put_link(
        &mut self,
        place: &str,
        target: &str,
        origin: Origin<'_>,
        attributes: Attributes,
    ) -> Result<(), Error> {
        if target.is_empty() || target.len() > MAX_TARGET || target.contains('\0') {
            return Err(path_error(origin.name, place, "its link has no target, or one that is too long"));
        }
        let mut header = header(EntryType::Symlink, attributes, 0);
        self.builder.append_link(&mut header, &place[1..], target).map_err(Error::Write)?;
        self.tree.insert(place, Node::Link { target: target.to_owned(), owner: origin.owner });
        Ok(())
    }

    /// Writes a hard link; its target must be a file of the same package.
    pub(crate) fn put_hard_link(
        &mut self,
        place: &str,
        target: &str,
        origin: Origin<'_>,
        attributes: Attributes,
    ) -> Result<(), Error> {
        let error = |why| path_error(origin.name, place, why);
        let target = path::normalise(target).and_then(|target| self.tree.place(&target)).map_err(error)?;
        if self.tree.get(&target) != Some(&Node::File { owner: origin.owner }) {
            return Err(error("its hard link leads to no file of the package"));
        }
        let mut header = header(EntryType::Link, attributes, 0);
        self.builder.append_link(&mut header, &place[1..], &target[1..]).map_err(Error::Write)?;
        self.tree.insert(place, Node::File { owner: origin.owner });
        Ok(())
    }

    /// The attributes of an entry that no package holds: owned by root.
    pub(crate) fn own(&self, mode: u32) -> Attributes {
        Attributes { mode, uid: 0, gid: 0, time: self.latest }
    }

    /// The attributes of a package's entry, its time limited to the archive's latest.
    pub(crate) fn attributes(&self, header: &Header) -> io::Result<Attributes> {
        Ok(Attributes {
            mode: header.mode()? & 0o7777,
            uid: header.uid()?,
            gid: header.gid()?,
            time: header.mtime()?.min(self.latest),
        })
    }
}

/// A reader that yields exactly `left` bytes and keeps the error of a failed read.
struct Noted<'r> {
    reader: &'r mut dyn Read,
    left: u64,
    failed: Option<io::Error>,
}

impl Read for Noted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = match self.reader.read(&mut buffer[..most]) {
            Ok(0) if most > 0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            other => other,
        };
        match count {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) => {
                self.failed = Some(error);
                Err(io::ErrorKind::Other.into())
            }
        }
    }
}

fn header(kind: EntryType, attributes: Attributes, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(attributes.mode);
    header.set_uid(attributes.uid);
    header.set_gid(attributes.gid);
    header.set_mtime(attributes.time);
    header.set_size(size);
    header
}

/// [`Error::Path`].
pub(crate) fn path_error(package: &str, path: &str, why: &'static str) -> Error {
    Error::Path { path: path.to_owned(), package: package.to_owned(), why }
}
