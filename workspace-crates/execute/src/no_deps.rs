//! `--no-deps`: what images begin with is there already, or nothing is begun.

use tierce_manifest::{Base, ImageSpec, Place};
use tierce_plan::{Facts, Plan, StepId};

use crate::executor::Executor;
use crate::forecast::{Forecast, forecast};
use crate::receipts::Receipts;
use crate::session::Session;
use crate::{Error, NotBuilt};

impl Session {
    /// Refuses a plan by which images would be built that others begin with and nobody asked for, where the options forbid that.
    pub(crate) fn check_deps(&self, asked: &[&ImageSpec], facts: &Facts, plan: &Plan) -> Result<(), Error> {
        let all = self.spec.with_bases(asked);
        if !self.options.no_deps || all.len() == asked.len() {
            return Ok(());
        }
        let steps = forecast(&Executor::new(self, facts, &|_| {}), plan, &Receipts::new(self.places.clone()))?;
        not_built(&all, asked, &steps).map_or(Ok(()), |images| Err(Error::NotBuilt(Box::new(images))))
    }

    /// Whether a step is of an image that nobody asked for, and that is to be as it is.
    pub(crate) fn is_left_alone(&self, step: &StepId, asked: &[&ImageSpec]) -> bool {
        let is_asked = |name: &str| asked.iter().any(|image| image.name.as_str() == name);
        self.options.no_deps && step.image().is_some_and(|name| !is_asked(name))
    }
}

/// The images among `all`, those that were asked for and those that they begin with, that are not asked for and have something to
/// do.
fn not_built(all: &[&ImageSpec], asked: &[&ImageSpec], steps: &[(StepId, Forecast)]) -> Option<NotBuilt> {
    // A plan that ends at the builder: nothing that was resolved without it counts.
    let is_early = steps.iter().all(|(step, _)| step.image().is_none());
    let lines = |image: &&ImageSpec| match is_early {
        true => Some(format!("{}: its packages are resolved with another builder, or not at all", image.name)),
        false => first_step(image.name.as_str(), steps),
    };
    let below = all.iter().copied().filter(|image| asked.iter().all(|other| other.name != image.name));
    let found: Vec<(&ImageSpec, String)> = below.filter_map(|image| Some((image, lines(&image)?))).collect();
    let (first, _) = found.first()?;
    Some(NotBuilt {
        images: found.iter().map(|(image, _)| image.name.to_string()).collect(),
        place: begins_with(all, first.name.as_str()).cloned(),
        lines: found.into_iter().map(|(_, line)| line).collect(),
    })
}

/// The step of an image that is known to run, with its cause; else one that may.
fn first_step(image: &str, steps: &[(StepId, Forecast)]) -> Option<String> {
    let own = || steps.iter().filter(|(step, _)| step.image() == Some(image));
    // Sources are fetched for the sake of packages, which say more.
    let runs = |(step, forecast): &(StepId, Forecast)| match forecast {
        Forecast::Runs(cause) if step.verb() != "sources" => Some(format!("{step}: {cause}")),
        _ => None,
    };
    let depends = |(step, forecast): &(StepId, Forecast)| match forecast {
        Forecast::Depends(on) => {
            let on: Vec<String> = on.iter().map(|step| format!("`{step}`")).collect();
            Some(format!("{step} depends on what comes of {}", on.join(" and ")))
        }
        _ => None,
    };
    own().find_map(runs).or_else(|| own().find_map(depends))
}

/// Where one of these images says that it begins with another one, or that its builder does.
fn begins_with<'s>(images: &[&'s ImageSpec], name: &str) -> Option<&'s Place> {
    let places = |image: &&'s ImageSpec| {
        let base = if let Base::Image(base) = &image.base { Some(base) } else { None };
        base.into_iter().chain(&image.builder_base).find(|base| base.value.as_str() == name).map(|base| &base.place)
    };
    images.iter().find_map(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_manifest::{CargoToml, WorkspaceSpec, WorkspaceText};

    /// Three images, each on top of the one before.
    const TABLES: &str = "[workspace.metadata.images.a]\ncmd = [\"/x\"]\n[workspace.metadata.images.b]\nbase = \"a\"\n\
                          [workspace.metadata.images.c]\nbase = \"b\"\n";

    fn workspace() -> WorkspaceSpec {
        let root = CargoToml { path: "Cargo.toml".into(), text: TABLES.into() };
        tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("valid tables")
    }

    fn id(name: &str) -> StepId {
        serde_json::from_value(name.into()).expect("a name is text")
    }

    fn found(asked: &[&str], steps: &[(&str, Forecast)]) -> Option<NotBuilt> {
        let spec = workspace();
        let asked: Vec<&ImageSpec> = asked.iter().filter_map(|name| spec.image(name)).collect();
        let steps: Vec<(StepId, Forecast)> =
            steps.iter().map(|(step, forecast)| (id(step), forecast.clone())).collect();
        not_built(&spec.with_bases(&asked), &asked, &steps)
    }

    fn runs(cause: &str) -> Forecast {
        Forecast::Runs(cause.into())
    }

    #[test]
    fn what_was_asked_for_may_be_built_and_what_is_below_may_not() {
        let fresh = [("builder", runs("gone")), ("pack a", Forecast::Fresh), ("pack b", Forecast::Fresh)];
        assert!(found(&["c"], &[&fresh[..], &[("pack c", runs("new"))]].concat()).is_none());
        let changed = [("pack a", runs("a file")), ("pack b", Forecast::Depends(vec![id("pack a")]))];
        assert!(found(&["a", "b", "c"], &changed).is_none());

        let one = found(&["b", "c"], &changed).expect("a is not asked for");
        assert_eq!((one.images, one.lines), (vec!["a".to_owned()], vec!["pack a: a file".to_owned()]));
        let both = found(&["c"], &changed).expect("neither is asked for");
        let text = "the images `a`, `b` have to be built first, and --no-deps forbids it\n  pack a: a file\n  \
                    pack b depends on what comes of `pack a`";
        assert_eq!(both.to_string(), text);
        // In the table of `b`, though nobody asked for that either.
        assert_eq!(both.place.map(|place| place.span.start), TABLES.find("\"a\""));
    }

    #[test]
    fn the_step_that_says_most_is_named() {
        let steps = [
            ("sources a", runs("a step after it needs what it brings")),
            ("packages a", runs("media-libs/one-1")),
            ("root a", Forecast::Depends(vec![id("packages a")])),
        ];
        let lines = found(&["c"], &steps).expect("a is not built").lines;
        assert_eq!(lines, ["packages a: media-libs/one-1"]);
        let lines =
            found(&["c"], &[("builder", runs("it was not done in this workspace yet"))]).expect("neither").lines;
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
}
