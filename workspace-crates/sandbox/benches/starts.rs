//! The time that a program needs to start in a sandbox, beside runtimes of containers and a daemon, in turns on one machine. A runtime that is not
//! installed is left out.
#![allow(clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tierce_sandbox::{Identity, Mount, Program, Root, Sandbox, Spec};

/// How often each one starts.
const ROUNDS: usize = 40;
/// The folders of the host that the program needs.
const FOLDERS: [&str; 4] = ["/usr", "/bin", "/lib", "/lib64"];

/// A contender: its name, and one start of `/bin/true`.
type Contender<'c> = (&'static str, Box<dyn Fn() -> bool + 'c>);

fn main() -> ExitCode {
    if let Some(code) = tierce_sandbox::entry() {
        return code;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path();
    for folder in ["lower", "work/upper", "bundle/root"] {
        fs::create_dir_all(path.join(folder)).expect("writable");
    }
    fs::write(path.join("bundle/config.json"), bundle().to_string()).expect("writable");
    let all: Vec<Contender<'_>> = vec![
        ("no isolation", Box::new(|| succeeds(&mut Command::new("/bin/true")))),
        ("sandbox", Box::new(|| in_sandbox(path))),
        ("bubblewrap", Box::new(|| succeeds(&mut bubblewrap()))),
        ("crun", Box::new(|| succeeds(&mut oci_runtime("crun", path)))),
        ("runc", Box::new(|| succeeds(&mut oci_runtime("runc", path)))),
        ("docker run", Box::new(|| succeeds(&mut docker()))),
    ];
    let _ = Command::new("sh").args(["-c", "tar -cT /dev/null | docker import - tierce-bench-empty"]).output();
    let present: Vec<&Contender<'_>> = all.iter().filter(|(_, start)| start()).collect();
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); present.len()];
    for _ in 0..ROUNDS {
        for ((_, start), times) in present.iter().zip(&mut times) {
            let begun = Instant::now();
            assert!(start(), "it started before");
            times.push(begun.elapsed());
        }
    }
    println!("{:<14} {:>10} {:>10}", "/bin/true in", "median ms", "least ms");
    for ((name, _), mut times) in present.iter().zip(times) {
        times.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!("{name:<14} {:>10.1} {:>10.1}", ms(times[times.len() / 2]), ms(times[0]));
    }
    let _ = Command::new("docker").args(["rmi", "-f", "tierce-bench-empty"]).output();
    ExitCode::SUCCESS
}

fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

fn in_sandbox(path: &Path) -> bool {
    let mount = |folder: &&str| Mount::Folder { host: (*folder).into(), target: (*folder).to_owned(), read_only: true };
    let spec = Spec {
        store: path.to_owned(),
        root: Root::Layers { layers: vec!["lower".to_owned()], scratch: "work".to_owned() },
        read_only: false,
        own_tmp: false,
        mounts: FOLDERS.iter().filter(|folder| Path::new(folder).exists()).map(mount).collect(),
    };
    let program = Program { command: vec!["/bin/true".to_owned()], ..Program::default() };
    let ended = Sandbox::new(Identity::of_caller(), Arc::default()).run(&spec, &program, b"", &mut |_, _| {});
    ended.is_ok_and(|code| code == 0)
}

fn bubblewrap() -> Command {
    let mut command = Command::new("bwrap");
    for folder in FOLDERS.iter().filter(|folder| Path::new(folder).exists()) {
        command.args(["--ro-bind", folder, folder]);
    }
    command.args([
        "--unshare-all",
        "--die-with-parent",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
        "/bin/true",
    ]);
    command
}

fn oci_runtime(name: &str, path: &Path) -> Command {
    let mut command = Command::new(name);
    // Without a manager of control groups, it starts everywhere.
    let options: &[&str] = if name == "crun" { &["--cgroup-manager=disabled"] } else { &[] };
    command
        .args(options)
        .arg("run")
        .arg("--bundle")
        .arg(path.join("bundle"))
        .arg(format!("tierce-bench-{}", std::process::id()));
    command
}

/// Returns the runtime's configuration, for root.
fn bundle() -> serde_json::Value {
    let bind =
        |folder: &&str| json!({ "destination": folder, "type": "bind", "source": folder, "options": ["rbind", "ro"] });
    let mut mounts: Vec<_> = FOLDERS.iter().filter(|folder| Path::new(folder).exists()).map(bind).collect();
    mounts.push(json!({ "destination": "/proc", "type": "proc", "source": "proc" }));
    mounts.push(json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"] }));
    let namespaces = ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
    json!({
        "ociVersion": "1.0.2",
        "process": { "user": { "uid": 0, "gid": 0 }, "args": ["/bin/true"], "cwd": "/", "noNewPrivileges": true,
                     "env": ["PATH=/usr/bin:/bin"] },
        "root": { "path": "root" },
        "mounts": mounts,
        "linux": { "namespaces": namespaces },
    })
}

fn docker() -> Command {
    let mut command = Command::new("docker");
    command.args(["run", "--rm", "--network", "none"]);
    for folder in FOLDERS.iter().filter(|folder| Path::new(folder).exists()) {
        command.arg("-v").arg(format!("{folder}:{folder}:ro"));
    }
    command.args(["tierce-bench-empty", "/bin/true"]);
    command
}
