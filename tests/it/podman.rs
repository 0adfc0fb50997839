//! Podman in Docker's place: its service, with storage of its own, behind a socket that `DOCKER_HOST` names.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::running::OwnCache;
use crate::support::{LoadedImage, Ran, Workspace, run, tool, unique_name};

/// A running `podman system service`.
struct Podman {
    service: Child,
    folder: tempfile::TempDir,
}

impl Podman {
    #[track_caller]
    fn start() -> Podman {
        // In a short path: that of a socket may have 107 bytes.
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let log = fs::File::create(folder.path().join("log")).expect("writable");
        let mut command = Podman::command(folder.path());
        command.args(["system", "service", "--time=0", &format!("unix://{}", socket.display())]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let service = command.spawn().expect("podman is installed");
        let podman = Podman { service, folder };
        let start = Instant::now();
        while !fs::metadata(&socket).is_ok_and(|there| there.file_type().is_socket()) {
            assert!(start.elapsed() < Duration::from_secs(60), "no socket: {}", podman.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        podman
    }

    /// Podman over the storage of this test. runc, which Docker brings along, runs under every version of cgroups: crun
    /// refuses the hybrid of both.
    fn command(folder: &Path) -> Command {
        let mut command = Command::new("podman");
        command.arg("--root").arg(folder.join("storage")).arg("--runroot").arg(folder.join("run"));
        command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs"]).env_remove("DOCKER_HOST");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(Podman::command(self.folder.path()).args(arguments))
    }

    fn host(&self) -> String {
        format!("unix://{}/socket", self.folder.path().display())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.run(&["rm", "--all", "--force", "--time", "0"]);
        let _ = self.service.kill();
        let _ = self.service.wait();
        // What may be mounted, such as a container's root, goes before the folder does.
        self.run(&["rmi", "--all", "--force"]);
        self.run(&["volume", "rm", "--all", "--force"]);
        run(Command::new("umount").arg(self.folder.path().join("storage/overlay")));
    }
}

#[test]
fn podman_builds_loads_and_runs_the_image_that_docker_does() {
    let podman = Podman::start();
    // The builder is made anew, from what is downloaded already.
    let cache = OwnCache::with_own_builder(&["debs", "wheels", "distfiles"]);
    let name = unique_name();
    let workspace = Workspace::with_package(&name, "user = \"1000:1000\"", "");
    let image = || {
        let mut command = cache.image(workspace.root());
        command.env("DOCKER_HOST", podman.host()).env_remove("CARGO_TARGET_DIR");
        run(&mut command)
    };
    let built = image();
    assert_eq!(built.code, Some(0), "{}\npodman said:\n{}", built.stderr, podman.log());
    assert_eq!(built.line(), format!("{name}:latest"));

    // The limits of Podman's defaults may lie above those that this process may set.
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    let rights = ["run", "--rm", "--cap-drop", "ALL", "--read-only", "--network", "none"];
    let ran = podman.run(&[&rights[..], &limits, &[built.line()]].concat()).ok();
    assert_eq!(ran.stdout, format!("this is {name}\n"));
    let left = podman.run(&["ps", "--all", "--quiet"]).ok().stdout;
    assert_eq!(left, "", "no container stays");

    // With nothing to do, nothing is done.
    let again = image().ok();
    assert!(!again.stderr.contains("Running"), "{}", again.stderr);

    // Another program takes the place of the first.
    let id = |reference: &str| podman.run(&["image", "inspect", "--format", "{{.Id}}", reference]);
    let first = id(&name).ok().line().to_owned();
    workspace.write(&format!("{name}/src/main.rs"), "fn main() { println!(\"another\"); }\n");
    image().ok();
    let ran = podman.run(&[&rights[..], &limits, &[built.line()]].concat()).ok();
    assert_eq!(ran.stdout, "another\n");
    id(&first).fails_with(125);

    // Docker comes to the same image, by a builder of its own.
    let loaded = LoadedImage::new(&format!("{name}:latest"));
    workspace.xtask(&["image"]).ok();
    let of_docker = tool("docker", ["image", "inspect", "-f", "{{.Id}}", &name]).ok();
    assert_eq!(of_docker.line().trim_start_matches("sha256:"), id(&name).ok().line());
    drop(loaded);
}
