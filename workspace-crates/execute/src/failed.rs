//! The step that failed last, so that `shell` finds it.

use serde::{Deserialize, Serialize};
use tierce_manifest::Hook;
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
    /// The key of the hook that failed in it.
    #[serde(default)]
    pub(crate) hook: Option<String>,
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
        let hook = match error {
            Error::Hook { hook, .. } => Some(hook.key().to_owned()),
            _ => None,
        };
        files::write_json(&path(places), &Failed { step: step.clone(), package, hook })
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
        self.step.image()
    }

    /// The hook that failed.
    pub(crate) fn hook(&self) -> Option<Hook> {
        Hook::ALL.into_iter().find(|hook| self.hook.as_deref() == Some(hook.key()))
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
        let failed = Failed { step: step("packages web"), package: Some("a/b-1".into()), hook: None };
        assert_eq!(Failed::read(&places), Some(failed.clone()));
        assert_eq!(failed.image(), Some("web"));
        Failed::forget(&places, &step("packages web")).expect("removed");
        assert_eq!(Failed::read(&places), None);
        Failed::note(&places, &step("builder"), &Error::NoImages).expect("written");
        assert_eq!(Failed::read(&places).expect("it was noted").image(), None);
        let place = tierce_manifest::Place::new(&camino::Utf8Path::new("Cargo.toml").into(), 0..1);
        let (hook, image, lines, log) = (Hook::RootAfter, "web".into(), Vec::new(), "log".into());
        let script = Error::Hook { hook, image, code: 1, lines, log, place };
        Failed::note(&places, &step("root web"), &script).expect("written");
        assert_eq!(Failed::read(&places).and_then(|failed| failed.hook()), Some(Hook::RootAfter));
    }
}
