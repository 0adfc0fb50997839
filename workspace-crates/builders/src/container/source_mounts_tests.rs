//! Tests of [`SourceMounts`].

use tierce_process::cargo_config::ConfigFile;

use super::*;

fn workspace(root: &str, outside: &[&str]) -> Workspace {
    Workspace {
        root: root.into(),
        target_directory: "/t".into(),
        build_directory: None,
        rust_versions: Default::default(),
        members: Vec::new(),
        outside: Vec::new(),
        folders_outside: outside.iter().map(Utf8PathBuf::from).collect(),
        local_manifests: Vec::new(),
        downloaded_manifests: Vec::new(),
    }
}

fn mounts(root: &str, outside: &[&str], configs: &[&str]) -> SourceMounts {
    let files = configs.iter().map(|path| ConfigFile { path: (*path).into(), text: String::new() }).collect();
    let config = CargoConfig { files, ..CargoConfig::default() };
    let folders = HostFolders {
        cargo_home: "/home/u/.cargo".into(),
        target: "/home/u/target/tierce/cargo".into(),
        skeletons: "/home/u/target/tierce/skeletons".into(),
        configs: "/home/u/target/tierce/cargo-config".into(),
    };
    SourceMounts::new(&workspace(root, outside), &config, folders, None, Vec::new())
}

/// The host's folder and its path in the builder, of every mount.
fn targets(mounts: &SourceMounts) -> Vec<(String, String)> {
    let of = |mount: Mount| match mount {
        Mount::Folder { host, target, .. } => (host.display().to_string(), target),
        other => panic!("{other:?}"),
    };
    mounts.mounts(false).into_iter().skip(1).map(of).collect()
}

#[test]
fn workspace_path_has_no_name_of_the_host() {
    for (root, outside, expected) in [
        ("/home/u/code/ws", &[][..], "/tierce/source"),
        ("/home/u/code/ws", &["/home/u/code/lib"], "/tierce/source/_above_"),
        ("/srv/other-name", &["/srv/lib"], "/tierce/source/_above_"),
        ("/home/u/code/ws", &["/home/u/lib", "/home/u/code/lib"], "/tierce/source/_above_/_above_"),
    ] {
        assert_eq!(mounts(root, outside, &[]).workspace(), expected, "{root} {outside:?}");
    }
    let inside: Vec<String> = [("/a/one", "/a/lib"), ("/b/c/two", "/b/c/lib")]
        .map(|(root, lib)| targets(&mounts(root, &[lib], &[])).pop().expect("the library").1)
        .to_vec();
    assert_eq!(inside, ["/tierce/source/lib", "/tierce/source/lib"]);
}

#[test]
fn configuration_above_keeps_its_order() {
    let config = |configs: &[&str]| {
        let mut targets: Vec<String> =
            targets(&mounts("/home/u/code/ws", &[], configs)).into_iter().skip(1).map(|(_, target)| target).collect();
        targets.reverse();
        targets
    };
    assert_eq!(config(&["/home/u/code/ws/.cargo/config.toml"]), ["/tierce/source/.cargo/config.toml"]);
    assert_eq!(config(&["/home/u/code/.cargo/config.toml"]), ["/tierce/.cargo/config.toml"]);
    assert_eq!(config(&["/home/.cargo/config"]), ["/.cargo/config"]);
    assert_eq!(config(&["/home/u/.cargo/config.toml"]), ["/tierce/cargo-home/config.toml"]);
    let many = ["/home/u/code/.cargo/config.toml", "/home/.cargo/config.toml", "/.cargo/config.toml"];
    let expected =
        ["/tierce/source/.cargo/config.toml", "/tierce/.cargo/config.toml", "/.cargo/config.toml"].map(str::to_owned);
    assert_eq!(config(&many), expected);
    assert_eq!(mounts("/home/u/code/ws", &[], &many).workspace(), "/tierce/source/_above_");
}

#[test]
fn paths_translate_in_both_directions() {
    let mounts = mounts("/home/u/code/ws", &["/home/u/code/lib"], &[]);
    for path in ["/home/u/code/ws/src/main.rs", "/home/u/code/lib/src/lib.rs", "/home/u/code"] {
        let inside = mounts.in_builder(path.into());
        assert_eq!(mounts.outside_of_builder(inside.as_str().into()).as_deref(), Some(path.into()), "{inside}");
    }
    assert_eq!(mounts.inside("/home/u/code/else/Cargo.toml".into()), None);
    assert_eq!(mounts.outside_of_builder("/usr/include/x.h".into()), None);
}

#[test]
fn read_files_are_mounted_at_their_place() {
    let folders =
        HostFolders { cargo_home: "/c".into(), target: "/t".into(), skeletons: "/s".into(), configs: "/k".into() };
    let files = vec!["/home/u/schema.sql".into(), "/home/u/ws/src/x".into()];
    let mounts = SourceMounts::new(&workspace("/home/u/ws", &[]), &CargoConfig::default(), folders, None, files);
    assert_eq!(targets(&mounts)[1..], [("/home/u/schema.sql".to_owned(), "/tierce/schema.sql".to_owned())]);
    let inside = Utf8Path::new("/tierce/schema.sql");
    assert_eq!(mounts.outside_of_builder(inside).as_deref(), Some("/home/u/schema.sql".into()));
    assert_eq!(mounts.outside_of_builder("/tierce/other.sql".into()), None);
    assert_eq!(mounts.meant("app/src/../../../other.sql".into()).as_deref(), Some("/home/u/other.sql".into()));
    assert!(mounts.has("/home/u/schema.sql".into()) && !mounts.has("/home/u/other.sql".into()));
}

#[test]
fn sources_are_writable_only_if_the_table_says_so() {
    let mounts = mounts("/home/u/code/ws", &["/home/u/code/lib"], &[]);
    let read_only = |write_sources| {
        let of = |mount| matches!(mount, Mount::Folder { read_only: true, .. });
        mounts.mounts(write_sources).into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(read_only(false), [false, true, true], "cargo writes into its target folder");
    assert_eq!(read_only(true), [false, false, false]);
}

#[test]
fn debugger_mounts_are_read_only() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("registry")).unwrap();
    let mut mounts = mounts("/home/u/code/ws", &[], &[]);
    mounts.cargo_home = Utf8PathBuf::from_path_buf(home.path().to_owned()).unwrap();
    let bind =
        |host: Utf8PathBuf, target: &str| Mount::Folder { host: host.into(), target: target.into(), read_only: true };
    let registry = mounts.cargo_home.join("registry");
    assert_eq!(
        mounts.readable(),
        [bind("/home/u/code/ws".into(), "/tierce/source"), bind(registry, "/tierce/cargo-home/registry")]
    );
}

#[test]
fn messages_name_paths_of_the_host() {
    let mounts = mounts("/home/u/code/ws", &["/home/u/code/lib"], &[]);
    for (said, expected) in [
        ("  --> /tierce/source/_above_/src/main.rs:1:1", "  --> /home/u/code/ws/src/main.rs:1:1"),
        ("  --> /tierce/source/lib/src/lib.rs:1:1", "  --> /home/u/code/lib/src/lib.rs:1:1"),
        ("/tierce/cargo-home/registry/src/x", "/home/u/.cargo/registry/src/x"),
        ("/tierce/target/debug", "/home/u/target/tierce/cargo/debug"),
    ] {
        assert_eq!(mounts.host_paths(said.as_bytes()), expected.as_bytes());
    }
    assert_eq!(mounts.host_paths(b"\xff/tierce/source"), b"\xff/tierce/source");
}
