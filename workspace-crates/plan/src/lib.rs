//! From image specifications and facts to a graph of steps with keys: plain data.
//!
//! [`plan`] is a pure function of a [`WorkspaceSpec`](tierce_manifest::WorkspaceSpec) and [`Facts`]. A [`Plan`] holds
//! all that its steps need; `--dry-run` prints it and the executor runs exactly its steps.
//!
//! A step's key is a digest of its action, the action's version, its own ingredients and the results of the steps that
//! it comes after ([`Step::ingredients_with`]). An unchanged result keeps the keys of the later steps, which are
//! skipped.

mod builder;
mod changes;
mod error;
mod facts;
mod hooks;
mod inputs;
mod key;
mod lock;
mod on_base;
mod outcome;
mod planning;
mod portage_config;
mod step;
mod update;

pub use changes::{LockChange, Subject, changes};
pub use error::PlanError;
pub use facts::{BuilderFacts, Facts, ForeignFacts, ImageFacts};
pub use inputs::{Uncovered, uncovered};
pub use key::{Ingredients, Key, digest, digest_of};
pub use lock::{BaseRepository, LOCK_VERSION, Lock, LockError, LockedBuilder, LockedImage, LockedRepository};
pub use on_base::fixed;
pub use outcome::{
    Binpkg, Builder, ForeignBase, Outcome, PackedImage, PackedLayer, Program, Root, TestResult, Unmerged,
    external_base_of,
};
pub use planning::{keep_globs, plan, strip_name};
pub use portage_config::{ConfigError, ROOT, portage_config, request};
pub use step::{Action, Moves, PackageBuild, Plan, Sink, Step, StepId};
pub use update::{Update, UpdateError, images_to_update, plan_builder, plan_update};
