//! What finished steps leave behind: plain data that goes into receipts and into the keys of the steps after.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tierce_debian::Deb;
use tierce_oci::Runtime;
use tierce_portage::{Lacking, ResolvedPackage};

use crate::key::digest;
use crate::lock::BaseRepository;

/// The result of a finished step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "result")]
pub enum Outcome {
    /// The Debian packages that make the builder's root.
    Debs(Vec<Deb>),
    /// Files lie in the user's cache under their digests, which the steps before have named.
    Fetched,
    /// A builder stands in the daemon.
    Builder(Builder),
    /// What Portage resolved, in merge order.
    Resolution(Vec<ResolvedPackage>),
    /// Binary packages lie in the user's cache, in merge order.
    Binpkgs(Vec<Binpkg>),
    /// ROOT stands as a volume in the daemon and as an indexed archive in the cache.
    Root(Root),
    /// A copy of ROOT that lacks some packages lies in the cache as an indexed archive.
    Unmerged(Unmerged),
    /// Programs lie in the workspace's store.
    Programs(Vec<Program>),
    /// The probe of health checks lies in the cache.
    Probe(Program),
    /// The layers of an image from anywhere lie in the cache.
    Base(ForeignBase),
    /// An image lies in the cache as blobs.
    Image(PackedImage),
    /// The image was tested, and has passed or not.
    Tested(Vec<TestResult>),
    /// The image is where it was asked to go.
    Delivered {
        /// The name by which the daemon knows it, its config's digest elsewhere.
        id: String,
        /// The digest of its manifest, where one was written.
        manifest: Option<String>,
        /// Bytes that were sent or written.
        bytes: u64,
    },
}

impl Outcome {
    /// The digest that stands for this result in the keys of later steps. Of things in a daemon it is what they were made
    /// of, for a daemon gives the same thing another name each time.
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

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Its name.
    pub test: String,
    /// How long it took.
    pub took: Duration,
    /// What was not as expected, a line each; empty where it has passed.
    pub problems: Vec<String>,
    /// The last lines that the container wrote, where it has failed.
    pub output: Vec<String>,
}

impl TestResult {
    /// Whether all was as expected.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A root filesystem that has emerge, as an image in a daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// What it was made of.
    pub key: String,
    /// The daemon that holds it.
    pub daemon: String,
    /// Its image id there.
    pub image: String,
    /// The ebuild repository that its base has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<BaseRepository>,
}

/// One binary package in the user's cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binpkg {
    /// `category/name-version`.
    pub package: String,
    /// What the package was made of; the file's name in the cache.
    pub key: String,
    /// Whether it is merged into ROOT.
    pub root: bool,
    /// Whether the ROOT that this one begins with has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base: bool,
}

/// An emerged ROOT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// What it was merged from.
    pub key: String,
    /// Digest of its content: of every path, owner, mode and file, but for the package database, which holds times.
    pub content: String,
    /// Digest of what a program is compiled and linked against: of a shared library its symbols and not its code.
    pub interface: String,
    /// The daemon that holds its volume.
    pub daemon: String,
    /// The volume's name there.
    pub volume: String,
    /// Bytes of all regular files.
    pub bytes: u64,
}

/// A copy of ROOT from which packages were unmerged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmerged {
    /// What it was made of.
    pub key: String,
    /// The key of the ROOT that it is a copy of.
    pub root: String,
    /// Digest of its content, as [`Root::content`].
    pub content: String,
    /// Bytes of all regular files.
    pub bytes: u64,
    /// Run-time dependencies of packages that are left which nothing satisfies any more.
    pub lacking: Vec<Lacking>,
}

/// One program as it goes into the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The binary's name.
    pub name: String,
    /// Digest of the stripped file.
    pub sha256: String,
    /// Length of the stripped file in bytes.
    pub size: u64,
    /// Its build-id in hexadecimal digits, under which its symbols are kept.
    pub build_id: Option<String>,
}

/// An image from anywhere that another one begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignBase {
    /// Digest of its config, `sha256:…`.
    pub id: String,
    /// Its layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// How it is run.
    pub runtime: Runtime,
}

/// A packed image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedImage {
    /// Digest of its config: the image's id for Docker's own store, `sha256:…`.
    pub id: String,
    /// Bytes of the files that the closure chose.
    pub closure: u64,
    /// Its layers, lowest first.
    pub layers: Vec<PackedLayer>,
    /// How a base from anywhere is run, where the image begins with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Runtime>,
}

/// One layer of a packed image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedLayer {
    /// What it holds, for people: `libc`, `media-libs/libpng`, `program`.
    pub name: String,
    /// Digest of the uncompressed layer, `sha256:…`.
    pub diff_id: String,
    /// Its length in bytes.
    pub size: u64,
}
