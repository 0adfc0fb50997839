//! `manifest`: downloads the sources of a repository's ebuilds, and writes their digests into the Manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tierce_builders::container::context::Context;
use tierce_builders::workspace::Workspace;
use tierce_builders::workspace::repositories::RepositoryFolder;
use tierce_fetch::{Digests, Download, Integrity};
use tierce_manifest::Located;
use tierce_plan::{Builder, StepId};
use tierce_portage::{
    MANIFEST_PY, ManifestAnswer, ManifestEntry, ManifestRequest, NamedSource, PackageName, PackageSources,
    RepositoryName, manifest_sources, manifest_text,
};
use tierce_steps::source_urls;
use tierce_store::{Error, ErrorKind, Observer, files};

use crate::commands::clean::with_room;
use crate::commands::portage::{Script, ask, with_builder};

const SCRIPT: Script = Script { name: "manifest", text: MANIFEST_PY };

/// The scope of `manifest`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestScope {
    /// The name of a repository in `repositories`.
    pub repository: String,
    /// Packages, as `category/name`; empty for all of the repository.
    pub packages: Vec<String>,
    /// Whether entries that exist are written again.
    pub rewrite: bool,
}

/// A Manifest that was written, or removed because its package has no sources any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenManifest {
    /// The path of the file.
    pub path: PathBuf,
    /// The sources with new entries.
    pub added: Vec<String>,
}

/// Writes the Manifests of a repository. Returns those that changed.
///
/// # Errors
/// An unknown repository or package, a broken ebuild, or a failed download. Then no Manifest changes.
pub(crate) fn manifest(
    workspace: &Workspace,
    scope: &ManifestScope,
    observer: &Observer<'_>,
) -> Result<Vec<WrittenManifest>, Error> {
    let written = write_manifests(workspace, scope, observer);
    written.map_err(|error| with_room(workspace, workspace.unless_interrupted(error)))
}

fn write_manifests(
    workspace: &Workspace,
    scope: &ManifestScope,
    observer: &Observer<'_>,
) -> Result<Vec<WrittenManifest>, Error> {
    let (request, repository) = request(workspace, scope)?;
    with_builder(workspace, observer, |context, builder| {
        let writing = Writing { context, repository, scope };
        writing.write(&sources(context, builder, &request)?)
    })
}

/// Asks Portage in the builder for the sources of the ebuilds.
fn sources(context: &Context<'_>, builder: &Builder, request: &ManifestRequest) -> Result<Vec<PackageSources>, Error> {
    let said = ask(context, builder, &context.workspace.spec.toolbox, &SCRIPT, &request.to_json())?;
    match ManifestAnswer::parse(&said.answer) {
        Ok(ManifestAnswer::Sources(packages)) => Ok(packages),
        Ok(ManifestAnswer::Failed(failure)) => Err(said.failed(&failure)),
        Err(error) => Err(said.unreadable(error)),
    }
}

/// Returns the request for the builder, and the folder of the repository.
fn request<'w>(
    workspace: &'w Workspace,
    scope: &ManifestScope,
) -> Result<(ManifestRequest, &'w RepositoryFolder), Error> {
    let table = |message: String| Error::new(ErrorKind::Table, message);
    let known: Vec<&Located<RepositoryName>> = workspace.spec.repositories.iter().map(|one| &one.name).collect();
    let Some(name) = known.iter().find(|name| name.value.as_ref() == scope.repository) else {
        let error = table(format!("`repositories` has no repository `{}`", scope.repository));
        let names: Vec<String> = known.iter().map(|name| format!("`{}`", name.value)).collect();
        return Err(error.with_help(match names.as_slice() {
            [] => "run `cargo xtask new builder --repository overlay`, which creates one with an example".to_owned(),
            names => format!("name one of {}", names.join(", ")),
        }));
    };
    let package = |text: &String| {
        let help = |error: &tierce_portage::SyntaxError| error.help().map(str::to_owned);
        text.parse::<PackageName>()
            .map_err(|error| table(format!("`{text}` is not a package: {}", error.reason())).with_help_if(help(&error)))
    };
    let packages = scope.packages.iter().map(package).collect::<Result<_, _>>()?;
    let folder = workspace.repositories.iter().find(|folder| folder.locked.name == scope.repository);
    let folder = folder.ok_or_else(|| Error::missing_input("repository"))?;
    Ok((ManifestRequest { repository: name.value.clone(), packages }, folder))
}

/// The Manifests of a repository to write.
struct Writing<'w> {
    context: &'w Context<'w>,
    repository: &'w RepositoryFolder,
    scope: &'w ManifestScope,
}

/// A package's Manifest and the sources that lack an entry.
struct Lacking<'s> {
    path: PathBuf,
    old: String,
    kept: BTreeSet<&'s str>,
    sources: Vec<&'s NamedSource>,
}

impl Writing<'_> {
    /// Downloads all sources without an entry, then writes the Manifests that change.
    fn write(&self, packages: &[PackageSources]) -> Result<Vec<WrittenManifest>, Error> {
        let lacking = packages.iter().map(|package| self.lacking(package)).collect::<Result<Vec<_>, _>>()?;
        let digests = self.digests(&lacking)?;
        let mut written = Vec::new();
        for Lacking { path, old, kept, sources } in lacking {
            let entries = sources.iter().map(|source| entry(source, &digests[source.name.as_ref()]));
            let text = manifest_text(&old, &kept, &entries.collect::<Result<Vec<_>, _>>()?);
            if text == old {
                continue;
            }
            match text.as_str() {
                "" => files::remove(&path)?,
                text => files::write(&path, text)?,
            }
            written
                .push(WrittenManifest { path, added: sources.iter().map(|source| source.name.to_string()).collect() });
        }
        Ok(written)
    }

    fn lacking<'s>(&self, package: &'s PackageSources) -> Result<Lacking<'s>, Error> {
        let path = self.repository.folder.join(package.package.to_string()).join("Manifest");
        let old = if path.exists() { files::read_text(&path)? } else { String::new() };
        let known = if self.scope.rewrite { BTreeSet::new() } else { manifest_sources(&old) };
        let (kept, sources): (Vec<_>, Vec<_>) =
            package.sources.iter().partition(|source| known.contains(source.name.as_ref()));
        let kept = kept.into_iter().map(|source| source.name.as_ref()).collect();
        Ok(Lacking { path, old, kept, sources })
    }

    /// Downloads sources and returns their digests by name. Nothing says yet which content is right, so a file that the cache has
    /// is of no use, unless a program may not download it.
    fn digests(&self, lacking: &[Lacking<'_>]) -> Result<BTreeMap<String, Digests>, Error> {
        let all: BTreeMap<&str, &NamedSource> =
            lacking.iter().flat_map(|one| &one.sources).map(|source| (source.name.as_ref(), *source)).collect();
        if all.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (fetched, by_hand): (Vec<_>, Vec<_>) = all.into_values().partition(|source| source.fetch);
        let distfiles = self.context.workspace.paths.distfiles();
        let mut paths: BTreeMap<String, PathBuf> = BTreeMap::new();
        for source in by_hand {
            let path = distfiles.join(source.name.as_ref() as &str);
            if !path.is_file() {
                let message = format!("`{}` must be downloaded by hand; see {}", source.name, source.uris.join(" "));
                return Err(Error::new(ErrorKind::Download, message).with_help(format!("put it at {}", path.display())));
            }
            paths.insert(source.name.to_string(), path);
        }
        if let (Some(source), true) = (fetched.first(), self.context.workspace.options.offline) {
            let message = format!("the Manifest has no entry for `{}`, and --offline forbids the network", source.name);
            return Err(Error::new(ErrorKind::Download, message).with_help("run it without --offline"));
        }
        files::create_dir(&distfiles)?;
        let (scratch, _held) = files::temporary_folder_in(&distfiles)?;
        let download = |source: &NamedSource| -> Result<Download, Error> {
            let (name, destination) = (source.name.to_string(), scratch.path().join(source.name.as_ref() as &str));
            let urls = source_urls(self.context, source.uris.iter().cloned())?;
            Ok(Download { name, urls, destination, size: None, integrity: Integrity::Unverified })
        };
        let downloads = fetched.into_iter().map(download).collect::<Result<Vec<_>, _>>()?;
        self.context.fetch(&StepId::of_workspace("manifest"), &downloads)?;
        let mut digests = BTreeMap::new();
        for Download { name, destination, .. } in &downloads {
            digests.insert(name.clone(), digests_of(destination)?);
            // The next build need not download it again.
            let path = distfiles.join(name);
            std::fs::rename(destination, &path).map_err(|error| Error::file("write", &path, error))?;
        }
        for (name, path) in paths {
            digests.insert(name, digests_of(&path)?);
        }
        Ok(digests)
    }
}

fn digests_of(path: &std::path::Path) -> Result<Digests, Error> {
    let file = files::open(path)?.0;
    tierce_fetch::digests(file).map_err(|error| Error::file("read", path, error))
}

fn entry(source: &NamedSource, digests: &Digests) -> Result<ManifestEntry, Error> {
    let digest = |text: &String| {
        text.parse().map_err(|error: tierce_portage::SyntaxError| Error::from_source(ErrorKind::Other, error))
    };
    let (blake2b, sha512) = (digest(&digests.blake2b)?, digest(&digests.sha512)?);
    Ok(ManifestEntry { name: source.name.clone(), size: digests.size, blake2b, sha512 })
}
