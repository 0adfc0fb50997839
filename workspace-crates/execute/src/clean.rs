//! What can be removed without a loss but time: what killed runs have left and nothing uses, and on demand the images of a
//! workspace, builders and the cache. Found by label and by use; what another run uses stays.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tierce_docker::{ContainerSummary, Docker, ImageSummary, Removal};
use tierce_manifest::ImageSpec;

use crate::owner::{self, Leftover};
use crate::progress::{Event, Observer};
use crate::receipts::Receipts;
use crate::report::contents_path;
use crate::session::Session;
use crate::steps::warm;
use crate::uses::{self, Unused, Users};
use crate::{Error, locks, untagged};

/// What is removed besides what nothing uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The images of this workspace, and the ROOTs that only they were made with.
    pub images: bool,
    /// The builders in the daemon.
    pub builder: bool,
    /// The cache of the user, and every ROOT that was merged with it.
    pub cache: bool,
}

/// What something is that can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What a killed run left in the daemon.
    Leftover,
    /// A container that waits for the next compilation.
    Container,
    /// An image of the workspace.
    Image,
    /// An emerged ROOT: a volume in the daemon, an archive in the cache.
    Root,
    /// An image of a builder.
    Builder,
    /// A folder of the cache.
    Cache,
}

/// Something that was removed, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cleaned {
    /// What it is.
    pub kind: Kind,
    /// A reference, a volume's name, a path.
    pub name: String,
    /// How large it is, where that is known.
    pub bytes: Option<u64>,
    /// Why it stays, if it does.
    pub kept: Option<String>,
}

/// How something is removed.
enum Target {
    Leftover(Leftover),
    /// By these references, or by the id of one that has none.
    Image(Vec<String>),
    Root(Unused),
    Folder(PathBuf),
}

impl Session {
    /// Removes what nothing uses and what the scope says, or lists it.
    ///
    /// # Errors
    /// What could not be listed or removed. That something is in use is none.
    pub fn clean(&self, scope: Scope, dry_run: bool, observer: &Observer<'_>) -> Result<Vec<Cleaned>, Error> {
        let interrupted = &self.options.interrupted;
        let workspace = match scope.images {
            _ if dry_run => None,
            true => Some(locks::workspace(&self.places, interrupted, observer)?),
            // What a run in this workspace is at work on is no leftover.
            false => locks::try_workspace(&self.places)?,
        };
        let shared = self.cache_lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let _alone = match scope.builder || scope.cache {
            true if !dry_run => {
                drop(shared);
                let what = "other runs that use the same cache";
                Some(locks::take(&locks::cache_path(&self.places), what, interrupted, observer)?)
            }
            _ => shared,
        };
        let docker = match self.docker() {
            Ok(docker) => Some(docker),
            // A daemon whose disk is full may not even start.
            Err(error) if scope == (Scope { cache: true, ..Scope::default() }) => {
                observer(Event::Warning { message: format!("what is in the daemon stays: {error}") });
                None
            }
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for (mut cleaned, target) in self.cleanable(scope, docker.as_ref())? {
            self.check_interrupted()?;
            if !dry_run && cleaned.kept.is_none() {
                cleaned.kept = self.remove(docker.as_ref(), target)?;
            }
            all.push(cleaned);
        }
        if workspace.is_some() {
            self.places.sweep();
        }
        if scope.images && !dry_run {
            uses::forget_all(&self.places)?;
        }
        Ok(all)
    }

    /// Adds to the error of a full disk what could be removed.
    pub(crate) fn with_room(&self, error: Error) -> Error {
        if !error.is_full_disk() {
            return error;
        }
        let all = Scope { images: true, builder: true, cache: true };
        let items = self.docker().ok().and_then(|docker| self.cleanable(all, Some(&docker)).ok());
        let items = items.or_else(|| self.cleanable(all, None).ok()).unwrap_or_default();
        let sum = |wanted: bool| -> u64 {
            let of_cache = |cleaned: &&Cleaned| (cleaned.kind == Kind::Cache) == wanted;
            items.iter().map(|(cleaned, _)| cleaned).filter(of_cache).filter_map(|cleaned| cleaned.bytes).sum()
        };
        Error::FullDisk { source: Box::new(error), cache: sum(true), rest: sum(false) }
    }

    /// The images of this workspace: of the toolbox, which has the same name in every one, only what was made here.
    fn made_here(&self) -> impl Iterator<Item = &ImageSpec> {
        let toolbox =
            Some(&self.spec.toolbox).filter(|image| contents_path(&self.places, image.name.as_str()).is_file());
        self.spec.images.iter().chain(toolbox)
    }

    fn cleanable(&self, scope: Scope, docker: Option<&Docker>) -> Result<Vec<(Cleaned, Target)>, Error> {
        let receipts = Receipts::new(self.places.clone());
        let item = |kind, name, bytes| Cleaned { kind, name, bytes, kept: None };
        let mut all = Vec::new();
        if let Some(docker) = docker {
            for leftover in owner::leftovers(docker, &self.options.namespace, &self.places, &receipts)? {
                all.push((item(Kind::Leftover, leftover.name().to_owned(), None), Target::Leftover(leftover)));
            }
            all.extend(self.waiting(scope, docker)?);
            if scope.images {
                for image in self.made_here().map(|image| image.name.as_str()) {
                    let prefix = format!("{image}:");
                    let ours = |tag: &String| tag.starts_with(&prefix);
                    let label = format!("{}={image}", untagged::IMAGE);
                    for found in docker.images(&[&label])? {
                        all.extend(image_item(Kind::Image, &found, ours));
                    }
                }
            }
            if scope.builder {
                all.extend(self.builders(docker)?);
            }
        }
        let users = match scope {
            Scope { cache: true, .. } => Users::Nobody,
            Scope { images: true, .. } => Users::OtherWorkspaces,
            _ => Users::AllWorkspaces,
        };
        if docker.is_some() {
            for unused in uses::unused(&self.places, &receipts, users) {
                let name = unused.root.as_ref().map_or(&unused.key, |root| &root.volume).clone();
                let bytes = unused.bytes + unused.root.as_ref().map_or(0, |root| root.bytes);
                all.push((item(Kind::Root, name, Some(bytes)), Target::Root(unused)));
            }
        }
        if scope.cache {
            for entry in fs::read_dir(self.places.cache()).into_iter().flatten().flatten() {
                // Locks are taken by name; the cache's name stands on volumes.
                let stays = ["locks", "id"].iter().any(|name| entry.file_name() == *name);
                // Counted with their volumes.
                let bytes = if entry.file_name() == "roots" && docker.is_some() { 0 } else { bytes_of(&entry.path()) };
                if !stays {
                    let path = entry.path();
                    all.push((item(Kind::Cache, path.display().to_string(), Some(bytes)), Target::Folder(path)));
                }
            }
        }
        Ok(all)
    }

    /// The containers that wait for a next compilation: of this workspace, or of all with the same cache, which hold its ROOTs.
    fn waiting(&self, scope: Scope, docker: &Docker) -> Result<Vec<(Cleaned, Target)>, Error> {
        let namespace = format!("dev.tierce.namespace={}", self.options.namespace);
        let (purpose, cache) = (warm::purpose_of(&self.places), format!("-{}", self.places.cache_id()?));
        let goes = |container: &ContainerSummary| {
            let has = |label: &str, test: &dyn Fn(&String) -> bool| container.labels.get(label).is_some_and(test);
            (scope.images && has(warm::FOR, &|value| value.starts_with(purpose.as_str())))
                || ((scope.builder || scope.cache) && has(owner::USES, &|value| value.ends_with(cache.as_str())))
        };
        let found = docker.containers(&[&namespace, warm::FOR])?.into_iter().filter(goes);
        let item = |container: ContainerSummary| {
            let cleaned = Cleaned { kind: Kind::Container, name: container.name.clone(), bytes: None, kept: None };
            (cleaned, Target::Leftover(Leftover::Container(container)))
        };
        Ok(found.map(item).collect())
    }

    /// The builders of this namespace, those that stand on others first. What runs with other caches are at work with is found
    /// by their containers.
    fn builders(&self, docker: &Docker) -> Result<Vec<(Cleaned, Target)>, Error> {
        let namespace = format!("dev.tierce.namespace={}", self.options.namespace);
        let mut images = docker.images(&[&namespace, owner::KIND])?;
        images.sort_by_key(|image| std::cmp::Reverse(image.created));
        let mut all: Vec<_> = images.iter().filter_map(|image| image_item(Kind::Builder, image, |_| true)).collect();
        if owner::others_at_work(docker, &namespace)? {
            let kept = Some("a run with another cache is at work".to_owned());
            all.iter_mut().for_each(|(cleaned, _)| cleaned.kept.clone_from(&kept));
        }
        Ok(all)
    }

    /// Removes something, unless it is in use: then this says by what.
    fn remove(&self, docker: Option<&Docker>, target: Target) -> Result<Option<String>, Error> {
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
            (Target::Root(unused), Some(docker)) => {
                let receipts = Receipts::new(self.places.clone());
                let gone = uses::remove(&self.places, &receipts, docker, &unused)?;
                Ok((!gone).then(|| "a run or a container uses it, or it is in another daemon".to_owned()))
            }
            (Target::Folder(path), _) => {
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map(|()| None).map_err(|error| Error::file("remove", &path, error))
            }
            (_, None) => Ok(Some("no daemon answers".to_owned())),
        }
    }
}

/// An image by those of its names that are ours. One that others have named stays under their names.
fn image_item(kind: Kind, image: &ImageSummary, ours: impl Fn(&String) -> bool) -> Option<(Cleaned, Target)> {
    let references = match image.tags.is_empty() {
        true => vec![image.id.clone()],
        false => image.tags.iter().filter(|tag| ours(tag)).cloned().collect::<Vec<_>>(),
    };
    let bytes = if references.len() >= image.tags.len() { image.size } else { 0 };
    let cleaned = Cleaned { kind, name: references.join(", "), bytes: Some(bytes), kept: None };
    (!references.is_empty()).then_some((cleaned, Target::Image(references)))
}

/// What a file, or all below a folder, takes on the disk, in bytes.
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
