//! What an image is made of, for people and programs that ask about licences and sources: packages of Portage and crates.
//!
//! It is written beside the image in `target/tierce/reports`, as JSON and as Markdown, and into an OCI layout, which may hold further
//! files beside those of the specification. An archive for `docker load` may not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tierce_manifest::ImageSpec;
use tierce_plan::Sink;
use tierce_portage::ResolvedPackage;
use tierce_process::cargo::{self, Crate};
use tierce_rootfs::NodeKind;

use crate::executor::Executor;
use crate::reasons::{Brought, Reasons};
use crate::report::{Contents, FlagSize};
use crate::session::Session;
use crate::steps::root::RootFacts;
use crate::{Error, files, megabytes};

/// What an image is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct PackageReport {
    /// The image's name.
    image: String,
    /// Its id: the digest of its configuration.
    id: String,
    /// The image from anywhere that it begins with, of whose packages nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    /// The packages of its ROOT, by name, whether something of them is in the image or not.
    packages: Vec<ReportedPackage>,
    /// What USE flags bring, the largest first.
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
    /// With the sub-slot, where that is another one.
    slot: String,
    repository: String,
    #[serde(rename = "use")]
    uses: Uses,
    /// As the ebuild has it, after USE conditionals.
    license: String,
    homepage: String,
    /// Bytes and number of its files in the image.
    image: Size,
    /// The same in ROOT, before anything was left out; none where ROOT is gone.
    installed: Option<Size>,
    sources: Vec<Source>,
    reason: String,
}

/// The packages that would not be in ROOT if a flag were set otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FlagBrings {
    /// `category/name[flag]`, or `[-flag]` where that brings them.
    flag: String,
    /// Each `category/name-version`.
    packages: Vec<String>,
    /// Bytes and number of their files in the image.
    image: Size,
    /// The same in ROOT; none where ROOT is gone.
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

/// Writes the report of a delivered image, unless that of the same image is there and nothing was done. Gives what flags bring.
pub(crate) fn write(
    executor: &Executor<'_>,
    spec: &ImageSpec,
    sink: &Sink,
    made: &Made<'_>,
    contents: &Contents,
) -> Result<Vec<FlagSize>, Error> {
    let session = executor.session;
    let name = spec.name.as_str();
    let folder = session.places.own("reports").join(name);
    let known: Option<PackageReport> = files::read_json(&folder.join("packages.json"));
    let report = match known.filter(|known| made.reused && known.id == made.id) {
        Some(known) => known,
        None => {
            let root = made.root.and_then(|key| executor.root_facts(key).ok());
            let below = spec.base.image().map(|base| (base.as_str(), executor.locked(base.as_str())));
            let reasons = Reasons::new(spec, executor.locked(name), below);
            let packages = packages(executor.locked(name), &reasons, contents, root.as_ref());
            let report = PackageReport {
                image: name.to_owned(),
                id: made.id.to_owned(),
                base: contents.foreign_base(),
                flags: flags(&reasons, &packages),
                packages,
                crates: crates(session, spec)?,
            };
            report.write(&folder)?;
            report
        }
    };
    if let Sink::Layout(layout) = sink {
        report.write(&layout.as_std_path().join("reports").join(name))?;
    }
    Ok(report.flag_sizes())
}

/// What a run has come to, as far as the report depends on it.
pub(crate) struct Made<'r> {
    /// The image's id.
    pub(crate) id: &'r str,
    /// The key of its ROOT.
    pub(crate) root: Option<&'r str>,
    /// Whether no step of it ran.
    pub(crate) reused: bool,
}

/// The crates in the image's program; none where it has none.
fn crates(session: &Session, spec: &ImageSpec) -> Result<Vec<Crate>, Error> {
    let Some(program) = &spec.program else { return Ok(Vec::new()) };
    let member = session.workspace.members.iter().find(|member| member.manifest_path == *program.cargo_toml);
    let Some(member) = member else { return Ok(Vec::new()) };
    let cargo = &program.cargo;
    let mut features: Vec<String> =
        cargo.features.iter().flat_map(|feature| ["--features".to_owned(), feature.value.clone()]).collect();
    if !cargo.default_features {
        features.push("--no-default-features".to_owned());
    }
    let target = Some(format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
    let options = cargo::Options { target, ..cargo::Options::default() };
    let mut crates = cargo::crates(session.root(), &member.id, &features, &options)?;
    // A folder is named as it is reached from the workspace, wherever that lies.
    for source in crates.iter_mut().filter_map(|one| one.source.as_mut()) {
        if let Ok(inside) = Path::new(source.as_str()).strip_prefix(session.root()) {
            *source = format!("./{}", inside.display());
        }
    }
    Ok(crates)
}

/// The packages of ROOT with their sizes in it and in the image.
fn packages(
    locked: &[ResolvedPackage],
    reasons: &Reasons<'_>,
    contents: &Contents,
    root: Option<&RootFacts>,
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

/// What each flag brings, with the sizes of these packages.
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

/// What each package has in a ROOT.
fn installed(root: &RootFacts) -> BTreeMap<&str, Size> {
    let mut sizes: BTreeMap<&str, Size> = BTreeMap::new();
    for (path, cpv) in &root.owners {
        if let Some(NodeKind::File { size }) = root.index.tree().get(path).map(|node| &node.kind) {
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
    /// What flags bring, with what of it is in the image, the largest first.
    fn flag_sizes(&self) -> Vec<FlagSize> {
        let size = |flag: &FlagBrings| {
            let FlagBrings { flag, packages, image, .. } = flag.clone();
            FlagSize { flag, packages, bytes: image.bytes }
        };
        let mut sizes: Vec<FlagSize> = self.flags.iter().map(size).collect();
        sizes.sort_by_key(|size| std::cmp::Reverse(size.bytes));
        sizes
    }

    /// As `packages.json` and `packages.md` of a folder.
    fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join("packages.json");
        let json = serde_json::to_string_pretty(self).map_err(|error| Error::file("write", &path, error.into()))?;
        files::write(&path, json + "\n")?;
        files::write(&folder.join("packages.md"), self.markdown())
    }

    fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n`{}`\n", self.image, self.id);
        if let Some(base) = &self.base {
            let _ = write!(text, "\nIt begins with `{base}`, of whose packages nothing is known.\n");
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
            text.push_str("\n## USE flags\n\nWithout the flag, these packages would not be there.\n\n");
            text.push_str("| flag | brings | in the image | installed |\n|---|---|---|---|\n");
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

/// A row of a table; what a cell holds cannot end it.
fn row<const N: usize>(text: &mut String, cells: [&str; N]) {
    let cells = cells.map(|cell| cell.replace('|', "\\|").replace(['\n', '\r'], " "));
    // A String takes everything.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_a_table() {
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

        It begins with `debian:12`, of whose packages nothing is known.

        ## Packages

        | package | slot | USE | licence | in the image | installed | source | reason |
        |---|---|---|---|---|---|---|---|
        | media-libs/libpng-1.6.39 | 0/16 | apng -static-libs | libpng2 \|\| x | 213.0 kB | 1.2 MB | mirror://debian/libpng.tar.xz `sha512:00` | `packages` has media-libs/libpng |

        ## USE flags

        Without the flag, these packages would not be there.

        | flag | brings | in the image | installed |
        |---|---|---|---|
        | media-libs/gd[png] | media-libs/libpng-1.6.39 | 213.0 kB |  |

        ## Crates

        | crate | version | licence | source |
        |---|---|---|---|
        | app | 1.0.0 |  | ./app |
        ");
    }
}
