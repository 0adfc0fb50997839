//! The mounts of every container that runs Portage: /etc/portage, repositories, and Tierce's own scripts.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tierce_bounded::ARTIFACT;
use tierce_manifest::ImageSpec;
use tierce_plan::{PlanError, fixed, portage_config};
use tierce_portage::{ConfigContent, ConfigFile, Machine, PortageConfig, ResolvedPackage};
use tierce_store::files::create_dir;
use tierce_store::{Error, files, locks};

use crate::container::context::Context;
use crate::container::opening::{Mount, read_only};
use crate::container::selected_ebuilds;
use crate::workspace::repositories::RepositoryFolder;

impl Context<'_> {
    /// Returns Portage's configuration for an image on this machine.
    fn portage_config(&self, image: &ImageSpec) -> Result<PortageConfig, Error> {
        let nothing = Vec::new();
        let patches = self.facts.images.get(image.name.as_str()).map_or(&nothing, |facts| &facts.patches);
        let jobs = u32::try_from(self.workspace.options.jobs).ok().and_then(NonZeroU32::new);
        // Builders have no network. The host downloads sources and knows the mirrors.
        let machine = Machine { jobs: jobs.unwrap_or(NonZeroU32::MIN) };
        let main = &self.facts.main;
        let config = portage_config(&self.workspace.spec, image, main, &self.facts.default_profile, patches, machine);
        let mut config = config.map_err(PlanError::from)?;
        // In Portage, the most specific atom wins.
        config.package_use.extend(self.locked_base(image).into_iter().flat_map(fixed));
        Ok(config)
    }

    /// Returns the mounts of /etc/portage and the repositories. Of the workspace's repositories, the container sees what these packages
    /// are made of, which their keys have, and the profiles. Before the resolution there are no packages, and it sees all.
    pub fn portage_mounts(&self, image: &ImageSpec, packages: &[ResolvedPackage]) -> Result<Vec<Mount>, Error> {
        let folder = self.write_portage_config(image, packages)?;
        let mut mounts = vec![read_only(folder, "/etc/portage")];
        // A builder base with its own repository replaces the embedded one.
        let counts = |folder: &&RepositoryFolder| self.facts.repositories.contains(&folder.locked);
        for repository in self.workspace.repositories.iter().filter(counts) {
            let target = format!("/tierce/repositories/{}", repository.locked.name);
            let folder = match packages {
                [_, ..] if repository.locked.name != tierce_ebuilds::NAME => {
                    self.selected(image, repository, packages)?
                }
                _ => repository.folder.clone(),
            };
            mounts.push(read_only(folder, target));
        }
        Ok(mounts)
    }

    /// Writes /etc/portage into a folder that its digest names. Parallel steps share it: no step changes a folder that a
    /// container of another step has mounted.
    fn write_portage_config(&self, image: &ImageSpec, packages: &[ResolvedPackage]) -> Result<PathBuf, Error> {
        self.write_folder(image, &self.portage_config(image)?.files(packages))
    }

    /// Writes the part of a repository that these packages are made of.
    fn selected(
        &self,
        image: &ImageSpec,
        repository: &RepositoryFolder,
        packages: &[ResolvedPackage],
    ) -> Result<PathBuf, Error> {
        self.write_folder(image, &selected_ebuilds::files(repository, packages)?)
    }

    /// Writes files of an image into a folder that their digest names.
    fn write_folder(&self, image: &ImageSpec, all: &[ConfigFile]) -> Result<PathBuf, Error> {
        let digest = tierce_plan::digest(format!("{all:?}"));
        let parent = self.workspace.paths.of_image("portage", image.name.as_str());
        let folder = parent.join(&digest[..16]);
        // A parallel step must not discard the folder that this one has just mounted.
        let _alone = locks::take(&parent.join("write.lock"), "", &AtomicBool::new(false), &|_| {})?;
        if has_exactly(&folder, all) {
            return Ok(folder);
        }
        files::discard_folder(&folder)?;
        let (scratch, _held) = files::temporary_folder_in(&parent)?;
        for file in all {
            let path = scratch.path().join(&file.path);
            match &file.content {
                ConfigContent::File(bytes) => files::write(&path, bytes)?,
                ConfigContent::Symlink(target) => {
                    create_dir(path.parent().unwrap_or(scratch.path()))?;
                    let link = std::os::unix::fs::symlink(target.as_str(), &path);
                    link.map_err(|error| Error::file("write the link", &path, error))?;
                }
            }
        }
        files::persist_folder(scratch, &folder)?;
        Ok(folder)
    }

    /// Returns the mount of one of Tierce's scripts, at `/tierce/scripts`.
    pub fn script(&self, name: &str, text: &str) -> Result<Mount, Error> {
        let digest = tierce_plan::digest(text);
        let path = self.workspace.paths.shared("scripts").join(&digest[..16]).join(name);
        files::write_changed(&path, text.as_bytes())?;
        Ok(read_only(path, format!("/tierce/scripts/{name}")))
    }
}

/// Whether a folder has these files and no others.
fn has_exactly(folder: &Path, files: &[ConfigFile]) -> bool {
    let is_there = |file: &ConfigFile| {
        let path = folder.join(&file.path);
        match &file.content {
            ConfigContent::File(bytes) => {
                !path.is_symlink() && tierce_bounded::bytes(&path, &ARTIFACT).is_ok_and(|there| there == *bytes)
            }
            ConfigContent::Symlink(target) => {
                std::fs::read_link(&path).is_ok_and(|there| there == Path::new(target.as_str()))
            }
        }
    };
    files.iter().all(is_there) && count_files(folder) == Some(files.len())
}

/// Counts everything below a folder but folders. None if it cannot be read.
fn count_files(folder: &Path) -> Option<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        count += if entry.file_type().ok()?.is_dir() { count_files(&entry.path())? } else { 1 };
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_configuration_is_noticed() {
        let scratch = tempfile::tempdir().expect("a folder");
        let file = |path: &str, content| ConfigFile { path: path.to_owned(), content };
        let all = [
            file("make.conf", ConfigContent::File(b"CFLAGS=-O2".to_vec())),
            file("make.profile", ConfigContent::Symlink("/x".parse().expect("a target"))),
            file("patches/a/b/c.patch", ConfigContent::File(Vec::new())),
        ];
        let at = |path: &str| scratch.path().join(path);
        assert!(!has_exactly(scratch.path(), &all));
        std::fs::create_dir_all(at("patches/a/b")).expect("writable");
        std::fs::write(at("make.conf"), "CFLAGS=-O2").expect("writable");
        std::fs::write(at("patches/a/b/c.patch"), "").expect("writable");
        std::os::unix::fs::symlink("/x", at("make.profile")).expect("writable");
        assert!(has_exactly(scratch.path(), &all));
        std::fs::write(at("bashrc"), "").expect("writable");
        assert!(!has_exactly(scratch.path(), &all), "one file more");
        std::fs::remove_file(at("bashrc")).expect("there");
        std::fs::write(at("make.conf"), "CFLAGS=-O3").expect("writable");
        assert!(!has_exactly(scratch.path(), &all), "another content");
    }
}
