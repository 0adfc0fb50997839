//! `test`: runs the tests of images again.

use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_plan::Sink;
use tierce_steps::ImageTests;
use tierce_store::{Error, ErrorKind, Observer, files, locks};

use crate::commands::clean::with_room;
use crate::commands::run_plans::{Run, run_plans};

/// Returns the error for a test that none of the images has.
fn unknown(name: &str, known: &[String]) -> Error {
    let help = match known {
        [] => "add a table [package.metadata.image.test.NAME] to the image's Cargo.toml".to_owned(),
        known => format!("there are `{}`", known.join("`, `")),
    };
    Error::new(ErrorKind::Table, format!("no image that was named has a test `{name}`")).with_help(help)
}

/// Builds these images and runs their tests again; `names` selects some tests, empty selects all. A failed test is a result,
/// not an error. Tags no image.
pub(crate) fn test(
    workspace: &Workspace,
    images: &[&ImageSpec],
    names: &[String],
    observer: &Observer<'_>,
) -> Result<Vec<ImageTests>, Error> {
    let known = || images.iter().flat_map(|image| image.tests.iter().map(|test| test.name.to_string()));
    if let Some(name) = names.iter().find(|name| known().all(|known| known != **name)) {
        return Err(unknown(name, &known().collect::<Vec<_>>()));
    }
    let test = || {
        let _held = locks::workspace(&workspace.paths, &workspace.options.interrupted, observer)?;
        let Run { results, .. } = run_plans(workspace, images, &sink(workspace, observer)?, Some(names), observer)?;
        Ok(images.iter().filter_map(|image| ImageTests::of(image, &results, &workspace.paths)).collect())
    };
    test().map_err(|error| with_room(workspace, workspace.unless_interrupted(error)))
}

/// Returns the sink whose engine runs the tests: the daemon, or the sandbox where no daemon answers. No test writes the layout.
fn sink(workspace: &Workspace, observer: &Observer<'_>) -> Result<Sink, Error> {
    let has_daemon = workspace.docker().is_ok();
    workspace.check_interrupted()?;
    match has_daemon || workspace.sandbox(observer).is_err() {
        true => Ok(Sink::Daemon),
        false => Ok(Sink::Layout(files::utf8(workspace.paths.own("tested"))?)),
    }
}
