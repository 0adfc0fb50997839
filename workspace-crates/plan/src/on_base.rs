//! Checks that an image does not require its base's packages with other versions, flags, variables or patches.

use tierce_manifest::{EmergeSpec, ImageSpec, Located, Place, WorkspaceSpec};
use tierce_portage::{Atom, ResolvedPackage, UseSetting};

use crate::error::PlanError;
use crate::lock::LockedImage;

/// The packages of a base, each with the exact version and flags that an image on top of it gets.
pub fn fixed(base: &LockedImage) -> Vec<(Atom, Vec<UseSetting>)> {
    let one = |package: &ResolvedPackage| {
        let setting = |flag| format!("{}{flag}", if package.uses.contains(flag) { "" } else { "-" }).parse().ok();
        // The parts of a package were checked on creation.
        Some((exactly(package)?, package.iuse.iter().filter_map(setting).collect()))
    };
    base.in_root().filter_map(one).collect()
}

fn exactly(package: &ResolvedPackage) -> Option<Atom> {
    format!("={}::{}", package.cpv(), package.repository).parse().ok()
}

/// Refuses the settings of the image's own table that differ from the base's packages.
pub(crate) fn check(spec: &WorkspaceSpec, image: &ImageSpec, base: &LockedImage) -> Result<(), PlanError> {
    let base_table = spec.image(&base.name).map(|image| &image.emerge);
    let refused = |place: &Place, package: &ResolvedPackage, wants: String| PlanError::BaseHasOther {
        place: place.clone(),
        base: base.name.clone(),
        package: package.cpv().to_string(),
        wants,
    };
    for atom in &image.emerge.packages {
        let has_slot = |package: &&ResolvedPackage| {
            package.package() == *atom.value.package()
                && atom.value.slot().is_none_or(|slot| slot.matches(&package.slot, &package.subslot))
        };
        let in_slot: Vec<_> = base.in_root().filter(has_slot).collect();
        if let Some(other) = in_slot.first().filter(|_| !in_slot.iter().any(|package| package.matches(&atom.value))) {
            return Err(refused(&atom.place, other, format!("`{}`", atom.value)));
        }
    }
    // Settings that are written for the base too are the base's own.
    let places_of_base: Vec<&Place> = base_table.into_iter().flat_map(places).collect();
    let find = |atom: &Located<Atom>| base.in_root().find(|package| package.matches(&atom.value));
    for entry in &image.emerge.package_use {
        let Some(package) = find(&entry.atom) else { continue };
        let differs = |flag: &UseSetting| {
            package.iuse.contains(flag.flag()) && package.uses.contains(flag.flag()) != flag.is_enabled()
        };
        let own = |setting: &&Located<UseSetting>| differs(&setting.value) && !places_of_base.contains(&&setting.place);
        if let Some(setting) = entry.value.iter().find(own) {
            return Err(refused(&setting.place, package, format!("the USE flag `{}`", setting.value)));
        }
    }
    let env = image.emerge.package_env.iter().map(|entry| (&entry.atom, "variables of its own"));
    for (atom, wants) in env.chain(image.emerge.patches.iter().map(|entry| (&entry.atom, "patches"))) {
        if let Some(package) = find(atom).filter(|_| !places_of_base.contains(&&atom.place)) {
            return Err(refused(&atom.place, package, wants.to_owned()));
        }
    }
    Ok(())
}

/// The places of a table's settings for single packages.
fn places(emerge: &EmergeSpec) -> impl Iterator<Item = &Place> {
    let flags = emerge.package_use.iter().flat_map(|entry| &entry.value).map(|setting| &setting.place);
    let env = emerge.package_env.iter().map(|entry| &entry.atom.place);
    flags.chain(env).chain(emerge.patches.iter().map(|entry| &entry.atom.place))
}
