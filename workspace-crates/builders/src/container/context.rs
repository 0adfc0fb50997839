//! The context of every step: the workspace, the facts of the plan, and the observer of its progress.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tierce_manifest::ImageSpec;
use tierce_plan::{Builder, Facts, LockedImage};
use tierce_portage::ResolvedPackage;
use tierce_store::{Error, Event, Observer};

use crate::container::opening::{Mount, Opening};
use crate::daemon::labels;
use crate::workspace::Workspace;
use tierce_store::owner;

/// The context of a step.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The workspace of this run.
    pub workspace: &'a Workspace,
    /// The facts that the plan depends on.
    pub facts: &'a Facts,
    /// Receives the progress.
    pub observer: &'a Observer<'a>,
}

impl<'a> Context<'a> {
    /// Returns the image with this name; plans name no others.
    pub fn image(&self, name: &str) -> Result<&'a ImageSpec, Error> {
        self.workspace.image(name)
    }

    /// Reports a warning to the user.
    pub fn warn(&self, message: String) {
        (self.observer)(Event::Warning { message });
    }

    /// Returns the image's packages in Tierce.lock; empty before the first resolution.
    pub fn locked(&self, image: &str) -> &'a [ResolvedPackage] {
        let locked = self.facts.lock.as_ref().and_then(|lock| lock.image(image));
        locked.map_or(&[], |locked| &locked.packages)
    }

    /// Returns the entry of this image's base in Tierce.lock.
    pub fn locked_base(&self, image: &ImageSpec) -> Option<&'a LockedImage> {
        self.facts.lock.as_ref()?.image(image.base.image()?.as_str())
    }

    /// Returns the labels of everything that Tierce creates in the daemon.
    pub(crate) fn labels(&self, kind: &str) -> BTreeMap<String, String> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let namespace = label(labels::NAMESPACE, &self.workspace.options.namespace);
        let mut all = BTreeMap::from([namespace, label(labels::KIND, kind)]);
        if let Some(verified) = &self.workspace.verifies {
            all.extend([label(labels::VERIFIES, verified), label(labels::VERIFIER, &owner::this_process())]);
        }
        all
    }

    /// Returns the labels that tell a builder from any other image.
    pub(super) fn root_labels(&self, kind: &str, key: &str) -> BTreeMap<String, String> {
        let mut all = self.labels(kind);
        all.insert(labels::KEY.into(), key.into());
        all
    }

    /// Returns the labels of a finished result, which has no owner.
    pub(super) fn finished_labels(&self, kind: &str) -> BTreeMap<String, String> {
        let mut all = self.labels(kind);
        all.insert(labels::OWNER.into(), String::new());
        all
    }

    /// Returns the labels of an unfinished result. If this process is killed, a later run removes it.
    pub fn owned_labels(&self, kind: &str) -> BTreeMap<String, String> {
        let mut all = self.labels(kind);
        all.insert(labels::OWNER.into(), owner::this_process());
        all
    }

    /// Returns a name in the daemon. It starts with the namespace, so lists sorted by name keep a namespace together.
    pub fn daemon_name(&self, kind: &str, key: &str) -> String {
        format!("{}-{kind}-{}", self.workspace.options.namespace, key.get(..16).unwrap_or(key))
    }

    /// Returns a container of a builder, which the step completes.
    pub fn opening(&self, builder: &Builder, kind: &'static str, mounts: Vec<Mount>) -> Opening {
        let environment = [("LC_ALL", "C.UTF-8"), ("HOME", "/tmp")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Opening { root: builder.image.clone(), kind, mounts, environment, ..Opening::default() }
    }

    /// Returns the path of the symbols of a build-id, in the layout of gdb's `debug-file-directory`.
    pub fn symbols_path(&self, build_id: &str) -> PathBuf {
        let (first, rest) = build_id.split_at_checked(2).unwrap_or(("", build_id));
        self.workspace.paths.own("symbols").join(".build-id").join(first).join(format!("{rest}.debug"))
    }
}
