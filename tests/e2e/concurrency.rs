//! Two runs at once: one names the result that it waits for, and both succeed.

use crate::running::{OwnCache, Running, image_id, program};
use crate::support::{LoadedImage, Workspace, unique_name};

/// A run, and a second one in its workspace, which waits.
fn waiting(cache: &OwnCache, workspace: &Workspace) -> (Running, Running) {
    let mut first = Running::start(&mut cache.image(workspace.root()));
    first.wait_for("Running resolve");
    let mut second = Running::start(&mut cache.image(workspace.root()));
    second.wait_for("Waiting for another run in this workspace (process ");
    (first, second)
}

#[test]
fn second_run_waits_for_the_first() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    let (first, second) = waiting(&cache, &workspace);
    let (first, second) = (first.end().ok(), second.end().ok());
    assert_eq!(first.line(), second.line());
    assert!(!second.stderr.contains("Running"), "the first has done it all:\n{}", second.stderr);
}

#[test]
fn workspaces_share_cached_results() {
    let names = [unique_name(), unique_name()];
    let _images = LoadedImage::new(&names[0]).and(&names[1]);
    let workspaces = names.each_ref().map(|name| program(name, ""));
    let cache = OwnCache::new(&["debs", "wheels", "distfiles"]);
    let [mut first, second] = workspaces.each_ref().map(|workspace| Running::start(&mut cache.image(workspace.root())));
    first.wait_until("both are under way", |first| {
        first.stderr().contains("Running packages") || second.stderr().contains("Running packages")
    });
    let ran = [first.end().ok(), second.end().ok()];
    let count = |text: &str| ran.iter().map(|ran| ran.stderr.matches(text).count()).sum::<usize>();
    // A run that waits for the last package continues before the other run's step ends; the logs name the run that built it.
    let has_compiled = |(workspace, name): (&Workspace, &String)| {
        let logs = std::fs::read_dir(workspace.root().join("target/tierce/logs").join(name));
        logs.into_iter().flatten().flatten().any(|log| log.file_name().to_string_lossy().contains("glibc-"))
    };
    assert_eq!(workspaces.iter().zip(&names).filter(|both| has_compiled(*both)).count(), 1, "{ran:#?}");
    assert_eq!(count("Running root"), 1, "{ran:#?}");
    assert!(count("Waiting for another run or image that") > 0, "{ran:#?}");
    let volumes = ["volume", "ls", "-q", "--filter"];
    let id = std::fs::read_to_string(cache.path().join("id")).expect("the cache has a name");
    let volumes = crate::support::tool("docker", volumes.into_iter().chain([&*format!("label=dev.tierce.cache={id}")]));
    assert_eq!(volumes.ok().stdout.lines().count(), 1, "they share one ROOT");
    assert_ne!(image_id(&names[0]), image_id(&names[1]), "each has its own program");
}

#[test]
fn caches_share_the_first_builder() {
    let names = [unique_name(), unique_name()];
    let _images = LoadedImage::new(&names[0]).and(&names[1]);
    let workspaces = names.each_ref().map(|name| program(name, ""));
    let folders = ["debs", "wheels", "distfiles", "binpkgs"];
    let first = OwnCache::with_own_builder(&folders);
    let caches = [first.beside(&folders), first];
    let commands = || caches.iter().zip(&workspaces).map(|(cache, workspace)| cache.image(workspace.root()));
    let mut runs: Vec<Running> = commands().map(|mut command| Running::start(&mut command)).collect();
    runs.iter_mut().for_each(|run| run.wait_for("Running builder"));
    runs.into_iter().for_each(|run| drop(run.end().ok()));
    let label = format!("label=dev.tierce.namespace={}", caches[0].namespace());
    let images = crate::support::tool("docker", ["images", "--filter", &label, "--format", "{{.Repository}}"]).ok();
    assert_eq!(images.stdout.lines().filter(|name| name.ends_with("-builder")).count(), 1, "{}", images.stdout);
    assert!(!images.stdout.contains("<none>"), "{}", images.stdout);
    // The run whose builder came too late goes on with the other one's.
    commands().for_each(|mut command| drop(crate::support::run(command.arg("--no-cache=compile")).ok()));
}

#[test]
fn ctrl_c_ends_the_waiting() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    let (first, second) = waiting(&cache, &workspace);
    second.signal("INT");
    second.end().fails_with(130);
    first.end().ok();
}
