//! `graph`: images and the packages that they need, from the tables and Tierce.lock alone.

use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_portage::ResolvedPackage;
use tierce_store::{Error, lock_file};

/// An image and its packages.
#[derive(Clone, Debug)]
pub struct ImageGraph {
    /// Its name.
    pub image: String,
    /// The images of the workspace that it or its builder is based on.
    pub bases: Vec<String>,
    /// The external base image.
    pub foreign_base: Option<String>,
    /// The atoms of its table that have no package in Tierce.lock: all of them before the first resolution.
    pub unresolved: Vec<String>,
    /// Its packages in merge order, from Tierce.lock.
    pub packages: Vec<PackageVertex>,
}

/// A package of an image.
#[derive(Clone, Debug)]
pub struct PackageVertex {
    /// `category/name-version`.
    pub package: String,
    /// The enabled USE flags.
    pub flags: Vec<String>,
    /// Whether the image's table asks for it. Also set if no other package needs it and the base does not have it.
    pub asked: bool,
    /// The packages that it needs to build or to run.
    pub needs: Vec<String>,
}

/// Returns the packages of these images and of their bases, from Tierce.lock.
///
/// # Errors
/// Fails if Tierce.lock cannot be read.
pub(crate) fn graph(workspace: &Workspace, images: &[&ImageSpec]) -> Result<Vec<ImageGraph>, Error> {
    let lock = lock_file::read(&workspace.lock_path())?.unwrap_or_default();
    let locked = |name: &str| lock.image(name).map_or(&[][..], |image| &image.packages);
    let graph = |image: &ImageSpec| {
        let below = image.base.image().map_or(&[][..], |base| locked(base.as_str()));
        of_image(image, locked(image.name.as_str()), below)
    };
    Ok(workspace.spec.with_bases(images).into_iter().map(graph).collect())
}

fn of_image(image: &ImageSpec, locked: &[ResolvedPackage], below: &[ResolvedPackage]) -> ImageGraph {
    let atoms = || image.emerge.packages.iter().chain(&image.emerge.build_packages).map(|atom| &atom.value);
    let is_asked = |package: &ResolvedPackage| atoms().any(|atom| *atom.package() == *package.cpv().package());
    let is_needed = |package: &ResolvedPackage| {
        locked.iter().any(|other| other.needs.contains(&package.cpv()))
            || below.iter().any(|other| other.cpv() == package.cpv())
    };
    let vertex = |package: &ResolvedPackage| PackageVertex {
        package: package.cpv().to_string(),
        flags: package.uses.iter().map(ToString::to_string).collect(),
        asked: is_asked(package) || !is_needed(package),
        needs: package.needs.iter().map(ToString::to_string).collect(),
    };
    let is_there = |name: &tierce_portage::PackageName| locked.iter().any(|package| package.cpv().package() == name);
    ImageGraph {
        image: image.name.to_string(),
        bases: image.bases().map(ToString::to_string).collect(),
        foreign_base: image.base.foreign().map(|reference| reference.value.to_string()),
        unresolved: atoms().filter(|atom| !is_there(atom.package())).map(ToString::to_string).collect(),
        packages: locked.iter().map(vertex).collect(),
    }
}
