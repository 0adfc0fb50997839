//! `--gdb`, `--core` and `--snapshot` beside a stripped program: gdb's output must agree with its source.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::debug_targets::sessions_end;
use crate::running::program;
use crate::support::{Container, LoadedImage, Workspace, run, tool, unique_name};

const NAME: &str = "waiting";

/// A program whose first thread waits in a function that zlib has called, and whose second waits by itself.
const WAITING: &str = r#"use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

type In = extern "C" fn(*mut c_void, *mut *const c_uchar) -> c_uint;
type Out = extern "C" fn(*mut c_void, *mut c_uchar, c_uint) -> c_int;

#[link(name = "z")]
unsafe extern "C" {
    fn inflateBackInit_(stream: *mut Stream, bits: c_int, window: *mut u8, version: *const c_char, size: c_int) -> c_int;
    fn inflateBack(stream: *mut Stream, input: In, from: *mut c_void, output: Out, to: *mut c_void) -> c_int;
}

/// zlib's z_stream, all zeros.
type Stream = [u64; 14];

#[inline(never)]
extern "C" fn wait_for_input(_: *mut c_void, _: *mut *const c_uchar) -> c_uint {
    println!("ready");
    loop {
        std::thread::park(); // in zlib
    }
}

extern "C" fn no_output(_: *mut c_void, _: *mut c_uchar, _: c_uint) -> c_int {
    1
}

#[inline(never)]
fn wait_alone(seconds: u64) {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(seconds)); // alone
    }
}

fn main() {
    std::thread::Builder::new().name("second".into()).spawn(|| wait_alone(3600)).expect("a thread");
    let (mut stream, mut window): (Stream, _) = ([0; 14], [0; 1 << 15]);
    let (version, size) = (c"1.2.13".as_ptr(), size_of::<Stream>() as c_int);
    let none = std::ptr::null_mut();
    assert_eq!(unsafe { inflateBackInit_(&mut stream, 15, window.as_mut_ptr(), version, size) }, 0);
    unsafe { inflateBack(&mut stream, wait_for_input, none, no_output, none) }; // calls zlib
}
"#;

/// A secret in a variable and in an option.
const SECRET: &str = "planted-secret-5b1f";

/// `debug` in the workspace of the program, with the toolbox that every workspace has.
fn debug(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = workspace.command();
    command.arg("debug").args(arguments);
    command
}

/// The number of the line in the source that contains this.
#[track_caller]
fn line_of(text: &str) -> usize {
    WAITING.lines().position(|line| line.contains(text)).expect("it is in the source") + 1
}

/// A container of the program that waits.
#[track_caller]
fn waiting(options: &[&str], reference: &str) -> Container {
    let container = Container::start(&[options, &[reference]].concat());
    let start = std::time::Instant::now();
    while !tool("docker", ["logs", container.name()]).ok().stdout.contains("ready") {
        assert!(start.elapsed().as_secs() < 60, "it is not ready");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    container
}

/// Whether a stack names these, from the innermost frame outwards.
#[track_caller]
fn has_frames(said: &str, frames: &[&str]) {
    let mut rest = said;
    for frame in frames {
        let at = rest.find(frame).unwrap_or_else(|| panic!("no `{frame}` in its place:\n{said}"));
        rest = &rest[at..];
    }
}

/// The output of gdb about the threads of the program.
#[track_caller]
fn has_both_stacks(said: &str) {
    let main = |text: &str| format!("{NAME}/src/main.rs:{}", line_of(text));
    let (inner, outer) = (main("// in zlib"), main("// calls zlib"));
    has_frames(said, &["waiting::wait_for_input", &inner, " inflateBack (", "infback.c:", "main ()", &outer]);
    has_frames(said, &["waiting::wait_alone", &main("// alone")]);
}

const STACKS: [&str; 4] = ["--", "-batch", "-ex", "thread apply all bt"];

#[test]
fn gdb_shows_lines_of_stripped_program() {
    let workspace = program(NAME, "packages = [\"sys-libs/zlib\"]").file("waiting/src/main.rs", WAITING);
    // Other tests remove the image of the usual name.
    let name = unique_name();
    let tables = fs::read_to_string(workspace.root().join("Cargo.toml")).expect("readable");
    let table = format!("[workspace.metadata.images.toolbox]\ntags = [\"{name}\"]\n");
    workspace.write("Cargo.toml", &format!("{tables}\n{table}"));
    let reference = workspace.xtask(&["image"]).ok().line().to_owned();
    let _images = LoadedImage::new(&reference).and(&format!("toolbox:{name}"));
    let secret = format!("DATABASE_PASSWORD={SECRET}");
    let strict = ["--cap-drop", "ALL", "--user", "1000:1000", "--read-only", "-e", &secret];
    let target = waiting(&strict, &reference);

    let ran = run(&mut debug(&workspace, &[&[target.name(), "--gdb"], &STACKS[..]].concat())).ok();
    has_both_stacks(&ran.stdout);
    let list = format!("list main.rs:{}", line_of("// alone"));
    let ran = run(&mut debug(&workspace, &[target.name(), "--gdb", "--", "-batch", "-ex", &list])).ok();
    assert!(ran.stdout.contains("from_secs(seconds)); // alone\n"), "{}", ran.stdout);
    says_what_has_no_symbols(&ran.stderr);

    has_a_core(&workspace, &target);
    has_a_snapshot(&workspace, &target);
    of_other_namespaces(&workspace, &target, &reference);
    assert_eq!(tool("docker", ["diff", target.name()]).ok().stdout, "");
    says_that_it_is_old(&workspace, &target);
    says_what_was_replaced(&workspace, &reference);
    is_not_what_the_toolbox_has(&workspace, &target, &reference);
    sessions_end(target.name());
}

/// A warning names exactly the libraries of Debian without symbols on this machine, with their build-ids.
#[track_caller]
fn says_what_has_no_symbols(stderr: &str) {
    let mut libraries = 0;
    for line in stderr.lines().filter(|line| line.starts_with("warning: `")) {
        let (library, rest) = line.split_once("` with build-id ").expect("each has one");
        let id = rest.strip_suffix(" has no symbols here").unwrap_or_else(|| panic!("{line}"));
        let on_host = format!("/usr/lib/debug/.build-id/{}/{}.debug", &id[..2], &id[2..]);
        assert!(!Path::new(&on_host).exists(), "{line}");
        assert!(
            ["libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"].iter().any(|name| library.ends_with(name)),
            "{line}"
        );
        libraries += 1;
    }
    // Debian has no package with symbols of libgcc_s alone.
    assert!(libraries > 0, "{stderr}");
}

/// A core file is written and read, and gdb of this machine reads it, too.
#[track_caller]
fn has_a_core(workspace: &Workspace, target: &Container) {
    let ran = run(&mut debug(workspace, &[&[target.name(), "--core=a.core"], &STACKS[..]].concat())).ok();
    has_both_stacks(&ran.stdout);
    let core = workspace.root().join("a.core");
    assert_eq!(fs::metadata(&core).expect("it is there").permissions().mode() & 0o777, 0o600);
    let core = core.to_string_lossy();
    let judged = tool("gdb", ["-nx", "-batch", "-core", &core]).ok();
    assert_eq!(judged.stdout.matches("[New LWP ").count(), 2, "{}", judged.stdout);

    let again = run(&mut debug(workspace, &[target.name(), "--core=a.core"])).fails_with(125);
    assert!(again.stderr.contains("error: failed to write `a.core`: the file exists\n"), "{}", again.stderr);
    // Without a terminal and without a command it is written under a name of its own, and that is all.
    let named = run(&mut debug(workspace, &[target.name(), "--core"])).ok();
    assert!(named.line().starts_with(target.name()) && named.line().ends_with("Z.core"), "{}", named.stdout);
    assert!(fs::metadata(workspace.root().join(named.line())).expect("it is there").len() > 100_000);
    // It went on.
    let state = tool("docker", ["inspect", "-f", "{{.State.Status}} {{.State.Pid}}", target.name()]).ok();
    let status = fs::read_to_string(format!("/proc/{}/status", state.line().rsplit(' ').next().unwrap_or_default()));
    assert!(status.is_ok_and(|status| status.contains("State:\tS")), "{}", state.stdout);
}

/// A snapshot contains the announced files, and no secret.
#[track_caller]
fn has_a_snapshot(workspace: &Workspace, target: &Container) {
    let ran = run(&mut debug(workspace, &[target.name(), "--snapshot", "web.tar.gz"])).ok();
    assert_eq!(ran.line(), "web.tar.gz");
    let archive = workspace.root().join("web.tar.gz");
    assert_eq!(fs::metadata(&archive).expect("it is there").permissions().mode() & 0o777, 0o600);
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().to_string_lossy().into_owned();
    tool("tar", ["-xzf", &archive.to_string_lossy(), "-C", &to, "--strip-components=1"]).ok();
    let found = tool("grep", ["-r", SECRET, &to]);
    assert_eq!((found.code, found.stdout.as_str()), (Some(1), ""), "the secret is nowhere");
    let read = |path: &str| {
        let path: &Path = &folder.path().join(path);
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    has_both_stacks(&read("processes/1/stacks"));
    for (path, expected) in [
        ("README.txt", target.name()),
        ("container.json", "\"DATABASE_PASSWORD=[masked]\""),
        ("container.json", "\"ExitCode\": 0"),
        ("processes/1/environ", "DATABASE_PASSWORD=[masked]\n"),
        ("processes/1/cmdline", "/usr/bin/waiting\n"),
        ("processes/1/maps", "/libz.so.1"),
        ("processes/1/limits", "Max open files"),
        ("processes/1/open-files", "0 -> "),
        ("processes/1/status", "Uid:\t1000"),
        ("processes/1/threads", " second\nState:\tS"),
        ("processes/1/threads", "waits in "),
        ("net/tcp", "local_address"),
        ("net/unix", "RefCount"),
        ("mountinfo", " / / ro,"),
        ("log.txt", "Z ready\n"),
        ("versions.txt", "GNU gdb"),
        ("symbols.txt", "/usr/bin/waiting\n"),
        ("kernel/version", "Linux version"),
    ] {
        assert!(read(path).contains(expected), "no `{expected}` in {path}:\n{}", read(path));
    }
    assert!(fs::read_dir(folder.path().join("cgroup")).expect("a folder").count() > 0);
    let wrong = run(&mut debug(workspace, &[target.name(), "--snapshot", "web.zip"])).fails_with(125);
    assert!(wrong.stderr.contains("failed to understand the snapshot's file `web.zip`"), "{}", wrong.stderr);
}

/// The program is found where other processes are seen, too, and behind an init.
#[track_caller]
fn of_other_namespaces(workspace: &Workspace, target: &Container, reference: &str) {
    let of_other = format!("container:{}", target.name());
    for options in [&["--pid", "host"][..], &["--pid", &of_other], &["--init"]] {
        let other = waiting(options, reference);
        let ran = run(&mut debug(workspace, &[&[other.name(), "--gdb"], &STACKS[..]].concat())).ok();
        has_both_stacks(&ran.stdout);
    }
    let one = ["--", "-batch", "-ex", "info inferiors"];
    let ran = run(&mut debug(workspace, &[&[target.name(), "--gdb", "--pid", "1"], &one[..]].concat())).ok();
    assert!(ran.stdout.contains("process 1 "), "{}", ran.stdout);
    let ran = run(&mut debug(workspace, &[&[target.name(), "--gdb", "--pid", "31337"], &one[..]].concat()));
    let error = format!("error: failed to look into the process 31337 of the container `{}`\n", target.name());
    assert!(ran.fails_with(125).stderr.contains(&error));
}

/// A program of an older build than the image: gdb finds its symbols, and a warning names the newer build. For a program that was
/// never stripped, no warning says that symbols are missing.
#[track_caller]
fn says_that_it_is_old(workspace: &Workspace, target: &Container) {
    workspace.write("waiting/src/main.rs", &WAITING.replace("println!(\"ready\")", "println!(\"ready, and another\")"));
    let table = fs::read_to_string(workspace.root().join("waiting/Cargo.toml")).expect("readable");
    workspace.write("waiting/Cargo.toml", &format!("{table}strip = \"none\"\n"));
    let newer = workspace.xtask(&["image"]).ok().line().to_owned();
    let stacks =
        |target: &Container| run(&mut debug(workspace, &[&[target.name(), "--gdb"], &STACKS[..]].concat())).ok();
    let ran = stacks(target);
    let said = "warning: the container runs an older build: `waiting:latest` is another image since it was made\n";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    has_both_stacks(&ran.stdout);
    let ran = stacks(&waiting(&[], &newer));
    says_what_has_no_symbols(&ran.stderr);
    has_both_stacks(&ran.stdout);
}

/// gdb debugs a running program although another file replaced its own.
#[track_caller]
fn says_what_was_replaced(workspace: &Workspace, reference: &str) {
    let target = waiting(&[], reference);
    let other = unique_name();
    let copy = workspace.root().join(other);
    fs::copy(std::env::current_exe().expect("this program"), &copy).expect("copied");
    tool("docker", ["cp", &copy.to_string_lossy(), &format!("{}:/usr/bin/waiting", target.name())]).ok();
    let ran = run(&mut debug(workspace, &[&[target.name(), "--gdb"], &STACKS[..]].concat())).ok();
    let said = ran.stderr.lines().find(|line| line.starts_with("warning: `/usr/bin/waiting` with build-id "));
    assert!(said.is_some_and(|line| line.ends_with(": it was replaced since the start")), "{}", ran.stderr);
    has_frames(&ran.stdout, &["waiting::wait_for_input", " inflateBack (", "main ()"]);
}

/// A program whose path is also that of another program in the toolbox.
#[track_caller]
fn is_not_what_the_toolbox_has(workspace: &Workspace, target: &Container, reference: &str) {
    let copy = workspace.root().join(unique_name()).to_string_lossy().into_owned();
    tool("docker", ["cp", &format!("{}:/usr/bin/waiting", target.name()), &copy]).ok();
    let mount = format!("{copy}:/usr/bin/gdb:ro");
    let other = waiting(&["--volume", &mount, "--entrypoint", "/usr/bin/gdb"], reference);
    let ran = run(&mut debug(workspace, &[&[other.name(), "--gdb"], &STACKS[..]].concat())).ok();
    has_both_stacks(&ran.stdout);
}
