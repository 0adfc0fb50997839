//! The results of steps: plain data for receipts and for the keys of later steps.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tierce_debian::Deb;
use tierce_oci::{Origin, Runtime};
use tierce_portage::{Lacking, ResolvedPackage};

use crate::key::digest;
use crate::lock::BaseRepository;

/// The result of a finished step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "result")]
pub enum Outcome {
    /// The Debian packages of the builder's root.
    Debs(Vec<Deb>),
    /// The files are in the user's cache under their digests, which earlier steps have named.
    Fetched,
    /// The daemon has the builder.
    Builder(Builder),
    /// The packages that Portage resolved, in merge order.
    Resolution(Vec<ResolvedPackage>),
    /// The binary packages in the user's cache, in merge order.
    Binpkgs(Vec<Binpkg>),
    /// The daemon has ROOT as a volume, the cache as an indexed archive.
    Root(Root),
    /// The cache has a copy of ROOT without some packages, as an indexed archive.
    Unmerged(Unmerged),
    /// The programs in the workspace's store.
    Programs(Vec<Program>),
    /// The probe of health checks in the cache.
    Probe(Program),
    /// The cache has the layers of an external base.
    Base(ForeignBase),
    /// The cache has the image as blobs.
    Image(PackedImage),
    /// The results of the image's tests.
    Tested(Vec<TestResult>),
    /// The image is at its sink.
    Delivered {
        /// The daemon's id of the image; elsewhere the config's digest.
        id: String,
        /// The digest of its manifest, if one was written.
        manifest: Option<String>,
        /// The bytes sent or written.
        bytes: u64,
    },
}

impl Outcome {
    /// The digest of this result in the keys of later steps. For a result in a daemon, it is the key: a daemon gives
    /// the same result another name each time.
    pub fn digest(&self) -> String {
        match self {
            Outcome::Builder(builder) => builder.key.clone(),
            Outcome::Root(root) => root.content.clone(),
            Outcome::Unmerged(unmerged) => unmerged.content.clone(),
            Outcome::Programs(programs) => {
                digest(programs.iter().map(|p| format!("{} {}\n", p.name, p.sha256)).collect::<String>())
            }
            Outcome::Probe(probe) => probe.sha256.clone(),
            Outcome::Base(base) => base.id.clone(),
            Outcome::Image(image) => image.id.clone(),
            // Serialising plain data into memory has no way to fail.
            other => digest(serde_json::to_vec(other).unwrap_or_default()),
        }
    }
}

/// The result of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Its name.
    pub test: String,
    /// Its duration.
    pub took: Duration,
    /// The differences from the expected result, a line each; empty if it passed.
    pub problems: Vec<String>,
    /// The last lines of the container's output, if it failed.
    pub output: Vec<String>,
    /// Whether the test states a limit of memory, and ran without one. The result then says less than that of a limited run.
    #[serde(default)]
    pub unlimited: bool,
}

impl TestResult {
    /// Whether the test passed.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A root filesystem with emerge, as an image in a daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// The key of the step that made it.
    pub key: String,
    /// The daemon that has it.
    pub daemon: String,
    /// Its image id in the daemon.
    pub image: String,
    /// The ebuild repository of its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<BaseRepository>,
}

/// One binary package in the user's cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binpkg {
    /// `category/name-version`.
    pub package: String,
    /// The package's key; the file's name in the cache.
    pub key: String,
    /// Whether it is merged into ROOT.
    pub root: bool,
    /// Whether the ROOT of the base has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base: bool,
}

/// An emerged ROOT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The key of the step that merged it.
    pub key: String,
    /// Digest of every path, owner, mode and file, without the package database, which has times.
    pub content: String,
    /// Digest of everything a program can compile or link against; a shared library contributes its symbols, not its
    /// code.
    pub interface: String,
    /// The daemon that has its volume.
    pub daemon: String,
    /// The volume's name in the daemon.
    pub volume: String,
    /// The time of the volume's creation, as the daemon has it: another volume may get the name.
    pub created: String,
    /// The size of all regular files, in bytes.
    pub bytes: u64,
}

/// A copy of ROOT from which packages were unmerged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmerged {
    /// The key of the step that made it.
    pub key: String,
    /// The key of the copied ROOT.
    pub root: String,
    /// Digest of its content, as [`Root::content`].
    pub content: String,
    /// The size of all regular files, in bytes.
    pub bytes: u64,
    /// The run-time dependencies of the remaining packages that no package satisfies.
    pub lacking: Vec<Lacking>,
}

/// A program of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The binary's name.
    pub name: String,
    /// Digest of the stripped file.
    pub sha256: String,
    /// The size of the stripped file, in bytes.
    pub size: u64,
    /// Its build-id in hexadecimal digits, the name of its symbols in the cache.
    pub build_id: Option<String>,
}

/// The external base of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignBase {
    /// Digest of its config, `sha256:…`.
    pub id: String,
    /// Its layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// Its settings for running.
    pub runtime: Runtime,
    /// Its author and its history.
    #[serde(default)]
    pub origin: Origin,
}

/// A packed image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedImage {
    /// Digest of its config, `sha256:…`: the image's id in Docker's own store.
    pub id: String,
    /// The size of the files that the closure selected, in bytes.
    pub closure: u64,
    /// Its layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// The settings for running of the external base, if the image has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Runtime>,
    /// The author and the history of the external base.
    #[serde(default)]
    pub origin: Origin,
    /// The user that the program runs as, in numbers; `None` means root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// The suffix of the name of an external base's layer, after the base's reference.
const OF_EXTERNAL_BASE: &str = ": base";

impl PackedLayer {
    /// A layer of an external base.
    pub fn of_external_base(reference: &str, diff_id: String, size: u64) -> PackedLayer {
        PackedLayer { name: format!("{reference}{OF_EXTERNAL_BASE}"), diff_id, size }
    }

    /// The reference of the layer's external base; `None` for any other layer.
    pub fn external_base(&self) -> Option<&str> {
        external_base_of(&self.name)
    }
}

/// The reference of the external base, by the name of its layer; `None` for any other layer.
pub fn external_base_of(layer: &str) -> Option<&str> {
    layer.strip_suffix(OF_EXTERNAL_BASE)
}

/// A layer of a packed image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedLayer {
    /// The layer's name for people: `libc`, `media-libs/libpng`, `program`.
    pub name: String,
    /// Digest of the uncompressed layer, `sha256:…`.
    pub diff_id: String,
    /// The size of the uncompressed layer, in bytes.
    pub size: u64,
}
