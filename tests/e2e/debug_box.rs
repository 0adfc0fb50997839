//! A small image that is target and toolbox alike: this machine's static busybox, and its socat with the libraries that it needs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::support::{Container, namespace, repository, tool, xtask};

/// The image.
pub(crate) fn small() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let name = format!("{}-small", namespace());
        // A rebuilt image would leave the last one behind without a name.
        if tool("docker", ["image", "inspect", &name]).code == Some(0) {
            return name;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("writable");
        fs::create_dir(folder.path().join("tmp")).expect("writable");
        fs::copy("/bin/busybox", bin.join("busybox")).expect("busybox-static is installed");
        for name in tool("/bin/busybox", ["--list"]).ok().stdout.lines().filter(|name| *name != "busybox") {
            std::os::unix::fs::symlink("busybox", bin.join(name)).expect("writable");
        }
        fs::copy("/usr/bin/socat", bin.join("socat")).expect("socat is installed");
        for path in tool("ldd", ["/usr/bin/socat"]).ok().stdout.split_whitespace().filter(|word| word.starts_with('/'))
        {
            let to = folder.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap_or(Path::new("/"))).expect("writable");
            fs::copy(path, to).expect("a library");
        }
        let script =
            "tar --numeric-owner --owner 0 --group 0 -C \"$0\" -c . | docker import -c 'CMD [\"sh\"]' - \"$1\"";
        tool("sh", ["-c", script, &folder.path().to_string_lossy(), &name]).ok();
        name
    })
}

/// `cargo xtask debug` with its tools.
pub(crate) fn debug(arguments: &[&str]) -> Command {
    let mut command = xtask(repository());
    command.args(["debug", "--toolbox", small()]).args(arguments);
    command
}

/// A container of it, made with these options of `docker run`, that runs this script.
#[track_caller]
pub(crate) fn target(options: &[&str], script: &str) -> Container {
    Container::start(&[options, &[small(), "sh", "-c", script]].concat())
}

/// One that waits.
#[track_caller]
pub(crate) fn waiting(options: &[&str]) -> Container {
    target(options, "sleep 600")
}
