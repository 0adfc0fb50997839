//! The line of a table that asks for a package.

use std::collections::{BTreeSet, VecDeque};

use tierce_manifest::{ImageSpec, Place};
use tierce_portage::{Cpv, ResolvedPackage};

/// The place of the atom of the image's table that asks for this package: its own, else that of the nearest package that needs it.
pub fn atom_that_brings<'a>(image: &'a ImageSpec, locked: &[ResolvedPackage], package: &Cpv) -> Option<&'a Place> {
    let mut asked = VecDeque::from([package.clone()]);
    let mut seen = BTreeSet::from([package.clone()]);
    while let Some(package) = asked.pop_front() {
        let mut atoms = image.emerge.packages.iter().chain(&image.emerge.build_packages);
        if let Some(atom) = atoms.find(|atom| *atom.value.package() == *package.package()) {
            return Some(&atom.place);
        }
        let parents = locked.iter().filter(|parent| parent.needs.contains(&package)).map(ResolvedPackage::cpv);
        asked.extend(parents.filter(|parent| seen.insert(parent.clone())));
    }
    None
}
