//! The facts that planning starts from: digests, versions, the lock. They have no path and no time.

use std::collections::{BTreeMap, BTreeSet};

use tierce_manifest::Hook;
use tierce_portage::{Patch, RelativePath, Repository};

use crate::lock::{Lock, LockedBuilder, LockedRepository};

/// The inputs of a plan besides the tables.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The platform of the images, as `linux/amd64`.
    pub platform: String,
    /// The output of `rustc -vV`.
    pub rustc: String,
    /// The content of Tierce.lock, if there is one.
    pub lock: Option<Lock>,
    /// The base of the builder.
    pub builder: BuilderFacts,
    /// The external bases that the daemon does not have, by reference, each with the image that begins with it; `None`
    /// for the builder. `builder` and `images` have no facts about them.
    pub absent: BTreeMap<String, Option<String>>,
    /// The ebuild repositories, the main one first.
    pub repositories: Vec<LockedRepository>,
    /// The main repository as builders see it: the embedded one, or that of the builder's base.
    pub main: Repository,
    /// The profile of a workspace that names none, as a folder below the main repository's `profiles`.
    pub default_profile: RelativePath,
    /// Digest of the build settings of the profile and its parents.
    pub profile: String,
    /// The facts about each image, by name.
    pub images: BTreeMap<String, ImageFacts>,
    /// The keys of the binary packages that the cache holds.
    pub binpkgs: BTreeSet<String>,
}

/// The base of a builder, besides the facts of Tierce.lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuilderFacts {
    /// Debian with Portage.
    Debian {
        /// Digest of the rules that select packages.
        selection: String,
        /// Digest of all other inputs: Portage, scripts, stub entries.
        recipe: String,
    },
    /// An image of the user's own.
    Image {
        /// The image's id.
        id: String,
    },
    /// A root filesystem of the user's own.
    RootFilesystem {
        /// Digest of the archive or of the folder.
        digest: String,
    },
}

impl BuilderFacts {
    /// Whether the locked builder has this base of the user's own; false for `Debian`.
    pub fn is_of(&self, locked: &LockedBuilder) -> bool {
        let (base, digest) = match self {
            BuilderFacts::Debian { .. } => return false,
            BuilderFacts::Image { id } => ("image", id),
            BuilderFacts::RootFilesystem { digest } => ("rootfs", digest),
        };
        locked.base == base && locked.digest.as_ref() == Some(digest)
    }
}

/// The facts about an image besides its table.
#[derive(Clone, Debug, Default)]
pub struct ImageFacts {
    /// The files of the program's local packages, and Cargo.lock, with their digests; empty without a program.
    pub sources: BTreeMap<String, String>,
    /// Digest of cargo's configuration files; empty without a program.
    pub cargo_config: String,
    /// The files of the key `files`, by path in the image, each with its kind and digest.
    pub files: BTreeMap<String, String>,
    /// The variables of the key `env-files`.
    pub env_files: BTreeMap<String, String>,
    /// Digest of the probe's source and build script, if the health check has a probe.
    pub probe: Option<String>,
    /// The files that its tests read, by path below the folder of their Cargo.toml, each with its digest.
    pub test_files: BTreeMap<String, String>,
    /// The script of each hook and the files that it reads, by path, each with its digest.
    pub hooks: BTreeMap<Hook, BTreeMap<String, String>>,
    /// The contents of the key `patches`, in its order.
    pub patches: Vec<Vec<Patch>>,
    /// The external base.
    pub base: Option<ForeignFacts>,
    /// The revision of the sources in version control.
    pub revision: Option<String>,
}

/// An external base in the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignFacts {
    /// The image's id, which differs between the stores of daemons.
    pub id: String,
    /// Digest of the layers' digests, the same in every daemon.
    pub layers: String,
}
