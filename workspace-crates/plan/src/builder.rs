//! Plans the steps that make the builder.

use tierce_debian::Deb;
use tierce_manifest::{BuilderBase, WorkspaceSpec};

use crate::facts::{BuilderFacts, Facts};
use crate::key::{Ingredients, digest};
use crate::step::{Action, Step, StepId};

/// The steps up to a builder, or up to the selection of its packages.
pub(crate) struct BuilderSteps {
    pub(crate) steps: Vec<Step>,
    /// The step whose result is the builder, and the builder's key; `None` while its packages are not selected.
    pub(crate) builder: Option<(StepId, String)>,
}

/// Plans the builder.
pub(crate) fn builder_steps(spec: &WorkspaceSpec, facts: &Facts) -> BuilderSteps {
    let id = StepId::of_workspace("builder");
    match &facts.builder {
        BuilderFacts::Debian { selection, recipe } => match locked_debs(facts, selection) {
            None => {
                let step = workspace_step("debs", Action::SelectDebs, Ingredients::default());
                BuilderSteps { steps: vec![step], builder: None }
            }
            Some(debs) => {
                let ingredients = debian_ingredients(debs, recipe, &facts.platform);
                let fetch = workspace_step("fetch-builder", Action::FetchBuilder, Ingredients::default());
                let mut make = workspace_step("builder", Action::MakeBuilder, ingredients);
                make.prepared.push(fetch.id.clone());
                done(vec![fetch, make], id)
            }
        },
        BuilderFacts::Image { id: image } => {
            let BuilderBase::Image(reference) = &spec.builder else { unreachable!("facts are gathered by the base") };
            let mut ingredients = Ingredients::default();
            ingredients.add("image", image);
            let action = Action::UseBuilderImage { reference: reference.value.to_string() };
            own_base(workspace_step("builder", action, ingredients), id, facts)
        }
        BuilderFacts::RootFilesystem { digest } => {
            let mut ingredients = Ingredients::default();
            ingredients.add("root filesystem", digest).add("platform", &facts.platform);
            own_base(workspace_step("builder", Action::ImportBuilder, ingredients), id, facts)
        }
    }
}

/// A base of the user's own: Tierce.lock has the base's repository once a builder was made of it.
fn own_base(step: Step, id: StepId, facts: &Facts) -> BuilderSteps {
    let is_known = facts.lock.as_ref().is_some_and(|lock| facts.builder.is_of(&lock.builder));
    if is_known { done(vec![step], id) } else { BuilderSteps { steps: vec![step], builder: None } }
}

fn done(steps: Vec<Step>, id: StepId) -> BuilderSteps {
    // A builder's key is the key of its step: its ingredients hold all that the steps before it decide.
    let key = steps.last().map(|step| step.ingredients_with([]).key().to_string()).unwrap_or_default();
    BuilderSteps { steps, builder: Some((id, key)) }
}

/// The locked packages, if the same rules selected them.
fn locked_debs<'a>(facts: &'a Facts, selection: &str) -> Option<&'a [Deb]> {
    let builder = &facts.lock.as_ref()?.builder;
    let covers =
        builder.base == "debian" && builder.selection.as_deref() == Some(selection) && !builder.debs.is_empty();
    covers.then_some(&builder.debs)
}

fn debian_ingredients(debs: &[Deb], recipe: &str, platform: &str) -> Ingredients {
    let list: String = debs.iter().map(|deb| format!("{} {} {}\n", deb.name, deb.version, deb.sha256)).collect();
    let mut ingredients = Ingredients::default();
    ingredients.add("Debian packages", digest(list)).add("recipe", recipe).add("platform", platform);
    ingredients
}

pub(crate) fn workspace_step(verb: &str, action: Action, ingredients: Ingredients) -> Step {
    Step { id: StepId::of_workspace(verb), action, after: Vec::new(), prepared: Vec::new(), ingredients, again: false }
}
