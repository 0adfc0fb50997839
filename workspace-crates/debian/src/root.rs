//! Writes the archive of an unpacked root, as `dpkg --unpack` would leave it, without running any program.

use std::io::{self, Read, Write};

use md5::{Digest, Md5};
use tar::EntryType;

use crate::archive::{Archive, Attributes, Origin, path_error};
use crate::deb::{self, Control};
use crate::relation::parse_relations;
use crate::tree::Node;
use crate::{Deb, EntryKind, Error, ExtraEntry, Version, path, status};

/// The links into /usr of a merged-/usr root.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// base-passwd's templates, and the files that are written from them.
const ACCOUNTS: [(&str, &str); 2] =
    [("/usr/share/base-passwd/passwd.master", "/etc/passwd"), ("/usr/share/base-passwd/group.master", "/etc/group")];
/// The largest account template that is kept in memory, in bytes.
const MAX_KEPT: u64 = 1 << 20;
/// The origin of entries that no package holds.
const EXTRA: Origin<'static> = Origin { owner: 0, name: "extra entries" };

/// Writes the tar of a root in which every package is unpacked and none configured, and returns `out`.
///
/// `debs` yields each package with its file, in the order of [`crate::closure()`]; each file is read once, as a stream.
/// The same packages and entries always give the same bytes. Modification times are the packages' own, limited to
/// `latest` (seconds since 1970), which is also the time of every other entry.
///
/// # Errors
/// [`Error::Package`] and [`Error::PackageIo`] for a file that is not its package, [`Error::Path`] and
/// [`Error::Duplicate`] for a path that a root cannot hold, [`Error::Write`] from `out`.
pub fn write_root<'d, R: Read, W: Write>(
    debs: impl IntoIterator<Item = (&'d Deb, io::Result<R>)>,
    extra: &[ExtraEntry],
    latest: u64,
    out: W,
) -> Result<W, Error> {
    let mut root = RootWriter {
        archive: Archive::new(out, latest),
        owners: vec![Owner { name: EXTRA.name.to_owned(), version: String::new(), replaces: String::new() }],
        status: String::new(),
        accounts: [Vec::new(), Vec::new()],
    };
    root.merged_folders()?;
    for (deb, reader) in debs {
        let reader = reader.map_err(|source| Error::PackageIo { package: deb.name.clone(), source })?;
        root.package(deb, reader)?;
    }
    root.extra(extra)?;
    root.database()?;
    root.archive.finish()
}

struct RootWriter<W: Write> {
    archive: Archive<W>,
    /// The packages so far; a [`Node`]'s owner is an index into this list.
    owners: Vec<Owner>,
    /// dpkg's status file so far.
    status: String,
    /// The content of /etc/passwd and /etc/group, in the order of [`ACCOUNTS`].
    accounts: [Vec<u8>; 2],
}

/// The facts of a package that decide which of two packages holds a path.
struct Owner {
    name: String,
    version: String,
    replaces: String,
}

impl<W: Write> RootWriter<W> {
    fn merged_folders(&mut self) -> Result<(), Error> {
        for name in MERGED {
            self.archive.imply_parents(&format!("/usr/{name}/."), EXTRA)?;
            self.archive.put_link(&format!("/{name}"), &format!("usr/{name}"), EXTRA, self.archive.own(0o777))?;
        }
        Ok(())
    }

    fn package(&mut self, deb: &Deb, reader: impl Read) -> Result<(), Error> {
        let failed = |source| Error::PackageIo { package: deb.name.clone(), source };
        let mut opened = deb::open(deb, reader)?;
        let owner = self.owners.len();
        let replaces = opened.control.field("Replaces").to_owned();
        self.owners.push(Owner { name: deb.name.clone(), version: deb.version.clone(), replaces });
        let mut unpacked = Unpacked {
            origin: Origin { owner, name: &deb.name },
            conffiles: status::conffiles(&opened.control),
            digests: Vec::new(),
            list: String::new(),
        };
        for entry in opened.data.entries().map_err(failed)? {
            self.entry(&mut unpacked, entry.map_err(failed)?)?;
        }
        self.record(&opened.control, &unpacked)
    }

    /// Writes one entry of a package's data archive.
    fn entry(&mut self, unpacked: &mut Unpacked<'_>, mut entry: tar::Entry<'_, impl Read>) -> Result<(), Error> {
        let origin = unpacked.origin;
        let package = origin.name;
        let failed = |source| Error::PackageIo { package: package.to_owned(), source };
        let text = utf8(package, &entry.path_bytes())?;
        let path = path::normalise(&text).map_err(|why| path_error(package, &text, why))?;
        unpacked.list.push_str(if path == "/" { "/." } else { &path });
        unpacked.list.push('\n');
        let place = self.archive.tree.place(&path).map_err(|why| path_error(package, &path, why))?;
        let attributes = self.archive.attributes(entry.header()).map_err(failed)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            return self.folder(&place, origin, attributes);
        }
        if place == "/" {
            return Err(path_error(package, &text, "only a folder can be the root"));
        }
        if self.is_merged_link(&place, &entry) || !self.may_write(&place, origin.owner)? {
            return Ok(());
        }
        self.archive.imply_parents(&place, origin)?;
        match kind {
            EntryType::Regular | EntryType::Continuous => {
                let size = entry.size();
                let mut content = Observed { reader: &mut entry, md5: None, kept: None };
                content.md5 = unpacked.conffiles.contains(&path).then(Md5::new);
                let account = ACCOUNTS.iter().position(|(template, _)| *template == place);
                content.kept = account.filter(|_| size <= MAX_KEPT).map(|_| Vec::new());
                self.archive.put_file(&place, origin, attributes, size, &mut content)?;
                if let Some(md5) = content.md5 {
                    unpacked.digests.push((path, hex::encode(md5.finalize())));
                }
                if let (Some(account), Some(kept)) = (account, content.kept) {
                    self.accounts[account] = kept;
                }
                Ok(())
            }
            EntryType::Symlink => {
                let target = utf8(package, &entry.link_name_bytes().unwrap_or_default())?;
                self.archive.put_link(&place, &target, origin, attributes)
            }
            EntryType::Link => {
                let target = utf8(package, &entry.link_name_bytes().unwrap_or_default())?;
                self.archive.put_hard_link(&place, &target, origin, attributes)
            }
            _ => Err(Error::package(package, format!("`{path}` is not a file, link or folder"))),
        }
    }

    /// Whether an entry is a link into /usr that the root has already: base-files of trixie has them itself.
    fn is_merged_link(&self, place: &str, entry: &tar::Entry<'_, impl Read>) -> bool {
        match self.archive.tree.get(place) {
            Some(Node::Link { target, owner }) if *owner == EXTRA.owner => {
                entry.header().entry_type().is_symlink()
                    && entry.link_name_bytes().as_deref() == Some(target.as_bytes())
            }
            _ => false,
        }
    }

    /// Writes a folder of a package. A link to a folder stays, which merges /usr.
    fn folder(&mut self, place: &str, origin: Origin<'_>, attributes: Attributes) -> Result<(), Error> {
        match self.archive.tree.get(place) {
            Some(Node::Folder { implied: false }) => return Ok(()),
            Some(Node::Link { .. }) => {
                let target = self.archive.tree.follow(place).map_err(|why| path_error(origin.name, place, why))?;
                return match self.archive.tree.get(&target) {
                    Some(Node::Folder { implied: false }) => Ok(()),
                    Some(Node::Folder { implied: true }) | None => {
                        self.archive.imply_parents(&target, origin)?;
                        self.archive.put_folder(&target, attributes)
                    }
                    Some(_) => Err(path_error(origin.name, place, "a folder of it is a file of another package")),
                };
            }
            Some(Node::File { owner }) => return Err(self.duplicate(place, origin.name, *owner)),
            Some(Node::Folder { implied: true }) | None => {}
        }
        self.archive.imply_parents(place, origin)?;
        self.archive.put_folder(place, attributes)
    }

    /// Whether the file of package `owner` is written to `place`: false if the package that holds `place` replaces it.
    ///
    /// The reverse is an error: the first file is already in the archive. One suite does not have this case, because a
    /// Replaces names older versions.
    fn may_write(&self, place: &str, owner: usize) -> Result<bool, Error> {
        let other = match self.archive.tree.get(place) {
            None => return Ok(true),
            Some(Node::Folder { .. }) => {
                return Err(path_error(&self.owners[owner].name, place, "it is a folder of another package"));
            }
            Some(Node::Link { owner, .. } | Node::File { owner }) => *owner,
        };
        match other != owner && self.replaces(other, owner)? {
            true => Ok(false),
            false => Err(self.duplicate(place, &self.owners[owner].name, other)),
        }
    }

    /// Whether package `one` declares that it replaces files of package `other` (policy 7.6.1).
    fn replaces(&self, one: usize, other: usize) -> Result<bool, Error> {
        let (one, other) = (&self.owners[one], &self.owners[other]);
        let relations = parse_relations(&one.name, "Replaces", &one.replaces)?;
        let Ok(version) = Version::parse(&other.version) else { return Ok(false) };
        Ok(relations.iter().flatten().any(|relation| relation.name == other.name && relation.accepts(version)))
    }

    fn duplicate(&self, place: &str, package: &str, other: usize) -> Error {
        let other = self.owners[other].name.clone();
        Error::Duplicate { path: place.to_owned(), package: package.to_owned(), other }
    }

    /// Writes dpkg's records of an unpacked package.
    fn record(&mut self, control: &Control, unpacked: &Unpacked<'_>) -> Result<(), Error> {
        let name = status::database_name(control);
        let info = |suffix: &str| format!("{}/info/{name}.{suffix}", status::DATABASE);
        self.put_made(&info("list"), 0o644, unpacked.list.as_bytes())?;
        for (file, mode, content) in &control.files {
            self.put_made(&info(file), *mode, content)?;
        }
        self.status.push_str(&status::paragraph(control, &unpacked.digests));
        Ok(())
    }

    /// Writes dpkg's status file and the account files.
    fn database(&mut self) -> Result<(), Error> {
        let database = status::DATABASE;
        let status = std::mem::take(&mut self.status);
        self.put_made(&format!("{database}/status"), 0o644, status.as_bytes())?;
        self.put_made(&format!("{database}/available"), 0o644, b"")?;
        self.put_made(&format!("{database}/info/format"), 0o644, b"1\n")?;
        let updates = format!("{database}/updates");
        self.folder(&updates, EXTRA, self.archive.own(0o755))?;
        for (content, (_, path)) in std::mem::take(&mut self.accounts).into_iter().zip(ACCOUNTS) {
            if !content.is_empty() {
                self.put_made(path, 0o644, &content)?;
            }
        }
        Ok(())
    }

    fn extra(&mut self, entries: &[ExtraEntry]) -> Result<(), Error> {
        for entry in entries {
            let error = |why| path_error(EXTRA.name, &entry.path, why);
            let path = path::normalise(&entry.path).map_err(error)?;
            let place = self.archive.tree.place(&path).map_err(error)?;
            match &entry.kind {
                EntryKind::File(content) => self.put_made(&place, entry.mode, content)?,
                EntryKind::Folder => self.folder(&place, EXTRA, self.archive.own(entry.mode))?,
                EntryKind::Link(target) => {
                    if self.archive.tree.get(&place).is_none() {
                        self.archive.imply_parents(&place, EXTRA)?;
                        self.archive.put_link(&place, target, EXTRA, self.archive.own(0o777))?;
                    }
                }
                EntryKind::AccountLine(line) => {
                    let account = ACCOUNTS.iter().position(|(_, made)| *made == path);
                    let account = account.ok_or_else(|| error("only /etc/passwd and /etc/group take account lines"))?;
                    let content = &mut self.accounts[account];
                    content.extend_from_slice(line.as_bytes());
                    content.push(b'\n');
                }
            }
        }
        Ok(())
    }

    /// Writes a file that no package holds, owned by root.
    fn put_made(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<(), Error> {
        let place = self.archive.tree.place(path).map_err(|why| path_error(EXTRA.name, path, why))?;
        match self.archive.tree.get(&place) {
            Some(Node::File { owner } | Node::Link { owner, .. }) => {
                return Err(self.duplicate(&place, EXTRA.name, *owner));
            }
            Some(Node::Folder { .. }) => return Err(path_error(EXTRA.name, &place, "it is a folder")),
            None => {}
        }
        self.archive.imply_parents(&place, EXTRA)?;
        self.archive.put_file(&place, EXTRA, self.archive.own(mode), content.len() as u64, &mut &content[..])
    }
}

/// A package that is being unpacked.
struct Unpacked<'n> {
    origin: Origin<'n>,
    conffiles: Vec<String>,
    digests: Vec<(String, String)>,
    /// dpkg's list of its paths, as the package writes them.
    list: String,
}

/// A reader that computes a digest of the content and keeps a copy, if requested.
struct Observed<R> {
    reader: R,
    md5: Option<Md5>,
    kept: Option<Vec<u8>>,
}

impl<R: Read> Read for Observed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if let Some(md5) = &mut self.md5 {
            md5.update(&buffer[..count]);
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&buffer[..count]);
        }
        Ok(count)
    }
}

fn utf8(package: &str, bytes: &[u8]) -> Result<String, Error> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| path_error(package, &String::from_utf8_lossy(bytes), "it is not UTF-8"))
}

#[cfg(test)]
mod tests;
