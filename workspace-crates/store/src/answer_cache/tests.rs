use std::cell::Cell;
use std::sync::atomic::AtomicBool;

use tierce_process::{cargo, rustc};

use super::*;
use crate::files;

/// A workspace of one package with a target folder of its own.
struct Scene {
    _scratch: tempfile::TempDir,
    folder: Utf8PathBuf,
    home: Utf8PathBuf,
    asked: Cell<u32>,
}

impl Scene {
    fn new() -> Scene {
        let scratch = tempfile::tempdir().expect("a folder");
        let base = Utf8PathBuf::from_path_buf(scratch.path().canonicalize().expect("it is there")).expect("UTF-8");
        let scene =
            Scene { _scratch: scratch, folder: base.join("ws"), home: base.join("cargo-home"), asked: Cell::default() };
        scene.write("Cargo.toml", "[package]\nname = \"app\"\nversion = \"1.0.0\"\nedition = \"2024\"\n");
        scene.write("src/main.rs", "fn main() {}");
        scene
    }

    fn write(&self, path: &str, text: &str) {
        files::write(self.folder.join(path).as_std_path(), text).expect("writable");
    }

    fn ask(&self) -> Result<(Outline, Toolchain), Error> {
        self.asked.set(self.asked.get() + 1);
        let options = cargo::Options { offline: true, ..cargo::Options::default() };
        let mut outline = cargo::outline(&self.folder, &options, &AtomicBool::new(false), |_| {})?;
        if let Some(target) = inputs::possible_target_folders(&self.folder, &self.home).into_iter().next() {
            outline.target_directory = target;
        }
        Ok((outline, rustc::toolchain(&self.folder)?))
    }

    fn read(&self) -> Option<Answers> {
        Answers::read(&self.folder, &self.home)
    }
}

/// Whether the target folders of the tests are their own.
fn is_isolated() -> bool {
    ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"].iter().all(|name| std::env::var_os(name).is_none())
}

#[test]
fn answers_hold_until_an_input_changes() {
    if !is_isolated() {
        return;
    }
    let scene = Scene::new();
    assert_eq!(scene.read(), None, "nothing is kept yet");
    let keep = || {
        let (answers, cache) = AnswerCache::ask(&scene.folder, &scene.home, || scene.ask()).expect("a workspace");
        let mut cache = cache.expect("nothing changed meanwhile");
        cache.set_cfg("unix".to_owned());
        cache.keep().expect("written");
        assert_eq!(scene.read(), Some(Answers { cfg: Some("unix".to_owned()), ..answers }));
    };
    keep();
    scene.write("src/bin/tool.rs", "fn main() {}");
    assert_eq!(scene.read(), None);
    keep();
    assert_eq!(Answers::read(&scene.folder.join("src"), &scene.home), None, "another folder asks again");
    scene.write("target/tierce/answers.json", "damaged");
    assert_eq!(scene.read(), None);
}

#[test]
fn change_between_questions_is_not_kept() {
    let scene = Scene::new();
    let ask = || {
        let answer = scene.ask();
        // cargo has answered, and the inputs are not recorded yet.
        scene.write(&format!("src/bin/tool{}.rs", scene.asked.get()), "fn main() {}");
        answer
    };
    let (answers, cache) = AnswerCache::ask(&scene.folder, &scene.home, ask).expect("a workspace");
    assert!(cache.is_none());
    assert_eq!(answers.outline.members.len(), 1);
    assert_eq!(scene.asked.get(), 2);
}
