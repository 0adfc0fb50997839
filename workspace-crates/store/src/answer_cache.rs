//! The answers of cargo and rustc about a workspace, kept between runs: a run that has nothing to do starts neither.
//!
//! They hold while all their inputs are the same; see [`tierce_process::inputs`].

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use tierce_process::cargo::Outline;
use tierce_process::inputs;
use tierce_process::rustc::Toolchain;

use crate::{Error, sealed};

/// The version of the stored format.
const FORMAT: u32 = 1;

/// The answers of cargo and rustc in a folder of a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// The workspace and its members.
    pub outline: Outline,
    /// The Rust toolchain of the host.
    pub toolchain: Toolchain,
    /// The output of `rustc --print cfg`, if cargo's configuration needs it.
    pub cfg: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    folder: Utf8PathBuf,
    inputs: String,
    answers: Answers,
}

/// Answers to keep for the next run.
pub struct AnswerCache(Kept);

impl Answers {
    /// Returns the answers of an earlier run in this folder, if their inputs are the same.
    pub fn read(folder: &Utf8Path, cargo_home: &Utf8Path) -> Option<Answers> {
        let targets = inputs::possible_target_folders(folder, cargo_home);
        let Kept { format, folder: kept_folder, inputs, answers } =
            targets.iter().find_map(|target| sealed::read(path(target).as_std_path()))?;
        let holds = format == FORMAT
            && kept_folder == folder
            && inputs::of(folder, cargo_home, &answers.outline, &answers.toolchain)? == inputs;
        holds.then_some(answers)
    }
}

impl AnswerCache {
    /// Asks for answers, and once more: if the second ones are the same, no input changed between the first ones and the record of the
    /// inputs, so the next run may have them.
    ///
    /// # Errors
    /// Those of `ask`.
    pub fn ask(
        folder: &Utf8Path,
        cargo_home: &Utf8Path,
        mut ask: impl FnMut() -> Result<(Outline, Toolchain), Error>,
    ) -> Result<(Answers, Option<AnswerCache>), Error> {
        let first = ask()?;
        let inputs = inputs::of(folder, cargo_home, &first.0, &first.1);
        let unchanged = inputs.is_some() && ask().is_ok_and(|second| second == first);
        let (outline, toolchain) = first;
        let answers = Answers { outline, toolchain, cfg: None };
        let kept = inputs.filter(|_| unchanged).map(|inputs| {
            AnswerCache(Kept { format: FORMAT, folder: folder.to_owned(), inputs, answers: answers.clone() })
        });
        Ok((answers, kept))
    }

    /// Adds the output of `rustc --print cfg`.
    pub fn set_cfg(&mut self, cfg: String) {
        self.0.answers.cfg = Some(cfg);
    }

    /// Keeps the answers for the next run.
    ///
    /// # Errors
    /// If the target folder cannot be written.
    pub fn keep(&self) -> Result<(), Error> {
        sealed::write(path(&self.0.answers.outline.target_directory).as_std_path(), &self.0)
    }
}

fn path(target: &Utf8Path) -> Utf8PathBuf {
    target.join("tierce/answers.json")
}

#[cfg(test)]
mod tests;
