//! Adds hooks to the keys of the steps that run them.

use tierce_manifest::{Hook, ImageSpec};

use crate::facts::Facts;
use crate::step::Step;

/// The version of the hooks' environment; increase it when their variables or mounts change.
const HOOK_PROTOCOL: u32 = 1;

/// Adds the hooks of a step to its key: their files, scripts and environment.
pub(crate) fn add_hooks(step: &mut Step, image: &ImageSpec, facts: &Facts, hooks: &[Hook]) {
    for hook in hooks {
        let Some(spec) = image.hooks.get(*hook) else { continue };
        let parts = facts.images.get(image.name.as_str()).and_then(|image| image.hooks.get(hook));
        step.ingredients
            .add_parts(hook.to_string(), parts.cloned().unwrap_or_default())
            .add("the environment of hooks", format!("{HOOK_PROTOCOL} {}", image.name))
            .add(format!("the script of {hook}"), spec.script.value.relative().as_str());
    }
}
