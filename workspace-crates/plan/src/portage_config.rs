//! Converts an image's table to Portage's configuration.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use tierce_manifest::{ForAtom, ImageSpec, Located, Place, WorkspaceSpec};
use tierce_portage::{Machine, Patch, PortageConfig, RelativePath, Repository, Request, SyntaxError};

use crate::facts::{Facts, ImageFacts};

/// The path of ROOT in the builder.
pub const ROOT: &str = "/destination";

/// A table's value that breaks Portage's grammar.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct ConfigError {
    /// The value's place.
    pub place: Place,
    /// The rule that it breaks.
    pub source: Box<tierce_portage::Error>,
}

fn at(place: &Place, source: impl Into<tierce_portage::Error>) -> ConfigError {
    ConfigError { place: place.clone(), source: Box::new(source.into()) }
}

/// The resolver's request for an image.
pub fn request(image: &ImageSpec) -> Request {
    let values = |located: &[Located<tierce_portage::Atom>]| located.iter().map(|atom| atom.value.clone()).collect();
    let mut package_use = BTreeMap::<_, Vec<_>>::new();
    for ForAtom { atom, value } in &image.emerge.package_use {
        package_use.entry(atom.value.clone()).or_default().extend(value.iter().map(|setting| setting.value.clone()));
    }
    Request {
        packages: values(&image.emerge.packages),
        build_packages: values(&image.emerge.build_packages),
        root: ROOT.to_owned(),
        package_use,
        keep: Vec::new(),
        moves: Vec::new(),
        only: Vec::new(),
    }
}

/// Portage's configuration for an image. `main` is the main repository and has the default profile; `patches` are the
/// contents of the key `patches`, in its order.
///
/// # Errors
/// A value that Portage's files cannot hold.
pub fn portage_config(
    spec: &WorkspaceSpec,
    image: &ImageSpec,
    main: &Repository,
    default_profile: &RelativePath,
    patches: &[Vec<Patch>],
    machine: Machine,
) -> Result<PortageConfig, ConfigError> {
    let emerge = &image.emerge;
    let mut repositories = vec![main.clone()];
    for (priority, repository) in (1..).zip(&spec.repositories) {
        let mut mounted = Repository::mounted(repository.name.value.clone());
        mounted.masters = repository.masters.iter().flatten().map(|master| master.value.clone()).collect();
        mounted.priority = Some(priority);
        repositories.push(mounted);
    }
    let profile = match &spec.portage_profile {
        None => repositories[0].profile(default_profile),
        Some(profile) => {
            let path = profile.value.path.parse().map_err(|source: SyntaxError| at(&profile.place, source))?;
            let repository = repositories.iter().find(|repository| repository.name == profile.value.repository);
            repository.unwrap_or(&Repository::mounted(profile.value.repository.clone())).profile(&path)
        }
    };
    Ok(PortageConfig {
        use_flags: emerge.use_settings.iter().map(|setting| setting.value.clone()).collect(),
        package_use: request(image).package_use,
        package_keywords: by_atom(&emerge.package_keywords)?,
        package_mask: emerge.package_mask.iter().map(|atom| atom.value.clone()).collect(),
        package_unmask: emerge.package_unmask.iter().map(|atom| atom.value.clone()).collect(),
        package_env: emerge
            .package_env
            .iter()
            .map(|ForAtom { atom, value }| Ok((atom.value.clone(), variables(value)?)))
            .collect::<Result<_, ConfigError>>()?,
        package_license: by_atom(&emerge.package_license)?,
        patches: patches_by_atom(image, patches),
        make_conf: variables(&spec.make_conf)?,
        repositories,
        profile,
        machine,
    })
}

/// The configuration for keys, without the settings of a machine.
pub(crate) fn key_config(spec: &WorkspaceSpec, image: &ImageSpec, facts: &Facts) -> Result<PortageConfig, ConfigError> {
    let nothing = ImageFacts::default();
    let image_facts = facts.images.get(image.name.as_str()).unwrap_or(&nothing);
    portage_config(spec, image, &facts.main, &facts.default_profile, &image_facts.patches, any_machine())
}

/// The machine of keys, which are the same on every machine.
fn any_machine() -> Machine {
    Machine { jobs: NonZeroU32::MIN }
}

/// Patches by atom; a repeated atom has the patches of each entry.
fn patches_by_atom(image: &ImageSpec, contents: &[Vec<Patch>]) -> BTreeMap<tierce_portage::Atom, Vec<Patch>> {
    let mut all = BTreeMap::<_, Vec<Patch>>::new();
    for (ForAtom { atom, .. }, patches) in image.emerge.patches.iter().zip(contents) {
        all.entry(atom.value.clone()).or_default().extend(patches.iter().cloned());
    }
    all
}

/// Words by atom in Portage's types; a repeated atom has the words of each entry.
fn by_atom<T: std::str::FromStr<Err = SyntaxError>>(
    entries: &[ForAtom<Vec<Located<String>>>],
) -> Result<BTreeMap<tierce_portage::Atom, Vec<T>>, ConfigError> {
    let mut all = BTreeMap::<_, Vec<T>>::new();
    for ForAtom { atom, value } in entries {
        let words = all.entry(atom.value.clone()).or_default();
        for word in value {
            words.push(parse(word)?);
        }
    }
    Ok(all)
}

fn variables<K, V>(table: &BTreeMap<String, Located<String>>) -> Result<BTreeMap<K, V>, ConfigError>
where
    K: std::str::FromStr<Err = SyntaxError> + Ord,
    V: std::str::FromStr<Err = SyntaxError>,
{
    table
        .iter()
        .map(|(name, value)| {
            let name = name.parse().map_err(|source| at(&value.place, source))?;
            Ok((name, parse(value)?))
        })
        .collect()
}

fn parse<T: std::str::FromStr<Err = SyntaxError>>(text: &Located<String>) -> Result<T, ConfigError> {
    text.value.parse().map_err(|source| at(&text.place, source))
}
