//! The step that failed last, so that `shell` finds it.

use serde::{Deserialize, Serialize};
use tierce_plan::StepId;

use crate::error::ErrorKind;
use crate::places::Places;
use crate::{Error, files};

/// A step that failed and was not done since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failed {
    /// Which.
    pub(crate) step: StepId,
    /// The package that failed in it.
    pub(crate) package: Option<String>,
}

impl Failed {
    /// What the last run of this workspace left.
    pub(crate) fn read(places: &Places) -> Option<Failed> {
        files::read_json(&path(places))
    }

    /// Keeps that a step has failed. An interruption is no failure.
    pub(crate) fn note(places: &Places, step: &StepId, error: &Error) -> Result<(), Error> {
        if error.kind() == ErrorKind::Interrupted {
            return Ok(());
        }
        let package = match error {
            Error::Emerge { package, .. } => Some(package.clone()),
            _ => None,
        };
        files::write_json(&path(places), &Failed { step: step.clone(), package })
    }

    /// Forgets a step that is done.
    pub(crate) fn forget(places: &Places, step: &StepId) -> Result<(), Error> {
        match Failed::read(places) {
            Some(failed) if failed.step == *step => files::remove(&path(places)),
            _ => Ok(()),
        }
    }

    /// The image of the step, if it is of one.
    pub(crate) fn image(&self) -> Option<&str> {
        self.step.as_str().split_once(' ').map(|(_, image)| image)
    }
}

fn path(places: &Places) -> std::path::PathBuf {
    places.own("failed.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::UserFolders;

    #[test]
    fn the_last_failure_is_known_until_the_step_is_done() {
        let folder = tempfile::tempdir().expect("a folder");
        let user = UserFolders { tierce_cache: Some(folder.path().join("cache")), xdg_cache_home: None, home: None };
        let places = Places::choose(folder.path(), &user).expect("places");
        let step = |text: &str| -> StepId { serde_json::from_value(text.into()).expect("a step") };
        let emerge = Error::Emerge { package: "a/b-1".into(), lines: Vec::new(), log: None, place: None };
        assert_eq!(Failed::read(&places), None);
        Failed::note(&places, &step("packages web"), &emerge).expect("written");
        Failed::note(&places, &step("root web"), &Error::Interrupted).expect("nothing to write");
        Failed::forget(&places, &step("packages api")).expect("nothing to remove");
        let failed = Failed { step: step("packages web"), package: Some("a/b-1".into()) };
        assert_eq!(Failed::read(&places), Some(failed.clone()));
        assert_eq!(failed.image(), Some("web"));
        Failed::forget(&places, &step("packages web")).expect("removed");
        assert_eq!(Failed::read(&places), None);
        Failed::note(&places, &step("builder"), &Error::NoImages).expect("written");
        assert_eq!(Failed::read(&places).expect("it was noted").image(), None);
    }
}
