//! `shell`: a builder in the state of a step. The container is temporary, so no result depends on it.

mod root;
mod scratch_volume;
mod state;

use tempfile::TempDir;
use tierce_builders::container::builder_engine::OpenBuilder;
use tierce_builders::container::context::Context;
use tierce_builders::engine::run::known;
use tierce_builders::workspace::Workspace;
use tierce_manifest::{Hook, ImageSpec};
use tierce_plan::{Plan, Sink, Step, StepId};
use tierce_store::failed::Failed;
use tierce_store::{Error, ErrorKind, Event, Observer, lock_file};

use crate::commands::run_plans::plan_with;
use crate::commands::shell::scratch_volume::ScratchVolume;
use crate::commands::shell::state::State;

/// The steps that have a builder to enter.
pub const SHELL_STEPS: [&str; 5] = ["packages", "environment", "root", "unmerge", "compile"];

/// The options of `shell`.
#[derive(Clone, Debug, Default)]
pub struct ShellOptions {
    /// The image; None for that of the last failed step, or the only image.
    pub image: Option<String>,
    /// The verb of a step, one of [`SHELL_STEPS`]; None for the last failed step.
    pub step: Option<String>,
    /// Whether the container has a copy of ROOT and starts in it.
    pub root: bool,
    /// The command to run; a shell if it is empty.
    pub command: Vec<String>,
    /// Whether the command has a terminal.
    pub tty: bool,
}

/// A container that the caller starts. Dropping it removes the container.
pub struct Shell {
    container: Box<dyn OpenBuilder>,
    /// The step that the container reproduces.
    pub step: StepId,
    /// The package that failed to compile, `category/name-version`. Its sources are unpacked and patched.
    pub prepared: Option<String>,
    /// The next hook.
    pub hook: Option<Hook>,
    /// Whether `TIERCE_COMMAND` has the next command of the step.
    pub has_command: bool,
    /// The folders that a compilation writes.
    _folders: Option<TempDir>,
    /// The volume of ROOT. It drops after the container that mounts it.
    _volume: Option<ScratchVolume>,
}

impl Shell {
    /// Returns the id that the daemon attaches a terminal to, or `None` if the command can have the caller's own.
    pub fn attachable(&self) -> Option<&str> {
        self.container.attachable()
    }

    /// Runs the command with the caller's own terminal, and returns its exit code. `signals` returns those that the command gets.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn run_here(&self, signals: &mut dyn FnMut() -> Vec<i32>) -> Result<i32, Error> {
        self.container.run_here(signals)
    }
}

/// Creates a builder in the state of a step: its mounts, environment, binary packages and merged packages.
///
/// # Errors
/// The step is ambiguous, or earlier results are missing; errors of the daemon.
pub(crate) fn shell(workspace: &Workspace, options: &ShellOptions, observer: &Observer<'_>) -> Result<Shell, Error> {
    if let Some(verb) = &options.step {
        has_no_root_of_its_own(verb, options)?;
    }
    let failed = Failed::read(&workspace.paths);
    let image = image_of_shell(workspace, options, failed.as_ref())?;
    let name = image.name.as_str();
    let (facts, plan) = plan_with(workspace, &[image], &Sink::Daemon, lock_file::read(&workspace.lock_path())?, &[])?;
    let chosen = choose(&plan, name, options.step.as_deref(), failed)?;
    if let Some(message) = chosen.elsewhere {
        observer(Event::Warning { message });
    }
    has_no_root_of_its_own(chosen.step.id.verb(), options)?;
    let known = known(&plan, &workspace.receipts());
    let context = Context { workspace, facts: &facts, observer };
    State { context: &context, image, plan: &plan, known: &known, options }.enter(chosen.step, chosen.failed)
}

fn image_of_shell<'w>(
    workspace: &'w Workspace,
    options: &ShellOptions,
    failed: Option<&Failed>,
) -> Result<&'w ImageSpec, Error> {
    let named = options.image.as_deref();
    let known = failed.and_then(Failed::image).filter(|image| workspace.spec.image(image).is_some());
    let names: Vec<String> = named.or(known).map(str::to_owned).into_iter().collect();
    match workspace.images(&names)?.as_slice() {
        [only] => Ok(only),
        several => {
            let names: Vec<&str> = several.iter().map(|image| image.name.as_str()).collect();
            let problem = format!("no step has failed; say which of `{}`", names.join("`, `"));
            Err(no_shell(&problem))
        }
    }
}

/// The step to enter.
#[derive(Debug)]
struct Chosen<'p> {
    step: &'p Step,
    /// The failure, if this step failed last.
    failed: Option<Failed>,
    /// The warning about a failed step that `shell` cannot enter.
    elsewhere: Option<String>,
}

/// Selects the requested step of this image, else the one that failed last, else `packages`. A plan also has steps with the
/// same verbs for the bases, before those of the image.
fn choose<'p>(plan: &'p Plan, image: &str, asked: Option<&str>, failed: Option<Failed>) -> Result<Chosen<'p>, Error> {
    let failed = failed.filter(|failed| failed.image() == Some(image));
    // `pack` has a builder only for its hook.
    let enters = |failed: &Failed| SHELL_STEPS.contains(&failed.step.verb()) || failed.hook().is_some();
    let verb = asked.or(failed.as_ref().filter(|failed| enters(failed)).map(|failed| failed.step.verb()));
    let own = || plan.steps.iter().filter(|step| step.id.image() == Some(image));
    let Some(step) = own().find(|step| step.id.verb() == verb.unwrap_or("packages")) else {
        let verbs: Vec<&str> = own().map(|step| step.id.verb()).filter(|verb| SHELL_STEPS.contains(verb)).collect();
        return Err(match (asked, verbs.as_slice()) {
            (Some(asked), [_, ..]) => no_shell(&format!("the image `{image}` has no step `{asked}`"))
                .with_help(format!("it has `{}`", verbs.join("`, `"))),
            _ => missing(image, "the image has no step `packages` yet"),
        });
    };
    let elsewhere = failed.as_ref().filter(|failed| asked.is_none() && !enters(failed)).map(|failed| {
        format!("`{}` is what failed last, and that cannot be entered: this is `{}`", failed.step, step.id)
    });
    Ok(Chosen { step, failed: failed.filter(|failed| failed.step == step.id), elsewhere })
}

/// Refuses a copy of ROOT for a step that mounts ROOT itself.
fn has_no_root_of_its_own(verb: &str, options: &ShellOptions) -> Result<(), Error> {
    if !options.root || !matches!(verb, "compile" | "unmerge") {
        return Ok(());
    }
    let problem = format!("`{verb}` has ROOT already, where it cannot be written");
    Err(no_shell(&problem).with_help(format!("leave out --root, or --step {verb}")))
}

fn no_shell(problem: &str) -> Error {
    Error::new(ErrorKind::Other, format!("failed to enter a step: {problem}"))
}

/// Returns the error for a missing earlier result.
fn missing(image: &str, problem: &str) -> Error {
    no_shell(problem).with_help(format!("run `cargo xtask image {image}` first"))
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
    fn shell_enters_requested_or_failed_step() {
        let plan = plan();
        let cases = [
            // Image, requested verb, last failure, entered step, whether that step failed, warning.
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
        for (image, asked, failure, stands, is_failed, warning) in cases {
            let failure = failure.map(|(step, hook)| failed(step, hook));
            let chosen = choose(&plan, image, asked, failure.clone()).expect("a step");
            let found = (chosen.step.id.as_str(), chosen.failed.is_some(), chosen.elsewhere.as_deref());
            assert_eq!(found, (stands, is_failed, warning), "{image} {asked:?} {failure:?}");
        }
        let none = choose(&plan, "below", Some("compile"), None).expect_err("it has none").to_string();
        assert_eq!(none, "failed to enter a step: the image `below` has no step `compile`");
        let nothing = choose(&plan, "web", None, None).expect_err("it has none").to_string();
        assert_eq!(nothing, "failed to enter a step: the image has no step `packages` yet");
    }
}
