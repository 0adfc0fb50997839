//! Indexing a tar archive of a root filesystem.
//!
//! The Docker Engine sends such an archive for a folder of a container (`GET /containers/ID/archive?path=/destination`: ustar
//! with pax extended headers, every name below `destination/`); GNU tar writes one too. The archive is a file: one pass reads
//! it from end to end for the digests, then reads the ELF files by offset. So memory holds the index and one buffer, whatever
//! the archive's size, and images copy ranges of the archive.
//!
//! An archive comes from a builder that ran untrusted code. An error names the entry for: names with `..` or not in UTF-8, hard
//! links to anything but a regular file of the archive, devices, pipes, sparse files, entries outside of the prefix or below a
//! link or a file, duplicate entries, and an archive that ends early. In layers of images, devices and pipes are skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use tar::EntryType;

use crate::content::{Digested, Format, digest};
use crate::pax::Extension;
use crate::{Error, FileContent, FileTree, Index, Node, NodeKind, Source, path};

/// The most bytes of an extended header or long name: twice the kernel's limit for all extended attributes of a file.
const MAX_EXTENSION: u64 = 128 << 10;
/// The unit of a tar archive in bytes.
const BLOCK: u64 = 512;

/// Limits of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most entries.
    pub entries: usize,
    /// The most bytes.
    pub bytes: u64,
}

impl Default for Limits {
    /// A million entries and 64 GiB.
    fn default() -> Self {
        Self { entries: 1_000_000, bytes: 64 << 30 }
    }
}

impl Index {
    /// Indexes an archive in which every entry's name begins with `prefix` (`destination`; may be empty). Offsets count from the
    /// beginning of the stream.
    ///
    /// # Errors
    /// [`Error::Entry`] for an entry that the module refuses, [`Error::Read`] for an archive that is damaged or cannot be read, and
    /// those of [`FileTree`] for entries that contradict each other.
    pub fn of_archive(archive: &mut (impl Read + Seek), prefix: &str, limits: Limits) -> Result<Self, Error> {
        Self::of(archive, Pass::new(prefix, limits)?)
    }

    /// Indexes the archive of an image's layer. Skips devices and pipes.
    ///
    /// # Errors
    /// Those of [`Index::of_archive`].
    pub fn of_layer(archive: &mut (impl Read + Seek), limits: Limits) -> Result<Self, Error> {
        Self::of(archive, Pass { passed_over: Some(BTreeSet::new()), ..Pass::new("", limits)? })
    }

    fn of(archive: &mut (impl Read + Seek), mut pass: Pass) -> Result<Self, Error> {
        let length = archive.seek(SeekFrom::End(0)).map_err(read_error)?;
        if length > pass.limits.bytes {
            let problem = format!("it has {length} bytes, which is more than the limit of {}", pass.limits.bytes);
            return Err(read_error(io::Error::other(problem)));
        }
        archive.seek(SeekFrom::Start(0)).map_err(read_error)?;
        pass.run(&mut BufReader::with_capacity(256 << 10, &mut *archive))?;
        pass.check_end(archive)?;
        for (path, range) in pass.elf_files {
            if let Some(content) = pass.files.get_mut(&path) {
                content.format = Format::of(b"\x7fELF", archive, range);
            }
        }
        let mut nodes = pass.nodes;
        if let Some(passed_over) = pass.passed_over {
            let is_one =
                |node: &Node| matches!(&node.kind, NodeKind::HardLink { target } if passed_over.contains(target));
            nodes.retain(|_, node| !is_one(node));
        }
        let parents = nodes.keys().flat_map(|path| path::parents(path));
        let implied = parents.filter(|path| !nodes.contains_key(*path)).map(str::to_owned).collect();
        let index = Self::from_parts(FileTree::try_from(flatten_hard_links(nodes)?)?, pass.files)?;
        Ok(index.with_implied(implied))
    }
}

/// The state of the pass over an archive.
struct Pass {
    prefix: String,
    limits: Limits,
    nodes: BTreeMap<String, Node>,
    files: BTreeMap<String, FileContent>,
    elf_files: Vec<(String, std::ops::Range<u64>)>,
    /// Skipped devices and pipes of a layer.
    passed_over: Option<BTreeSet<String>>,
    /// The offset of the next header.
    end: u64,
}

impl Pass {
    fn new(prefix: &str, limits: Limits) -> Result<Self, Error> {
        let prefix = path::normalize(prefix).ok_or_else(|| Error::Path { path: prefix.to_owned() })?;
        Ok(Self {
            prefix,
            limits,
            nodes: BTreeMap::new(),
            files: BTreeMap::new(),
            elf_files: Vec::new(),
            passed_over: None,
            end: 0,
        })
    }

    fn run(&mut self, archive: &mut impl Read) -> Result<(), Error> {
        let mut archive = tar::Archive::new(archive);
        let mut extension = Extension::default();
        // Raw: the crate's own handling of long names and extended headers reads them into memory without a limit.
        for entry in archive.entries().map_err(read_error)?.raw(true) {
            let mut entry = entry.map_err(read_error)?;
            self.end = entry.raw_file_position() + entry.size().next_multiple_of(BLOCK);
            match entry.header().entry_type() {
                EntryType::XHeader => {
                    let records = small(&mut entry)?;
                    extension.take(&records).map_err(|problem| refused(&entry, problem))?;
                }
                EntryType::GNULongName => extension.path = Some(until_nul(small(&mut entry)?)),
                EntryType::GNULongLink => extension.link = Some(until_nul(small(&mut entry)?)),
                // Defaults for all later entries: in practice, only comments.
                EntryType::XGlobalHeader => {
                    let records = small(&mut entry)?;
                    let mut global = Extension::default();
                    global.take(&records).map_err(|problem| refused(&entry, problem))?;
                    if global != Extension::default() {
                        return Err(refused(&entry, "global extended headers are not supported".to_owned()));
                    }
                }
                _ => self.entry(&mut entry, std::mem::take(&mut extension))?,
            }
        }
        Ok(())
    }

    fn entry<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, extension: Extension) -> Result<(), Error> {
        let name = extension.path.clone().unwrap_or_else(|| entry.path_bytes().into_owned());
        self.named_entry(entry, extension, &name).map_err(|problem| match problem {
            Problem::Refused(problem) => Error::Entry { entry: String::from_utf8_lossy(&name).into_owned(), problem },
            Problem::Read(error) => read_error(error),
        })
    }

    fn named_entry<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        extension: Extension,
        name: &[u8],
    ) -> Result<(), Problem> {
        if extension.size.is_some_and(|size| size != entry.size()) {
            return Err("its size is stated twice, differently".into());
        }
        let path = self.path_of(name)?;
        let link = extension.link.or_else(|| entry.link_name_bytes().map(|link| link.into_owned()));
        let link = || text(link.as_deref().unwrap_or_default());
        if let (Some(passed_over), EntryType::Char | EntryType::Block | EntryType::Fifo) =
            (&mut self.passed_over, entry.header().entry_type())
        {
            passed_over.insert(path);
            return Ok(());
        }
        let kind = match entry.header().entry_type() {
            EntryType::Regular if name.ends_with(b"/") => NodeKind::Directory,
            EntryType::Regular => NodeKind::File { size: entry.size() },
            EntryType::Directory => NodeKind::Directory,
            EntryType::Symlink => NodeKind::Symlink { target: link()?.to_owned() },
            EntryType::Link => NodeKind::HardLink { target: self.path_of(link()?.as_bytes())? },
            EntryType::GNUSparse => return Err("sparse files are not supported".into()),
            EntryType::Char | EntryType::Block => return Err("devices have no place in an image".into()),
            EntryType::Fifo => return Err("named pipes have no place in an image".into()),
            other => return Err(format!("its type `{}` is not known", other.as_byte().escape_ascii()).into()),
        };
        let is_file = matches!(kind, NodeKind::File { .. });
        let node = Node {
            kind,
            // Some writers add the file's type to the mode.
            mode: entry.header().mode()? & 0o7777,
            uid: extension.uid.map_or_else(|| id(entry.header().uid()), Ok)?,
            gid: extension.gid.map_or_else(|| id(entry.header().gid()), Ok)?,
            xattrs: extension.xattrs,
        };
        if self.nodes.len() >= self.limits.entries {
            return Err(format!("there are more than {} entries", self.limits.entries).into());
        }
        if self.nodes.insert(path.clone(), node).is_some() {
            return Err("it occurs twice".into());
        }
        if is_file {
            self.file(entry, path)?;
        }
        Ok(())
    }

    fn file<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, path: String) -> Result<(), Problem> {
        let (offset, size) = (entry.raw_file_position(), entry.size());
        let Digested { sha256, size: read, head } = digest(entry, size)?;
        if read != size {
            return Err(Problem::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut format = Format::default();
        if head.starts_with(b"\x7fELF") {
            self.elf_files.push((path.clone(), offset..offset.saturating_add(size)));
        } else {
            format = Format::of_head(&head);
        }
        self.files.insert(path, FileContent { source: Source::Archive { offset, size }, sha256, format });
        Ok(())
    }

    /// Converts a name inside the archive to a path inside the root.
    fn path_of(&self, name: &[u8]) -> Result<String, Problem> {
        let name = text(name)?;
        let path = path::normalize(name).ok_or("its name leads out of the root, or is too long")?;
        if self.prefix == "/" {
            return Ok(path);
        }
        match path.strip_prefix(&self.prefix) {
            Some("") => Ok("/".to_owned()),
            Some(inside) if inside.starts_with('/') => Ok(inside.to_owned()),
            _ => Err(format!("`{name}` is not below `{}`", self.prefix.trim_start_matches('/')).into()),
        }
    }

    /// Checks for the two blocks of zeros: an archive that ends without them was cut off.
    fn check_end(&self, archive: &mut (impl Read + Seek)) -> Result<(), Error> {
        let mut block = [1; BLOCK as usize];
        archive.seek(SeekFrom::Start(self.end)).and_then(|_| archive.read_exact(&mut block)).map_err(read_error)?;
        if block == [0; BLOCK as usize] { Ok(()) } else { Err(read_error(io::ErrorKind::InvalidData.into())) }
    }
}

/// Points every hard link to another hard link at the regular file.
fn flatten_hard_links(mut nodes: BTreeMap<String, Node>) -> Result<BTreeMap<String, Node>, Error> {
    let target_of = |nodes: &BTreeMap<String, Node>, path: &str| match nodes.get(path).map(|node| &node.kind) {
        Some(NodeKind::HardLink { target }) => Some(target.clone()),
        _ => None,
    };
    let links: Vec<String> = nodes.keys().filter(|path| target_of(&nodes, path).is_some()).cloned().collect();
    for path in links {
        let first = target_of(&nodes, &path);
        // Writers name the first entry of a file. A link that names another link names an earlier one.
        let Some(second) = first.as_deref().and_then(|target| target_of(&nodes, target)) else { continue };
        if target_of(&nodes, &second).is_some() {
            return Err(Error::Insert { path, problem: "it is a hard link to a hard link to a hard link".to_owned() });
        }
        if let Some(node) = nodes.get_mut(&path) {
            node.kind = NodeKind::HardLink { target: second };
        }
    }
    Ok(nodes)
}

/// The reason for refusing an entry: the entry itself, or a failed read of the archive.
enum Problem {
    Refused(String),
    Read(io::Error),
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Self::Refused(problem)
    }
}

impl From<&str> for Problem {
    fn from(problem: &str) -> Self {
        Self::Refused(problem.to_owned())
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

fn small<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Vec<u8>, Error> {
    let size = entry.size();
    if size > MAX_EXTENSION {
        return Err(refused(entry, format!("its extended header has {size} bytes")));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(read_error)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(read_error(io::ErrorKind::UnexpectedEof.into())) }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len()));
    bytes
}

fn text(bytes: &[u8]) -> Result<&str, Problem> {
    str::from_utf8(bytes).map_err(|_| "its name, or its link's, is not UTF-8".into())
}

fn id(id: io::Result<u64>) -> Result<u32, Problem> {
    u32::try_from(id?).map_err(|_| "its owner's number is too large".into())
}

fn refused<R: Read>(entry: &tar::Entry<'_, R>, problem: String) -> Error {
    Error::Entry { entry: String::from_utf8_lossy(&entry.path_bytes()).into_owned(), problem }
}

fn read_error(source: io::Error) -> Error {
    Error::Read { what: "the archive of a root filesystem".to_owned(), source }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
