//! The error of a run: its message, its kind (the exit code), the responsible line of a Cargo.toml, and help.
//!
//! An error is built where the failure is known. Those of the libraries become one by `?`.

mod libraries;

use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::io;
use std::path::Path;

use tierce_manifest::{Hook, Place};

use crate::permission;

/// The error of a run.
#[derive(Debug)]
pub struct Error(Box<Content>);

#[derive(Debug)]
struct Content {
    kind: ErrorKind,
    message: String,
    place: Option<Place>,
    help: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    cause: Cause,
}

/// The kind of an error. Its number is the program's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Any other error: a file or tool of the host, a missing image, or a bug in Tierce.
    Other = 1,
    /// A table, a file that it names, or a name on the command line is invalid.
    Table = 3,
    /// Portage cannot resolve the packages.
    Resolution = 4,
    /// A download failed.
    Download = 5,
    /// A package, a program or a hook did not build.
    Build = 6,
    /// The image cannot be packed.
    Pack = 7,
    /// The daemon failed.
    Daemon = 8,
    /// A lock file is invalid or would have to change.
    Lock = 9,
    /// `verify` found differences.
    Different = 10,
    /// An image exceeds its `max-size`.
    TooLarge = 11,
    /// A test of an image failed.
    Test = 12,
    /// The user pressed Ctrl-C.
    Interrupted = 130,
}

/// A cause that callers act on. [`Error::source_as`] returns the errors of libraries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Any other cause.
    #[default]
    Other,
    /// This package, as `category/name-version`, did not build.
    Package(String),
    /// This hook failed.
    Hook(Hook),
    /// The image lacks files that its program or other files need.
    MissingFiles,
}

impl Error {
    /// Returns an error without a place and help.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        let (message, place, help, source) = (message.into(), None, None, None);
        Error(Box::new(Content { kind, message, place, help, source, cause: Cause::Other }))
    }

    /// Returns an error with the message of another one.
    pub fn from_source(kind: ErrorKind, source: impl StdError + Send + Sync + 'static) -> Error {
        Error::new(kind, source.to_string()).with_source(source)
    }

    /// Returns the error of a run that Ctrl-C ended.
    pub fn interrupted() -> Error {
        Error::new(ErrorKind::Interrupted, "interrupted")
    }

    /// Returns the error of an operation on a file or folder of the host; `verb` is the operation: "read". Its help names the
    /// owner if that is another user.
    pub fn file(verb: &str, path: &Path, source: io::Error) -> Error {
        let help = permission::help(path, &source);
        let message = format!("failed to {verb} `{}`", path.display());
        Error::new(ErrorKind::Other, message).with_source(source).with_help_if(help)
    }

    /// Returns the error of a value of a table.
    pub fn table(place: &Place, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Table, message).at(place)
    }

    /// Returns the error of a program in a builder that failed unexpectedly. `what` is the operation as an infinitive, `lines`
    /// are the last ones of the program's output.
    pub fn builder(what: impl Display, code: i32, lines: &[String]) -> Error {
        Error::new(ErrorKind::Build, format!("failed to {what}: exit code {code}")).with_lines(lines)
    }

    /// Returns the error for a missing result of a step. No input causes it: it is a bug in planning.
    pub fn missing_input(what: &str) -> Error {
        let message = format!(
            "failed to find the result of a step before, {what}: this is a mistake in Tierce, please report it"
        );
        Error::new(ErrorKind::Other, message)
    }

    /// Sets the responsible line of a Cargo.toml.
    pub fn at(self, place: &Place) -> Error {
        self.at_if(Some(place))
    }

    /// Sets the responsible line, if it is known.
    pub fn at_if(mut self, place: Option<&Place>) -> Error {
        self.0.place = place.cloned();
        self
    }

    /// Sets the help.
    pub fn with_help(self, help: impl Into<String>) -> Error {
        self.with_help_if(Some(help))
    }

    /// Sets the help, if there is any.
    pub fn with_help_if(mut self, help: Option<impl Into<String>>) -> Error {
        self.0.help = help.map(Into::into);
        self
    }

    /// Adds indented lines to the message.
    pub fn with_lines(mut self, lines: &[String]) -> Error {
        lines.iter().for_each(|line| self.0.message.extend(["\n  ", line]));
        self
    }

    /// Replaces the message.
    pub fn with_message(mut self, message: impl Into<String>) -> Error {
        self.0.message = message.into();
        self
    }

    /// Sets the source.
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Error {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Sets the cause.
    pub fn with_cause(mut self, cause: Cause) -> Error {
        self.0.cause = cause;
        self
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The responsible line of a Cargo.toml. The errors of reading tables have their own lines.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// The fix, if Tierce knows one.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The cause.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Returns the source if it is an error of this type.
    pub fn source_as<E: StdError + 'static>(&self) -> Option<&E> {
        self.source()?.downcast_ref()
    }

    /// Whether a disk was full: the host's or the daemon's.
    pub fn is_full_disk(&self) -> bool {
        // Programs in a builder report it in their output, which is in the message.
        if self.kind() == ErrorKind::Build && self.0.message.to_lowercase().contains("no space left on device") {
            return true;
        }
        let mut source = self.source();
        while let Some(error) = source {
            let kind = error.downcast_ref().map(io::Error::kind);
            if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
                || matches!(error.downcast_ref(), Some(tierce_docker::Error::NoSpace { .. }))
            {
                return true;
            }
            source = error.source();
        }
        false
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.0.source.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_disk_is_found_in_output_and_sources() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let no_space = tierce_docker::Answer { status: Some(500), message: "no space left on device".into() };
        let lines = ["cc1: No space left on device".to_owned()];
        let nested = || tierce_fetch::ErrorKind::DiskFull { path: "x".into(), source: full() };
        for (error, expected) in [
            (Error::builder("emerge", 1, &lines), true),
            (Error::builder("emerge", 1, &[]), false),
            (Error::new(ErrorKind::Test, "a test").with_lines(&lines), false),
            (Error::file("write", "x".as_ref(), full()), true),
            (Error::file("write", "x".as_ref(), io::ErrorKind::NotFound.into()), false),
            (tierce_fetch::Error { name: "x".into(), kind: nested() }.into(), true),
            (tierce_docker::Error::NoSpace { action: "load".into(), source: no_space }.into(), true),
        ] {
            assert_eq!(error.is_full_disk(), expected, "{error:?}");
        }
    }
}
