//! The smallest image: a program that needs libc alone.

use crate::support::{Container, repository, run, tool, xtask};

#[test]
fn hello_runs_without_privileges() {
    let reference = run(xtask(repository()).args(["image", "hello"])).ok().line().to_owned();
    let ran = tool("docker", ["run", "--rm", "--cap-drop", "ALL", "--read-only", "--network", "none", &reference]).ok();
    assert_eq!(ran.stdout, "hello from scratch\n");
}

#[test]
fn hello_has_exactly_its_files() {
    let reference = run(xtask(repository()).args(["image", "hello"])).ok().line().to_owned();
    let listing = Container::create(&reference).listing();
    // Docker itself makes these in every container.
    let docker = [".dockerenv", "dev/", "proc/", "sys/", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"];
    let mut entries = String::new();
    for line in listing.lines() {
        // Without the size and the time: a size is the compiler's to change.
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [mode, owner, _, _, _, path, link @ ..] = fields.as_slice() else { panic!("no entry: {line}") };
        if !docker.iter().any(|made| path == made || made.ends_with('/') && path.starts_with(made)) {
            entries.push_str(&format!("{}\n", [&[*mode, owner, path], link].concat().join(" ")));
        }
    }
    insta::assert_snapshot!(entries, @r"
    drwxr-xr-x 0/0 etc/
    -rw-r--r-- 0/0 etc/ld.so.cache
    lrwxrwxrwx 0/0 lib64 -> usr/lib64
    drwxrwxrwt 0/0 tmp/
    drwxr-xr-x 0/0 usr/
    drwxr-xr-x 0/0 usr/bin/
    -rwxr-xr-x 0/0 usr/bin/hello
    drwxr-xr-x 0/0 usr/lib64/
    -rwxr-xr-x 0/0 usr/lib64/ld-linux-x86-64.so.2
    -rwxr-xr-x 0/0 usr/lib64/libc.so.6
    -rwxr-xr-x 0/0 usr/lib64/libgcc_s.so.1
    ");
}
