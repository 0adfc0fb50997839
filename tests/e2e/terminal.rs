//! Output for people: bars on a real terminal, lines elsewhere, nothing with `--quiet`.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::pty::{Screen, Session, without_colours};
use crate::support::{Workspace, repository, run, xtask};

#[test]
fn bars_on_terminal_leave_whole_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("hello.tar");
    let session = Session::start(&mut image(&["hello", "--archive", archive.to_str().expect("UTF-8")]));
    let (code, screen) = session.end();
    assert_eq!(code, Some(0), "{screen:#?}");
    assert!(without_colours(&screen.seen).contains("     Running load hello  "), "a bar: {:?}", screen.seen);
    let left = screen.lines();
    assert!(!left.iter().any(|line| line.contains("Running")), "no bar is left:\n{}", left.join("\n"));
    assert!(left.iter().any(|line| line.starts_with("    Finished load hello")), "{}", left.join("\n"));
    let [.., ready, reference] = left.as_slice() else { panic!("{left:?}") };
    assert!(ready.starts_with("       Ready hello (") && ready.ends_with('s'), "{ready}");
    assert_eq!(*reference, format!("docker-archive:{}", archive.display()), "stdout is the terminal too");
    assert_eq!(screen.column, 0, "the prompt stands on a line of its own");
}

#[test]
fn lines_replace_bars_without_terminal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("hello.tar");
    let ran = run(&mut image(&["hello", "--archive", archive.to_str().expect("UTF-8")])).ok();
    assert!(!ran.stderr.contains(['\x1b', '\r']), "{:?}", ran.stderr);
    let running = format!("     Running load hello: write the archive {}\n", archive.display());
    assert!(ran.stderr.contains(&running), "{}", ran.stderr);
    assert!(ran.stderr.contains("    Finished load hello"), "{}", ran.stderr);
    assert!(ran.stderr.lines().last().is_some_and(|line| line.starts_with("       Ready hello (")), "{}", ran.stderr);
}

#[test]
fn dumb_terminal_gets_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("hello.tar");
    let mut command = image(&["hello", "--archive", archive.to_str().expect("UTF-8")]);
    let (code, screen) = Session::start(command.env("TERM", "dumb")).end();
    assert_eq!(code, Some(0), "{screen:#?}");
    assert!(!screen.seen.contains('\x1b'), "{:?}", screen.seen);
    assert!(screen.seen.contains("     Running load hello: write the archive"), "{}", screen.seen);
}

#[test]
fn quiet_prints_only_the_reference() {
    run(&mut image(&["hello"])).ok();
    let ran = run(&mut image(&["hello", "--quiet"])).ok();
    assert_eq!((ran.line(), ran.stderr.as_str()), ("hello:latest", ""));
    let (code, screen) = Session::start(&mut image(&["hello", "--quiet"])).end();
    assert_eq!((code, screen.seen.as_str()), (Some(0), "hello:latest\r\n"));
}

#[test]
fn colours_are_where_they_are_wanted() {
    // On a terminal?, NO_COLOR, --color: are there colours?
    let cases = [
        (true, None, None, true),
        (true, Some(""), None, true),
        (true, Some("1"), None, false),
        (true, None, Some("never"), false),
        (true, Some("1"), Some("always"), true),
        (false, None, None, false),
        (false, None, Some("always"), true),
        (false, None, Some("auto"), false),
        (false, None, Some("never"), false),
    ];
    for (terminal, no_color, when, expected) in cases {
        let mut command = image(&["helo"]);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        if let Some(when) = when {
            command.args(["--color", when]);
        }
        let said = if terminal { Session::start(&mut command).end().1.seen } else { run(&mut command).stderr };
        let case = format!("terminal {terminal}, NO_COLOR {no_color:?}, --color {when:?}: {said:?}");
        assert!(said.contains("helo"), "{case}");
        assert_eq!(said.contains("\x1b["), expected, "{case}");
    }
}

/// A run on a terminal that compiles for longer than anybody waits.
fn endless() -> (Workspace, Session) {
    let workspace = Workspace::with_package("app", "", "").file(
        "app/build.rs",
        "fn main() { println!(\"cargo::warning=asleep\"); std::thread::sleep(std::time::Duration::from_secs(600)); }\n",
    );
    let mut command = workspace.command();
    let mut session = Session::start(command.env_remove("NO_COLOR").args(["image", "app"]));
    session.wait_for("Compiling app");
    session.wait_for("Running compile app");
    (workspace, session)
}

/// An interrupted run leaves no bar, a prompt on its own line, and a cursor.
#[track_caller]
fn as_it_was(code: Option<i32>, screen: &Screen) -> Vec<String> {
    let left = screen.lines();
    assert_eq!(code, Some(130), "{}", left.join("\n"));
    assert!(!left.iter().any(|line| line.contains("Running")), "no bar is left:\n{}", left.join("\n"));
    assert_eq!(screen.column, 0, "the prompt stands on a line of its own");
    assert!(!screen.seen.contains("\x1b[?25l") || screen.seen.contains("\x1b[?25h"), "the cursor is to be seen");
    left
}

#[test]
fn interrupted_run_restores_the_terminal() {
    let (_workspace, mut session) = endless();
    session.press("\x03");
    let pressed = Instant::now();
    let (code, screen) = session.end();
    assert!(pressed.elapsed() < Duration::from_secs(30), "{:?}", pressed.elapsed());
    let left = as_it_was(code, &screen);
    assert!(left.last().is_some_and(|line| line.starts_with("error: ")), "{}", left.join("\n"));
}

#[test]
fn second_ctrl_c_exits_at_once() {
    let (_workspace, mut session) = endless();
    session.press("\x03");
    // Two signals at once are one.
    std::thread::sleep(Duration::from_millis(30));
    session.press("\x03");
    let (code, screen) = session.end();
    let left = as_it_was(code, &screen);
    let said = "error: interrupted twice: the next run removes unfinished files and containers";
    assert_eq!(left.last().map(String::as_str), Some(said), "{}", left.join("\n"));
}

/// `cargo xtask image` in this repository, with colours as the terminal has them.
fn image(arguments: &[&str]) -> Command {
    let mut command = xtask(repository());
    command.env_remove("NO_COLOR").arg("image").args(arguments);
    command
}
