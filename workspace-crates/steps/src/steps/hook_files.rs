//! Attributes files that hooks made or changed: the hook is their reason and their owner.

use std::collections::BTreeMap;

use tierce_rootfs::{Closure, Reason};

/// Makes a hook the reason for its files in an image of packages. In a closure, each file has another reason.
pub(super) fn attribute(chosen: &mut Closure, hooks: &BTreeMap<String, String>) {
    for (path, hook) in hooks {
        if matches!(chosen.reason(path), Some(Reason::Package { .. } | Reason::Merged)) {
            chosen.made_by_hook(path, hook);
        }
    }
}

/// Returns the owner of each path: a hook, or else a package.
pub(super) fn owners(
    mut owners: BTreeMap<String, String>,
    of_root: BTreeMap<String, String>,
    chosen: &Closure,
) -> BTreeMap<String, String> {
    owners.extend(of_root);
    owners.extend(chosen.iter().filter_map(|(path, reason)| match reason {
        Reason::Hook { hook } => Some((path.to_owned(), hook.clone())),
        _ => None,
    }));
    owners
}
