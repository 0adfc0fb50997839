//! What is known about the world before planning: digests, versions, the lock. No paths, no times.

use std::collections::{BTreeMap, BTreeSet};

use tierce_manifest::Hook;
use tierce_portage::{Patch, RelativePath, Repository};

use crate::lock::{Lock, LockedBuilder, LockedRepository};

/// Everything besides the tables that a plan depends on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The platform of the images, as `linux/amd64`.
    pub platform: String,
    /// What `rustc -vV` says.
    pub rustc: String,
    /// The content of Tierce.lock, if there is one.
    pub lock: Option<Lock>,
    /// What the builder is made of.
    pub builder: BuilderFacts,
    /// Images that the builder or an image begins with and that the daemon does not have, by reference; with the image that does, where it
    /// is not the builder. Of them, `builder` and `images` say nothing yet.
    pub absent: BTreeMap<String, Option<String>>,
    /// The ebuild repositories, the main one first.
    pub repositories: Vec<LockedRepository>,
    /// The main repository as builders see it: the embedded one, or that of the builder's base.
    pub main: Repository,
    /// The folder, below the main repository's `profiles`, of the profile that counts where the workspace names none.
    pub default_profile: RelativePath,
    /// Digest of what the profile that counts, and all that it inherits, sets for builds.
    pub profile: String,
    /// Facts about each image by name.
    pub images: BTreeMap<String, ImageFacts>,
    /// The keys of the binary packages that the cache holds.
    pub binpkgs: BTreeSet<String>,
}

/// What a builder is made of besides what the lock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuilderFacts {
    /// Debian with Portage.
    Debian {
        /// Digest of the rules by which packages are chosen.
        selection: String,
        /// Digest of everything else: Portage, scripts, stub entries.
        recipe: String,
    },
    /// An image of one's own.
    Image {
        /// Its id.
        id: String,
    },
    /// A root filesystem of one's own.
    RootFilesystem {
        /// Digest of the archive or of the folder.
        digest: String,
    },
}

impl BuilderFacts {
    /// Whether a lock tells of this base of one's own.
    pub fn is_of(&self, locked: &LockedBuilder) -> bool {
        let (base, digest) = match self {
            BuilderFacts::Debian { .. } => return false,
            BuilderFacts::Image { id } => ("image", id),
            BuilderFacts::RootFilesystem { digest } => ("rootfs", digest),
        };
        locked.base == base && locked.digest.as_ref() == Some(digest)
    }
}

/// What is known about one image besides its table.
#[derive(Clone, Debug, Default)]
pub struct ImageFacts {
    /// The files of all local packages that the program is made of, and of Cargo.lock, with their digests; none where there is
    /// no program.
    pub sources: BTreeMap<String, String>,
    /// Digest of cargo's configuration files; empty where there is no program.
    pub cargo_config: String,
    /// What `files` names, by path in the image, each with its kind and digest.
    pub files: BTreeMap<String, String>,
    /// The variables of the files that `env-files` names.
    pub env_files: BTreeMap<String, String>,
    /// Digest of how the probe of its health check is made, where it has one.
    pub probe: Option<String>,
    /// The files that its tests read, by path inside of the folder of their Cargo.toml, each with its digest.
    pub test_files: BTreeMap<String, String>,
    /// What each hook is made of: its script and what it reads, by path, each with its digest.
    pub hooks: BTreeMap<Hook, BTreeMap<String, String>>,
    /// The contents of the patches that `patches` names, in its order.
    pub patches: Vec<Vec<Patch>>,
    /// The image from anywhere that it begins with.
    pub base: Option<ForeignFacts>,
    /// The revision of the sources in version control.
    pub revision: Option<String>,
}

/// An image from anywhere, as the daemon has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignFacts {
    /// Its id there, which differs between the stores of daemons.
    pub id: String,
    /// Digest of its layers' digests, which is the same everywhere.
    pub layers: String,
}
