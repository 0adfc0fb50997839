//! The files of an image that are not from ROOT: programs, the probe and the table's declared files.

use std::path::Path;

use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::context::Context;
use tierce_builders::workspace::declared;
use tierce_builders::workspace::declared::{DeclaredContent, DeclaredEntry};
use tierce_manifest::{ContentSpec, FileCapabilities, FileSpec, ImageSpec, PROBE_PATH, Place};
use tierce_plan::Program;
use tierce_rootfs::{Base, FileContent, Finding, Globs, Index, Node, NodeKind, Patterns, Reason, Start, suggestions};
use tierce_store::files::open;
use tierce_store::{Error, damage};

use crate::steps::accounts;
use crate::steps::image_files::text_of;

/// The folder for temporary files, and its mode: everyone may write, and only owners remove.
const TEMPORARY: (&str, u32) = ("/tmp", 0o1777);

/// The result of the overlay.
pub(super) struct Overlaid {
    /// The paths where the selection starts, as the table writes them: links on the way go into the image too.
    pub(super) starts: Vec<Start>,
    /// The globs of `remove` that match nothing.
    pub(super) unmatched_remove: Vec<Finding>,
}

/// ROOT, while the overlay changes it.
struct Overlay<'a> {
    index: &'a mut Index,
    remove: &'a Patterns,
    starts: Vec<Start>,
    /// The paths that `remove` keeps out of ROOT.
    removed: Vec<String>,
}

/// Adds the programs, the probe, the declared files and /tmp, unless the base has that, to ROOT, whose archive is `archive`. It skips
/// the matches of `remove`.
pub(super) fn overlay(
    context: &Context<'_>,
    spec: &ImageSpec,
    programs: &[Program],
    probe: Option<&Program>,
    (globs, base): (&Globs, Option<&Base>),
    index: &mut Index,
    archive: &Path,
) -> Result<Overlaid, Error> {
    let content = &spec.content;
    let mut overlay = Overlay { index, remove: &globs.remove, starts: Vec::new(), removed: Vec::new() };
    // The table's own entries come later and win.
    overlay.temporary_folder(content, globs, base)?;
    let programs = programs.iter().map(|program| (Reason::Program, format!("/usr/bin/{}", program.name), program));
    let probe = probe.map(|probe| (Reason::Probe, PROBE_PATH.to_owned(), probe));
    for (reason, path, program) in programs.chain(probe) {
        let host = context.workspace.paths.blob(&program.sha256);
        // The selection of files depends on the program, so it must be whole before.
        damage::check(&host, &program.sha256)?;
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
            overlay_declared(context, &mut overlay, entry, file)?;
        }
    }
    for symlink in &content.symlinks {
        let inserted = overlay.entry(symlink.path.value.as_str(), Node::symlink(symlink.target.value.clone()));
        inserted.map_err(|error| blame_line(&symlink.path.place, error))?;
    }
    if !content.accounts.is_empty() {
        let mut source = RootArchive::open(archive)?;
        for (path, text) in accounts::files(&content.accounts, |path| text_of(overlay.index, &mut source, path))? {
            let (file, size) = (FileContent::of_bytes(text.clone().into_bytes()), text.len() as u64);
            overlay.file(Reason::Declared, path, Node::new(NodeKind::File { size }, 0o644), size, file)?;
        }
    }
    let unmatched_remove = overlay.unmatched();
    Ok(Overlaid { starts: overlay.starts, unmatched_remove })
}

/// Adds one entry of a declared file or folder.
fn overlay_declared(
    context: &Context<'_>,
    overlay: &mut Overlay<'_>,
    entry: DeclaredEntry,
    file: &FileSpec,
) -> Result<(), Error> {
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
    let sha256 = context.workspace.digests.of_file(&entry.host)?;
    let (content, size) = content_of(&entry.host, sha256)?;
    overlay.file(Reason::Declared, &entry.path, node, size, content)
}

impl Overlay<'_> {
    /// Whether `remove` excludes a path. The parents of the path may be links.
    fn removes(&mut self, path: &str) -> bool {
        let real = self.index.tree().real_path(path);
        let found = self.remove.find(&real).or_else(|| self.remove.find(path)).is_some();
        if found {
            self.removed.extend([real, path.to_owned()]);
        }
        found
    }

    /// Adds a directory or a link that the table declares.
    fn entry(&mut self, path: &str, node: Node) -> Result<(), Error> {
        if !self.removes(path) {
            self.index.insert(path, node)?;
            self.starts.push(Start { reason: Reason::Declared, path: path.to_owned() });
        }
        Ok(())
    }

    /// Adds the folder for temporary files, unless the base has it, or the table declares a link at its path or keeps it out.
    fn temporary_folder(&mut self, content: &ContentSpec, globs: &Globs, base: Option<&Base>) -> Result<(), Error> {
        let (path, mode) = TEMPORARY;
        let is_link = content.symlinks.iter().any(|link| link.path.value.as_str() == path);
        let is_link = is_link || self.index.tree().get(path).is_some_and(Node::is_symlink);
        if base.is_some_and(|base| base.has(path)) || is_link || globs.prune.find(path).is_some() || self.removes(path)
        {
            return Ok(());
        }
        self.index.insert(path, Node::new(NodeKind::Directory, mode))?;
        self.starts.push(Start { reason: Reason::TemporaryFolder, path: path.to_owned() });
        Ok(())
    }

    fn file(&mut self, reason: Reason, path: &str, node: Node, size: u64, content: FileContent) -> Result<(), Error> {
        if !self.removes(path) {
            self.index.insert_file(path, node, size, content)?;
            self.starts.push(Start { reason, path: path.to_owned() });
        }
        Ok(())
    }

    /// Returns the globs of `remove` that match nothing.
    fn unmatched(&self) -> Vec<Finding> {
        let tree = self.index.tree();
        let paths = tree.iter().map(|(path, _)| path).chain(self.removed.iter().map(String::as_str));
        let finding = |(pattern, nearest): (&str, _)| Finding::UnmatchedRemove { pattern: pattern.to_owned(), nearest };
        suggestions(tree, self.remove.unmatched(paths)).map(finding).collect()
    }
}

/// Sets the capabilities that the table declares. It fails for a file that the image lacks.
pub(super) fn set_capabilities(content: &ContentSpec, image: &mut Index) -> Result<(), Error> {
    for file in &content.capabilities {
        let value = file.capabilities.to_bytes();
        let set = image.set_attribute(file.path.value.as_str(), FileCapabilities::ATTRIBUTE, value);
        set.map_err(|_| {
            Error::table(&file.path.place, format!("the image has no file `{}`", file.path.value))
                .with_help("capabilities are those of a file that is in the image; `keep` or `files` bring one in")
        })?;
    }
    Ok(())
}

/// Returns the content and size of a host file whose digest is known.
fn content_of(host: &Path, sha256: String) -> Result<(FileContent, u64), Error> {
    let (mut file, _) = open(host)?;
    Ok(FileContent::of_host_file(host.to_owned(), &mut file, sha256)?)
}

/// Points the error for an invalid path to a line of the table.
fn blame_line(place: &Place, error: Error) -> Error {
    match error.source_as::<tierce_rootfs::Error>() {
        Some(invalid) => Error::table(place, invalid.to_string()),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use tierce_manifest::{CargoToml, WorkspaceText};

    use super::*;
    use crate::steps::globs::globs;

    /// Returns the mode of /tmp in an image with this table, before the table's own entries. `root` and `base` have these folders.
    fn temporary(table: &str, root: &[&str], base: Option<&[&str]>) -> Option<u32> {
        let text = format!("[workspace.metadata.images.x]\ncmd = [\"/x\"]\n{table}\n");
        let root_toml = CargoToml { path: "Cargo.toml".into(), text: text.into() };
        let text = WorkspaceText { root: root_toml, members: Vec::new() };
        let content = &tierce_manifest::read(&text).expect("a valid table").images[0].content;
        let tree = |folders: &[&str]| {
            let mut index = Index::new();
            for folder in folders {
                index.insert(folder, Node::directory()).expect("no conflict");
            }
            index
        };
        let base = base.map(|folders| {
            let layers = [tree(folders)];
            Base::new("b", &tierce_rootfs::stack(&layers), &[], Index::new(), true).expect("a base")
        });
        let (mut index, globs) = (tree(root), globs(content).expect("valid"));
        let mut overlay = Overlay { index: &mut index, remove: &globs.remove, starts: Vec::new(), removed: Vec::new() };
        overlay.temporary_folder(content, &globs, base.as_ref()).expect("no conflict");
        let starts: Vec<&str> = overlay.starts.iter().map(|start| start.path.as_str()).collect();
        assert!(starts.is_empty() || starts == ["/tmp"], "{starts:?}");
        (!starts.is_empty()).then(|| index.tree().get("/tmp").expect("it is a start").mode)
    }

    #[test]
    fn temporary_folder_is_there_unless_declared() {
        for (table, root, base, expected) in [
            ("", &[][..], None, Some(0o1777)),
            // ROOT's may have another mode.
            ("", &["/tmp"], None, Some(0o1777)),
            ("", &[], Some(&["/usr"][..]), Some(0o1777)),
            ("", &[], Some(&["/tmp"]), None),
            // The declared folder comes later.
            ("directories = [{ path = \"/tmp\", mode = \"0700\" }]", &[], None, Some(0o1777)),
            ("symlinks = [{ path = \"/tmp\", target = \"run\" }]", &[], None, None),
            ("remove = [\"/tmp\"]", &[], None, None),
            ("prune = [\"/tm?\"]", &[], None, None),
        ] {
            assert_eq!(temporary(table, root, base), expected, "{table} {root:?} {base:?}");
        }
    }
}
