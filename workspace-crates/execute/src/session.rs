//! One workspace and one run over it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8Path;
use tierce_docker::Docker;
use tierce_manifest::{DebugImage, ImageSpec, WorkspaceSpec};
use tierce_plan::{Facts, Lock, Plan, Sink, StepId};
use tierce_process::cargo;
use tierce_process::cargo_config::{self, CargoConfig};
use tierce_process::rustc::Toolchain;

use crate::delivery::Delivered;
use crate::executor::Executor;
use crate::facts;
use crate::forecast::{Forecast, forecast};
use crate::image_tests::ImageTests;
use crate::kept_workspace::KeptWorkspace;
use crate::locks::Held;
use crate::options::Options;
use crate::places::Places;
use crate::progress::{Event, Observer};
use crate::receipts::Receipts;
use crate::repositories::{self, RepositoryFolder};
use crate::run::{Results, StepRun, run};
use crate::tree_digest::FileDigests;
use crate::uses::Uses;
use crate::workspace_text::workspace_text;
use crate::{Error, locks, report};

/// A workspace whose tables have been read.
pub struct Session {
    pub(crate) options: Options,
    pub(crate) workspace: cargo::Workspace,
    pub(crate) spec: WorkspaceSpec,
    pub(crate) toolchain: Toolchain,
    pub(crate) cargo_config: CargoConfig,
    pub(crate) places: Places,
    pub(crate) repositories: Vec<RepositoryFolder>,
    pub(crate) digests: FileDigests,
    docker: Mutex<Option<Docker>>,
    /// Whether leftovers of killed runs have been removed.
    pub(crate) tidied: Mutex<bool>,
    uses: Mutex<Uses>,
    /// Keeps others from emptying the cache.
    pub(crate) cache_lock: Mutex<Option<Held>>,
    /// The namespace of the run whose verification this one is, if it is one.
    pub(crate) verifies: Option<String>,
    /// Held while a layout is written: each image reads its index, and writes it with itself in it.
    pub(crate) layout: Mutex<()>,
    /// Held while cargo runs: all images share its target folder, and two at once would wait for each other's locks.
    pub(crate) cargo: Mutex<()>,
}

/// What a whole plan came to.
struct Run {
    facts: Facts,
    results: Results,
    /// The steps of this plan and of those before it.
    runs: Vec<StepRun>,
}

/// Where a session is that shares nothing with others but downloads.
pub(crate) struct Alone {
    /// Its folders.
    pub(crate) places: Places,
    /// The namespace of the run that it is a part of.
    pub(crate) verifies: String,
}

impl Session {
    /// Finds the workspace and reads its tables.
    ///
    /// # Errors
    /// Whatever is wrong with the workspace, its tables, the toolchain or the folders.
    pub fn open(options: Options, observer: &Observer<'_>) -> Result<Session, Error> {
        Session::open_in(options, None, observer)
    }

    /// The same with folders of its own.
    pub(crate) fn open_alone(options: Options, alone: Alone, observer: &Observer<'_>) -> Result<Session, Error> {
        Session::open_in(options, Some(alone), observer)
    }

    fn open_in(options: Options, alone: Option<Alone>, observer: &Observer<'_>) -> Result<Session, Error> {
        let target = cargo::Options {
            locked: options.locked,
            offline: options.offline,
            target: Some(format!("{}-unknown-linux-gnu", std::env::consts::ARCH)),
            colour: options.colour,
            quiet: options.quiet,
        };
        let on_line = |line: &str| observer(Event::Output { bytes: format!("{line}\n").into_bytes() });
        let (outline, toolchain) = std::thread::scope(|scope| {
            let toolchain = scope.spawn(|| tierce_process::rustc::toolchain(&options.folder));
            let outline = cargo::outline(&options.folder, &target, &options.interrupted, on_line);
            (outline, toolchain.join())
        });
        let outline = outline?;
        let toolchain = toolchain.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        // Ambient variables do not count: they would make two machines differ.
        let cargo_home = crate::steps::debian::utf8(options.cargo_home.clone())?;
        let mut cargo_config = cargo_config::effective(&outline.root, &cargo_home, &BTreeMap::new(), &toolchain.host)?;
        if !cargo_config.cfg_targets.is_empty() {
            cargo_config.keep_applying(&toolchain.cfg()?);
        }
        let kept = KeptWorkspace::new(&outline, &toolchain, &cargo_config, &cargo_home, target.target.as_deref());
        let (workspace, is_kept) = match kept.read() {
            Some(workspace) => (workspace, true),
            None => (cargo::workspace(&options.folder, &target, &options.interrupted, on_line)?, false),
        };
        let spec = tierce_manifest::read(&workspace_text(&workspace.root, &workspace.members)?)?;
        let places = match &alone {
            Some(alone) => alone.places.clone(),
            None => Places::choose(workspace.target_directory.as_std_path(), &options.user)?,
        };
        if places.cache_is_in_workspace() {
            let message = format!("the user's cache cannot be written; {} is used instead", places.cache().display());
            observer(Event::Warning { message });
        }
        if !is_kept {
            kept.keep(&workspace)?;
        }
        let what = "`cargo xtask clean`, which removes from the cache";
        let cache_lock = locks::share(&locks::cache_path(&places), what, &options.interrupted, observer)?;
        let digests = FileDigests::load(places.own("digests.json"));
        let repositories = repositories::gather(&spec, workspace.root.as_std_path(), &places, &digests)?;
        Ok(Session {
            options,
            workspace,
            spec,
            toolchain,
            cargo_config,
            places,
            repositories,
            digests,
            docker: Mutex::new(None),
            tidied: Mutex::new(false),
            uses: Mutex::default(),
            cache_lock: Mutex::new(Some(cache_lock)),
            verifies: alone.map(|alone| alone.verifies),
            layout: Mutex::new(()),
            cargo: Mutex::new(()),
        })
    }

    /// The folder of the workspace.
    pub fn root(&self) -> &Utf8Path {
        &self.workspace.root
    }

    /// The folders of this run.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The images of these names; where none are named, all but the toolbox.
    ///
    /// # Errors
    /// A name that the workspace does not have, or a workspace without images.
    pub fn images(&self, names: &[String]) -> Result<Vec<&ImageSpec>, Error> {
        let all: Vec<&ImageSpec> = self.spec.images.iter().collect();
        let known = || match all.is_empty() {
            true => Vec::new(),
            false => self.spec.all_images().map(|image| image.name.to_string()).collect(),
        };
        if names.is_empty() && all.is_empty() {
            return Err(Error::NoImages);
        }
        if names.is_empty() {
            return Ok(all);
        }
        let mut chosen: Vec<&ImageSpec> = Vec::new();
        for name in names {
            let image = self.spec.image(name);
            let image = image.ok_or_else(|| Error::UnknownImage { name: name.clone(), known: known() })?;
            if !chosen.iter().any(|other| other.name == image.name) {
                chosen.push(image);
            }
        }
        Ok(chosen)
    }

    /// All images but these and the toolbox.
    ///
    /// # Errors
    /// As [`Session::images`], and where nothing is left.
    pub fn images_without(&self, excluded: &[String]) -> Result<Vec<&ImageSpec>, Error> {
        let mut images = self.images(&[])?;
        if !excluded.is_empty() {
            let excluded = self.images(excluded)?;
            images.retain(|image| excluded.iter().all(|other| other.name != image.name));
        }
        if images.is_empty() { Err(Error::AllExcluded) } else { Ok(images) }
    }

    /// The names by which images can be asked for, the toolbox's included.
    pub fn image_names(&self) -> Vec<&str> {
        self.spec.all_images().map(|image| image.name.as_str()).collect()
    }

    /// The image whose tools a debugging session brings.
    pub(crate) fn debug_image(&self) -> &DebugImage {
        &self.spec.debug_image
    }

    /// The steps that a run would take from here, as far as they are known.
    ///
    /// # Errors
    /// What stands in the way of planning.
    pub fn plan(&self, images: &[&ImageSpec], sink: &Sink) -> Result<Plan, Error> {
        let (facts, plan) = self.plan_with(images, sink, self.read_lock()?, &[])?;
        self.check_deps(images, &facts, &plan)?;
        Ok(plan)
    }

    /// What a run would do of each step of a plan, in its order.
    ///
    /// # Errors
    /// What stands in the way of planning, and the daemon's.
    pub fn forecast(&self, images: &[&ImageSpec], sink: &Sink) -> Result<Vec<(StepId, Forecast)>, Error> {
        let (facts, plan) = self.plan_with(images, sink, self.read_lock()?, &[])?;
        self.check_deps(images, &facts, &plan)?;
        forecast(&Executor::new(self, &facts, &|_| {}), &plan, &Receipts::new(self.places.clone()))
    }

    /// The plan with this lock, and what it was made of. What has run already is not done again, whatever `no_cache` says.
    pub(crate) fn plan_with(
        &self,
        images: &[&ImageSpec],
        sink: &Sink,
        lock: Option<Lock>,
        runs: &[StepRun],
    ) -> Result<(Facts, Plan), Error> {
        let is_chosen = |verb: &str| self.options.no_cache.iter().any(|name| name == "all" || name == verb);
        let has_run = |step: &StepId| runs.iter().any(|run| run.step == *step && !run.reused);
        let mut facts = facts::gather(self, &self.spec.with_bases(images), lock)?;
        if is_chosen("packages") {
            facts.binpkgs.clear();
        }
        let mut plan = tierce_plan::plan(&self.spec, images, &facts, sink)?;
        if self.options.no_test {
            plan.without_tests();
        }
        plan.again(|step| is_chosen(step.verb()) && !has_run(step) && !self.is_left_alone(step, images));
        Ok((facts, plan))
    }

    /// Builds these images and brings them to the sink.
    ///
    /// # Errors
    /// What went wrong first; nothing half-made is left.
    pub fn deliver(
        &self,
        images: &[&ImageSpec],
        sink: &Sink,
        observer: &Observer<'_>,
    ) -> Result<Vec<Delivered>, Error> {
        let deliver = || {
            let _held = locks::workspace(&self.places, &self.options.interrupted, observer)?;
            let Run { facts, results, runs } = self.run_plans(images, sink, None, observer)?;
            self.tidy_up(&self.spec.with_bases(images), &results, &Receipts::new(self.places.clone()), observer)?;
            report::deliver(self, &Executor::new(self, &facts, observer), images, sink, &results, runs)
        };
        deliver().map_err(|error| self.cause(error))
    }

    /// Builds these images as far as needed, and runs their tests whatever earlier runs have come to: those of these names, or
    /// all. That tests fail is a result; nothing gets a name by it.
    ///
    /// # Errors
    /// [`Error::UnknownTest`]; what went wrong before the tests, or kept them from being run.
    pub fn test(
        &self,
        images: &[&ImageSpec],
        names: &[String],
        observer: &Observer<'_>,
    ) -> Result<Vec<ImageTests>, Error> {
        let known = || images.iter().flat_map(|image| image.tests.iter().map(|test| test.name.to_string()));
        if let Some(name) = names.iter().find(|name| known().all(|known| known != **name)) {
            return Err(Error::UnknownTest { name: name.clone(), known: known().collect() });
        }
        let test = || {
            let _held = locks::workspace(&self.places, &self.options.interrupted, observer)?;
            let Run { results, .. } = self.run_plans(images, &Sink::Daemon, Some(names), observer)?;
            Ok(images.iter().filter_map(|image| ImageTests::of(image, &results, &self.places)).collect())
        };
        test().map_err(|error| self.cause(error))
    }

    /// Whatever an interruption has broken off on its way, it is the cause.
    fn cause(&self, error: Error) -> Error {
        if self.options.interrupted.load(Ordering::Relaxed) { Error::Interrupted } else { self.with_room(error) }
    }

    /// Runs plans until one was whole. With `tests`, it ends with these tests of each image.
    fn run_plans(
        &self,
        images: &[&ImageSpec],
        sink: &Sink,
        tests: Option<&[String]>,
        observer: &Observer<'_>,
    ) -> Result<Run, Error> {
        self.sweep(sink);
        let receipts = Receipts::new(self.places.clone());
        let mut runs: Vec<StepRun> = Vec::new();
        let mut choose_anew = false;
        let mut chosen_anew = false;
        loop {
            let mut lock = self.read_lock()?;
            if let (true, Some(lock)) = (std::mem::take(&mut choose_anew), &mut lock) {
                lock.builder.debs.clear();
            }
            let (facts, mut plan) = self.plan_with(images, sink, lock, &runs)?;
            if let (Some(names), true) = (tests, plan.whole) {
                plan.only_tests(names);
            }
            if self.options.locked && !plan.whole && !plan.is_pull() {
                return Err(self.locked_error(images, &facts)?);
            }
            self.check_deps(images, &facts, &plan)?;
            let executor = Executor { forgives: tests.is_some(), ..Executor::new(self, &facts, observer) };
            let mut results = match run(&executor, &plan, &receipts, self.options.jobs, observer) {
                // A stable suite replaces packages at its point releases and when their security is at stake.
                Err(Error::Fetch(gone)) if is_gone(&gone, &facts) && !self.options.locked && !chosen_anew => {
                    warn_of_gone(&gone, observer);
                    (choose_anew, chosen_anew) = (true, true);
                    continue;
                }
                other => other?,
            };
            runs.append(&mut results.runs);
            self.digests.save()?;
            if plan.is_pull() {
                continue;
            }
            if plan.whole {
                self.keep_rustc(&facts)?;
                return Ok(Run { facts, results, runs });
            }
            let lock = self.locked_now(&facts, &plan, results);
            self.tell_changes(&facts, &lock, observer);
            self.write_lock(&lock)?;
        }
    }

    /// What this run uses of what it shares with others.
    pub(crate) fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what takes long by itself, without waiting for anybody, after Ctrl-C.
    pub(crate) fn check_interrupted(&self) -> Result<(), Error> {
        if self.options.interrupted.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// The daemon, connected to when it is first needed.
    pub(crate) fn docker(&self) -> Result<Docker, Error> {
        let mut docker = self.docker.lock().unwrap_or_else(PoisonError::into_inner);
        if docker.is_none() {
            *docker = Some(Docker::connect(&self.options.daemon, Arc::clone(&self.options.interrupted))?);
        }
        docker.clone().ok_or(Error::Interrupted)
    }
}

/// Says that a package of the lock is gone, and what is done about it.
pub(crate) fn warn_of_gone(gone: &tierce_fetch::Error, observer: &Observer<'_>) {
    let what = format!("`{}` of Tierce.lock is gone from the mirror", gone.name);
    observer(Event::Warning { message: format!("{what}; the builder's packages are chosen anew") });
}

/// Whether a download failed because the mirror has no more a Debian package that the lock names.
pub(crate) fn is_gone(error: &tierce_fetch::Error, facts: &Facts) -> bool {
    let debs = facts.lock.iter().flat_map(|lock| &lock.builder.debs);
    matches!(error.kind, tierce_fetch::ErrorKind::NotFound { .. })
        && debs.into_iter().any(|deb| error.name == format!("{} {}", deb.name, deb.version))
}
