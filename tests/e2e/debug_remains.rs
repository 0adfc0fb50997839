//! `debug --post-mortem` and `--image`: inspect stopped containers and images without a change of them.

use std::collections::BTreeSet;
use std::fs;

use crate::debug_box::{debug, small, target, waiting};
use crate::debug_targets::sessions_end;
use crate::support::{Container, run, tool, unique_name};

/// The changes of a container's files, sorted: the daemon lists them in any order.
fn changes(container: &Container) -> BTreeSet<String> {
    tool("docker", ["diff", container.name()]).ok().stdout.lines().map(str::to_owned).collect()
}

/// A container that has run this script to its end.
#[track_caller]
fn dead(options: &[&str], script: &str) -> Container {
    let container = target(options, script);
    tool("docker", ["wait", container.name()]).ok();
    container
}

#[test]
fn post_mortem_shows_all_files() {
    let volume = unique_name();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "bound\n").expect("writable");
    let bound = format!("{}:/run/bound:ro", folder.path().display());
    let data = format!("{volume}:/data");
    let script = "echo volume > /data/file; ln -s /nowhere /tmp/link; chmod 4711 /tmp; \
                  echo out; printf '\\033[2Jerr\\n' >&2; exit 3";
    let environment = ["-e", "MODE=fast", "-e", "DB_PASSWORD=geheim"];
    let options =
        [&environment[..], &["-v", &data, "-v", &bound, "--mount", "type=tmpfs,target=/scratch", "--hostname", "h"]]
            .concat();
    let container = dead(&options, script);
    let before = changes(&container);
    let look = "cat /target/data/file /target/run/bound/file; readlink /target/tmp/link; stat -c %a /target/tmp; \
                touch /target/data/new 2>/dev/null || echo read-only; touch /target/new && sort /post-mortem/log; \
                grep -c geheim /post-mortem/config.json /post-mortem/state.json";
    let ran = run(&mut debug(&["--post-mortem", container.name(), "--", "sh", "-c", look])).ok();
    let expected = "volume\nbound\n/nowhere\n4711\nread-only\n\u{1b}[2Jerr\nout\n\
                    /post-mortem/config.json:1\n/post-mortem/state.json:0\n";
    assert_eq!(ran.stdout, expected);
    let names = [(container.name(), "[NAME]"), (small(), "[IMAGE]"), (&volume, "[VOLUME]")];
    let folder = folder.path().to_string_lossy().into_owned();
    let said =
        names.iter().fold(ran.stderr.replace(&folder, "[FOLDER]"), |text, (name, with)| text.replace(name, with));
    for line in [
        " Post-mortem [NAME] of the image [IMAGE]: exit code 3",
        " Environment DB_PASSWORD=[masked] MODE=fast",
        "/data ([VOLUME]), read-only",
        "/run/bound ([FOLDER]), read-only",
        "/scratch is not here: it was in memory",
        r"\u{1b}[2Jerr",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    assert_eq!(changes(&container), before);
    sessions_end(container.name());

    let ran = run(&mut debug(&[container.name(), "--post-mortem", "--format", "json"])).ok();
    let data: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&data["state"]["exit-code"], &data["state"]["started"]), (&3.into(), &true.into()));
    assert!(!ran.stdout.contains("geheim"), "{}", ran.stdout);
    drop(container);
    tool("docker", ["volume", "rm", &volume]).ok();
}

#[test]
fn post_mortem_reports_the_cause() {
    let eats = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done";
    let container = dead(&["--memory", "16m", "--memory-swap", "16m"], eats);
    let ran = run(&mut debug(&["--post-mortem", container.name(), "--", "true"])).ok();
    assert!(ran.stderr.contains(", out of memory\n"), "{}", ran.stderr);

    let name = unique_name();
    let failed = tool("docker", ["run", "-d", "--name", &name, small(), "/no/such/program"]);
    assert_ne!(failed.code, Some(0));
    let ran = run(&mut debug(&["--post-mortem", &name, "--", "test", "-x", "/target/bin/sh"]));
    tool("docker", ["rm", &name]).ok();
    let ran = ran.ok();
    assert!(ran.stderr.contains(": never started\n") && ran.stderr.contains("/no/such/program"), "{}", ran.stderr);
}

#[test]
fn post_mortem_does_not_start_container() {
    let volume = unique_name();
    let data = format!("{volume}:/var/link/data");
    let name = unique_name();
    tool("docker", ["create", "--name", &name, "-v", &data, small(), "true"]).ok();
    let ran = run(&mut debug(&["--post-mortem", &name, "--", "test", "-d", "/target/var/link/data"]));
    let changed = tool("docker", ["diff", &name]).ok().stdout;
    let started = tool("docker", ["inspect", "-f", "{{.State.Status}}", &name]).ok().stdout;
    tool("docker", ["rm", "-v", &name]).ok();
    ran.ok();
    assert_eq!((changed.as_str(), started.trim()), ("", "created"));
    // A removed volume is not recreated.
    let container = dead(&["-v", &data], "true");
    tool("docker", ["volume", "rm", &volume]).fails_with(1);
    let ran = run(&mut debug(&[container.name(), "--", "true"])).fails_with(125);
    let offer = format!("`cargo xtask debug --post-mortem {}` shows its files", container.name());
    assert!(ran.stderr.contains(&offer), "{}", ran.stderr);
    drop(container);
    tool("docker", ["volume", "rm", &volume]).ok();
}

#[test]
fn debug_image_starts_nothing() {
    let label = unique_name();
    let image = crate::support::LoadedImage::new(&format!("{label}:latest"));
    let changes =
        ["ENTRYPOINT [\"/bin/false\"]", "ENV API_TOKEN=geheim", "USER 7", "LABEL dev.tierce.image=of-a-workspace"];
    let container = Container::create(small());
    let changes = changes.iter().flat_map(|change| ["-c", change]);
    let commit = ["commit"].into_iter().chain(changes).chain([container.name(), &label]);
    tool("docker", commit).ok();
    let count = || tool("docker", ["ps", "-aq", "--filter", &format!("ancestor={label}")]).ok().stdout;
    let before = count();
    for word in [&label, "of-a-workspace"] {
        let ran =
            run(&mut debug(&["--image", word, "--env", "--", "sh", "-c", "ls /target/bin/busybox; echo $API_TOKEN"]))
                .ok();
        assert_eq!(ran.stdout, "/target/bin/busybox\ngeheim\n");
        assert!(ran.stderr.contains("Command /bin/false as the user 7\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains("API_TOKEN=[masked]\n"), "{}", ran.stderr);
    }
    assert_eq!(count(), before, "no container of it stays");
    let ran = run(&mut debug(&["--image", "no-such-image-is-there", "--", "true"])).fails_with(125);
    insta::assert_snapshot!(ran.stderr, @r"
    error: there is no image `no-such-image-is-there`
     |
     = help: build it if it is one of the workspace: `cargo xtask image no-such-image-is-there`; or `docker pull no-such-image-is-there`
    ");
    drop(image);
}

#[test]
fn post_mortem_refuses_running_container() {
    let container = waiting(&[]);
    let ran = run(&mut debug(&["--post-mortem", container.name(), "--", "true"])).fails_with(125);
    insta::assert_snapshot!(ran.stderr.replace(container.name(), "[NAME]"), @r"
    error: the container `[NAME]` has not ended
     |
     = help: `cargo xtask debug [NAME]` begins a session beside it
    ");
    let wrong = run(&mut debug(&["--post-mortem", container.name(), "--format", "json", "--", "true"])).fails_with(125);
    assert!(wrong.stderr.contains("starts no session, so it takes no COMMAND"), "{}", wrong.stderr);
}

#[test]
fn restart_loop_is_named_and_inspected() {
    let container = target(&["--restart", "always"], "echo crashed; sleep 0.4; exit 4");
    // The first gaps are too short to be seen.
    tool("sh", ["-c", "sleep 2"]).ok();
    for _ in 0..8 {
        let ran = run(&mut debug(&[container.name(), "--", "sleep", "5"]));
        let said = ran.stderr.replace(container.name(), "[NAME]");
        let expected = [
            "error: the container `[NAME]` is restarting: its last run ended with exit code 4\n",
            "error: the container `[NAME]` is restarting again and again\n",
            "error: the session was killed because its container has died with exit code 4\n",
            "error: the session was killed because its container was restarted\n",
        ];
        assert!(expected.iter().any(|expected| said.contains(expected)), "{:?}:\n{said}", ran.code);
    }
    let ran = run(&mut debug(&["--post-mortem", container.name(), "--", "grep", "-c", "crashed", "/post-mortem/log"]));
    let ran = ran.ok();
    assert!(ran.line().parse::<u32>().is_ok_and(|count| count > 0), "{}", ran.stdout);
    assert!(ran.stderr.contains("exit code 4"), "{}", ran.stderr);
}
