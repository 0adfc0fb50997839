//! `clean`: removes leftovers of killed runs and unused results; on demand the images of a workspace, builders and the cache.
//! It finds them by labels and recorded uses. Everything that another run uses stays.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tierce_builders::container::warm;
use tierce_builders::daemon::leftovers::Leftover;
use tierce_builders::daemon::root_uses::{Unused, Users};
use tierce_builders::daemon::{labels, leftovers, root_uses};
use tierce_builders::workspace::Workspace;
use tierce_docker::{ContainerSummary, Docker, ImageSummary, Removal};
use tierce_manifest::ImageSpec;
use tierce_plan::Root;
use tierce_report::megabytes;
use tierce_store::cache_id::cache_id;
use tierce_store::{Error, Event, Observer, locks, untrusted};

/// The results that `clean` removes besides unused ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The images of this workspace, and the ROOTs that only they use.
    pub images: bool,
    /// The builders, in the daemon and in the sandbox's folders.
    pub builder: bool,
    /// The user's cache, and every ROOT that was merged with it.
    pub cache: bool,
}

/// The kind of a removable item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A container, volume or image in the daemon that a killed run left.
    Leftover,
    /// A warm container, which waits for the next compilation.
    Container,
    /// An image of the workspace.
    Image,
    /// An unused ROOT: a volume of the engine and an archive in the cache.
    Root,
    /// A builder: an image of the daemon, or a folder of the sandbox.
    Builder,
    /// A folder of the cache.
    Cache,
}

/// An item that `clean` removed, or would remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cleaned {
    /// The kind of the item.
    pub kind: Kind,
    /// References, the name of a volume or container, an id or a path.
    pub name: String,
    /// Its size in bytes, if known.
    pub bytes: Option<u64>,
    /// The reason why it stays; None if it does not.
    pub kept: Option<String>,
}

/// The target of a removal.
enum Target {
    Leftover(Leftover),
    /// The references, or the id of an untagged image.
    Image(Vec<String>),
    Root(Unused),
    /// The id of a root of the sandbox.
    SandboxRoot(String),
    Folder(PathBuf),
}

/// Removes unused results and those that the scope selects. With `dry_run`, only lists them.
///
/// # Errors
/// Fails if an item cannot be listed or removed. An item in use is not an error.
pub(crate) fn clean(
    workspace: &Workspace,
    scope: Scope,
    dry_run: bool,
    observer: &Observer<'_>,
) -> Result<Vec<Cleaned>, Error> {
    let interrupted = &workspace.options.interrupted;
    let alone = match scope.images {
        _ if dry_run => None,
        true => Some(locks::workspace(&workspace.paths, interrupted, observer)?),
        // The partial results of a concurrent run in this workspace are not leftovers.
        false => locks::try_workspace(&workspace.paths)?,
    };
    let shared = workspace.cache_lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let _alone = match scope.builder || scope.cache {
        true if !dry_run => {
            drop(shared);
            let what = "other runs that use the same cache";
            Some(locks::take(&locks::cache_path(&workspace.paths), what, interrupted, observer)?)
        }
        _ => shared,
    };
    let docker = match workspace.docker() {
        Ok(docker) => Some(docker),
        // A daemon whose disk is full may not even start.
        Err(error) if workspace.has_sandbox() || scope == (Scope { cache: true, ..Scope::default() }) => {
            workspace.check_interrupted()?;
            observer(Event::Warning { message: format!("what is in the daemon stays: {error}") });
            None
        }
        Err(error) => return Err(error),
    };
    let others = workspace.receipts().other_namespaces();
    if scope.cache && !others.is_empty() {
        let others = others.iter().map(|other| format!("`{other}`")).collect::<Vec<_>>().join(", ");
        let message = format!("the cache is also that of the namespaces {others}: they merge their ROOTs again");
        observer(Event::Warning { message });
    }
    let mut all = Vec::new();
    for (mut cleaned, target) in cleanable(workspace, scope, docker.as_ref())? {
        workspace.check_interrupted()?;
        if !dry_run && cleaned.kept.is_none() {
            cleaned.kept = remove(workspace, docker.as_ref(), target)?;
        }
        all.push(cleaned);
    }
    if alone.is_some() {
        workspace.paths.sweep();
    }
    if scope.images && !dry_run {
        root_uses::forget_all(&workspace.paths)?;
    }
    Ok(all)
}

/// Adds the bytes that `clean` could remove to the error of a full disk. Returns other errors unchanged.
pub(super) fn with_room(workspace: &Workspace, error: Error) -> Error {
    if !error.is_full_disk() {
        return error;
    }
    let all = Scope { images: true, builder: true, cache: true };
    let items = workspace.docker().ok().and_then(|docker| cleanable(workspace, all, Some(&docker)).ok());
    let items = items.or_else(|| cleanable(workspace, all, None).ok()).unwrap_or_default();
    let sum = |wanted: bool| -> u64 {
        let of_cache = |cleaned: &&Cleaned| (cleaned.kind == Kind::Cache) == wanted;
        items.iter().map(|(cleaned, _)| cleaned).filter(of_cache).filter_map(|cleaned| cleaned.bytes).sum()
    };
    let (cache, rest) = (megabytes(sum(true)), megabytes(sum(false)));
    error.with_help(format!(
        "`cargo xtask clean --all` would free {cache} of the cache and {rest} in the daemon; --dry-run lists it"
    ))
}

/// Returns the images of this workspace. Includes the toolbox only if it was built here: all workspaces share its name.
fn made_here(workspace: &Workspace) -> impl Iterator<Item = &ImageSpec> {
    let toolbox = Some(&workspace.spec.toolbox).filter(|image| workspace.paths.contents(image.name.as_str()).is_file());
    workspace.spec.images.iter().chain(toolbox)
}

fn cleanable(workspace: &Workspace, scope: Scope, docker: Option<&Docker>) -> Result<Vec<(Cleaned, Target)>, Error> {
    let receipts = workspace.receipts();
    let item = |kind, name, bytes| Cleaned { kind, name, bytes, kept: None };
    let mut all = Vec::new();
    if let Some(docker) = docker {
        for leftover in leftovers::leftovers(docker, &workspace.options.namespace, &workspace.paths, &receipts)? {
            all.push((item(Kind::Leftover, leftover.name().to_owned(), None), Target::Leftover(leftover)));
        }
        all.extend(waiting(workspace, scope, docker)?);
        if scope.images {
            for image in made_here(workspace) {
                let (prefix, references) = (format!("{}:", image.name), image.references());
                let ours = |tag: &String| tag.starts_with(&prefix) || references.contains(tag);
                let label = format!("{}={}", labels::IMAGE, image.name);
                for found in docker.images(&[&label])? {
                    all.extend(image_item(Kind::Image, &found, ours));
                }
            }
        }
        if scope.builder {
            all.extend(builders(workspace, docker)?);
        }
    }
    let users = match scope {
        Scope { cache: true, .. } => Users::Nobody,
        Scope { images: true, .. } => Users::OtherWorkspaces,
        _ => Users::AllWorkspaces,
    };
    if docker.is_some() || workspace.has_sandbox() {
        for unused in root_uses::unused(&workspace.paths, &receipts, users) {
            let name = unused.root.as_ref().map_or(&unused.key, |root| &root.volume).clone();
            let bytes = unused.bytes + unused.root.as_ref().map_or(0, |root| root.bytes);
            all.push((item(Kind::Root, name, Some(bytes)), Target::Root(unused)));
        }
    }
    if scope.builder && !scope.cache {
        let store = workspace.sandbox_store();
        for id in store.root_ids() {
            let bytes = bytes_of(&store.tree_of(&id));
            all.push((item(Kind::Builder, store.title(&id), Some(bytes)), Target::SandboxRoot(id)));
        }
    }
    if scope.cache {
        for entry in fs::read_dir(workspace.paths.cache()).into_iter().flatten().flatten() {
            // Other processes take locks by name, and labels of volumes contain the cache's id.
            let stays = ["locks", "id"].iter().any(|name| entry.file_name() == *name);
            // The items of ROOTs count their archives.
            let bytes = if entry.file_name() == "roots" && (docker.is_some() || workspace.has_sandbox()) {
                0
            } else {
                bytes_of(&entry.path())
            };
            if !stays {
                let path = entry.path();
                all.push((item(Kind::Cache, path.display().to_string(), Some(bytes)), Target::Folder(path)));
            }
        }
    }
    Ok(all)
}

/// Returns the warm containers that the scope selects: those of this workspace, or those that use a ROOT of this cache.
fn waiting(workspace: &Workspace, scope: Scope, docker: &Docker) -> Result<Vec<(Cleaned, Target)>, Error> {
    let namespace = format!("dev.tierce.namespace={}", workspace.options.namespace);
    let (purpose, cache) = (warm::purpose_of(&workspace.paths), format!("-{}", cache_id(&workspace.paths)?));
    let goes = |container: &ContainerSummary| {
        let has = |label: &str, test: &dyn Fn(&String) -> bool| container.labels.get(label).is_some_and(test);
        (scope.images && has(warm::FOR, &|value| value.starts_with(purpose.as_str())))
            || ((scope.builder || scope.cache) && has(labels::USES, &|value| value.ends_with(cache.as_str())))
    };
    let found = docker.containers(&[&namespace, warm::FOR])?.into_iter().filter(goes);
    let item = |container: ContainerSummary| {
        let cleaned = Cleaned { kind: Kind::Container, name: container.name.clone(), bytes: None, kept: None };
        (cleaned, Target::Leftover(Leftover::Container(container)))
    };
    Ok(found.map(item).collect())
}

/// Returns the builders of this namespace, newest first: a builder may be based on an older one. Keeps them all while a run
/// with another cache has a container.
fn builders(workspace: &Workspace, docker: &Docker) -> Result<Vec<(Cleaned, Target)>, Error> {
    let namespace = format!("dev.tierce.namespace={}", workspace.options.namespace);
    let mut images = docker.images(&[&namespace, labels::KIND])?;
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    let mut all: Vec<_> = images.iter().filter_map(|image| image_item(Kind::Builder, image, |_| true)).collect();
    if leftovers::others_at_work(docker, &namespace)? {
        let kept = Some("a run with another cache is at work".to_owned());
        all.iter_mut().for_each(|(cleaned, _)| cleaned.kept.clone_from(&kept));
    }
    Ok(all)
}

/// Removes an item, or returns the reason why it stays.
fn remove(workspace: &Workspace, docker: Option<&Docker>, target: Target) -> Result<Option<String>, Error> {
    let kept = |removal: Removal| match removal {
        Removal::InUse(reason) => Some(reason),
        Removal::Removed | Removal::Absent => None,
    };
    match (target, docker) {
        (Target::Leftover(leftover), Some(docker)) => leftover.remove(docker).map(kept),
        (Target::Image(references), Some(docker)) => {
            for reference in references {
                if let Some(reason) = kept(docker.remove_image(&reference)?) {
                    return Ok(Some(reason));
                }
            }
            Ok(None)
        }
        (Target::Root(unused), _) => {
            let receipts = workspace.receipts();
            let remove_volume = |root: &Root| workspace.remove_root_volume(root);
            let gone = root_uses::remove(&workspace.paths, &receipts, &unused, remove_volume)?;
            Ok((!gone).then(|| "a run or a container uses it, or it is in another daemon".to_owned()))
        }
        (Target::SandboxRoot(id), _) => {
            let gone = workspace.sandbox_store().remove_root(&id)?;
            Ok((!gone).then(|| "a run or another builder uses it".to_owned()))
        }
        (Target::Folder(path), _) if path == workspace.sandbox_store().folder() => {
            workspace.sandbox_store().discard(&path).map(|()| None)
        }
        (Target::Folder(path), _) => untrusted::remove(&path).map(|()| None),
        (_, None) => Ok(Some("no daemon answers".to_owned())),
    }
}

/// Returns the item of an image with the tags that `ours` accepts; None if it accepts none. Other tags keep the image.
fn image_item(kind: Kind, image: &ImageSummary, ours: impl Fn(&String) -> bool) -> Option<(Cleaned, Target)> {
    let references = match image.tags.is_empty() {
        true => vec![image.id.clone()],
        false => image.tags.iter().filter(|tag| ours(tag)).cloned().collect::<Vec<_>>(),
    };
    let bytes = if references.len() >= image.tags.len() { image.size } else { 0 };
    let cleaned = Cleaned { kind, name: references.join(", "), bytes: Some(bytes), kept: None };
    (!references.is_empty()).then_some((cleaned, Target::Image(references)))
}

/// Returns the disk usage of a file or folder in bytes.
fn bytes_of(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => {
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| bytes_of(&entry.path())).sum()
        }
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    }
}
