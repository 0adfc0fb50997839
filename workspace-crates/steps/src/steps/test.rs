//! The tests of an image: in the daemon if it has loaded the image, and else in the sandbox.

use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_image_tests::{Subject, test};
use tierce_oci::Runtime;
use tierce_plan::{Outcome, Step};
use tierce_store::Error;

use crate::steps::documents::assemble;

/// Tests an image that another step has packed or loaded.
pub(super) fn test_image(
    context: &Context<'_>,
    step: &Step,
    image: &str,
    tests: &[String],
    inputs: &Inputs,
) -> Result<Outcome, Error> {
    if let Some(id) = inputs.loaded() {
        return test(context, step, image, tests, Subject::Loaded(id));
    }
    let packed = inputs.packed(image)?;
    let assembled = assemble(context.image(image)?, packed, context.facts, None)?;
    let runtime = Box::new(Runtime::of_config(&assembled.config)?);
    test(context, step, image, tests, Subject::Packed(packed, runtime))
}
