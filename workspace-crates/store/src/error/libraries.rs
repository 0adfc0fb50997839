//! The kind and the help of the errors of libraries.

use super::{Error, ErrorKind};
use crate::permission;

impl From<tierce_manifest::Errors> for Error {
    fn from(errors: tierce_manifest::Errors) -> Error {
        Error::from_source(ErrorKind::Table, errors)
    }
}

impl From<tierce_plan::PlanError> for Error {
    fn from(error: tierce_plan::PlanError) -> Error {
        Error::table(error.place(), error.to_string()).with_help_if(error.help())
    }
}

impl From<tierce_portage::Error> for Error {
    fn from(error: tierce_portage::Error) -> Error {
        Error::from_source(ErrorKind::Resolution, error)
    }
}

impl From<tierce_rootfs::Error> for Error {
    fn from(error: tierce_rootfs::Error) -> Error {
        Error::from_source(ErrorKind::Pack, error)
    }
}

impl From<tierce_oci::Error> for Error {
    fn from(error: tierce_oci::Error) -> Error {
        Error::from_source(ErrorKind::Pack, error)
    }
}

impl From<tierce_docker::Error> for Error {
    fn from(error: tierce_docker::Error) -> Error {
        let kind = match error {
            tierce_docker::Error::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Daemon,
        };
        let advice = error.help().map(|help| match is_unreachable(&error) {
            true => format!("{help}; `cargo xtask doctor` says what this machine can do"),
            false => help.to_owned(),
        });
        Error::from_source(kind, error).with_help_if(advice)
    }
}

/// Whether a daemon is absent, stopped or closed to this user.
fn is_unreachable(error: &tierce_docker::Error) -> bool {
    use tierce_docker::Error as DockerError;
    matches!(
        error,
        DockerError::NoSocket { .. } | DockerError::PermissionDenied { .. } | DockerError::NotRunning { .. }
    )
}

impl From<tierce_sandbox::Error> for Error {
    fn from(error: tierce_sandbox::Error) -> Error {
        let (kind, help) = match &error {
            tierce_sandbox::Error::Interrupted => (ErrorKind::Interrupted, None),
            tierce_sandbox::Error::File { path, source, .. } => (ErrorKind::Daemon, permission::help(path, source)),
            tierce_sandbox::Error::Start { .. } | tierce_sandbox::Error::Killed => (ErrorKind::Daemon, None),
            tierce_sandbox::Error::OutOfMemory { .. } => {
                let help = "close other programs, run fewer jobs with `--jobs`, or build on a machine with more memory";
                (ErrorKind::Build, Some(help.to_owned()))
            }
            tierce_sandbox::Error::Refused { .. }
            | tierce_sandbox::Error::Mapping { .. }
            | tierce_sandbox::Error::MappingTimedOut { .. }
            | tierce_sandbox::Error::TimedOut { .. } => {
                let help = "`cargo xtask doctor` says what this machine can do; `--engine docker` builds in containers of a daemon";
                (ErrorKind::Daemon, Some(help.to_owned()))
            }
        };
        Error::from_source(kind, error).with_help_if(help)
    }
}

impl From<tierce_fetch::Error> for Error {
    fn from(error: tierce_fetch::Error) -> Error {
        let kind = match error.kind {
            tierce_fetch::ErrorKind::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Download,
        };
        let help = match &error.kind {
            tierce_fetch::ErrorKind::Io { path, source, .. } => permission::help(path, source),
            _ => None,
        };
        Error::from_source(kind, error).with_help_if(help)
    }
}

impl From<tierce_process::Error> for Error {
    fn from(error: tierce_process::Error) -> Error {
        use tierce_process::Error as ProcessError;
        let kind = match error {
            ProcessError::Interrupted { .. } => ErrorKind::Interrupted,
            ProcessError::CargoLock => ErrorKind::Lock,
            // A download is corrupt, or pip could not download.
            ProcessError::Signature { .. }
            | ProcessError::Digest { .. }
            | ProcessError::Unreachable { .. }
            | ProcessError::NotPublished { .. } => ErrorKind::Download,
            _ => ErrorKind::Other,
        };
        let is_lock = matches!(error, ProcessError::CargoLock);
        let help = is_lock.then_some("run `cargo xtask image` without --locked and commit Cargo.lock");
        Error::from_source(kind, error).with_help_if(help)
    }
}

impl From<tierce_stored::Error> for Error {
    fn from(error: tierce_stored::Error) -> Error {
        use tierce_stored::Error as StoredError;
        match error {
            StoredError::Image { ref help, .. } => {
                let help = help.clone();
                Error::from_source(ErrorKind::Other, error).with_help_if(help)
            }
            StoredError::Scratch { verb, path, source } => Error::file(verb, &path, source),
            StoredError::Interrupted => Error::interrupted(),
        }
    }
}
