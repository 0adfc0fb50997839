//! The images of a workspace with what is known of them without building.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tierce_manifest::{ImageSpec, LineColumn};
use tierce_plan::Sink;

use crate::forecast::Forecast;
use crate::report::{Report, contents_path, report_path};
use crate::session::Session;
use crate::steps::deliver::references;
use crate::{Error, files};

/// An image of the workspace.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListedImage {
    /// Its name.
    pub image: String,
    /// Where its table stands: the Cargo.toml, as it is reached from the workspace's root, and the line.
    pub table: String,
    /// The package that its program is of; none for an image of packages.
    pub program: Option<String>,
    /// The atoms of its packages.
    pub packages: Vec<String>,
    /// The references that it gets in the daemon.
    pub references: Vec<String>,
    /// What the next run would do of it.
    pub state: State,
    /// What came of the last run that built it; none where it was not built yet.
    pub built: Option<Built>,
}

/// What a run would do of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub enum State {
    /// It was not built yet.
    NotBuilt,
    /// Nothing.
    Fresh,
    /// It would build it again: the first step that would run, and for what cause.
    Changed(String),
    /// What stands in the way of knowing it.
    Unknown(String),
}

/// What came of the last run that built an image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Built {
    /// Its id.
    pub id: String,
    /// The bytes of its layers, uncompressed.
    pub size: u64,
    /// When it was packed, in seconds since 1970.
    pub packed: u64,
    /// Whether the daemon has it under all of its references; none where the daemon does not answer.
    pub in_daemon: Option<bool>,
}

impl Session {
    /// Every image of the workspace, and the toolbox once it was built, by name. Nothing is built, loaded or downloaded.
    ///
    /// # Errors
    /// A Cargo.toml that cannot be read any more, and Ctrl-C.
    pub fn list(&self) -> Result<Vec<ListedImage>, Error> {
        let is_built = |image: &&ImageSpec| contents_path(&self.places, image.name.as_str()).is_file();
        let mut images: Vec<&ImageSpec> = self.spec.images.iter().collect();
        images.extend(Some(&self.spec.toolbox).filter(is_built));
        images.into_iter().map(|image| self.listed(image)).collect()
    }

    fn listed(&self, image: &ImageSpec) -> Result<ListedImage, Error> {
        self.check_interrupted()?;
        let built = self.built(image);
        let state = match built {
            None => State::NotBuilt,
            Some(_) => match self.forecast(&[image], &Sink::Daemon) {
                Ok(steps) => state(steps.into_iter().map(|(step, forecast)| (step.to_string(), forecast))),
                Err(error) => State::Unknown(error.to_string()),
            },
        };
        Ok(ListedImage {
            image: image.name.to_string(),
            table: self.table(image)?,
            program: image.program.as_ref().map(|program| program.package.name.clone()),
            packages: image.emerge.packages.iter().map(|atom| atom.value.to_string()).collect(),
            references: references(image),
            state,
            built,
        })
    }

    fn table(&self, image: &ImageSpec) -> Result<String, Error> {
        let file = &image.place.file;
        let text = match tierce_manifest::library_text(file) {
            Some(text) => text.to_owned(),
            None => files::read_text(file.as_std_path())?,
        };
        let line = LineColumn::of(&text, image.place.span.start).line;
        Ok(format!("{}:{line}", file.strip_prefix(self.root()).unwrap_or(file)))
    }

    fn built(&self, image: &ImageSpec) -> Option<Built> {
        let report: Report = files::read_json(&report_path(&self.places, image.name.as_str()))?;
        let packed =
            fs::metadata(contents_path(&self.places, image.name.as_str())).and_then(|file| file.modified()).ok()?;
        let is_it = |reference: &String| -> Result<bool, Error> {
            Ok(self.docker()?.image(reference)?.is_some_and(|image| image.id == report.id))
        };
        let in_daemon = references(image).iter().map(is_it).collect::<Result<Vec<bool>, Error>>();
        Some(Built {
            id: report.id.clone(),
            size: report.sizes.image,
            packed: seconds(packed),
            in_daemon: in_daemon.ok().map(|all| all.into_iter().all(|one| one)),
        })
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What the steps of an image come to. A step that waits for another one's result is not the first that would run.
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
    fn the_first_step_that_would_run_is_named() {
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
