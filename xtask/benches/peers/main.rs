//! Tierce beside its alternatives, on the same work in the same run: BuildKit and buildah with a Dockerfile, umoci and skopeo for
//! packing and loading. Every image passes the same test: its container prints the answer of this round.
//!
//! `cargo bench --profile xtask -p xtask --bench peers -- [CASE…] [--runs N] [--sizes MB,…]`
//!
//! Cases: `idle`, `line`, `library`, `packing`, and `empty`, `binary` and `shell`, which run only if they are named. Each figure is the
//! median of N rounds, in which all tools take turns; a ratio is a tool's median divided by Tierce's. It needs a daemon. The rows of
//! another missing tool name the missing program. The benchmark has a cache, a namespace and images of its own, and removes them.

use std::process::ExitCode;

// Tests and the other benchmark use the other parts of these.
#[path = "../../../tests/e2e/daemon.rs"]
mod daemon;
#[allow(dead_code)]
#[path = "../shared/measure.rs"]
mod measure;
#[allow(dead_code)]
#[path = "../../../tests/e2e/pty.rs"]
mod pty;
#[allow(dead_code)]
#[path = "../../../tests/e2e/running.rs"]
mod running;
#[allow(dead_code)]
#[path = "../../../tests/e2e/support.rs"]
mod support;
#[allow(dead_code)]
#[path = "../../../tests/e2e/times.rs"]
mod times;

mod cases;
mod dockerfile;
mod packing;
mod shell;
mod table;
mod tierce;
mod work;

use cases::Tools;
use tierce::Tierce;
use work::{Answer, Part};

const CASES: [&str; 7] = ["empty", "idle", "line", "library", "packing", "binary", "shell"];
/// The cases that take minutes, and run only if they are named.
const EXPENSIVE: [&str; 3] = ["empty", "binary", "shell"];
const RUNS: usize = 5;
/// Sizes of the part that does not change, in millions of bytes.
const SIZES: [usize; 3] = [50, 200, 1000];

/// The engine of the program under measurement: `TIERCE_TEST_ENGINE`, or that of a user.
fn engine() -> String {
    std::env::var("TIERCE_TEST_ENGINE").unwrap_or_else(|_| "auto".to_owned())
}

/// The program that is measured.
fn xtask_path() -> &'static str {
    env!("CARGO_BIN_EXE_xtask")
}

/// The options of the command line.
struct Options {
    cases: Vec<String>,
    runs: usize,
    sizes: Vec<usize>,
}

fn main() -> ExitCode {
    // `cargo test` builds and starts benchmarks too, and this one has no tests.
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    match options(std::env::args().skip(1)) {
        Ok(options) => {
            measure_all(&options);
            ExitCode::SUCCESS
        }
        Err(message) => {
            table::say(&format!("error: {message}"));
            ExitCode::from(2)
        }
    }
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { cases: Vec::new(), runs: RUNS, sizes: SIZES.to_vec() };
    // `--bench` is cargo's.
    let mut arguments = arguments.filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let number = |text: Option<&str>| match text.map(str::parse::<usize>) {
            Some(Ok(number @ 1..)) => Ok(number),
            _ => Err(format!("`{argument}` needs a number from 1")),
        };
        match argument.as_str() {
            "--runs" => options.runs = number(arguments.next().as_deref())?,
            "--sizes" => {
                let list = arguments.next().unwrap_or_default();
                options.sizes = list.split(',').map(|size| number(Some(size))).collect::<Result<_, _>>()?;
            }
            case if CASES.contains(&case) => options.cases.push(case.to_owned()),
            other => return Err(format!("`{other}` is not a case; write one of {}", CASES.join(", "))),
        }
    }
    if options.cases.is_empty() {
        options.cases = CASES.iter().filter(|case| !EXPENSIVE.contains(case)).map(|case| (*case).to_owned()).collect();
    }
    Ok(options)
}

fn measure_all(options: &Options) {
    let wanted = |case: &str| options.cases.iter().any(|wanted| wanted == case);
    // The disk of the tests' cache has room.
    let cache = support::cache();
    std::fs::create_dir_all(cache.parent().expect("a folder")).expect("writable");
    let folder = tempfile::tempdir_in(cache.parent().expect("a folder")).expect("a temporary folder");
    let root = folder.path().canonicalize().expect("it exists");
    table::load("at the start");
    let mut answer = Answer::new(root.join("answer"));
    table::doing("Tierce makes its builder, the libraries and the image");
    let mut tierce = Tierce::new(&root);
    let (first, _) = tierce.image(answer.root(), "answer");
    table::doing("the peers make their base images");
    let mut tools = Tools::new(tierce, &answer, root.clone(), options.runs);
    tools.peak = first.memory;

    for case in CASES.into_iter().filter(|case| wanted(case)) {
        table::doing(case);
        match case {
            "empty" => tools.empty(&answer, &first),
            "idle" => tools.idle(&answer),
            "line" => tools.line(&mut answer),
            "library" => tools.library(&mut answer),
            "packing" => tools.packing(&mut Part::new(root.join("part"), &options.sizes)),
            "binary" => tools.binary(&mut answer),
            "shell" => tools.shell(&answer),
            other => unreachable!("{other}"),
        }
    }
    table::say("\n(g) memory");
    table::memory(tools.peak);
    table::load("at the end");
}
