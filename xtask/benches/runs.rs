//! The time and memory of whole runs of the program, on a workspace of its own with a large image.
//!
//! `cargo bench --profile xtask -p xtask --bench runs` uses the profile of users. It needs a daemon, and has a cache of its own with
//! the tests' downloads. Each figure is the median of five runs, with the least and the most beside it.
//!
//! With `-- --from-nothing` it prints two other figures, of one run each: the time of a user who has the downloads alone.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[path = "shared/measure.rs"]
mod measure;
// Tests use the other parts of these.
#[path = "../../tests/e2e/daemon.rs"]
mod daemon;
#[allow(dead_code)]
#[path = "../../tests/e2e/running.rs"]
mod running;
#[allow(dead_code)]
#[path = "../../tests/e2e/support.rs"]
mod support;
#[allow(dead_code)]
#[path = "../../tests/e2e/times.rs"]
mod times;

use measure::{fill, spread, step_seconds, take, write};
use running::OwnCache;

/// The folders of the cache with downloads.
const DOWNLOADS: [&str; 3] = ["debs", "wheels", "distfiles"];
/// The data files of the large image: 64 of 16 MiB.
const FILES: usize = 64;
const FILE_SIZE: usize = 16 << 20;
const RUNS: usize = 5;

/// The engine of the program under measurement: `TIERCE_TEST_ENGINE`, or that of a user.
fn engine() -> String {
    std::env::var("TIERCE_TEST_ENGINE").unwrap_or_else(|_| "auto".to_owned())
}

/// The program that is measured.
fn xtask_path() -> &'static str {
    env!("CARGO_BIN_EXE_xtask")
}

/// One run of the program.
struct Run {
    wall: Duration,
    /// The seconds of the step `pack`, if it ran.
    pack: Option<f64>,
    /// The most memory that was resident, in bytes.
    memory: u64,
}

fn main() {
    // `cargo test` builds and starts benchmarks too, and this one has no tests.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    if std::env::args().any(|argument| argument == "--from-nothing") {
        let (hello, thumbnailer) = from_nothing();
        row("from the downloads alone to hello", vec![hello.as_secs_f64()], "s");
        row("  and to the thumbnailer", vec![thumbnailer.as_secs_f64()], "s");
        return;
    }
    let cache = OwnCache::new(&DOWNLOADS);
    // The disk of the cache has room.
    let folder = tempfile::tempdir_in(cache.path().parent().expect("a folder")).expect("a temporary folder");
    let root = folder.path();
    write_workspace(root);
    let layout = root.join("layout");
    let run = |arguments: &[&str]| run(cache.image(root).args(arguments), root);
    let small = || run(&["small"]);
    let large = || run(&["large", "--layout", layout.to_str().expect("UTF-8")]);
    small();
    large();

    let idle: Vec<Run> = (0..RUNS).map(|_| small()).collect();
    let line: Vec<Run> = (0..RUNS)
        .map(|round| {
            write(&root.join("small/src/main.rs"), &format!("fn main() {{ println!(\"round {round}\"); }}\n"));
            small()
        })
        .collect();
    let packed: Vec<Run> = (0..RUNS)
        .map(|round| {
            fill(&root.join("large/data/0"), round + 1, FILE_SIZE);
            large()
        })
        .collect();
    support::tool("docker", ["rmi", "--force", "small:latest"]);

    let bytes = (FILES * FILE_SIZE) as f64;
    let wall = |runs: &[Run]| runs.iter().map(|run| run.wall.as_secs_f64()).collect();
    let memory = |runs: &[Run]| runs.iter().map(|run| run.memory as f64 / 1e6).collect();
    row("nothing changed, the whole run", wall(&idle), "s");
    row("  memory of the program at its peak", memory(&idle), "MB");
    row("one line of the program changed, the whole run", wall(&line), "s");
    let speed = packed.iter().filter_map(|run| Some(bytes / 1e6 / run.pack?)).collect();
    row("packing an image of 1 GiB of data, a file changed", speed, "MB/s");
    row("  the whole run, into a layout", wall(&packed), "s");
    row("  memory of the program at its peak", memory(&packed), "MB");
}

/// Prints the median, the least and the most.
fn row(what: &str, values: Vec<f64>, unit: &str) {
    let (least, median, most) = spread(&values);
    writeln!(std::io::stdout(), "{what:<56} {median:>9.2} {unit:<5} ({least:.2} to {most:.2})").expect("stdout");
}

/// Runs `cargo xtask image hello` in a clone of this repository with nothing compiled, then the thumbnailer. Both times count from
/// the start.
fn from_nothing() -> (Duration, Duration) {
    let cache = OwnCache::with_own_builder(&DOWNLOADS);
    let folder = tempfile::tempdir_in(cache.path().parent().expect("a folder")).expect("a temporary folder");
    let clone = folder.path().join("clone");
    let from = support::repository().to_str().expect("UTF-8");
    support::tool("git", ["clone", "--quiet", from, clone.to_str().expect("UTF-8")]).ok();
    let start = Instant::now();
    let image = |name: &str| {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(&clone).args(["xtask", "image", name]).env_remove("CARGO_TARGET_DIR");
        let environment = cache.image(&clone);
        command.envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
        support::run(&mut command).ok();
        start.elapsed()
    };
    (image("hello"), image("thumbnailer"))
}

fn write_workspace(root: &Path) {
    write(&root.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"small\", \"large\"]\n");
    for name in ["small", "large"] {
        let files = if name == "large" { "files = [{ from = \"data\", to = \"/data\" }]\n" } else { "" };
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n{files}"
        );
        write(&root.join(name).join("Cargo.toml"), &manifest);
        write(&root.join(name).join("src/main.rs"), "fn main() { println!(\"ready\"); }\n");
    }
    for number in 0..FILES {
        fill(&root.join("large/data").join(number.to_string()), number * 1000, FILE_SIZE);
    }
}

/// Runs the program to its end.
fn run(command: &mut Command, root: &Path) -> Run {
    let taken = take(command.args(["--format", "json", "--color", "never"]), root);
    let report: serde_json::Value = serde_json::from_str(&taken.stdout).expect("JSON");
    let pack = Some(step_seconds(&report[0], &["pack"])).filter(|seconds| *seconds > 0.0);
    Run { wall: taken.wall, pack, memory: taken.memory }
}
