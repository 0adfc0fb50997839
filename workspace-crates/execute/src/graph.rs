//! What images are made of, as what needs what: from the tables and the lock, without asking anybody else.

use tierce_manifest::ImageSpec;
use tierce_portage::ResolvedPackage;

use crate::Error;
use crate::session::Session;

/// An image and its packages.
#[derive(Clone, Debug)]
pub struct ImageGraph {
    /// Its name.
    pub image: String,
    /// The images that it and its builder begin with.
    pub bases: Vec<String>,
    /// The image from anywhere that it begins with.
    pub foreign_base: Option<String>,
    /// The atoms that its table asks for and that the lock has no package for: all of them where it was not resolved yet.
    pub unresolved: Vec<String>,
    /// Its packages in merge order, from the lock.
    pub packages: Vec<PackageVertex>,
}

/// A package of an image.
#[derive(Clone, Debug)]
pub struct PackageVertex {
    /// `category/name-version`.
    pub package: String,
    /// The flags that are on.
    pub flags: Vec<String>,
    /// Whether the image's table asks for it, or neither another package does nor an image that it begins with has it.
    pub asked: bool,
    /// Whether it is in ROOT; what is not only builds others.
    pub root: bool,
    /// The packages that it needs, to be built or to run.
    pub needs: Vec<String>,
}

impl Session {
    /// What these images, and those that they begin with, are made of.
    ///
    /// # Errors
    /// If the lock cannot be read.
    pub fn graph(&self, images: &[&ImageSpec]) -> Result<Vec<ImageGraph>, Error> {
        let lock = self.read_lock()?.unwrap_or_default();
        let locked = |name: &str| lock.image(name).map_or(&[][..], |image| &image.packages);
        let graph = |image: &ImageSpec| {
            let below = image.base.image().map_or(&[][..], |base| locked(base.as_str()));
            of_image(image, locked(image.name.as_str()), below)
        };
        Ok(self.spec.with_bases(images).into_iter().map(graph).collect())
    }
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
        root: package.root,
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
