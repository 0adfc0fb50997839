//! Runs cargo on workspaces as users have them.

use std::fs;

use super::*;

/// Writes files below a new folder with a space and an umlaut in its name.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    // cargo resolves links, and some systems' temporary folder is a link.
    let path = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap().join("wörk space");
    for (name, text) in files {
        let file = path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    (folder, path)
}

fn read(folder: &Utf8Path, options: &Options) -> Result<Workspace, Error> {
    workspace(folder, options, &AtomicBool::new(false), |_| {})
}

const PACKAGE: &str = "edition = \"2021\"\nversion = \"1.2.3\"\n";

#[test]
fn workspace_lists_members_and_outside_packages() {
    let outside =
        format!("[package]\nname = \"outside\"\n{PACKAGE}[dependencies]\nfar = {{ path = \"../far\" }}\n[workspace]\n");
    let far = format!("[package]\nname = \"far\"\n{PACKAGE}[workspace]\n");
    let server = format!(
        "[package]\nname = \"server\"\n{PACKAGE}description = \"Serves\"\nlicense = \"MIT\"\nauthors = [\"A\", \"B\"]\n\
         [features]\ndefault = []\nextra = [\"dep:outside\"]\n[[bin]]\nname = \"tool\"\nrequired-features = [\"extra\"]\n\
         [dependencies]\noutside = {{ path = \"../../outside\", optional = true }}\n\
         [dev-dependencies]\ntesting = {{ path = \"../testing\" }}\n\
         outer-testing = {{ path = \"../../testing\" }}\n[build-dependencies]\nbase = {{ path = \"../base\" }}\n",
    );
    let (_folder, path) = folder(&[
        ("work/Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"server\", \"base\", \"testing\"]\n"),
        ("work/server/Cargo.toml", &server),
        ("work/server/src/main.rs", "fn main() {}"),
        ("work/server/src/bin/tool.rs", "fn main() {}"),
        ("work/base/Cargo.toml", &format!("[package]\nname = \"base\"\n{PACKAGE}")),
        ("work/base/src/lib.rs", ""),
        ("work/testing/Cargo.toml", &format!("[package]\nname = \"testing\"\n{PACKAGE}")),
        ("work/testing/src/lib.rs", ""),
        ("outside/Cargo.toml", &outside),
        ("outside/src/lib.rs", ""),
        ("far/Cargo.toml", &far),
        ("far/src/lib.rs", ""),
        ("testing/Cargo.toml", &format!("[package]\nname = \"outer-testing\"\n{PACKAGE}[workspace]\n")),
        ("testing/src/lib.rs", ""),
    ]);
    let options = Options { offline: true, ..Options::default() };
    let workspace = read(&path.join("work/server/src"), &options).unwrap();

    assert_eq!(workspace.root, path.join("work"));
    let names = |packages: &[Package]| packages.iter().map(|package| package.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&workspace.members), ["base", "server", "testing"]);
    assert_eq!(names(&workspace.outside), ["far", "outside"]);
    let outside = ["far", "outside", "testing"].map(|name| path.join(name));
    assert_eq!(workspace.folders_outside, outside);
    assert_eq!(workspace.local_manifests, outside.map(|folder| folder.join("Cargo.toml")));
    assert_eq!(workspace.downloaded_manifests, [] as [Utf8PathBuf; 0]);

    let server = &workspace.members[1];
    assert_eq!(server.folder(), path.join("work/server"));
    assert_eq!((server.version.as_str(), server.license.as_deref()), ("1.2.3", Some("MIT")));
    assert_eq!(server.description.as_deref(), Some("Serves"));
    assert_eq!(server.authors, ["A", "B"]);
    assert_eq!(server.features, ["default", "extra"]);
    let binaries: Vec<_> =
        server.binaries.iter().map(|binary| (&*binary.name, &binary.required_features[..])).collect();
    assert_eq!(binaries, [("server", [].as_slice()), ("tool", &["extra".to_owned()])]);
    let local = server.local_dependencies.iter().map(|id| workspace.package(id).unwrap().name.as_str());
    assert_eq!(BTreeSet::from_iter(local), BTreeSet::from(["base", "far", "outside"]));

    let never = AtomicBool::new(false);
    let outline = outline(&path.join("work/server/src"), &options, &never, |_| {}).unwrap();
    assert_eq!(outline.root, workspace.root);
    assert_eq!(outline.target_directory, workspace.target_directory);

    // cargo has written Cargo.lock, so `locked` succeeds.
    assert_eq!(read(&path.join("work"), &Options { locked: true, ..options }).unwrap(), workspace);
}

#[test]
fn failed_cargo_explains_the_manifest() {
    let package = format!("[package]\nname = \"one\"\n{PACKAGE}");
    let (_folder, path) = folder(&[
        ("none/file", ""),
        ("broken/Cargo.toml", "[package\n"),
        ("unlocked/Cargo.toml", &package),
        ("unlocked/src/lib.rs", ""),
    ]);
    let locked = Options { locked: true, offline: true, ..Options::default() };
    let cases = [("none", "error: could not find `Cargo.toml`"), ("broken", "error: ")];
    let never = AtomicBool::new(false);
    for (name, expected) in cases {
        let folder = path.join(name);
        let mut lines: [Vec<String>; 2] = Default::default();
        let [workspace_lines, outline_lines] = &mut lines;
        let results = [
            workspace(&folder, &locked, &never, |line| workspace_lines.push(line.to_owned())).map(drop),
            outline(&folder, &locked, &never, |line| outline_lines.push(line.to_owned())).map(drop),
        ];
        for (result, lines) in results.into_iter().zip(lines) {
            let Err(Error::Failed { program, code, .. }) = result else { panic!("{name}: no error") };
            assert_eq!((program.as_str(), code), ("cargo fetch", Some(101)), "{name}");
            assert!(lines[0].starts_with(expected), "{name}: {lines:?}");
        }
    }
    assert!(matches!(read(&path.join("unlocked"), &locked), Err(Error::CargoLock)));
    assert!(!path.join("unlocked/Cargo.lock").exists());
}

#[test]
fn interrupted_fetch_stops() {
    let (_folder, path) =
        folder(&[("Cargo.toml", &format!("[package]\nname = \"one\"\n{PACKAGE}")), ("src/lib.rs", "")]);
    let result = fetch(&path, &Options::default(), &AtomicBool::new(true), |_| {});
    assert!(matches!(result, Err(Error::Interrupted { .. })));
}
