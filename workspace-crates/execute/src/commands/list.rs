//! `list`: the images of a workspace and their state, without building.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tierce_builders::engine::forecast::Forecast;
use tierce_builders::workspace::Workspace;
use tierce_manifest::{ImageSpec, LineColumn};
use tierce_plan::Sink;
use tierce_report::Report;
use tierce_store::{Error, files};

use crate::commands::run_plans::forecast;

/// An image of the workspace.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListedImage {
    /// Its name.
    pub image: String,
    /// The place of its table, `Cargo.toml:LINE`, relative to the workspace's root.
    pub table: String,
    /// The package of its program; None for an image of packages.
    pub program: Option<String>,
    /// The atoms of its packages.
    pub packages: Vec<String>,
    /// Its references in the daemon.
    pub references: Vec<String>,
    /// The forecast of the next run.
    pub state: State,
    /// The results of its last build; None before the first build.
    pub built: Option<Built>,
}

/// The forecast of the next run for an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub enum State {
    /// The image was not built yet.
    NotBuilt,
    /// The next run reuses it.
    Fresh,
    /// The next run rebuilds it: the first step that would run, and its cause.
    Changed(String),
    /// The reason why the forecast failed.
    Unknown(String),
}

/// The results of an image's last build.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Built {
    /// Its id.
    pub id: String,
    /// The bytes of its layers, uncompressed.
    pub size: u64,
    /// The time of packing in seconds since 1970.
    pub packed: u64,
    /// Whether the daemon has it under all its references; None if the daemon does not answer.
    pub in_daemon: Option<bool>,
}

/// Returns the images of the workspace by name, and the toolbox if it was built here. Builds, loads and downloads nothing.
///
/// # Errors
/// Fails if a Cargo.toml is no longer readable, and after Ctrl-C.
pub(crate) fn list(workspace: &Workspace) -> Result<Vec<ListedImage>, Error> {
    let is_built = |image: &&ImageSpec| workspace.paths.contents(image.name.as_str()).is_file();
    let mut images: Vec<&ImageSpec> = workspace.spec.images.iter().collect();
    images.extend(Some(&workspace.spec.toolbox).filter(is_built));
    images.into_iter().map(|image| listed(workspace, image)).collect()
}

fn listed(workspace: &Workspace, image: &ImageSpec) -> Result<ListedImage, Error> {
    workspace.check_interrupted()?;
    let built = built(workspace, image);
    let state = match built {
        None => State::NotBuilt,
        Some(_) => match forecast(workspace, &[image], &Sink::Daemon) {
            Ok(steps) => state(steps.into_iter().map(|(step, forecast)| (step.to_string(), forecast))),
            Err(error) => State::Unknown(error.to_string()),
        },
    };
    Ok(ListedImage {
        image: image.name.to_string(),
        table: table(workspace, image)?,
        program: image.program.as_ref().map(|program| program.package.name.clone()),
        packages: image.emerge.packages.iter().map(|atom| atom.value.to_string()).collect(),
        references: image.references(),
        state,
        built,
    })
}

fn table(workspace: &Workspace, image: &ImageSpec) -> Result<String, Error> {
    let file = &image.place.file;
    let text = match tierce_manifest::library_text(file) {
        Some(text) => text.to_owned(),
        None => files::read_text(file.as_std_path())?,
    };
    let line = LineColumn::of(&text, image.place.span.start).line;
    Ok(format!("{}:{line}", file.strip_prefix(workspace.root()).unwrap_or(file)))
}

fn built(workspace: &Workspace, image: &ImageSpec) -> Option<Built> {
    let report: Report = files::read_json(&workspace.paths.report(image.name.as_str()))?;
    let packed = fs::metadata(workspace.paths.contents(image.name.as_str())).and_then(|file| file.modified()).ok()?;
    let is_it = |reference: &String| -> Result<bool, Error> {
        Ok(workspace.docker()?.image(reference)?.is_some_and(|image| image.id == report.id))
    };
    let in_daemon = image.references().iter().map(is_it).collect::<Result<Vec<bool>, Error>>();
    Some(Built {
        id: report.id.clone(),
        size: report.sizes.image,
        packed: seconds(packed),
        in_daemon: in_daemon.ok().map(|all| all.into_iter().all(|one| one)),
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Returns the state of an image from the forecasts of its steps. A step with a known cause takes precedence over one that
/// waits.
fn state(steps: impl IntoIterator<Item = (String, Forecast)>) -> State {
    let mut depends = None;
    for (step, forecast) in steps {
        match forecast {
            Forecast::Fresh => {}
            Forecast::Runs(cause) => return State::Changed(format!("{step}: {cause}")),
            Forecast::Depends(_) => depends = depends.or(Some(step)),
        }
    }
    depends.map_or(State::Fresh, State::Changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_running_step_explains_state() {
        let fresh = || ("resolve".to_owned(), Forecast::Fresh);
        let depends = || ("pack".to_owned(), Forecast::Depends(Vec::new()));
        let runs = || ("root".to_owned(), Forecast::Runs("USE changed".to_owned()));
        let changed = |text: &str| State::Changed(text.to_owned());
        for (steps, expected) in [
            (vec![], State::Fresh),
            (vec![fresh()], State::Fresh),
            (vec![fresh(), depends(), runs()], changed("root: USE changed")),
            (vec![fresh(), depends()], changed("pack")),
        ] {
            assert_eq!(state(steps), expected);
        }
    }
}
