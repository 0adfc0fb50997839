//! Plans the steps of images from specifications and facts.

use std::collections::{BTreeMap, BTreeSet};

use tierce_manifest::{
    AllowMissing, Hook, ImageSpec, Include, Keep, Located, PRESETS, ProgramSpec, RunTimeSpec, SizeLimit, Strip,
    UserSpec, WorkspaceSpec,
};
use tierce_portage::{PortageConfig, ResolvedPackage, binpkg_key, with_dependencies};

use crate::builder::{BuilderSteps, builder_steps, workspace_step};
use crate::error::PlanError;
use crate::facts::{Facts, ImageFacts};
use crate::hooks::add_hooks;
use crate::inputs::{causes, resolution_inputs};
use crate::key::{Ingredients, digest, digest_of};
use crate::lock::LockedImage;
use crate::on_base;
use crate::portage_config::key_config;
use crate::step::{Action, Moves, PackageBuild, Plan, Sink, Step, StepId};

/// Plans these images of the workspace. The plan ends before the first step that depends on unknown facts: when its
/// steps are done, plan again with their results.
///
/// # Errors
/// A table's value that Portage's configuration cannot hold, or an atom of `unmerge` that matches no package.
pub fn plan(spec: &WorkspaceSpec, images: &[&ImageSpec], facts: &Facts, sink: &Sink) -> Result<Plan, PlanError> {
    if let Some(pulls) = pulls(facts) {
        return Ok(pulls);
    }
    let BuilderSteps { mut steps, builder } = builder_steps(spec, facts);
    let Some((builder, builder_key)) = builder else {
        return Ok(unfinished(steps));
    };
    let mut wholes: Vec<Whole<'_>> = Vec::new();
    let mut resolutions = Vec::new();
    let all = spec.with_bases(images);
    let bases = bases(&all);
    for image in &all {
        let base = match image.base.image() {
            None => None,
            Some(name) => match wholes.iter().find(|whole| whole.image.name == *name) {
                Some(base) => Some(base.locked),
                // The base is resolved first.
                None => continue,
            },
        };
        let config = key_config(spec, image, facts)?;
        let inputs = resolution_inputs(image, &config, &builder_key, facts, base);
        if let Some(base) = base {
            on_base::check(spec, image, base)?;
        }
        match facts.lock.as_ref().and_then(|lock| lock.image(image.name.as_str())) {
            Some(locked) if locked.covers(&inputs) => wholes.push(Whole { image, config, locked }),
            locked => resolutions.push(resolve_step(image, &builder, inputs, locked, Moves::default())),
        }
    }
    if !resolutions.is_empty() {
        steps.extend(resolutions);
        return Ok(Plan { bases, ..unfinished(steps) });
    }
    let mut goals = Vec::new();
    let mut built: BTreeMap<&str, Vec<PackageBuild>> = BTreeMap::new();
    for Whole { image, config, locked } in wholes {
        let base = image.base.image().and_then(|base| Some((base.as_str(), built.get(base.as_str())?.as_slice())));
        let planning =
            ImagePlanning { spec, image, facts, config, locked, base, builder: &builder, builder_key: &builder_key };
        let packages = planning.packages();
        steps.extend(planning.build_steps(&packages)?);
        built.insert(image.name.as_str(), packages);
        let is_meant = |name: &str| images.iter().any(|image| image.name.as_str() == name);
        let (mut pack, deliver, image_goals) = deliver_steps(image, facts, sink, is_meant);
        if image.hooks.get(Hook::Finish).is_some() {
            // The hook runs in this environment.
            pack.after.push(environment(spec, image, &builder));
            add_hooks(&mut pack, image, facts, &[Hook::Finish]);
        }
        steps.push(pack);
        if is_meant(image.name.as_str()) {
            steps.extend(deliver);
            goals.extend(image_goals);
        }
    }
    Ok(Plan { steps: leading_to(&goals, steps), goals, bases, whole: true })
}

/// The plan that pulls the missing external bases, if any: all other steps depend on them.
pub(crate) fn pulls(facts: &Facts) -> Option<Plan> {
    let pull = |(reference, image): (&String, &Option<String>)| {
        let action = Action::PullImage { reference: reference.clone() };
        match image {
            Some(image) => image_step("pull", image, action),
            None => workspace_step("pull", action, Ingredients::default()),
        }
    };
    let steps: Vec<Step> = facts.absent.iter().map(pull).collect();
    (!steps.is_empty()).then(|| unfinished(steps))
}

/// The steps that the goals need, in order: an image does not need every step of its base.
fn leading_to(goals: &[StepId], steps: Vec<Step>) -> Vec<Step> {
    let mut needed: BTreeSet<StepId> = goals.iter().cloned().collect();
    for step in steps.iter().rev() {
        if needed.contains(&step.id) {
            needed.extend(step.inputs().cloned());
        }
    }
    steps.into_iter().filter(|step| needed.contains(&step.id)).collect()
}

/// An image with a known resolution.
struct Whole<'a> {
    image: &'a ImageSpec,
    config: PortageConfig,
    locked: &'a LockedImage,
}

/// The bases of the images that have some.
fn bases(images: &[&ImageSpec]) -> BTreeMap<String, Vec<String>> {
    let names = |image: &ImageSpec| image.bases().map(ToString::to_string).collect::<Vec<_>>();
    images.iter().map(|image| (image.name.to_string(), names(image))).filter(|(_, bases)| !bases.is_empty()).collect()
}

/// The step whose builder compiles an image's program: the image's own, else its builder base's, else the workspace's.
fn environment(spec: &WorkspaceSpec, image: &ImageSpec, builder: &StepId) -> StepId {
    if !image.emerge.build_packages.is_empty() || image.hooks.get(Hook::Builder).is_some() {
        return StepId::of_image("environment", image.name.as_str());
    }
    let below = image.builder_base.as_ref().and_then(|name| spec.image(name.value.as_str()));
    below.map_or_else(|| builder.clone(), |below| environment(spec, below, builder))
}

/// The step that resolves an image. Packages keep their locked versions where the inputs allow them, except for
/// `moves`.
pub(crate) fn resolve_step(
    image: &ImageSpec,
    builder: &StepId,
    inputs: Vec<String>,
    locked: Option<&LockedImage>,
    moves: Moves,
) -> Step {
    let why = causes(locked, &inputs);
    let keep = locked.map(LockedImage::exactly).unwrap_or_default();
    let name = image.name.as_str();
    let mut step = image_step("resolve", name, Action::Resolve { image: name.into(), keep, moves, inputs, why });
    step.after.push(builder.clone());
    step
}

pub(crate) fn unfinished(steps: Vec<Step>) -> Plan {
    let goals = match steps.iter().filter(|step| matches!(step.action, Action::Resolve { .. })).collect::<Vec<_>>() {
        resolutions if resolutions.is_empty() => steps.iter().map(|step| step.id.clone()).collect(),
        resolutions => resolutions.iter().map(|step| step.id.clone()).collect(),
    };
    Plan { steps, goals, bases: BTreeMap::new(), whole: false }
}

fn image_step(verb: &str, image: &str, action: Action) -> Step {
    let id = StepId::of_image(verb, image);
    Step { id, action, after: Vec::new(), prepared: Vec::new(), ingredients: Ingredients::default(), again: false }
}

/// A package's key, before the packages that its build needs.
#[derive(Clone)]
struct BinpkgKey {
    key: String,
    /// Whether its build runs code of the workspace.
    foreign: bool,
    of_base: bool,
}

/// The inputs of planning one image.
struct ImagePlanning<'a> {
    spec: &'a WorkspaceSpec,
    image: &'a ImageSpec,
    facts: &'a Facts,
    config: PortageConfig,
    locked: &'a LockedImage,
    /// The name and the packages of the base.
    base: Option<(&'a str, &'a [PackageBuild])>,
    builder: &'a StepId,
    builder_key: &'a str,
}

impl ImagePlanning<'_> {
    /// The steps from sources to ROOT and the program.
    fn build_steps(&self, packages: &[PackageBuild]) -> Result<Vec<Step>, PlanError> {
        let name = self.image.name.as_str();
        let mut steps = Vec::new();

        let to_compile: Vec<String> =
            packages.iter().filter(|package| !package.cached).map(|package| package.package.clone()).collect();
        let mut build =
            image_step("packages", name, Action::BuildPackages { image: name.into(), packages: packages.to_vec() });
        for package in packages {
            // The same package in the builder only or in ROOT makes different ROOTs.
            let place = match (package.root, package.base) {
                (false, _) => " not in ROOT",
                (true, false) => "",
                (true, true) => " of the base",
            };
            build.ingredients.add(&package.package, format!("{}{place}", package.key));
        }
        if !to_compile.is_empty() {
            let fetch = Action::FetchSources { image: name.into(), packages: to_compile };
            let fetch = image_step("sources", name, fetch);
            build.prepared = vec![self.builder.clone(), fetch.id.clone()];
            steps.push(fetch);
        }
        // The lowest image that has a package builds it.
        build.prepared.extend(self.base.map(|(base, _)| StepId::of_image("packages", base)));

        let mut root = image_step("root", name, Action::MergeRoot { image: name.into() });
        let looked_for = format!("{:?} {:?}", tierce_runtime_deps::symbols(), tierce_runtime_deps::texts());
        root.ingredients.add("what is looked for in ELF files", digest(looked_for));
        root.after.push(build.id.clone());
        root.after.extend(self.base.map(|(base, _)| StepId::of_image("root", base)));
        root.prepared.push(self.builder.clone());
        add_hooks(&mut root, self.image, self.facts, &[Hook::RootBefore, Hook::RootAfter]);

        let root_id = root.id.clone();
        let extend = self.environment_step(&build.id);
        steps.push(build);
        // Parallel to ROOT, on which it does not depend.
        steps.extend(extend);
        steps.push(root);
        if let Some(program) = &self.image.program {
            let mut compile = self.compile_step(program);
            compile.after.push(environment(self.spec, self.image, self.builder));
            compile.after.push(root_id);
            steps.push(compile);
        }
        if !self.image.content.unmerge.is_empty() {
            steps.push(self.unmerge_step()?);
        }
        steps.extend(uses_probe(self.image).then(|| self.probe_step()));
        steps.extend(base_step(self.image, self.facts));
        Ok(steps)
    }

    /// The step that extends the builder for this image, if it has build-packages or a builder hook.
    fn environment_step(&self, build: &StepId) -> Option<Step> {
        let name = self.image.name.as_str();
        let id = StepId::of_image("environment", name);
        if environment(self.spec, self.image, self.builder) != id {
            return None;
        }
        let mut extend = image_step("environment", name, Action::ExtendBuilder { image: name.into() });
        extend.after.push(build.clone());
        add_hooks(&mut extend, self.image, self.facts, &[Hook::Builder]);
        let below = self.image.builder_base.as_ref().and_then(|below| self.spec.image(below.value.as_str()));
        match below.map(|below| environment(self.spec, below, self.builder)) {
            Some(below) if below != *self.builder => extend.after.push(below),
            _ => extend.prepared.push(self.builder.clone()),
        }
        Some(extend)
    }

    /// The step that unmerges packages, parallel to the program, which is compiled against all of ROOT.
    fn unmerge_step(&self) -> Result<Step, PlanError> {
        let name = self.image.name.as_str();
        let in_root = || self.locked.packages.iter().filter(|package| package.root);
        let mut packages = BTreeSet::new();
        for atom in &self.image.content.unmerge {
            let meant = in_root().filter(|package| package.matches(&atom.value));
            let meant: Vec<String> = meant.map(|package| package.cpv().to_string()).collect();
            if meant.is_empty() {
                return Err(PlanError::NothingToUnmerge {
                    place: atom.place.clone(),
                    atom: Box::new(atom.value.clone()),
                    packages: in_root()
                        .map(|package| (package.package().to_string(), package.cpv().to_string()))
                        .collect(),
                });
            }
            packages.extend(meant);
        }
        let packages: Vec<String> = packages.into_iter().collect();
        let mut step = image_step("unmerge", name, Action::Unmerge { image: name.into(), packages: packages.clone() });
        step.after.push(StepId::of_image("root", name));
        step.prepared.push(self.builder.clone());
        step.ingredients.add("packages to unmerge", packages.join(" "));
        Ok(step)
    }

    fn packages(&self) -> Vec<PackageBuild> {
        let all: &[ResolvedPackage] = &self.locked.packages;
        let keys: BTreeMap<String, BinpkgKey> = all.iter().map(|package| self.own_key(package)).collect();
        let build = |package: &ResolvedPackage| {
            let cpv = package.cpv();
            let name = cpv.to_string();
            let BinpkgKey { key, foreign, of_base } = keys[&name].clone();
            let others = with_dependencies(&cpv, all).into_iter().map(|needed| needed.cpv().to_string());
            let others = others.filter(|needed| *needed != name).map(|needed| &keys[&needed]);
            let others: Vec<&str> = others.filter(|needed| needed.foreign).map(|needed| needed.key.as_str()).collect();
            // The base has added them to its key.
            let key =
                if of_base || others.is_empty() { key } else { digest_of(&[&[key.as_str()], &others[..]].concat()) };
            PackageBuild {
                package: name,
                cached: of_base || self.facts.binpkgs.contains(&key),
                key,
                builder: package.builder,
                root: package.root,
                base: of_base,
                foreign: foreign || !others.is_empty(),
            }
        };
        all.iter().map(build).collect()
    }

    /// The key of a package, or that of the same package of the base; without the packages that its build needs.
    fn own_key(&self, package: &ResolvedPackage) -> (String, BinpkgKey) {
        let cpv = package.cpv().to_string();
        let of_base = self.base.and_then(|(_, below)| below.iter().find(|below| below.root && below.package == cpv));
        let key = match of_base {
            Some(below) => BinpkgKey { key: below.key.clone(), foreign: below.foreign, of_base: true },
            None => {
                let (all, profile) = (&self.locked.packages, &self.facts.profile);
                BinpkgKey {
                    key: binpkg_key(package, all, &self.config, self.builder_key, profile),
                    foreign: self.config.is_foreign(package, &self.facts.main.name),
                    of_base: false,
                }
            }
        };
        (cpv, key)
    }

    /// The step that compiles the probe. It depends on the compiler and on no package.
    fn probe_step(&self) -> Step {
        let name = self.image.name.as_str();
        let source = self.facts.images.get(name).and_then(|facts| facts.probe.as_deref());
        let mut step = image_step("probe", name, Action::BuildProbe { image: name.into() });
        step.after.push(self.builder.clone());
        step.ingredients.add("source", source.unwrap_or_default());
        step
    }

    fn compile_step(&self, program: &ProgramSpec) -> Step {
        let name = self.image.name.as_str();
        let cargo = &program.cargo;
        let nothing = ImageFacts::default();
        let facts = self.facts.images.get(name).unwrap_or(&nothing);
        let mut step = image_step("compile", name, Action::Compile { image: name.into() });
        let words =
            |words: &[Located<String>]| words.iter().map(|word| word.value.as_str()).collect::<Vec<_>>().join(" ");
        step.ingredients
            .add("package", &program.package.name)
            .add("bins", words(&cargo.bins))
            .add("features", words(&cargo.features))
            .add("default features", cargo.default_features.to_string())
            .add("cargo's profile", cargo.profile_name())
            .add("target-cpu", cargo.target_cpu.as_ref().map_or("", |cpu| &cpu.value))
            .add("strip", strip_name(self.image.content.strip))
            .add("rustc", &self.facts.rustc)
            .add_parts("sources", facts.sources.clone())
            .add("cargo's configuration", &facts.cargo_config);
        if cargo.write_sources {
            step.ingredients.add("write-sources", "true");
        }
        step
    }
}

/// The value of the key `strip`.
pub fn strip_name(strip: Strip) -> &'static str {
    match strip {
        Strip::None => "none",
        Strip::Debuginfo => "debuginfo",
        Strip::Symbols => "symbols",
    }
}

/// Whether the health check runs Tierce's probe.
fn uses_probe(image: &ImageSpec) -> bool {
    image.config.healthcheck.as_ref().is_some_and(|check| check.value.is_probe)
}

/// The step that exports the external base from the daemon, if the image has one.
fn base_step(image: &ImageSpec, facts: &Facts) -> Option<Step> {
    let name = image.name.as_str();
    let reference = image.base.foreign()?.value.to_string();
    let base = facts.images.get(name)?.base.as_ref()?;
    let action = Action::SaveBase { image: name.into(), reference: reference.clone(), id: base.id.clone() };
    let mut step = image_step("base", name, action);
    step.ingredients.add("reference", reference).add("image", &base.id);
    Some(step)
}

/// The steps that pack the image and deliver it to the sink, and the goals among them. `is_meant` selects the images
/// that are delivered.
fn deliver_steps(
    image: &ImageSpec,
    facts: &Facts,
    sink: &Sink,
    is_meant: impl Fn(&str) -> bool,
) -> (Step, Vec<Step>, Vec<StepId>) {
    let name = image.name.as_str();
    let nothing = ImageFacts::default();
    let image_facts = facts.images.get(name).unwrap_or(&nothing);
    let mut pack = image_step("pack", name, Action::Pack { image: name.into() });
    let tree = if image.content.unmerge.is_empty() { "root" } else { "unmerge" };
    pack.after.push(StepId::of_image(tree, name));
    pack.ingredients
        .add("platform", &facts.platform)
        .add("what goes in", digest(content_text(image)))
        .add("how it is run", digest(format!("{:?}", without_places(image))))
        .add_parts("files", image_facts.files.clone());
    if !image_facts.env_files.is_empty() {
        pack.ingredients.add_parts("env-files", image_facts.env_files.clone());
    }
    if !image.max_size.is_empty() {
        pack.ingredients.add("max-size", max_size_text(image));
    }
    if let Some(ProgramSpec { package, .. }) = &image.program {
        pack.after.push(StepId::of_image("compile", name));
        pack.ingredients.add("package's description", digest(format!("{package:?}")));
    }
    if uses_probe(image) {
        pack.after.push(StepId::of_image("probe", name));
    }

    pack.after.extend(base_step(image, facts).map(|step| step.id));
    if let Some(base) = image.base.image() {
        pack.after.extend(["root", "pack"].map(|verb| StepId::of_image(verb, base.as_str())));
    }

    let mut load = image_step("load", name, Action::Load { image: name.into(), sink: sink.clone() });
    load.after = vec![pack.id.clone()];
    // The base's layers are in the daemon first, so they are sent once.
    let base = image.base.image().filter(|base| *sink == Sink::Daemon && is_meant(base.as_str()));
    load.prepared.extend(base.map(|base| StepId::of_image("tag", base.as_str())));
    let references = image.references();
    match sink {
        Sink::Daemon => {
            let mut tag = image_step("tag", name, Action::Tag { image: name.into(), references: references.clone() });
            tag.after = vec![pack.id.clone()];
            tag.prepared = vec![load.id.clone()];
            tag.ingredients.add("references", references.join(" "));
            let test = test_step(image, image_facts, &pack.id, vec![load.id.clone()]);
            tag.prepared.extend(test.iter().map(|test| test.id.clone()));
            // The tag alone may be fresh while the tests have changed.
            let goals = test.iter().map(|test| test.id.clone()).chain([tag.id.clone()]).collect();
            (pack, [load].into_iter().chain(test).chain([tag]).collect(), goals)
        }
        Sink::Layout(path) | Sink::Archive(path) => {
            load.ingredients
                .add("sink", path.as_str())
                .add("references", references.join(" "))
                .add("revision", image_facts.revision.as_deref().unwrap_or_default());
            // Nothing gets the image before it passes.
            let test = test_step(image, image_facts, &pack.id, Vec::new());
            load.prepared.extend(test.iter().map(|test| test.id.clone()));
            let goals = test.iter().map(|test| test.id.clone()).chain([load.id.clone()]).collect();
            (pack, test.into_iter().chain([load]).collect(), goals)
        }
    }
}

/// The limits of `max-size`, as text for a key.
fn max_size_text(image: &ImageSpec) -> String {
    let limit = |limit: &SizeLimit| format!("{} {}", limit.owner.as_deref().unwrap_or("total"), limit.most.value);
    image.max_size.iter().map(limit).collect::<Vec<_>>().join(", ")
}

/// The step that tests an image with tests, in the daemon after the steps that load it there, and else in the sandbox. It comes after
/// the packing: the loaded image's id depends on the daemon, and the outcome depends on no engine.
fn test_step(image: &ImageSpec, facts: &ImageFacts, pack: &StepId, loaded: Vec<StepId>) -> Option<Step> {
    if image.tests.is_empty() {
        return None;
    }
    let name = image.name.as_str();
    let tests = image.tests.iter().map(|test| test.name.to_string()).collect();
    let mut step = image_step("test", name, Action::Test { image: name.into(), tests });
    step.after = vec![pack.clone()];
    step.prepared = loaded;
    let texts = image.tests.iter().map(|test| (format!("test {}", test.name), digest(test.text())));
    step.ingredients.add_parts("tests", texts.collect()).add_parts("files of the tests", facts.test_files.clone());
    Some(step)
}

/// The table's keys about the image's content, as text for a key.
fn content_text(image: &ImageSpec) -> String {
    let content = &image.content;
    let lines = |globs: &[Located<globset::Glob>]| {
        globs.iter().map(|glob| format!("{}\n", glob.value.glob())).collect::<String>()
    };
    let kept: String =
        content.keep.iter().flat_map(|keep| keep_globs(&keep.value)).map(|(_, glob)| glob + "\n").collect();
    let mut text = format!("keep\n{kept}prune\n{}strip {}\n", lines(&content.prune), strip_name(content.strip));
    if content.include == Include::Packages {
        text.push_str("packages but for\n");
        for preset in PRESETS {
            text.push_str(&format!("{} {}\n", preset.name, preset.globs.join(" ")));
        }
    }
    for allowed in &content.allow_missing {
        text.push_str(&match &allowed.value {
            AllowMissing::Glob(glob) => format!("allow missing {}\n", glob.glob()),
            AllowMissing::RuntimeDep(dependency) => format!("allow missing {}\n", dependency.name),
            AllowMissing::Package(package) => format!("allow missing {package}\n"),
        });
    }
    text.push_str(&run_time_text(&content.run_time));
    for file in &content.files {
        text.push_str(&format!("file {} {:?} {:?}\n", file.to.value, file.mode, file.owner));
    }
    for directory in &content.directories {
        text.push_str(&format!("directory {} {:?} {:?}\n", directory.path.value, directory.mode, directory.owner));
    }
    for symlink in &content.symlinks {
        text.push_str(&format!("symlink {} {:?}\n", symlink.path.value, symlink.target.value));
    }
    for UserSpec { name, uid, gid, comment, home, shell } in &content.accounts.users {
        text.push_str(&format!("user {} {uid} {gid} {comment:?} {home} {shell}\n", name.value));
    }
    for group in &content.accounts.groups {
        text.push_str(&format!("group {} {} {:?}\n", group.name.value, group.gid, group.members));
    }
    for file in &content.capabilities {
        text.push_str(&format!("capabilities {} {:?}\n", file.path.value, file.capabilities));
    }
    if !content.remove.is_empty() {
        text.push_str(&format!("remove\n{}", lines(&content.remove)));
    }
    text
}

/// The table's keys about run-time dependencies, and the table of known ones, as text for a key.
fn run_time_text(run_time: &RunTimeSpec) -> String {
    let values = (
        run_time.strict.is_some(),
        run_time.locales.iter().map(|locale| locale.value.as_str()).collect::<Vec<_>>(),
        run_time.timezone.as_ref().map(|zone| zone.value.as_str()),
        run_time.gconv.iter().map(|charset| charset.value.as_str()).collect::<Vec<_>>(),
        run_time.ca_certificates,
    );
    format!("run time {values:?}\nrun-time dependencies {:?}\n", tierce_runtime_deps::TABLE)
}

/// The globs of an item of `keep`, each after its name in messages.
pub fn keep_globs(keep: &Keep) -> Vec<(String, String)> {
    match keep {
        Keep::Glob(glob) => vec![(glob.glob().to_owned(), glob.glob().to_owned())],
        Keep::Preset(preset) => preset.globs.iter().map(|glob| (preset.name.to_owned(), (*glob).to_owned())).collect(),
    }
}

/// The image's settings for running, without their places: moving a line does not change the image.
fn without_places(image: &ImageSpec) -> impl std::fmt::Debug + use<> {
    let config = &image.config;
    let map = |map: &std::collections::BTreeMap<String, tierce_manifest::Located<String>>| {
        map.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect::<Vec<_>>()
    };
    (
        (config.entrypoint.value.clone(), config.cmd.clone(), map(&config.env), map(&config.labels)),
        config.expose.iter().map(ToString::to_string).collect::<Vec<_>>(),
        config.volumes.iter().map(|volume| volume.value.to_string()).collect::<Vec<_>>(),
        config.workdir.as_ref().map(|workdir| workdir.value.to_string()),
        config.user.as_ref().map(|user| user.value.to_string()),
        config.stop_signal.map(|signal| signal.to_string()),
        (config.healthcheck.as_ref().map(|check| check.value.clone()), config.no_healthcheck, config.no_entrypoint),
    )
}
