//! What the end-to-end tests share: workspaces as users have them, the program itself, and real tools as judges.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// This repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the xtask lies in the workspace")
}

/// What a finished program left.
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

    /// What a user reads of an error: from its first line on, with nothing of this machine in it.
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

/// Runs a tool of the host that judges a result.
#[track_caller]
pub(crate) fn tool<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Ran {
    run(Command::new(program).args(arguments))
}

/// Tierce, as `cargo xtask` starts it, in this folder.
pub(crate) fn xtask(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.current_dir(folder).env("NO_COLOR", "1").env("TIERCE_CACHE", cache());
    command.env("TIERCE_NAMESPACE", namespace());
    // Nothing is left in the daemon but where a test is about that.
    command.env("TIERCE_KEEP_WARM", "0");
    // Each workspace has a target folder of its own, also where this repository's lies elsewhere.
    command.env_remove("CARGO_TARGET_DIR");
    command
}

/// One cache for all tests, apart from the user's own.
pub(crate) fn cache() -> PathBuf {
    std::env::var_os("TIERCE_CACHE").map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"), PathBuf::from)
}

/// What marks everything of these tests in the daemon.
pub(crate) fn namespace() -> String {
    std::env::var("TIERCE_NAMESPACE").unwrap_or_else(|_| "tierce-tests".to_owned())
}

/// A workspace of a user, somewhere else than this repository.
pub(crate) struct Workspace {
    folder: Option<tempfile::TempDir>,
    root: PathBuf,
}

/// With it go the ROOTs that its images were made with, as far as no other workspace uses them.
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

    /// A workspace with one package that prints a line; `table` is what follows `[package.metadata.image]`, `defaults` what
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

/// A name in the daemon that no other test has.
pub(crate) fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}-{}", namespace(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A container that goes away with the test.
pub(crate) struct Container {
    name: String,
}

impl Container {
    /// `docker run -d` with these further arguments.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Container {
        let name = unique_name();
        tool("docker", ["run", "-d", "--name", &name].iter().chain(arguments)).ok();
        Container { name }
    }

    /// A container of an image that is not started: to look at its files.
    #[track_caller]
    pub(crate) fn create(reference: &str) -> Container {
        let name = unique_name();
        // An image need not have a command.
        tool("docker", ["create", "--name", &name, reference, "-"]).ok();
        Container { name }
    }

    /// Its files as `tar -tv` lists them: mode, owner, size and path.
    #[track_caller]
    pub(crate) fn listing(&self) -> String {
        let script = "set -o pipefail; docker export \"$0\" | tar -tv --numeric-owner --full-time --utc";
        tool("bash", ["-c", script, &self.name]).ok().stdout
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its address in Docker's default network.
    #[track_caller]
    pub(crate) fn address(&self) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        tool("docker", ["inspect", "-f", format, &self.name]).ok().stdout.trim().to_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        tool("docker", ["rm", "-fv", &self.name]);
    }
}

/// An image that leaves the daemon with the test.
pub(crate) struct LoadedImage {
    references: Vec<String>,
}

impl LoadedImage {
    /// The image of this name.
    pub(crate) fn new(reference: &str) -> LoadedImage {
        LoadedImage { references: vec![reference.to_owned()] }
    }

    /// It has this name too.
    pub(crate) fn and(mut self, reference: &str) -> LoadedImage {
        self.references.push(reference.to_owned());
        self
    }
}

impl Drop for LoadedImage {
    fn drop(&mut self) {
        tool("docker", ["rmi", "-f"].into_iter().chain(self.references.iter().map(String::as_str)));
    }
}
