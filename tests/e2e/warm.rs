//! The container that stays after a compilation: used again, never for anything else, and gone when it should be.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Ran, Workspace, namespace, tool};

/// Tierce in a workspace, keeping its container for this long.
fn image(workspace: &Workspace, seconds: &str, arguments: &[&str]) -> Ran {
    let mut command = workspace.command();
    command.env("TIERCE_KEEP_WARM", seconds).arg("image").args(arguments);
    crate::support::run(&mut command).ok()
}

/// The containers that stay for an image.
fn staying(image: &str) -> Vec<String> {
    let kind = format!("label=dev.tierce.namespace={}", namespace());
    let format = "{{.ID}} {{.Label \"dev.tierce.warm-for\"}}";
    let all = tool("docker", ["ps", "--filter", &kind, "--filter", "label=dev.tierce.kind=warm", "--format", format]);
    let all = all.ok().stdout;
    let ours = all.lines().filter(|line| line.ends_with(&format!("-{image}")));
    ours.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn edit(workspace: &Workspace, text: &str) {
    workspace.write("warm/src/main.rs", &format!("fn main() {{ println!(\"{text}\"); }}\n"));
}

#[track_caller]
fn output(reference: &str) -> String {
    tool("docker", ["run", "--rm", reference]).ok().stdout
}

#[test]
fn next_compilation_reuses_the_container() {
    let workspace = Workspace::with_package("warm", "name = \"warm-again\"", "");
    image(&workspace, "60", &[]);
    let first = staying("warm-again");
    assert_eq!(first.len(), 1);

    edit(&workspace, "edited");
    let ran = image(&workspace, "60", &[]);
    assert_eq!(output(ran.line()), "edited\n");
    assert_eq!(staying("warm-again"), first, "the same one");

    // A failure of the program is no failure of the container.
    edit(&workspace, "{}");
    let mut failing = workspace.command();
    let failed = crate::support::run(failing.env("TIERCE_KEEP_WARM", "60").arg("image")).fails_with(6);
    assert!(failed.stderr.contains("1 positional argument in format string"), "{}", failed.stderr);
    assert_eq!(staying("warm-again"), first);

    // Another target folder is another mount, though it has the same name.
    edit(&workspace, "edited again");
    let ran = image(&workspace, "60", &["--no-cache=compile"]);
    assert_eq!(output(ran.line()), "edited again\n");
    let second = staying("warm-again");
    assert!(second.len() == 1 && second != first, "{second:?}");

    // Somebody takes it away.
    tool("docker", ["rm", "-f", &second[0]]).ok();
    edit(&workspace, "without it");
    assert_eq!(output(image(&workspace, "60", &[]).line()), "without it\n");
    tool("docker", ["rm", "-f"].into_iter().map(str::to_owned).chain(staying("warm-again"))).ok();
}

#[test]
fn idle_container_is_stopped() {
    let workspace = Workspace::with_package("warm", "name = \"warm-idle\"", "");
    image(&workspace, "5", &[]);
    let started = Instant::now();
    while !staying("warm-idle").is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "it is still there");
        sleep(Duration::from_millis(500));
    }
    edit(&workspace, "with a new one");
    assert_eq!(output(image(&workspace, "0", &[]).line()), "with a new one\n");
    assert!(staying("warm-idle").is_empty(), "none is to stay");
}
