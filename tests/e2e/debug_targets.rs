//! `debug` beside every kind of container: sees its processes, network, files and volumes, and changes none of them.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::running::{OwnCache, started_by, warm_up};
use crate::support::{Container, Ran, Workspace, namespace, repository, run, tool, unique_name, xtask};

/// An image with a shell, coreutils and Python: a builder.
pub(crate) fn toolbox() -> &'static str {
    static TOOLBOX: OnceLock<String> = OnceLock::new();
    TOOLBOX.get_or_init(|| {
        warm_up();
        let namespace = format!("label=dev.tierce.namespace={}", namespace());
        let list = ["images", "-q", "--filter", &namespace, "--filter", "label=dev.tierce.kind=builder"];
        let ids = tool("docker", list).ok().stdout;
        ids.lines().next().expect("the cache is warm, and so is the daemon").to_owned()
    })
}

/// `cargo xtask debug` with the tools of that image; arguments that begin with the container.
pub(crate) fn debug(arguments: &[&str]) -> Command {
    let mut command = xtask(repository());
    command.args(["debug", "--toolbox", toolbox()]).args(arguments);
    command
}

/// Writes an archive of a shell, sleep, touch and their libraries.
pub(crate) fn pack_tools(archive: &Path) {
    let list = "for f in sh sleep touch; do command -v $f; ldd $(command -v $f) | grep -o '/[^ :]*'; done | sort -u";
    let script = format!("tar -c -h $({list})");
    let mut pack = Command::new("docker");
    pack.args(["run", "--rm", "--entrypoint", "sh", toolbox(), "-c", &script]).stderr(Stdio::null());
    let packed = pack.stdout(std::fs::File::create(archive).expect("writable")).status();
    assert!(packed.is_ok_and(|status| status.success()));
}

/// A small image: for a large one, the daemon takes long to list changes.
pub(crate) fn small_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("tools.tar");
        pack_tools(&archive);
        let name = format!("{}-target:latest", namespace());
        let label = format!("LABEL dev.tierce.namespace={}", namespace());
        tool("docker", ["import", "--change", &label, &archive.to_string_lossy(), &name]).ok();
        name
    })
}

/// A container that waits to be debugged, made with these options of `docker run`.
#[track_caller]
pub(crate) fn target(options: &[&str]) -> Container {
    Container::start(&[options, &[small_image(), "sleep", "600"]].concat())
}

/// The changes of a container's files, as the daemon lists them.
fn changes(container: &Container) -> String {
    tool("docker", ["diff", container.name()]).ok().stdout
}

/// The containers of sessions beside a target.
#[track_caller]
pub(crate) fn sessions_of(target: &str) -> Vec<String> {
    let beside = format!("label=dev.tierce.debug-target-name={target}");
    let ids = tool("docker", ["ps", "-aq", "--filter", &beside]).ok().stdout;
    ids.lines().map(str::to_owned).collect()
}

/// Waits until a target has no sessions. The daemon removes a container some time after its end.
#[track_caller]
pub(crate) fn sessions_end(target: &str) {
    let start = Instant::now();
    while !sessions_of(target).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(20), "sessions are left: {:?}", sessions_of(target));
        sleep(Duration::from_millis(20));
    }
}

/// Run in a session: the process that `/target` belongs to is the target's, shares its namespaces with the session, can be
/// traced, and its files and variables can be read.
const LOOK_AROUND: &str = r#"
set -e
pid=$(readlink /target | cut -d/ -f3)
tr '\0' '\n' < /proc/$pid/environ | grep -x "WHO=$WHO"
for kind in pid net; do
    test "$(readlink /proc/self/ns/$kind)" = "$(readlink /proc/$pid/ns/$kind)"
done
test -x /target$(command -v sleep)
cat /target/data/file
grep -q sleep /proc/$pid/maps
python3 - $pid <<'END'
import ctypes, os, sys
libc, pid = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
attach, detach = 16, 17
assert libc.ptrace(attach, pid, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.waitpid(pid, 0x40000000)
assert libc.ptrace(detach, pid, 0, 0) == 0, os.strerror(ctypes.get_errno())
END
grep -x "NoNewPrivs:[[:space:]]*0" /proc/self/status
"#;

#[test]
fn debug_works_beside_every_target() {
    let other = target(&[]);
    let (of_pid, of_network) = (format!("container:{}", other.name()), format!("container:{}", other.name()));
    let kinds: &[(&str, &[&str])] = &[
        ("a plain one", &[]),
        ("another user", &["--user", "54321:54321"]),
        ("read-only", &["--read-only"]),
        ("no capability", &["--cap-drop", "ALL"]),
        ("no new privileges", &["--security-opt", "no-new-privileges"]),
        (
            "all of these",
            &["--user", "54321:54321", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
        ),
        ("the host's users", &["--userns", "host"]),
        ("its own seccomp", &["--security-opt", "seccomp=unconfined"]),
        ("no network", &["--network", "none"]),
        ("the host's network", &["--network", "host"]),
        ("another's network", &["--network", &of_network]),
        ("the host's processes", &["--pid", "host"]),
        ("another's processes", &["--pid", &of_pid]),
        ("shareable memory", &["--ipc", "shareable"]),
        ("the host's memory", &["--ipc", "host"]),
    ];
    let volume = unique_name();
    let mount = format!("type=volume,source={volume},target=/data");
    tool("docker", ["run", "--rm", "--mount", &mount, small_image(), "sh", "-c", "echo volume > /data/file"]).ok();
    for (kind, options) in kinds {
        let who = format!("WHO={}", unique_name());
        let target = target(&[&["--mount", &mount, "-e", &who], *options].concat());
        let before = changes(&target);
        let env = format!("--env={who}");
        let ran = run(&mut debug(&[target.name(), &env, "--", "bash", "-c", LOOK_AROUND]));
        assert_eq!(ran.code, Some(0), "{kind}: {}\n{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout, format!("{who}\nvolume\nNoNewPrivs:\t0\n"), "{kind}");
        assert_eq!(changes(&target), before, "{kind}: its files are as they were");
        sessions_end(target.name());
    }
    tool("docker", ["volume", "rm", &volume]).ok();
}

/// As with the daemon of another machine, whose processes are not in this `/proc`.
#[test]
fn invisible_process_is_found_inside() {
    let one = target(&[]);
    let other = target(&["--pid", &format!("container:{}", one.name()), "-e", "WHO=other"]);
    let mut elsewhere = Command::new("unshare");
    elsewhere.args(["--pid", "--fork", "--mount-proc"]);
    let script = "link=$(readlink /target); tr '\\0' '\\n' < ${link%/root}/environ | grep WHO; echo $link";
    let ran = run(&mut started_by(elsewhere, &debug(&[other.name(), "--", "bash", "-c", script]))).ok();
    assert!(ran.stdout.starts_with("WHO=other\n/proc/"), "{}", ran.stdout);
    assert_ne!(ran.stdout, "WHO=other\n/proc/1/root\n");
}

#[test]
fn debug_finds_program_behind_init() {
    let target = target(&["--init"]);
    let script = "tr '\\0' ' ' < /proc/1/cmdline; readlink /target";
    let ran = run(&mut debug(&[target.name(), "--", "bash", "-c", script])).ok();
    assert!(ran.stdout.contains("sleep 600") && ran.stdout.ends_with("/proc/1/root\n"), "{}", ran.stdout);
}

#[test]
fn shared_memory_is_shared_if_allowed() {
    let target = target(&["--ipc", "shareable"]);
    let same = "test $(readlink /proc/self/ns/ipc) = $(readlink /proc/1/ns/ipc)";
    run(&mut debug(&[target.name(), "--", "bash", "-c", same])).ok();
}

/// The output without names and ids that change each time.
fn shown(ran: &Ran, names: &[(&str, &str)]) -> String {
    names.iter().fold(ran.error(repository()), |text, (name, stands_for)| text.replace(name, stands_for))
}

#[test]
fn undebuggable_container_error_has_cause() {
    let fails = |word: &str| run(&mut debug(&[word, "--", "true"])).fails_with(125);

    let one = target(&[]);
    let nearest = fails(&format!("{}x", one.name()));
    insta::assert_snapshot!(shown(&nearest, &[(one.name(), "[NAME]")]), @r"
    error: there is no container `[NAME]x`
     |
     = help: a similar name is `[NAME]`
    ");
    let missing = fails("no-container-is-called-like-this-one");
    assert!(missing.stderr.starts_with("error: there is no container `no-container-is-called-like-this-one`\n"));
    assert!(missing.stderr.contains("= help: name a running container: `"), "{}", missing.stderr);

    let created = Container::create(small_image());
    insta::assert_snapshot!(shown(&fails(created.name()), &[(created.name(), "[NAME]")]), @r"
    error: the container `[NAME]` has never been started
     |
     = help: `cargo xtask debug --post-mortem [NAME]` shows its files and why it was not, `docker start [NAME]` starts it
    ");

    let ended = Container::start(&[small_image(), "sh", "-c", "exit 3"]);
    tool("docker", ["wait", ended.name()]).ok();
    insta::assert_snapshot!(shown(&fails(ended.name()), &[(ended.name(), "[NAME]")]), @r"
    error: the container `[NAME]` does not run: it ended with exit code 3
     |
     = help: `cargo xtask debug --post-mortem [NAME]` shows its files, its log and its end, `docker start [NAME]` starts it again
    ");

    let restarting = Container::start(&["--restart", "always", small_image(), "sh", "-c", "exit 4"]);
    // Between two runs the daemon waits longer each time.
    let state =
        || tool("docker", ["inspect", "-f", "{{.State.Status}} {{.RestartCount}}", restarting.name()]).ok().stdout;
    while !(state().starts_with("restarting") && state().trim().ends_with('4')) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    insta::assert_snapshot!(shown(&fails(restarting.name()), &[(restarting.name(), "[NAME]")]), @r"
    error: the container `[NAME]` is restarting: its last run ended with exit code 4
     |
     = help: `cargo xtask debug --post-mortem [NAME]` shows what its last run left; `docker update --restart=no [NAME]` lets it rest after its next end
    ");

    let paused = target(&[]);
    tool("docker", ["pause", paused.name()]).ok();
    insta::assert_snapshot!(shown(&fails(paused.name()), &[(paused.name(), "[NAME]")]), @r"
    error: the container `[NAME]` is paused: a debugger of its process would hang
     |
     = help: --unpause lets it go on first, as `docker unpause [NAME]` does
    ");
    let ran = run(&mut debug(&[paused.name(), "--unpause", "--", "echo", "on"])).ok();
    assert_eq!(ran.line(), "on");
    assert_eq!(ran.stderr, format!("    Unpaused {}\n", paused.name()));
    for name in [&one, &created, &ended, &restarting, &paused].map(Container::name) {
        sessions_end(name);
    }
}

#[test]
fn target_found_by_id_or_image() {
    let name = unique_name();
    let label = format!("dev.tierce.image={name}");
    let one = target(&["--label", &label]);
    let id = tool("docker", ["inspect", "-f", "{{.Id}}", one.name()]).ok().line().to_owned();
    for word in [one.name(), &id, &id[..20], &name] {
        assert_eq!(run(&mut debug(&[word, "--", "echo", "found"])).ok().line(), "found", "{word}");
    }
    let other = target(&["--label", &label]);
    let ran = run(&mut debug(&[&name, "--", "true"])).fails_with(125);
    let mut both = [one.name(), other.name()];
    both.sort();
    let said = format!("error: `{name}` is ambiguous: 2 containers of this image run\n");
    assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
    assert!(ran.stderr.find(both[0]) < ran.stderr.find(both[1]), "{}", ran.stderr);
}

#[test]
fn exit_codes_match_docker_run() {
    let target = target(&[]);
    let codes = |arguments: &[&str]| run(&mut debug(&[&[target.name()], arguments].concat()));
    assert_eq!(codes(&["--", "sh", "-c", "exit 42"]).code, Some(42));
    assert_eq!(codes(&["--", "sh", "-c", "kill -TERM $$"]).code, Some(143));
    let tools = [(toolbox(), "[TOOLBOX]")];
    insta::assert_snapshot!(shown(&codes(&["--", "strace-is-not-there"]).fails_with(127), &tools), @r"
    error: the toolbox `[TOOLBOX]` has no `strace-is-not-there`
     |
     = help: name an image that has it with --toolbox IMAGE
    ");
    insta::assert_snapshot!(shown(&codes(&["--", "/etc/passwd"]).fails_with(126), &tools), @"error: the toolbox `[TOOLBOX]` cannot execute `/etc/passwd`: permission denied");
    insta::assert_snapshot!(shown(&codes(&["--toolbox", "no-such-toolbox", "--", "true"]).fails_with(125), &[]), @r"
    error: the argument '--toolbox <IMAGE>' cannot be used multiple times

    Usage: cargo xtask debug [OPTIONS] <CONTAINER> [-- <COMMAND>...]
           cargo xtask debug <SESSIONS>

    For more information, try '--help'.
    ");
    let mut command = xtask(repository());
    let missing = run(command.args(["debug", "--toolbox", "no-such-toolbox", target.name(), "--", "true"]));
    insta::assert_snapshot!(shown(&missing.fails_with(125), &[]), @r"
    error: the toolbox `no-such-toolbox` is not in the daemon
     |
     = help: run `docker pull no-such-toolbox`, or build it
    ");
    insta::assert_snapshot!(shown(&codes(&[]).fails_with(125), &[]), @r"
    error: there is no terminal for the toolbox's shell, and nothing to read on stdin
     |
     = help: name a COMMAND, as in `cargo xtask debug web -- ps`, or begin with --detach
    ");
    sessions_end(target.name());
    let mut nowhere = debug(&[target.name(), "--", "true"]);
    let ran = run(nowhere.env("DOCKER_HOST", "unix:///no/such/socket")).fails_with(125);
    insta::assert_snapshot!(shown(&ran, &[]), @r"
    error: failed to find a Docker or Podman socket at `/no/such/socket`
     |
     = help: start the daemon that listens there, or unset DOCKER_HOST to use the usual socket
    ");
}

#[test]
fn pipes_pass_every_byte_and_end() {
    let target = target(&[]);
    let sent: Vec<u8> = (0..=u8::MAX).cycle().take(300_000).collect();
    let mut command = debug(&[target.name(), "--", "sh", "-c", "tee /dev/stderr"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let to_send = sent.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&to_send).expect("it takes everything"));
    let output = child.wait_with_output().expect("it ends when its input does");
    writer.join().expect("it was sent");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == sent, "{} bytes of {}", output.stdout.len(), sent.len());
    assert!(output.stderr == sent, "{} bytes of {}", output.stderr.len(), sent.len());
}

#[test]
fn missing_toolbox_error_has_help() {
    let target = target(&[]);
    let named = Workspace::with_package("app", "", "toolbox = \"registry.example/no-such-tools:1\"");
    let ran = named.xtask(&["debug", target.name(), "--", "true"]).fails_with(125);
    insta::assert_snapshot!(shown(&ran, &[]), @r"
    error: the toolbox `registry.example/no-such-tools:1` is not in the daemon
     |
     = help: run `docker pull registry.example/no-such-tools:1`, or build it
    ");
    // Of the library, with nothing to build it from.
    let workspace = Workspace::with_package("app", "", "");
    let cache = OwnCache::new(&[]);
    let debug = |name: &str| {
        let mut command = workspace.command();
        run(command.env("TIERCE_CACHE", cache.path()).args(["debug", "--offline", name, "--", "true"])).fails_with(125)
    };
    insta::assert_snapshot!(shown(&debug(target.name()), &[]), @r"
    error: the index of Debian's packages is not in the cache, and --offline forbids the network
     |
     = help: run once without --offline
    note: this was for the toolbox; --toolbox IMAGE takes the tools from any image of the daemon
    ");
    // Tierce builds nothing for a missing container.
    let missing = debug(&format!("{}x", target.name()));
    let said = format!("error: there is no container `{}x`\n", target.name());
    assert!(missing.stderr.contains(&said) && !missing.stderr.contains("Portage"), "{}", missing.stderr);
}

#[test]
fn closed_stdout_ends_the_session() {
    let target = target(&[]);
    let mut command = debug(&[target.name(), "--", "yes"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = [0; 2];
    child.stdout.take().expect("piped").read_exact(&mut line).expect("it writes");
    assert_eq!((&line, child.wait().expect("it ends").code()), (b"y\n", Some(125)));
    sessions_end(target.name());
}
