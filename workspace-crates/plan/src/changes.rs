//! Compares two locks, for people and as data.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use tierce_debian::Deb;
use tierce_portage::ResolvedPackage;

use crate::lock::{Lock, LockedImage};

/// The subject of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The builder's base, its Portage, the Rust compiler.
    Builder,
    /// A Debian package of the builder.
    Deb,
    /// An ebuild repository.
    Repository,
    /// A package of images.
    Package,
}

/// One difference between two locks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LockChange {
    /// The kind of its subject.
    pub subject: Subject,
    /// The subject's name: `media-libs/libpng`.
    pub name: String,
    /// The earlier version, or digest; `None` if the subject is new.
    pub from: Option<String>,
    /// The later version, or digest; `None` if the subject was removed.
    pub to: Option<String>,
    /// The earlier version compared with the later one.
    #[serde(skip)]
    pub direction: Ordering,
    /// The USE flags that were switched on, as `+flag`, and off, as `-flag`.
    #[serde(rename = "use")]
    pub uses: Vec<String>,
    /// The other parts that changed: its ebuild, an eclass, a source.
    pub parts: Vec<String>,
    /// The images that have the change.
    pub images: Vec<String>,
}

impl LockChange {
    fn new(subject: Subject, name: impl Into<String>, from: Option<&str>, to: Option<&str>) -> LockChange {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        let (direction, name) = (Ordering::Less, name.into());
        LockChange { subject, name, from, to, direction, uses: Vec::new(), parts: Vec::new(), images: Vec::new() }
    }

    /// The verb of the change, as in cargo's output.
    pub fn verb(&self) -> &'static str {
        match (&self.from, &self.to) {
            (None, _) => "Adding",
            (_, None) => "Removing",
            _ if self.direction == Ordering::Greater => "Downgrading",
            _ => "Updating",
        }
    }
}

impl fmt::Display for LockChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject {
            Subject::Builder => write!(f, "builder's {}", self.name)?,
            Subject::Deb => write!(f, "builder's package {}", self.name)?,
            Subject::Repository => write!(f, "repository {}", self.name)?,
            Subject::Package => f.write_str(&self.name)?,
        }
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from != to => write!(f, " {from} -> {to}")?,
            (from, to) => to.iter().chain(from).take(1).try_for_each(|version| write!(f, " {version}"))?,
        }
        if !self.uses.is_empty() {
            write!(f, " USE {}", self.uses.join(" "))?;
        }
        if !self.parts.is_empty() {
            write!(f, ", changed {}", self.parts.join(", "))?;
        }
        if !self.images.is_empty() {
            write!(f, " ({})", self.images.join(", "))?;
        }
        Ok(())
    }
}

/// All differences: the builder, its packages, the repositories, then packages by name, each with the images that have
/// the same change.
pub fn changes(before: &Lock, after: &Lock) -> Vec<LockChange> {
    let mut all = builder_changes(before, after);
    let repositories = |lock: &Lock| -> Vec<(String, String)> {
        lock.repositories.iter().map(|repository| (repository.name.clone(), short(&repository.digest))).collect()
    };
    all.extend(paired(Subject::Repository, &repositories(before), &repositories(after)));
    let mut packages: Vec<LockChange> = Vec::new();
    let nothing = |name: &str| LockedImage::new(name, Vec::new(), Vec::new());
    let gone =
        before.images.iter().filter(|image| after.image(&image.name).is_none()).map(|image| nothing(&image.name));
    for image in after.images.iter().cloned().chain(gone) {
        let earlier = before.image(&image.name).cloned().unwrap_or_else(|| nothing(&image.name));
        for change in image_changes(&earlier.packages, &image.packages) {
            let same = |other: &&mut LockChange| LockChange { images: Vec::new(), ..(**other).clone() } == change;
            match packages.iter_mut().find(same) {
                Some(other) => other.images.push(image.name.clone()),
                None => packages.push(LockChange { images: vec![image.name.clone()], ..change }),
            }
        }
    }
    packages.iter_mut().for_each(|change| change.images.sort());
    packages.sort_by(|a, b| (&a.name, &a.images).cmp(&(&b.name, &b.images)));
    all.extend(packages);
    all
}

fn builder_changes(before: &Lock, after: &Lock) -> Vec<LockChange> {
    let parts = |lock: &Lock| -> Vec<(String, String)> {
        let builder = &lock.builder;
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let portage = builder.portage.as_deref().and_then(|portage| portage.split(' ').next()).and_then(text);
        let all = [
            ("base", text(&builder.base)),
            ("digest", builder.digest.as_deref().map(short)),
            ("Portage", portage),
            ("rustc", text(&builder.rustc)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    };
    let debs = |debs: &[Deb]| -> Vec<(String, String)> {
        debs.iter().map(|deb| (deb.name.clone(), deb.version.clone())).collect()
    };
    let mut all = paired(Subject::Builder, &parts(before), &parts(after));
    // A first selection would be a hundred lines.
    if !before.builder.debs.is_empty() {
        all.extend(paired(Subject::Deb, &debs(&before.builder.debs), &debs(&after.builder.debs)));
    }
    all
}

/// Compares two lists of names with values.
fn paired(subject: Subject, before: &[(String, String)], after: &[(String, String)]) -> Vec<LockChange> {
    let value = |list: &[(String, String)], name: &str| {
        list.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    };
    let mut all = Vec::new();
    for (name, to) in after {
        let from = value(before, name);
        if from.as_ref() != Some(to) {
            all.push(LockChange::new(subject, name, from.as_deref(), Some(to)));
        }
    }
    for (name, from) in before.iter().filter(|(name, _)| value(after, name).is_none()) {
        all.push(LockChange::new(subject, name, Some(from), None));
    }
    all
}

fn short(digest: &str) -> String {
    digest.trim_start_matches("sha256:").chars().take(12).collect()
}

/// Compares the packages of an image: packages of one name and slot are versions of the same package.
fn image_changes(before: &[ResolvedPackage], after: &[ResolvedPackage]) -> Vec<LockChange> {
    let counterpart = |package: &ResolvedPackage, others: &[ResolvedPackage], own: &[ResolvedPackage]| {
        let same_name = |other: &&ResolvedPackage| other.package() == package.package();
        let named: Vec<&ResolvedPackage> = others.iter().filter(same_name).collect();
        let in_slot = named.iter().find(|other| other.slot == package.slot).copied();
        // A package that is installed in one slot only may move to another slot.
        let alone = named.len() == 1 && own.iter().filter(same_name).count() == 1;
        in_slot.or_else(|| named.first().copied().filter(|_| alone)).cloned()
    };
    let mut all = Vec::new();
    for package in after {
        match counterpart(package, before, after) {
            None => {
                let change = LockChange::new(
                    Subject::Package,
                    package.package().to_string(),
                    None,
                    Some(package.version.as_str()),
                );
                all.push(LockChange { uses: package.uses.iter().map(|flag| format!("+{flag}")).collect(), ..change });
            }
            Some(earlier) => all.extend(package_change(&earlier, package)),
        }
    }
    for package in before.iter().filter(|package| counterpart(package, after, before).is_none()) {
        let name = package.package().to_string();
        all.push(LockChange::new(Subject::Package, name, Some(package.version.as_str()), None));
    }
    all
}

fn package_change(before: &ResolvedPackage, after: &ResolvedPackage) -> Option<LockChange> {
    let (from, to) = (before.version.as_str(), after.version.as_str());
    let mut change = LockChange::new(Subject::Package, after.package().to_string(), Some(from), Some(to));
    change.direction = before.version.compare(&after.version);
    let on = after.uses.iter().filter(|flag| !before.uses.contains(flag)).map(|flag| format!("+{flag}"));
    let off = before.uses.iter().filter(|flag| !after.uses.contains(flag)).map(|flag| format!("-{flag}"));
    change.uses = on.chain(off).collect();
    // With another version, every part differs.
    if from == to {
        let digests = |package: &ResolvedPackage| -> Vec<_> {
            package.sources.iter().map(|source| (source.blake2b.clone(), source.sha512.clone())).collect()
        };
        let needs = |package: &ResolvedPackage| -> BTreeSet<_> {
            package.needs.iter().map(|need| need.package().clone()).collect()
        };
        let parts = [
            ("repository", before.repository != after.repository),
            ("slot", (&before.slot, &before.subslot) != (&after.slot, &after.subslot)),
            ("ebuild", before.ebuild != after.ebuild),
            ("files", before.files != after.files),
            ("eclass", before.eclasses != after.eclasses),
            ("source", digests(before) != digests(after)),
            ("place", (before.root, before.builder) != (after.root, after.builder)),
            ("dependency", needs(before) != needs(after)),
        ];
        change.parts = parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part.to_owned()).collect();
    }
    (from != to || !change.uses.is_empty() || !change.parts.is_empty()).then_some(change)
}

#[cfg(test)]
mod tests;
