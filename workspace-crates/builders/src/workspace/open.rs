//! Opening a workspace: cargo's description, the toolchain, the tables, the folders of this run.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tierce_docker::Docker;
use tierce_manifest::WorkspaceSpec;
use tierce_process::cargo;
use tierce_process::cargo_config::{self, CargoConfig};
use tierce_process::rustc::{self, Toolchain};
use tierce_store::answer_cache::{AnswerCache, Answers};
use tierce_store::digests::FileDigests;
use tierce_store::files::utf8;
use tierce_store::metadata_cache::MetadataCache;
use tierce_store::paths::Paths;
use tierce_store::written_paths::WrittenPaths;
use tierce_store::{Error, Event, Observer, locks};

use crate::daemon::root_uses::RootUses;
use crate::workspace::options::Options;
use crate::workspace::{Alone, Workspace, engine_choice, repositories, tables};

/// Everything that cargo and rustc say of a workspace.
struct Described {
    workspace: cargo::Workspace,
    toolchain: Toolchain,
    config: CargoConfig,
    /// Where to keep the description, if it is new.
    new_metadata: Option<MetadataCache>,
    /// Where to keep the answers, if this run asked for them.
    new_answers: Option<AnswerCache>,
}

impl Workspace {
    /// Finds the workspace and reads its tables.
    pub fn open(options: Options, alone: Option<Alone>, observer: &Observer<'_>) -> Result<Workspace, Error> {
        let Described { workspace, toolchain, config, new_metadata, new_answers } = describe(&options, observer)?;
        let spec: WorkspaceSpec = tierce_manifest::read(&tables::workspace_text(&workspace.root, &workspace.members)?)?;
        check_names(&spec, &options.namespace)?;
        let paths = match &alone {
            Some(alone) => alone.paths.clone(),
            None => Paths::choose(workspace.target_directory.as_std_path(), &options.user)?,
        };
        if paths.cache_is_in_workspace() {
            let message = format!("the user's cache cannot be written; {} is used instead", paths.cache().display());
            observer(Event::Warning { message });
        }
        if let Some(cache) = new_metadata {
            cache.keep(&workspace)?;
        }
        if let Some(answers) = new_answers {
            answers.keep()?;
        }
        let what = "`cargo xtask clean`, which removes from the cache";
        let cache_lock = locks::share(&locks::cache_path(&paths), what, &options.interrupted, observer)?;
        let digests = FileDigests::load(paths.own("digests.json"), written(&workspace, &options, &paths));
        let repositories = repositories::gather(&spec, workspace.root.as_std_path(), &paths, &digests)?;
        let engine = engine_choice::choose(&options, &spec, &paths, observer)?;
        Ok(Workspace {
            options,
            metadata: workspace,
            spec,
            toolchain,
            cargo_config: config,
            paths,
            repositories,
            digests,
            engine,
            docker: Mutex::<Option<Docker>>::default(),
            tidied: Mutex::default(),
            root_uses: Mutex::<RootUses>::default(),
            cache_lock: Mutex::new(Some(cache_lock)),
            verifies: alone.map(|alone| alone.verifies),
            layout: Mutex::default(),
            cargo: Mutex::default(),
        })
    }
}

/// The paths that cargo and Tierce write in runs of this workspace.
fn written(workspace: &cargo::Workspace, options: &Options, paths: &Paths) -> WrittenPaths {
    let of_cargo = [Some(&workspace.target_directory), workspace.build_directory.as_ref()];
    let of_cargo = of_cargo.into_iter().flatten().map(|folder| folder.clone().into_std_path_buf());
    let lock = workspace.root.join("Tierce.lock").into_std_path_buf();
    let ours = [options.cargo_home.clone(), paths.cache().to_owned(), paths.own(""), lock];
    WrittenPaths::load(of_cargo.chain(ours).collect(), paths.own("written-paths"))
}

/// Refuses an image with the name of a builder: the two would take the name from each other.
fn check_names(spec: &WorkspaceSpec, namespace: &str) -> Result<(), Error> {
    let of_builder = |name: &str| ["builder", "environment"].iter().any(|kind| name == format!("{namespace}-{kind}"));
    for image in &spec.images {
        let name_of = |reference: String| reference.rsplit_once(':').map(|(name, _)| name.to_owned());
        let mut names =
            std::iter::once(image.name.to_string()).chain(image.references().into_iter().filter_map(name_of));
        if let Some(name) = names.find(|name| of_builder(name)) {
            let message = format!("`{name}` is the name of Tierce's own builders in the daemon");
            return Err(Error::table(&image.place, message).with_help("give the image another `name`, or other `tags`"));
        }
    }
    Ok(())
}

/// Asks cargo and rustc, or takes their answers of an earlier run where they still hold.
fn describe(options: &Options, observer: &Observer<'_>) -> Result<Described, Error> {
    let target = cargo::Options {
        locked: options.locked,
        offline: options.offline,
        target: Some(format!("{}-unknown-linux-gnu", std::env::consts::ARCH)),
        colour: options.colour,
        quiet: options.quiet,
    };
    let on_line = |line: &str| observer(Event::Output { bytes: format!("{line}\n").into_bytes() });
    let ask = || {
        let (outline, toolchain) = std::thread::scope(|scope| {
            let toolchain = scope.spawn(|| rustc::toolchain(&options.folder));
            let outline = cargo::outline(&options.folder, &target, &options.interrupted, on_line);
            (outline, toolchain.join())
        });
        Ok((outline?, toolchain.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?))
    };
    let cargo_home = utf8(options.cargo_home.clone())?;
    let (answers, mut new_answers) = match Answers::read(&options.folder, &cargo_home) {
        Some(answers) => (answers, None),
        None => AnswerCache::ask(&options.folder, &cargo_home, ask)?,
    };
    let Answers { outline, toolchain, cfg } = answers;
    // Ambient variables do not count: they would make two machines differ.
    let mut config = cargo_config::effective(&outline.root, &cargo_home, &BTreeMap::new(), &toolchain.host)?;
    if !config.cfg_targets.is_empty() {
        let cfg = match cfg {
            Some(cfg) => cfg,
            None => toolchain.cfg()?,
        };
        config.keep_applying(&cfg);
        if let Some(answers) = &mut new_answers {
            answers.set_cfg(cfg);
        }
    }
    let cache = MetadataCache::new(&outline, &toolchain, &config, &cargo_home, target.target.as_deref());
    let (workspace, new_metadata) = match cache.read() {
        Some(workspace) => (workspace, None),
        None => (cargo::workspace(&options.folder, &target, &options.interrupted, on_line)?, Some(cache)),
    };
    Ok(Described { workspace, toolchain, config, new_metadata, new_answers })
}
