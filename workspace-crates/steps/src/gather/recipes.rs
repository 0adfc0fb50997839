//! The ingredients of builders, probes and hooks, as digests for their keys.

use std::collections::BTreeMap;

use tierce_builders::workspace::{Workspace, declared};
use tierce_debian::wheel::PORTAGE_WHEEL_SHA256;
use tierce_debian::{CONFIGURE_SH, SEEDS, SuitePart};
use tierce_manifest::{DebianSuite, HookSpec};
use tierce_plan::digest_of;
use tierce_store::Error;

/// The component of Debian's suites that builders are made of.
pub(crate) const COMPONENT: &str = "main";
/// Raise it where the same packages become another root.
const RECIPE: u32 = 1;

/// The digest of the rules that choose packages from a suite.
pub(super) fn debian_selection(suite: DebianSuite) -> String {
    let suites = SuitePart::ALL.map(|part| part.suite(suite.codename())).join(" ");
    digest_of(&[&suites, COMPONENT, &SEEDS.join(" ")])
}

/// The digest of everything else that a builder is made of.
pub(super) fn debian_recipe() -> String {
    let provided: String = tierce_ebuilds::provided().map(|entry| format!("{entry:?}\n")).collect();
    digest_of(&[&RECIPE.to_string(), CONFIGURE_SH, PORTAGE_WHEEL_SHA256, &provided])
}

/// The source of the probe: system calls of two processors, and nothing else.
pub(crate) const SOURCE: &str = include_str!("../probe/probe.c");
/// The script that compiles it.
pub(crate) const BUILD_SH: &str = include_str!("../probe/build.sh");

/// The digest of everything that the probe is made of besides the compiler.
pub(super) fn probe() -> String {
    digest_of(&[SOURCE, BUILD_SH])
}

/// The parts of a hook: its script and the files that it reads, each with its digest.
pub(super) fn hook_parts(workspace: &Workspace, spec: &HookSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut parts = BTreeMap::new();
    for path in spec.paths() {
        let name = path.value.relative();
        let host = if *path == spec.script { declared::file(path)? } else { declared::path(path)? };
        if host.is_dir() {
            let files = workspace.digests.files_of(&host)?;
            parts.extend(files.into_iter().map(|(inner, content)| (format!("{name}/{inner}"), content)));
        } else {
            parts.insert(name.to_string(), workspace.digests.of_file(&host)?);
        }
    }
    Ok(parts)
}
