//! `debug cp`: files out of containers, also where the daemon's own copy finds nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use crate::debug_box::{small, target, waiting};
use crate::debug_targets::sessions_end;
use crate::support::{repository, run, tool, xtask};

fn copy(arguments: &[&str]) -> Command {
    let mut command = xtask(repository());
    command.args(["debug", "cp", "--toolbox", small()]).args(arguments);
    command
}

#[test]
fn copy_out_follows_no_link_outside() {
    let target = waiting(&["--network", "none", "--read-only", "--tmpfs", "/scratch"]);
    let script = "mkdir -p /scratch/d/e; echo content > /scratch/d/file; chmod 6755 /scratch/d/file; cd /scratch/d
        ln -s ../file e/inside; ln -s /etc/passwd out; ln -s ../../.. up; mknod null c 1 3; ln -s /scratch/d /scratch/l";
    tool("docker", ["exec", target.name(), "sh", "-c", script]).ok();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let to = |name: &str| path(name).to_string_lossy().into_owned();

    let ran = run(&mut copy(&[&format!("{}:/scratch/d", target.name()), &to("new"), "--format", "json"])).fails_with(1);
    let data: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&data["files"], &data["bytes"], &data["left-out-count"]), (&1.into(), &8.into(), &3.into()));
    assert_eq!(fs::read(path("new/e/inside")).expect("the link leads there"), b"content\n");
    let file = fs::metadata(path("new/file")).expect("it was copied");
    let own = fs::metadata(folder.path()).expect("it is there");
    assert_eq!((file.permissions().mode() & 0o7777, file.uid()), (0o755, own.uid()));
    for name in ["out", "up", "null"] {
        assert!(ran.stderr.contains(&format!("warning: left out ./d/{name}: ")), "{}", ran.stderr);
        assert!(path("new").join(name).symlink_metadata().is_err());
    }

    // The link on the way begins at the target's root directory.
    run(&mut copy(&[&format!("{}:/scratch/l/file", target.name()), &to("")])).ok();
    assert_eq!(fs::read(path("file")).expect("it was copied"), b"content\n");
    let script = "\"$@\" | tar -tf -";
    let stream = copy(&[&format!("{}:/scratch/d", target.name()), "-"]);
    let mut piped = Command::new("bash");
    piped.args(["-c", script, "bash"]).arg(stream.get_program()).args(stream.get_args()).current_dir(repository());
    for (name, value) in stream.get_envs() {
        value.map(|value| piped.env(name, value));
    }
    let names = run(&mut piped).ok().stdout;
    assert!(names.contains("./d/out\n") && names.contains("./d/null\n"), "{names}");

    let missing = run(&mut copy(&[&format!("{}:/nothing", target.name()), &to("x")])).fails_with(1);
    assert_eq!(missing.stderr, format!("error: there is no `/nothing` in the container `{}`\n", target.name()));
    let wrong = run(&mut copy(&["a", "b"])).fails_with(125);
    assert!(wrong.stderr.contains("neither is of the form CONTAINER:PATH"), "{}", wrong.stderr);
    sessions_end(target.name());
}

#[test]
fn copy_out_of_exited_container() {
    let target = target(&[], "mkdir /d; echo left > /d/file; exit 3");
    tool("docker", ["wait", target.name()]).ok();
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().to_string_lossy().into_owned();
    run(&mut copy(&[&format!("{}:/d", target.name()), &to])).ok();
    assert_eq!(fs::read(folder.path().join("d/file")).expect("it was copied"), b"left\n");
    run(&mut copy(&[&format!("{}:/d/.", target.name()), &to])).ok();
    assert_eq!(fs::read(folder.path().join("file")).expect("it was copied"), b"left\n");
    let refused = run(&mut copy(&["-L", &format!("{}:/d", target.name()), &to])).fails_with(125);
    assert!(refused.stderr.contains("only the toolbox follows links"), "{}", refused.stderr);
    let missing = run(&mut copy(&[&format!("{}:/nothing", target.name()), &to])).fails_with(1);
    assert!(missing.stderr.starts_with("error: there is no `/nothing`"), "{}", missing.stderr);
}

#[test]
fn copied_in_files_belong_to_user() {
    let target = waiting(&["--network", "none", "--user", "1000:1001", "--read-only", "--tmpfs", "/scratch:mode=1777"]);
    let name = target.name();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    fs::create_dir_all(path("d/e")).expect("writable");
    fs::write(path("d/e/file"), "content\n").expect("writable");
    std::os::unix::fs::symlink("e/file", path("d/link")).expect("writable");
    fs::set_permissions(path("d/e/file"), fs::Permissions::from_mode(0o4640)).expect("ours");
    let there = |path: &str| format!("{name}:{path}");
    let seen = |path: &str| {
        let line = tool("docker", ["exec", "-u", "0", name, "stat", "-c", "%u:%g %a", path]).ok().stdout;
        (line.trim().to_owned(), tool("docker", ["exec", "-u", "0", name, "cat", path]).ok().stdout)
    };
    let expected = ("1000:1001 640".to_owned(), "content\n".to_owned());

    // Into a folder, under a name that is new, by a link of the target's, and the content alone.
    run(&mut copy(&[&path("d"), &there("/scratch")])).ok();
    assert_eq!(seen("/scratch/d/link").1, "content\n", "the link is one");
    assert_eq!(seen("/scratch/d/e/file"), expected);
    run(&mut copy(&[&path("d"), &there("/scratch/new")])).ok();
    assert_eq!(seen("/scratch/new/e/file"), expected);
    tool("docker", ["exec", name, "ln", "-s", "/scratch/new/e", "/scratch/by-link"]).ok();
    let ran = run(&mut copy(&[&path("d/e/file"), &there("/scratch/by-link/again"), "--format", "json"])).ok();
    assert_eq!(seen("/scratch/new/e/again"), expected);
    let data: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&data["files"], &data["bytes"]), (&1.into(), &8.into()));
    run(&mut copy(&[&path("d/."), &there("/scratch/new/e")])).ok();
    assert_eq!(seen("/scratch/new/e/e/file"), expected);
    run(&mut copy(&["--archive", &path("d/e/file"), &there("/scratch/own")])).ok();
    let own = fs::metadata(path("d/e/file")).expect("ours");
    assert_eq!(seen("/scratch/own").0, format!("{}:{} 4640", own.uid(), own.gid()));
    // As a stream.
    let stream = copy(&["-", &there("/scratch/new")]);
    let mut piped = Command::new("bash");
    let script = "tar -C \"$0\" -cf - d | \"$@\"";
    piped
        .args(["-c", script])
        .arg(folder.path())
        .arg(stream.get_program())
        .args(stream.get_args())
        .current_dir(repository());
    for (name, value) in stream.get_envs() {
        value.map(|value| piped.env(name, value));
    }
    run(&mut piped).ok();
    assert_eq!(seen("/scratch/new/d/e/file").1, "content\n");

    for (from, to, code, said) in [
        ("d", "/nothing/below/here", 1, "there is no `/nothing/below`"),
        ("d/e/file", "/scratch/missing/", 1, "there is no `/scratch/missing/`"),
        ("d", "/scratch/own", 1, "there is no `/scratch/own/`"),
        ("d", "/bin", 1, "Read-only file system"),
        ("absent", "/scratch", 125, "No such file"),
    ] {
        let ran = run(&mut copy(&[&path(from), &there(to)])).fails_with(code);
        assert!(ran.stderr.contains(said), "{from} to {to}: {}", ran.stderr);
    }
    sessions_end(name);
}
