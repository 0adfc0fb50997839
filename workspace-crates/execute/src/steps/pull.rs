//! Images that the builder or an image begins with: pulled where the daemon does not have them.

use std::error::Error as _;

use tierce_docker::{Error as DaemonError, Pulled};
use tierce_manifest::{BuilderBase, Place};
use tierce_plan::{Outcome, StepId};

use crate::Error;
use crate::executor::{Executor, missing_input};
use crate::facts::oci_architecture;
use crate::progress::{Event, Unit};

impl Executor<'_> {
    /// Has the daemon pull an image for this machine's platform.
    pub(crate) fn pull_image(&self, step: &StepId, reference: &str) -> Result<Outcome, Error> {
        let mut tell = |Pulled { done, total }| {
            let (step, current) = (step.clone(), reference.to_owned());
            (self.observer)(Event::Progress { step, done, total: Some(total), unit: Unit::Bytes, current });
        };
        let platform = format!("linux/{}", oci_architecture());
        match self.docker()?.pull(reference, &platform, &mut tell) {
            Ok(()) => Ok(Outcome::Fetched),
            Err(error @ (DaemonError::NotFound { .. } | DaemonError::Refused { .. })) => Err(Error::NotPulled {
                reference: reference.to_owned(),
                place: self.place_of(reference).ok_or_else(|| missing_input("the image's table"))?,
                problem: error.source().map_or_else(|| error.to_string(), ToString::to_string),
                help:
                    "see that it is spelt right; `docker login` tells the registry who asks, `docker load` brings it \
                       without one"
                        .to_owned(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Where a table names this image.
    fn place_of(&self, reference: &str) -> Option<Place> {
        let builder = match &self.session.spec.builder {
            BuilderBase::Image(image) => Some(image),
            BuilderBase::Debian | BuilderBase::RootFilesystem(_) => None,
        };
        let bases = self.session.spec.all_images().filter_map(|image| image.base.foreign());
        let mut all = builder.into_iter().chain(bases);
        Some(all.find(|image| image.value.to_string() == reference)?.place.clone())
    }
}
