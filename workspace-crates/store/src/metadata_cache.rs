//! cargo's description of a workspace, kept between runs: asking cargo takes longer than everything else of a run that has nothing to
//! do.
//!
//! The description holds while all its inputs are the same and every dependency is where it was.

use std::path::PathBuf;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use tierce_plan::digest_of;
use tierce_process::cargo::{Outline, Workspace};
use tierce_process::cargo_config::CargoConfig;
use tierce_process::rustc::Toolchain;

use crate::{Error, files, sealed};

/// The version of the stored format.
const FORMAT: &str = "2";

/// A stored description, and the inputs that it must have been made of.
pub struct MetadataCache {
    path: PathBuf,
    /// The digest of all inputs but the manifests that only the description names.
    basis: String,
    /// When cargo was asked. A file that is younger may have changed since.
    asked: SystemTime,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    basis: String,
    manifests: String,
    workspace: Workspace,
}

impl MetadataCache {
    /// Records the inputs, before cargo is asked.
    pub fn new(
        outline: &Outline,
        toolchain: &Toolchain,
        config: &CargoConfig,
        cargo_home: &Utf8Path,
        target: Option<&str>,
    ) -> MetadataCache {
        let asked = SystemTime::now();
        let files = ["Cargo.toml", "Cargo.lock"].map(|name| digest(&outline.root.join(name)));
        let config: String =
            config.files.iter().map(|file| format!("{} {}\n", file.path, digest_of(&[&file.text]))).collect();
        let basis = digest_of(&[
            FORMAT,
            &outline.basis,
            &toolchain.version,
            toolchain.sysroot.as_str(),
            cargo_home.as_str(),
            target.unwrap_or_default(),
            &config,
            &files.concat(),
        ]);
        MetadataCache { path: outline.target_directory.join("tierce/workspace.json").into(), basis, asked }
    }

    /// The description of an earlier run, if its inputs are the same.
    pub fn read(&self) -> Option<Workspace> {
        let Kept { basis, manifests, workspace } = sealed::read(&self.path)?;
        let holds = basis == self.basis
            && manifests == self::manifests(&workspace)
            && workspace.downloaded_manifests.iter().all(|manifest| manifest.is_file());
        holds.then_some(workspace)
    }

    /// Keeps a description for the next run, unless a manifest changed while cargo read it.
    pub fn keep(self, workspace: &Workspace) -> Result<(), Error> {
        let changed = |manifest: &Utf8PathBuf| {
            manifest.metadata().and_then(|file| file.modified()).is_ok_and(|modified| modified >= self.asked)
        };
        if workspace.local_manifests.iter().any(changed) {
            return Ok(());
        }
        let kept = Kept { basis: self.basis, manifests: manifests(workspace), workspace: workspace.clone() };
        sealed::write(&self.path, &kept)
    }
}

/// The digest of the manifests of packages outside of the workspace, and of those above them, which they may inherit from.
fn manifests(workspace: &Workspace) -> String {
    let folders = workspace.local_manifests.iter().flat_map(|manifest| manifest.ancestors().skip(1));
    let manifests = folders.map(|folder| folder.join("Cargo.toml")).filter(|manifest| manifest.is_file());
    let texts: Vec<String> = manifests.map(|manifest| format!("{manifest} {}", digest(&manifest))).collect();
    digest_of(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The digest of a file; empty where it cannot be read.
fn digest(path: &Utf8Path) -> String {
    files::sha256_of(path.as_std_path()).map(|(digest, _)| digest).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;

    use tierce_process::cargo;
    use tierce_process::cargo_config::{CargoConfig, ConfigFile};

    use super::*;

    /// A workspace with a package outside of it, and the options of a run.
    struct Asked {
        _scratch: tempfile::TempDir,
        base: Utf8PathBuf,
        toolchain: Toolchain,
        options: cargo::Options,
    }

    impl Asked {
        fn new() -> Asked {
            let scratch = tempfile::tempdir().expect("a folder");
            let base = scratch.path().canonicalize().expect("it is there");
            let base = Utf8PathBuf::from_path_buf(base).expect("UTF-8");
            let toolchain = tierce_process::rustc::toolchain(&base).expect("a toolchain");
            let options = cargo::Options { offline: true, ..cargo::Options::default() };
            let asked = Asked { _scratch: scratch, base, toolchain, options };
            let package =
                |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n");
            asked.write("ws/Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\"]\n");
            asked.write(
                "ws/app/Cargo.toml",
                &format!("{}[dependencies]\nother = {{ path = \"../../outer/other\" }}\n", package("app")),
            );
            asked.write("ws/app/src/main.rs", "fn main() {}");
            asked.write("outer/Cargo.toml", "[workspace]\nmembers = [\"other\"]\n");
            asked.write("outer/other/Cargo.toml", &package("other"));
            asked.write("outer/other/src/lib.rs", "");
            asked
        }

        fn write(&self, path: &str, text: &str) {
            files::write(self.base.join(path).as_std_path(), text).expect("writable");
        }

        fn append(&self, path: &str, text: &str) {
            let before = tierce_bounded::text(self.base.join(path), &tierce_bounded::TEXT).unwrap_or_default();
            self.write(path, &(before + text));
        }

        fn kept(&self, config: &CargoConfig) -> MetadataCache {
            let never = AtomicBool::new(false);
            let outline = cargo::outline(&self.base.join("ws"), &self.options, &never, |_| {}).expect("a workspace");
            // The environment of the tests may have set another one.
            let outline = Outline { target_directory: self.base.join("target"), ..outline };
            MetadataCache::new(&outline, &self.toolchain, config, &self.base, None)
        }

        fn ask(&self) -> Workspace {
            let never = AtomicBool::new(false);
            cargo::workspace(&self.base.join("ws"), &self.options, &never, |_| {}).expect("a workspace")
        }
    }

    #[test]
    fn description_holds_until_an_input_changes() {
        let asked = Asked::new();
        let plain = CargoConfig::default();
        assert_eq!(asked.kept(&plain).read(), None, "nothing is kept yet");
        // Makes Cargo.lock.
        asked.ask();
        // No input is as young as the description.
        std::thread::sleep(std::time::Duration::from_millis(20));
        let keep = || {
            let kept = asked.kept(&plain);
            let workspace = asked.ask();
            kept.keep(&workspace).expect("written");
            assert_eq!(asked.kept(&plain).read(), Some(workspace));
        };
        keep();

        let file = ConfigFile { path: "/config.toml".into(), text: "paths = []".into() };
        let config = CargoConfig { files: vec![file], ..CargoConfig::default() };
        assert_eq!(asked.kept(&config).read(), None, "the configuration counts");
        let changes = [
            ("ws/Cargo.toml", "[profile.dev]\ndebug = false\n"),
            ("ws/Cargo.lock", "\n# edited\n"),
            ("ws/app/Cargo.toml", "[features]\nextra = []\n"),
            ("ws/app/src/bin/tool.rs", "fn main() {}"),
            ("outer/other/Cargo.toml", "[features]\nextra = []\n"),
            ("outer/Cargo.toml", "[workspace.package]\nlicense = \"MIT\"\n"),
        ];
        for (path, text) in changes {
            asked.append(path, text);
            assert_eq!(asked.kept(&plain).read(), None, "{path} counts");
            std::thread::sleep(std::time::Duration::from_millis(20));
            keep();
        }
        asked.append("ws/app/src/main.rs", "// an edit");
        assert!(asked.kept(&plain).read().is_some(), "no source counts");
        fs::write(asked.base.join("target/tierce/workspace.json"), "damaged").expect("writable");
        assert_eq!(asked.kept(&plain).read(), None);
    }

    #[test]
    fn removed_download_invalidates_the_description() {
        let asked = Asked::new();
        asked.write("registry/serde/Cargo.toml", "");
        let workspace =
            Workspace { downloaded_manifests: vec![asked.base.join("registry/serde/Cargo.toml")], ..asked.ask() };
        let kept = || asked.kept(&CargoConfig::default());
        kept().keep(&workspace).expect("written");
        assert_eq!(kept().read(), Some(workspace));
        fs::remove_file(asked.base.join("registry/serde/Cargo.toml")).expect("it was there");
        assert_eq!(kept().read(), None);
    }

    #[test]
    fn change_while_reading_is_not_kept() {
        let asked = Asked::new();
        let kept = asked.kept(&CargoConfig::default());
        let workspace = asked.ask();
        asked.append("outer/other/Cargo.toml", "[features]\nextra = []\n");
        kept.keep(&workspace).expect("nothing is written");
        assert_eq!(asked.kept(&CargoConfig::default()).read(), None);
    }
}
