//! ROOTs: the container that merges one, its cached archive, and facts that Tierce reads without the archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tierce_manifest::ImageSpec;
use tierce_plan::{Builder, PackageBuild, ROOT, Root};
use tierce_portage::{EMERGE_SH, InstalledDatabase, MERGE_ROOT_PY, Owners};
use tierce_rootfs::{Index, LdCache, Loader};
use tierce_store::damage::Damage;
use tierce_store::{Error, files, sealed};

use crate::container::builder_engine::OpenBuilder;
use crate::container::checked_archive::RootArchive;
use crate::container::context::Context;
use crate::container::opening::{Opening, mounted_volume};
use crate::container::root_archive;

/// The mount point of the ROOT below, in the builder.
pub const BELOW: &str = "/tierce/below";
/// The largest text file of the package database, in bytes; the longest is a package's list of files.
pub const MAX_TEXT: u64 = 64 << 20;

/// Facts about a ROOT, cached beside its archive.
#[derive(Debug, Serialize, Deserialize)]
pub struct RootFacts {
    /// Its tree, with the position of each file in the archive.
    pub index: Index,
    /// The output of its dynamic linker's `--list-diagnostics`.
    pub diagnostics: String,
    /// The package of each file, as `category/name-version`, by real path.
    pub owners: BTreeMap<String, String>,
    /// The package of each library, by soname.
    pub providers: BTreeMap<String, String>,
    /// The hook that made or changed each path.
    #[serde(default)]
    pub hooks: BTreeMap<String, String>,
}

/// The start of a ROOT, before emerge merges its packages.
pub enum Beginning<'v> {
    /// An empty folder.
    Nothing,
    /// The current content of the volume.
    There,
    /// A copy of the ROOT in this volume.
    Copy(&'v str),
}

impl Context<'_> {
    /// Returns a container that merges these packages into the ROOT of a volume.
    pub fn root_container(
        &self,
        spec: &ImageSpec,
        builder: &Builder,
        volume: &str,
        beginning: Beginning<'_>,
        packages: &[PackageBuild],
    ) -> Result<Opening, Error> {
        let mut mounts = self.portage_mounts(spec, self.locked(spec.name.as_str()))?;
        mounts.push(self.script("emerge.sh", EMERGE_SH)?);
        mounts.push(self.script("merge_root.py", MERGE_ROOT_PY)?);
        mounts.push(mounted_volume(volume, ROOT, false));
        let mut command: Vec<String> = ["/tierce/scripts/emerge.sh", "root", ROOT].map(String::from).to_vec();
        match beginning {
            Beginning::Nothing => {}
            Beginning::There => command.extend(["--on", ROOT].map(String::from)),
            Beginning::Copy(below) => {
                mounts.push(mounted_volume(below, BELOW, true));
                command.extend(["--on", BELOW].map(String::from));
            }
        }
        command.extend(packages.iter().map(|package| self.exact(spec, package)));
        Ok(Opening { program: vec!["/bin/bash".into()], arguments: command, ..self.opening(builder, "root", mounts) })
    }

    /// Copies a root filesystem out of the container and indexes it; `diagnostics` is the output of its dynamic linker.
    pub fn take_root(
        &self,
        container: &dyn OpenBuilder,
        folder: &str,
        key: &str,
        diagnostics: String,
        mut hooks: BTreeMap<String, String>,
    ) -> Result<RootFacts, Error> {
        let archive_path = self.root_archive(key);
        let mut sent = files::temporary_beside(&archive_path)?;
        let failed = |error| Error::file("write", &archive_path, error);
        // `/.` selects the content only: Podman omits the name of a volume's own folder.
        let stream = container.copy_out(&format!("{folder}/."))?;
        let mut stream = stream.ok_or_else(|| Error::missing_input("merged ROOT"))?;
        let mut out = BufWriter::with_capacity(1 << 20, sent.as_file_mut());
        io::copy(&mut stream, &mut out).map_err(failed)?;
        out.into_inner().map_err(|error| failed(error.into_error()))?;

        let mut archive = files::temporary_beside(&archive_path)?;
        let index = root_archive::normalise(sent.as_file_mut(), archive.as_file_mut(), self.engine()?.root_ids()?)?;
        drop(sent);
        let database = installed(&index, archive.as_file_mut())?;
        let normalise = |path: &str| index.tree().real_path(path);
        let owners = database.owners(normalise);
        // A new entry changes its directory, so a hook does not own directories of packages.
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
        sealed::write(&self.root_facts_path(key), &facts)?;
        Ok(facts)
    }

    /// Returns the facts about a ROOT, or about an unmerged copy, by its key.
    pub fn root_facts(&self, key: &str) -> Result<RootFacts, Error> {
        let path = self.root_facts_path(key);
        sealed::read(&path).ok_or_else(|| Damage::error(&path))
    }

    /// Returns the path of a ROOT's archive.
    pub fn root_archive(&self, key: &str) -> PathBuf {
        self.workspace.paths.shared("roots").join(format!("{key}.tar"))
    }

    fn root_facts_path(&self, key: &str) -> PathBuf {
        self.workspace.paths.shared("roots").join(format!("{key}.json"))
    }

    /// Whether this daemon and the cache both have a ROOT. Another volume of the same name is not this ROOT.
    pub fn root_is_present(&self, image: &str, root: &Root) -> Result<bool, Error> {
        if !self.root_archive_is_present(image, &root.key)? {
            return Ok(false);
        }
        let engine = self.engine()?;
        Ok(engine.id()? == root.daemon && engine.volume_created("root", &root.volume)?.as_ref() == Some(&root.created))
    }

    /// Whether the cache has the archive and the facts of a ROOT, or of an unmerged copy.
    pub fn root_archive_is_present(&self, image: &str, key: &str) -> Result<bool, Error> {
        // Record the use first, so that `clean` keeps the archive.
        self.workspace.root_uses().root(&self.workspace.paths, image, key)?;
        Ok(self.root_archive(key).is_file() && self.root_facts_path(key).is_file())
    }

    /// Returns the package of a library in any cached ROOT; of several, the first by name.
    pub fn provider_of(&self, soname: &str) -> Option<String> {
        let folder = std::fs::read_dir(self.workspace.paths.shared("roots")).ok()?;
        let facts =
            folder.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
        facts.filter_map(|path| sealed::read::<RootFacts>(&path)?.providers.remove(soname)).min()
    }
}

impl RootFacts {
    /// Returns the search rules of this ROOT's dynamic linker.
    pub fn loader(&self, archive: &Path) -> Result<Loader, Error> {
        const CACHE: &str = "/etc/ld.so.cache";
        let cache = match self.index.tree().resolve(CACHE) {
            Ok(_) => LdCache::parse(&RootArchive::open(archive)?.text(&self.index, CACHE, MAX_TEXT)?)?,
            Err(_) => LdCache::default(),
        };
        Ok(Loader::of_diagnostics(&self.diagnostics, cache)?)
    }
}

/// Reads the package database of a ROOT.
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

fn providers(index: &Index, owners: &Owners) -> BTreeMap<String, String> {
    let soname = |(path, content): (&str, &tierce_rootfs::FileContent)| {
        Some((content.elf()?.soname.clone()?, owners.owner(path)?.package().to_string()))
    };
    index.files().filter_map(soname).collect()
}
