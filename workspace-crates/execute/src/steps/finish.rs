//! The last hook: what it leaves of the selected files is the image.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};

use tierce_docker::{Container, Docker};
use tierce_manifest::{Hook, HookSpec, ImageSpec};
use tierce_oci::TarWriter;
use tierce_plan::{Builder, ROOT, digest};
use tierce_rootfs::{
    Base, Closure, FileContent, FileTree, Globs, HiddenChoices, Index, Loader, Node, Patterns, Reason, Source, Start,
    closure, packages,
};

use crate::executor::Executor;
use crate::steps::pack::{TIME, reader};
use crate::steps::root::LIMITS;
use crate::steps::select::includes_packages;
use crate::{Error, files, owner};

impl Executor<'_> {
    /// Runs the image's last hook, if it has one, on a copy of what was selected; `archive` is ROOT's. Gives what is there
    /// afterwards, but for what `remove` matches, and in `chosen` the hook as the reason of what it made or changed.
    pub(crate) fn finish(
        &self,
        spec: &ImageSpec,
        builder: &Builder,
        selected: Index,
        (chosen, remove): (&mut Closure, &Patterns),
        archive: &mut File,
    ) -> Result<Index, Error> {
        let Some(hook) = spec.hooks.get(Hook::Finish) else { return Ok(selected) };
        let docker = self.docker()?;
        let volume = self.daemon_name("finish", &digest(format!("{} {}", owner::this_process(), spec.name)));
        let mut labels = self.owned_labels("finish");
        labels.insert(owner::CACHE.into(), self.session.places.cache_id()?);
        docker.create_volume(&volume, &labels)?;
        let finished = self.finish_in(&docker, &volume, (spec, hook), builder, &selected, archive);
        // What cannot be removed now is by a later run: it carries this process.
        let _ = docker.remove_volume(&volume);
        let finished = finished?;
        let wanted =
            finished.tree().iter().map(|(path, _)| path).filter(|path| *path != "/" && remove.find(path).is_none());
        // The daemon's archive has the names of a file in the order of a folder; this gives them in ours.
        let finished = finished.select(wanted)?;
        attribute(&selected, &finished, chosen);
        Ok(finished)
    }

    fn finish_in(
        &self,
        docker: &Docker,
        volume: &str,
        (spec, hook): (&ImageSpec, &HookSpec),
        builder: &Builder,
        selected: &Index,
        archive: &mut File,
    ) -> Result<Index, Error> {
        let container = docker.create(&self.hook_container(spec, (Hook::Finish, hook), builder, Some(volume))?)?;
        bring_tree(docker, &container, selected, archive)?;
        self.run_hook(docker, &container, spec, (Hook::Finish, hook))?;
        let mut taken =
            tempfile::tempfile().map_err(|error| Error::file("write", "a temporary file".as_ref(), error))?;
        let failed = |error| Error::file("read from the builder", ROOT.as_ref(), error);
        let mut out = BufWriter::with_capacity(1 << 20, &mut taken);
        io::copy(&mut docker.copy_out(container.id(), &format!("{ROOT}/."))?, &mut out).map_err(failed)?;
        out.into_inner().map_err(|error| failed(error.into_error()))?;
        container.remove()?;
        let index = Index::of_archive(&mut taken, "/", LIMITS)?;
        self.with_kept_contents(&index, selected, &mut taken)
    }

    /// The same index, with contents that outlive the archive that it was read from: those of `before` where they are the same, else
    /// copies in the cache.
    fn with_kept_contents(&self, index: &Index, before: &Index, archive: &mut File) -> Result<Index, Error> {
        let known: BTreeMap<&str, &FileContent> =
            before.files().map(|(_, content)| (content.sha256.as_str(), content)).collect();
        let mut contents = BTreeMap::new();
        for (path, content) in index.files() {
            let source = match known.get(content.sha256.as_str()) {
                Some(known) => known.source.clone(),
                None => {
                    let blob = self.session.places.blob(&content.sha256);
                    let mut bytes = reader(content, archive, path)?;
                    let failed = |error| Error::file("write", &blob, error);
                    files::write_with(&blob, |file| io::copy(&mut bytes, file).map(drop).map_err(failed))?;
                    Source::Host { path: blob }
                }
            };
            contents.insert(path.to_owned(), FileContent { source, ..content.clone() });
        }
        let nodes: BTreeMap<String, Node> =
            index.tree().iter().map(|(path, node)| (path.to_owned(), node.clone())).collect();
        Ok(Index::from_parts(FileTree::try_from(nodes)?, contents)?)
    }
}

/// Puts a copy of what was selected where ROOT is in a container.
pub(crate) fn bring_tree(
    docker: &Docker,
    container: &Container,
    selected: &Index,
    archive: &mut File,
) -> Result<(), Error> {
    let (pipe, end) = io::pipe().map_err(|error| Error::file("open", "a pipe".as_ref(), error))?;
    std::thread::scope(|scope| {
        let written = scope.spawn(move || write_tree(selected, archive, end));
        let sent = docker.copy_in(container.id(), ROOT, pipe);
        let written = written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        sent?;
        written
    })
}

/// Looks again whether all is there that the files of an image need, after a hook has changed them.
///
/// # Errors
/// [`tierce_rootfs::Error::Missing`].
pub(crate) fn check(
    spec: &ImageSpec,
    finished: &Index,
    chosen: &Closure,
    foreign: Option<(&Base, &BTreeMap<String, String>)>,
    loader: &Loader,
    globs: &Globs,
    choices: &HiddenChoices,
) -> Result<(), tierce_rootfs::Error> {
    // Nothing is left out any more; what may be missing still may. What is from anywhere is not looked at.
    let mut globs = Globs { allow_missing: globs.allow_missing.clone(), ..Globs::default() };
    if let Some((base, laid)) = foreign {
        let of_base = chosen.iter().filter(|(_, reason)| matches!(reason, Reason::Base { .. })).map(|(path, _)| path);
        let of_base = of_base.chain(laid.values().map(String::as_str)).map(|path| (path.to_owned(), path.to_owned()));
        globs.unfollowed = base.unfollowed(finished, &of_base.collect());
        globs.decided = base.decided(finished);
    }
    let is_start = |reason: &Reason| match reason {
        Reason::Base { .. } => foreign.is_none(),
        Reason::Program | Reason::Declared | Reason::Asked { .. } | Reason::Keep { .. } | Reason::Hook { .. } => true,
        _ => false,
    };
    let all = chosen.iter().filter(|(path, reason)| is_start(reason) && finished.tree().get(path).is_some());
    let starts = all.map(|(path, reason)| Start { reason: reason.clone(), path: path.to_owned() });
    let starts: Vec<Start> =
        starts.filter(|start| !finished.tree().get(&start.path).is_some_and(Node::is_symlink)).collect();
    match includes_packages(spec) {
        false => closure(finished, &starts, loader, &globs, choices),
        true => packages(finished, &starts, &BTreeMap::new(), loader, &globs, choices),
    }
    .map(drop)
}

/// The error for what is missing after the hook: before it, nothing was.
pub(crate) fn blamed(error: Error, hook: &HookSpec) -> Error {
    match error {
        Error::Missing { image, lines, .. } => Error::Missing {
            image,
            lines,
            place: hook.script.place.clone(),
            help: Some(format!("{} has taken it away, or made what needs it", Hook::Finish)),
        },
        other => other,
    }
}

/// Writes the files of an image as one archive.
fn write_tree(image: &Index, archive: &mut File, out: impl io::Write) -> Result<(), Error> {
    let mut writer = TarWriter::new(out, TIME);
    for (path, node) in image.tree().iter().filter(|(path, _)| *path != "/") {
        match image.content(path).filter(|_| matches!(node.kind, tierce_rootfs::NodeKind::File { .. })) {
            Some(content) => writer.append(path, node, reader(content, archive, path)?)?,
            None => writer.append(path, node, io::empty())?,
        }
    }
    writer.finish()?;
    Ok(())
}

/// Says of each path whether it is in for the hook: what the hook made, or left another than it was.
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
