//! The steps that run, for what is recorded and what exists.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tierce_plan::{Action, Binpkg, Builder, Ingredients, PackedImage, Program, Root, Sink};
use tierce_store::ErrorKind;
use tierce_store::paths::{Paths, UserFolders};

use super::*;

/// Every step of one image in the order of a plan: its name, the results in its key, and the steps that it comes after.
const STEPS: [(&str, &[&str], &[&str]); 9] = [
    ("fetch-builder", &[], &[]),
    ("builder", &[], &["fetch-builder"]),
    ("sources", &[], &[]),
    ("packages", &[], &["builder", "sources"]),
    ("root", &["packages"], &["builder"]),
    ("compile", &["builder", "root"], &[]),
    ("pack", &["root", "compile"], &[]),
    ("load", &["pack"], &[]),
    ("tag", &["pack"], &["load"]),
];

fn id(name: &str) -> StepId {
    serde_json::from_value(name.into()).expect("a name is text")
}

fn action(name: &str) -> Action {
    let image = String::from("app");
    match name {
        "fetch-builder" => Action::FetchBuilder,
        "builder" => Action::MakeBuilder,
        "sources" => Action::FetchSources { image, packages: Vec::new() },
        "packages" => Action::BuildPackages { image, packages: Vec::new() },
        "root" => Action::MergeRoot { image },
        "compile" => Action::Compile { image },
        "pack" => Action::Pack { image },
        "load" => Action::Load { image, sink: Sink::Daemon },
        "tag" => Action::Tag { image, references: Vec::new() },
        other => panic!("no step is called {other}"),
    }
}

/// The plan of one image; the keys of the `edited` steps are new.
fn plan(edited: &[&str]) -> Plan {
    let ids = |names: &[&str]| names.iter().map(|name| id(name)).collect();
    let step = |(name, after, prepared): (&str, &[&str], &[&str])| {
        let mut ingredients = Ingredients::default();
        ingredients.add("edited", edited.contains(&name).to_string());
        Step {
            id: id(name),
            action: action(name),
            after: ids(after),
            prepared: ids(prepared),
            ingredients,
            again: false,
        }
    };
    Plan { steps: STEPS.map(step).into(), goals: vec![id("tag")], bases: BTreeMap::new(), whole: true }
}

/// A result that names its step and its version.
fn outcome(name: &str, version: &str) -> Outcome {
    let text = format!("{name} {version}");
    match name {
        "builder" => {
            Outcome::Builder(Builder { key: text, daemon: String::new(), image: String::new(), repository: None })
        }
        "packages" => Outcome::Binpkgs(vec![Binpkg { package: text, key: String::new(), root: true, base: false }]),
        "root" => {
            let (daemon, volume) = (String::new(), String::new());
            let created = String::new();
            Outcome::Root(Root {
                key: String::new(),
                interface: text.clone(),
                content: text,
                daemon,
                volume,
                created,
                bytes: 0,
            })
        }
        "compile" => Outcome::Programs(vec![Program { name: text, sha256: String::new(), size: 0, build_id: None }]),
        "pack" => Outcome::Image(PackedImage { id: text, ..PackedImage::default() }),
        "load" | "tag" => Outcome::Delivered { id: text, manifest: None, bytes: 0 },
        _ => Outcome::Fetched,
    }
}

/// Performs steps by noting their names.
#[derive(Default)]
struct World<'a> {
    /// The steps whose recorded results are missing.
    gone: &'a [&'a str],
    /// The steps with another result than before.
    differing: &'a [&'a str],
    /// The step that fails.
    failing: Option<&'a str>,
    /// The step that another run finishes while this one waits.
    finished_by_another: Option<(&'a str, &'a Receipts)>,
    /// The step whose result is refused.
    refused: Option<&'a str>,
    /// Set where steps run at once, to hold the others until one has failed.
    failed: AtomicBool,
    asked: Mutex<BTreeSet<String>>,
    ran: Mutex<Vec<String>>,
}

impl World<'_> {
    fn version(&self, name: &str) -> &'static str {
        if self.differing.contains(&name) { "new" } else { "old" }
    }

    fn ran(&self) -> Vec<String> {
        self.ran.lock().expect("nobody panics").clone()
    }
}

impl Perform for World<'_> {
    type Claim = ();

    fn claim(&self, step: &Step, key: &Key) -> Result<Option<()>, Error> {
        let Some((name, receipts)) = self.finished_by_another.filter(|(name, _)| *name == step.id.as_str()) else {
            return Ok(None);
        };
        let ingredients =
            step.ingredients_with(step.after.iter().map(|_| unreachable!("steps of this test come first")));
        assert_eq!(ingredients.key(), *key);
        receipts.write(step, key, &Receipt { outcome: outcome(name, "old"), took: Duration::ZERO })?;
        Ok(Some(()))
    }

    fn perform(&self, step: &Step, inputs: &Inputs) -> Result<Outcome, Error> {
        let name = step.id.as_str();
        assert!(step.inputs().all(|input| inputs.has(input)), "{name} lacks a result");
        if self.failing == Some(name) {
            self.failed.store(true, Ordering::Release);
            return Err(Error::interrupted());
        }
        self.ran.lock().expect("nobody panics").push(name.to_owned());
        Ok(outcome(name, self.version(name)))
    }

    fn accept(&self, step: &Step, _: &Outcome, _: bool) -> Result<(), Error> {
        if self.refused == Some(step.id.as_str()) { Err(Error::missing_input("refused")) } else { Ok(()) }
    }

    fn is_present(&self, step: &Step, _: &Outcome) -> Result<bool, Error> {
        self.asked.lock().expect("nobody panics").insert(step.id.to_string());
        Ok(!self.gone.contains(&step.id.as_str()))
    }
}

/// Receipts of a workspace and a cache of their own.
fn receipts() -> (tempfile::TempDir, Receipts) {
    let scratch = tempfile::tempdir().expect("a folder");
    let user = UserFolders { tierce_cache: Some(scratch.path().join("cache")), ..UserFolders::default() };
    let paths = Paths::choose(&scratch.path().join("target"), &user).expect("writable");
    (scratch, Receipts::new(paths, "tierce"))
}

fn go(world: &World<'_>, plan: &Plan, receipts: &Receipts) -> Result<Results, Error> {
    run(world, plan, receipts, 1, &|_| {})
}

/// Records the first steps, as an earlier run has done before it was killed.
fn record(count: usize, receipts: &Receipts) {
    let mut plan = plan(&[]);
    plan.steps.truncate(count);
    plan.goals = plan.steps.iter().map(|step| step.id.clone()).collect();
    go(&World::default(), &plan, receipts).expect("nothing fails");
}

#[test]
fn only_missing_results_run() {
    let all: Vec<&str> = STEPS.map(|(name, ..)| name).into();
    struct Case<'a> {
        what: &'a str,
        /// The number of steps that an earlier run has finished.
        recorded: usize,
        edited: &'a [&'a str],
        gone: &'a [&'a str],
        differing: &'a [&'a str],
        expected: &'a [&'a str],
    }
    let done = Case { what: "nothing to do", recorded: 9, edited: &[], gone: &[], differing: &[], expected: &[] };
    let cases = [
        Case { what: "the first run", recorded: 0, expected: &all, ..done },
        Case { what: "the tag was taken away", gone: &["tag"], expected: &["tag"], ..done },
        Case { what: "the image was removed", gone: &["load", "tag"], expected: &["load", "tag"], ..done },
        Case {
            what: "the image was removed, and the blobs too",
            gone: &["pack", "load", "tag"],
            expected: &["pack", "load", "tag"],
            ..done
        },
        Case { what: "nobody needs what is gone", gone: &["builder", "packages", "root", "compile"], ..done },
        Case {
            what: "the program was edited",
            edited: &["compile"],
            differing: &["compile", "pack", "load", "tag"],
            expected: &["compile", "pack", "load", "tag"],
            ..done
        },
        Case { what: "the program was edited in a comment", edited: &["compile"], expected: &["compile"], ..done },
        Case {
            what: "the program was edited, and the builder removed",
            edited: &["compile"],
            gone: &["builder"],
            expected: &["fetch-builder", "builder", "compile"],
            ..done
        },
        Case {
            what: "the program was edited, and ROOT's volume removed",
            edited: &["compile"],
            gone: &["root"],
            expected: &["root", "compile"],
            ..done
        },
        Case {
            what: "the program was edited, and everything in the daemon removed",
            edited: &["compile"],
            gone: &["builder", "root", "load", "tag"],
            expected: &["fetch-builder", "builder", "root", "compile", "load", "tag"],
            ..done
        },
        Case {
            what: "a USE flag was changed that changes nothing in ROOT",
            edited: &["packages"],
            differing: &["packages"],
            expected: &["sources", "packages", "root"],
            ..done
        },
        Case {
            what: "the table of the image was edited",
            edited: &["pack"],
            differing: &["pack"],
            expected: &["pack", "load", "tag"],
            ..done
        },
        Case { what: "killed before the builder was done", recorded: 1, expected: &all, ..done },
        Case { what: "killed while packages were compiled", recorded: 3, expected: &all[2..], ..done },
        Case { what: "killed while ROOT was merged", recorded: 4, expected: &all[4..], ..done },
        Case { what: "killed while the program was compiled", recorded: 5, expected: &all[5..], ..done },
        Case { what: "killed while the image was packed", recorded: 6, expected: &all[6..], ..done },
        Case { what: "killed while the image was loaded", recorded: 7, expected: &all[7..], ..done },
        Case { what: "killed between load and tag", recorded: 8, expected: &["tag"], ..done },
        done,
    ];
    for case in cases {
        let (_scratch, receipts) = receipts();
        record(case.recorded, &receipts);
        let world = World { gone: case.gone, differing: case.differing, ..World::default() };
        let results = go(&world, &plan(case.edited), &receipts).expect("nothing fails");
        assert_eq!(world.ran(), case.expected, "{}", case.what);
        assert_eq!(results.outcomes.get(&id("tag")), Some(&outcome("tag", world.version("tag"))), "{}", case.what);
        let reused: Vec<_> = results.runs.iter().filter(|run| !run.reused).map(|run| run.step.to_string()).collect();
        assert_eq!(reused, case.expected, "{}", case.what);
    }
}

#[test]
fn finished_run_asks_for_the_goal_alone() {
    let (_scratch, receipts) = receipts();
    record(STEPS.len(), &receipts);
    let world = World::default();
    go(&world, &plan(&[]), &receipts).expect("nothing fails");
    assert_eq!(*world.asked.lock().expect("nobody panics"), BTreeSet::from(["tag".to_owned()]));
}

#[test]
fn failure_starts_no_further_step() {
    let (_scratch, receipts) = receipts();
    let world = World { failing: Some("compile"), ..World::default() };
    let error = go(&world, &plan(&[]), &receipts).expect_err("a step fails");
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(world.ran(), ["fetch-builder", "builder", "sources", "packages", "root"]);
    let again = World::default();
    go(&again, &plan(&[]), &receipts).expect("nothing fails");
    assert_eq!(again.ran(), ["compile", "pack", "load", "tag"]);
}

#[test]
fn step_beside_a_failure_is_recorded() {
    let (_scratch, receipts) = receipts();
    struct Beside<'a>(World<'a>);
    impl Perform for Beside<'_> {
        type Claim = ();
        fn claim(&self, _: &Step, _: &Key) -> Result<Option<()>, Error> {
            Ok(None)
        }
        fn perform(&self, step: &Step, inputs: &Inputs) -> Result<Outcome, Error> {
            while step.id.as_str() == "builder" && !self.0.failed.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            self.0.perform(step, inputs)
        }
        fn is_present(&self, step: &Step, outcome: &Outcome) -> Result<bool, Error> {
            self.0.is_present(step, outcome)
        }
    }
    let mut two_steps = plan(&[]);
    two_steps.steps.retain(|step| ["builder", "sources"].contains(&step.id.as_str()));
    two_steps.steps[0].prepared.clear();
    two_steps.goals = two_steps.steps.iter().map(|step| step.id.clone()).collect();
    let world = Beside(World { failing: Some("sources"), ..World::default() });
    assert!(run(&world, &two_steps, &receipts, 2, &|_| {}).is_err());
    assert!(receipts.find(&Action::MakeBuilder, &two_steps.steps[0].ingredients_with([]).key()).is_some());
}

#[test]
fn result_of_another_run_is_used() {
    let (_scratch, receipts) = receipts();
    let world = World { finished_by_another: Some(("packages", &receipts)), ..World::default() };
    let results = go(&world, &plan(&[]), &receipts).expect("nothing fails");
    assert_eq!(world.ran(), ["fetch-builder", "builder", "sources", "root", "compile", "pack", "load", "tag"]);
    let reused: Vec<_> = results.runs.iter().filter(|run| run.reused).map(|run| run.step.to_string()).collect();
    assert_eq!(reused, ["packages"]);
}

#[test]
fn damaged_receipt_counts_as_missing() {
    let (scratch, receipts) = receipts();
    record(STEPS.len(), &receipts);
    let folder = scratch.path().join("target/tierce/receipts/tag");
    for entry in std::fs::read_dir(folder).expect("the receipt is there") {
        std::fs::write(entry.expect("readable").path(), "{").expect("writable");
    }
    let world = World::default();
    go(&world, &plan(&[]), &receipts).expect("nothing fails");
    assert_eq!(world.ran(), ["tag"]);
}

#[test]
fn refused_result_is_refused_again() {
    let (_scratch, receipts) = receipts();
    for ran in [&["fetch-builder", "builder", "sources", "packages", "root", "compile", "pack"][..], &[]] {
        let world = World { refused: Some("pack"), ..World::default() };
        let mut plan = plan(&[]);
        // For a step before the last one, a refusal counts only where the step is a goal.
        plan.goals.push(id("pack"));
        let error = go(&world, &plan, &receipts).expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(world.ran(), ran);
    }
}
