//! Does single steps: matches actions exhaustively and leaves the doing to the modules of `steps`.

use std::collections::BTreeMap;

use tierce_docker::{ContainerSpec, Docker, Mount, Network};
use tierce_manifest::ImageSpec;
use tierce_plan::{Action, Builder, Facts, Key, Outcome, PackageBuild, Sink, Step};

use crate::Error;
use crate::locks::{self, Held};
use crate::owner;
use crate::progress::Observer;
use crate::run::{Inputs, Perform};
use crate::session::Session;

/// What steps are done with.
pub(crate) struct Executor<'a> {
    pub(crate) session: &'a Session,
    pub(crate) facts: &'a Facts,
    pub(crate) observer: &'a Observer<'a>,
    /// Whether the run goes on with the other images where one fails its tests.
    pub(crate) forgives: bool,
}

impl<'a> Executor<'a> {
    pub(crate) fn new(session: &'a Session, facts: &'a Facts, observer: &'a Observer<'a>) -> Executor<'a> {
        Executor { session, facts, observer, forgives: false }
    }

    /// The image of this name; plans name no others.
    pub(crate) fn image(&self, name: &str) -> Result<&'a ImageSpec, Error> {
        let image = self.session.spec.image(name);
        image.ok_or_else(|| Error::UnknownImage { name: name.into(), known: vec![] })
    }

    pub(crate) fn docker(&self) -> Result<Docker, Error> {
        self.session.docker()
    }

    /// The labels of everything that is made in the daemon.
    pub(crate) fn labels(&self, kind: &str) -> BTreeMap<String, String> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let namespace = label(owner::NAMESPACE, &self.session.options.namespace);
        let mut labels = BTreeMap::from([namespace, label(owner::KIND, kind)]);
        if let Some(verified) = &self.session.verifies {
            labels.extend([label(owner::VERIFIES, verified), label(owner::VERIFIER, &owner::this_process())]);
        }
        labels
    }

    /// The labels of what is finished when it is there: it has no owner, whatever it was made from.
    pub(crate) fn finished_labels(&self, kind: &str) -> BTreeMap<String, String> {
        let mut labels = self.labels(kind);
        labels.insert(owner::OWNER.into(), String::new());
        labels
    }

    /// The labels of what is half-made for a while: should this process be killed, a later one removes it.
    pub(crate) fn owned_labels(&self, kind: &str) -> BTreeMap<String, String> {
        let mut labels = self.labels(kind);
        labels.insert(owner::OWNER.into(), owner::this_process());
        labels
    }

    /// A name in the daemon: images, volumes and containers of one namespace stand together.
    pub(crate) fn daemon_name(&self, kind: &str, key: &str) -> String {
        format!("{}-{kind}-{}", self.session.options.namespace, key.get(..16).unwrap_or(key))
    }

    /// A container of a builder: no network, and a label by which a later run knows whether its owner still lives.
    pub(crate) fn builder_container(&self, builder: &Builder, kind: &str, mounts: Vec<Mount>) -> ContainerSpec {
        ContainerSpec {
            image: builder.image.clone(),
            network: Network::None,
            init: true,
            mounts,
            labels: self.owned_labels(kind),
            environment: BTreeMap::from([("LC_ALL".into(), "C.UTF-8".into()), ("HOME".into(), "/tmp".into())]),
            ..ContainerSpec::default()
        }
    }

    /// A folder of the host for a container to read.
    pub(crate) fn read_only(host: impl Into<std::path::PathBuf>, target: impl Into<String>) -> Mount {
        Mount::Bind { host: host.into(), target: target.into(), read_only: true }
    }

    /// Waits until no other run compiles one of the packages that are missing.
    fn claim_packages(&self, step: &Step, packages: &[PackageBuild]) -> Result<Vec<Held>, Error> {
        let missing = packages.iter().filter(|package| self.is_missing(step, package));
        // In one order for all: two runs that compile some of the same packages never wait for each other.
        let missing: BTreeMap<&str, &PackageBuild> = missing.map(|package| (package.key.as_str(), package)).collect();
        let session = self.session;
        let take = |(key, package): (&str, &PackageBuild)| {
            let lock = format!("package-{}", key.get(..16).unwrap_or(key));
            let what = format!("another run or image that compiles {}", package.package);
            let is_made = || !self.is_missing(step, package);
            let interrupted = &session.options.interrupted;
            locks::shared_until(&session.places, &lock, &what, &is_made, interrupted, self.observer).transpose()
        };
        missing.into_iter().filter_map(take).collect()
    }
}

impl Perform for Executor<'_> {
    type Claim = Vec<Held>;

    fn claim(&self, step: &Step, key: &Key) -> Result<Option<Vec<Held>>, Error> {
        let (lock, what) = match &step.action {
            Action::MakeBuilder | Action::ImportBuilder => ("builder".to_owned(), "makes a builder"),
            Action::BuildPackages { packages, .. } => return self.claim_packages(step, packages).map(Some),
            Action::ExtendBuilder { .. } => {
                (format!("environment-{}", key.short()), "adds the same build-packages to a builder")
            }
            Action::MergeRoot { .. } => (format!("root-{}", key.short()), "merges the same ROOT"),
            Action::Unmerge { .. } => {
                (format!("unmerge-{}", key.short()), "unmerges the same packages from the same ROOT")
            }
            _ => return Ok(None),
        };
        let (what, session) = (format!("another run or image that {what}"), self.session);
        let held = locks::shared(&session.places, &lock, &what, &session.options.interrupted, self.observer)?;
        Ok(Some(vec![held]))
    }

    fn perform(&self, step: &Step, inputs: &Inputs) -> Result<Outcome, Error> {
        let id = &step.id;
        self.session.remove_leftovers(&step.action)?;
        match &step.action {
            Action::SelectDebs => self.select_debs(id),
            Action::FetchBuilder => self.fetch_builder(id),
            Action::MakeBuilder => self.make_builder(step),
            Action::ImportBuilder => self.import_builder(step),
            Action::PullImage { reference } => self.pull_image(id, reference),
            Action::UseBuilderImage { reference } => self.use_builder_image(step, reference),
            Action::Resolve { image, keep, moves, .. } => self.resolve(image, keep, moves, builder_of(inputs)?),
            Action::FetchSources { image, packages } => self.fetch_sources(id, image, packages),
            Action::BuildPackages { image, packages } => self.build_packages(step, image, packages, inputs),
            Action::ExtendBuilder { image } => self.extend_builder(step, image, inputs),
            Action::MergeRoot { image } => self.merge_root(step, image, inputs),
            Action::Unmerge { image, packages } => self.unmerge(step, image, packages, inputs),
            Action::Compile { image } => self.compile(step, image, inputs),
            Action::BuildProbe { .. } => self.build_probe(inputs),
            Action::SaveBase { reference, id, .. } => self.save_base(reference, id),
            Action::Pack { image } => self.pack(image, inputs),
            Action::Load { image, sink } => self.load(image, sink, inputs),
            Action::Test { image, tests } => self.test(step, image, tests, inputs),
            Action::Tag { image, references } => self.tag(image, references, inputs),
        }
    }

    fn accept(&self, step: &Step, outcome: &Outcome, earlier: bool) -> Result<(), Error> {
        if self.forgives { Ok(()) } else { self.failed_tests(step, outcome, earlier) }
    }

    fn is_present(&self, step: &Step, outcome: &Outcome) -> Result<bool, Error> {
        Ok(match (&step.action, outcome) {
            (_, Outcome::Builder(builder)) => {
                let docker = self.docker()?;
                docker.facts()?.id == builder.daemon && docker.image(&builder.image)?.is_some()
            }
            (_, Outcome::Binpkgs(binpkgs)) => binpkgs.iter().all(|binpkg| self.binpkg_path(&binpkg.key).is_file()),
            (Action::MergeRoot { image }, Outcome::Root(root)) => self.root_is_present(image, root)?,
            (Action::Unmerge { image, .. }, Outcome::Unmerged(unmerged)) => {
                self.root_archive_is_present(image, &unmerged.key)?
            }
            (_, Outcome::Programs(programs)) => {
                programs.iter().all(|program| self.session.places.blob(&program.sha256).is_file())
            }
            (_, Outcome::Probe(probe)) => self.session.places.blob(&probe.sha256).is_file(),
            (_, Outcome::Base(base)) => self.layers_are_present(&base.layers),
            (Action::Pack { image }, Outcome::Image(packed)) => self.packed_is_present(image, packed),
            (Action::Load { sink: Sink::Daemon, .. }, Outcome::Delivered { id, .. }) => {
                self.docker()?.image(id)?.is_some()
            }
            (Action::Load { image, sink }, Outcome::Delivered { manifest, .. }) => {
                self.sink_is_present(image, sink, manifest.as_deref())
            }
            (Action::Test { .. }, Outcome::Tested(_)) => true,
            (Action::Tag { references, .. }, Outcome::Delivered { id, .. }) => {
                let docker = self.docker()?;
                let mut all = true;
                for reference in references {
                    all &= docker.image(reference)?.is_some_and(|image| image.id == *id);
                }
                all
            }
            // What has no receipt is never asked about.
            _ => false,
        })
    }
}

/// The builder among the results before a step.
pub(crate) fn builder_of(inputs: &Inputs) -> Result<&Builder, Error> {
    let mut builders = inputs.values().filter_map(|outcome| match outcome {
        Outcome::Builder(builder) => Some(builder),
        _ => None,
    });
    builders.next_back().ok_or_else(|| missing_input("builder"))
}

/// A plan that does not hold together: a fault of planning, which no input leads to.
pub(crate) fn missing_input(what: &'static str) -> Error {
    Error::Planning { what }
}
