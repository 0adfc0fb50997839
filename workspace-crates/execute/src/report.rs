//! The report after a run, and the list of an image's files that `why` reads.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tierce_manifest::ImageSpec;
use tierce_plan::{Outcome, PackedImage, PackedLayer, Sink, StepId};
use tierce_rootfs::report::Size;
use tierce_rootfs::{Closure, Finding, Index, Layer, NodeKind, Reason};

use crate::delivery::Delivered;
use crate::executor::Executor;
use crate::gaps::{self, Added, Gap};
use crate::package_report::{self, Made};
use crate::places::Places;
use crate::run::{Results, StepRun};
use crate::session::Session;
use crate::stages::{Stage, stages};
use crate::steps::below::Below;
use crate::steps::deliver::references;
use crate::steps::foreign::of_foreign;
use crate::{Error, files};

/// What a run made of one image. Sizes are in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The image's name.
    pub image: String,
    /// What to call it.
    pub reference: String,
    /// Its id.
    pub id: String,
    /// How large it is, and how large what it came from.
    pub sizes: Sizes,
    /// The same in the order in which it became smaller, with what each thing that is left out makes of it.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// Bytes of the closure by package, the largest first.
    pub owners: Vec<OwnerSize>,
    /// What USE flags bring into ROOT, with what of it is in the image, the largest first.
    #[serde(default)]
    pub flags: Vec<FlagSize>,
    /// What presets and globs left out of an image of packages, the largest first.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// The layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// Bytes that were sent to the sink in this run.
    pub sent: u64,
    /// What was done and what was reused.
    pub steps: Vec<StepRun>,
    /// What hidden dependencies and the keys that serve them have added, by their names.
    #[serde(default)]
    pub added: Vec<Added>,
    /// What might be missing.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// What may be worth a look, gaps included, as the closure found it.
    pub findings: Vec<Finding>,
}

/// From the builder to the image, in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sizes {
    /// The builder's image; none where no run that made this image had a use for it.
    pub builder: Option<u64>,
    /// All files of ROOT as emerged.
    pub root: u64,
    /// All files of the copy of ROOT from which packages were unmerged; none where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmerged: Option<u64>,
    /// The files that the closure chose.
    pub closure: u64,
    /// The image: its layers, uncompressed.
    pub image: u64,
}

/// What a package takes in an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnerSize {
    /// `category/name`, or where the files come from if from no package.
    pub owner: String,
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The packages that would not be there if a USE flag were set otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlagSize {
    /// `category/name[flag]`, or `[-flag]` where that brings them.
    pub flag: String,
    /// Each `category/name-version`.
    pub packages: Vec<String>,
    /// The bytes of their files in the image.
    pub bytes: u64,
}

/// What a preset or a glob left out of an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    /// The preset's name, or the glob.
    pub name: String,
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The files of an image with their reasons and owners.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contents {
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// Its layers, lowest first.
    #[serde(default)]
    pub layers: Vec<PackedLayer>,
    /// By path.
    pub entries: BTreeMap<String, ContentEntry>,
    /// Why each is in.
    pub closure: Closure,
}

/// One file of an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContentEntry {
    /// Its length; none for what is no regular file.
    pub size: Option<u64>,
    /// The package, `category/name`.
    pub owner: Option<String>,
    /// The layer that it lies in.
    pub layer: String,
}

impl Contents {
    pub(crate) fn new(
        image: &Index,
        closure: Closure,
        owners: &BTreeMap<String, String>,
        layers: &[Layer],
        below: Option<&Below>,
        packed: &PackedImage,
    ) -> Contents {
        let mut entries = BTreeMap::new();
        for layer in layers {
            for path in &layer.paths {
                let size = image.tree().get(path).and_then(|node| match node.kind {
                    NodeKind::File { size } => Some(size),
                    _ => None,
                });
                let entry = ContentEntry { size, owner: owners.get(path).cloned(), layer: layer.group.to_string() };
                entries.entry(path.clone()).or_insert(entry);
            }
        }
        // What no layer of its own has lies in one of the image below.
        for (path, node) in image.tree().iter() {
            let layer = below.and_then(|below| below.layers.get(below.base.layer(path)?));
            let Some(layer) = layer.filter(|_| !entries.contains_key(path)) else { continue };
            let size = if let NodeKind::File { size } = node.kind { Some(size) } else { None };
            // What ROOT has at a path of an image from anywhere is another file.
            let owner = owners.get(path).filter(|_| of_foreign(&layer.name).is_none()).cloned();
            let entry = ContentEntry { size, owner, layer: layer.name.clone() };
            entries.insert(path.to_owned(), entry);
        }
        Contents { id: packed.id.clone(), layers: packed.layers.clone(), entries, closure }
    }

    /// Whose a path of the image is: a package's, `category/name`, or where it comes from if from none.
    pub fn owner(&self, path: &str) -> Option<String> {
        let entry = self.entries.get(path)?;
        if let Some(image) = of_foreign(&entry.layer) {
            return Some(format!("the base {image}"));
        }
        let package = entry.owner.clone();
        Some(package.unwrap_or_else(|| match self.closure.reason(path) {
            Some(Reason::Base { image }) => format!("the base {image}"),
            Some(Reason::Program) => "the program".to_owned(),
            Some(Reason::Declared) => "declared files".to_owned(),
            Some(Reason::Probe) => "the probe of Tierce".to_owned(),
            Some(Reason::Merged) => "made when merging".to_owned(),
            Some(Reason::Hook { hook }) => hook.clone(),
            _ => "made for the image".to_owned(),
        }))
    }

    /// The image from anywhere that this one begins with.
    pub(crate) fn foreign_base(&self) -> Option<String> {
        self.closure.findings.iter().find_map(|finding| match finding {
            Finding::ForeignBase { image, .. } => Some(image.clone()),
            _ => None,
        })
    }

    /// What was left out of an image of packages, the largest first.
    pub fn left_out(&self) -> Vec<LeftOut> {
        let left_out = self.closure.left_out.iter();
        let line =
            |(name, size): (&String, &Size)| LeftOut { name: name.clone(), files: size.files, bytes: size.bytes };
        let mut lines: Vec<LeftOut> = left_out.map(line).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.bytes));
        lines
    }

    /// What the packages of an image take, the largest first.
    pub fn by_owner(&self) -> Vec<OwnerSize> {
        let mut sums: BTreeMap<String, OwnerSize> = BTreeMap::new();
        for (path, entry) in &self.entries {
            let Some(size) = entry.size else { continue };
            let Some(owner) = self.owner(path) else { continue };
            let sum = sums.entry(owner.clone()).or_insert(OwnerSize { owner, files: 0, bytes: 0 });
            sum.files += 1;
            sum.bytes += size;
        }
        let mut sums: Vec<OwnerSize> = sums.into_values().collect();
        sums.sort_by_key(|sum| std::cmp::Reverse(sum.bytes));
        sums
    }
}

impl Session {
    /// The files of an image that was built.
    ///
    /// # Errors
    /// If it was not built yet.
    pub fn contents(&self, image: &str) -> Result<Contents, Error> {
        self.images(&[image.to_owned()])?;
        let path = contents_path(&self.places, image);
        files::read_json(&path).ok_or_else(|| {
            let problem = std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!("the image was not built yet; run `cargo xtask image {image}`"),
            );
            Error::file("read", &path, problem)
        })
    }
}

/// Where the list of an image's files lies.
pub(crate) fn contents_path(places: &Places, image: &str) -> PathBuf {
    places.own("images").join(image).join("contents.json")
}

/// Where the report of an image lies.
pub(crate) fn report_path(places: &Places, image: &str) -> PathBuf {
    places.own("images").join(image).join("report.json")
}

/// Writes each image's report and gives it back.
pub(crate) fn deliver(
    session: &Session,
    executor: &Executor<'_>,
    images: &[&ImageSpec],
    sink: &Sink,
    results: &Results,
    runs: Vec<StepRun>,
) -> Result<Vec<Delivered>, Error> {
    let mut delivered = Vec::new();
    for spec in images {
        let name = spec.name.as_str();
        let path = report_path(&session.places, name);
        let mut report = report(session, executor, spec, sink, results, &runs)?;
        // A run that had no use for the builder did not ask for its size; the one that made the image did.
        if report.sizes.builder.is_none() {
            let earlier = files::read_json::<Report>(&path).filter(|earlier| earlier.id == report.id);
            report.sizes.builder = earlier.and_then(|earlier| earlier.sizes.builder);
        }
        report.stages = stages(spec.content.include, &report.sizes, &report.left_out);
        let made = Made {
            id: &report.id,
            root: results.outcomes.iter().find_map(|(id, outcome)| match outcome {
                Outcome::Root(root) if id.as_str().split_once(' ').is_some_and(|(_, image)| image == name) => {
                    Some(root.key.as_str())
                }
                _ => None,
            }),
            reused: report.steps.iter().all(|step| step.reused),
        };
        report.flags = package_report::write(executor, spec, sink, &made, &session.contents(name)?)?;
        files::write_json(&path, &report)?;
        delivered.push(Delivered { image: name.to_owned(), reference: report.reference.clone(), report });
    }
    Ok(delivered)
}

fn report(
    session: &Session,
    executor: &Executor<'_>,
    spec: &ImageSpec,
    sink: &Sink,
    results: &Results,
    runs: &[StepRun],
) -> Result<Report, Error> {
    let name = spec.name.as_str();
    let of_image = |id: &StepId| id.as_str().split_once(' ').is_none_or(|(_, image)| image == name);
    let mut report = Report {
        image: name.to_owned(),
        reference: match sink {
            Sink::Daemon => references(spec)[0].clone(),
            Sink::Layout(folder) => format!("oci:{folder}:{}", session.layout_name(spec)),
            Sink::Archive(path) => format!("docker-archive:{path}"),
        },
        id: String::new(),
        sizes: Sizes { builder: None, root: 0, unmerged: None, closure: 0, image: 0 },
        stages: Vec::new(),
        owners: Vec::new(),
        flags: Vec::new(),
        left_out: Vec::new(),
        layers: Vec::new(),
        sent: 0,
        steps: runs.iter().filter(|run| of_image(&run.step)).cloned().collect(),
        added: Vec::new(),
        gaps: Vec::new(),
        findings: Vec::new(),
    };
    for (id, outcome) in results.outcomes.iter().filter(|(id, _)| of_image(id)) {
        match outcome {
            Outcome::Root(root) => report.sizes.root = root.bytes,
            Outcome::Unmerged(unmerged) => {
                report.sizes.unmerged = Some(unmerged.bytes);
                report.findings.extend(unmerged.lacking.iter().map(|lacking| Finding::LackingDependency {
                    package: lacking.package.to_string(),
                    needs: lacking.needs.clone(),
                }));
            }
            Outcome::Image(image) => {
                report.id.clone_from(&image.id);
                report.sizes.closure = image.closure;
                report.sizes.image = image.layers.iter().map(|layer| layer.size).sum();
                report.layers.clone_from(&image.layers);
            }
            Outcome::Delivered { bytes, .. } if runs.iter().any(|run| run.step == *id && !run.reused) => {
                report.sent += bytes
            }
            Outcome::Builder(builder) if runs.iter().any(|run| !run.reused) => {
                report.sizes.builder = executor.docker()?.image(&builder.image)?.map(|image| image.size);
            }
            _ => {}
        }
    }
    let contents = session.contents(name)?;
    report.owners = contents.by_owner();
    report.left_out = contents.left_out();
    report.added = gaps::added(&contents);
    report.gaps = contents.closure.findings.iter().filter_map(Gap::of).collect();
    report.findings.extend(contents.closure.findings);
    Ok(report)
}

/// A package without its version: `media-libs/libpng` of `media-libs/libpng-1.6.39-r1`.
pub(crate) fn base_name(package: &str) -> &str {
    let mut end = package.len();
    while let Some(dash) = package[..end].rfind('-') {
        end = dash;
        let version = &package[dash + 1..];
        // A revision is no version: it stands behind one.
        if version.starts_with(|first: char| first.is_ascii_digit()) {
            return &package[..dash];
        }
    }
    package
}

/// A size for people: megabytes of a million bytes, as Docker counts them.
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_from_anywhere_has_is_its_own_whatever_needs_it() {
        let entry = |layer: &str| ContentEntry { size: Some(7), owner: None, layer: layer.to_owned() };
        let entries = [("/bin/sh", entry("x:1: base")), ("/data/a", entry("lower: data")), ("/data/b", entry("data"))];
        let closure = serde_json::json!({ "findings": [], "entries": {
            "/bin/sh": { "reason": "hidden", "name": "shells", "by": "/data/b", "trigger": { "calls": "system" } },
            "/data/a": { "reason": "base", "image": "lower" },
            "/data/b": { "reason": "hidden", "name": "data", "by": "/data/b", "trigger": { "calls": "f" } },
        }});
        let contents = Contents {
            id: String::new(),
            layers: Vec::new(),
            entries: entries.map(|(path, entry)| (path.to_owned(), entry)).into(),
            closure: serde_json::from_value(closure).expect("a closure"),
        };
        let owners = ["/bin/sh", "/data/a", "/data/b"].map(|path| contents.owner(path).expect("it is there"));
        assert_eq!(owners, ["the base x:1", "the base lower", "made for the image"]);
        let added: Vec<String> = gaps::added(&contents).into_iter().map(|added| added.name).collect();
        assert_eq!(added, ["data"]);
    }

    #[test]
    fn packages_lose_their_versions() {
        for (package, expected) in [
            ("media-libs/libpng-1.6.39", "media-libs/libpng"),
            ("media-libs/libpng-1.6.39-r1", "media-libs/libpng"),
            ("app-text/iso-codes-4", "app-text/iso-codes"),
            ("x11-libs/gtk+-3.24_pre1", "x11-libs/gtk+"),
            ("a/b", "a/b"),
        ] {
            assert_eq!(base_name(package), expected);
        }
    }

    #[test]
    fn sizes_read_as_docker_writes_them() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1_234, "1.2 kB"), (61_000_000, "61.0 MB"), (1_170_000_000, "1.17 GB")]
        {
            assert_eq!(megabytes(bytes), text);
        }
    }
}
