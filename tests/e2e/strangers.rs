//! Objects of the daemon that have names of Tierce's own, and those of other namespaces.

use crate::running::{OwnCache, Running, program};
use crate::support::{LoadedImage, Workspace, run, tool, unique_name, xtask};

/// A program whose builder has a hook; no other test has made the same builder.
fn with_builder_hook(name: &str) -> Workspace {
    let workspace = program(name, "hooks = { builder = \"builder.sh\" }");
    workspace.write(&format!("{name}/builder.sh"), &format!("echo {name} > /opt/answer\n"));
    let build =
        format!("fn main() {{ assert_eq!(std::fs::read_to_string(\"/opt/answer\").unwrap(), \"{name}\\n\"); }}\n");
    workspace.write(&format!("{name}/build.rs"), &build);
    workspace
}

/// The names of the builders of this kind in a namespace.
fn builders(namespace: &str, kind: &str) -> Vec<String> {
    let filters = [format!("label=dev.tierce.namespace={namespace}"), format!("label=dev.tierce.kind={kind}")];
    let list = ["images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", &filters[0], "--filter", &filters[1]];
    tool("docker", list).ok().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn image_named_like_a_builder_is_not_used() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = with_builder_hook(&name);
    let folders = ["debs", "wheels", "distfiles", "binpkgs"];
    let cache = OwnCache::new(&folders);
    let before = builders(cache.namespace(), "environment");
    run(&mut cache.image(workspace.root())).ok();
    let mut new = builders(cache.namespace(), "environment");
    new.retain(|builder| !before.contains(builder));
    let [environment] = new.try_into().expect("one builder");

    // An image of somebody else's, with most labels and without what the hook has made.
    let stranger = format!("{name}-stranger");
    let _stranger = LoadedImage::new(&stranger);
    tool("docker", ["tag", &environment, &format!("{name}-kept")]).ok();
    let dockerfile = format!("FROM {name}-kept\nLABEL dev.tierce.key=other\nRUN [\"/bin/rm\", \"/opt/answer\"]\n");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).expect("writable");
    let path = folder.path().to_str().expect("UTF-8");
    tool("docker", ["build", "-q", "-t", &stranger, path]).ok();
    tool("docker", ["tag", &stranger, &environment]).ok();

    // The receipt names the image by its id.
    workspace.write(&format!("{name}/src/main.rs"), "fn main() { println!(\"one\"); }\n");
    run(&mut cache.image(workspace.root())).ok();
    // Another cache has no receipt.
    let beside = cache.beside(&folders);
    workspace.write(&format!("{name}/src/main.rs"), "fn main() { println!(\"two\"); }\n");
    let ran = run(&mut beside.image(workspace.root())).ok();
    assert!(ran.stderr.contains(&format!("`{environment}` was the name of the image sha256:")), "{}", ran.stderr);
    assert_eq!(tool("docker", ["run", "--rm", &name]).ok().stdout, "two\n");
    tool("docker", ["image", "inspect", &stranger]).ok();
    tool("docker", ["rmi", "-f", &format!("{name}-kept")]).ok();
}

#[test]
fn replaced_volume_is_not_used() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    run(&mut cache.image(workspace.root())).ok();
    let id = std::fs::read_to_string(cache.path().join("id")).expect("the cache has a name");
    let volumes = || tool("docker", ["volume", "ls", "-q", "--filter", &format!("label=dev.tierce.cache={id}")]).ok();
    let volume = volumes().line().to_owned();
    let labels =
        tool("docker", ["volume", "inspect", "-f", "{{range $k, $v := .Labels}}{{$k}}={{$v}}\n{{end}}", &volume])
            .ok()
            .stdout;
    tool("docker", ["volume", "rm", &volume]).ok();
    let mut again = vec!["volume".to_owned(), "create".to_owned()];
    again.extend(
        labels.lines().filter(|line| !line.is_empty()).flat_map(|label| ["--label".to_owned(), label.to_owned()]),
    );
    tool("docker", again.into_iter().chain([volume.clone()])).ok();
    workspace.write(&format!("{name}/src/main.rs"), "fn main() { println!(\"again\"); }\n");
    let ran = run(&mut cache.image(workspace.root())).ok();
    assert!(ran.stderr.contains(&format!("Running root {name}: ")), "{}", ran.stderr);
    assert_eq!(tool("docker", ["run", "--rm", &name]).ok().stdout, "again\n");
}

#[test]
fn namespaces_share_the_cache_alone() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    run(cache.image(workspace.root()).env("TIERCE_KEEP_WARM", "600")).ok();
    // Other tests remove volumes of their own caches meanwhile.
    let of_cache = format!("label=dev.tierce.cache-folder={}", cache.path().display());
    let theirs = tool("docker", ["volume", "ls", "-q", "--filter", &of_cache]).ok().stdout;
    assert_ne!(theirs, "");

    let other = unique_name();
    let clean = |arguments: &[&str]| {
        let mut command = xtask(workspace.root());
        command.env("TIERCE_CACHE", cache.path()).env("TIERCE_NAMESPACE", &other);
        run(command.arg("clean").args(arguments)).ok()
    };
    let listed = clean(&["--all", "--dry-run"]);
    let of_daemon = ["ROOT e", "container ", "builder "].map(|kind| listed.stdout.contains(kind));
    assert_eq!(of_daemon, [false; 3], "{}", listed.stdout);
    let told = format!("the cache is also that of the namespaces `{}`", cache.namespace());
    assert!(listed.stderr.contains(&told), "{}", listed.stderr);
    assert!(listed.stdout.contains(&format!("cache {}", cache.path().join("debs").display())), "{}", listed.stdout);
    clean(&["--images"]);
    for volume in theirs.lines() {
        tool("docker", ["volume", "inspect", volume]).ok();
    }
    let waits = format!("label=dev.tierce.namespace={}", cache.namespace());
    let waits = ["ps", "-q", "--filter", &waits, "--filter", "label=dev.tierce.warm-for"];
    let waiting = tool("docker", waits).ok().stdout;
    assert_ne!(waiting, "", "the other namespace left it alone");
    tool("docker", ["rm", "-f"].into_iter().chain(waiting.lines())).ok();
}

#[test]
fn run_with_nothing_to_do_removes_leftovers() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    run(&mut cache.image(workspace.root())).ok();
    let main = format!("{name}/src/main.rs");
    let before = std::fs::read_to_string(workspace.root().join(&main)).expect("there");
    workspace.write(&main, "fn main() {}\n");
    let mut running = Running::start(&mut cache.image(workspace.root()));
    let pid = running.pid();
    running.wait_until("it compiles", |_| !cache.owned("container", pid).is_empty());
    running.signal("KILL");
    running.end();
    workspace.write(&main, &before);
    assert!(!cache.owned("container", pid).is_empty());
    let ran = run(&mut cache.image(workspace.root())).ok();
    assert!(!ran.stderr.contains("Running compile"), "{}", ran.stderr);
    assert_eq!(cache.owned("container", pid), Vec::<String>::new());
}

/// Removes the binary packages of a package from a cache.
fn forget_binpkg(cache: &OwnCache, name: &str) {
    for entry in std::fs::read_dir(cache.path().join("binpkgs")).expect("there").flatten() {
        let path = entry.path();
        let is_package = path.to_string_lossy().ends_with(".gpkg.tar");
        if is_package && tool("tar", ["-tf".as_ref(), path.as_os_str()]).ok().stdout.starts_with(name) {
            std::fs::remove_file(path).expect("ours");
        }
    }
}

#[test]
fn ebuild_of_a_workspace_changes_no_package_of_others() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    // Its name sorts first. Every linker of the container marks its output.
    let evil = "KEYWORDS=\"amd64\"\npkg_pretend() {\n\
                \tlocal ld=$(readlink -f \"$(type -P ld)\")\n\
                \tmv \"$ld\" \"$ld.real\"\n\
                \tprintf '#!/bin/sh\\nexec %s \"$@\" --build-id=0x706f69736f6e\\n' \"$ld.real\" > \"$ld\"\n\
                \tchmod +x \"$ld\"\n}\n";
    let table = format!(
        "name = \"{name}\"\npackages = [\"media-libs/a-evil\", \"sys-libs/zlib\"]\nkeep = [\"/usr/lib64/libz.so*\"]"
    );
    let workspace = crate::kept::with_known_builder(crate::ebuilds::with_repository(&table)).ebuild("a-evil", evil);
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    forget_binpkg(&cache, "zlib-");
    run(&mut cache.image(workspace.root())).ok();
    let script = "set -o pipefail; id=$(docker create \"$0\" -); docker cp -L $id:/usr/lib64/libz.so.1 - | tar -xO | grep -c poison; docker rm $id >/dev/null";
    assert_eq!(tool("bash", ["-c", script, &name]).stdout.trim(), "0");
}
