//! Pulls: the daemon downloads an image from its registry.

use std::collections::BTreeMap;

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt;

use crate::credentials;
use crate::reference::{check_reference, split_tag};
use crate::{Answer, Docker, Error};

/// The progress of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled {
    /// Received bytes of compressed layers.
    pub done: u64,
    /// Total bytes of the layers whose size the registry has given.
    pub total: u64,
}

impl Docker {
    /// Pulls an image for a platform (`linux/amd64`) with the credentials of `docker login`, and reports its progress. Without
    /// readable credentials, the request to the registry has none.
    ///
    /// # Errors
    /// [`Error::NotFound`] and [`Error::Refused`] with the registry's or the daemon's words, [`Error::NoSpace`].
    pub fn pull(&self, reference: &str, platform: &str, report: &mut dyn FnMut(Pulled)) -> Result<(), Error> {
        check_reference(reference)?;
        // Without a tag the daemon pulls all tags.
        let (name, tag) = if reference.contains('@') { (reference, "") } else { split_tag(reference)? };
        let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag).platform(platform).build();
        let found = credentials::of_reference(self.docker_config(), reference, self.interrupted());
        let (credentials, problem) = match found {
            Ok(credentials) => (credentials, None),
            Err(problem) => (None, Some(problem)),
        };
        let mut layers = Layers::default();
        let answers = self.client().create_image(Some(options), None, credentials);
        let pulled = self.request(
            || format!("pull the image `{reference}`"),
            answers.try_for_each(|answer| {
                if let Some(pulled) = layers.hear(answer) {
                    report(pulled);
                }
                std::future::ready(Ok(()))
            }),
        );
        pulled.map_err(|error| match problem {
            Some(problem) => with_problem(error, &problem),
            None => error,
        })
    }
}

/// Adds unreadable credentials to the error: the registry's own message does not name them.
fn with_problem(error: Error, problem: &str) -> Error {
    let add = |source: Answer| Answer { message: format!("{} ({problem})", source.message), ..source };
    match error {
        Error::NotFound { action, source } => Error::NotFound { action, source: add(source) },
        Error::Refused { action, source } => Error::Refused { action, source: add(source) },
        other => other,
    }
}

/// The received bytes and the size of each layer.
#[derive(Default)]
struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    fn hear(&mut self, answer: CreateImageInfo) -> Option<Pulled> {
        let id = answer.id?;
        let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        match answer.status.as_deref()? {
            "Downloading" => {
                let detail = answer.progress_detail?;
                let (current, total) = (number(detail.current)?, number(detail.total)?);
                self.0.insert(id, (current.min(total), total));
            }
            "Download complete" | "Verifying Checksum" | "Extracting" | "Pull complete" => {
                let (done, total) = self.0.get_mut(&id)?;
                *done = *total;
            }
            _ => return None,
        }
        let sum = |field: fn(&(u64, u64)) -> u64| self.0.values().map(field).fold(0, u64::saturating_add);
        Some(Pulled { done: sum(|layer| layer.0), total: sum(|layer| layer.1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    #[test]
    fn progress_sums_all_layers() {
        let mut layers = Layers::default();
        for (id, status, detail, expected) in [
            ("12-slim", "Pulling from library/debian", None, None),
            ("a", "Pulling fs layer", None, None),
            ("a", "Downloading", Some((10, 100)), Some((10, 100))),
            ("b", "Downloading", Some((1, 50)), Some((11, 150))),
            ("a", "Download complete", None, Some((101, 150))),
            ("a", "Extracting", Some((5, 100)), Some((101, 150))),
            ("c", "Already exists", None, None),
            ("d", "Downloading", Some((-1, 7)), None),
            ("b", "Pull complete", None, Some((150, 150))),
        ] {
            let progress_detail =
                detail.map(|(current, total)| ProgressDetail { current: Some(current), total: Some(total) });
            let answer = CreateImageInfo {
                id: Some(id.into()),
                status: Some(status.into()),
                progress_detail,
                ..CreateImageInfo::default()
            };
            let heard = layers.hear(answer).map(|pulled| (pulled.done, pulled.total));
            assert_eq!(heard, expected, "{id} {status}");
        }
    }
}
