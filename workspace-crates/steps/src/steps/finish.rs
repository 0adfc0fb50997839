//! The last hook, `finish`: the files that it leaves are the image.

use std::collections::BTreeMap;
use std::io::{self, BufWriter};

use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::context::Context;
use tierce_builders::container::hooks::ImageHook;
use tierce_builders::container::root_archive::LIMITS;
use tierce_manifest::{Hook, ImageSpec};
use tierce_plan::{Builder, ROOT, digest};
use tierce_rootfs::{
    Closure, FileContent, FileTree, Globs, Index, Node, NodeKind, Reason, Source, Start, is_of_engine, path,
};
use tierce_store::owner;
use tierce_store::{Cause, Error, files};

use crate::steps::image_files::bring_tree;
use crate::steps::select_files::{Rules, SelectedFiles};

/// Runs `hooks.finish` on a copy of the selected files and replaces them by those that it leaves, minus those that `remove`
/// matches. The hook becomes the reason for the files that it made or changed.
///
/// # Errors
/// The hook fails, or the image lacks a file that its other files need.
pub(super) fn apply_last_hook(
    context: &Context<'_>,
    hook: ImageHook<'_>,
    builder: &Builder,
    files: &mut SelectedFiles,
) -> Result<(), Error> {
    let image = hook.image;
    let volume = context.daemon_name("finish", &digest(format!("{} {}", owner::this_process(), image.name)));
    context.engine()?.create_volume("finish", &volume)?;
    let finished = run_in(context, &volume, hook, builder, files);
    context.engine()?.drop_volume(&volume);
    let finished = finished?;
    let remove = &files.rules.globs.remove;
    let wanted =
        finished.tree().iter().map(|(path, _)| path).filter(|path| *path != "/" && remove.find(path).is_none());
    // The daemon's archive orders hard links by folder; `select` restores Tierce's order.
    let finished = finished.select(wanted)?;
    attribute(&files.image, &finished, &mut files.chosen);
    files.image = finished;
    check(image, files).map_err(|error| blame_hook(files.missing(context, image, error), hook))
}

/// Runs the hook on the selected files in this volume, and returns the files that it leaves.
fn run_in(
    context: &Context<'_>,
    volume: &str,
    hook: ImageHook<'_>,
    builder: &Builder,
    files: &mut SelectedFiles,
) -> Result<Index, Error> {
    let container = context.open(&context.hook_container(hook, builder, Some(volume))?)?;
    bring_tree(&*container, &files.image, &mut files.archive)?;
    context.run_hook(&*container, hook)?;
    let mut taken = tempfile::tempfile().map_err(|error| Error::file("write", "a temporary file".as_ref(), error))?;
    let failed = |error| Error::file("read from the builder", ROOT.as_ref(), error);
    let mut out = BufWriter::with_capacity(1 << 20, &mut taken);
    let stream = container.copy_out(&format!("{ROOT}/."))?;
    io::copy(&mut stream.ok_or_else(|| Error::missing_input("selected files"))?, &mut out).map_err(failed)?;
    out.into_inner().map_err(|error| failed(error.into_error()))?;
    container.remove()?;
    let index = Index::of_archive(&mut taken, "/", LIMITS)?.without_engine(context.engine()?.root_ids()?)?;
    with_kept_contents(context, &index, &files.image, &mut RootArchive::of_file(taken, ROOT.as_ref()))
}

/// Replaces contents in the temporary archive, which does not outlive this step. Unchanged files refer to the contents
/// in `before`, others to copies in the cache. Restores the files of `before` that some engines do not send.
fn with_kept_contents(
    context: &Context<'_>,
    index: &Index,
    before: &Index,
    archive: &mut RootArchive,
) -> Result<Index, Error> {
    let known: BTreeMap<&str, &FileContent> =
        before.files().map(|(_, content)| (content.sha256.as_str(), content)).collect();
    let mut contents = BTreeMap::new();
    for (path, content) in index.files() {
        let source = match known.get(content.sha256.as_str()) {
            Some(known) => known.source.clone(),
            None => {
                let blob = context.workspace.paths.blob(&content.sha256);
                let mut bytes = archive.content(content)?;
                let failed = |error| Error::file("write", &blob, error);
                files::write_with(&blob, |file| io::copy(&mut bytes, file).map(drop).map_err(failed))?;
                Source::Host { path: blob }
            }
        };
        contents.insert(path.to_owned(), FileContent { source, ..content.clone() });
    }
    let mut nodes: BTreeMap<String, Node> =
        index.tree().iter().map(|(path, node)| (path.to_owned(), node.clone())).collect();
    restore_engine_files(before, &mut nodes, &mut contents);
    Ok(Index::from_parts(FileTree::try_from(nodes)?, contents)?)
}

/// Adds the entries of `before` that engines mount over, which only some send, so that no engine changes the image. A hook cannot
/// change them.
fn restore_engine_files(
    before: &Index,
    nodes: &mut BTreeMap<String, Node>,
    contents: &mut BTreeMap<String, FileContent>,
) {
    for (path, node) in before.tree().iter().filter(|(path, node)| is_of_engine(path, node)) {
        let folder = path::parent(path).and_then(|folder| nodes.get(folder));
        if nodes.contains_key(path) || !folder.is_some_and(Node::is_directory) {
            continue;
        }
        match before.content(path) {
            Some(content) if !matches!(node.kind, NodeKind::HardLink { .. }) => {
                contents.insert(path.to_owned(), content.clone());
            }
            // The file itself may be elsewhere, and then it is sent.
            Some(_) => continue,
            None => {}
        }
        nodes.insert(path.to_owned(), node.clone());
    }
}

/// Checks again that the merged image has every file that its files need, since the hook may have changed them. Packing compares
/// the image with its base later.
fn check(spec: &ImageSpec, files: &SelectedFiles) -> Result<(), tierce_rootfs::Error> {
    let (image, base) = (&files.image, files.external_base());
    // The presets have already applied, so only `allow-missing` still counts. The check skips files of an external base.
    let Rules { loader, globs, choices } = &files.rules;
    let mut globs = Globs { allow_missing: globs.allow_missing.clone(), ..Globs::default() };
    if let Some(base) = base {
        let is_of_base = |reason: &Reason| matches!(reason, Reason::Base { .. });
        let of_base = files.chosen.iter().filter(|(_, reason)| is_of_base(reason)).map(|(path, _)| path);
        let of_base = of_base.chain(files.laid.values().map(String::as_str));
        globs.unfollowed = base.unfollowed(image, &of_base.map(|path| (path.to_owned(), path.to_owned())).collect());
        globs.decided = base.decided(image);
    }
    let is_start = |reason: &Reason| match reason {
        Reason::Base { .. } => base.is_none(),
        Reason::Program | Reason::Declared | Reason::Asked { .. } | Reason::Keep { .. } | Reason::Hook { .. } => true,
        _ => false,
    };
    let is_present = |path: &str| image.tree().get(path).is_some_and(|node| !node.is_symlink());
    let starts = files.chosen.iter().filter(|(path, reason)| is_start(reason) && is_present(path));
    let starts: Vec<Start> =
        starts.map(|(path, reason)| Start { reason: reason.clone(), path: path.to_owned() }).collect();
    let rules = Rules { loader: loader.clone(), globs, choices: choices.clone() };
    rules.select(spec, image, &starts, &BTreeMap::new()).map(drop)
}

/// Blames the hook for a missing file: the image had every file before the hook ran.
fn blame_hook(error: Error, hook: ImageHook<'_>) -> Error {
    match error.cause() {
        Cause::MissingFiles => {
            let help = format!("{} has taken it away, or made what needs it", Hook::Finish);
            error.at(&hook.spec.script.place).with_help(help)
        }
        _ => error,
    }
}

/// Makes the hook the reason for the files that it made or changed, and drops those that it removed.
fn attribute(before: &Index, after: &Index, chosen: &mut Closure) {
    let same = |path: &str, node: &Node| {
        before.tree().get(path) == Some(node)
            && before.content(path).map(|content| &content.sha256) == after.content(path).map(|content| &content.sha256)
    };
    let gone: Vec<&str> =
        before.tree().iter().map(|(path, _)| path).filter(|path| after.tree().get(path).is_none()).collect();
    gone.into_iter().for_each(|path| chosen.remove(path));
    for (path, node) in after.tree().iter().filter(|(path, _)| *path != "/") {
        if !same(path, node) {
            chosen.made_by_hook(path, &Hook::Finish.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_engines_leave_out_stay() {
        let index = |lines: &str| {
            let mut index = Index::new();
            for line in lines.lines() {
                let (path, content) = line.split_once(' ').expect("a path and a content");
                if content == "/" {
                    index.insert(path, Node::directory()).expect("no conflict");
                } else {
                    let content = FileContent::of_bytes(content.into());
                    let node = Node::new(NodeKind::File { size: 0 }, 0o644);
                    index.insert_file(path, node, 0, content).expect("no conflict");
                }
            }
            index
        };
        let before = index("/dev/pts /\n/dev/x 1\n/proc /\n/etc/a 1\n/run/.containerenv 1\n/usr/gone 1");
        let after = index("/etc/a 2");
        let mut nodes: BTreeMap<_, _> =
            after.tree().iter().map(|(path, node)| (path.to_owned(), node.clone())).collect();
        let mut contents = after.files().map(|(path, content)| (path.to_owned(), content.clone())).collect();
        restore_engine_files(&before, &mut nodes, &mut contents);
        let restored = Index::from_parts(FileTree::try_from(nodes).expect("a tree"), contents).expect("an index");
        // The hook removed /run, and with it all that was there.
        assert_eq!(restored, index("/dev/pts /\n/dev/x 1\n/proc /\n/etc/a 2"));
    }
}
