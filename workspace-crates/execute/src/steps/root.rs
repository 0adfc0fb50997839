//! ROOT: merged from binary packages into a volume, taken out once as an archive with an index.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tierce_docker::{Container, ContainerSpec, Docker, Mount, Removal};
use tierce_manifest::{Hook, ImageSpec};
use tierce_plan::{Builder, Outcome, PackageBuild, ROOT, Root, Step};
use tierce_portage::{EMERGE_SH, InstalledDatabase, Owners};
use tierce_rootfs::{Index, LdCache, Limits, Loader};

use crate::executor::{Executor, builder_of};
use crate::run::Inputs;
use crate::steps::packages::{for_each_file, open};
use crate::steps::root_digests;
use crate::{Error, files, owner};

/// The ROOT that one begins with, as the builder sees it.
pub(crate) const BELOW: &str = "/tierce/below";
/// Of the text files of the package database; the longest list of a package's files.
pub(crate) const MAX_TEXT: u64 = 64 << 20;
/// What a ROOT may be at most: a bound against mistakes, not a budget.
pub(crate) const LIMITS: Limits = Limits { entries: 2_000_000, bytes: 64 << 30 };

/// What is known of a ROOT without its bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RootFacts {
    /// Its tree, with the place of each file in the archive.
    pub(crate) index: Index,
    /// What its dynamic linker says of itself.
    pub(crate) diagnostics: String,
    /// The package of each file, `category/name-version`, by real path.
    pub(crate) owners: BTreeMap<String, String>,
    /// The package that brings a library, by soname.
    pub(crate) providers: BTreeMap<String, String>,
    /// The hook that made or changed a path.
    #[serde(default)]
    pub(crate) hooks: BTreeMap<String, String>,
}

/// What the packages of a ROOT are merged on top of.
pub(crate) enum Beginning<'v> {
    Nothing,
    /// What the volume has by now.
    There,
    /// A copy of the ROOT in this volume.
    Copy(&'v str),
}

impl Executor<'_> {
    /// Merges an empty volume from the image's binary packages.
    pub(crate) fn merge_root(&self, step: &Step, image: &str, inputs: &Inputs) -> Result<Outcome, Error> {
        let session = self.session;
        let key = step.ingredients_with(step.after.iter().filter_map(|id| inputs.get(id))).key();
        session.uses().root(&session.places, image, key.as_str())?;
        // Another cache has another volume: its receipts, which say what is whole, are not seen from here.
        let cache = session.places.cache_id()?;
        let volume = format!("{}-{cache}", self.daemon_name("root", key.as_str()));
        let docker = self.docker()?;
        owner::release(&docker, &volume)?;
        // What a killed run left is not whole: a volume counts only with the receipt that is written after it.
        if let Removal::InUse(reason) = docker.remove_volume(&volume)? {
            return Err(Error::VolumeInUse { volume, reason });
        }
        let mut labels = self.owned_labels("root");
        labels.insert(owner::CACHE.into(), cache);
        labels.insert(owner::CACHE_FOLDER.into(), session.places.cache().display().to_string());
        docker.create_volume(&volume, &labels)?;

        let spec = self.image(image)?;
        let builder = builder_of(inputs)?;
        // Of the image below; before this step there is no other.
        let below = inputs.values().find_map(|outcome| match outcome {
            Outcome::Root(below) => Some(below),
            _ => None,
        });
        let copied = below.map(|below| below.volume.as_str());
        let before = self.run_root_hook(&docker, spec, Hook::RootBefore, builder, &volume, copied)?;
        let packages: Vec<PackageBuild> =
            self.builds_of(inputs, spec).into_iter().filter(|package| package.root && !package.base).collect();
        let beginning = match copied {
            None => Beginning::Nothing,
            // The hook had the copy to work on.
            Some(_) if spec.hooks.get(Hook::RootBefore).is_some() => Beginning::There,
            Some(below) => Beginning::Copy(below),
        };
        let container = docker.create(&self.root_container(spec, builder, &volume, beginning, &packages)?)?;
        self.bring_binpkgs(&docker, &container, &packages)?;
        let merged = self.run_emerge(&step.id, spec, &docker, &container, |compiled| self.built(&step.id, &compiled));
        if merged.is_err() {
            self.keep_logs(&docker, &container, spec)?;
        }
        merged?;
        let mut diagnostics = String::new();
        for_each_file(&docker, &container, "/tierce/logs/ld.so.diagnostics", |name, entry| {
            let read = io::Read::read_to_string(&mut io::Read::take(entry, MAX_TEXT), &mut diagnostics);
            read.map(drop).map_err(|error| Error::file("read from the builder", Path::new(name), error))
        })?;
        let after = self.run_root_hook(&docker, spec, Hook::RootAfter, builder, &volume, None)?;
        let mut hooks =
            below.map(|below| self.root_facts(&below.key)).transpose()?.map_or_else(BTreeMap::new, |facts| facts.hooks);
        for (paths, hook) in [(before, Hook::RootBefore), (after, Hook::RootAfter)] {
            hooks.extend(paths.into_iter().map(|path| (path, hook.to_string())));
        }
        let facts = self.take_root(&docker, &container, ROOT, key.as_str(), diagnostics, hooks)?;
        container.remove()?;
        Ok(Outcome::Root(Root {
            key: key.to_string(),
            content: root_digests::content(&facts.index),
            interface: root_digests::interface(&facts.index, &mut open(&self.root_archive(key.as_str()))?.0),
            daemon: docker.facts()?.id,
            volume,
            bytes: tierce_rootfs::report::total(&facts.index).bytes,
        }))
    }

    /// A container that merges these packages into the ROOT of a volume.
    pub(crate) fn root_container(
        &self,
        spec: &ImageSpec,
        builder: &Builder,
        volume: &str,
        beginning: Beginning<'_>,
        packages: &[PackageBuild],
    ) -> Result<ContainerSpec, Error> {
        let mut mounts = self.portage_mounts(spec, self.locked(spec.name.as_str()))?;
        mounts.push(self.script("emerge.sh", EMERGE_SH)?);
        mounts.push(Mount::Volume { name: volume.to_owned(), target: ROOT.to_owned(), read_only: false });
        let mut command: Vec<String> = ["/tierce/scripts/emerge.sh", "root", ROOT].map(String::from).to_vec();
        match beginning {
            Beginning::Nothing => {}
            Beginning::There => command.extend(["--on", ROOT].map(String::from)),
            Beginning::Copy(below) => {
                mounts.push(Mount::Volume { name: below.to_owned(), target: BELOW.to_owned(), read_only: true });
                command.extend(["--on", BELOW].map(String::from));
            }
        }
        command.extend(packages.iter().map(|package| self.exact(spec, package)));
        Ok(ContainerSpec {
            entrypoint: Some(vec!["/bin/bash".into()]),
            command,
            user: Some("0:0".into()),
            ..self.builder_container(builder, "root", mounts)
        })
    }

    /// Copies a root filesystem, whose dynamic linker says this of itself, out of the container and indexes it.
    pub(crate) fn take_root(
        &self,
        docker: &Docker,
        container: &Container,
        folder: &str,
        key: &str,
        diagnostics: String,
        mut hooks: BTreeMap<String, String>,
    ) -> Result<RootFacts, Error> {
        let archive_path = self.root_archive(key);
        let mut archive = files::temporary_beside(&archive_path)?;
        let failed = |error| Error::file("write", &archive_path, error);
        // Its content alone: of a volume's own folder Podman does not give the name.
        let mut stream = docker.copy_out(container.id(), &format!("{folder}/."))?;
        let mut out = BufWriter::with_capacity(1 << 20, archive.as_file_mut());
        io::copy(&mut stream, &mut out).map_err(failed)?;
        out.into_inner().map_err(|error| failed(error.into_error()))?;

        let index = Index::of_archive(archive.as_file_mut(), "/", LIMITS)?;
        let database = installed(&index, archive.as_file_mut())?;
        let normalise = |path: &str| real_path(&index, path);
        let owners = database.owners(normalise);
        // A directory is changed by what is put into it.
        hooks.retain(|path, _| match index.tree().get(path) {
            Some(node) => !node.is_directory() || owners.owner(path).is_none(),
            None => false,
        });
        let facts = RootFacts {
            owners: owners.iter().map(|(path, cpv)| (path.to_owned(), cpv.to_string())).collect(),
            providers: providers(&index, &database.owners(normalise)),
            hooks,
            index,
            diagnostics,
        };
        files::persist(archive, &archive_path)?;
        files::write_json(&self.root_facts_path(key), &facts)?;
        Ok(facts)
    }

    /// What is known of a ROOT that was merged, or of a copy of one, by its key.
    pub(crate) fn root_facts(&self, key: &str) -> Result<RootFacts, Error> {
        let path = self.root_facts_path(key);
        let text = std::fs::read(&path).map_err(|error| Error::file("read", &path, error))?;
        serde_json::from_slice(&text).map_err(|error| Error::file("read", &path, error.into()))
    }

    /// The archive of a ROOT.
    pub(crate) fn root_archive(&self, key: &str) -> PathBuf {
        self.session.places.shared("roots").join(format!("{key}.tar"))
    }

    fn root_facts_path(&self, key: &str) -> PathBuf {
        self.session.places.shared("roots").join(format!("{key}.json"))
    }

    /// Whether a ROOT is in this daemon and in the cache.
    pub(crate) fn root_is_present(&self, image: &str, root: &Root) -> Result<bool, Error> {
        if !self.root_archive_is_present(image, &root.key)? {
            return Ok(false);
        }
        let docker = self.docker()?;
        Ok(docker.facts()?.id == root.daemon && docker.volume(&root.volume)?.is_some())
    }

    /// Whether the archive of a ROOT, or of a copy of one, is in the cache with what is known of it.
    pub(crate) fn root_archive_is_present(&self, image: &str, key: &str) -> Result<bool, Error> {
        // Before it is looked at, so that it stays.
        self.session.uses().root(&self.session.places, image, key)?;
        Ok(self.root_archive(key).is_file() && self.root_facts_path(key).is_file())
    }

    /// The package that brings a library, in any ROOT of the cache; of several the first by name.
    pub(crate) fn provider_of(&self, soname: &str) -> Option<String> {
        let folder = std::fs::read_dir(self.session.places.shared("roots")).ok()?;
        let facts =
            folder.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
        facts.filter_map(|path| files::read_json::<RootFacts>(&path)?.providers.remove(soname)).min()
    }
}

impl RootFacts {
    /// How the dynamic linker of this ROOT searches.
    pub(crate) fn loader(&self, archive: &Path) -> Result<Loader, Error> {
        let (mut file, _) = open(archive)?;
        let cache = match self.index.read(&mut file, "/etc/ld.so.cache", MAX_TEXT) {
            Ok(bytes) => LdCache::parse(&bytes)?,
            Err(_) => LdCache::default(),
        };
        Ok(Loader::of_diagnostics(&self.diagnostics, cache)?)
    }
}

/// The package database of a ROOT.
fn installed(index: &Index, archive: &mut File) -> Result<InstalledDatabase, Error> {
    let mut texts = Vec::new();
    for (path, _) in index.files() {
        let relative = path.trim_start_matches('/');
        if InstalledDatabase::wants(relative) {
            texts.push((relative.to_owned(), index.read(archive, path, MAX_TEXT)?));
        }
    }
    Ok(InstalledDatabase::from_files(texts.iter().map(|(path, text)| (path.as_str(), text.as_slice())))?)
}

/// The path of an entry with the links above it resolved: the database names files as ebuilds installed them.
pub(crate) fn real_path(index: &Index, path: &str) -> String {
    let Some((folder, name)) = path.rsplit_once('/') else { return path.to_owned() };
    match index.tree().resolve(if folder.is_empty() { "/" } else { folder }) {
        Ok(resolved) => format!("{}/{name}", resolved.path.trim_end_matches('/')),
        Err(_) => path.to_owned(),
    }
}

fn providers(index: &Index, owners: &Owners) -> BTreeMap<String, String> {
    let soname = |(path, content): (&str, &tierce_rootfs::FileContent)| {
        Some((content.elf()?.soname.clone()?, owners.owner(path)?.package().to_string()))
    };
    index.files().filter_map(soname).collect()
}
