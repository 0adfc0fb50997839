//! Plans an update: selects the images to resolve and the packages that may change their versions.

use std::collections::BTreeSet;

use tierce_manifest::{ImageSpec, WorkspaceSpec};
use tierce_portage::{Atom, PackageName, ResolvedPackage};

use crate::builder::{BuilderSteps, builder_steps};
use crate::facts::Facts;
use crate::inputs::resolution_inputs;
use crate::lock::{Lock, LockedImage};
use crate::planning::{pulls, resolve_step, unfinished};
use crate::portage_config::ConfigError;
use crate::portage_config::key_config;
use crate::step::{Moves, Plan, Step};

/// The word for the builder's Debian packages on the command line.
const BUILDER: &str = "builder";

/// The scope of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Whether the builder's Debian packages are selected again.
    pub builder: bool,
    /// The images to update.
    pub images: Vec<String>,
    /// The packages that move.
    pub moves: Moves,
}

/// An error of the words of an update.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// A word that is not an image.
    #[error("the workspace has no image `{name}`")]
    NoImage {
        /// The word.
        name: String,
        /// The workspace's images.
        images: Vec<String>,
        /// Suggestions: images, and packages of the lock.
        near: Vec<String>,
    },
    /// An atom that no image has.
    #[error("no image of Tierce.lock has the package `{package}`")]
    NoPackage {
        /// Its category and name.
        package: String,
        /// Suggestions: packages of the lock with a similar name.
        near: Vec<String>,
    },
    /// A word that is not an atom.
    #[error("{message}")]
    Malformed {
        /// The rule that it breaks.
        message: String,
    },
}

impl UpdateError {
    /// How to fix it.
    pub fn help(&self) -> Option<String> {
        match self {
            UpdateError::NoImage { near, .. } | UpdateError::NoPackage { near, .. } if !near.is_empty() => {
                Some(format!("did you mean `{}`?", near.join("` or `")))
            }
            UpdateError::NoImage { images, .. } => {
                let images = images.join("`, `");
                Some(format!("name one of `{images}`, a package with its category, or `{BUILDER}`"))
            }
            UpdateError::NoPackage { .. } => Some("run `cargo xtask image` to add the packages of the tables".into()),
            UpdateError::Malformed { .. } => None,
        }
    }
}

impl Update {
    /// Parses the words of a command line: images, atoms, and `builder`. Without an image, the update has all of
    /// `images`, and those of `more` that the lock has: they are built on request only.
    ///
    /// # Errors
    /// [`UpdateError`] for an unknown word, with suggestions.
    pub fn parse(words: &[String], images: &[&str], more: &[&str], lock: &Lock) -> Result<Update, UpdateError> {
        let (mut builder, mut named, mut atoms) = (words.is_empty(), Vec::new(), Vec::new());
        for word in words {
            if images.iter().chain(more).any(|image| image == word) {
                named.push(word.clone());
            } else if word == BUILDER {
                builder = true;
            } else if word.contains('/') {
                let malformed =
                    |error: tierce_portage::SyntaxError| UpdateError::Malformed { message: error.to_string() };
                atoms.push(word.parse::<Atom>().map_err(malformed)?);
            } else {
                return Err(no_image(word, images, lock));
            }
        }
        let everything = words.is_empty() || !named.is_empty();
        if named.is_empty() {
            let locked = more.iter().filter(|image| lock.image(image).is_some());
            named.extend(images.iter().chain(locked).map(|image| (*image).to_owned()));
        }
        for atom in &atoms {
            let locked = lock.images.iter().filter(|image| named.contains(&image.name));
            if !locked.into_iter().any(|image| has(image, atom)) {
                let known: Vec<String> = names(lock).iter().map(ToString::to_string).collect();
                let package = atom.package().to_string();
                let near = nearest(&package, known.iter().map(String::as_str));
                return Err(UpdateError::NoPackage { package, near });
            }
        }
        let moves = match (atoms.is_empty(), everything) {
            (false, _) => Moves::Packages(atoms),
            (true, true) => Moves::Everything,
            // The builder alone: its dependents are resolved again and keep their versions.
            (true, false) => Moves::Nothing,
        };
        Ok(Update { builder, images: named, moves })
    }
}

fn has(image: &LockedImage, atom: &Atom) -> bool {
    image.packages.iter().any(|package| package.package() == *atom.package())
}

/// The packages of all locked images.
fn names(lock: &Lock) -> BTreeSet<PackageName> {
    lock.images.iter().flat_map(|image| &image.packages).map(ResolvedPackage::package).collect()
}

fn no_image(word: &str, images: &[&str], lock: &Lock) -> UpdateError {
    let packages = names(lock).into_iter().filter(|package| package.name() == word);
    let mut near: Vec<String> = packages.map(|package| package.to_string()).collect();
    near.extend(nearest(word, images.iter().copied().chain([BUILDER])));
    UpdateError::NoImage {
        name: word.to_owned(),
        images: images.iter().map(|image| (*image).to_owned()).collect(),
        near,
    }
}

/// The most similar word, if it is similar enough for a typing error.
fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Vec<String> {
    let distance = |other: &'k str| (strsim::damerau_levenshtein(word, other), other);
    let best = known.map(distance).min().filter(|(distance, _)| *distance <= word.len().div_ceil(4));
    best.into_iter().map(|(_, other)| other.to_owned()).collect()
}

/// The images that an update may resolve: its own, their bases, and the locked images on top of one of them, which have
/// the same packages.
pub fn images_to_update<'s>(spec: &'s WorkspaceSpec, update: &Update, lock: Option<&Lock>) -> Vec<&'s ImageSpec> {
    let is_meant = |image: &&ImageSpec| update.images.iter().any(|name| name == image.name.as_str());
    let mut images: Vec<&ImageSpec> = spec.all_images().filter(is_meant).collect();
    let is_locked = |image: &ImageSpec| lock.is_some_and(|lock| lock.image(image.name.as_str()).is_some());
    let has = |images: &[&ImageSpec], name: &str| images.iter().any(|image| image.name.as_str() == name);
    while let Some(image) = spec.all_images().find(|image| {
        let stands_on = image.base.image().is_some_and(|base| has(&images, base.as_str()));
        stands_on && is_locked(image) && !has(&images, image.name.as_str())
    }) {
        images.push(image);
    }
    spec.with_bases(&images)
}

/// Plans an update: the steps up to the resolution of every image with packages that may move, or that the lock does
/// not cover. While the builder's packages are not selected, the plan ends with their selection. An image comes in a
/// later plan than its base. `done` are the resolved images. A plan without steps ends the update.
///
/// # Errors
/// A table's value that Portage's configuration cannot hold.
pub fn plan_update(
    spec: &WorkspaceSpec,
    update: &Update,
    done: &BTreeSet<String>,
    facts: &Facts,
) -> Result<Plan, ConfigError> {
    if let Some(pulls) = pulls(facts) {
        return Ok(pulls);
    }
    let BuilderSteps { mut steps, builder } = builder_steps(spec, facts);
    let Some((builder, key)) = builder else { return Ok(unfinished(steps)) };
    let is_meant = |image: &&ImageSpec| update.images.iter().any(|name| name == image.name.as_str());
    let lock = facts.lock.as_ref();
    let mut resolutions: Vec<Step> = Vec::new();
    for image in images_to_update(spec, update, lock) {
        let name = image.name.as_str();
        let base = image.base.image().map(|base| base.as_str());
        let is_resolved_now = |base| resolutions.iter().any(|step| step.id.image() == Some(base));
        if done.contains(name) || base.is_some_and(is_resolved_now) {
            continue;
        }
        let base = base.and_then(|base| lock?.image(base));
        let inputs = resolution_inputs(image, &key_config(spec, image, facts)?, &key, facts, base);
        let locked = lock.and_then(|lock| lock.image(name));
        let covered = locked.filter(|locked| locked.covers(&inputs));
        // The other images do not move; they follow their base.
        let moves = if is_meant(&image) { update.moves.clone() } else { Moves::Nothing };
        let may_move = match (&moves, covered) {
            (_, None) | (Moves::Everything, _) => true,
            (Moves::Nothing, Some(_)) => false,
            (Moves::Packages(atoms), Some(locked)) => atoms.iter().any(|atom| has(locked, atom)),
        };
        if may_move {
            resolutions.push(resolve_step(image, &builder, inputs, locked, moves));
        }
    }
    if resolutions.is_empty() {
        steps.clear();
    }
    steps.extend(resolutions);
    Ok(unfinished(steps))
}

/// Plans the builder alone, for commands that need no image. The plan ends before the first step that depends on unknown facts.
pub fn plan_builder(spec: &WorkspaceSpec, facts: &Facts) -> Plan {
    if let Some(pulls) = pulls(facts) {
        return pulls;
    }
    match builder_steps(spec, facts) {
        BuilderSteps { steps, builder: Some((builder, _)) } => {
            Plan { goals: vec![builder], whole: true, ..unfinished(steps) }
        }
        BuilderSteps { steps, builder: None } => unfinished(steps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let package = |category: &str, name: &str| {
            let json = serde_json::json!({
                "category": category, "name": name, "version": "1", "slot": "0", "subslot": "0", "repository": "tierce",
                "use": [], "iuse": [], "license": "", "description": "", "homepage": "", "ebuild": "ab".repeat(32),
                "builder": true, "root": true,
            });
            serde_json::from_value::<ResolvedPackage>(json).expect("a package")
        };
        let image = |name: &str, packages| LockedImage::new(name, Vec::new(), packages);
        let images = vec![
            image("web", vec![package("sys-libs", "zlib"), package("media-libs", "libpng")]),
            image("worker", vec![package("sys-libs", "zlib")]),
        ];
        Lock { images, ..Lock::default() }
    }

    fn parsed(words: &[&str]) -> Result<Update, UpdateError> {
        Update::parse(
            &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(),
            &["web", "worker"],
            &["toolbox"],
            &lock(),
        )
    }

    #[test]
    fn words_select_images_and_moves() {
        let packages =
            |atoms: &[&str]| Moves::Packages(atoms.iter().map(|atom| atom.parse().expect("an atom")).collect());
        let cases: [(&[&str], bool, &[&str], Moves); 8] = [
            (&[], true, &["web", "worker"], Moves::Everything),
            (&["web"], false, &["web"], Moves::Everything),
            (&["toolbox"], false, &["toolbox"], Moves::Everything),
            (&["builder"], true, &["web", "worker"], Moves::Nothing),
            (&["builder", "web"], true, &["web"], Moves::Everything),
            (&["sys-libs/zlib"], false, &["web", "worker"], packages(&["sys-libs/zlib"])),
            (&["worker", "<sys-libs/zlib-2"], false, &["worker"], packages(&["<sys-libs/zlib-2"])),
            (&["builder", "sys-libs/zlib"], true, &["web", "worker"], packages(&["sys-libs/zlib"])),
        ];
        for (words, builder, images, moves) in cases {
            let images = images.iter().map(|image| (*image).to_owned()).collect();
            assert_eq!(parsed(words), Ok(Update { builder, images, moves }), "{words:?}");
        }
    }

    #[test]
    fn unasked_image_updates_once_locked() {
        let mut lock = lock();
        lock.set_image(LockedImage::new("toolbox", Vec::new(), Vec::new()));
        let update = Update::parse(&[], &["web", "worker"], &["toolbox"], &lock).expect("everything");
        assert_eq!(update.images, ["web", "worker", "toolbox"]);
    }

    #[test]
    fn locked_dependents_follow_their_base() {
        let table = |name: &str, keys: &str| format!("[workspace.metadata.images.{name}]\n{keys}\n");
        let text = [("a", "cmd = [\"/x\"]"), ("b", "base = \"a\""), ("c", "base = \"b\""), ("d", "base = \"a\"")]
            .map(|(name, keys)| table(name, keys));
        let root = tierce_manifest::CargoToml { path: "Cargo.toml".into(), text: text.concat().into() };
        let spec = tierce_manifest::read(&tierce_manifest::WorkspaceText { root, members: Vec::new() });
        let spec = spec.expect("valid tables");
        let mut lock = Lock::default();
        for name in ["a", "b", "c"] {
            lock.set_image(LockedImage::new(name, Vec::new(), Vec::new()));
        }
        for (meant, expected) in [("a", &["a", "b", "c"][..]), ("b", &["a", "b", "c"]), ("d", &["a", "d"])] {
            let update = Update { builder: false, images: vec![meant.into()], moves: Moves::Everything };
            let images = images_to_update(&spec, &update, Some(&lock));
            assert_eq!(images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), expected, "{meant}");
        }
    }

    #[test]
    fn unknown_words_get_suggestions() {
        let no_image = |name: &str, near: &[&str]| UpdateError::NoImage {
            name: name.into(),
            images: vec!["web".into(), "worker".into()],
            near: near.iter().map(|near| (*near).to_owned()).collect(),
        };
        assert_eq!(parsed(&["wbe"]), Err(no_image("wbe", &["web"])));
        assert_eq!(parsed(&["bulider"]), Err(no_image("bulider", &["builder"])));
        assert_eq!(parsed(&["zlib"]), Err(no_image("zlib", &["sys-libs/zlib"])));
        assert_eq!(parsed(&["something"]), Err(no_image("something", &[])));
        for (words, near) in
            [(&["media-libs/libpgn"][..], "media-libs/libpng"), (&["worker", "media-libs/libpng"], "media-libs/libpng")]
        {
            let Err(UpdateError::NoPackage { near: found, .. }) = parsed(words) else { panic!("{words:?}") };
            assert_eq!(found, [near]);
        }
        assert!(matches!(parsed(&["media-libs/"]), Err(UpdateError::Malformed { .. })));
    }
}
