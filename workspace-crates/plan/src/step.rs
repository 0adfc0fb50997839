//! The steps of a plan: what each does, after which, and what its key is made of.

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
    pub(crate) fn of_workspace(verb: &str) -> StepId {
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

    /// The image that it is a step of, if it is of one.
    pub fn image(&self) -> Option<&str> {
        self.0.split_once(' ').map(|(_, image)| image)
    }

    /// What kind of step it is: `root` of `root thumbnailer`.
    pub fn verb(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad`, so that tables can align it.
        f.pad(&self.0)
    }
}

/// Where finished images go.
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

/// A package that a build step is to have as a binary package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageBuild {
    /// `category/name-version`.
    pub package: String,
    /// The key of its binary package.
    pub key: String,
    /// Whether the builder's own root gets it too, for others to compile against.
    pub builder: bool,
    /// Whether ROOT gets it.
    pub root: bool,
    /// Whether it is in the ROOT of the image that this one is based on, whose own step has built it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base: bool,
    /// Whether the cache has it already.
    pub cached: bool,
}

/// What a step does. The executor matches these exhaustively and decides nothing on its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Reads the suite's signed index and chooses the Debian packages of the builder.
    SelectDebs,
    /// Downloads the chosen packages and Portage.
    FetchBuilder,
    /// Unpacks them into a root, imports and configures it.
    MakeBuilder,
    /// Imports a root filesystem of the user's own.
    ImportBuilder,
    /// Has the daemon pull an image that the builder or an image begins with.
    PullImage {
        /// Its reference.
        reference: String,
    },
    /// Takes an image that the daemon has.
    UseBuilderImage {
        /// Its reference.
        reference: String,
    },
    /// Lets Portage choose versions and USE flags.
    Resolve {
        /// For which image.
        image: String,
        /// The versions of the lock, which stay as far as they can.
        keep: Vec<Atom>,
        /// What does not stay.
        moves: Moves,
        /// What the resolution depends on, as lines of the lock.
        inputs: Vec<String>,
        /// Why the lock does not cover the image, each cause as a clause.
        why: Vec<String>,
    },
    /// Downloads the sources of the packages that are to be compiled.
    FetchSources {
        /// For which image.
        image: String,
        /// Of which packages.
        packages: Vec<String>,
    },
    /// Compiles what the cache lacks, each package once, into binary packages.
    BuildPackages {
        /// For which image.
        image: String,
        /// All packages of the image in merge order.
        packages: Vec<PackageBuild>,
    },
    /// Puts build-packages into a builder of the image's own.
    ExtendBuilder {
        /// For which image.
        image: String,
    },
    /// Merges ROOT from binary packages and takes its archive out.
    MergeRoot {
        /// For which image.
        image: String,
    },
    /// Unmerges packages from a copy of ROOT, for the image to be chosen of.
    Unmerge {
        /// For which image.
        image: String,
        /// The packages, each as `category/name-version`.
        packages: Vec<String>,
    },
    /// Compiles the Rust program against ROOT.
    Compile {
        /// For which image.
        image: String,
    },
    /// Compiles the probe of the image's health check.
    BuildProbe {
        /// For which image.
        image: String,
    },
    /// Takes an image from anywhere out of the daemon, for another one to begin with.
    SaveBase {
        /// For which image.
        image: String,
        /// The reference of the base.
        reference: String,
        /// Its id in the daemon.
        id: String,
    },
    /// Selects the image's files and writes its layers and documents.
    Pack {
        /// Which image.
        image: String,
    },
    /// Brings the layers and documents to the sink.
    Load {
        /// Which image.
        image: String,
        /// Where to.
        sink: Sink,
    },
    /// Runs containers of the image and looks at them from outside.
    Test {
        /// Which image.
        image: String,
        /// Its tests, by name.
        tests: Vec<String>,
    },
    /// Names the image.
    Tag {
        /// Which image.
        image: String,
        /// The references it gets, the first of which is printed.
        references: Vec<String>,
    },
}

/// Which packages need not keep their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moves {
    /// None: each keeps its version where the inputs allow that.
    #[default]
    Nothing,
    /// All: each gets the version that it would have without a lock.
    Everything,
    /// These, and what they need in other versions; to a version that the atom means.
    Packages(Vec<Atom>),
}

impl Action {
    /// The action's name and version: the version changes with what the code behind the name does.
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
            Action::MergeRoot { .. } => ("merge-root", 2),
            Action::Unmerge { .. } => ("unmerge", 1),
            Action::Compile { .. } => ("compile", 1),
            Action::BuildProbe { .. } => ("build-probe", 1),
            Action::SaveBase { .. } => ("save-base", 2),
            Action::Pack { .. } => ("pack", 2),
            Action::Load { .. } => ("load", 1),
            Action::Test { .. } => ("test", 1),
            Action::Tag { .. } => ("tag", 1),
        }
    }

    /// Whether the result serves every workspace of the user, so that its receipt lies in the user's cache.
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

    /// Whether a receipt records it. What the lock records needs none, and what only brings files into a cache, or an image into the
    /// daemon, is asked to whenever it is needed: it looks for itself what is there.
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

    /// What the step does, in words for a person.
    pub fn title(&self) -> String {
        match self {
            Action::SelectDebs => "choose the builder's Debian packages".into(),
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
            Action::ExtendBuilder { .. } => "add what only this image needs to the builder".into(),
            Action::MergeRoot { .. } => "merge ROOT".into(),
            Action::Unmerge { packages, .. } => format!("unmerge {}", packages.join(", ")),
            Action::Compile { .. } => "compile the program".into(),
            Action::BuildProbe { .. } => "compile the probe of the health check".into(),
            Action::SaveBase { reference, .. } => format!("take {reference} out of the daemon"),
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
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
    /// The steps whose results decide its own: their digests enter its key.
    pub after: Vec<StepId>,
    /// The steps that have to be done before it runs, and whose results its key knows by other means.
    pub prepared: Vec<StepId>,
    /// What its key is made of besides those results.
    pub ingredients: Ingredients,
    /// Whether an earlier result does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl Step {
    /// All steps that have to be done before it.
    pub fn inputs(&self) -> impl Iterator<Item = &StepId> {
        self.after.iter().chain(&self.prepared)
    }

    /// All that the step's result depends on, once the results of the steps before are known, in the order of
    /// [`Step::after`].
    pub fn ingredients_with<'a>(&self, results: impl IntoIterator<Item = &'a Outcome>) -> Ingredients {
        let (kind, version) = self.action.kind();
        let mut all = self.ingredients.clone();
        all.add("action", kind).add("version of the action", version.to_string());
        for (id, outcome) in self.after.iter().zip(results) {
            // The verb alone, so that two images that ask for the same share the result.
            let of_base =
                if id.image().is_some_and(|image| Some(image) != self.id.image()) { " of the base" } else { "" };
            all.add(format!("the result of `{}`{of_base}", id.verb()), outcome.digest());
        }
        all
    }
}

/// Steps in an order in which each comes after those whose results it uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// The steps that the run is for; the others run only for their sake.
    pub goals: Vec<StepId>,
    /// The images that they or their builders begin with, by image: what fails there keeps it from being built.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, Vec<String>>,
    /// Whether the plan reaches the finished images. Where it does not, there is more to plan when its steps are done.
    pub whole: bool,
}

impl Plan {
    /// The step of this name.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// Whether it only brings what planning has to know first: its steps have nothing for the lock.
    pub fn is_pull(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::PullImage { .. }))
    }

    /// Has the recorded steps for which this is true done again, whatever earlier runs have left.
    pub fn again(&mut self, chosen: impl Fn(&StepId) -> bool) {
        for step in &mut self.steps {
            step.again = step.action.is_recorded() && chosen(&step.id);
        }
    }

    /// Leaves the tests out.
    pub fn without_tests(&mut self) {
        let is_test = |id: &StepId| id.verb() == "test";
        self.steps.retain(|step| !is_test(&step.id));
        self.goals.retain(|goal| !is_test(goal));
        for step in &mut self.steps {
            step.prepared.retain(|id| !is_test(id));
        }
    }

    /// Goes no further than to the tests and has them done again: of these names alone, where there are some.
    pub fn only_tests(&mut self, names: &[String]) {
        self.goals.clear();
        for step in &mut self.steps {
            let Action::Test { tests, .. } = &mut step.action else { continue };
            if !names.is_empty() {
                tests.retain(|test| names.contains(test));
                // What it comes to is not the result of all of them.
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
            let what = if self.is_pull() { "is in the image" } else { "Portage resolves" };
            writeln!(f, "{:width$}  the steps after these depend on what {what}", "")?;
        }
        Ok(())
    }
}
