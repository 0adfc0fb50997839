//! What can go wrong in a run: each error knows its kind (the exit code), the line of a Cargo.toml to blame, and what to do.

mod advice;
mod failed_tests;
mod not_built;

use std::io;
use std::path::{Path, PathBuf};

use tierce_manifest::Place;

pub use failed_tests::{FailedTests, TestedWhen};
pub use not_built::NotBuilt;

/// An error of a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the host.
    #[error("failed to {verb} `{}`", path.display())]
    File {
        /// What was tried: "read".
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Tables with mistakes.
    #[error(transparent)]
    Manifest(#[from] tierce_manifest::Errors),
    /// A value that a table may not hold, found later than by reading it.
    #[error("{message}")]
    Table {
        /// Where it stands.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// An image that the workspace does not have.
    #[error("the workspace has no image `{name}`")]
    UnknownImage {
        /// The name.
        name: String,
        /// The names that it has.
        known: Vec<String>,
    },
    /// Something that `new` cannot draft.
    #[error(transparent)]
    Scaffold(#[from] tierce_scaffold::Error),
    /// What `new` is asked for cannot be, or would be refused by the next run.
    #[error("{message}")]
    Draft {
        /// What is wrong with it.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// `--exclude` names every image.
    #[error("no image is left: all of them are excluded")]
    AllExcluded,
    /// No package has a table.
    #[error("the workspace has no images")]
    NoImages,
    /// An image that is stored somewhere cannot be read, or is not there.
    #[error("failed to read the image `{name}`: {problem}")]
    StoredImage {
        /// What it was called.
        name: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        help: Option<String>,
    },
    /// An image that was built again from nothing is another one.
    #[error("the image `{image}`, built anew, differs from `{against}` in {}", counted(*count))]
    Differs {
        /// The image.
        image: String,
        /// What it was compared with.
        against: String,
        /// In how many places they differ.
        count: usize,
    },
    /// A path that is asked about and that an image does not have.
    #[error("the image `{image}` has no `{path}`")]
    NotInImage {
        /// The image.
        image: String,
        /// The path.
        path: String,
    },
    /// The lock cannot be read.
    #[error("failed to use `{}`", path.display())]
    Lock {
        /// Its path.
        path: PathBuf,
        /// Its line.
        place: Option<Place>,
        /// Why.
        #[source]
        source: tierce_plan::LockError,
    },
    /// The lock would have to change and may not.
    #[error("Tierce.lock has to change, and --locked forbids it{}", lines_below(lines))]
    Locked {
        /// What is not covered and why, a line each.
        lines: Vec<String>,
    },
    /// A word of `update` that means nothing.
    #[error(transparent)]
    Update(#[from] tierce_plan::UpdateError),
    /// Something that only the network has.
    #[error("{what} is not in the cache, and --offline forbids the network")]
    Offline {
        /// What.
        what: String,
    },
    /// Nobody says where something is to be downloaded from.
    #[error("no place is known to fetch {what} from")]
    NoMirror {
        /// What.
        what: &'static str,
        /// The key of `[workspace.metadata.image]` that says it.
        key: &'static str,
    },
    /// An image that the builder or an image begins with cannot be had.
    #[error("failed to pull `{reference}`: {problem}")]
    NotPulled {
        /// Its reference.
        reference: String,
        /// Where a table names it.
        place: Place,
        /// Why: the registry's or the daemon's words.
        problem: String,
        /// What to do.
        help: String,
    },
    /// Portage finds no set of packages.
    #[error("{message}")]
    Resolution {
        /// In one line.
        message: String,
        /// The atom's line.
        place: Option<Place>,
        /// The edit that mends it.
        help: Option<String>,
    },
    /// A plan that does not hold together.
    #[error("failed to find the result of a step before, {what}: this is a mistake in Tierce, please report it")]
    Planning {
        /// Which result.
        what: &'static str,
    },
    /// A source of a package cannot be had.
    #[error("failed to fetch `{name}` of `{package}`")]
    Source {
        /// The file.
        name: String,
        /// `category/name-version`.
        package: String,
        /// The line of the atom that brings the package.
        place: Option<Place>,
        /// Why.
        source: Box<tierce_fetch::ErrorKind>,
    },
    /// A program in a builder failed where it should not.
    #[error("failed to {what}: exit code {code}{}", lines_below(lines))]
    Builder {
        /// What was to be done.
        what: String,
        /// The program's exit code.
        code: i32,
        /// The last of what it said.
        lines: Vec<String>,
    },
    /// A script of the user's failed.
    #[error("the script {hook} of `{image}` failed: exit code {code}{}", lines_below(lines))]
    Hook {
        /// Which.
        hook: tierce_manifest::Hook,
        /// The image.
        image: Box<str>,
        /// The script's exit code.
        code: i32,
        /// The last of what it said.
        lines: Vec<String>,
        /// All that it said.
        log: PathBuf,
        /// The line that names it.
        place: Place,
    },
    /// A package did not build.
    #[error("failed to emerge `{package}`{}", lines_below(lines))]
    Emerge {
        /// `category/name-version`.
        package: String,
        /// The lines of its log that matter.
        lines: Vec<String>,
        /// The whole log.
        log: Option<PathBuf>,
        /// The line of the atom that brings it.
        place: Option<Place>,
    },
    /// cargo failed; it has said itself why.
    #[error("failed to compile `{package}`")]
    Compile {
        /// The package.
        package: String,
        /// The image's table.
        place: Place,
    },
    /// The image's program needs libraries that are not there.
    #[error("failed to find what the image `{image}` needs{}", lines_below(lines))]
    Missing {
        /// The image.
        image: String,
        /// A line each.
        lines: Vec<String>,
        /// The image's `packages`, or its table.
        place: Place,
        /// Which package would bring it.
        help: Option<String>,
    },
    /// There is no builder to enter.
    #[error("failed to enter a step: {problem}")]
    NoShell {
        /// Why.
        problem: String,
        /// What to do.
        help: Option<String>,
    },
    /// An image is larger than its table allows.
    #[error("the image `{image}` is larger than its `max-size`{}", lines_below(lines))]
    TooLarge {
        /// The image.
        image: String,
        /// By how much, and what grew, a line each.
        lines: Vec<String>,
        /// The first limit that is exceeded.
        place: Place,
    },
    /// An image that is not what its tests expect.
    #[error(transparent)]
    Tests(Box<FailedTests>),
    /// What an image begins with is not there, and may not be built.
    #[error(transparent)]
    NotBuilt(Box<NotBuilt>),
    /// A test that an image does not have.
    #[error("no image that was named has a test `{name}`")]
    UnknownTest {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Any of these, where a full disk is the cause.
    #[error("{source}")]
    FullDisk {
        /// What failed.
        source: Box<Error>,
        /// Bytes of the cache, which could be removed.
        cache: u64,
        /// Bytes of images and ROOTs, which could be removed as well.
        rest: u64,
    },
    /// A download for which there is no room.
    #[error("failed to fetch `{name}`: {} more are needed for `{}`", crate::megabytes(*missing), path.display())]
    NoRoom {
        /// What.
        name: String,
        /// Where it was to go.
        path: PathBuf,
        /// Bytes that did not fit.
        missing: u64,
        /// The system's word.
        source: io::Error,
    },
    /// A volume that is to be made anew and that a container mounts.
    #[error("failed to replace the volume `{volume}`: {reason}")]
    VolumeInUse {
        /// Its name.
        volume: String,
        /// The daemon's words.
        reason: String,
    },
    /// The daemon.
    #[error(transparent)]
    Docker(#[from] tierce_docker::Error),
    /// A download.
    #[error(transparent)]
    Fetch(#[from] tierce_fetch::Error),
    /// A program of the host.
    #[error(transparent)]
    Process(#[from] tierce_process::Error),
    /// Debian's index or packages.
    #[error(transparent)]
    Debian(#[from] tierce_debian::Error),
    /// Portage's answers.
    #[error(transparent)]
    Portage(#[from] tierce_portage::Error),
    /// ROOT or the closure.
    #[error(transparent)]
    Rootfs(#[from] tierce_rootfs::Error),
    /// The image's documents or layers.
    #[error(transparent)]
    Oci(#[from] tierce_oci::Error),
}

/// The kinds of error, which are the exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file or tool of the host, or a fault of Tierce's own.
    Other = 1,
    /// A table or a file that it names.
    Table = 3,
    /// Portage's resolution.
    Resolution = 4,
    /// A download.
    Download = 5,
    /// The build of a package or of a program.
    Build = 6,
    /// The packing.
    Pack = 7,
    /// The daemon.
    Daemon = 8,
    /// The lock.
    Lock = 9,
    /// A comparison: what was built again is another image.
    Different = 10,
    /// A budget: the image is larger than it may be.
    TooLarge = 11,
    /// A test of an image.
    Test = 12,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Error {
    pub(crate) fn file(verb: &'static str, path: &Path, source: io::Error) -> Error {
        Error::File { verb, path: path.to_owned(), source }
    }

    /// Which kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::FullDisk { source, .. } => source.kind(),
            Error::Interrupted
            | Error::Docker(tierce_docker::Error::Interrupted)
            | Error::Process(tierce_process::Error::Interrupted { .. }) => ErrorKind::Interrupted,
            Error::Fetch(error) if matches!(error.kind, tierce_fetch::ErrorKind::Interrupted) => ErrorKind::Interrupted,
            Error::Source { source, .. } if matches!(**source, tierce_fetch::ErrorKind::Interrupted) => {
                ErrorKind::Interrupted
            }
            Error::Manifest(_)
            | Error::Table { .. }
            | Error::UnknownImage { .. }
            | Error::NoImages
            | Error::AllExcluded
            | Error::Scaffold(_)
            | Error::Draft { .. } => ErrorKind::Table,
            Error::NotInImage { .. } | Error::StoredImage { .. } | Error::NoShell { .. } | Error::NotBuilt(_) => {
                ErrorKind::Other
            }
            Error::Differs { .. } => ErrorKind::Different,
            Error::TooLarge { .. } => ErrorKind::TooLarge,
            Error::Tests(_) => ErrorKind::Test,
            Error::UnknownTest { .. } => ErrorKind::Table,
            Error::Resolution { .. } | Error::Portage(_) => ErrorKind::Resolution,
            Error::NoRoom { .. }
            | Error::Fetch(_)
            | Error::Source { .. }
            | Error::Offline { .. }
            | Error::NotPulled { .. }
            | Error::NoMirror { .. } => ErrorKind::Download,
            Error::Emerge { .. } | Error::Compile { .. } | Error::Builder { .. } | Error::Hook { .. } => {
                ErrorKind::Build
            }
            Error::Missing { .. } | Error::Rootfs(_) | Error::Oci(_) => ErrorKind::Pack,
            Error::VolumeInUse { .. } | Error::Docker(_) => ErrorKind::Daemon,
            Error::Update(_) => ErrorKind::Table,
            Error::Lock { .. } | Error::Locked { .. } | Error::Process(tierce_process::Error::CargoLock) => {
                ErrorKind::Lock
            }
            // What was downloaded is not what it should be, or pip could not download.
            Error::Debian(_)
            | Error::Process(
                tierce_process::Error::Signature { .. }
                | tierce_process::Error::Digest { .. }
                | tierce_process::Error::Unreachable { .. }
                | tierce_process::Error::NotPublished { .. },
            ) => ErrorKind::Download,
            Error::File { .. } | Error::Planning { .. } | Error::Process(_) => ErrorKind::Other,
        }
    }

    /// Whether a disk was full: the host's, the daemon's, or that of a builder, whose programs say so.
    pub(crate) fn is_full_disk(&self) -> bool {
        let says = |lines: &[String]| lines.iter().any(|line| line.to_lowercase().contains("no space left on device"));
        match self {
            Error::Builder { lines, .. } | Error::Emerge { lines, .. } | Error::Hook { lines, .. } if says(lines) => {
                return true;
            }
            Error::Docker(tierce_docker::Error::NoSpace { .. }) | Error::NoRoom { .. } => return true,
            _ => {}
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl From<tierce_plan::ConfigError> for Error {
    fn from(error: tierce_plan::ConfigError) -> Error {
        let help = error.source.help().map(str::to_owned);
        Error::Table { message: error.source.to_string(), place: error.place, help }
    }
}

impl From<tierce_plan::PlanError> for Error {
    fn from(error: tierce_plan::PlanError) -> Error {
        Error::Table { message: error.to_string(), place: error.place().clone(), help: error.help() }
    }
}

fn counted(places: usize) -> String {
    if places == 1 { "1 place".to_owned() } else { format!("{places} places") }
}

fn lines_below(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}
