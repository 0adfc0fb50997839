//! The errors of planning an image.

use tierce_manifest::Place;
use tierce_portage::Atom;

use crate::portage_config::ConfigError;

/// An error of planning.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A table's value that breaks Portage's grammar.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An atom of `unmerge` that matches no package of ROOT.
    #[error("no package of ROOT matches `{atom}` of `unmerge`")]
    NothingToUnmerge {
        /// The atom's place.
        place: Place,
        /// The atom.
        atom: Box<Atom>,
        /// The packages of ROOT, as `category/name` and `category/name-version`.
        packages: Vec<(String, String)>,
    },
    /// An image that requires a package of its base in another version or with other flags.
    #[error("the base `{base}` has `{package}` already, and an image on top of it cannot have it with {wants}")]
    BaseHasOther {
        /// The place of the requirement.
        place: Place,
        /// The base image.
        base: String,
        /// The base's package, as `category/name-version`.
        package: String,
        /// The requirement, as the object of a sentence.
        wants: String,
    },
}

impl PlanError {
    /// The place of the value that causes the error.
    pub fn place(&self) -> &Place {
        match self {
            PlanError::Config(error) => &error.place,
            PlanError::NothingToUnmerge { place, .. } | PlanError::BaseHasOther { place, .. } => place,
        }
    }

    /// How to fix it.
    pub fn help(&self) -> Option<String> {
        match self {
            PlanError::Config(error) => error.source.help().map(str::to_owned),
            PlanError::NothingToUnmerge { atom, packages, .. } => Some(instead(&atom.package().to_string(), packages)),
            PlanError::BaseHasOther { base, .. } => {
                Some(format!("set it in the table of `{base}`, or use another base"))
            }
        }
    }
}

/// Suggests a replacement for a package that ROOT does not have.
fn instead(wanted: &str, packages: &[(String, String)]) -> String {
    if let Some((_, version)) = packages.iter().find(|(name, _)| name == wanted) {
        return format!("ROOT has `{version}`");
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
        _ => "remove the atom: ROOT does not have the package".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_the_nearest_package() {
        let packages = [("sys-libs/zlib", "1.2"), ("media-libs/libpng", "1.6")]
            .map(|(name, version)| (name.to_owned(), format!("{name}-{version}")));
        for (wanted, expected) in [
            ("sys-libs/zlib", "ROOT has `sys-libs/zlib-1.2`"),
            ("dev-libs/zlib", "did you mean `sys-libs/zlib`?"),
            ("media-libs/libpgn", "did you mean `media-libs/libpng`?"),
            ("app-shells/bash", "remove the atom: ROOT does not have the package"),
        ] {
            assert_eq!(instead(wanted, &packages), expected);
        }
    }
}
