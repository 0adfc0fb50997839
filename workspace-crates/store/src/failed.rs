//! The step that failed last: `shell` enters it.

use serde::{Deserialize, Serialize};
use tierce_manifest::Hook;
use tierce_plan::StepId;

use crate::paths::Paths;
use crate::{Cause, Error, ErrorKind, files, sealed};

/// A step that failed and has not succeeded since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its id.
    pub step: StepId,
    /// The package that failed in it.
    pub package: Option<String>,
    /// The key of the hook that failed in it.
    #[serde(default)]
    hook: Option<String>,
}

impl Failed {
    /// The failure that the last run of this workspace left.
    pub fn read(paths: &Paths) -> Option<Failed> {
        sealed::read(&path(paths))
    }

    /// Records a failed step. An interruption is no failure.
    pub(crate) fn note(paths: &Paths, step: &StepId, error: &Error) -> Result<(), Error> {
        if error.kind() == ErrorKind::Interrupted {
            return Ok(());
        }
        let (package, hook) = match error.cause() {
            Cause::Package(package) => (Some(package.clone()), None),
            Cause::Hook(hook) => (None, Some(hook.key().to_owned())),
            _ => (None, None),
        };
        sealed::write(&path(paths), &Failed { step: step.clone(), package, hook })
    }

    /// Forgets a step that has succeeded.
    pub(crate) fn forget(paths: &Paths, step: &StepId) -> Result<(), Error> {
        match Failed::read(paths) {
            Some(failed) if failed.step == *step => files::remove(&path(paths)),
            _ => Ok(()),
        }
    }

    /// The image of the step; none for a step of all images.
    pub fn image(&self) -> Option<&str> {
        self.step.image()
    }

    /// The hook that failed.
    pub fn hook(&self) -> Option<Hook> {
        Hook::ALL.into_iter().find(|hook| self.hook.as_deref() == Some(hook.key()))
    }
}

fn path(paths: &Paths) -> std::path::PathBuf {
    paths.own("failed.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::UserFolders;

    #[test]
    fn failure_is_forgotten_after_success() {
        let folder = tempfile::tempdir().expect("a folder");
        let user = UserFolders { tierce_cache: Some(folder.path().join("cache")), xdg_cache_home: None, home: None };
        let paths = Paths::choose(folder.path(), &user).expect("places");
        let step = |text: &str| -> StepId { serde_json::from_value(text.into()).expect("a step") };
        let failed_by = |cause: Cause| Error::new(ErrorKind::Build, "failed").with_cause(cause);
        let emerge = failed_by(Cause::Package("a/b-1".into()));
        assert_eq!(Failed::read(&paths), None);
        Failed::note(&paths, &step("packages web"), &emerge).expect("written");
        Failed::note(&paths, &step("root web"), &Error::interrupted()).expect("nothing to write");
        Failed::forget(&paths, &step("packages api")).expect("nothing to remove");
        let failed = Failed { step: step("packages web"), package: Some("a/b-1".into()), hook: None };
        assert_eq!(Failed::read(&paths), Some(failed.clone()));
        assert_eq!(failed.image(), Some("web"));
        Failed::forget(&paths, &step("packages web")).expect("removed");
        assert_eq!(Failed::read(&paths), None);
        Failed::note(&paths, &step("builder"), &Error::missing_input("builder")).expect("written");
        assert_eq!(Failed::read(&paths).expect("it was noted").image(), None);
        let script = failed_by(Cause::Hook(Hook::RootAfter));
        Failed::note(&paths, &step("root web"), &script).expect("written");
        assert_eq!(Failed::read(&paths).and_then(|failed| failed.hook()), Some(Hook::RootAfter));
    }
}
