//! Pulls builder images and external bases that the daemon lacks.

use std::error::Error as _;

use tierce_builders::container::context::Context;
use tierce_builders::workspace::platform;
use tierce_docker::{Error as DaemonError, Pulled};
use tierce_manifest::{BuilderBase, Place};
use tierce_plan::{Outcome, StepId};
use tierce_store::{Error, ErrorKind, Event, Unit};

/// Asks the daemon to pull an image for this machine's platform.
pub(super) fn pull_image(context: &Context<'_>, step: &StepId, reference: &str) -> Result<Outcome, Error> {
    let mut tell = |Pulled { done, total }| {
        let (step, current) = (step.clone(), reference.to_owned());
        (context.observer)(Event::Progress { step, done, total: Some(total), unit: Unit::Bytes, current });
    };
    let platform = platform();
    match context.docker()?.pull(reference, &platform, &mut tell) {
        Ok(()) => Ok(Outcome::Fetched),
        Err(error @ (DaemonError::NotFound { .. } | DaemonError::Refused { .. })) => {
            let place = place_of(context, reference).ok_or_else(|| Error::missing_input("the image's table"))?;
            let problem = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            let help = "check its spelling; `docker login` gives the registry your credentials, `docker load` takes \
                        the image from a file";
            let error = Error::new(ErrorKind::Download, format!("failed to pull `{reference}`: {problem}"));
            Err(error.at(&place).with_help(help))
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns the line of the table that names this image.
fn place_of(context: &Context<'_>, reference: &str) -> Option<Place> {
    let builder = match &context.workspace.spec.builder {
        BuilderBase::Image(image) => Some(image),
        BuilderBase::Debian | BuilderBase::RootFilesystem(_) => None,
    };
    let bases = context.workspace.spec.all_images().filter_map(|image| image.base.foreign());
    let mut all = builder.into_iter().chain(bases);
    Some(all.find(|image| image.value.to_string() == reference)?.place.clone())
}
