//! Binary packages between the cache, where they lie under their keys, and a builder, where Portage looks for them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::mpsc;

use tierce_docker::{Container, Docker};
use tierce_plan::{PackageBuild, Step, StepId};
use tierce_portage::Cpv;

use crate::executor::Executor;
use crate::steps::follower::Compiled;
use crate::steps::packages::{copy, for_each_file};
use crate::steps::tree::TarOfFiles;
use crate::{Error, files};

/// Portage's folder of binary packages, as the builder sees it.
const PKGDIR: &str = "/var/cache/binpkgs";
/// Of one binary package.
const MAX_BINPKG: u64 = 8 << 30;

impl Executor<'_> {
    /// Where a binary package lies in the cache.
    pub(crate) fn binpkg_path(&self, key: &str) -> PathBuf {
        self.session.places.shared("binpkgs").join(format!("{key}.gpkg.tar"))
    }

    /// Whether a step has to compile a package: the cache lacks it, or does not count.
    pub(crate) fn is_missing(&self, step: &Step, package: &PackageBuild) -> bool {
        (step.again && !package.base) || !self.binpkg_path(&package.key).is_file()
    }

    /// Copies the binary packages that the cache has to where Portage looks for them.
    pub(crate) fn bring_binpkgs(
        &self,
        docker: &Docker,
        container: &Container,
        packages: &[PackageBuild],
    ) -> Result<(), Error> {
        let mut tar = TarOfFiles::default();
        for package in packages {
            let path = self.binpkg_path(&package.key);
            if path.is_file() {
                tar.add(binpkg_name(&package.package)?, path);
            }
        }
        // The folder itself too: the builder's root may lack it.
        docker.copy_in(container.id(), "/", tar.below(PKGDIR)?)?;
        Ok(())
    }

    /// Copies each wanted binary package into the cache as soon as it is compiled, and says so. Gives those that are left.
    pub(crate) fn take_each(
        &self,
        id: &StepId,
        docker: &Docker,
        container: &Container,
        mut wanted: Vec<PackageBuild>,
        compiled: mpsc::Receiver<Compiled>,
    ) -> Vec<PackageBuild> {
        for compiled in compiled {
            let folder = format!("{PKGDIR}/{}", compiled.cpv.package());
            let is_it = |package: &PackageBuild| package.package == compiled.cpv.to_string();
            let it: Vec<_> = wanted.iter().filter(|package| is_it(package)).cloned().collect();
            // What cannot be taken now is tried again when emerge has ended, and is an error then.
            if self.take_binpkgs(docker, container, &it, Some(&folder)).is_ok() {
                wanted.retain(|package| !is_it(package) || !self.binpkg_path(&package.key).is_file());
            }
            self.built(id, &compiled);
        }
        wanted
    }

    /// Copies these new binary packages into the cache, under their keys, from where Portage keeps all, or those of one package.
    pub(crate) fn take_binpkgs(
        &self,
        docker: &Docker,
        container: &Container,
        wanted: &[PackageBuild],
        folder: Option<&str>,
    ) -> Result<(), Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let wanted: BTreeMap<&str, &PackageBuild> =
            wanted.iter().map(|package| (package.package.as_str(), package)).collect();
        let folder = folder.unwrap_or(PKGDIR);
        // Names in the stream begin with the folder's own.
        let above = folder.rsplit_once('/').map_or("", |(above, _)| above);
        for_each_file(docker, container, folder, |name, entry| {
            let package = binpkg_of(&format!("{above}/{name}"));
            let Some(package) = package.and_then(|package| wanted.get(package.as_str())) else { return Ok(()) };
            files::write_with(&self.binpkg_path(&package.key), |file| copy(&mut entry.take(MAX_BINPKG), file, PKGDIR))
        })
    }
}

/// Where Portage keeps the binary package of a version: `category/name/name-version-1.gpkg.tar`.
fn binpkg_name(package: &str) -> Result<String, Error> {
    let cpv: Cpv = package.parse().map_err(tierce_portage::Error::from)?;
    Ok(format!("{}/{}-1.gpkg.tar", cpv.package(), cpv.full_name()))
}

/// Which package a file of Portage's folder is of: the other way around.
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

    #[test]
    fn names_of_binary_packages_and_back() {
        for package in ["media-libs/libpng-1.6.39", "sys-apps/baselayout-2", "dev-db/sqlite-3.40.1-r2"] {
            let name = binpkg_name(package).expect("a package");
            assert_eq!(binpkg_of(&format!("binpkgs/{name}")).as_deref(), Some(package));
        }
        for name in ["binpkgs/Packages", "x.gpkg.tar", "a/b/c.gpkg.tar", "binpkgs/a/b/b-1.gpkg.tar.part"] {
            assert_eq!(binpkg_of(name), None, "{name}");
        }
    }
}
