//! The cases about the program with six libraries.

use std::path::PathBuf;

use crate::dockerfile::{Bases, BuildKit, Buildah, container};
use crate::measure::{Taken, spread, step_seconds, take};
use crate::support::tool;
use crate::table::{self, Row, TIERCE, target};
use crate::tierce::Tierce;
use crate::work::{Alone, Answer};

pub(crate) const BUILDKIT: &str = "BuildKit";
pub(crate) const BUILDAH: &str = "buildah";
const ALONE: &str = "cargo alone, without an image";
const LINES: &str = "  with debug lines, as Tierce asks";
/// The name of Tierce's image.
const IMAGE: &str = "answer";

/// The limit for a run with nothing to do, in seconds.
const IDLE: f64 = 0.25;
/// The limit for a round after a changed line, as a part of BuildKit's time.
const LINE: f64 = 0.7;
/// The limit for the time that Tierce adds to cargo's, as a part of the time that BuildKit adds.
const ADDED: f64 = 1.0 / 3.0;
/// The most bytes that a load sends besides the layers: a tar header and padding for each, and the image's configuration.
const AROUND: f64 = 64e3;

/// All tools, in the order in which drop removes them.
pub(crate) struct Tools {
    pub(crate) buildah: Result<Buildah, String>,
    pub(crate) kit: Result<(BuildKit, Bases), String>,
    pub(crate) tierce: Tierce,
    pub(crate) folder: PathBuf,
    pub(crate) runs: usize,
    /// The most memory of Tierce's rounds, in bytes.
    pub(crate) peak: u64,
    /// The number of rounds with a cargo cache of their own.
    caches: usize,
}

/// One round's report and layers.
struct Round {
    report: serde_json::Value,
    layers: Vec<String>,
}

impl Tools {
    pub(crate) fn new(tierce: Tierce, answer: &Answer, folder: PathBuf, runs: usize) -> Tools {
        let kit = BuildKit::new(&folder, tierce.namespace(), answer);
        let buildah = match &kit {
            Ok((_, bases)) => Buildah::new(&folder, bases),
            Err(_) => Err("BuildKit makes its base images".to_owned()),
        };
        Tools { buildah, kit, tierce, folder, runs, peak: 0, caches: 0 }
    }

    fn rows(&self) -> [Row; 3] {
        let kit = match &self.kit {
            Ok(_) => Row::new(BUILDKIT).note("its memory is the daemon's; the figure is the client's"),
            Err(why) => Row::cannot(BUILDKIT, why),
        };
        let buildah = match &self.buildah {
            Ok(_) => Row::new(BUILDAH).note("into its own storage; podman starts the container"),
            Err(why) => Row::cannot(BUILDAH, why),
        };
        [Row::new(TIERCE), kit, buildah]
    }

    /// Every tool builds the image and runs it; `more` are arguments of the peers.
    fn round(&mut self, answer: &Answer, rows: &mut [Row; 3], more: &[&str]) -> Round {
        let (taken, report) = self.tierce.image(answer.root(), IMAGE);
        self.peak = self.peak.max(taken.memory);
        let expected = answer.expected();
        rows[0].add_answered(&taken, &container(IMAGE, &self.folder), &expected);
        let cache = format!("{}-target-{}", self.tierce.namespace(), self.caches);
        if let Ok((kit, bases)) = &self.kit {
            let image = kit.name(IMAGE);
            let taken = kit.build(&bases.answer(&cache), answer.root(), &image, more);
            rows[1].add_answered(&taken, &container(&image, &self.folder), &expected);
            if let Ok(buildah) = &self.buildah {
                let taken = buildah.build(&bases.answer(&cache), answer.root(), &image, more);
                rows[2].add_answered(&taken, &buildah.container(&image), &expected);
            }
        }
        Round { report, layers: layers(IMAGE) }
    }

    /// Builds from an empty cache, as in a first run. The downloads and the base images of the peers exist.
    pub(crate) fn empty(&mut self, answer: &Answer, first: &Taken) {
        let mut rows = self.rows();
        rows[0].add(first);
        rows[0].note = "includes its builder; peers start from a finished image".to_owned();
        let cache = format!("{}-target-{}", self.tierce.namespace(), self.caches);
        if let Ok((kit, bases)) = &self.kit {
            let text = bases.answer(&cache);
            rows[1].add(&kit.build(&text, answer.root(), &kit.name(IMAGE), &["--no-cache"]));
            if let Ok(buildah) = &self.buildah {
                rows[2].add(&buildah.build(&text, answer.root(), &kit.name(IMAGE), &["--no-cache"]));
            }
        }
        table::case("(e) from an empty cache, one round", &rows);
    }

    /// Builds with compiled libraries, which for peers are the results of their stages, and without a compiled crate.
    pub(crate) fn binary(&mut self, answer: &mut Answer) {
        let mut rows = self.rows();
        for _ in 0..self.runs {
            answer.edit_program();
            self.tierce.forget_all_but_binary_packages(answer.root());
            self.caches += 1;
            self.round(answer, &mut rows, &[]);
        }
        table::case("(f) from binary packages only, no crate compiled yet", &rows);
    }

    pub(crate) fn idle(&mut self, answer: &Answer) {
        let mut rows = self.rows();
        self.round(answer, &mut self.rows(), &[]);
        for _ in 0..self.runs {
            self.round(answer, &mut rows, &[]);
        }
        table::case("(a) nothing changed", &rows);
        target("the whole run, cargo's start included", rows[0].median(), IDLE, "s");
    }

    pub(crate) fn line(&mut self, answer: &mut Answer) {
        let folder = self.folder.join("alone");
        let alone = Alone::new(&folder, answer);
        let mut cargo = Row::new(ALONE);
        let mut steps = ["compile", "pack", "load", "tag"].map(|kind| (kind, Vec::new()));
        let mut rows = self.rows();
        self.round(answer, &mut self.rows(), &[]);
        let mut lines = Row::new(LINES);
        for with_lines in [false, true] {
            take(&mut alone.command(answer, with_lines), &folder);
        }
        for _ in 0..self.runs {
            answer.edit_program();
            cargo.add(&take(&mut alone.command(answer, false), &folder));
            lines.add(&take(&mut alone.command(answer, true), &folder));
            let report = self.round(answer, &mut rows, &[]).report;
            for (kind, seconds) in steps.iter_mut() {
                seconds.push(step_seconds(&report, &[*kind]));
            }
        }
        let steps = steps.map(|(kind, seconds)| format!("`{kind}` {:.3}", spread(&seconds).1));
        rows[0].note = format!("its steps: {}", steps.join(", "));
        let cargo_alone = cargo.median();
        let [tierce, kit, buildah] = rows;
        let answered = |row: &Row| spread(&row.answer).1;
        let (ours, theirs) = (answered(&tierce), answered(&kit));
        let (added, they_add) = (tierce.median() - cargo_alone, kit.median() - cargo_alone);
        table::case("(b) one line of the program changed", &[cargo, lines, tierce, kit, buildah]);
        target("until the container's answer, as a part of BuildKit's time", ours / theirs, LINE, "times");
        target("time added to cargo's, as a part of the time that BuildKit adds", added / they_add, ADDED, "times");
    }

    pub(crate) fn library(&mut self, answer: &mut Answer) {
        let mut rows = self.rows();
        let mut before = self.round(answer, &mut self.rows(), &[]);
        let mut beyond = f64::NEG_INFINITY;
        for _ in 0..self.runs {
            answer.edit_library();
            let round = self.round(answer, &mut rows, &[]);
            let changed = changed(&before.layers, &round.layers);
            let sizes: Vec<f64> = round.report["layers"].as_array().into_iter().flatten().map(size).collect();
            let (sent, needed) =
                (round.report["sent"].as_f64().unwrap_or(f64::NAN), sizes[changed..].iter().sum::<f64>());
            beyond = beyond.max(sent - needed);
            rows[0].note = format!(
                "{} of {} layers new, {:.1} MB sent of {:.1}",
                sizes.len() - changed,
                sizes.len(),
                sent / 1e6,
                sizes.iter().sum::<f64>() / 1e6
            );
            before = round;
        }
        table::case("(c) one of six libraries changed", &rows);
        target("sent besides that layer and those above it", beyond, AROUND, "bytes");
    }
}

/// Returns the index of the first layer that differs.
fn changed(before: &[String], after: &[String]) -> usize {
    before.iter().zip(after).take_while(|(before, after)| before == after).count()
}

fn size(layer: &serde_json::Value) -> f64 {
    layer["size"].as_f64().unwrap_or(f64::NAN)
}

/// Returns the layers of an image in the daemon, lowest first.
fn layers(image: &str) -> Vec<String> {
    let said = tool("docker", ["image", "inspect", "--format", "{{range .RootFS.Layers}}{{.}}\n{{end}}", image]).ok();
    said.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
