//! Packs a file or folder of the root as a tar archive.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use crate::archive::{CAPABILITIES, PAX_CAPABILITIES};
use crate::control::{Control, Said};
use crate::error::Failure;

/// The longest value of the attribute, in bytes.
const LONGEST_CAPABILITIES: usize = 64;

/// Writes an archive, if the path exists. `folder/.` stands for the content of the folder. Returns `None` without it.
pub(crate) fn pack(path: &str, control: &mut Control, out: impl Write) -> Result<Option<i32>, Failure> {
    let (start, name) = match path.strip_suffix("/.") {
        Some("") => (Path::new("/"), Path::new(".")),
        Some(folder) => (Path::new(folder), Path::new(".")),
        None => (Path::new(path), Path::new(Path::new(path).file_name().unwrap_or_default())),
    };
    let metadata = match fs::symlink_metadata(start) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::at("read", start, error)),
    };
    control.say(&Said::Begun).map_err(|error| Failure::new("answer", error))?;
    let out = BufWriter::with_capacity(1 << 17, out);
    let mut packing = Packing { builder: Builder::new(out), linked: HashMap::new() };
    if let Err(failure) = packing.entry(start, name, &metadata) {
        // A dropped builder would end the archive, and its reader would take it for whole.
        std::mem::forget(packing);
        return Err(failure);
    }
    let written = packing.builder.into_inner().and_then(|mut out| out.flush());
    written.map_err(|error| Failure::new("write an archive", error))?;
    Ok(Some(0))
}

struct Packing<W: Write> {
    builder: Builder<W>,
    /// The names of files with several names, by device and inode.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> Packing<W> {
    /// Packs a file, or a folder with everything below, in the order of names.
    fn entry(&mut self, path: &Path, name: &Path, metadata: &Metadata) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::at("pack", path, error);
        let mut header = header(metadata);
        let kind = metadata.file_type();
        if kind.is_dir() {
            header.set_entry_type(EntryType::Directory);
            self.builder.append_data(&mut header, name, io::empty()).map_err(failed)?;
            let entries: io::Result<Vec<_>> = fs::read_dir(path).map_err(failed)?.collect();
            let mut entries = entries.map_err(failed)?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let metadata = match entry.metadata() {
                    // A running program removes files.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    metadata => metadata.map_err(|error| Failure::at("read", entry.path(), error))?,
                };
                self.entry(&entry.path(), &name.join(entry.file_name()), &metadata)?;
            }
            return Ok(());
        }
        if !(kind.is_symlink() || kind.is_file() || kind.is_fifo()) {
            // A socket means nothing without its process, a sandbox makes no devices, and whiteouts are the overlay's.
            return Ok(());
        }
        if metadata.nlink() > 1 {
            if let Some(first) = self.linked.get(&(metadata.dev(), metadata.ino())) {
                header.set_entry_type(EntryType::Link);
                return self.builder.append_link(&mut header, name, first).map_err(failed);
            }
            self.linked.insert((metadata.dev(), metadata.ino()), name.to_owned());
        }
        if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            let leads_to = fs::read_link(path).map_err(failed)?;
            self.builder.append_link(&mut header, name, leads_to).map_err(failed)
        } else if kind.is_file() {
            self.file(path, name, &mut header, metadata.len()).map_err(failed)
        } else {
            header.set_entry_type(EntryType::Fifo);
            self.builder.append_data(&mut header, name, io::empty()).map_err(failed)
        }
    }

    fn file(&mut self, path: &Path, name: &Path, header: &mut Header, size: u64) -> io::Result<()> {
        // Before anything is written about it. A file that shrinks meanwhile keeps the size of its header.
        let content = io::Read::chain(tierce_bounded::open(path)?, io::repeat(0));
        let mut value = [0; LONGEST_CAPABILITIES];
        if let Ok(length @ 1..) = rustix::fs::lgetxattr(path, CAPABILITIES, &mut value[..]) {
            self.builder.append_pax_extensions([(PAX_CAPABILITIES, &value[..length])])?;
        }
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        self.builder.append_data(header, name, io::Read::take(content, size))
    }
}

fn header(metadata: &Metadata) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(metadata.permissions().mode() & 0o7777);
    header.set_uid(metadata.uid().into());
    header.set_gid(metadata.gid().into());
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or_default());
    header.set_size(0);
    header
}
