//! Small packages for tests, in the layout of dpkg-deb.

use tar::{EntryType, Header};

use crate::Deb;

/// A package under construction.
pub(crate) struct DebFile {
    name: String,
    version: String,
    fields: String,
    control: tar::Builder<Vec<u8>>,
    data: tar::Builder<Vec<u8>>,
}

impl DebFile {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            fields: String::new(),
            control: tar::Builder::new(Vec::new()),
            data: tar::Builder::new(Vec::new()),
        }
    }

    /// Adds a field to the control file.
    pub(crate) fn field(mut self, line: &str) -> Self {
        self.fields += &format!("{line}\n");
        self
    }

    pub(crate) fn control_file(mut self, name: &str, mode: u32, content: &[u8]) -> Self {
        append(&mut self.control, EntryType::Regular, name, "", mode, content);
        self
    }

    pub(crate) fn file(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        append(&mut self.data, EntryType::Regular, path, "", mode, content);
        self
    }

    pub(crate) fn folder(mut self, path: &str, mode: u32) -> Self {
        append(&mut self.data, EntryType::Directory, path, "", mode, b"");
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        append(&mut self.data, EntryType::Symlink, path, target, 0o777, b"");
        self
    }

    pub(crate) fn entry(mut self, kind: EntryType, path: &str, target: &str) -> Self {
        append(&mut self.data, kind, path, target, 0o644, b"");
        self
    }

    pub(crate) fn control_archive(&self) -> Vec<u8> {
        let text = format!("Package: {}\nVersion: {}\nArchitecture: amd64\n{}", self.name, self.version, self.fields);
        let mut control = tar::Builder::new(Vec::new());
        append(&mut control, EntryType::Regular, "./control", "", 0o644, text.as_bytes());
        [control.get_ref().as_slice(), self.control.get_ref(), &[0; 1024]].concat()
    }

    pub(crate) fn data_archive(&self) -> Vec<u8> {
        [self.data.get_ref().as_slice(), &[0; 1024]].concat()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let members = [
            member("debian-binary", b"2.0\n"),
            member("control.tar", &self.control_archive()),
            member("data.tar", &self.data_archive()),
        ];
        [b"!<arch>\n".to_vec(), members.concat()].concat()
    }

    pub(crate) fn deb(&self) -> Deb {
        Deb {
            name: self.name.clone(),
            version: self.version.clone(),
            architecture: "amd64".to_owned(),
            filename: format!("pool/{}.deb", self.name),
            size: 0,
            sha256: String::new(),
            part: crate::SuitePart::Release,
        }
    }
}

/// A member of an ar archive.
pub(crate) fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut member = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len()).into_bytes();
    member.extend_from_slice(content);
    member.resize(member.len().next_multiple_of(2), b'\n');
    member
}

/// Writes any name, also the names that the tar crate refuses to write.
fn append(archive: &mut tar::Builder<Vec<u8>>, kind: EntryType, path: &str, target: &str, mode: u32, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_000);
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.append(&header, content).expect("a Vec takes everything");
}
