//! Images that run in a sandbox, on a machine without a daemon.

#![allow(clippy::print_stderr, reason = "a test that is left out has to say so")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::pty::Session;
use crate::running::{OwnCache, Running, program};
use crate::support::{Ran, Workspace, cache, repository, run, tool, unique_name, xtask};

/// A program that does what its first argument says, and else prints everything that an image decides.
const MAIN: &str = r#"
use std::io::{IsTerminal, Read, Write};

unsafe extern "C" {
    safe fn signal(number: i32, action: usize) -> usize;
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("code") => std::process::exit(arguments[1].parse().unwrap()),
        Some("abort") => std::process::abort(),
        Some("input") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).unwrap();
            print!("{}", text.to_uppercase());
        }
        Some("sleep") => {
            eprintln!("it sleeps");
            std::io::stderr().flush().unwrap();
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
        Some("ask") => {
            // SIGINT, SIG_IGN
            signal(2, 1);
            println!("terminal: {}", std::io::stdin().is_terminal() && std::io::stdout().is_terminal());
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).unwrap();
            println!("answer: {line}");
        }
        Some("write") => {
            for path in &arguments[1..] {
                println!("{path}: {:?}", std::fs::write(path, "x").map_err(|error| error.kind()));
            }
        }
        _ => {
            println!("arguments: {arguments:?}");
            println!("folder: {}", std::env::current_dir().unwrap().display());
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            for name in ["Uid:", "Gid:", "Groups:"] {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                println!("{name} {}", line.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            for (name, value) in std::env::vars().collect::<std::collections::BTreeMap<_, _>>() {
                println!("{name}={value}");
            }
        }
    }
}
"#;

/// The table of the image with that program.
const TABLE: &str = r#"
cmd = ["from", "cmd"]
env = { GREETING = "hello" }
user = "web"
users = [{ name = "web", uid = 1234, home = "/srv" }]
groups = [{ name = "media", gid = 33, members = ["web"] }]
workdir = "/srv"
directories = [{ path = "/srv", owner = "web" }]
volumes = ["/srv/data"]
"#;

fn workspace() -> (Workspace, String) {
    let name = unique_name();
    let workspace = program(&name, TABLE);
    workspace.write(&format!("{name}/src/main.rs"), MAIN);
    (workspace, name)
}

/// `cargo xtask run` on a machine without a daemon.
fn running(folder: &Path, image: &str) -> Command {
    let mut command = xtask(folder);
    command.env("TIERCE_ENGINE", "sandbox").env("DOCKER_HOST", "unix:///no/such/daemon").args(["run", "-q", image]);
    command
}

/// The scratch folders of sandboxes of a cache.
fn scratch_folders(cache: &Path) -> usize {
    fs::read_dir(cache.join("sandbox/scratch")).map_or(0, Iterator::count)
}

#[test]
fn hello_runs_without_daemon() {
    let first = run(&mut running(repository(), "hello")).ok();
    assert_eq!((first.stdout.as_str(), first.stderr.as_str()), ("hello from scratch\n", ""));
    let second = run(running(repository(), "hello").arg("--read-only")).ok();
    assert_eq!(second.stdout, "hello from scratch\n");
    let names = fs::read_dir(cache().join("sandbox/names")).expect("layers").flatten();
    assert!(names.into_iter().any(|name| name.file_name().to_string_lossy().starts_with("layer-owned=sha256")));
}

#[test]
fn program_runs_as_its_image_says() {
    let (workspace, name) = workspace();
    let cache = OwnCache::new(&["debs", "wheels", "distfiles"]);
    let run_with = |arguments: &[&str]| {
        let mut command = running(workspace.root(), &name);
        run(command.env("TIERCE_CACHE", cache.path()).env("TOKEN", "of the caller").args(arguments))
    };
    let own = "folder: /srv\nUid: 1234 1234 1234 1234\nGid: 1234 1234 1234 1234\nGroups: 33\n\
               GREETING=hello\nHOME=/srv\nHOSTNAME=tierce\n";
    let plain = run_with(&[]).ok();
    assert!(plain.stdout.starts_with(&format!("arguments: [\"from\", \"cmd\"]\n{own}")), "{}", plain.stdout);
    let arguments = ["-e", "GREETING=bye", "-e", "TOKEN", "-e", "ABSENT", "--user", "0", "-w", "/", "--", "a b", "-c"];
    let changed = run_with(&arguments).ok();
    let expected = "arguments: [\"a b\", \"-c\"]\nfolder: /\nUid: 0 0 0 0\nGid: 0 0 0 0\n";
    assert!(changed.stdout.starts_with(expected), "{}", changed.stdout);
    for line in ["GREETING=bye", "TOKEN=of the caller"] {
        assert!(changed.stdout.lines().any(|printed| printed == line), "{}", changed.stdout);
    }
    assert!(!changed.stdout.contains("ABSENT"));

    // The image lacks the folder of its volume, which then belongs to root, as Docker makes it.
    let written = run_with(&["--", "write", "/srv/data/file", "/file"]).ok();
    assert_eq!(written.stdout, "/srv/data/file: Err(PermissionDenied)\n/file: Err(PermissionDenied)\n");
    let as_root = run_with(&["--user", "0:0", "--", "write", "/srv/data/file", "/file"]).ok();
    assert_eq!(as_root.stdout, "/srv/data/file: Ok(())\n/file: Ok(())\n");
    let read_only = run_with(&["--user", "0:0", "--read-only", "--", "write", "/srv/data/file", "/file"]).ok();
    assert_eq!(read_only.stdout, "/srv/data/file: Ok(())\n/file: Err(ReadOnlyFilesystem)\n");

    run_with(&["--", "code", "7"]).fails_with(7);
    run_with(&["--", "abort"]).fails_with(134);
    let absent = run_with(&["--entrypoint", "/no/such/program"]).fails_with(125);
    assert!(absent.stderr.contains("/no/such/program"), "{}", absent.stderr);
    let stranger = run_with(&["--user", "stranger"]).fails_with(125);
    assert!(stranger.stderr.contains("the image has no user `stranger`"), "{}", stranger.stderr);
    assert_eq!(input(running(workspace.root(), &name).env("TIERCE_CACHE", cache.path())).stdout, "FROM A PIPE\n");

    for (signal, code) in [("TERM", 143), ("INT", 130), ("KILL", -1)] {
        let mut command = running(workspace.root(), &name);
        let mut sleeps = Running::start(command.env("TIERCE_CACHE", cache.path()).args(["--", "sleep"]));
        sleeps.wait_for("it sleeps");
        sleeps.signal(signal);
        let ran = sleeps.end();
        assert_eq!(ran.code.unwrap_or(-1), code, "{signal}: {}", ran.stderr);
        let left = tool("sh", ["-c", &format!("sleep 1; pgrep -xf '/usr/bin/{name} sleep' || true")]).ok();
        assert_eq!(left.stdout, "", "the program goes on after {signal}");
    }
    run_with(&[]).ok();
    assert_eq!(scratch_folders(cache.path()), 0, "the run after a killed one removes its folder");

    let mut asks = running(workspace.root(), &name);
    let mut session = Session::start(asks.env("TIERCE_CACHE", cache.path()).args(["--", "ask"]));
    session.wait_for("terminal: true");
    session.press("\x03");
    session.press("\x03");
    session.press("word\n");
    session.wait_for("answer: word");
    assert_eq!(session.end().0, Some(0), "a program in the terminal may go on after Ctrl-C");
    let mut sleeps = running(workspace.root(), &name);
    let mut session = Session::start(sleeps.env("TIERCE_CACHE", cache.path()).args(["--", "sleep"]));
    session.wait_for("it sleeps");
    session.press("\x03");
    assert_eq!(session.end().0, Some(130), "Ctrl-C ends it otherwise");
    assert_eq!(scratch_folders(cache.path()), 0);
}

/// Runs the program with a pipe as its stdin.
fn input(command: &mut Command) -> Ran {
    command.args(["--", "input"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(b"from a pipe\n").expect("it reads");
    let pid = child.id();
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { pid, code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }.ok()
}

#[test]
fn machine_without_sandbox_names_docker() {
    if tool("id", ["-u"]).ok().line() != "0" {
        return eprintln!("not tested: only root can give up the right to make namespaces");
    }
    let (workspace, name) = workspace();
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]).arg(crate::xtask_path()).args(["run", &name]);
    command.current_dir(workspace.root()).env("TIERCE_CACHE", cache.path()).env("NO_COLOR", "1");
    let ran = run(command.env("TIERCE_ENGINE", "docker").env_remove("CARGO_TARGET_DIR")).fails_with(125);
    assert!(ran.stderr.contains("this machine offers no sandbox: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("docker run --rm $(cargo xtask image"), "{}", ran.stderr);
}
