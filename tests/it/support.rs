//! Helpers of the end-to-end tests: workspaces as users have them, the program itself, and real tools as judges.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::{engine, xtask_path};

/// This repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the xtask lies in the workspace")
}

/// The output and the exit code of a finished program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) pid: u32,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Panics with all that the program said unless it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Panics unless it failed with this exit code.
    #[track_caller]
    pub(crate) fn fails_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The only line of stdout.
    #[track_caller]
    pub(crate) fn line(&self) -> &str {
        let mut lines = self.stdout.lines();
        let line = lines.next().unwrap_or_else(|| panic!("nothing on stdout; stderr:\n{}", self.stderr));
        assert_eq!(lines.next(), None, "one line only");
        line
    }

    /// The text of an error from its first line on, without paths of this machine.
    pub(crate) fn error(&self, workspace: &Path) -> String {
        let start = self.stderr.find("error:").unwrap_or(0);
        self.stderr[start..].replace(&workspace.display().to_string(), "[WORKSPACE]").trim_end().to_owned()
    }
}

/// Runs a program to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ran {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let pid = child.id();
    let Output { status, stdout, stderr } =
        child.wait_with_output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Ran {
        pid,
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Tierce, as `cargo xtask` starts it, in this folder.
pub(crate) fn xtask(folder: &Path) -> Command {
    let mut command = Command::new(xtask_path());
    command.current_dir(folder).env("NO_COLOR", "1").env("TIERCE_CACHE", cache());
    command.env("TIERCE_NAMESPACE", namespace());
    command.env("TIERCE_ENGINE", engine());
    // Only tests of warm containers leave some in the daemon.
    command.env("TIERCE_KEEP_WARM", "0");
    // Each workspace has a target folder of its own, also where this repository's lies elsewhere.
    command.env_remove("CARGO_TARGET_DIR");
    command
}

/// One cache for all tests, apart from the user's own.
pub(crate) fn cache() -> PathBuf {
    std::env::var_os("TIERCE_CACHE").map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"), PathBuf::from)
}

/// The namespace of all objects of these tests in the daemon.
pub(crate) fn namespace() -> String {
    std::env::var("TIERCE_NAMESPACE").unwrap_or_else(|_| "tierce-tests".to_owned())
}

/// A workspace of a user, somewhere else than this repository.
pub(crate) struct Workspace {
    folder: Option<tempfile::TempDir>,
    root: PathBuf,
}

/// Removes the ROOTs of its images too, unless another workspace uses them.
impl Drop for Workspace {
    fn drop(&mut self) {
        drop(self.folder.take());
        let root = self.root.to_string_lossy().into_owned();
        let records = fs::read_dir(cache().join("uses")).into_iter().flatten().flatten();
        let mut texts = records.filter_map(|record| fs::read_to_string(record.path()).ok());
        if texts.any(|text| text.contains(&root)) {
            run(xtask(repository()).arg("clean"));
        }
    }
}

impl Workspace {
    /// An empty folder of this name.
    pub(crate) fn new(name: &str) -> Workspace {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("it exists").join(name);
        fs::create_dir_all(&root).expect("writable");
        Workspace { folder: Some(folder), root }
    }

    /// A copy of `tests/fixtures/NAME`; `@FOLDER@` in its files stands for where the copy is.
    pub(crate) fn fixture(name: &str) -> Workspace {
        let workspace = Workspace::new(name);
        copy_folder(&repository().join("tests/fixtures").join(name), &workspace.root, &workspace.root);
        workspace
    }

    /// A workspace with one package that prints a line; `table` follows `[package.metadata.image]`, and `defaults`
    /// follows `[workspace.metadata.image]`.
    pub(crate) fn with_package(package: &str, table: &str, defaults: &str) -> Workspace {
        Workspace::new("workspace")
            .file("Cargo.toml", &format!(
                "[workspace]\nresolver = \"3\"\nmembers = [\"{package}\"]\n\n[workspace.metadata.image]\n{defaults}\n"
            ))
            .file(&format!("{package}/Cargo.toml"), &format!(
                "[package]\nname = \"{package}\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n[package.metadata.image]\n{table}\n"
            ))
            .file(&format!("{package}/src/main.rs"), &format!("fn main() {{ println!(\"this is {package}\"); }}\n"))
    }

    /// Writes a file.
    pub(crate) fn file(self, path: &str, content: &str) -> Workspace {
        self.write(path, content);
        self
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("inside of the workspace")).expect("writable");
        fs::File::create(&path).and_then(|mut file| file.write_all(content.as_bytes())).expect("writable");
    }

    /// Writes a file again with other words in it.
    pub(crate) fn file_again(&self, path: &str, before: &str, after: &str) {
        let text = fs::read_to_string(self.root.join(path)).expect("it is there");
        assert!(text.contains(before), "{path}: {text}");
        self.write(path, &text.replace(before, after));
    }

    /// Reads a file.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The names of its members, as cargo sees them.
    #[track_caller]
    pub(crate) fn members(&self) -> Vec<String> {
        let mut cargo = Command::new("cargo");
        let ran = run(cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(&self.root)).ok();
        let metadata: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let packages = metadata["packages"].as_array().expect("a list").iter();
        let mut names: Vec<_> = packages.map(|package| package["name"].as_str().expect("a name").to_owned()).collect();
        names.sort();
        names
    }

    /// Its folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Tierce with these arguments in its folder.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Ran {
        run(self.command().args(arguments))
    }

    /// Tierce in its folder, with a target folder of its own, as in a user's workspace.
    pub(crate) fn command(&self) -> Command {
        let mut command = xtask(&self.root);
        command.env_remove("CARGO_TARGET_DIR");
        command
    }
}

fn copy_folder(from: &Path, to: &Path, root: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("a folder of this repository") {
        let entry = entry.expect("readable");
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &copy, root);
        } else {
            let text = fs::read_to_string(entry.path()).expect("fixtures are texts");
            fs::write(&copy, text.replace("@FOLDER@", root.to_str().expect("UTF-8"))).expect("writable");
            fs::set_permissions(&copy, entry.metadata().expect("readable").permissions()).expect("a mode");
        }
    }
}
