//! The same input gives the same image, wherever and by whomever it is built; another input replaces it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::places::rustup_home;
use crate::running::OwnCache;
use crate::support::{Container, LoadedImage, Ran, Workspace, run, tool, unique_name, xtask};

/// A program that is linked against an emerged library, with a build script, a dependency outside of its workspace, and a
/// folder of files.
fn linked(folder: &str, name: &str) -> Workspace {
    let table = "[package.metadata.image]\npackages = [\"sys-libs/zlib\"]\nfiles = [{ from = \"assets\", to = \"/usr/share/app\" }]";
    let package = format!(
        "[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2024\"\nbuild = \"build.rs\"\n\n{table}\n\n\
         [dependencies]\nbeside = {{ path = \"../../beside\" }}\n"
    );
    let program = r#"
        #[link(name = "z")]
        unsafe extern "C" { fn zlibVersion() -> *const std::ffi::c_char; }
        fn main() {
            let version = unsafe { std::ffi::CStr::from_ptr(zlibVersion()) };
            println!("zlib {} {}", version.to_string_lossy(), beside::place());
            // A panic names the source file.
            assert_ne!(std::env::args().count(), 2, "{}", env!("MADE"));
        }
    "#;
    Workspace::new(folder)
        .file("ws/Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = [\"{name}\"]\n"))
        .file(&format!("ws/{name}/Cargo.toml"), &package)
        .file(&format!("ws/{name}/src/main.rs"), program)
        .file(&format!("ws/{name}/build.rs"), "fn main() { println!(\"cargo::rustc-env=MADE=by a script\"); }\n")
        .file(&format!("ws/{name}/assets/a.txt"), "a\n")
        .file(&format!("ws/{name}/assets/below/b.txt"), "b\n")
        .file("beside/Cargo.toml", "[package]\nname = \"beside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        .file("beside/src/lib.rs", "pub fn place() -> &'static str { file!() }\n")
}

/// The report of the only image of a run.
#[track_caller]
fn report(ran: Ran) -> Value {
    let mut reports: Vec<Value> = serde_json::from_str(&ran.ok().stdout).expect("JSON");
    reports.remove(0)
}

#[test]
fn image_id_ignores_folder_and_time() {
    let name = unique_name();
    let _image = LoadedImage::new(&format!("{name}:latest"));
    let here = linked("here", &name);
    let first =
        report(run(xtask(&here.root().join("ws")).env_remove("CARGO_TARGET_DIR").args(["image", "--format", "json"])));

    // A build from scratch, later, in another folder and with other user settings.
    let there = linked("there, in another folder", &name);
    let root = there.root().join("ws");
    fs::copy(here.root().join("ws/Tierce.lock"), root.join("Tierce.lock")).expect("it is there");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles"]);
    let other = cache.image(&root);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(other.get_program()).args(other.get_args());
    command.args(["--format", "json", "--jobs", "1"]).current_dir(&root);
    command.envs(other.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let home = there.root().join("home");
    fs::create_dir(&home).expect("writable");
    // As if it had been checked out on another day, with another umask.
    let old = "find . -exec touch -h -d 2001-02-03T04:05:06Z {} + && chmod -R go-rwx,u+rwX .";
    run(Command::new("sh").args(["-c", old]).current_dir(there.root())).ok();
    command.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_HOME");
    command.env("RUSTUP_HOME", rustup_home()).env("HOME", &home).env("TZ", "Pacific/Chatham");
    command.env("LANG", "tr_TR.UTF-8").env("LC_ALL", "tr_TR.UTF-8").env("SOURCE_DATE_EPOCH", "1234567890");
    let second = report(run(&mut command));

    let layers = |report: &Value| report["layers"].clone();
    assert_eq!(layers(&first), layers(&second));
    assert_eq!(first["id"], second["id"]);
    let packages = second["steps"].as_array().into_iter().flatten();
    let mut packages = packages.filter(|step| step["step"].as_str().is_some_and(|id| id.starts_with("packages ")));
    assert!(packages.all(|step| step["reused"] == false), "the packages were compiled again: {}", second["steps"]);

    let ran = tool("docker", ["run", "--rm", &format!("{name}:latest")]).ok().stdout;
    assert!(ran.starts_with("zlib 1."), "{ran}");
}

/// The id of an image of the daemon; none if it is gone.
fn id_of(reference: &str) -> Option<String> {
    let inspected = tool("docker", ["image", "inspect", "-f", "{{.Id}}", reference]);
    (inspected.code == Some(0)).then(|| inspected.stdout.trim().to_owned())
}

#[test]
fn superseded_image_is_removed_if_unused() {
    let name = unique_name();
    let reference = format!("{name}:latest");
    let _image = LoadedImage::new(&reference);
    let workspace = Workspace::with_package(&name, "", "");
    let build = |version: u32| {
        workspace.write(&format!("{name}/src/main.rs"), &format!("fn main() {{ println!(\"version {version}\"); }}\n"));
        workspace.xtask(&["image"]).ok();
        let ran = tool("docker", ["run", "--rm", &reference]).ok().stdout;
        assert_eq!(ran, format!("version {version}\n"));
        id_of(&reference).expect("it is loaded")
    };
    let first = build(1);
    let second = build(2);
    assert_ne!(first, second);
    assert_eq!(id_of(&first), None, "nothing uses the first");

    let container = Container::create(&reference);
    let third = build(3);
    assert_eq!(id_of(&second).as_ref(), Some(&second), "a container uses the second");
    drop(container);
    let _second = LoadedImage::new(&second);

    // One with a name of the user's own stays under that.
    let kept = format!("{name}:kept");
    let _kept = LoadedImage::new(&kept);
    tool("docker", ["tag", &reference, &kept]).ok();
    build(4);
    assert_eq!(id_of(&kept), Some(third));

    // The earlier image is loaded again.
    assert_eq!(build(2), second);
}
