//! A builder to look around in, as it was in a step: a container that is thrown away, so that nothing of it gets into results.

mod root;
mod state;

use tempfile::TempDir;
use tierce_docker::{Container, Docker};
use tierce_manifest::{Hook, ImageSpec};
use tierce_plan::{Plan, Sink, Step, StepId};

use crate::Error;
use crate::executor::Executor;
use crate::failed::Failed;
use crate::progress::{Event, Observer};
use crate::receipts::Receipts;
use crate::run::known;
use crate::session::Session;
use crate::shell::root::ScratchVolume;
use crate::shell::state::State;

/// The steps that have a builder to enter.
pub const SHELL_STEPS: [&str; 5] = ["packages", "environment", "root", "unmerge", "compile"];

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct ShellOptions {
    /// Of which image; none for that of the step that failed last, or the only one.
    pub image: Option<String>,
    /// Which kind of step, one of [`SHELL_STEPS`]; none for the one that failed last.
    pub step: Option<String>,
    /// Whether a copy of ROOT is there, as the current folder.
    pub root: bool,
    /// What is run; a shell if it is empty.
    pub command: Vec<String>,
    /// Whether it has a terminal.
    pub tty: bool,
}

/// A container that waits for its start. With this value it goes away.
pub struct Shell {
    container: Container,
    /// The step that it stands in.
    pub step: StepId,
    /// The package whose sources are unpacked and patched, `category/name-version`: the one that failed to compile.
    pub prepared: Option<String>,
    /// The hook that comes next.
    pub hook: Option<Hook>,
    /// Whether the environment has what comes next as `TIERCE_COMMAND`.
    pub has_command: bool,
    /// The daemon that has it.
    pub docker: Docker,
    /// What a compilation writes.
    _folders: Option<TempDir>,
    /// What is ROOT there. The container goes before it.
    _volume: Option<ScratchVolume>,
}

impl Shell {
    /// The container's id.
    pub fn id(&self) -> &str {
        self.container.id()
    }
}

impl Session {
    /// Makes a builder as it was in a step: with its mounts, its environment, its binary packages and what was merged.
    ///
    /// # Errors
    /// [`Error::NoShell`] where nothing tells which step is meant, or the results before it are not there; the daemon's.
    pub fn shell(&self, options: &ShellOptions, observer: &Observer<'_>) -> Result<Shell, Error> {
        if let Some(verb) = &options.step {
            has_no_root_of_its_own(verb, options)?;
        }
        let failed = Failed::read(&self.places);
        let image = self.image_of_shell(options, failed.as_ref())?;
        let name = image.name.as_str();
        let (facts, plan) = self.plan_with(&[image], &Sink::Daemon, self.read_lock()?, &[])?;
        let chosen = choose(&plan, name, options.step.as_deref(), failed)?;
        if let Some(message) = chosen.elsewhere {
            observer(Event::Warning { message });
        }
        has_no_root_of_its_own(chosen.step.id.verb(), options)?;
        let known = known(&plan, &Receipts::new(self.places.clone()));
        let executor = Executor::new(self, &facts, observer);
        State { executor: &executor, image, plan: &plan, known: &known, options }.enter(chosen.step, chosen.failed)
    }

    fn image_of_shell(&self, options: &ShellOptions, failed: Option<&Failed>) -> Result<&ImageSpec, Error> {
        let named = options.image.as_deref();
        let known = failed.and_then(Failed::image).filter(|image| self.spec.image(image).is_some());
        let names: Vec<String> = named.or(known).map(str::to_owned).into_iter().collect();
        match self.images(&names)?.as_slice() {
            [only] => Ok(only),
            several => {
                let names: Vec<&str> = several.iter().map(|image| image.name.as_str()).collect();
                let problem = format!("no step has failed; say which of `{}`", names.join("`, `"));
                Err(Error::NoShell { problem, help: None })
            }
        }
    }
}

/// Where a shell stands.
#[derive(Debug)]
struct Chosen<'p> {
    step: &'p Step,
    /// How far it came, where it is the one that failed.
    failed: Option<Failed>,
    /// What else failed, which cannot be entered.
    elsewhere: Option<String>,
}

/// The step of this image that is asked for, else the one that failed last, else the compiling of packages. A plan has steps of
/// the same kinds for the images below, and before those of this one.
fn choose<'p>(plan: &'p Plan, image: &str, asked: Option<&str>, failed: Option<Failed>) -> Result<Chosen<'p>, Error> {
    let failed = failed.filter(|failed| failed.image() == Some(image));
    // Packing has a builder where its hook runs.
    let enters = |failed: &Failed| SHELL_STEPS.contains(&failed.step.verb()) || failed.hook().is_some();
    let verb = asked.or(failed.as_ref().filter(|failed| enters(failed)).map(|failed| failed.step.verb()));
    let own = || plan.steps.iter().filter(|step| step.id.image() == Some(image));
    let Some(step) = own().find(|step| step.id.verb() == verb.unwrap_or("packages")) else {
        let there: Vec<&str> = own().map(|step| step.id.verb()).filter(|verb| SHELL_STEPS.contains(verb)).collect();
        return Err(match (asked, there.as_slice()) {
            (Some(asked), [_, ..]) => Error::NoShell {
                problem: format!("the image `{image}` has no step `{asked}`"),
                help: Some(format!("it has `{}`", there.join("`, `"))),
            },
            _ => missing(image, "the image has no step `packages` yet"),
        });
    };
    let elsewhere = failed.as_ref().filter(|failed| asked.is_none() && !enters(failed)).map(|failed| {
        format!("`{}` is what failed last, and that cannot be entered: this is `{}`", failed.step, step.id)
    });
    Ok(Chosen { step, failed: failed.filter(|failed| failed.step == step.id), elsewhere })
}

/// Refuses a copy of ROOT where the step's own is.
fn has_no_root_of_its_own(verb: &str, options: &ShellOptions) -> Result<(), Error> {
    if !options.root || !matches!(verb, "compile" | "unmerge") {
        return Ok(());
    }
    let problem = format!("`{verb}` has ROOT already, where it cannot be written");
    Err(Error::NoShell { problem, help: Some(format!("leave out --root, or --step {verb}")) })
}

/// What has to be there first is not.
fn missing(image: &str, problem: &str) -> Error {
    Error::NoShell { problem: problem.to_owned(), help: Some(format!("run `cargo xtask image {image}` first")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan() -> Plan {
        let step = |id: &str, action: serde_json::Value| {
            let mut step = json!({ "id": id, "after": [], "prepared": [], "ingredients": {} });
            let fields = action.as_object().expect("an action").clone();
            step.as_object_mut().expect("a step").extend(fields);
            serde_json::from_value::<Step>(step).expect("a step")
        };
        let mut steps = vec![step("builder", json!({ "action": "make-builder" }))];
        for image in ["below", "app"] {
            for (verb, action) in [("packages", "extend-builder"), ("root", "merge-root"), ("pack", "pack")] {
                steps.push(step(&format!("{verb} {image}"), json!({ "action": action, "image": image })));
            }
        }
        steps.push(step("compile app", json!({ "action": "compile", "image": "app" })));
        Plan { steps, goals: Vec::new(), bases: Default::default(), whole: true }
    }

    fn failed(step: &str, hook: Option<&str>) -> Failed {
        serde_json::from_value(json!({ "step": step, "package": null, "hook": hook })).expect("a failure")
    }

    #[test]
    fn a_shell_stands_in_the_named_images_own_step_and_says_where_that_is_not_what_failed() {
        let plan = plan();
        let cases = [
            // What is asked for, what failed, where it stands, whether that is what failed, and what is said.
            ("app", None, None, "packages app", false, None),
            ("below", None, None, "packages below", false, None),
            ("app", Some("root"), None, "root app", false, None),
            ("app", None, Some(("root app", None)), "root app", true, None),
            ("app", None, Some(("root below", None)), "packages app", false, None),
            ("app", None, Some(("root app", Some("root-after"))), "root app", true, None),
            ("app", Some("compile"), Some(("root app", None)), "compile app", false, None),
            ("app", Some("packages"), Some(("pack app", None)), "packages app", false, None),
            (
                "app",
                None,
                Some(("pack app", None)),
                "packages app",
                false,
                Some("`pack app` is what failed last, and that cannot be entered: this is `packages app`"),
            ),
            ("app", None, Some(("pack app", Some("finish"))), "pack app", true, None),
        ];
        for (image, asked, failure, stands, is_failed, said) in cases {
            let failure = failure.map(|(step, hook)| failed(step, hook));
            let chosen = choose(&plan, image, asked, failure.clone()).expect("a step");
            let found = (chosen.step.id.as_str(), chosen.failed.is_some(), chosen.elsewhere.as_deref());
            assert_eq!(found, (stands, is_failed, said), "{image} {asked:?} {failure:?}");
        }
        let none = choose(&plan, "below", Some("compile"), None).expect_err("it has none").to_string();
        assert_eq!(none, "failed to enter a step: the image `below` has no step `compile`");
        let nothing = choose(&plan, "web", None, None).expect_err("it has none").to_string();
        assert_eq!(nothing, "failed to enter a step: the image has no step `packages` yet");
    }
}
