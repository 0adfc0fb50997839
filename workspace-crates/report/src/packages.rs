//! The packages and crates that an image is made of, for people and programs that ask about licences and sources.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use tierce_manifest::ImageSpec;
use tierce_portage::ResolvedPackage;
use tierce_rootfs::{Index, NodeKind};

use crate::amounts::FlagSize;
use crate::contents::Contents;
use crate::reasons::{Brought, Reasons};
use crate::text::megabytes;

/// The packages and crates of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackageReport {
    /// The image's name.
    image: String,
    /// Its id: the digest of its configuration.
    pub id: String,
    /// Its external base, whose packages are unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    /// All packages of its ROOT, by name, also those without a file in the image.
    packages: Vec<ReportedPackage>,
    /// The packages that USE flags add, the largest first.
    #[serde(default)]
    flags: Vec<FlagBrings>,
    /// The crates whose code is in its program, by name.
    crates: Vec<Crate>,
}

/// A package of Portage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ReportedPackage {
    /// `category/name-version`
    cpv: String,
    /// `slot`, or `slot/subslot` if they differ.
    slot: String,
    repository: String,
    #[serde(rename = "use")]
    uses: Uses,
    /// The ebuild's LICENSE, with USE conditionals evaluated.
    license: String,
    homepage: String,
    /// Its regular files in the image.
    image: Size,
    /// Its regular files in ROOT; None if ROOT is not in the cache.
    installed: Option<Size>,
    sources: Vec<Source>,
    reason: String,
}

/// The packages that ROOT has because of one USE flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FlagBrings {
    /// `category/name[flag]`, or `category/name[-flag]` if the unset flag adds them.
    flag: String,
    /// Each `category/name-version`.
    packages: Vec<String>,
    /// Their regular files in the image.
    image: Size,
    /// Their regular files in ROOT; None if ROOT is not in the cache.
    installed: Option<Size>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Uses {
    on: Vec<String>,
    off: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Size {
    bytes: u64,
    files: u64,
}

impl Size {
    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.files += 1;
    }

    fn sum(sizes: impl IntoIterator<Item = Size>) -> Size {
        sizes
            .into_iter()
            .fold(Size::default(), |sum, size| Size { bytes: sum.bytes + size.bytes, files: sum.files + size.files })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Source {
    name: String,
    uri: String,
    size: u64,
    /// `blake2b:…` or `sha512:…`
    digest: String,
}

/// A crate that is linked into a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Crate {
    /// The name of its Cargo package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// An SPDX expression; empty if its Cargo.toml has no licence.
    pub license: String,
    /// A folder, or a repository's address; None for a crate from the default registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The files of a ROOT, each with its package, `category/name-version`.
#[derive(Clone, Copy)]
pub struct Installed<'r> {
    /// The package of each file, by path.
    pub owners: &'r BTreeMap<String, String>,
    /// The files.
    pub index: &'r Index,
}

impl PackageReport {
    /// Reports the packages and crates of an image with these files.
    ///
    /// `locked` has its packages in Tierce.lock, `below` the name and the packages of its base image. Without ROOT in the cache,
    /// `installed` is `None`.
    pub fn new(
        spec: &ImageSpec,
        contents: &Contents,
        locked: &[ResolvedPackage],
        below: Option<(&str, &[ResolvedPackage])>,
        installed: Option<Installed<'_>>,
        crates: Vec<Crate>,
    ) -> PackageReport {
        let reasons = Reasons::new(spec, locked, below);
        let packages = packages(locked, &reasons, contents, installed);
        PackageReport {
            image: spec.name.to_string(),
            id: contents.id.clone(),
            base: contents.external_base(),
            flags: flags(&reasons, &packages),
            packages,
            crates,
        }
    }
}

/// Returns the packages of ROOT with their sizes there and in the image.
fn packages(
    locked: &[ResolvedPackage],
    reasons: &Reasons<'_>,
    contents: &Contents,
    root: Option<Installed<'_>>,
) -> Vec<ReportedPackage> {
    let mut in_image: BTreeMap<&str, Size> = BTreeMap::new();
    for entry in contents.entries.values() {
        if let (Some(owner), Some(bytes)) = (&entry.owner, entry.size) {
            in_image.entry(owner).or_default().add(bytes);
        }
    }
    let installed = root.map(installed);
    let one = |package: &ResolvedPackage| {
        let cpv = package.cpv().to_string();
        ReportedPackage {
            slot: match package.slot == package.subslot {
                true => package.slot.to_string(),
                false => format!("{}/{}", package.slot, package.subslot),
            },
            repository: package.repository.to_string(),
            uses: uses(package),
            license: package.license.clone(),
            homepage: package.homepage.clone(),
            image: in_image.get(package.package().to_string().as_str()).copied().unwrap_or_default(),
            installed: installed.as_ref().map(|sizes| sizes.get(cpv.as_str()).copied().unwrap_or_default()),
            sources: sources(package),
            reason: reasons.of(&package.cpv()),
            cpv,
        }
    };
    let mut packages: Vec<ReportedPackage> = locked.iter().filter(|package| package.root).map(one).collect();
    packages.sort_by(|one, other| one.cpv.cmp(&other.cpv));
    packages
}

/// Returns the packages that each flag adds, with their sizes.
fn flags(reasons: &Reasons<'_>, packages: &[ReportedPackage]) -> Vec<FlagBrings> {
    let one = |Brought { flag, packages: brought }: Brought| {
        let brought: Vec<String> = brought.iter().map(ToString::to_string).collect();
        let reported = || packages.iter().filter(|package| brought.contains(&package.cpv));
        let installed: Option<Vec<Size>> = reported().map(|package| package.installed).collect();
        FlagBrings {
            image: Size::sum(reported().map(|package| package.image)),
            installed: installed.map(Size::sum),
            flag,
            packages: brought.clone(),
        }
    };
    let mut flags: Vec<FlagBrings> = reasons.brought().into_iter().map(one).collect();
    flags.sort_by_key(|flag| std::cmp::Reverse((flag.installed.unwrap_or(flag.image).bytes, flag.packages.len())));
    flags
}

/// Sums the files of each package in ROOT.
fn installed<'r>(Installed { owners, index }: Installed<'r>) -> BTreeMap<&'r str, Size> {
    let mut sizes: BTreeMap<&str, Size> = BTreeMap::new();
    for (path, cpv) in owners {
        if let Some(NodeKind::File { size }) = index.tree().get(path).map(|node| &node.kind) {
            sizes.entry(cpv).or_default().add(*size);
        }
    }
    sizes
}

fn uses(package: &ResolvedPackage) -> Uses {
    let (on, off): (Vec<_>, Vec<_>) = package.iuse.iter().partition(|flag| package.uses.contains(flag));
    let texts = |flags: Vec<_>| flags.into_iter().map(|flag: &tierce_portage::UseFlag| flag.to_string()).collect();
    Uses { on: texts(on), off: texts(off) }
}

fn sources(package: &ResolvedPackage) -> Vec<Source> {
    let one = |source: &tierce_portage::SourceFile| {
        let blake2b = source.blake2b.as_ref().map(|digest| format!("blake2b:{digest}"));
        let sha512 = || source.sha512.as_ref().map(|digest| format!("sha512:{digest}"));
        Source {
            name: source.name.to_string(),
            uri: source.uris.first().map(ToString::to_string).unwrap_or_default(),
            size: source.size,
            digest: blake2b.or_else(sha512).unwrap_or_default(),
        }
    };
    package.sources.iter().map(one).collect()
}

impl PackageReport {
    /// Returns the packages that flags add, with their bytes in the image, the largest first.
    pub fn flag_sizes(&self) -> Vec<FlagSize> {
        let size = |flag: &FlagBrings| {
            let FlagBrings { flag, packages, image, .. } = flag.clone();
            FlagSize { flag, packages, bytes: image.bytes }
        };
        let mut sizes: Vec<FlagSize> = self.flags.iter().map(size).collect();
        sizes.sort_by_key(|size| std::cmp::Reverse(size.bytes));
        sizes
    }

    /// Writes the text of `packages.md`.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n`{}`\n", self.image, self.id);
        if let Some(base) = &self.base {
            let _ = write!(text, "\nIts base is `{base}`, whose packages are unknown.\n");
        }
        text.push_str(
            "\n## Packages\n\n| package | slot | USE | licence | in the image | installed | source | reason |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|---|\n");
        for package in &self.packages {
            let on = package.uses.on.iter().cloned();
            let flags: Vec<String> = on.chain(package.uses.off.iter().map(|flag| format!("-{flag}"))).collect();
            let sources: Vec<String> =
                package.sources.iter().map(|source| format!("{} `{}`", source.uri, source.digest)).collect();
            let installed = package.installed.map_or_else(String::new, |size| megabytes(size.bytes));
            row(
                &mut text,
                [
                    &package.cpv,
                    &package.slot,
                    &flags.join(" "),
                    &package.license,
                    &megabytes(package.image.bytes),
                    &installed,
                    &sources.join("<br>"),
                    &package.reason,
                ],
            );
        }
        if !self.flags.is_empty() {
            text.push_str("\n## USE flags\n\nEach flag adds these packages to ROOT.\n\n");
            text.push_str("| flag | adds | in the image | installed |\n|---|---|---|---|\n");
            for flag in &self.flags {
                let installed = flag.installed.map_or_else(String::new, |size| megabytes(size.bytes));
                row(&mut text, [&flag.flag, &flag.packages.join(" "), &megabytes(flag.image.bytes), &installed]);
            }
        }
        if !self.crates.is_empty() {
            text.push_str("\n## Crates\n\n| crate | version | licence | source |\n|---|---|---|---|\n");
            for one in &self.crates {
                row(&mut text, [&one.name, &one.version, &one.license, one.source.as_deref().unwrap_or_default()]);
            }
        }
        text
    }
}

/// Writes a row of a table, with the cells escaped.
fn row<const N: usize>(text: &mut String, cells: [&str; N]) {
    let cells = cells.map(|cell| cell.replace('|', "\\|").replace(['\n', '\r'], " "));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_has_tables() {
        let package = ReportedPackage {
            cpv: "media-libs/libpng-1.6.39".into(),
            slot: "0/16".into(),
            repository: "tierce".into(),
            uses: Uses { on: vec!["apng".into()], off: vec!["static-libs".into()] },
            license: "libpng2 || x".into(),
            homepage: String::new(),
            image: Size { bytes: 213_000, files: 1 },
            installed: Some(Size { bytes: 1_200_000, files: 40 }),
            sources: vec![Source {
                name: "libpng.tar.xz".into(),
                uri: "mirror://debian/libpng.tar.xz".into(),
                size: 1,
                digest: "sha512:00".into(),
            }],
            reason: "`packages` has media-libs/libpng".into(),
        };
        let one =
            Crate { name: "app".into(), version: "1.0.0".into(), license: String::new(), source: Some("./app".into()) };
        let report = PackageReport {
            image: "app".into(),
            id: "sha256:0".into(),
            base: Some("debian:12".into()),
            packages: vec![package],
            flags: vec![FlagBrings {
                flag: "media-libs/gd[png]".into(),
                packages: vec!["media-libs/libpng-1.6.39".into()],
                image: Size { bytes: 213_000, files: 1 },
                installed: None,
            }],
            crates: vec![one],
        };
        insta::assert_snapshot!(report.markdown(), @r"
        # app

        `sha256:0`

        Its base is `debian:12`, whose packages are unknown.

        ## Packages

        | package | slot | USE | licence | in the image | installed | source | reason |
        |---|---|---|---|---|---|---|---|
        | media-libs/libpng-1.6.39 | 0/16 | apng -static-libs | libpng2 \|\| x | 213.0 kB | 1.2 MB | mirror://debian/libpng.tar.xz `sha512:00` | `packages` has media-libs/libpng |

        ## USE flags

        Each flag adds these packages to ROOT.

        | flag | adds | in the image | installed |
        |---|---|---|---|
        | media-libs/gd[png] | media-libs/libpng-1.6.39 | 213.0 kB |  |

        ## Crates

        | crate | version | licence | source |
        |---|---|---|---|
        | app | 1.0.0 |  | ./app |
        ");
    }
}
