//! `image`: builds images and delivers them.

use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_plan::Sink;
use tierce_store::{Error, Observer, locks};

use crate::commands::clean::with_room;
use crate::commands::report::{Delivered, report_images};
use crate::commands::run_plans::{Run, run_plans};
use crate::commands::tidy::tidy_up;

/// Builds these images and delivers them to the sink. The error of a full disk says how much `clean` could remove.
pub(crate) fn build(
    workspace: &Workspace,
    images: &[&ImageSpec],
    sink: &Sink,
    observer: &Observer<'_>,
) -> Result<Vec<Delivered>, Error> {
    let build = || {
        let _held = locks::workspace(&workspace.paths, &workspace.options.interrupted, observer)?;
        if let Sink::Layout(path) | Sink::Archive(path) = sink {
            workspace.digests.written().add(path.as_std_path())?;
        }
        let Run { facts, results, runs } = run_plans(workspace, images, sink, None, observer)?;
        tidy_up(workspace, &workspace.spec.with_bases(images), &results, observer)?;
        report_images(workspace, &facts, images, sink, &results, &runs)
    };
    build().map_err(|error| with_room(workspace, workspace.unless_interrupted(error)))
}
