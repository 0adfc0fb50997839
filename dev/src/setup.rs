//! `cargo dev setup`: the tools of the end-to-end tests, from the packages of Debian or Ubuntu.

use std::process::Command;

use crate::run::{Failed, run, shown, succeeds};

/// Each line is a reason and its packages.
const PACKAGES: [(&str, &[&str]); 9] = [
    ("programs that Tierce itself starts", &["git", "gpgv", "python3-pip"]),
    (
        "tools that judge images",
        &[
            "binutils",
            "file",
            "gdb",
            "libarchive-tools",
            "libcap2-bin",
            "pax-utils",
            "podman",
            "python3-pyelftools",
            "skopeo",
            "umoci",
        ],
    ),
    (
        "libraries of the image thumbnailer",
        &["libexif-dev", "libpng-dev", "libsqlite3-dev", "libturbojpeg0-dev", "pkg-config"],
    ),
    ("the library of the image fetch, and its server", &["libssl-dev", "openssl"]),
    ("readers of pictures, graphs and manual pages", &["graphviz", "groff", "imagemagick", "man-db"]),
    ("shells that read their completions", &["fish", "zsh"]),
    ("Podman without root", &["fuse-overlayfs", "slirp4netns", "uidmap"]),
    ("a font that PHP draws with", &["fonts-dejavu-core"]),
    ("a small target for the debugging tests", &["busybox-static", "curl", "socat"]),
];

/// Installs the missing packages, and docker.io where there is no dockerd. Prints the commands first; a dry run only prints.
pub(crate) fn setup(dry_run: bool) -> Result<(), Failed> {
    if !succeeds("dpkg-query", &["--version"]) {
        let needed: Vec<&str> = PACKAGES.iter().flat_map(|(_, packages)| *packages).copied().collect();
        return Err(Failed(format!("this is neither Debian nor Ubuntu; install: {}", needed.join(" "))));
    }
    let mut missing = Vec::new();
    for (reason, packages) in PACKAGES {
        let absent: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
        if !absent.is_empty() {
            eprintln!("{reason}: {}", absent.join(" "));
        }
        missing.extend(absent);
    }
    if !succeeds("docker", &["version"]) && !succeeds("dockerd", &["--version"]) {
        eprintln!("a daemon: docker.io");
        missing.push("docker.io");
    }
    if missing.is_empty() {
        eprintln!("all packages are installed");
        return Ok(());
    }
    let install = [&["install", "-y", "-q", "--no-install-recommends"][..], &missing].concat();
    let mut commands = [apt(&["update", "-q"]), apt(&install)];
    for command in &commands {
        eprintln!("runs: {}", shown(command));
    }
    if dry_run {
        return Ok(());
    }
    commands.iter_mut().try_for_each(run)
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]).output();
    query.is_ok_and(|output| output.status.success() && output.stdout.ends_with(b" ok installed"))
}

/// apt-get, through sudo unless this is root.
fn apt(arguments: &[&str]) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = match is_root {
        true => Command::new("env"),
        false => Command::new("sudo"),
    };
    // sudo and env both take variables before the program.
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
    command
}
