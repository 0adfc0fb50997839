//! Binary packages: copies them between the cache, where a key names each, and Portage's folder in a builder.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use tierce_plan::{PackageBuild, Step, StepId};
use tierce_portage::Cpv;
use tierce_store::{Error, files};

use crate::container::builder_engine::OpenBuilder;
use crate::container::container_files::{copy, for_each_file};
use crate::container::context::Context;
use crate::container::emerge_progress::Compiled;
use crate::container::tar_of_files::TarOfFiles;

/// Portage's folder of binary packages in the builder.
const PKGDIR: &str = "/var/cache/binpkgs";
/// The largest binary package, in bytes.
const MAX_BINPKG: u64 = 8 << 30;

impl Context<'_> {
    /// Returns the path of a binary package in the cache.
    pub fn binpkg_path(&self, key: &str) -> PathBuf {
        self.workspace.paths.shared("binpkgs").join(format!("{key}.gpkg.tar"))
    }

    /// Whether a step compiles a package: the cache lacks it, or the step rebuilds it by request.
    pub fn is_missing(&self, step: &Step, package: &PackageBuild) -> bool {
        (step.again && !package.base) || !self.binpkg_path(&package.key).is_file()
    }

    /// Copies the cached packages into Portage's folder in the container.
    pub fn bring_binpkgs(&self, container: &dyn OpenBuilder, packages: &[PackageBuild]) -> Result<(), Error> {
        let mut tar = TarOfFiles::default();
        for package in packages {
            let path = self.binpkg_path(&package.key);
            if path.is_file() {
                let sha256 = binpkg_digest(&path)?;
                tar.add(binpkg_name(&package.package)?, path, Some(sha256));
            }
        }
        // The stream creates the folder too, since the builder's root may lack it.
        container.copy_in("/", &mut tar.below(PKGDIR)?)?;
        Ok(())
    }

    /// Copies each wanted package into the cache as soon as it is compiled, and reports it. Returns those that are not copied.
    pub fn store_each(
        &self,
        id: &StepId,
        container: &dyn OpenBuilder,
        mut wanted: Vec<PackageBuild>,
        compiled: mpsc::Receiver<Compiled>,
    ) -> Vec<PackageBuild> {
        for compiled in compiled {
            let folder = format!("{PKGDIR}/{}", compiled.cpv.package());
            let is_it = |package: &PackageBuild| package.package == compiled.cpv.to_string();
            let it: Vec<_> = wanted.iter().filter(|package| is_it(package)).cloned().collect();
            // Ignore errors here: the step copies the rest after emerge ends, and fails if it cannot.
            if self.store_binpkgs(container, &it, Some(&folder)).is_ok() {
                wanted.retain(|package| !is_it(package) || !self.binpkg_path(&package.key).is_file());
            }
            self.built(id, &compiled);
        }
        wanted
    }

    /// Copies the wanted packages from `folder`, by default Portage's, into the cache. It skips files of other packages.
    pub fn store_binpkgs(
        &self,
        container: &dyn OpenBuilder,
        wanted: &[PackageBuild],
        folder: Option<&str>,
    ) -> Result<(), Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let wanted: BTreeMap<&str, &PackageBuild> =
            wanted.iter().map(|package| (package.package.as_str(), package)).collect();
        let folder = folder.unwrap_or(PKGDIR);
        // Names in the stream start with the folder's own name.
        let above = folder.rsplit_once('/').map_or("", |(above, _)| above);
        for_each_file(container, folder, |name, entry| {
            let package = binpkg_of(&format!("{above}/{name}"));
            let Some(package) = package.and_then(|package| wanted.get(package.as_str())) else { return Ok(()) };
            write_binpkg(&self.binpkg_path(&package.key), &mut entry.take(MAX_BINPKG))
        })
    }
}

/// Writes a binary package, after the file with its digest.
fn write_binpkg(path: &Path, content: &mut dyn Read) -> Result<(), Error> {
    let mut file = files::temporary_beside(path)?;
    copy(content, file.as_file_mut(), PKGDIR)?;
    files::write(&digest_path(path), files::sha256_of(file.path())?.0)?;
    files::persist(file, path)
}

/// Returns the digest that a binary package had when Tierce wrote it, or first read it.
fn binpkg_digest(path: &Path) -> Result<String, Error> {
    let kept = digest_path(path);
    if let Ok(sha256) = tierce_bounded::text(&kept, &tierce_bounded::STATE) {
        return Ok(sha256);
    }
    let (sha256, _) = files::sha256_of(path)?;
    files::write(&kept, &sha256)?;
    Ok(sha256)
}

fn digest_path(binpkg: &Path) -> PathBuf {
    PathBuf::from(format!("{}.sha256", binpkg.display().to_string().trim_end_matches(".gpkg.tar")))
}

/// Returns Portage's file name for a package: `category/name/name-version-1.gpkg.tar`.
fn binpkg_name(package: &str) -> Result<String, Error> {
    let cpv: Cpv = package.parse().map_err(tierce_portage::Error::from)?;
    Ok(format!("{}/{}-1.gpkg.tar", cpv.package(), cpv.full_name()))
}

/// Returns the package of a file in Portage's folder; the inverse of [`binpkg_name`].
fn binpkg_of(name: &str) -> Option<String> {
    let mut parts = name.trim_end_matches(".gpkg.tar").rsplit('/');
    if !name.ends_with(".gpkg.tar") {
        return None;
    }
    let (full, _, category) = (parts.next()?, parts.next()?, parts.next()?);
    let (full, build) = full.rsplit_once('-')?;
    build.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{category}/{full}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_store::damage::Damage;

    #[test]
    fn damaged_package_breaks_the_stream() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("key.gpkg.tar");
        let stream = || {
            let mut tar = TarOfFiles::default();
            tar.add("a/b/b-1-1.gpkg.tar".into(), path.clone(), Some(binpkg_digest(&path).expect("readable")));
            std::io::copy(&mut tar.below(PKGDIR).expect("readable"), &mut std::io::sink())
        };
        write_binpkg(&path, &mut &b"a package"[..]).expect("writable");
        stream().expect("whole");
        std::fs::write(&path, "b package").expect("writable");
        let error = stream().expect_err("damaged");
        assert_eq!(Damage::of(&error), Some(&Damage { path: path.clone() }));
        write_binpkg(&path, &mut &b"b package"[..]).expect("writable");
        stream().expect("another package under the same key");
        // An earlier version of Tierce wrote no digests.
        std::fs::remove_file(scratch.path().join("key.sha256")).expect("there");
        stream().expect("whole");
        std::fs::write(&path, "c package").expect("writable");
        assert!(stream().is_err());
    }

    #[test]
    fn binary_package_names_round_trip() {
        for package in ["media-libs/libpng-1.6.39", "sys-apps/baselayout-2", "dev-db/sqlite-3.40.1-r2"] {
            let name = binpkg_name(package).expect("a package");
            assert_eq!(binpkg_of(&format!("binpkgs/{name}")).as_deref(), Some(package));
        }
        for name in ["binpkgs/Packages", "x.gpkg.tar", "a/b/c.gpkg.tar", "binpkgs/a/b/b-1.gpkg.tar.part"] {
            assert_eq!(binpkg_of(name), None, "{name}");
        }
    }
}
