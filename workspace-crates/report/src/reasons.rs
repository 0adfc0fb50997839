//! The reason why each package is in ROOT: the chain to it from a package that the image asks for, with the USE flags on that chain.
//! Also the packages that each of those flags adds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tierce_manifest::ImageSpec;
use tierce_portage::{Cpv, ResolvedPackage, SYSTEM, UseSetting};

/// The reasons why packages are in an image's ROOT.
pub(crate) struct Reasons<'l> {
    packages: BTreeMap<Cpv, &'l ResolvedPackage>,
    /// The packages with a reason of their own.
    own: BTreeMap<Cpv, String>,
    /// For each other package, the package that needs it and is nearest to one with a reason of its own.
    needed_by: BTreeMap<Cpv, Cpv>,
}

/// The packages that ROOT has because of one USE flag.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    /// `category/name[flag]`.
    pub(crate) flag: String,
    pub(crate) packages: Vec<Cpv>,
}

impl<'l> Reasons<'l> {
    /// Takes an image's packages from Tierce.lock, and the name and packages of its base image.
    pub(crate) fn new(
        spec: &ImageSpec,
        locked: &'l [ResolvedPackage],
        below: Option<(&str, &[ResolvedPackage])>,
    ) -> Reasons<'l> {
        let packages: BTreeMap<Cpv, &ResolvedPackage> =
            locked.iter().filter(|package| package.root).map(|package| (package.cpv(), package)).collect();
        let own = packages.iter().filter_map(|(cpv, package)| Some((cpv.clone(), own_reason(spec, package, below)?)));
        let own: BTreeMap<Cpv, String> = own.collect();
        let needed_by = reached(&packages, &own, |_, _| true);
        Reasons { packages, own, needed_by }
    }

    /// Returns the reason why a package is in ROOT, for people.
    pub(crate) fn of(&self, cpv: &Cpv) -> String {
        if let Some(own) = self.own.get(cpv) {
            return own.clone();
        }
        let mut chain = vec![cpv.package().to_string()];
        let (mut at, mut nearest) = (cpv, None);
        while let Some(parent) = self.needed_by.get(at) {
            nearest.get_or_insert(parent);
            chain.push(self.named(parent, at));
            at = parent;
        }
        chain.reverse();
        let others = self.packages.values().filter(|other| other.needs.contains(cpv));
        let others = others.map(|other| other.cpv()).filter(|other| Some(other) != nearest && other != cpv);
        let others: Vec<String> = others.map(|other| self.named(&other, cpv)).collect();
        match (chain.as_slice(), others.as_slice()) {
            // Tierce.lock is valid with such a package, but it does not say why the package is there.
            ([_], []) => "nothing needs it".to_owned(),
            ([_], others) => format!("needed by {}", others.join(", ")),
            (chain, []) => chain.join(" → "),
            (chain, others) => format!("{}; also needed by {}", chain.join(" → "), others.join(", ")),
        }
    }

    /// Returns the packages that each flag adds, the flag with the most packages first.
    pub(crate) fn brought(&self) -> Vec<Brought> {
        let flags: BTreeSet<(&Cpv, &UseSetting)> = self
            .packages
            .iter()
            .flat_map(|(cpv, package)| package.by_use.values().flatten().map(move |flag| (cpv, flag)))
            .collect();
        let without = |(cpv, flag): (&Cpv, &UseSetting)| {
            let holds = |parent: &ResolvedPackage, need: &Cpv| {
                parent.cpv() != *cpv || parent.by_use.get(need).is_none_or(|flags| !flags.contains(flag))
            };
            let left = reached(&self.packages, &self.own, holds);
            let gone = self.needed_by.keys().filter(|cpv| !left.contains_key(*cpv)).cloned().collect();
            Brought { flag: format!("{}[{flag}]", cpv.package()), packages: gone }
        };
        let mut brought: Vec<Brought> = flags.into_iter().map(without).collect();
        brought.retain(|brought| !brought.packages.is_empty());
        brought.sort_by_key(|brought| std::cmp::Reverse(brought.packages.len()));
        brought
    }

    /// Formats a package with the flags that make it need another one.
    fn named(&self, parent: &Cpv, need: &Cpv) -> String {
        let flags = self.packages.get(parent).and_then(|parent| parent.by_use.get(need));
        let flags: Vec<String> = flags.into_iter().flatten().map(ToString::to_string).collect();
        match flags.as_slice() {
            [] => parent.package().to_string(),
            flags => format!("{}[{}]", parent.package(), flags.join(",")),
        }
    }
}

/// Returns a package's reason of its own, if it has one.
fn own_reason(
    spec: &ImageSpec,
    package: &ResolvedPackage,
    below: Option<(&str, &[ResolvedPackage])>,
) -> Option<String> {
    let by_key = spec.emerge.by_key.iter().find(|(atom, _)| package.matches(atom));
    if let Some((_, key)) = by_key {
        return Some(format!("`{key}` adds it"));
    }
    if let Some(atom) = spec.emerge.packages.iter().find(|atom| package.matches(&atom.value)) {
        return Some(format!("`packages` has {}", atom.value));
    }
    if SYSTEM.contains(&package.package().to_string().as_str()) {
        return Some("every image has it".to_owned());
    }
    let (name, below) = below?;
    let is_below = below.iter().any(|other| other.root && other.cpv() == package.cpv());
    is_below.then(|| format!("the base `{name}` has it"))
}

/// Walks from the packages with a reason of their own to all that they need, breadth first.
///
/// Returns each package found with the one that needs it. The walk ignores a dependency for which `holds` is false.
fn reached(
    packages: &BTreeMap<Cpv, &ResolvedPackage>,
    own: &BTreeMap<Cpv, String>,
    holds: impl Fn(&ResolvedPackage, &Cpv) -> bool,
) -> BTreeMap<Cpv, Cpv> {
    let mut found = BTreeMap::new();
    let mut open: VecDeque<&Cpv> = own.keys().collect();
    while let Some(at) = open.pop_front() {
        let Some(package) = packages.get(at) else { continue };
        for need in package.needs.iter().filter(|need| holds(package, need)) {
            if packages.contains_key(need) && !own.contains_key(need) && !found.contains_key(need) {
                found.insert(need.clone(), at.clone());
                open.push_back(need);
            }
        }
    }
    found
}

#[cfg(test)]
#[path = "reasons_tests.rs"]
mod tests;
