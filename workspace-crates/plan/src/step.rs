//! The steps of a plan: their actions, order and keys.

use std::collections::BTreeMap;
use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use tierce_portage::Atom;

use crate::key::Ingredients;
use crate::outcome::Outcome;

/// The name of a step within its plan: `builder`, `root thumbnailer`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// A step of the whole workspace.
    pub fn of_workspace(verb: &str) -> StepId {
        StepId(verb.to_owned())
    }

    /// A step of one image.
    pub(crate) fn of_image(verb: &str, image: &str) -> StepId {
        StepId(format!("{verb} {image}"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The image of the step; `None` for a step of the workspace.
    pub fn image(&self) -> Option<&str> {
        self.0.split_once(' ').map(|(_, image)| image)
    }

    /// The kind of step: `root` of `root thumbnailer`.
    pub fn verb(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` supports the width of an aligned table.
        f.pad(&self.0)
    }
}

/// The destination of finished images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sink {
    /// Into the daemon.
    Daemon,
    /// Into an OCI layout in this folder.
    Layout(Utf8PathBuf),
    /// Into one archive file that `docker load` and `skopeo` read.
    Archive(Utf8PathBuf),
}

/// A package of a build step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageBuild {
    /// `category/name-version`.
    pub package: String,
    /// The key of its binary package.
    pub key: String,
    /// Whether it is merged into the builder's own root too, for other packages to compile against.
    pub builder: bool,
    /// Whether it is merged into ROOT.
    pub root: bool,
    /// Whether the ROOT of the base has it, whose own step builds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base: bool,
    /// Whether its build runs code of the workspace, or needs a package whose build does: it has a container of its own, and its key
    /// has those packages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// Whether the cache has it already.
    pub cached: bool,
}

/// The action of a step. The executor matches these exhaustively and makes no decision of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Reads the suite's signed index and selects the Debian packages of the builder.
    SelectDebs,
    /// Downloads the selected packages and Portage.
    FetchBuilder,
    /// Unpacks the packages into a root, imports and configures it.
    MakeBuilder,
    /// Imports a root filesystem of the user's own.
    ImportBuilder,
    /// Has the daemon pull an external base.
    PullImage {
        /// Its reference.
        reference: String,
    },
    /// Uses an image of the daemon as the builder's base.
    UseBuilderImage {
        /// Its reference.
        reference: String,
    },
    /// Has Portage resolve versions and USE flags.
    Resolve {
        /// The image.
        image: String,
        /// The locked versions, which stay where the inputs allow them.
        keep: Vec<Atom>,
        /// The packages that need not keep their versions.
        moves: Moves,
        /// The inputs of the resolution, as lines of the lock.
        inputs: Vec<String>,
        /// The causes for which the lock does not cover the image, each a clause.
        why: Vec<String>,
    },
    /// Downloads the sources of the packages to compile.
    FetchSources {
        /// The image.
        image: String,
        /// The packages, each as `category/name-version`.
        packages: Vec<String>,
    },
    /// Compiles the packages that the cache lacks into binary packages.
    BuildPackages {
        /// The image.
        image: String,
        /// All packages of the image in merge order.
        packages: Vec<PackageBuild>,
    },
    /// Merges build-packages into a builder of the image's own, and runs its hook.
    ExtendBuilder {
        /// The image.
        image: String,
    },
    /// Merges ROOT from binary packages and stores its archive.
    MergeRoot {
        /// The image.
        image: String,
    },
    /// Unmerges packages from a copy of ROOT, from which the image's files are selected.
    Unmerge {
        /// The image.
        image: String,
        /// The packages, each as `category/name-version`.
        packages: Vec<String>,
    },
    /// Compiles the Rust program against ROOT.
    Compile {
        /// The image.
        image: String,
    },
    /// Compiles the probe of the image's health check.
    BuildProbe {
        /// The image.
        image: String,
    },
    /// Exports an external base from the daemon.
    SaveBase {
        /// The image.
        image: String,
        /// The reference of the base.
        reference: String,
        /// Its id in the daemon.
        id: String,
    },
    /// Selects the image's files and writes its layers and documents.
    Pack {
        /// The image.
        image: String,
    },
    /// Writes the layers and documents to the sink.
    Load {
        /// The image.
        image: String,
        /// The sink.
        sink: Sink,
    },
    /// Runs containers of the image and checks them from outside.
    Test {
        /// The image.
        image: String,
        /// Its tests, by name.
        tests: Vec<String>,
    },
    /// Tags the image.
    Tag {
        /// The image.
        image: String,
        /// The image's references; the first is printed.
        references: Vec<String>,
    },
}

/// The packages that need not keep their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moves {
    /// No package: each keeps its version where the inputs allow it.
    #[default]
    Nothing,
    /// All packages: each gets the version that it would have without a lock.
    Everything,
    /// These packages, and their dependencies if they require it, to a version that the atom matches.
    Packages(Vec<Atom>),
}

impl Action {
    /// The action's name and version. Increase the version when the code gives other results.
    pub fn kind(&self) -> (&'static str, u32) {
        match self {
            Action::SelectDebs => ("select-debs", 1),
            Action::FetchBuilder => ("fetch-builder", 1),
            Action::MakeBuilder => ("make-builder", 1),
            Action::ImportBuilder => ("import-builder", 2),
            Action::PullImage { .. } => ("pull-image", 1),
            Action::UseBuilderImage { .. } => ("use-builder-image", 2),
            Action::Resolve { .. } => ("resolve", 1),
            Action::FetchSources { .. } => ("fetch-sources", 1),
            Action::BuildPackages { .. } => ("build-packages", 1),
            Action::ExtendBuilder { .. } => ("extend-builder", 1),
            Action::MergeRoot { .. } => ("merge-root", 3),
            Action::Unmerge { .. } => ("unmerge", 2),
            Action::Compile { .. } => ("compile", 1),
            Action::BuildProbe { .. } => ("build-probe", 1),
            Action::SaveBase { .. } => ("save-base", 3),
            Action::Pack { .. } => ("pack", 3),
            Action::Load { .. } => ("load", 1),
            Action::Test { .. } => ("test", 1),
            Action::Tag { .. } => ("tag", 1),
        }
    }

    /// Whether all workspaces of the user share the result: its receipt is in the user's cache.
    pub fn is_shared(&self) -> bool {
        matches!(
            self,
            Action::MakeBuilder
                | Action::ImportBuilder
                | Action::BuildPackages { .. }
                | Action::ExtendBuilder { .. }
                | Action::MergeRoot { .. }
                | Action::Unmerge { .. }
                | Action::BuildProbe { .. }
        )
    }

    /// Whether a receipt records the result. A resolution is in the lock; a download checks for itself what the cache
    /// or the daemon has.
    pub fn is_recorded(&self) -> bool {
        !matches!(
            self,
            Action::SelectDebs
                | Action::PullImage { .. }
                | Action::Resolve { .. }
                | Action::FetchBuilder
                | Action::FetchSources { .. }
        )
    }

    /// The action in words, for people.
    pub fn title(&self) -> String {
        match self {
            Action::SelectDebs => "select the builder's Debian packages".into(),
            Action::FetchBuilder => "fetch the builder".into(),
            Action::MakeBuilder => "make the builder".into(),
            Action::ImportBuilder => "import the builder".into(),
            Action::PullImage { reference } => format!("pull {reference}"),
            Action::UseBuilderImage { reference } => format!("use {reference} as the builder"),
            Action::Resolve { .. } => "resolve packages".into(),
            Action::FetchSources { packages, .. } => {
                format!("fetch the sources of {}", count(packages.len(), "package"))
            }
            Action::BuildPackages { packages, .. } => {
                let missing = packages.iter().filter(|p| !p.cached).count();
                match missing {
                    0 => format!("reuse {}", count(packages.len(), "binary package")),
                    n => format!("emerge {}, reuse {}", count(n, "package"), packages.len() - n),
                }
            }
            Action::ExtendBuilder { .. } => "extend the builder for this image".into(),
            Action::MergeRoot { .. } => "merge ROOT".into(),
            Action::Unmerge { packages, .. } => format!("unmerge {}", packages.join(", ")),
            Action::Compile { .. } => "compile the program".into(),
            Action::BuildProbe { .. } => "compile the probe of the health check".into(),
            Action::SaveBase { reference, .. } => format!("export {reference} from the daemon"),
            Action::Pack { .. } => "pack".into(),
            Action::Load { sink: Sink::Daemon, .. } => "load into the daemon".into(),
            Action::Load { sink: Sink::Layout(path), .. } => format!("write the layout {path}"),
            Action::Load { sink: Sink::Archive(path), .. } => format!("write the archive {path}"),
            Action::Test { tests, .. } => format!("run {}", count(tests.len(), "test")),
            Action::Tag { references, .. } => format!("tag {}", references.join(", ")),
        }
    }
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// Its action.
    #[serde(flatten)]
    pub action: Action,
    /// The steps whose results decide its own: its key has their digests.
    pub after: Vec<StepId>,
    /// The other steps that it runs after: its own ingredients cover their results.
    pub prepared: Vec<StepId>,
    /// The ingredients of its key besides the results of `after`.
    pub ingredients: Ingredients,
    /// Whether it runs even if an earlier result is fresh.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl Step {
    /// All steps that it runs after.
    pub fn inputs(&self) -> impl Iterator<Item = &StepId> {
        self.after.iter().chain(&self.prepared)
    }

    /// All ingredients of the step's key, with the results of earlier steps in the order of [`Step::after`].
    pub fn ingredients_with<'a>(&self, results: impl IntoIterator<Item = &'a Outcome>) -> Ingredients {
        let (kind, version) = self.action.kind();
        let mut all = self.ingredients.clone();
        all.add("action", kind).add("version of the action", version.to_string());
        for (id, outcome) in self.after.iter().zip(results) {
            // The verb alone, so that two images with the same ingredients share the result.
            let of_base =
                if id.image().is_some_and(|image| Some(image) != self.id.image()) { " of the base" } else { "" };
            all.add(format!("the result of `{}`{of_base}", id.verb()), outcome.digest());
        }
        all
    }
}

/// Steps, each after its inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// The steps that the run is for; the other steps are their inputs.
    pub goals: Vec<StepId>,
    /// The bases of the images and of their builders, by image: if a base fails, the image is skipped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, Vec<String>>,
    /// Whether the plan reaches the finished images. If not, plan again when its steps are done.
    pub whole: bool,
}

impl Plan {
    /// The step of this name.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// Whether the plan only pulls external bases: its steps have no results for the lock.
    pub fn is_pull(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::PullImage { .. }))
    }

    /// Marks the recorded steps that `chosen` selects to run even if they are fresh.
    pub fn again(&mut self, chosen: impl Fn(&StepId) -> bool) {
        for step in &mut self.steps {
            step.again = step.action.is_recorded() && chosen(&step.id);
        }
    }

    /// Removes the tests from the plan.
    pub fn without_tests(&mut self) {
        let is_test = |id: &StepId| id.verb() == "test";
        self.steps.retain(|step| !is_test(&step.id));
        self.goals.retain(|goal| !is_test(goal));
        for step in &mut self.steps {
            step.prepared.retain(|id| !is_test(id));
        }
    }

    /// Limits the plan to the tests and marks them to run again; `names` selects some tests, empty selects all.
    pub fn only_tests(&mut self, names: &[String]) {
        self.goals.clear();
        for step in &mut self.steps {
            let Action::Test { tests, .. } = &mut step.action else { continue };
            if !names.is_empty() {
                tests.retain(|test| names.contains(test));
                // A selection must not count as the result of all tests.
                step.ingredients.add("only", tests.join(" "));
            }
            if !tests.is_empty() {
                step.again = true;
                self.goals.push(step.id.clone());
            }
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(0);
        for step in &self.steps {
            write!(f, "{:width$}  {}", step.id, step.action.title())?;
            let after: Vec<&str> = step.inputs().map(StepId::as_str).collect();
            if !after.is_empty() {
                write!(f, "  (after {})", after.join(", "))?;
            }
            writeln!(f)?;
            if let Action::BuildPackages { packages, .. } = &step.action {
                for package in packages {
                    let how = if package.cached { "reuse " } else { "emerge" };
                    writeln!(f, "{:width$}    {how} {}", "", package.package)?;
                }
            }
        }
        if !self.whole {
            let basis = if self.is_pull() { "the pulled image" } else { "Portage's resolution" };
            writeln!(f, "{:width$}  later steps depend on {basis}", "")?;
        }
        Ok(())
    }
}
