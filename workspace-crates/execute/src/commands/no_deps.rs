//! `--no-deps`: a run fails before its first step if a base is not built.

use tierce_builders::engine::forecast::{Forecast, forecast_steps};
use tierce_builders::workspace::Workspace;
use tierce_manifest::{Base, ImageSpec, Place};
use tierce_plan::{Facts, Plan, StepId};
use tierce_steps::Performer;
use tierce_store::{Error, ErrorKind};

/// Bases that are not built and that the user did not name.
struct NotBuilt<'s> {
    /// At least one image, in build order.
    images: Vec<&'s str>,
    /// The first step of each image that would run, and its cause.
    lines: Vec<String>,
    /// The place that declares the first of them as a base.
    place: Option<&'s Place>,
}

impl NotBuilt<'_> {
    fn error(&self) -> Error {
        let (noun, verb) = if self.images.len() == 1 { ("image", "has") } else { ("images", "have") };
        let names = self.images.join("`, `");
        let message = format!("the {noun} `{names}` {verb} to be built first, and --no-deps forbids it");
        let help =
            format!("`cargo xtask image {}` builds what is missing; or leave --no-deps out", self.images.join(" "));
        Error::new(ErrorKind::Other, message).with_lines(&self.lines).at_if(self.place).with_help(help)
    }
}

/// Fails if `--no-deps` is set and the plan would build bases that the user did not name.
pub(super) fn check_deps(workspace: &Workspace, asked: &[&ImageSpec], facts: &Facts, plan: &Plan) -> Result<(), Error> {
    let all = workspace.spec.with_bases(asked);
    if !workspace.options.no_deps || all.len() == asked.len() {
        return Ok(());
    }
    let steps = forecast_steps(&Performer::new(workspace, facts, &|_| {}), plan, &workspace.receipts())?;
    not_built(&all, asked, &steps).map_or(Ok(()), |images| Err(images.error()))
}

/// Whether `--no-deps` leaves this step alone: it belongs to an image that the user did not name.
pub(super) fn is_left_alone(workspace: &Workspace, step: &StepId, asked: &[&ImageSpec]) -> bool {
    let is_asked = |name: &str| asked.iter().any(|image| image.name.as_str() == name);
    workspace.options.no_deps && step.image().is_some_and(|name| !is_asked(name))
}

/// Returns the images of `all` that are not in `asked` and have a step to run. `all` has the images of `asked` and their bases.
fn not_built<'s>(all: &[&'s ImageSpec], asked: &[&ImageSpec], steps: &[(StepId, Forecast)]) -> Option<NotBuilt<'s>> {
    // A plan that ends at the builder has no steps of images, so no base counts as built.
    let is_early = steps.iter().all(|(step, _)| step.image().is_none());
    let lines = |image: &&ImageSpec| match is_early {
        true => Some(format!("{}: its packages are resolved with another builder, or not at all", image.name)),
        false => first_step(image.name.as_str(), steps),
    };
    let below = all.iter().copied().filter(|image| asked.iter().all(|other| other.name != image.name));
    let found: Vec<(&ImageSpec, String)> = below.filter_map(|image| Some((image, lines(&image)?))).collect();
    let (first, _) = found.first()?;
    Some(NotBuilt {
        images: found.iter().map(|(image, _)| image.name.as_str()).collect(),
        place: begins_with(all, first.name.as_str()),
        lines: found.into_iter().map(|(_, line)| line).collect(),
    })
}

/// Returns the first step of an image that is known to run, with its cause, else the first that may run.
fn first_step(image: &str, steps: &[(StepId, Forecast)]) -> Option<String> {
    let own = || steps.iter().filter(|(step, _)| step.image() == Some(image));
    // `sources` fetches for `packages`, whose cause is more useful.
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

/// Returns the place where one of these images declares `name` as its base or as its builder's.
fn begins_with<'s>(images: &[&'s ImageSpec], name: &str) -> Option<&'s Place> {
    let paths = |image: &&'s ImageSpec| {
        let base = if let Base::Image(base) = &image.base { Some(base) } else { None };
        base.into_iter().chain(&image.builder_base).find(|base| base.value.as_str() == name).map(|base| &base.place)
    };
    images.iter().find_map(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_manifest::{CargoToml, WorkspaceSpec, WorkspaceText};

    /// Three images, each based on the previous one.
    const TABLES: &str = "[workspace.metadata.images.a]\ncmd = [\"/x\"]\n[workspace.metadata.images.b]\nbase = \"a\"\n\
                          [workspace.metadata.images.c]\nbase = \"b\"\n";

    fn workspace() -> WorkspaceSpec {
        let root = CargoToml { path: "Cargo.toml".into(), text: TABLES.into() };
        tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("valid tables")
    }

    fn id(name: &str) -> StepId {
        serde_json::from_value(name.into()).expect("a name is text")
    }

    fn found<'s>(spec: &'s WorkspaceSpec, asked: &[&str], steps: &[(&str, Forecast)]) -> Option<NotBuilt<'s>> {
        let asked: Vec<&ImageSpec> = asked.iter().filter_map(|name| spec.image(name)).collect();
        let steps: Vec<(StepId, Forecast)> =
            steps.iter().map(|(step, forecast)| (id(step), forecast.clone())).collect();
        not_built(&spec.with_bases(&asked), &asked, &steps)
    }

    fn runs(cause: &str) -> Forecast {
        Forecast::Runs(cause.into())
    }

    #[test]
    fn no_deps_forbids_only_unnamed_bases() {
        let spec = workspace();
        let found = |asked: &[&str], steps: &[(&str, Forecast)]| found(&spec, asked, steps);
        let fresh = [("builder", runs("gone")), ("pack a", Forecast::Fresh), ("pack b", Forecast::Fresh)];
        assert!(found(&["c"], &[&fresh[..], &[("pack c", runs("new"))]].concat()).is_none());
        let changed = [("pack a", runs("a file")), ("pack b", Forecast::Depends(vec![id("pack a")]))];
        assert!(found(&["a", "b", "c"], &changed).is_none());

        let one = found(&["b", "c"], &changed).expect("a is not asked for");
        assert_eq!((one.images, one.lines), (vec!["a"], vec!["pack a: a file".to_owned()]));
        let two_bases = found(&["c"], &changed).expect("neither is asked for");
        let text = "the images `a`, `b` have to be built first, and --no-deps forbids it\n  pack a: a file\n  \
                    pack b depends on what comes of `pack a`";
        assert_eq!(two_bases.error().to_string(), text);
        // The place is in the table of `b`, although the user did not name `b` either.
        assert_eq!(two_bases.place.map(|place| place.span.start), TABLES.find("\"a\""));
    }

    #[test]
    fn most_useful_step_is_named() {
        let spec = workspace();
        let found = |asked: &[&str], steps: &[(&str, Forecast)]| found(&spec, asked, steps);
        let steps = [
            ("sources a", runs("a later step needs its result")),
            ("packages a", runs("media-libs/one-1")),
            ("root a", Forecast::Depends(vec![id("packages a")])),
        ];
        let lines = found(&["c"], &steps).expect("a is not built").lines;
        assert_eq!(lines, ["packages a: media-libs/one-1"]);
        let lines = found(&["c"], &[("builder", runs("first run in this workspace"))]).expect("neither").lines;
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
}
