//! The results of earlier steps, as a step reads them.

use std::collections::BTreeMap;

use tierce_plan::{
    Binpkg, Builder, ForeignBase, Ingredients, Key, Outcome, PackedImage, Program, Root, Step, StepId, Unmerged,
};
use tierce_store::Error;

/// Selects the results of one kind.
macro_rules! of_kind {
    ($outcomes:expr, $kind:ident) => {
        $outcomes.filter_map(|outcome| match outcome {
            Outcome::$kind(result) => Some(result),
            _ => None,
        })
    };
}

/// The results of the steps before one step.
#[derive(Clone, Debug, Default)]
pub struct Inputs(BTreeMap<StepId, Outcome>);

/// The tree that Tierce selects an image's files from.
#[derive(Clone, Copy)]
pub enum Tree<'i> {
    /// The merged ROOT.
    Root(&'i Root),
    /// A copy of ROOT without the unmerged packages.
    Unmerged(&'i Unmerged),
}

impl Tree<'_> {
    /// Returns the key of its archive in the cache.
    pub fn key(&self) -> &str {
        match self {
            Tree::Root(root) => &root.key,
            Tree::Unmerged(unmerged) => &unmerged.key,
        }
    }

    /// Returns the key of the original ROOT, which has the unmerged packages.
    pub fn unmerged_from(&self) -> Option<&str> {
        match self {
            Tree::Root(_) => None,
            Tree::Unmerged(unmerged) => Some(&unmerged.root),
        }
    }
}

impl Inputs {
    /// Returns the key of a step whose inputs these are.
    pub fn key(&self, step: &Step) -> Key {
        self.ingredients(step).key()
    }

    /// Returns the ingredients of a step's key.
    pub(crate) fn ingredients(&self, step: &Step) -> Ingredients {
        step.ingredients_with(step.after.iter().filter_map(|id| self.0.get(id)))
    }

    /// Whether a step has a result here.
    #[cfg(test)]
    pub(crate) fn has(&self, step: &StepId) -> bool {
        self.0.contains_key(step)
    }

    /// Returns the builder of the step.
    pub fn builder(&self) -> Result<&Builder, Error> {
        // The builder of one image sorts after the common one.
        of_kind!(self.0.values(), Builder).next_back().ok_or_else(|| Error::missing_input("builder"))
    }

    /// Returns the ROOT of an image, or `None` if no earlier step merged it.
    pub fn root(&self, image: &str) -> Option<&Root> {
        of_kind!(self.of_image(image), Root).next()
    }

    /// Returns the only ROOT: for the step `root` that of the base image, for `compile` and `unmerge` the image's own.
    pub fn only_root(&self) -> Option<&Root> {
        of_kind!(self.0.values(), Root).next()
    }

    /// Returns the tree that Tierce selects the files of an image from.
    pub fn tree(&self, image: &str) -> Result<Tree<'_>, Error> {
        let tree = self.of_image(image).find_map(|outcome| match outcome {
            Outcome::Root(root) => Some(Tree::Root(root)),
            Outcome::Unmerged(unmerged) => Some(Tree::Unmerged(unmerged)),
            _ => None,
        });
        tree.ok_or_else(|| Error::missing_input("ROOT"))
    }

    /// Returns the programs of an image, or `None` if no earlier step compiled them.
    pub fn programs(&self, image: &str) -> Option<&[Program]> {
        of_kind!(self.of_image(image), Programs).next().map(Vec::as_slice)
    }

    /// Returns the probe, if the image has a health check that needs it.
    pub fn probe(&self) -> Option<&Program> {
        of_kind!(self.0.values(), Probe).next()
    }

    /// Returns the binary packages; empty if no earlier step built any.
    pub(crate) fn binpkgs(&self) -> &[Binpkg] {
        of_kind!(self.0.values(), Binpkgs).next().map_or(&[], Vec::as_slice)
    }

    /// Returns the layers of an external base.
    pub fn external_base(&self) -> Result<&ForeignBase, Error> {
        of_kind!(self.0.values(), Base).next().ok_or_else(|| Error::missing_input("the base"))
    }

    /// Returns the layers of an image of the workspace.
    pub fn packed(&self, image: &str) -> Result<&PackedImage, Error> {
        of_kind!(self.of_image(image), Image).next().ok_or_else(|| Error::missing_input("packed image"))
    }

    /// Returns the daemon's id of the loaded image.
    pub fn loaded(&self) -> Option<&str> {
        self.0.values().find_map(|outcome| match outcome {
            Outcome::Delivered { id, .. } => Some(id.as_str()),
            _ => None,
        })
    }

    fn of_image(&self, image: &str) -> impl Iterator<Item = &Outcome> {
        self.0.iter().filter(move |(id, _)| id.image() == Some(image)).map(|(_, outcome)| outcome)
    }
}

impl FromIterator<(StepId, Outcome)> for Inputs {
    fn from_iter<T: IntoIterator<Item = (StepId, Outcome)>>(results: T) -> Inputs {
        Inputs(results.into_iter().collect())
    }
}
