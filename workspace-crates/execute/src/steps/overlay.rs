//! What an image has besides ROOT: the programs, and what its table brings.

use std::fs::File;
use std::path::Path;

use tierce_manifest::{ContentSpec, FileCapabilities, FileSpec, ImageSpec, PROBE_PATH, Place};
use tierce_plan::Program;
use tierce_rootfs::{FileContent, Finding, Index, Node, NodeKind, Patterns, Reason, Start, nearest};

use crate::declared::{DeclaredContent, DeclaredEntry};
use crate::executor::Executor;
use crate::steps::packages::open;
use crate::steps::root::{MAX_TEXT, real_path};
use crate::{Error, accounts, declared};

/// What was put over ROOT.
pub(crate) struct Overlaid {
    /// Where the selection starts: the paths as the table has them, since links on the way go in as well.
    pub(crate) starts: Vec<Start>,
    /// The globs of `remove` that match nothing.
    pub(crate) unmatched_remove: Vec<Finding>,
}

/// ROOT, while things are put over it.
struct Overlay<'a> {
    index: &'a mut Index,
    remove: &'a Patterns,
    starts: Vec<Start>,
    /// Paths that were not put there, as the user does not want them.
    removed: Vec<String>,
}

impl Executor<'_> {
    /// Puts the programs, the probe and what the table brings over ROOT, whose archive is `archive`, but for what `remove` matches.
    pub(crate) fn overlay(
        &self,
        spec: &ImageSpec,
        programs: &[Program],
        probe: Option<&Program>,
        remove: &Patterns,
        index: &mut Index,
        archive: &Path,
    ) -> Result<Overlaid, Error> {
        let content = &spec.content;
        let mut overlay = Overlay { index, remove, starts: Vec::new(), removed: Vec::new() };
        let programs = programs.iter().map(|program| (Reason::Program, format!("/usr/bin/{}", program.name), program));
        let probe = probe.map(|probe| (Reason::Probe, PROBE_PATH.to_owned(), probe));
        for (reason, path, program) in programs.chain(probe) {
            let host = self.session.places.blob(&program.sha256);
            let node = Node::new(NodeKind::File { size: program.size }, 0o755);
            let (file, size) = content_of(&host, program.sha256.clone())?;
            overlay.file(reason, &path, node, size, file)?;
        }
        for directory in &content.directories {
            let mut node = Node::new(NodeKind::Directory, directory.mode.bits());
            (node.uid, node.gid) = (directory.owner.uid, directory.owner.gid);
            overlay.entry(directory.path.value.as_str(), node)?;
        }
        for file in &content.files {
            for entry in declared::entries(file)? {
                self.overlay_declared(&mut overlay, entry, file)?;
            }
        }
        for symlink in &content.symlinks {
            let inserted = overlay.entry(symlink.path.value.as_str(), Node::symlink(symlink.target.value.clone()));
            inserted.map_err(|error| blamed(&symlink.path.place, error))?;
        }
        if !content.accounts.is_empty() {
            let (mut source, _) = open(archive)?;
            for (path, text) in accounts::files(&content.accounts, |path| text_of(overlay.index, &mut source, path))? {
                let (file, size) = (FileContent::of_bytes(text.clone().into_bytes()), text.len() as u64);
                overlay.file(Reason::Declared, path, Node::new(NodeKind::File { size }, 0o644), size, file)?;
            }
        }
        let unmatched_remove = overlay.unmatched()?;
        Ok(Overlaid { starts: overlay.starts, unmatched_remove })
    }

    /// Puts one entry of a declared file or folder into the tree.
    fn overlay_declared(&self, overlay: &mut Overlay<'_>, entry: DeclaredEntry, file: &FileSpec) -> Result<(), Error> {
        let (kind, mode) = match entry.content {
            DeclaredContent::Folder => (NodeKind::Directory, 0o755),
            DeclaredContent::Link(target) => (NodeKind::Symlink { target }, 0o777),
            DeclaredContent::File { executable } => {
                let mode = file.mode.map_or(if executable { 0o755 } else { 0o644 }, |mode| mode.bits());
                (NodeKind::File { size: 0 }, mode)
            }
        };
        let mut node = Node::new(kind, mode);
        (node.uid, node.gid) = (file.owner.uid, file.owner.gid);
        if !matches!(node.kind, NodeKind::File { .. }) {
            return overlay.entry(&entry.path, node);
        }
        let sha256 = self.session.digests.of_file(&entry.host)?;
        let (content, size) = content_of(&entry.host, sha256)?;
        overlay.file(Reason::Declared, &entry.path, node, size, content)
    }
}

impl Overlay<'_> {
    /// Whether `remove` keeps a path out, which may have links in its parents.
    fn removes(&mut self, path: &str) -> bool {
        let real = real_path(self.index, path);
        let found = self.remove.find(&real).or_else(|| self.remove.find(path)).is_some();
        if found {
            self.removed.extend([real, path.to_owned()]);
        }
        found
    }

    /// A directory or a link of the table's.
    fn entry(&mut self, path: &str, node: Node) -> Result<(), Error> {
        if !self.removes(path) {
            self.index.insert(path, node)?;
            self.starts.push(Start { reason: Reason::Declared, path: path.to_owned() });
        }
        Ok(())
    }

    fn file(&mut self, reason: Reason, path: &str, node: Node, size: u64, content: FileContent) -> Result<(), Error> {
        if !self.removes(path) {
            self.index.insert_file(path, node, size, content)?;
            self.starts.push(Start { reason, path: path.to_owned() });
        }
        Ok(())
    }

    /// The globs of `remove` that match nothing.
    fn unmatched(&self) -> Result<Vec<Finding>, Error> {
        let mut unmatched = Vec::new();
        for pattern in self.remove.iter() {
            let alone = Patterns::new([pattern])?;
            let mut paths =
                self.index.tree().iter().map(|(path, _)| path).chain(self.removed.iter().map(String::as_str));
            if !paths.any(|path| alone.find(path).is_some()) {
                let nearest = nearest(self.index.tree(), pattern);
                unmatched.push(Finding::UnmatchedRemove { pattern: pattern.to_owned(), nearest });
            }
        }
        Ok(unmatched)
    }
}

/// Gives the files of the image that the table names their capabilities.
pub(crate) fn set_capabilities(content: &ContentSpec, image: &mut Index) -> Result<(), Error> {
    for file in &content.capabilities {
        let value = file.capabilities.to_bytes();
        let set = image.set_attribute(file.path.value.as_str(), FileCapabilities::ATTRIBUTE, value);
        set.map_err(|_| Error::Table {
            place: file.path.place.clone(),
            message: format!("the image has no file `{}`", file.path.value),
            help: Some("capabilities are those of a file that is in the image; `keep` or `files` bring one in".into()),
        })?;
    }
    Ok(())
}

/// A file of the host, whose digest is known already, and its size.
fn content_of(host: &Path, sha256: String) -> Result<(FileContent, u64), Error> {
    let (mut file, _) = open(host)?;
    Ok(FileContent::of_host_file(host.to_owned(), &mut file, sha256)?)
}

/// A text of ROOT, if it has it.
pub(crate) fn text_of(index: &Index, archive: &mut File, path: &str) -> Result<Option<String>, Error> {
    if index.tree().resolve(path).is_err() {
        return Ok(None);
    }
    let bytes = index.read(archive, path, MAX_TEXT)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The error for what cannot stand where a line of the table wants it.
fn blamed(place: &Place, error: Error) -> Error {
    match error {
        Error::Rootfs(error) => Error::Table { place: place.clone(), message: error.to_string(), help: None },
        other => other,
    }
}
