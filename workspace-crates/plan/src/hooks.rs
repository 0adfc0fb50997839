//! What hooks add to the keys of the steps that they run in.

use tierce_manifest::{Hook, ImageSpec};

use crate::facts::Facts;
use crate::step::Step;

/// Running hooks in another way, with other variables, gives other results.
const HOOK_PROTOCOL: u32 = 1;

/// Adds to a step's key what the hooks that run in it are made of, and what they are told.
pub(crate) fn add_hooks(step: &mut Step, image: &ImageSpec, facts: &Facts, hooks: &[Hook]) {
    for hook in hooks {
        let Some(spec) = image.hooks.get(*hook) else { continue };
        let parts = facts.images.get(image.name.as_str()).and_then(|image| image.hooks.get(hook));
        step.ingredients
            .add_parts(hook.to_string(), parts.cloned().unwrap_or_default())
            .add("what hooks are told", format!("{HOOK_PROTOCOL} {}", image.name))
            .add(format!("the script of {hook}"), spec.script.value.relative().as_str());
    }
}
