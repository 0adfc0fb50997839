//! What an image may ask for that begins with another one: anything but the base's packages built otherwise.

use tierce_manifest::{EmergeSpec, ImageSpec, Located, Place, WorkspaceSpec};
use tierce_portage::{Atom, ResolvedPackage, UseSetting};

use crate::error::PlanError;
use crate::lock::LockedImage;

/// The packages of a base as an image on top of it gets them: exactly this version, with exactly these flags.
pub fn fixed(base: &LockedImage) -> Vec<(Atom, Vec<UseSetting>)> {
    let one = |package: &ResolvedPackage| {
        let setting = |flag| format!("{}{flag}", if package.uses.contains(flag) { "" } else { "-" }).parse().ok();
        // Their parts were checked when they were made.
        Some((exactly(package)?, package.iuse.iter().filter_map(setting).collect()))
    };
    base.in_root().filter_map(one).collect()
}

fn exactly(package: &ResolvedPackage) -> Option<Atom> {
    format!("={}::{}", package.cpv(), package.repository).parse().ok()
}

/// Refuses what the image's own table says of packages that its base has, where that is not how they are.
pub(crate) fn check(spec: &WorkspaceSpec, image: &ImageSpec, base: &LockedImage) -> Result<(), PlanError> {
    let below = spec.image(&base.name).map(|below| &below.emerge);
    let refused = |place: &Place, package: &ResolvedPackage, wants: String| PlanError::BaseHasOther {
        place: place.clone(),
        base: base.name.clone(),
        package: package.cpv().to_string(),
        wants,
    };
    for atom in &image.emerge.packages {
        let slot_is_there = |package: &&ResolvedPackage| {
            package.package() == *atom.value.package()
                && atom.value.slot().is_none_or(|slot| slot.matches(&package.slot, &package.subslot))
        };
        let there: Vec<_> = base.in_root().filter(slot_is_there).collect();
        if let Some(other) = there.first().filter(|_| !there.iter().any(|package| package.matches(&atom.value))) {
            return Err(refused(&atom.place, other, format!("`{}`", atom.value)));
        }
    }
    // What is written for the base holds for it as well.
    let of_base: Vec<&Place> = below.into_iter().flat_map(places).collect();
    let means = |atom: &Located<Atom>| base.in_root().find(|package| package.matches(&atom.value));
    for entry in &image.emerge.package_use {
        let Some(package) = means(&entry.atom) else { continue };
        let differs = |flag: &UseSetting| {
            package.iuse.contains(flag.flag()) && package.uses.contains(flag.flag()) != flag.is_enabled()
        };
        let own = |setting: &&Located<UseSetting>| differs(&setting.value) && !of_base.contains(&&setting.place);
        if let Some(setting) = entry.value.iter().find(own) {
            return Err(refused(&setting.place, package, format!("the USE flag `{}`", setting.value)));
        }
    }
    let env = image.emerge.package_env.iter().map(|entry| (&entry.atom, "variables of its own"));
    for (atom, what) in env.chain(image.emerge.patches.iter().map(|entry| (&entry.atom, "patches"))) {
        if let Some(package) = means(atom).filter(|_| !of_base.contains(&&atom.place)) {
            return Err(refused(&atom.place, package, what.to_owned()));
        }
    }
    Ok(())
}

/// Where a table says something of single packages.
fn places(emerge: &EmergeSpec) -> impl Iterator<Item = &Place> {
    let flags = emerge.package_use.iter().flat_map(|entry| &entry.value).map(|setting| &setting.place);
    let env = emerge.package_env.iter().map(|entry| &entry.atom.place);
    flags.chain(env).chain(emerge.patches.iter().map(|entry| &entry.atom.place))
}
