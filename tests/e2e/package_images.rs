//! Images that consist of packages, with and without a program on top, and the toolbox, which every workspace has.

use std::fs;

use serde_json::Value;

use crate::ebuilds::package_with_repository;
use crate::running::{program, warm_up};
use crate::support::{Container, LoadedImage, Workspace, repository, tool, unique_name};

/// A lock with the builder of this repository and none of its images.
pub(crate) fn builders_lock() -> String {
    let lock = fs::read_to_string(repository().join("Tierce.lock")).expect("this repository has a lock");
    let (builder, _) = lock.split_once("[[image]]").expect("it has images");
    builder.to_owned()
}

/// A workspace whose image of this name has this table, and no other; the builder's packages are those of this repository.
fn of_packages(name: &str, table: &str) -> Workspace {
    warm_up();
    // Some package a workspace has to have: the xtask.
    let package = "[package]\nname = \"some\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
    let root =
        format!("[workspace]\nresolver = \"3\"\nmembers = [\"some\"]\n\n[workspace.metadata.images.{name}]\n{table}\n");
    Workspace::new("workspace")
        .file("Cargo.toml", &root)
        .file("some/Cargo.toml", package)
        .file("some/src/lib.rs", "")
        .file("Tierce.lock", &builders_lock())
}

const SQLITE: &str = "packages = [\"dev-db/sqlite\"]\npackage-use = { \"dev-db/sqlite\" = [\"tools\"] }\n\
                      entrypoint = [\"/usr/bin/sqlite3\"]";

#[test]
fn packages_only_image_knows_owners() {
    let name = unique_name();
    let reference = format!("{name}:latest");
    let _image = LoadedImage::new(&reference);
    let workspace = of_packages(&name, SQLITE);

    // No step has to do with a program.
    let plan = workspace.xtask(&["image", "--dry-run"]).ok();
    assert!(!plan.stdout.contains("compile"), "{}", plan.stdout);
    let ran = workspace.xtask(&["image"]).ok();
    assert_eq!(ran.line(), reference);
    assert!(!ran.stderr.contains("Compiling"), "{}", ran.stderr);
    let query = ["run", "--rm", "--cap-drop", "ALL", "--read-only", "--network", "none", &reference, ":memory:"];
    let answer = tool("docker", query.iter().chain(&["select sqlite_version(), 1 + 1"])).ok();
    assert_eq!(answer.stdout, "3.40.1|2\n");

    // The image has all files of the packages except for those of the presets.
    let listing = Container::create(&reference).listing();
    for there in ["usr/bin/sqlite3\n", "usr/lib64/libsqlite3.so.0 ->", "etc/nsswitch.conf\n", "etc/passwd\n", " tmp/\n"]
    {
        assert!(listing.contains(there), "{there}\n{listing}");
    }
    for absent in ["usr/include", "var/db/pkg", "usr/share/doc", "pkgconfig", "usr/lib/debug", "/gconv/"] {
        assert!(!listing.contains(absent), "{absent}\n{listing}");
    }
    let why = workspace.xtask(&["why", &name, "/usr/bin/sqlite3"]).ok().stdout;
    assert!(why.ends_with("  /usr/bin/sqlite3: a file of dev-db/sqlite\n"), "{why}");
    let why = workspace.xtask(&["why", &name, "/lib64"]).ok().stdout;
    assert!(why.ends_with("  /lib64: a file of sys-apps/baselayout\n"), "{why}");

    // The report names the excluded presets and globs, with their bytes.
    let report = fs::read_to_string(workspace.root().join(format!("target/tierce/images/{name}/report.json")));
    let report: Value = serde_json::from_str(&report.expect("a report")).expect("JSON");
    let left_out = report["left-out"].as_array().expect("a list");
    for preset in ["gconv", "headers", "pkgconfig", "vdb"] {
        let line =
            left_out.iter().find(|line| line["name"] == preset).unwrap_or_else(|| panic!("{preset}: {left_out:?}"));
        assert!(line["bytes"].as_u64() > Some(0), "{line}");
    }
    // Its local time needs a zone that no key asks for; nothing else is missing.
    let findings = report["findings"].as_array().expect("a list");
    assert!(findings.iter().all(|finding| finding["finding"] == "hidden-missing"), "{findings:?}");
    assert!(findings.iter().any(|finding| finding["name"] == "time-zones"), "{findings:?}");

    // `keep` reruns the packing alone, and takes files of a preset back.
    let again = workspace.xtask(&["image", "--dry-run", "--explain"]).ok().stdout;
    assert!(again.lines().all(|line| line.ends_with("  fresh")), "{again}");
    let text = fs::read_to_string(workspace.root().join("Cargo.toml")).expect("it is there");
    workspace.write("Cargo.toml", &format!("{text}keep = [\"headers\"]\n"));
    let explained = workspace.xtask(&["image", "--explain"]).ok();
    assert!(explained.stderr.contains("what goes in changed"), "{}", explained.stderr);
    assert!(Container::create(&reference).listing().contains(" usr/include/sqlite3.h\n"));
    workspace.xtask(&["image", "--locked", "--offline"]).ok();
}

#[test]
fn program_image_can_hold_whole_packages() {
    let name = unique_name();
    let reference = format!("{name}:latest");
    let _image = LoadedImage::new(&reference);
    let table = "packages = [\"dev-db/sqlite\"]\npackage-use = { \"dev-db/sqlite\" = [\"tools\"] }\ninclude = \"packages\"\n\
                 prune = [\"/usr/lib/x86_64-linux-gnu/gconv\"]";
    let workspace = program(&name, table);
    workspace.xtask(&["image"]).ok();
    let run = |arguments: &[&str]| {
        let docker = ["run", "--rm", "--network", "none"];
        tool("docker", docker.iter().chain(arguments)).ok().stdout
    };
    assert_eq!(run(&[&reference]), format!("this is {name}\n"));
    assert_eq!(run(&["--entrypoint", "/usr/bin/sqlite3", &reference, ":memory:", "select 1"]), "1\n");
    let why = |path: &str| workspace.xtask(&["why", &name, path]).ok().stdout;
    assert!(why(&format!("/usr/bin/{name}")).ends_with(": a program of the image\n"));
    assert!(why("/usr/lib64/libc.so.6").ends_with("  /usr/lib64/libc.so.6: a file of sys-libs/glibc\n"));
}

/// Files that an ebuild installs and an image cannot use.
const BROKEN: &str = "KEYWORDS=\"amd64\"\n\nsrc_install() {\n\
                      \tprintf '#!/bin/sh\\n' >greet || die\n\tdobin greet\n\
                      \tdoheader greet\n\tdosym ../include/greet /usr/share/manual\n\
                      \tdosym nowhere /usr/share/lost\n}\n";

#[test]
fn missing_dependency_error_suggests_edits() {
    let table = |keys: &str| {
        format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"app\"]\n\n[workspace.metadata.image]\n\
             repositories = [{{ name = \"mine\", path = \"overlay\" }}]\n\n\
             [workspace.metadata.images.broken]\npackages = [\"media-libs/broken\"]\ncmd = [\"/usr/lib64/ld-linux-x86-64.so.2\"]\n{keys}\n"
        )
    };
    let package = "[package]\nname = \"app\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
    warm_up();
    let workspace = package_with_repository("app", "")
        .ebuild("broken", BROKEN)
        .file("Cargo.toml", &table(""))
        .file("app/Cargo.toml", package)
        .file("Tierce.lock", &builders_lock());
    let layout = ["image", "--layout", "layout"];
    let error = workspace.xtask(&layout).fails_with(7).error(workspace.root());
    insta::assert_snapshot!(error, @r#"
    error: failed to find what the image `broken` needs
     --> Cargo.toml:9:13
      |
    9 | packages = ["media-libs/broken"]
      |             ^^^^^^^^^^^^^^^^^^^
      |
      = note: failed to find the interpreter `/bin/sh`, needed by `/usr/bin/greet`
              failed to find the target `nowhere`, needed by `/usr/share/lost`
              failed to find the target `../include/greet`, needed by `/usr/share/manual`; `/usr/include/greet` is pruned by `headers`
      = help: add "/usr/include/greet" to `keep`; add "/usr/share/lost" to `prune`, or to `allow-missing` if it is to be there all the same; add the package that has it to `packages`, or add "/usr/bin/greet" to `prune`, or to `allow-missing` if it is to be there all the same
    "#);

    // Each of the edits that it names.
    let mended = "prune = [\"/usr/bin/greet\"]\nallow-missing = [\"/usr/share/lost\"]\nkeep = [\"headers\"]";
    workspace.write("Cargo.toml", &table(mended));
    let ran = workspace.xtask(&["image", "--layout", "layout", "--format", "json"]).ok();
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let allowed = serde_json::json!({
        "finding": "allowed-missing", "path": "/usr/share/lost", "wanted": "the target `nowhere`", "pattern": "/usr/share/lost",
    });
    assert_eq!(report[0]["findings"], serde_json::json!([allowed]));
}

#[test]
fn toolbox_is_built_only_if_named() {
    // Tierce resolves and builds nothing, so it needs no daemon.
    let name = unique_name();
    let workspace = of_packages(&name, SQLITE);
    let planned = |arguments: &[&str]| workspace.xtask(&[&["image", "--dry-run"], arguments].concat()).ok().stdout;
    assert!(!planned(&[]).contains("toolbox"), "{}", planned(&[]));
    assert!(planned(&["toolbox"]).contains("resolve toolbox"), "{}", planned(&["toolbox"]));
    let both = planned(&["toolbox", &name]);
    assert!(both.contains("resolve toolbox") && both.contains(&format!("resolve {name}")), "{both}");
    let unknown = workspace.xtask(&["image", "tolbox"]).fails_with(3);
    assert!(unknown.stderr.contains("help: did you mean `toolbox`?"), "{}", unknown.stderr);
    let locked = workspace.xtask(&["image", "--locked", "toolbox"]).fails_with(9);
    assert!(locked.stderr.contains("the image `toolbox`: Tierce.lock does not have it"), "{}", locked.stderr);
}

/// The lines of the library's table.
const TOOLS: [&str; 10] = [
    "app-misc/pax-utils",
    "app-shells/bash",
    "dev-debug/gdb",
    "dev-debug/strace",
    "net-analyzer/tcpdump",
    "net-misc/curl",
    "net-misc/socat",
    "sys-apps/busybox",
    "sys-apps/iproute2",
    "sys-process/procps",
];

/// A workspace with a repository in which these tools are emerged in no time; its toolbox has SQLite's shell, too.
fn with_small_toolbox(name: &str, toolbox: &str) -> Workspace {
    let workspace = of_packages(name, SQLITE)
        .file("overlay/profiles/repo_name", "mine\n")
        .file(
            "overlay/profiles/categories",
            &TOOLS.map(|tool| format!("{}\n", tool.split_once('/').expect("an atom").0)).concat(),
        )
        .file("overlay/metadata/layout.conf", "repo-name = mine\nmasters = tierce\nthin-manifests = true\n");
    for tool in TOOLS {
        let package = tool.split_once('/').expect("an atom").1;
        // A value that the library's table sets for one of them.
        let flags = if package == "busybox" { "IUSE=\"bash iproute2 procps\"\n" } else { "" };
        let ebuild =
            "EAPI=8\nDESCRIPTION=\"For a test\"\nLICENSE=\"MIT\"\nSLOT=\"0\"\nKEYWORDS=\"amd64\"\nS=\"${WORKDIR}\"\n";
        workspace.write(&format!("overlay/{tool}/{package}-99.ebuild"), &format!("{ebuild}{flags}"));
    }
    let text = fs::read_to_string(workspace.root().join("Cargo.toml")).expect("it is there");
    let repositories =
        "[workspace.metadata.image]\nrepositories = [{ name = \"mine\", path = \"overlay\" }]\nuser = 1000\n";
    workspace.write("Cargo.toml", &format!("{text}\n{repositories}\n{}", toolbox_table(name, toolbox)));
    workspace
}

fn toolbox_table(name: &str, keys: &str) -> String {
    format!("[workspace.metadata.images.toolbox]\ntags = [\"{name}\"]\n{keys}\n")
}

#[test]
fn built_toolbox_is_locked() {
    let name = unique_name();
    let reference = format!("toolbox:{name}");
    let _images = LoadedImage::new(&format!("{name}:latest")).and(&reference);
    let own = "packages = [\"dev-db/sqlite\"]\npackage-use = { \"dev-db/sqlite\" = [\"tools\"] }\n\
               cmd = [\"/usr/bin/sqlite3\", \":memory:\", \"select 'tools'\"]";
    let workspace = with_small_toolbox(&name, own);
    let lock = || fs::read_to_string(workspace.root().join("Tierce.lock")).expect("a lock");

    // Nobody has asked for it.
    assert_eq!(workspace.xtask(&["image"]).ok().line(), format!("{name}:latest"));
    workspace.xtask(&["update", "dev-db/sqlite"]).ok();
    workspace.xtask(&["image", "--locked"]).ok();
    assert!(!lock().contains("toolbox"), "{}", lock());

    let ran = workspace.xtask(&["image", "toolbox"]).ok();
    assert_eq!(ran.line(), reference);
    assert_eq!(tool("docker", ["run", "--rm", "--network", "none", &reference]).ok().stdout, "tools\n");
    let user = tool("docker", ["image", "inspect", "-f", "{{.Config.User}}", &reference]).ok();
    assert_eq!(user.line(), "0:0");
    assert!(lock().contains("toolbox") && TOOLS.iter().all(|tool| lock().contains(tool)), "{}", lock());
    workspace.xtask(&["image", "toolbox", "--locked", "--offline"]).ok();
    let explained = workspace.xtask(&["image", "toolbox", "--dry-run", "--explain"]).ok().stdout;
    assert!(explained.lines().all(|line| line.ends_with("  fresh")), "{explained}");
    let why = workspace.xtask(&["why", "toolbox", "/usr/bin/sqlite3"]).ok().stdout;
    assert!(why.ends_with(": a file of dev-db/sqlite\n"), "{why}");

    // It asks for something else now, which is no matter of the other image.
    let text = fs::read_to_string(workspace.root().join("Cargo.toml")).expect("it is there");
    workspace.write(
        "Cargo.toml",
        &text.replace("cmd = [\"/usr/bin/sqlite3\"", "use = [\"-session\"]\ncmd = [\"/usr/bin/sqlite3\""),
    );
    workspace.xtask(&["image", "--locked"]).ok();
    let locked = workspace.xtask(&["image", "--locked", "toolbox"]).fails_with(9);
    assert!(locked.stderr.contains("the image `toolbox`: `use` is now `-session`"), "{}", locked.stderr);
    // `update` covers the locked toolbox too.
    workspace.xtask(&["update", "dev-db/sqlite"]).ok();
    workspace.xtask(&["image", "--locked", "toolbox"]).ok();

    // Another workspace's `clean` leaves it alone, for all toolboxes have one name.
    let other = with_small_toolbox(&format!("{name}-x"), "");
    let listed =
        |workspace: &Workspace| workspace.xtask(&["clean", "--images", "--dry-run", "--format", "json"]).ok().stdout;
    assert!(!listed(&other).contains(&reference), "{}", listed(&other));
    assert!(listed(&workspace).contains(&reference), "{}", listed(&workspace));
}
