//! Builders of one's own: a root filesystem or an image that has emerge, with an ebuild repository of its own or without.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Workspace, namespace, repository, run, tool, xtask};

/// Returns the image of Tierce's own builder, which is the only one with emerge on this machine.
fn debian_builder() -> String {
    run(xtask(repository()).args(["image", "hello"])).ok();
    let label = format!("label=dev.tierce.namespace={}", namespace());
    let arguments = ["images", "--filter", &label, "--filter", "label=dev.tierce.kind=builder"];
    let images = tool("docker", arguments.into_iter().chain(["--format", "{{.Repository}}:{{.Tag}}"])).ok().stdout;
    images.lines().next().expect("hello was made with it").to_owned()
}

/// Writes an ebuild repository for a builder of one's own: the packages that every ROOT has, and one that no other repository has.
fn base_tree(workspace: &Workspace) {
    let embedded = repository().join("workspace-crates/ebuilds/tree");
    let tree = workspace.root().join("tree");
    fs::create_dir(&tree).expect("writable");
    for folder in ["eclass", "metadata", "profiles", "sys-apps", "sys-devel"] {
        tool("cp", [Path::new("-r"), &embedded.join(folder), &tree]).ok();
    }
    let libraries = tree.join("sys-libs");
    fs::create_dir(&libraries).expect("writable");
    tool("cp", [Path::new("-r"), &embedded.join("sys-libs/glibc"), &libraries]).ok();
    workspace.write("tree/profiles/repo_name", "gentoo\n");
    workspace.write("tree/profiles/categories", "app-misc\nsys-apps\nsys-devel\nsys-libs\n");
    workspace.write("tree/metadata/layout.conf", "repo-name = gentoo\nmasters =\nthin-manifests = true\n");
    workspace.write(
        "tree/app-misc/greeting/greeting-1.ebuild",
        "EAPI=8\n\nDESCRIPTION=\"Of the base's own repository\"\nHOMEPAGE=\"https://example.org/\"\nS=\"${WORKDIR}\"\n\n\
         LICENSE=\"MIT\"\nSLOT=\"0\"\nKEYWORDS=\"amd64\"\n\n\
         src_install() {\n\tinsinto /usr/share/greeting\n\tnewins - text <<<\"by ${PN} of the base\"\n}\n",
    );
}

/// Writes the base with that repository as an archive, the same bytes each time.
fn write_root(workspace: &Workspace, builder: &str) {
    let script = "set -euo pipefail\n\
        mkdir -p /var/db/repos && cp -r --no-preserve=mode,ownership /tree /var/db/repos/gentoo\n\
        ln -sfn ../../var/db/repos/gentoo/profiles/default/linux/amd64 /etc/portage/make.profile\n\
        { tar -C / -c --sort=name --mtime=@1 --one-file-system --exclude='./dev/*' --exclude='./tmp/*' --exclude=./tree \
        --exclude=./.dockerenv --exclude=./etc/host* --exclude=./etc/resolv.conf --exclude=./etc/mtab \
        --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' . || [ $? -eq 1 ]; } | zstd -q -1 -T0";
    let mount = format!("{}:/tree:ro", workspace.root().join("tree").display());
    let mut docker = Command::new("bash");
    let run_it = "docker run --rm --network none -v \"$0\" --entrypoint /bin/bash \"$1\" -c \"$2\" > root.tar.zst";
    run(docker.current_dir(workspace.root()).args(["-c", run_it, &mount, builder, script])).ok();
}

#[test]
fn builder_from_rootfs_with_own_repository() {
    let builder = debian_builder();
    let table = "packages = [\"app-misc/greeting\"]\nkeep = [\"/usr/share/greeting/*\"]";
    let workspace = Workspace::with_package("own-root", table, "builder = { rootfs = \"root.tar.zst\" }").file(
        "own-root/src/main.rs",
        "fn main() { print!(\"{}\", std::fs::read_to_string(\"/usr/share/greeting/text\").expect(\"kept\")); }\n",
    );
    base_tree(&workspace);
    write_root(&workspace, &builder);
    let ran = workspace.xtask(&["image"]).ok();
    let said = tool("docker", ["run", "--rm", "--network", "none", ran.line()]).ok().stdout;
    assert_eq!(said, "by greeting of the base\n");

    let lock = fs::read_to_string(workspace.root().join("Tierce.lock")).expect("beside Cargo.lock");
    let lock: toml::Table = lock.parse().expect("TOML");
    let base = lock["builder"]["repository"].as_table().expect("the base's");
    assert_eq!((base["name"].as_str(), base["profile"].as_str()), (Some("gentoo"), Some("default/linux/amd64")));
    let packages = lock["package"].as_array().expect("packages");
    assert!(packages.iter().all(|package| package["repository"].as_str() == Some("gentoo")), "{packages:#?}");
    let others = lock.get("repository").and_then(toml::Value::as_array);
    assert!(others.is_none_or(Vec::is_empty), "the embedded one has no part in it");

    // Tierce.lock has all facts of the base.
    assert_eq!(workspace.xtask(&["image", "--frozen"]).ok().line(), ran.line());

    // A profile of the base, by its name; and a base that has chosen none.
    let with = |defaults: &str| {
        let members = "[workspace]\nresolver = \"3\"\nmembers = [\"own-root\"]\n\n[workspace.metadata.image]\n";
        let base = "builder = { rootfs = \"root.tar.zst\" }\n";
        workspace.write("Cargo.toml", &format!("{members}{base}{defaults}\n"));
        workspace.xtask(&["image"])
    };
    assert_eq!(with("portage-profile = \"gentoo:default/linux/amd64\"").ok().line(), ran.line());
    let path = workspace.root().join("Tierce.lock");
    let lock = fs::read_to_string(&path).expect("beside Cargo.lock");
    fs::write(&path, lock.replace("profile = \"default/linux/amd64\"\n", "")).expect("writable");
    insta::assert_snapshot!(with("").fails_with(3).error(workspace.root()), @r#"
    error: the builder has not chosen a profile of its ebuild repository `gentoo`
     --> Cargo.toml:6:22
      |
    6 | builder = { rootfs = "root.tar.zst" }
      |                      ^^^^^^^^^^^^^^
      |
      = help: name one by `portage-profile = "gentoo:PATH"`, or by its link /etc/portage/make.profile
    "#);

    // A name that is taken.
    workspace.write("other/profiles/repo_name", "gentoo\n");
    let taken = with("repositories = [{ name = \"gentoo\", path = \"other\" }]").fails_with(3);
    insta::assert_snapshot!(taken.error(workspace.root()), @r#"
    error: the builder has an ebuild repository `gentoo` itself
     --> Cargo.toml:7:26
      |
    7 | repositories = [{ name = "gentoo", path = "other" }]
      |                          ^^^^^^^^
      |
      = help: give this one another name, in its profiles/repo_name too
    "#);
}

#[test]
fn builder_without_repository_uses_embedded_one() {
    let builder = debian_builder();
    let defaults = format!("builder = {{ image = \"{builder}\" }}");
    let workspace = Workspace::with_package("own-image", "", &defaults);
    let ran = workspace.xtask(&["image"]).ok();
    assert_eq!(tool("docker", ["run", "--rm", "--network", "none", ran.line()]).ok().stdout, "this is own-image\n");
    let lock = fs::read_to_string(workspace.root().join("Tierce.lock")).expect("beside Cargo.lock");
    let lock: toml::Table = lock.parse().expect("TOML");
    assert!(lock["builder"].get("repository").is_none());
    assert_eq!(lock["repository"][0]["name"].as_str(), Some("tierce"));
}

#[test]
fn root_without_emerge_is_refused() {
    let workspace = Workspace::new("workspace").file("folder/etc/motd", "hello\n");
    let root = workspace.root();
    for (kind, name) in [("-cJf", "root.tar.xz"), ("-czf", "root.tar.gz"), ("-cf", "root.tar")] {
        run(Command::new("tar").current_dir(root).args([kind, name, "-C", "folder", "."])).ok();
    }
    let mut errors = String::new();
    for base in ["folder", "root.tar", "root.tar.gz", "root.tar.xz"] {
        workspace.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"none\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n\n\
                 [workspace]\n\n[workspace.metadata.image]\nbuilder = {{ rootfs = \"{base}\" }}\n"
            ),
        );
        workspace.write("src/main.rs", "fn main() {}\n");
        errors.push_str(&workspace.xtask(&["image"]).fails_with(3).error(root));
        errors.push('\n');
    }
    insta::assert_snapshot!(errors, @r#"
    error: the builder's root lacks emerge, a C compiler or ldconfig: it has no /bin/sh
      --> Cargo.toml:11:22
       |
    11 | builder = { rootfs = "folder" }
       |                      ^^^^^^^^
       |
       = help: a builder is a root filesystem that has all three
    error: the builder's root lacks emerge, a C compiler or ldconfig: it has no /bin/sh
      --> Cargo.toml:11:22
       |
    11 | builder = { rootfs = "root.tar" }
       |                      ^^^^^^^^^^
       |
       = help: a builder is a root filesystem that has all three
    error: the builder's root lacks emerge, a C compiler or ldconfig: it has no /bin/sh
      --> Cargo.toml:11:22
       |
    11 | builder = { rootfs = "root.tar.gz" }
       |                      ^^^^^^^^^^^^^
       |
       = help: a builder is a root filesystem that has all three
    error: the builder's root lacks emerge, a C compiler or ldconfig: it has no /bin/sh
      --> Cargo.toml:11:22
       |
    11 | builder = { rootfs = "root.tar.xz" }
       |                      ^^^^^^^^^^^^^
       |
       = help: a builder is a root filesystem that has all three
    "#);
}
