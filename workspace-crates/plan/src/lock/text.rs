//! The lock as TOML. A block holds the facts of a package that images share; a line of the image holds its own choice:
//! the package with its enabled USE flags. So a flag is one changed line, and a new version one changed block for all
//! images.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use serde::{Deserialize, Serialize};
use tierce_portage::{
    Cpv, FileName, PackageName, RelativePath, RepositoryName, Resolution, ResolvedPackage, Sha256Hex, SlotName,
    SourceFile, UseFlag, UseSetting, Version,
};
use toml::Spanned;

use super::{LOCK_VERSION, Lock, LockError, LockedBuilder, LockedImage, LockedRepository};

const HEADER: &str = "# This file is written by Tierce and not meant to be edited: it is what makes two builds of one commit the same.\n";
/// The word between a needed package and the flags that need it.
const IF: &str = " if ";
/// The mark of a package that is not merged into the builder's own root.
const ROOT_ONLY: &str = "only in ROOT";
/// The mark of a package that is not merged into ROOT.
const BUILDER_ONLY: &str = "only in the builder";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockText {
    version: u32,
    builder: LockedBuilder,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    repository: Vec<LockedRepository>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    image: Vec<ImageText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    package: Vec<PackageText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageText {
    name: Spanned<String>,
    checksum: String,
    inputs: Vec<String>,
    /// `category/name[-version][[flags]] [place]`, in merge order; with the version if the image has several of that
    /// name.
    packages: Vec<Spanned<String>>,
}

/// The facts of a package that its images share.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageText {
    name: PackageName,
    version: Version,
    /// `slot/subslot`, or one word if both are the same.
    slot: String,
    repository: RepositoryName,
    /// The images of this block, if the lock has several blocks of that name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    iuse: Vec<UseFlag>,
    license: String,
    description: String,
    homepage: String,
    ebuild: Sha256Hex,
    /// Names, with a version if an image has several of that name, and with the flags that need them:
    /// `media-libs/gd if gd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    needs: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    eclasses: BTreeMap<FileName, Sha256Hex>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<RelativePath, Sha256Hex>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<SourceFile>,
}

pub(super) fn write(lock: &Lock) -> String {
    let mut images: Vec<&LockedImage> = lock.images.iter().collect();
    images.sort_by(|a, b| a.name.cmp(&b.name));
    let mut repository = lock.repositories.clone();
    repository.sort_by(|a, b| a.name.cmp(&b.name));
    let text = LockText {
        version: LOCK_VERSION,
        builder: lock.builder.clone(),
        repository,
        image: images.iter().map(|image| image_text(image)).collect(),
        package: package_texts(&images),
    };
    let body = toml::to_string_pretty(&text).expect("a lock is valid TOML");
    format!("{HEADER}{body}")
}

/// How often an image has each name.
type Counts = BTreeMap<PackageName, usize>;

fn counts(packages: &[ResolvedPackage]) -> Counts {
    let mut counts = Counts::new();
    packages.iter().for_each(|package| *counts.entry(package.package()).or_default() += 1);
    counts
}

fn image_text(image: &LockedImage) -> ImageText {
    let counts = counts(&image.packages);
    let line = |package: &ResolvedPackage| {
        let mut line = short_name(&package.cpv(), &counts);
        if !package.uses.is_empty() {
            let flags: Vec<&str> = package.uses.iter().map(AsRef::as_ref).collect();
            line.push_str(&format!("[{}]", flags.join(",")));
        }
        match (package.root, package.builder) {
            (true, false) => line.push_str(&format!(" {ROOT_ONLY}")),
            (false, true) => line.push_str(&format!(" {BUILDER_ONLY}")),
            // In both, such as the libraries that a program is linked against.
            (true, true) | (false, false) => {}
        }
        spanned(line)
    };
    ImageText {
        name: spanned(image.name.clone()),
        checksum: if image.intact { image.checksum() } else { String::new() },
        inputs: image.inputs.clone(),
        packages: image.packages.iter().map(line).collect(),
    }
}

fn spanned(text: String) -> Spanned<String> {
    Spanned::new(0..0, text)
}

/// The name of a package, with its version if the image has several of that name.
fn short_name(cpv: &Cpv, counts: &Counts) -> String {
    let several = counts.get(cpv.package()).is_some_and(|count| *count > 1);
    if several { cpv.to_string() } else { cpv.package().to_string() }
}

/// The blocks of all images, equal ones merged.
fn package_texts(images: &[&LockedImage]) -> Vec<PackageText> {
    let mut blocks: BTreeMap<PackageName, Vec<PackageText>> = BTreeMap::new();
    for image in images {
        let counts = counts(&image.packages);
        for package in &image.packages {
            let block = package_text(package, &counts);
            let same_name = blocks.entry(package.package()).or_default();
            let equal = |other: &&mut PackageText| PackageText { images: Vec::new(), ..(**other).clone() } == block;
            match same_name.iter_mut().find(equal) {
                Some(other) => other.images.push(image.name.clone()),
                None => same_name.push(PackageText { images: vec![image.name.clone()], ..block }),
            }
        }
    }
    for same_name in blocks.values_mut() {
        match same_name.as_mut_slice() {
            [only] => only.images.clear(),
            several => several.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.images.cmp(&b.images))),
        }
    }
    blocks.into_values().flatten().collect()
}

fn package_text(package: &ResolvedPackage, counts: &Counts) -> PackageText {
    let slot = if package.slot == package.subslot {
        package.slot.to_string()
    } else {
        format!("{}/{}", package.slot, package.subslot)
    };
    PackageText {
        name: package.package(),
        version: package.version.clone(),
        slot,
        repository: package.repository.clone(),
        images: Vec::new(),
        iuse: package.iuse.clone(),
        license: package.license.clone(),
        description: package.description.clone(),
        homepage: package.homepage.clone(),
        ebuild: package.ebuild.clone(),
        needs: package.needs.iter().map(|need| need_text(package, need, counts)).collect(),
        eclasses: package.eclasses.clone(),
        files: package.files.clone(),
        sources: package.sources.clone(),
    }
}

fn need_text(package: &ResolvedPackage, need: &Cpv, counts: &Counts) -> String {
    let name = short_name(need, counts);
    match package.by_use.get(need) {
        None => name,
        Some(flags) => {
            let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
            format!("{name}{IF}{}", flags.join(","))
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Lock, LockError> {
    #[derive(Deserialize)]
    struct VersionOnly {
        version: Spanned<u32>,
    }
    if let Some(conflict) = LockError::conflict(text) {
        return Err(conflict);
    }
    let malformed = |error| LockError::Malformed(Box::new(error));
    // The version first: a later format may have unknown keys.
    let VersionOnly { version } = toml::from_str(text).map_err(malformed)?;
    if *version.get_ref() != LOCK_VERSION {
        return Err(LockError::Version { found: *version.get_ref(), span: version.span() });
    }
    let LockText { builder, repository, image: images, package: blocks, .. } =
        toml::from_str(text).map_err(malformed)?;
    let mut names = BTreeSet::new();
    for image in &images {
        if !names.insert(image.name.get_ref()) {
            return Err(contradiction(format!("the image `{}` is repeated", image.name.get_ref()), image.name.span()));
        }
    }
    let blocks = Named::new(blocks.iter());
    let images = images.iter().map(|image| read_image(image, &blocks)).collect::<Result<_, _>>()?;
    Ok(Lock { builder, repositories: repository, images })
}

fn contradiction(message: String, span: Range<usize>) -> LockError {
    LockError::Contradiction { message, span }
}

/// A parsed line of an image.
struct PackageLine<'a> {
    block: &'a PackageText,
    uses: Vec<UseFlag>,
    root: bool,
    builder: bool,
}

/// Packages by their names, with and without their versions.
struct Named<'a>(HashMap<String, Vec<&'a PackageText>>);

impl<'a> Named<'a> {
    fn new(blocks: impl Iterator<Item = &'a PackageText>) -> Named<'a> {
        let mut names: HashMap<String, Vec<&'a PackageText>> = HashMap::new();
        for block in blocks {
            let name = block.name.to_string();
            names.entry(format!("{name}-{}", block.version)).or_default().push(block);
            names.entry(name).or_default().push(block);
        }
        Named(names)
    }

    fn get(&self, name: &str) -> &[&'a PackageText] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

fn read_image(text: &ImageText, blocks: &Named<'_>) -> Result<LockedImage, LockError> {
    let name = text.name.get_ref();
    let mut lines = Vec::new();
    for line in &text.packages {
        let read = read_line(line.get_ref(), name, blocks);
        lines.push(read.map_err(|message| contradiction(message, line.span()))?);
    }
    // Before each line becomes a package of its own: many lines could name one large block.
    let mut blocks = BTreeSet::new();
    if let Some(line) = lines.iter().find(|line| !blocks.insert(std::ptr::from_ref(line.block))) {
        let subject = format!("{}-{}", line.block.name, line.block.version);
        let error = tierce_portage::Error::Contradiction { subject, reason: "it is repeated".to_owned() };
        return Err(contradiction(error.to_string(), text.name.span()));
    }
    let mut packages = Vec::new();
    let named = Named::new(lines.iter().map(|line| line.block));
    for (line, at) in lines.iter().zip(&text.packages) {
        packages.push(resolved(line, &named).map_err(|message| contradiction(message, at.span()))?);
    }
    let resolution = Resolution { portage: String::new(), packages };
    resolution.check().map_err(|error| contradiction(error.to_string(), text.name.span()))?;
    let mut image = LockedImage::new(name, text.inputs.clone(), resolution.packages);
    image.intact = image.checksum() == text.checksum;
    Ok(image)
}

fn read_line<'a>(line: &str, image: &str, blocks: &Named<'a>) -> Result<PackageLine<'a>, String> {
    let (reference, place) = line.split_once(' ').unwrap_or((line, ""));
    let (root, builder) = match place {
        "" => (true, true),
        ROOT_ONLY => (true, false),
        BUILDER_ONLY => (false, true),
        other => return Err(format!("`{other}` is not a place: use `{ROOT_ONLY}` or `{BUILDER_ONLY}`")),
    };
    let (name, flags) = match reference.split_once('[') {
        None => (reference, ""),
        Some((name, flags)) => (name, flags.strip_suffix(']').ok_or_else(|| format!("`{reference}` has no `]`"))?),
    };
    let uses = flags.split(',').filter(|flag| !flag.is_empty()).map(str::parse).collect::<Result<_, _>>();
    let uses = uses.map_err(|error: tierce_portage::SyntaxError| error.to_string())?;
    let named = blocks.get(name).iter().copied();
    let mut candidates: Vec<&PackageText> =
        named.filter(|block| block.images.is_empty() || block.images.iter().any(|other| other == image)).collect();
    match (candidates.pop(), candidates.is_empty()) {
        (Some(block), true) => Ok(PackageLine { block, uses, root, builder }),
        (None, _) => Err(format!("no [[package]] matches `{name}` of `{image}`")),
        (Some(_), false) => Err(format!("several [[package]] match `{name}` of `{image}`")),
    }
}

fn resolved(line: &PackageLine<'_>, named: &Named<'_>) -> Result<ResolvedPackage, String> {
    let block = line.block;
    let (slot, subslot) = block.slot.split_once('/').unwrap_or((&block.slot, &block.slot));
    let slot_name = |text: &str| text.parse::<SlotName>().map_err(|error| error.to_string());
    let need = |need: &str| match named.get(need) {
        [other] => Ok(Cpv::new(other.name.clone(), other.version.clone())),
        _ => Err(format!("`{}` needs `{need}`, which is not one package of the image", block.name)),
    };
    let (category, name) = (block.name.category(), block.name.name());
    let syntax = |error: tierce_portage::SyntaxError| error.to_string();
    let (mut needs, mut by_use) = (Vec::new(), BTreeMap::new());
    for text in &block.needs {
        let (name, flags) = text.split_once(IF).map_or((text.as_str(), None), |(name, flags)| (name, Some(flags)));
        let needed = need(name)?;
        if let Some(flags) = flags {
            let flags = flags.split(',').map(str::parse).collect::<Result<Vec<UseSetting>, _>>().map_err(syntax)?;
            by_use.insert(needed.clone(), flags);
        }
        needs.push(needed);
    }
    Ok(ResolvedPackage {
        category: category.parse().map_err(syntax)?,
        name: name.parse().map_err(syntax)?,
        version: block.version.clone(),
        slot: slot_name(slot)?,
        subslot: slot_name(subslot)?,
        repository: block.repository.clone(),
        uses: line.uses.clone(),
        iuse: block.iuse.clone(),
        license: block.license.clone(),
        description: block.description.clone(),
        homepage: block.homepage.clone(),
        ebuild: block.ebuild.clone(),
        builder: line.builder,
        root: line.root,
        needs,
        by_use,
        files: block.files.clone(),
        eclasses: block.eclasses.clone(),
        sources: block.sources.clone(),
    })
}
