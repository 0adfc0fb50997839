//! A root that shows the host's programs, and a test program that a sandbox executes again: tests of sandboxes share them.
#![allow(clippy::print_stdout, dead_code)]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tierce_sandbox::{Identity, Mount, Program, Root, Sandbox, Spec};

/// A test, and its name.
pub(crate) type Test = (&'static str, fn());

/// Runs the tests whose names contain the first argument. Where the kernel refuses sandboxes, says why and runs none.
pub(crate) fn run_all(tests: &[Test]) -> ExitCode {
    if let Some(code) = tierce_sandbox::entry() {
        return code;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    if let Err(error) = tierce_sandbox::probe(&sandbox(), scratch.path(), "probe") {
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        println!("no test ran, because this machine refuses sandboxes: {error}: {source}");
        let is_required = std::env::var_os("TIERCE_REQUIRE_SANDBOX").is_some();
        return if is_required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let mut failed = 0;
    for (name, test) in tests.iter().filter(|(name, _)| name.contains(&filter)) {
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += usize::from(!passed);
    }
    println!("\ntest result: {failed} failed, as {:?}", Identity::of_caller());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says why a test does not count on this machine.
pub(crate) fn skip(reason: &str) {
    println!("skipped: {reason}");
}

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(Identity::of_caller(), Arc::default())
}

/// A store with a lower layer, and the specification of a sandbox over it.
pub(crate) struct Fixture {
    pub(crate) store: tempfile::TempDir,
    pub(crate) spec: Spec,
}

pub(crate) fn fixture() -> Fixture {
    let store = tempfile::tempdir().expect("a folder");
    for folder in ["lower/etc", "lower/data", "scratch/upper"] {
        fs::create_dir_all(store.path().join(folder)).expect("writable");
    }
    fs::write(store.path().join("lower/etc/passwd"), "root:x:0:0::/:/bin/sh\n").expect("writable");
    let programs = ["/usr", "/bin", "/lib", "/lib64"].iter().filter(|path| fs::metadata(path).is_ok());
    let mounts = programs.map(|path| Mount::Folder { host: path.into(), target: (*path).to_owned(), read_only: true });
    let spec = Spec {
        store: store.path().to_owned(),
        root: Root::Layers { layers: vec!["lower".to_owned()], scratch: "scratch".to_owned() },
        read_only: false,
        own_tmp: false,
        mounts: mounts.collect(),
    };
    Fixture { store, spec }
}

impl Fixture {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.store.path().join(name)
    }
}

pub(crate) fn script(text: &str) -> Program {
    Program {
        command: ["/bin/sh", "-c", text].map(String::from).to_vec(),
        environment: vec![("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())],
        ..Program::default()
    }
}

/// The exit code of a script, and its stdout and stderr.
pub(crate) fn outcome(spec: &Spec, text: &str) -> (i32, String) {
    let mut said = Vec::new();
    let code = sandbox().run(spec, &script(text), b"", &mut |_, bytes| said.extend(bytes)).expect("a sandbox");
    (code, String::from_utf8(said).expect("text"))
}
