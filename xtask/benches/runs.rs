//! How long whole runs take, and how much memory: the program itself, on a workspace of its own with a large image.
//!
//! `cargo bench -p xtask --bench runs`. It needs a daemon; the first run makes a builder if the cache has none. Each figure is the
//! median of five runs, with the least and the most beside it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Data files of the large image: 64 of 16 MiB.
const FILES: usize = 64;
const FILE_SIZE: usize = 16 << 20;
const RUNS: usize = 5;

/// One run of the program.
struct Run {
    wall: Duration,
    /// The step `pack` alone, where it ran.
    pack: Option<f64>,
    /// The most memory that was resident, in bytes.
    memory: u64,
}

fn main() {
    // `cargo test` builds and starts benchmarks too; there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    write_workspace(root);
    run(root, &["image", "small", "large"]);

    let idle: Vec<Run> = (0..RUNS).map(|_| run(root, &["image", "small"])).collect();
    let line: Vec<Run> = (0..RUNS)
        .map(|round| {
            write(&root.join("small/src/main.rs"), &format!("fn main() {{ println!(\"round {round}\"); }}\n"));
            run(root, &["image", "small"])
        })
        .collect();
    let packed: Vec<Run> = (0..RUNS)
        .map(|round| {
            fill(&root.join("large/data/0"), round + 1);
            run(root, &["image", "large", "--layout", root.join("layout").to_str().expect("UTF-8")])
        })
        .collect();

    let bytes = (FILES * FILE_SIZE) as f64;
    let mut out = std::io::stdout().lock();
    let mut row = |what: &str, values: Vec<f64>, unit: &str| {
        let (least, median, most) = spread(values);
        writeln!(out, "{what:<56} {median:>9.2} {unit:<5} ({least:.2} to {most:.2})").expect("stdout");
    };
    let wall = |runs: &[Run]| runs.iter().map(|run| run.wall.as_secs_f64()).collect();
    row("nothing changed, the whole run", wall(&idle), "s");
    row("one line of the program changed, the whole run", wall(&line), "s");
    let speed = packed.iter().filter_map(|run| Some(bytes / 1e6 / run.pack?)).collect();
    row("packing an image of 1 GiB of data, a file changed", speed, "MB/s");
    row("  the whole run, into a layout", wall(&packed), "s");
    row("  memory of the program at its peak", packed.iter().map(|run| run.memory as f64 / 1e6).collect(), "MB");
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
        fill(&root.join("large/data").join(number.to_string()), number * 1000);
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    fs::write(path, text).expect("writable");
}

/// A file whose content depends on the seed and does not compress.
fn fill(path: &Path, seed: usize) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(FILE_SIZE);
    while bytes.len() < FILE_SIZE {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    File::create(path).and_then(|mut file| file.write_all(&bytes)).expect("writable");
}

/// Runs the program to its end; memory is read from the kernel while it runs, for afterwards there is nobody to ask about.
fn run(root: &Path, arguments: &[&str]) -> Run {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .args(["--format", "json", "--color", "never"])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(File::create(root.join("report.json")).expect("writable"))
        .stderr(File::create(root.join("stderr.txt")).expect("writable"))
        .spawn()
        .expect("the program starts");
    let mut memory = 0;
    let status = loop {
        memory = memory.max(peak(child.id()));
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = start.elapsed();
    assert!(status.success(), "{}", fs::read_to_string(root.join("stderr.txt")).unwrap_or_default());
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(root.join("report.json")).expect("a report")).expect("JSON");
    let steps = report[0]["steps"].as_array().cloned().unwrap_or_default();
    let pack = steps.iter().find(|step| step["step"].as_str().is_some_and(|id| id.starts_with("pack ")));
    let pack = pack
        .filter(|step| step["reused"] == false)
        .map(|step| step["took"]["secs"].as_f64().unwrap_or(0.0) + step["took"]["nanos"].as_f64().unwrap_or(0.0) / 1e9);
    Run { wall, pack, memory }
}

/// `VmHWM` of proc(5)'s `/proc/pid/status`, in bytes.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// The least, the middle and the most.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => (f64::NAN, f64::NAN, f64::NAN),
        all => (all[0], all[all.len() / 2], all[all.len() - 1]),
    }
}
