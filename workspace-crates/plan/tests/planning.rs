//! Plans as users see them, and the steps that each change touches.

use std::collections::{BTreeMap, BTreeSet};

use tierce_debian::Deb;
use tierce_manifest::{CargoToml, Member, PackageFacts, WorkspaceSpec, WorkspaceText};
use tierce_plan::{
    Action, BuilderFacts, Facts, ImageFacts, Lock, LockedBuilder, LockedImage, LockedRepository, Moves, Plan, Sink,
    Uncovered, Update, plan, plan_update, uncovered,
};
use tierce_portage::{Repository, ResolvedPackage};

#[path = "planning/package_keys.rs"]
mod package_keys;

/// A workspace of one package `app` with this table.
fn spec(table: &str, defaults: &str) -> WorkspaceSpec {
    let toml = |path: &str, text: String| CargoToml { path: path.into(), text: text.into() };
    let member = Member {
        manifest: toml("/w/app/Cargo.toml", format!("[package]\nname = \"app\"\n[package.metadata.image]\n{table}\n")),
        package: PackageFacts { name: "app".into(), version: "1.0.0".into(), ..PackageFacts::default() },
        binaries: vec!["app".into()],
        features: vec!["tls".into()],
    };
    let root = toml("/w/Cargo.toml", format!("[workspace]\n[workspace.metadata.image]\n{defaults}\n"));
    tierce_manifest::read(&WorkspaceText { root, members: vec![member] }).expect("a valid table")
}

/// The facts before the first run.
fn first_facts() -> Facts {
    let sources = BTreeMap::from([("src/main.rs".into(), "1".into())]);
    let image = ImageFacts { sources, cargo_config: "config".into(), ..ImageFacts::default() };
    Facts {
        platform: "linux/amd64".into(),
        rustc: "rustc 1.95.0".into(),
        lock: None,
        builder: BuilderFacts::Debian { selection: "selection".into(), recipe: "recipe".into() },
        absent: BTreeMap::new(),
        repositories: vec![LockedRepository { name: "tierce".into(), digest: "1".into() }],
        main: Repository::mounted("tierce".parse().expect("a name")),
        default_profile: "default/linux/amd64".parse().expect("a path"),
        profile: "profile".into(),
        images: BTreeMap::from([("app".into(), image)]),
        binpkgs: BTreeSet::new(),
    }
}

fn with_builder() -> Facts {
    let deb = Deb {
        name: "bash".into(),
        version: "5".into(),
        architecture: "amd64".into(),
        filename: "pool/bash.deb".into(),
        size: 1,
        sha256: "ab".repeat(32),
        part: tierce_debian::SuitePart::Release,
    };
    let builder = LockedBuilder {
        base: "debian".into(),
        selection: Some("selection".into()),
        debs: vec![deb],
        ..LockedBuilder::default()
    };
    Facts { lock: Some(Lock { builder, ..Lock::default() }), ..first_facts() }
}

fn package(name: &str, needs: &[&str], uses: &[&str]) -> ResolvedPackage {
    let json = serde_json::json!({
        "category": "media-libs", "name": name, "version": "1.0", "slot": "0", "subslot": "0", "repository": "tierce",
        "use": uses, "iuse": ["apng"], "license": "MIT", "description": "", "homepage": "", "ebuild": "ab".repeat(32),
        "builder": true, "root": true, "needs": needs, "files": {}, "eclasses": {}, "sources": [],
    });
    serde_json::from_value(json).expect("a package")
}

/// Facts with a resolution of this workspace.
fn with_resolution(spec: &WorkspaceSpec, packages: Vec<ResolvedPackage>) -> Facts {
    let mut facts = with_builder();
    let unfinished = plan(spec, &[&spec.images[0]], &facts, &Sink::Daemon).expect("plannable");
    let inputs = unfinished.steps.iter().find_map(|step| match &step.action {
        Action::Resolve { inputs, .. } => Some(inputs.clone()),
        _ => None,
    });
    let inputs = inputs.expect("a resolution to do");
    if let Some(lock) = &mut facts.lock {
        lock.set_image(LockedImage::new("app", inputs, packages));
    }
    facts
}

fn planned(spec: &WorkspaceSpec, facts: &Facts, sink: &Sink) -> Plan {
    plan(spec, &spec.images.iter().collect::<Vec<_>>(), facts, sink).expect("plannable")
}

#[test]
fn first_plan_selects_the_builder() {
    let spec = spec("", "");
    insta::assert_snapshot!(planned(&spec, &first_facts(), &Sink::Daemon), @r"
    debs  select the builder's Debian packages
          later steps depend on Portage's resolution
    ");
}

#[test]
fn own_base_is_imported_first() {
    let spec = spec("", "builder = { image = \"own\" }");
    let lock = |base: &str, digest: &str| {
        let builder = LockedBuilder { base: base.into(), digest: Some(digest.into()), ..LockedBuilder::default() };
        Some(Lock { builder, ..Lock::default() })
    };
    let after = |lock: Option<Lock>| {
        let facts = Facts { lock, builder: BuilderFacts::Image { id: "1".into() }, ..first_facts() };
        planned(&spec, &facts, &Sink::Daemon).steps.iter().map(|step| step.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(after(None), ["builder"]);
    assert_eq!(after(lock("image", "2")), ["builder"]);
    assert_eq!(after(lock("rootfs", "1")), ["builder"]);
    assert_eq!(after(lock("image", "1")), ["builder", "resolve app"]);
}

#[test]
fn known_builder_resolves_packages() {
    let spec = spec("packages = [\"media-libs/libpng\"]", "");
    insta::assert_snapshot!(planned(&spec, &with_builder(), &Sink::Daemon), @r"
    fetch-builder  fetch the builder
    builder        make the builder  (after fetch-builder)
    resolve app    resolve packages  (after builder)
                   later steps depend on Portage's resolution
    ");
}

#[test]
fn known_resolution_plans_everything() {
    let spec = spec("packages = [\"media-libs/libpng\"]", "");
    let mut facts =
        with_resolution(&spec, vec![package("zlib", &[], &[]), package("libpng", &["media-libs/zlib-1.0"], &[])]);
    let whole = planned(&spec, &facts, &Sink::Daemon);
    let zlib = whole.steps.iter().find_map(|step| match &step.action {
        Action::BuildPackages { packages, .. } => packages.first().map(|package| package.key.clone()),
        _ => None,
    });
    facts.binpkgs.extend(zlib);
    insta::assert_snapshot!(planned(&spec, &facts, &Sink::Daemon), @r"
    fetch-builder  fetch the builder
    builder        make the builder  (after fetch-builder)
    sources app    fetch the sources of 1 package
    packages app   emerge 1 package, reuse 1  (after builder, sources app)
                     reuse  media-libs/zlib-1.0
                     emerge media-libs/libpng-1.0
    root app       merge ROOT  (after packages app, builder)
    compile app    compile the program  (after builder, root app)
    pack app       pack  (after root app, compile app)
    load app       load into the daemon  (after pack app)
    tag app        tag app:latest  (after pack app, load app)
    ");
}

#[test]
fn cached_packages_need_no_sources() {
    let spec = spec("packages = [\"media-libs/libpng\"]\nbuild-packages = [\"media-libs/gen\"]", "");
    let facts = with_resolution(&spec, vec![package("libpng", &[], &[]), package("gen", &[], &[])]);
    let keys = planned(&spec, &facts, &Sink::Daemon).steps.into_iter().find_map(|step| match step.action {
        Action::BuildPackages { packages, .. } => Some(packages.into_iter().map(|package| package.key)),
        _ => None,
    });
    let facts = Facts { binpkgs: keys.into_iter().flatten().collect(), ..facts };
    insta::assert_snapshot!(planned(&spec, &facts, &Sink::Layout("/w/out".into())), @r"
    fetch-builder    fetch the builder
    builder          make the builder  (after fetch-builder)
    packages app     reuse 2 binary packages
                       reuse  media-libs/libpng-1.0
                       reuse  media-libs/gen-1.0
    environment app  extend the builder for this image  (after packages app, builder)
    root app         merge ROOT  (after packages app, builder)
    compile app      compile the program  (after environment app, root app)
    pack app         pack  (after root app, compile app)
    load app         write the layout /w/out  (after pack app)
    ");
}

#[test]
fn image_of_packages_compiles_nothing() {
    let root =
        "[workspace]\n[workspace.metadata.images.app]\npackages = [\"dev-db/sqlite\"]\ncmd = [\"/usr/bin/sqlite3\"]\n";
    let with = |keys: &str| {
        let root = CargoToml { path: "/w/Cargo.toml".into(), text: format!("{root}{keys}\n").into() };
        let spec = tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("a valid table");
        let facts = with_resolution(&spec, vec![package("sqlite", &[], &[])]);
        planned(&spec, &facts, &Sink::Daemon)
    };
    let whole = with("");
    insta::assert_snapshot!(whole, @r"
    fetch-builder  fetch the builder
    builder        make the builder  (after fetch-builder)
    sources app    fetch the sources of 1 package
    packages app   emerge 1 package, reuse 0  (after builder, sources app)
                     emerge media-libs/sqlite-1.0
    root app       merge ROOT  (after packages app, builder)
    pack app       pack  (after root app)
    load app       load into the daemon  (after pack app)
    tag app        tag app:latest  (after pack app, load app)
    ");
    // No key has the toolchain or cargo's files.
    let keys = serde_json::to_string(&whole).expect("plain data");
    assert!(!keys.contains("rustc") && !keys.contains("Cargo.lock"), "{keys}");
    for keys in ["keep = [\"man\"]", "allow-missing = [\"/usr/lib64/x\"]", "prune = [\"/usr/share/x\"]"] {
        assert_eq!(changed(&whole, &with(keys)), ["pack app"], "{keys}");
    }
}

#[test]
fn unasked_toolbox_is_not_planned() {
    let asked = spec("packages = [\"media-libs/libpng\"]", "");
    let facts = with_resolution(&asked, vec![package("libpng", &[], &[])]);
    let is_of_toolbox = |plan: &Plan| plan.steps.iter().any(|step| step.id.as_str().ends_with(" toolbox"));
    assert!(!is_of_toolbox(&planned(&asked, &facts, &Sink::Daemon)));
    let lock = facts.lock.clone().unwrap_or_default();
    let update = |lock: &Lock| Update::parse(&[], &["app"], &["toolbox"], lock).expect("everything");
    assert!(!is_of_toolbox(&plan_update(&asked, &update(&lock), &BTreeSet::new(), &facts).expect("plannable")));

    let named = plan(&asked, &[&asked.toolbox], &facts, &Sink::Daemon).expect("plannable");
    assert!(is_of_toolbox(&named) && !named.whole);
    let mut lock = lock;
    lock.set_image(LockedImage::new("toolbox", Vec::new(), Vec::new()));
    let facts = Facts { lock: Some(lock.clone()), ..facts };
    assert!(is_of_toolbox(&plan_update(&asked, &update(&lock), &BTreeSet::new(), &facts).expect("plannable")));
}

/// The steps of the second plan with other ingredients than in the first.
fn changed(first: &Plan, second: &Plan) -> Vec<String> {
    let differs =
        |step: &&tierce_plan::Step| first.step(&step.id).is_none_or(|other| other.ingredients != step.ingredients);
    second.steps.iter().filter(differs).map(|step| step.id.to_string()).collect()
}

#[test]
fn table_change_touches_its_steps() {
    let packages = || vec![package("libpng", &[], &["apng"])];
    let plan_of = |table: &str| {
        let spec = spec(table, "");
        let facts = with_resolution(&spec, packages());
        planned(&spec, &facts, &Sink::Daemon)
    };
    let before = plan_of("");
    for (table, expected) in [
        ("features = [\"tls\"]", &["compile app"][..]),
        ("default-features = false", &["compile app"]),
        ("profile = \"small\"", &["compile app"]),
        ("target-cpu = \"x86-64-v3\"", &["compile app"]),
        ("strip = \"symbols\"", &["compile app", "pack app"]),
        ("cmd = [\"--help\"]", &["pack app"]),
        ("env = { A = \"b\" }", &["pack app"]),
        ("user = 1000", &["pack app"]),
        ("keep = [\"/usr/share/**\"]", &["pack app"]),
        ("directories = [{ path = \"/data\" }]", &["pack app"]),
        ("tags = [\"1.0\"]", &["tag app"]),
        ("package-env = { \"media-libs/libpng\" = { CFLAGS = \"-O3\" } }", &["packages app"]),
        ("package-env = { \"media-libs/other\" = { CFLAGS = \"-O3\" } }", &[]),
    ] {
        let now = plan_of(table);
        let touched: Vec<String> = changed(&before, &now).into_iter().filter(|id| !id.starts_with("sources")).collect();
        assert_eq!(touched, expected, "{table}");
    }
}

#[test]
fn fact_change_touches_its_steps() {
    let spec = spec("packages = [\"media-libs/libpng\"]", "");
    let resolution = || vec![package("libpng", &[], &[])];
    let base = with_resolution(&spec, resolution());
    let before = planned(&spec, &base, &Sink::Daemon);
    type Change = fn(&mut Facts);
    let changes: [(&str, Change, &[&str]); 6] = [
        ("rustc", |facts| facts.rustc = "rustc 1.96.0".into(), &["compile app"]),
        ("sources", |facts| facts.images.values_mut().for_each(|i| i.sources.clear()), &["compile app"]),
        (
            "configuration",
            |facts| facts.images.values_mut().for_each(|i| i.cargo_config = "new".into()),
            &["compile app"],
        ),
        (
            "files",
            |facts| facts.images.values_mut().for_each(|i| i.files.extend([("/a".into(), "new".into())])),
            &["pack app"],
        ),
        ("revision", |facts| facts.images.values_mut().for_each(|i| i.revision = Some("1".into())), &[]),
        ("repository", |facts| facts.repositories[0].digest = "2".into(), &["resolve app"]),
    ];
    for (name, change, expected) in changes {
        let mut facts = base.clone();
        change(&mut facts);
        assert_eq!(changed(&before, &planned(&spec, &facts, &Sink::Daemon)), expected, "{name}");
    }
}

#[test]
fn changed_selection_rules_select_anew() {
    let spec = spec("", "");
    let mut facts = with_resolution(&spec, Vec::new());
    facts.builder = BuilderFacts::Debian { selection: "other".into(), recipe: "recipe".into() };
    let ids: Vec<String> = planned(&spec, &facts, &Sink::Daemon).steps.iter().map(|step| step.id.to_string()).collect();
    assert_eq!(ids, ["debs"]);
}

/// The kept atoms, the moves and the causes of the only resolution.
fn resolution(plan: &Plan) -> Option<(Vec<String>, Moves, Vec<String>)> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Resolve { keep, moves, why, .. } => {
            Some((keep.iter().map(ToString::to_string).collect(), moves.clone(), why.clone()))
        }
        _ => None,
    })
}

#[test]
fn resolution_keeps_and_update_moves_versions() {
    let asked = spec("packages = [\"media-libs/libpng\"]", "");
    let mut facts = with_resolution(&asked, vec![package("libpng", &[], &[])]);
    let exactly = || vec!["=media-libs/libpng-1.0::tierce".to_owned()];
    let update = |moves: Moves| Update { builder: false, images: vec!["app".into()], moves };
    let updated =
        |facts: &Facts, moves: Moves| plan_update(&asked, &update(moves), &BTreeSet::new(), facts).expect("plannable");
    let atoms = |atom: &str| Moves::Packages(vec![atom.parse().expect("an atom")]);

    // While the lock covers the inputs, only moves cause a resolution.
    assert_eq!(resolution(&planned(&asked, &facts, &Sink::Daemon)), None);
    assert_eq!(updated(&facts, Moves::Nothing).steps, []);
    assert_eq!(updated(&facts, atoms("media-libs/other")).steps, []);
    for moves in [Moves::Everything, atoms("media-libs/libpng")] {
        assert_eq!(resolution(&updated(&facts, moves.clone())), Some((exactly(), moves, vec![])));
    }

    facts.repositories[0].digest = "2".into();
    let causes = vec!["the repository `tierce` changed".to_owned()];
    let expected = Some((exactly(), Moves::Nothing, causes.clone()));
    assert_eq!(resolution(&planned(&asked, &facts, &Sink::Daemon)), expected);
    assert_eq!(resolution(&updated(&facts, Moves::Nothing)), expected);
    let images: Vec<_> = asked.images.iter().collect();
    let uncovered = uncovered(&asked, &images, &facts).expect("readable");
    assert_eq!(uncovered, [Uncovered { image: Some("app".into()), causes }]);
}

#[test]
fn uncovered_images_have_causes() {
    let asked = spec("packages = [\"media-libs/libpng\"]", "");
    let whole = with_resolution(&asked, vec![package("libpng", &[], &[])]);
    let shown = |spec: &WorkspaceSpec, facts: &Facts| -> Vec<String> {
        let images: Vec<_> = spec.images.iter().collect();
        let all = uncovered(spec, &images, facts).expect("readable");
        let is_whole = planned(spec, facts, &Sink::Daemon).whole;
        assert_eq!(all.is_empty(), is_whole, "a run resolves the uncovered images");
        all.iter()
            .map(|one| format!("{}: {}", one.image.as_deref().unwrap_or("builder"), one.causes.join("; ")))
            .collect()
    };
    assert_eq!(shown(&asked, &whole), Vec::<String>::new());
    let other = spec("packages = [\"media-libs/libpng\"]\nuse = [\"-nls\"]", "");
    assert_eq!(shown(&other, &whole), ["app: `use` is now `-nls`"]);

    let edit = |change: &dyn Fn(&mut Lock)| {
        let mut facts = whole.clone();
        facts.lock.iter_mut().for_each(change);
        shown(&asked, &facts)
    };
    assert_eq!(edit(&|lock| lock.images.clear()), ["app: Tierce.lock does not have it"]);
    assert_eq!(edit(&|lock| lock.images[0].intact = false), ["app: its entry in Tierce.lock was edited or merged"]);
    assert_eq!(edit(&|lock| lock.builder.debs.clear()), ["builder: Tierce.lock names no Debian packages"]);
    assert_eq!(
        edit(&|lock| lock.builder.base = "image".into()),
        ["builder: its base changed from `image` to `debian`"]
    );
    assert_eq!(edit(&|lock| lock.builder.debs[0].version = "6".into()), ["app: the builder changed"]);
    let mut facts = whole.clone();
    facts.builder = BuilderFacts::Debian { selection: "other".into(), recipe: "recipe".into() };
    assert_eq!(shown(&asked, &facts), ["builder: the rules that select its Debian packages changed"]);
    facts.builder = BuilderFacts::RootFilesystem { digest: "1".into() };
    assert_eq!(shown(&asked, &facts), ["builder: its base changed from `debian` to `rootfs`"]);
}

#[test]
fn unmerge_uses_a_copy_of_root() {
    let spec_of = |atom: &str| spec(&format!("packages = [\"media-libs/libpng\"]\nunmerge = [\"{atom}\"]"), "");
    let planned = |atom: &str| {
        let spec = spec_of(atom);
        let facts =
            with_resolution(&spec, vec![package("libpng", &["media-libs/zlib-1.0"], &[]), package("zlib", &[], &[])]);
        let images: Vec<_> = spec.images.iter().collect();
        plan(&spec, &images, &facts, &Sink::Daemon)
    };
    let plan = planned("media-libs/zlib").expect("plannable");
    let step = |verb: &str| plan.steps.iter().find(|step| step.id.verb() == verb).expect("a step");
    let names = |ids: &[tierce_plan::StepId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(step("unmerge").action.title(), "unmerge media-libs/zlib-1.0");
    assert_eq!(names(&step("unmerge").after), ["root app"]);
    assert_eq!(names(&step("pack").after), ["unmerge app", "compile app"]);
    assert!(names(&step("compile").after).contains(&"root app".to_owned()));

    let error = planned(">=media-libs/zlib-2").expect_err("no such version");
    assert_eq!(error.to_string(), "no package of ROOT matches `>=media-libs/zlib-2` of `unmerge`");
    assert_eq!(error.help().as_deref(), Some("ROOT has `media-libs/zlib-1.0`"));
}

#[test]
fn tests_run_before_delivery() {
    let tests = "test = { a = { stdin = { file = \"in.txt\" } }, b = {} }";
    let spec = spec(tests, "");
    let mut facts = with_resolution(&spec, vec![]);
    let lines = |plan: &Plan| plan.to_string().lines().skip(5).map(|line| format!("{line}\n")).collect::<String>();
    insta::assert_snapshot!(lines(&planned(&spec, &facts, &Sink::Daemon)), @r"
    pack app       pack  (after root app, compile app)
    load app       load into the daemon  (after pack app)
    test app       run 2 tests  (after pack app, load app)
    tag app        tag app:latest  (after pack app, load app, test app)
    ");
    insta::assert_snapshot!(lines(&planned(&spec, &facts, &Sink::Layout("l".into()))), @r"
    pack app       pack  (after root app, compile app)
    test app       run 2 tests  (after pack app)
    load app       write the layout l  (after pack app, test app)
    ");

    let find = |plan: Plan| plan.steps.into_iter().find(|step| step.id.verb() == "test").expect("tests");
    let of_tests = |plan| find(plan).ingredients;
    let ingredients = |spec, facts: &Facts| of_tests(planned(spec, facts, &Sink::Daemon));
    assert_eq!(of_tests(planned(&spec, &facts, &Sink::Archive("a".into()))), ingredients(&spec, &facts), "one key");
    let before = ingredients(&spec, &facts);
    let image = facts.images.get_mut("app").expect("an image");
    image.test_files.insert("in.txt".into(), "1".into());
    assert_eq!(ingredients(&spec, &facts).changes_since(&before), ["in.txt is new"]);
    let edited = self::spec(&tests.replace("b = {}", "b = { user = 1 }"), "");
    assert_eq!(ingredients(&edited, &facts).changes_since(&ingredients(&spec, &facts)), ["test b changed"]);
}

#[test]
fn removed_tests_leave_the_plain_plan() {
    let planned = |table: &str| {
        let spec = spec(table, "");
        planned(&spec, &with_resolution(&spec, vec![]), &Sink::Daemon)
    };
    let mut plan = planned("test = { a = {} }");
    plan.without_tests();
    assert_eq!(plan, planned(""));
}

#[test]
fn tested_only_image_is_not_tagged() {
    let spec = spec("test = { a = {}, b = {} }", "");
    let whole = planned(&spec, &with_resolution(&spec, vec![]), &Sink::Daemon);
    let goals = |names: &[&str]| {
        let mut plan = whole.clone();
        plan.only_tests(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        let tests = plan.goals.iter().filter_map(|goal| match &plan.step(goal)?.action {
            Action::Test { tests, .. } => Some(tests.join(" ")),
            other => panic!("{other:?}"),
        });
        tests.collect::<Vec<_>>()
    };
    assert_eq!(goals(&[]), ["a b"]);
    assert_eq!(goals(&["b"]), ["b"]);
    assert_eq!(goals(&["c"]), Vec::<String>::new());
}

/// A workspace with a chain of images: `bottom` of packages, `middle` on top of it, and the program on top of `middle`.
fn chain(middle: &str, app: &str) -> WorkspaceSpec {
    let toml = |path: &str, text: String| CargoToml { path: path.into(), text: text.into() };
    let member = Member {
        manifest: toml("/w/app/Cargo.toml", format!("[package]\nname = \"app\"\n[package.metadata.image]\n{app}\n")),
        package: PackageFacts { name: "app".into(), version: "1.0.0".into(), ..PackageFacts::default() },
        binaries: vec!["app".into()],
        features: Vec::new(),
    };
    let text = format!(
        "[workspace]\n[workspace.metadata.images.bottom]\npackages = [\"media-libs/zlib\"]\ncmd = [\"/x\"]\n\
         [workspace.metadata.images.middle]\nbase = \"bottom\"\npackages = [\"media-libs/libpng\"]\n{middle}\n"
    );
    tierce_manifest::read(&WorkspaceText { root: toml("/w/Cargo.toml", text), members: vec![member] }).expect("valid")
}

/// Plans the program of a chain until the plan is whole. Returns the images in the order of their resolution, and the
/// last plan.
fn planned_in_rounds(spec: &WorkspaceSpec) -> (Vec<String>, Result<Plan, String>) {
    let all = || vec![package("zlib", &[], &[]), package("libpng", &["media-libs/zlib-1.0"], &[])];
    let mut facts = with_builder();
    let mut rounds = Vec::new();
    loop {
        let app = spec.image("app").expect("an image");
        let plan = match plan(spec, &[app], &facts, &Sink::Daemon) {
            Ok(plan) if !plan.whole => plan,
            done => return (rounds, done.map_err(|error| error.to_string())),
        };
        for step in &plan.steps {
            let Action::Resolve { image, inputs, .. } = &step.action else { continue };
            let packages = if image == "bottom" { all()[..1].to_vec() } else { all() };
            rounds.push(image.clone());
            facts.lock.as_mut().expect("a lock").set_image(LockedImage::new(image, inputs.clone(), packages));
        }
    }
}

#[test]
fn image_on_base_builds_new_packages_only() {
    let (rounds, plan) = planned_in_rounds(&chain("", "base = \"middle\""));
    assert_eq!(rounds, ["bottom", "middle", "app"]);
    let plan = plan.expect("plannable");
    insta::assert_snapshot!(plan, @r"
    fetch-builder    fetch the builder
    builder          make the builder  (after fetch-builder)
    sources bottom   fetch the sources of 1 package
    packages bottom  emerge 1 package, reuse 0  (after builder, sources bottom)
                       emerge media-libs/zlib-1.0
    root bottom      merge ROOT  (after packages bottom, builder)
    pack bottom      pack  (after root bottom)
    sources middle   fetch the sources of 1 package
    packages middle  emerge 1 package, reuse 1  (after builder, sources middle, packages bottom)
                       reuse  media-libs/zlib-1.0
                       emerge media-libs/libpng-1.0
    root middle      merge ROOT  (after packages middle, root bottom, builder)
    pack middle      pack  (after root middle, root bottom, pack bottom)
    packages app     reuse 2 binary packages  (after packages middle)
                       reuse  media-libs/zlib-1.0
                       reuse  media-libs/libpng-1.0
    root app         merge ROOT  (after packages app, root middle, builder)
    compile app      compile the program  (after builder, root app)
    pack app         pack  (after root app, compile app, root middle, pack middle)
    load app         load into the daemon  (after pack app)
    tag app          tag app:latest  (after pack app, load app)
    ");
    assert_eq!(plan.goals.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tag app"]);
    assert_eq!(plan.bases["app"], ["middle"]);
    let packages = |image: &str| {
        let mut builds = plan.steps.iter().filter_map(|step| match &step.action {
            Action::BuildPackages { image: built, packages } if built == image => Some(packages.clone()),
            _ => None,
        });
        builds.next().expect("packages")
    };
    let (bottom, middle) = (packages("bottom"), packages("middle"));
    assert_eq!((&bottom[0].key, bottom[0].base), (&middle[0].key, false));
    assert_eq!(
        middle.iter().map(|package| (package.base, package.cached)).collect::<Vec<_>>(),
        [(true, true), (false, false)]
    );
}

#[test]
fn conflict_with_base_is_refused() {
    for (table, refused) in [
        ("packages = [\"media-libs/zlib\"]", None),
        ("packages = [\">=media-libs/zlib-2\"]", Some("`>=media-libs/zlib-2`")),
        ("packages = [\"media-libs/zlib:2\"]", None),
        ("packages = [\"media-libs/zlib[apng]\"]", Some("`media-libs/zlib[apng]`")),
        ("package-use = { \"media-libs/zlib\" = [\"-apng\"] }", None),
        ("package-use = { \"media-libs/zlib\" = [\"apng\"] }", Some("the USE flag `apng`")),
        ("package-use = { \"media-libs/zlib\" = [\"other\"] }", None),
        ("package-env = { \"media-libs/zlib\" = { CFLAGS = \"-O3\" } }", Some("variables of its own")),
        ("package-env = { \"media-libs/other\" = { CFLAGS = \"-O3\" } }", None),
    ] {
        let (_, plan) = planned_in_rounds(&chain("", &format!("base = \"middle\"\n{table}")));
        let expected = refused.map(|wants| {
            format!("the base `middle` has `media-libs/zlib-1.0` already, and an image on top of it cannot have it with {wants}")
        });
        assert_eq!(plan.err(), expected, "{table}");
    }
    // The base's own settings do not conflict.
    let (_, plan) = planned_in_rounds(&chain(
        "package-env = { \"media-libs/libpng\" = { CFLAGS = \"-O3\" } }",
        "base = \"middle\"",
    ));
    assert!(plan.is_ok());
}

#[test]
fn probe_is_built_for_its_images() {
    let spec = spec("expose = [80]\nhealthcheck = { http = 80 }", "");
    let mut facts = with_resolution(&spec, vec![]);
    let step = |facts: &Facts| {
        let plan = planned(&spec, facts, &Sink::Daemon);
        let pack = plan.steps.iter().find(|step| step.id.verb() == "pack").expect("it is packed");
        assert!(pack.after.iter().any(|id| id.as_str() == "probe app"), "{:?}", pack.after);
        plan.steps.into_iter().find(|step| step.id.verb() == "probe").expect("it is made")
    };
    let before = step(&facts).ingredients;
    facts.images.get_mut("app").expect("an image").probe = Some("2".into());
    assert_eq!(step(&facts).ingredients.changes_since(&before), ["source changed:  -> 2"]);
    let own = self::spec("healthcheck = { cmd = [\"/x\"] }", "");
    let plan = planned(&own, &with_resolution(&own, vec![]), &Sink::Daemon);
    assert!(plan.steps.iter().all(|step| step.id.verb() != "probe"), "a program of its own needs none");
}

#[test]
fn missing_external_bases_are_pulled_first() {
    let spec = spec("packages = [\"media-libs/libpng\"]", "");
    let absent = BTreeMap::from([("debian:12".into(), Some("app".into())), ("stage3:1".into(), None)]);
    let plan = planned(&spec, &Facts { absent, ..with_builder() }, &Sink::Daemon);
    insta::assert_snapshot!(plan.to_string(), @r"
    pull app  pull debian:12
    pull      pull stage3:1
              later steps depend on the pulled image
    ");
    assert!(plan.is_pull() && !plan.whole && plan.goals.len() == 2);
}
