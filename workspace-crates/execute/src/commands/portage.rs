//! Questions to Portage in the workspace's builder, which is made if it is missing.

use tierce_builders::container::context::Context;
use tierce_builders::container::opening::{Opening, Stream};
use tierce_builders::container::tail::Tail;
use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_plan::{Builder, Outcome, plan_builder};
use tierce_portage::{Failure, RESOLVE_PY};
use tierce_steps::{Performer, gather};
use tierce_store::{Error, ErrorKind, Observer, lock_file, locks};

use crate::commands::lock_changes::{locked_error, locked_now};
use crate::commands::repair::Repairs;
use crate::commands::run_plans::{LockedDebs, run_or_repair};
use crate::commands::tidy::sweep;

/// A script that answers a question, beside resolve.py.
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// The output of a script.
pub(super) struct Said {
    /// Its document, unless it failed otherwise.
    pub(super) answer: String,
    exit: i32,
    lines: Vec<String>,
}

/// Makes the builder if it is missing, and returns what `ask` makes of it. Writes Tierce.lock if that lacks the builder's packages.
pub(super) fn with_builder<T>(
    workspace: &Workspace,
    observer: &Observer<'_>,
    ask: impl FnOnce(&Context<'_>, &Builder) -> Result<T, Error>,
) -> Result<T, Error> {
    let _held = locks::workspace(&workspace.paths, &workspace.options.interrupted, observer)?;
    sweep(workspace, &tierce_plan::Sink::Daemon);
    let mut debs = LockedDebs::Kept;
    let mut repairs = Repairs::default();
    loop {
        let mut lock = lock_file::read(&workspace.lock_path())?.unwrap_or_default();
        debs.apply(&mut lock);
        let facts = gather(workspace, &[], Some(lock))?;
        let plan = plan_builder(&workspace.spec, &facts);
        if workspace.options.locked && !plan.whole && !plan.is_pull() {
            return Err(locked_error(workspace, &[], &facts)?);
        }
        let performer = Performer::new(workspace, &facts, observer);
        let ran = run_or_repair(workspace, &performer, &facts, &plan, (&mut debs, &mut repairs), observer)?;
        let Some(results) = ran else { continue };
        if plan.is_pull() {
            continue;
        }
        if !plan.whole {
            lock_file::write(&workspace.lock_path(), &locked_now(workspace, &facts, &plan, results))?;
            continue;
        }
        let builder = results.outcomes.into_values().find_map(|outcome| match outcome {
            Outcome::Builder(builder) => Some(builder),
            _ => None,
        });
        let builder = builder.ok_or_else(|| Error::missing_input("builder"))?;
        return ask(&Context { workspace, facts: &facts, observer }, &builder);
    }
}

/// Runs a script in the builder, with Portage's configuration of an image.
pub(super) fn ask(
    context: &Context<'_>,
    builder: &Builder,
    image: &ImageSpec,
    script: &Script,
    question: &str,
) -> Result<Said, Error> {
    let mut mounts = context.portage_mounts(image, &[])?;
    mounts.push(context.script("resolve.py", RESOLVE_PY)?);
    mounts.push(context.script(&format!("{}.py", script.name), script.text)?);
    let container = Opening {
        program: vec!["python3".into()],
        arguments: vec![format!("/tierce/scripts/{}.py", script.name)],
        ..context.opening(builder, script.name, mounts)
    };
    let (mut answer, mut tail) = (Vec::new(), Tail::default());
    let exit = context.run(&container, question.as_bytes(), &mut |stream, bytes| match stream {
        Stream::Stdout => tierce_bounded::add_answer(&mut answer, bytes),
        Stream::Stderr => tail.push(stream, bytes),
    })?;
    Ok(Said { answer: String::from_utf8_lossy(&answer).into_owned(), exit, lines: tail.lines() })
}

impl Said {
    /// Returns the error of a script whose document says why there is no answer.
    pub(super) fn failed(&self, failure: &Failure) -> Error {
        let error = Error::new(ErrorKind::Resolution, failure.to_string());
        let available = failure.available();
        error.with_lines(if available.is_empty() { &self.lines } else { &available }).with_help_if(failure.help())
    }

    /// Returns the error of a script without a document.
    pub(super) fn unreadable(&self, error: tierce_portage::Error) -> Error {
        match self.exit {
            0 => error.into(),
            exit => Error::builder("read the ebuilds".to_owned(), exit, &self.lines),
        }
    }
}
