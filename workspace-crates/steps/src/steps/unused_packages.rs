//! Finds the packages of a table without a file in the image: a crate has compiled a copy of the library, or nothing links it. The
//! files that the closure took from ROOT show what the program links.

use std::collections::{BTreeMap, BTreeSet};

use tierce_manifest::{AllowMissing, ImageSpec};
use tierce_rootfs::{Finding, Index};
use tierce_store::Error;

use crate::steps::globs::includes_packages;

/// Returns a finding for each such package. `owners` maps ROOT's paths to `category/name`; `crates` returns the names of the
/// program's crates.
///
/// Packages that have no file in ROOT, such as virtual ones, are used by those that depend on them.
pub(super) fn find(
    spec: &ImageSpec,
    owners: &BTreeMap<String, String>,
    image: &Index,
    crates: impl FnOnce() -> Result<Vec<String>, Error>,
) -> Result<BTreeSet<Finding>, Error> {
    if includes_packages(spec) {
        return Ok(BTreeSet::new());
    }
    let has_files: BTreeSet<&str> = owners.values().map(String::as_str).collect();
    let in_image: BTreeSet<&str> =
        owners.iter().filter(|(path, _)| image.tree().get(path).is_some()).map(|(_, owner)| owner.as_str()).collect();
    let left_alone: BTreeSet<String> = allowed(spec).chain(unmerged(spec)).collect();
    let asked: BTreeSet<String> = spec.emerge.packages.iter().map(|atom| atom.value.package().to_string()).collect();
    let mut unused = asked.into_iter().filter(|package| {
        has_files.contains(package.as_str()) && !in_image.contains(package.as_str()) && !left_alone.contains(package)
    });
    let Some(first) = unused.next() else { return Ok(BTreeSet::new()) };
    let crates: BTreeSet<String> = crates()?.into_iter().collect();
    let finding = |package: String| {
        let linking = tierce_native::crates_of(&package).map(|entry| entry.name.to_owned());
        let crates = linking.filter(|name| crates.contains(name)).collect();
        Finding::UnusedPackage { package, crates }
    };
    Ok(std::iter::once(first).chain(unused).map(finding).collect())
}

fn allowed(spec: &ImageSpec) -> impl Iterator<Item = String> {
    spec.content.allow_missing.iter().filter_map(|allowed| match &allowed.value {
        AllowMissing::Package(package) => Some(package.to_string()),
        _ => None,
    })
}

fn unmerged(spec: &ImageSpec) -> impl Iterator<Item = String> {
    spec.content.unmerge.iter().map(|atom| atom.value.package().to_string())
}
