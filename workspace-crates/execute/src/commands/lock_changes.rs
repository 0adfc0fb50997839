//! Tierce.lock: updates after a resolution, and the error of `--locked`.

use tierce_builders::engine::run::Results;
use tierce_builders::workspace::Workspace;
use tierce_debian::wheel;
use tierce_manifest::ImageSpec;
use tierce_plan::{
    Action, BuilderFacts, Facts, Lock, LockedBuilder, LockedImage, Outcome, Plan, PlanError, Uncovered, changes,
};
use tierce_store::{Error, ErrorKind, Event, Observer, lock_file};

/// Returns Tierce.lock with the results of these steps. Drops images that the workspace no longer has.
pub(super) fn locked_now(workspace: &Workspace, facts: &Facts, plan: &Plan, results: Results) -> Lock {
    let mut lock = facts.lock.clone().unwrap_or_default();
    let builder = locked_builder(facts, std::mem::take(&mut lock.builder));
    lock.builder = builder;
    for (id, outcome) in results.outcomes {
        match outcome {
            Outcome::Debs(debs) => lock.builder.debs = debs,
            Outcome::Builder(builder) => lock.builder.repository = builder.repository,
            Outcome::Resolution(packages) => {
                let Some(Action::Resolve { image, inputs, .. }) = plan.step(&id).map(|step| &step.action) else {
                    continue;
                };
                lock.set_image(LockedImage::new(image, inputs.clone(), packages));
                lock.repositories.clone_from(&facts.repositories);
            }
            _ => {}
        }
    }
    lock.images.retain(|image| workspace.spec.image(&image.name).is_some());
    lock
}

/// Returns the error of `--locked` for a Tierce.lock that does not cover these images, with the causes.
pub(super) fn locked_error(workspace: &Workspace, images: &[&ImageSpec], facts: &Facts) -> Result<Error, Error> {
    if facts.lock.is_none() {
        return Ok(locked(&["Tierce.lock does not exist yet".to_owned()]));
    }
    let uncovered = tierce_plan::uncovered(&workspace.spec, images, facts).map_err(PlanError::from)?;
    let lines: Vec<String> = uncovered
        .iter()
        .flat_map(|Uncovered { image, causes }| {
            let subject = image.as_ref().map_or("the builder".to_owned(), |image| format!("the image `{image}`"));
            causes.iter().map(move |cause| format!("{subject}: {cause}"))
        })
        .collect();
    Ok(locked(&lines))
}

/// Returns the error of `--locked` for a Tierce.lock that would have to change: the changes with their causes, one per line.
pub(super) fn locked(changes: &[String]) -> Error {
    let help = "run `cargo xtask image` without --locked and commit Tierce.lock; `cargo xtask update --dry-run` lists what \
                would move";
    let message = "Tierce.lock has to change, and --locked forbids it";
    Error::new(ErrorKind::Lock, message).with_lines(changes).with_help(help)
}

fn locked_builder(facts: &Facts, before: LockedBuilder) -> LockedBuilder {
    let rustc = rustc_line(&facts.rustc);
    match &facts.builder {
        BuilderFacts::Debian { selection, .. } => LockedBuilder {
            base: "debian".into(),
            digest: None,
            portage: Some(format!("{} {}", wheel::PORTAGE_VERSION, wheel::PORTAGE_WHEEL_SHA256)),
            rustc,
            debs: if before.selection.as_ref() == Some(selection) { before.debs } else { Vec::new() },
            selection: Some(selection.clone()),
            repository: None,
        },
        BuilderFacts::Image { id } => {
            LockedBuilder { base: "image".into(), digest: Some(id.clone()), rustc, ..LockedBuilder::default() }
        }
        BuilderFacts::RootFilesystem { digest } => {
            LockedBuilder { base: "rootfs".into(), digest: Some(digest.clone()), rustc, ..LockedBuilder::default() }
        }
    }
}

/// Updates rustc in Tierce.lock, which records the compiler of the programs. A new rustc needs no resolution.
pub(super) fn keep_rustc(workspace: &Workspace, facts: &Facts) -> Result<(), Error> {
    match &facts.lock {
        Some(lock) if lock.builder.rustc != rustc_line(&facts.rustc) && !workspace.options.locked => {
            let mut lock = lock.clone();
            lock.builder.rustc = rustc_line(&facts.rustc);
            lock_file::write(&workspace.lock_path(), &lock)
        }
        _ => Ok(()),
    }
}

/// Reports the changes to locked images. An image that is new in Tierce.lock is not a change.
pub(super) fn tell_changes(facts: &Facts, now: &Lock, observer: &Observer<'_>) {
    let Some(before) = &facts.lock else { return };
    let mut known = now.clone();
    known.images.retain(|image| before.image(&image.name).is_some());
    for change in changes(before, &known) {
        observer(Event::LockChanged { change });
    }
}

/// The first line of `rustc -vV`.
fn rustc_line(version: &str) -> String {
    version.lines().next().unwrap_or_default().to_owned()
}
