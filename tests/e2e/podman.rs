//! Podman in Docker's place: its service, with storage of its own, behind a socket that `DOCKER_HOST` names.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::debug_targets::pack_tools;
use crate::running::OwnCache;
use crate::support::{LoadedImage, Ran, Workspace, repository, run, tool, unique_name, xtask};

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

    /// Podman over the storage of this test. runc, which Docker installs, runs under every version of cgroups: crun
    /// refuses the hybrid of both.
    fn command(folder: &Path) -> Command {
        let mut command = Command::new("podman");
        // conmon leaves a file where it was started if memory runs out.
        command.current_dir(folder).arg("--root").arg(folder.join("storage")).arg("--runroot").arg(folder.join("run"));
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
        // Mounts, such as a container's root, block the removal of the folder.
        self.run(&["rmi", "--all", "--force"]);
        self.run(&["volume", "rm", "--all", "--force"]);
        run(Command::new("umount").arg(self.folder.path().join("storage/overlay")));
    }
}

/// The limits of Podman's defaults may lie above those that this process may set.
const LIMITS: [&str; 4] = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
const NO_RIGHTS: [&str; 5] = ["--cap-drop", "ALL", "--read-only", "--network", "none"];

#[test]
fn podman_builds_the_same_images() {
    let podman = Podman::start();
    // The builder is rebuilt from cached downloads; packages come from Docker's builder.
    let cache = OwnCache::with_own_builder(&["debs", "wheels", "distfiles", "binpkgs"]);
    let image = |folder: &Path, name: &str| {
        let mut command = cache.image(folder);
        // This machine's Podman may lack a bridge, which tests of a service need.
        command
            .arg(name)
            .args((name == "thumbnailer").then_some("--no-test"))
            .env("DOCKER_HOST", podman.host())
            .env_remove("CARGO_TARGET_DIR");
        let ran = run(&mut command);
        assert_eq!(ran.code, Some(0), "{}\npodman said:\n{}", ran.stderr, podman.log());
        ran
    };
    a_program_is_built_and_rebuilt(&podman, &image);
    a_service_runs_on_its_libraries(&podman, &image);
    let left = podman.run(&["ps", "--all", "--quiet"]).ok().stdout;
    assert_eq!(left, "", "no container stays");
}

fn a_program_is_built_and_rebuilt(podman: &Podman, image: &impl Fn(&Path, &str) -> Ran) {
    let name = unique_name();
    let workspace = Workspace::with_package(&name, "user = \"1000:1000\"", "");
    let built = image(workspace.root(), &name);
    assert_eq!(built.line(), format!("{name}:latest"));
    let started = || podman.run(&[&["run", "--rm"], &NO_RIGHTS[..], &LIMITS, &[built.line()]].concat()).ok().stdout;
    assert_eq!(started(), format!("this is {name}\n"));

    // Without a change, the run does nothing.
    let again = image(workspace.root(), &name);
    assert!(!again.stderr.contains("Running"), "{}", again.stderr);

    // Another program takes the place of the first.
    let id = |reference: &str| podman.run(&["image", "inspect", "--format", "{{.Id}}", reference]);
    let first = id(&name).ok().line().to_owned();
    workspace.write(&format!("{name}/src/main.rs"), "fn main() { println!(\"another\"); }\n");
    image(workspace.root(), &name);
    assert_eq!(started(), "another\n");
    id(&first).fails_with(125);

    // Docker builds the same image with its own builder.
    let _loaded = LoadedImage::new(&format!("{name}:latest"));
    workspace.xtask(&["image"]).ok();
    let of_docker = tool("docker", ["image", "inspect", "-f", "{{.Id}}", &name]).ok();
    assert_eq!(of_docker.line().trim_start_matches("sha256:"), id(&name).ok().line());
}

fn a_service_runs_on_its_libraries(podman: &Podman, image: &impl Fn(&Path, &str) -> Ran) {
    let built = image(repository(), "thumbnailer");
    let volume = ["-v", "counts:/var/lib/thumbnailer"];
    let started = podman.run(&[&["run", "-d"], &NO_RIGHTS[..], &LIMITS, &volume, &[built.line()]].concat()).ok();
    let container = started.line();
    let pid = podman.run(&["inspect", "--format", "{{.State.Pid}}", container]).ok();
    // It has no network but its own loopback device, on which a program of the host may join it.
    let photo = repository().join("images/thumbnailer/tests/fixtures/photo.jpg");
    let mut curl = Command::new("nsenter");
    curl.args([&format!("--net=/proc/{}/ns/net", pid.line()), "curl", "--silent", "--show-error", "--fail"]);
    curl.args(["--retry", "20", "--retry-connrefused", "--retry-delay", "1", "--output"]);
    let small = podman.folder.path().join("small.png");
    curl.arg(&small).arg("--data-binary").arg(format!("@{}", photo.display()));
    run(curl.arg("http://127.0.0.1:8080/thumbnail?width=64")).ok();
    let said = tool("file", ["--brief", small.to_str().expect("UTF-8")]).ok().stdout;
    assert!(said.starts_with("PNG image data, 64 x 48"), "{said}");
    podman.run(&["stop", "--time", "1", container]).ok();
    let code = podman.run(&["inspect", "--format", "{{.State.ExitCode}}", container]).ok();
    assert_eq!(code.line(), "0", "SIGTERM stops it within a second");
    podman.run(&["rm", container]).ok();
}

#[test]
fn debug_works_beside_podman_containers() {
    let podman = Podman::start();
    let archive = podman.folder.path().join("tools.tar");
    pack_tools(&archive);
    podman.run(&["import", &archive.to_string_lossy(), "tools:1"]).ok();
    let target = [&["run", "-d", "--name", "web", "--network", "none"], &LIMITS[..], &["tools:1", "sleep", "600"]];
    podman.run(&target.concat()).ok();
    let debug = |command: &[&str]| {
        let mut debug = xtask(repository());
        debug.args(["debug", "--toolbox", "tools:1", "web", "--"]).args(command);
        run(debug.env("DOCKER_HOST", podman.host()))
    };
    let script = "test -x /target$(command -v sleep) && read name < /target/proc/1/comm && echo $name; exit 3";
    assert_eq!(debug(&["sh", "-c", script]).fails_with(3).stdout, "sleep\n");
    debug(&["no-such-tool"]).fails_with(127);
    assert_eq!(podman.run(&["ps", "-aq"]).ok().stdout.lines().count(), 1, "nothing is left");
}
