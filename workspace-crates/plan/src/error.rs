//! What keeps an image from being planned.

use tierce_manifest::Place;
use tierce_portage::Atom;

use crate::portage_config::ConfigError;

/// Something that cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A value of a table that Portage's own grammar refuses.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An atom of `unmerge` that means no package of ROOT.
    #[error("ROOT has no package that `{atom}` means, so that nothing can be unmerged")]
    NothingToUnmerge {
        /// Where it stands.
        place: Place,
        /// The atom.
        atom: Box<Atom>,
        /// The packages of ROOT, as `category/name` and `category/name-version`.
        packages: Vec<(String, String)>,
    },
    /// What an image asks for of a package that the image below it has otherwise.
    #[error("the base `{base}` has `{package}` already, and an image on top of it cannot have it with {wants}")]
    BaseHasOther {
        /// Where it stands.
        place: Place,
        /// The image below.
        base: String,
        /// Its package, as `category/name-version`.
        package: String,
        /// What is asked for, for a sentence.
        wants: String,
    },
}

impl PlanError {
    /// The line to blame.
    pub fn place(&self) -> &Place {
        match self {
            PlanError::Config(error) => &error.place,
            PlanError::NothingToUnmerge { place, .. } | PlanError::BaseHasOther { place, .. } => place,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            PlanError::Config(error) => error.source.help().map(str::to_owned),
            PlanError::NothingToUnmerge { atom, packages, .. } => Some(instead(&atom.package().to_string(), packages)),
            PlanError::BaseHasOther { base, .. } => {
                Some(format!("ask for it in the table of `{base}`, or begin with another image"))
            }
        }
    }
}

/// What may have been meant by a package that is not there.
fn instead(wanted: &str, packages: &[(String, String)]) -> String {
    if let Some((_, version)) = packages.iter().find(|(name, _)| name == wanted) {
        return format!("it has `{version}`");
    }
    let bare = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let distance = |name: &str| {
        let whole = strsim::damerau_levenshtein(wanted, name);
        if bare(wanted) == bare(name) { 0 } else { whole }
    };
    match packages.iter().map(|(name, _)| (distance(name), name)).min() {
        Some((distance, name)) if distance <= (wanted.chars().count() / 3).max(1) => {
            format!("did you mean `{name}`?")
        }
        _ => "leave it out: it is not there".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_package_is_named() {
        let packages = [("sys-libs/zlib", "1.2"), ("media-libs/libpng", "1.6")]
            .map(|(name, version)| (name.to_owned(), format!("{name}-{version}")));
        for (wanted, expected) in [
            ("sys-libs/zlib", "it has `sys-libs/zlib-1.2`"),
            ("dev-libs/zlib", "did you mean `sys-libs/zlib`?"),
            ("media-libs/libpgn", "did you mean `media-libs/libpng`?"),
            ("app-shells/bash", "leave it out: it is not there"),
        ] {
            assert_eq!(instead(wanted, &packages), expected);
        }
    }
}
