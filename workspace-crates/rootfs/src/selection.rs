//! Selects the paths that an image needs.
//!
//! [`closure`] starts at the programs and at declared and kept paths, and follows what the dynamic linker and the
//! kernel follow: interpreters, needed libraries, dlopen notes, the interpreters of scripts, links. The result does not depend on
//! the order of the input. [`packages`] selects a whole root filesystem and follows the same to find missing files.

use std::collections::{BTreeMap, BTreeSet};

use crate::closure::Closure;
use crate::follow::Follow;
use crate::reason::Reason;
use crate::runtime_deps::{RuntimeDepChoices, Serving};
use crate::{Error, Globs, Index, Loader, Node};

/// A path that a closure starts from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    /// [`Reason::Program`], [`Reason::Declared`], [`Reason::Probe`] or [`Reason::Base`]. If a path has several, the first of
    /// this order wins.
    pub reason: Reason,
    /// A path inside the root; may contain links.
    pub path: String,
}

/// Computes the closure of `starts` in a root filesystem, including the run-time dependencies that are present. Pruned
/// paths count as absent, except the starts themselves and directories above a path of the image.
///
/// # Errors
/// [`Error::Missing`] with everything that is needed and absent or pruned; [`Error::NotFound`] and similar errors for a start
/// that is not in the tree.
pub fn closure(
    index: &Index,
    starts: &[Start],
    loader: &Loader,
    globs: &Globs,
    choices: &RuntimeDepChoices,
) -> Result<Closure, Error> {
    let mut follow = Follow::new(index, loader, globs);
    let starts: BTreeSet<&Start> = starts.iter().collect();
    // Links come last: the target of a declared link may be declared too, and then no glob keeps it out.
    let is_link = |start: &Start| {
        let resolved = index.tree().resolve_folder(&start.path);
        resolved.is_ok_and(|resolved| index.tree().get(&resolved.path).is_some_and(Node::is_symlink))
    };
    let (links, others): (Vec<&Start>, Vec<&Start>) = starts.into_iter().partition(|start| is_link(start));
    for start in others.into_iter().chain(links) {
        match start.reason {
            Reason::Base { .. } => {
                follow.closure.add(&start.path, start.reason.clone());
                follow.follow(&start.path)?;
            }
            _ => follow.start(&start.path, start.reason.clone())?,
        }
    }
    follow.keep()?;
    follow.serve_runtime_deps(choices, Serving::Adds)?;
    follow.note_unmatched_prunes();
    follow.finish()
}

/// Selects all of a root filesystem, and `starts`. `owners` maps real paths to packages (`category/name`). Paths stay out that
/// `prune` matches, or that a preset matches and `keep` does not. The image must contain everything that its files need:
/// libraries, the interpreters of scripts, the targets of links.
///
/// # Errors
/// [`Error::Missing`] with everything that is needed and not in the image, except for files of `allow_missing`;
/// [`Error::NotFound`] and similar errors for a start that is not in the tree.
pub fn packages(
    index: &Index,
    starts: &[Start],
    owners: &BTreeMap<String, String>,
    loader: &Loader,
    globs: &Globs,
    choices: &RuntimeDepChoices,
) -> Result<Closure, Error> {
    let mut follow = Follow::new(index, loader, globs);
    let starts: BTreeSet<&Start> = starts.iter().collect();
    for start in starts {
        match start.reason {
            // Every path of the base is a start: links and their targets.
            Reason::Base { .. } => follow.closure.add(&start.path, start.reason.clone()),
            _ => drop(follow.add_start(&start.path, start.reason.clone())?),
        }
    }
    follow.add_packages(owners);
    follow.note_unmatched_prunes();
    follow.check_all()?;
    follow.serve_runtime_deps(choices, Serving::Checks)?;
    follow.finish()
}

#[cfg(test)]
#[path = "selection_tests.rs"]
pub(crate) mod tests;
