//! Sessions on a terminal: it is given back as it was, whatever happens, and every byte passes on the way.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::debug_targets::{debug, pack_tools, sessions_end, target};
use crate::pty::{HEIGHT, Session, WIDTH, without_colours};
use crate::support::{Container, repository, tool, unique_name, xtask};

/// The settings of a terminal before and after a session, and the session's process, a child of this shell.
const BEFORE_AND_AFTER: &str = r#"echo "shell $$ on $(tty)"; stty -g; "$@"; echo "code $?"; stty -g"#;

/// A session on a terminal that prints its settings before and after it.
struct Watched {
    session: Session,
    /// The process id of the shell that began it.
    shell: String,
    tty: String,
}

impl Watched {
    #[track_caller]
    fn start(command: &Command) -> Watched {
        let mut shell = Command::new("sh");
        shell.args(["-c", BEFORE_AND_AFTER, "sh"]).arg(command.get_program()).args(command.get_args());
        shell.current_dir(repository());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let mut session = Session::start(&mut shell);
        session.wait_for("\n");
        let seen = String::from_utf8_lossy(session.seen()).into_owned();
        let words: Vec<&str> = seen.lines().next().unwrap_or_default().split_whitespace().collect();
        let [_, shell, _, tty] = words[..] else { panic!("{seen}") };
        Watched { shell: shell.to_owned(), tty: tty.to_owned(), session }
    }

    /// Sends a signal to the program that is watched.
    #[track_caller]
    fn signal(&self, signal: &str) {
        let shell = &self.shell;
        tool("sh", ["-c", &format!("kill -{signal} $(cat /proc/{shell}/task/{shell}/children)")]).ok();
    }

    /// Waits for the end: the exit code, and all that was written. The terminal is as it was.
    #[track_caller]
    fn end(self) -> (String, String) {
        let (_, screen) = self.session.end();
        let seen = without_colours(&screen.seen);
        let lines: Vec<&str> = seen.lines().map(str::trim_end).collect();
        let settings: Vec<&&str> = lines.iter().filter(|line| line.matches(':').count() > 20).collect();
        let ([before, after], Some(code)) = (&settings[..], lines.iter().rev().nth(1)) else { panic!("{seen}") };
        assert_eq!(before, after, "the terminal is as it was:\n{seen}");
        (code.rsplit_once("code ").expect("it is said").1.to_owned(), seen)
    }
}

/// A shell beside a target that has shown its prompt.
#[track_caller]
fn shell(target: &Container, options: &[&str]) -> Watched {
    let command = debug(&[&[target.name()], options, &["--", "sh"]].concat());
    let mut watched = Watched::start(&command);
    watched.session.wait_for("# ");
    watched
}

#[test]
fn shell_has_prompt_size_exit_code() {
    let target = target(&[]);
    let mut watched = shell(&target, &[]);
    watched.session.press("stty size; echo pid$((40 + 2))\r");
    watched.session.wait_for(&format!("{HEIGHT} {WIDTH}"));
    watched.session.wait_for("pid42");
    // The kernel tells the session's process of the new size.
    tool("stty", ["-F", &watched.tty, "rows", "33", "cols", "77"]).ok();
    watched.session.press("while test \"$(stty size)\" != '33 77'; do sleep 0.05; done; echo 'res'ized\r");
    watched.session.wait_for("resized");
    // Ctrl-C is a key: it ends a program of the shell, not the session.
    // The program itself says that it runs: between two commands, Ctrl-C would reach the shell alone.
    watched.session.press("sh -c \"echo wait'ing'; exec sleep 600\"\r");
    watched.session.wait_for("waiting");
    watched.session.press("\x03");
    watched.session.press("exit 7\r");
    let (code, seen) = watched.end();
    assert_eq!(code, "7", "{seen}");
    assert!(
        seen.contains(&format!("   Debugging {}: its files are in /target, its process is 1", target.name())),
        "{seen}"
    );
    sessions_end(target.name());
}

#[test]
fn every_byte_passes_both_ways() {
    // Docker's own keys to leave are among them. The daemon keeps a last 0xff to itself, the start of its own detach keys.
    let sent: Vec<u8> = (0..=u8::MAX).rev().chain([0x10, 0x11, 0x10]).chain(0..=u8::MAX).chain([b'.']).collect();
    let script =
        format!("stty raw -echo; echo ready; head -c {} | od -An -v -tx1; printf '\\000\\001\\377\\n'", sent.len());
    let target = target(&[]);
    let command = debug(&[target.name(), "--detach-keys", "ctrl-a,ctrl-b,ctrl-c,x", "--", "sh", "-c", &script]);
    let mut watched = Watched::start(&command);
    watched.session.wait_for("ready");
    watched.session.press(&sent);
    watched.session.wait_for("code 0");
    let seen = watched.session.seen();
    let start = seen.windows(5).position(|bytes| bytes == b"ready").expect("it was written") + 5;
    let end = seen.windows(3).position(|bytes| bytes == b"\x00\x01\xff").expect("these bytes came back");
    let dump = String::from_utf8_lossy(&seen[start..end]);
    let got: Vec<u8> = dump.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("od's")).collect();
    assert_eq!(got, sent);
    watched.end();
}

#[test]
fn detached_session_can_be_attached() {
    let target = target(&[]);
    let name = unique_name();
    let mut watched = shell(&target, &["--name", &name]);
    watched.session.press("mark=kept; echo 'se't\r");
    watched.session.wait_for("set");
    watched.session.press("\x10");
    watched.session.press("\x11");
    let (code, seen) = watched.end();
    assert_eq!(code, "0", "{seen}");
    let said = format!("    Detached from {name}: `cargo xtask debug attach {name}` comes back");
    assert!(seen.contains(&said), "{seen}");
    // Its process is gone, and it is no leftover.
    let listed = crate::support::run(xtask(repository()).args(["debug", "ls"])).ok().stdout;
    assert!(listed.contains(&name), "{listed}");
    crate::support::run(xtask(repository()).arg("clean")).ok();

    let without = crate::support::run(xtask(repository()).args(["debug", "attach", &name])).fails_with(125);
    assert!(without.stderr.starts_with(&format!("error: the session `{name}` has a terminal")), "{}", without.stderr);
    let mut attach = xtask(repository());
    let mut watched = Watched::start(attach.args(["debug", "attach", &name, "--detach-keys", "ctrl-x"]));
    watched.session.press("echo $mark $(stty size); exit 3\r");
    watched.session.wait_for(&format!("kept {HEIGHT} {WIDTH}"));
    let (code, seen) = watched.end();
    assert_eq!(code, "3", "{seen}");
    sessions_end(target.name());
}

#[test]
fn terminal_is_restored_after_signals() {
    let target = target(&[]);
    for (signal, expected) in [("TERM", "130"), ("HUP", "130"), ("INT", "130")] {
        let watched = shell(&target, &[]);
        watched.signal(signal);
        let (code, seen) = watched.end();
        assert_eq!(code, expected, "{signal}: {seen}");
    }
    // Stopped, with a terminal that somebody else has set, and let go on, it is in raw mode again.
    let mut watched = shell(&target, &[]);
    watched.signal("STOP");
    tool("stty", ["-F", &watched.tty, "sane"]).ok();
    watched.signal("CONT");
    let start = Instant::now();
    while !tool("stty", ["-F", &watched.tty, "-a"]).ok().stdout.contains("-icanon") {
        assert!(start.elapsed() < Duration::from_secs(30), "it is not in raw mode");
    }
    watched.session.press("exit 4\r");
    let (code, seen) = watched.end();
    assert_eq!(code, "4", "{seen}");
    sessions_end(target.name());

    let watched = shell(&target, &[]);
    tool("docker", ["kill", target.name()]).ok();
    let (code, seen) = watched.end();
    assert_eq!(code, "137", "{seen}");
    assert!(seen.contains("error: the session was killed because its container has died with exit code 137"), "{seen}");
    sessions_end(target.name());
}

#[test]
fn lost_daemon_restores_the_terminal() {
    let daemon = crate::daemon_errors::Daemon::start("1g");
    let host = daemon.host();
    let docker = |arguments: &[&str]| tool("docker", ["--host", &host].iter().chain(arguments)).ok();
    let archive = daemon.folder().join("tools.tar");
    pack_tools(&archive);
    docker(&["import", &archive.to_string_lossy(), "tools:1"]);
    docker(&["run", "-d", "--name", "web", "--network", "none", "tools:1", "sleep", "600"]);
    let mut command = xtask(repository());
    command.args(["debug", "--toolbox", "tools:1", "web", "--", "sh"]).env("DOCKER_HOST", &host);
    let mut watched = Watched::start(&command);
    watched.session.wait_for("# ");
    drop(daemon);
    let (code, seen) = watched.end();
    assert_eq!(code, "125", "{seen}");
    assert!(seen.contains("the daemon went away in the middle"), "{seen}");
}

/// A key's echo does not wait for anything that happens now and then.
#[test]
fn keys_are_answered_at_once() {
    let target = target(&[]);
    let mut watched = Watched::start(&debug(&[target.name(), "--", "sh", "-c", "stty raw -echo; echo ready; cat"]));
    watched.session.wait_for("ready");
    let start = Instant::now();
    const KEYS: u32 = 40;
    for key in 0..KEYS {
        watched.session.press(format!("<{key}>"));
        watched.session.wait_for(&format!("<{key}>"));
    }
    let each = start.elapsed() / KEYS;
    watched.session.press("\x10\x11");
    watched.end();
    crate::support::run(xtask(repository()).args(["debug", "rm", target.name()])).ok();
    // Polling would take tens of milliseconds; an event takes a few, even on a busy machine.
    assert!(each < Duration::from_millis(20), "{each:?} for a key");
}
