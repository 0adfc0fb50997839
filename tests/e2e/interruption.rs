//! Ctrl-C and kill -9 at every step: no unfinished file stays, and the next run builds the same image.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::ebuilds::package_with_repository;
use crate::kept::{nameless_daemon, with_known_builder};
use crate::running::{OwnCache, Running, image_id, program};
use crate::support::{LoadedImage, Ran, Workspace, tool, unique_name};

/// How soon a run has to end after Ctrl-C. It is about a second; the rest is for machines with much else to do.
const SOON: Duration = Duration::from_secs(5);

/// The sign that a step has started.
enum Sign {
    /// The run says that the step has begun.
    Said(&'static str),
    /// And a container of this kind runs.
    Container(&'static str),
    /// The daemon is asked to name the image.
    Naming,
}

/// The steps from a builder on, in their order.
const STEPS: [Sign; 9] = [
    Sign::Container("resolve"),
    Sign::Said("Running sources"),
    Sign::Container("packages"),
    Sign::Container("environment"),
    Sign::Container("root"),
    Sign::Container("compile"),
    Sign::Said("Running pack"),
    Sign::Said("Running load"),
    Sign::Naming,
];

/// A file large enough for packing and loading to take a moment.
const ASSET: u64 = 64 << 20;

/// A program with a large file, whose builder needs a package that ROOT does not. Returns the workspace and the image's name.
fn subject(name: &str) -> Workspace {
    let table =
        "build-packages = [\"media-libs/generator\"]\nfiles = [{ from = \"asset\", to = \"/usr/share/asset\" }]";
    // No other test has this ebuild, so none has made the same environment.
    let generator = format!("KEYWORDS=\"amd64\"\n# for {name}\n");
    let workspace = package_with_repository(name, table).ebuild("generator", &generator);
    let asset = std::fs::File::create(workspace.root().join(name).join("asset")).expect("writable");
    asset.set_len(ASSET).expect("writable");
    workspace
}

/// Starts a run, with one step at a time, and waits until a step is under way.
fn run_up_to(sign: &Sign, cache: &OwnCache, workspace: &Path) -> Running {
    let mut command = cache.image(workspace);
    command.args(["--jobs", "1"]);
    match sign {
        Sign::Said(text) => {
            let mut running = Running::start(&mut command);
            running.wait_for(text);
            running
        }
        Sign::Container(kind) => {
            let mut running = Running::start(&mut command);
            let kind = format!("label=dev.tierce.kind={kind}");
            let namespace = format!("label=dev.tierce.namespace={}", cache.namespace());
            running.wait_until(&kind.clone(), |running| {
                let list = ["ps", "-q", "--no-trunc", "--filter", &kind, "--filter", &namespace];
                let ids = tool("docker", list).ok().stdout;
                ids.lines().any(|id| cache.owned("container", running.pid()).iter().any(|own| id.starts_with(own)))
            });
            // Well inside of the step.
            sleep(Duration::from_millis(300));
            running
        }
        Sign::Naming => {
            let folder = tempfile::tempdir().expect("a folder");
            let (host, asked) = nameless_daemon(folder.path());
            let mut running = Running::start(command.env("DOCKER_HOST", host));
            running.wait_until("it names the image", |_| asked.load(Ordering::Relaxed));
            running
        }
    }
}

/// Presses Ctrl-C, and checks that the run ends soon and leaves nothing.
fn interrupt(running: Running, cache: &OwnCache, workspace: &Path) -> Ran {
    let start = Instant::now();
    running.signal("INT");
    let ran = running.end();
    assert!(start.elapsed() < SOON, "it took {:?} after Ctrl-C:\n{}", start.elapsed(), ran.stderr);
    assert_eq!(ran.stdout, "", "{}", ran.stderr);
    assert_eq!(cache.owned("container", ran.pid), Vec::<String>::new(), "{}", ran.stderr);
    assert_eq!(cache.unfinished(workspace), Vec::<std::path::PathBuf>::new(), "{}", ran.stderr);
    assert!(ran.stderr.trim_end().ends_with("error: interrupted"), "{}", ran.stderr);
    ran.fails_with(130)
}

#[test]
fn ctrl_c_leaves_nothing_at_any_step() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = with_known_builder(subject(&name));
    let cache = OwnCache::new(&["debs", "wheels", "distfiles"]);
    for step in &STEPS {
        interrupt(run_up_to(step, &cache, workspace.root()), &cache, workspace.root());
    }
    let ran = Running::start(&mut cache.image(workspace.root())).end().ok();
    assert_eq!(ran.line(), format!("{name}:latest"));
    assert!(!ran.stderr.contains("Running packages"), "what was finished is used again:\n{}", ran.stderr);
    let ran = tool("docker", ["run", "--rm", &name]).ok();
    assert_eq!(ran.stdout, format!("this is {name}\n"));
}

#[test]
fn killed_run_recovers_at_any_step() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    // Undisturbed, in another workspace, with another cache and another builder.
    subject(&name).xtask(&["image"]).ok();
    let expected = image_id(&name);
    tool("docker", ["rmi", &name]).ok();

    let workspace = subject(&name);
    let cache = OwnCache::with_own_builder(&["debs", "distfiles"]);
    let builder = ["Running debs", "Running fetch-builder", "Running builder"].map(Sign::Said);
    let builder = builder.into_iter().chain([Sign::Container("configure")]).collect::<Vec<_>>();
    let mut last = 0;
    for step in builder.iter().chain(&STEPS) {
        let running = run_up_to(step, &cache, workspace.root());
        assert_eq!(cache.owned("container", last), Vec::<String>::new(), "what the killed run left is removed first");
        running.signal("KILL");
        let ran = running.end();
        assert_eq!(ran.code, None, "{}", ran.stderr);
        last = ran.pid;
    }
    Running::start(&mut cache.image(workspace.root())).end().ok();
    assert_eq!(image_id(&name), expected);
    assert_eq!(cache.unfinished(workspace.root()), Vec::<std::path::PathBuf>::new());
    let namespace = format!("label=dev.tierce.namespace={}", cache.namespace());
    assert_eq!(tool("docker", ["ps", "-aq", "--filter", &namespace]).ok().stdout, "");
    let images = tool("docker", ["images", "--format", "{{.Repository}}", "--filter", &namespace]).ok().stdout;
    let mut images: Vec<&str> = images.lines().collect();
    images.sort_unstable();
    let finished = ["builder", "environment"].map(|kind| format!("{}-{kind}", cache.namespace()));
    assert_eq!(images, finished, "no half-made image stays");
    let volumes = tool("docker", ["volume", "ls", "-q", "--filter", &namespace]).ok().stdout;
    assert_eq!(volumes.lines().count(), 1, "one ROOT: {volumes}");
}

#[test]
fn ctrl_c_leaves_no_partial_builder() {
    let workspace = program(&unique_name(), "");
    let cache = OwnCache::with_own_builder(&["debs", "wheels"]);
    for step in [Sign::Said("Running builder"), Sign::Container("configure")] {
        let running = run_up_to(&step, &cache, workspace.root());
        sleep(Duration::from_secs(1));
        interrupt(running, &cache, workspace.root());
        let namespace = format!("label=dev.tierce.namespace={}", cache.namespace());
        let images = || tool("docker", ["images", "-aq", "--filter", &namespace]).ok().stdout;
        assert_eq!(images(), "");
    }
}

/// A server that takes connections and never answers.
fn silent_server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    (listener, address)
}

/// The next connection. Fails after a while, because a run that ends before it asks would leave the test waiting for ever.
fn connection(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a listener");
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((connection, _)) => {
                connection.set_nonblocking(false).expect("a connection");
                return connection;
            }
            Err(_) if start.elapsed() < Duration::from_secs(300) => sleep(Duration::from_millis(50)),
            Err(error) => panic!("nothing asks the mirror: {error}"),
        }
    }
}

#[test]
fn ctrl_c_keeps_a_partial_download() {
    let (listener, address) = silent_server();
    let name = unique_name();
    let defaults = format!("debian-mirror = {address:?}");
    let workspace = Workspace::with_package(&name, "", &defaults);
    let cache = OwnCache::new(&[]);
    // The index of packages.
    let running = Running::start(&mut cache.image(workspace.root()));
    let mut first = connection(&listener);
    let _ = first.read(&mut [0; 64]);
    interrupt(running, &cache, workspace.root());
    assert!(!workspace.root().join("Tierce.lock").exists(), "nothing is locked");
    // The packages.
    drop(first);
    let lock = std::fs::read_to_string(crate::support::repository().join("Tierce.lock")).expect("a lock");
    workspace.write("Tierce.lock", &lock);
    std::fs::create_dir(cache.path().join("wheels")).expect("writable");
    for wheel in std::fs::read_dir(crate::support::cache().join("wheels")).expect("warm").flatten() {
        std::fs::hard_link(wheel.path(), cache.path().join("wheels").join(wheel.file_name())).expect("one file system");
    }
    let mut running = Running::start(&mut cache.image(workspace.root()));
    running.wait_for("Running fetch-builder");
    let _connection = connection(&listener);
    interrupt(running, &cache, workspace.root());
    assert_eq!(std::fs::read_to_string(workspace.root().join("Tierce.lock")).expect("a lock"), lock);
}
