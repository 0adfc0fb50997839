//! Measurement for the benchmarks: runs programs to their end, and writes files for them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The pause between two looks at a running program.
const PAUSE: Duration = Duration::from_millis(2);

/// The measurements of a program that ran to its end.
pub(crate) struct Taken {
    pub(crate) wall: Duration,
    /// The most memory that was resident, in bytes.
    pub(crate) memory: u64,
    pub(crate) stdout: String,
}

/// Runs a program to its end; its output goes through files in this folder.
///
/// The memory comes from the kernel while the process runs, because the figure is gone afterwards. It belongs to the last program of
/// the process: `cargo run` becomes the program that it starts.
#[track_caller]
pub(crate) fn take(command: &mut Command, folder: &Path) -> Taken {
    let (stdout, stderr) = (folder.join("stdout.txt"), folder.join("stderr.txt"));
    command.stdin(Stdio::null());
    command.stdout(File::create(&stdout).expect("writable")).stderr(File::create(&stderr).expect("writable"));
    let start = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut memory = 0;
    let status = loop {
        memory = peak(child.id()).unwrap_or(memory);
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        std::thread::sleep(PAUSE);
    };
    let wall = start.elapsed();
    let text = |path| String::from_utf8_lossy(&fs::read(path).expect("readable")).into_owned();
    let stdout = text(&stdout);
    assert!(status.success(), "{command:?}\n{stdout}\n{}", text(&stderr));
    Taken { wall, memory, stdout }
}

/// `VmHWM` of proc(5)'s `/proc/pid/status`, in bytes.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Returns the seconds of steps in a run, by its report of one image; a step that did not run counts as zero.
pub(crate) fn step_seconds(report: &serde_json::Value, kinds: &[&str]) -> f64 {
    let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_kind = |id: &str| kinds.iter().any(|kind| id.split(' ').next() == Some(kind));
    let ran = steps.iter().filter(|step| step["step"].as_str().is_some_and(of_kind) && step["reused"] == false);
    ran.map(|step| step["took"]["secs"].as_f64().unwrap_or(0.0) + step["took"]["nanos"].as_f64().unwrap_or(0.0) / 1e9)
        .sum()
}

/// Returns the least, the median and the most.
pub(crate) fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => (f64::NAN, f64::NAN, f64::NAN),
        all => (all[0], all[all.len() / 2], all[all.len() - 1]),
    }
}

/// Writes a file, and creates its folder if needed.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    fs::write(path, text).expect("writable");
}

/// Writes a file whose content depends on the seed and does not compress; `size` is in bytes.
pub(crate) fn fill(path: &Path, seed: usize, size: usize) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    File::create(path).and_then(|mut file| file.write_all(&bytes)).expect("writable");
}
