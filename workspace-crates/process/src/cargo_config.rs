//! The settings of `.cargo/config.toml` that matter to a builder.
//!
//! A builder runs the user's cargo with the user's settings, but has neither the user's linkers nor wrappers. What has to be
//! overridden there is found here, each with the file or variable that it comes from, so that a warning can name it.
//! See "Configuration" in the Cargo book; the reading is in [`load`], everything else in `parse`, which reads nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::cargo_platform::{Cfg, Platform};

use crate::Error;

mod parse;

pub use parse::{normalised, parse};

/// Files that a file may include one after the other, one inside the other.
const MAX_DEPTH: usize = 8;

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it lies.
    pub path: Utf8PathBuf,
    /// All of it.
    pub text: String,
}

/// A value, and who set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// As it was written; a list of words is joined by spaces.
    pub value: String,
    /// The path of a configuration file, or the name of an environment variable.
    pub source: String,
}

/// A table `[target.…]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetConfig {
    /// `linker`
    pub linker: Option<Setting>,
    /// `runner`
    pub runner: Option<Setting>,
    /// `rustflags`, a setting a flag, in the order that rustc gets them.
    pub rustflags: Vec<Setting>,
}

/// A variable of the table `[env]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value.
    pub value: Setting,
    /// Whether it replaces a variable that the environment has.
    pub force: bool,
    /// Whether the value is a path relative to the folder that holds the file's `.cargo`.
    pub relative: bool,
}

/// A folder of this host that the configuration names as a place of crates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFolder {
    /// Its whole path.
    pub path: Utf8PathBuf,
    /// Whether it is named relative to where the configuration lies.
    pub relative: bool,
}

/// What cargo's configuration comes to for one workspace and one platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CargoConfig {
    /// The files that there are, the one that counts most first.
    pub files: Vec<ConfigFile>,
    /// `build.rustc`, `RUSTC`
    pub rustc: Option<Setting>,
    /// `build.rustc-wrapper`, `RUSTC_WRAPPER`
    pub rustc_wrapper: Option<Setting>,
    /// `build.rustc-workspace-wrapper`, `RUSTC_WORKSPACE_WRAPPER`
    pub rustc_workspace_wrapper: Option<Setting>,
    /// `build.target`, `CARGO_BUILD_TARGET`
    pub build_target: Vec<Setting>,
    /// `build.target-dir`, `CARGO_TARGET_DIR`
    pub target_dir: Option<Setting>,
    /// `build.rustflags`, `CARGO_BUILD_RUSTFLAGS`, a setting a flag.
    pub build_rustflags: Vec<Setting>,
    /// `CARGO_ENCODED_RUSTFLAGS` or `RUSTFLAGS`, a setting a flag; where one is set, even to nothing, no other flags count.
    pub environment_rustflags: Option<Vec<Setting>>,
    /// `[target.TRIPLE]` of the platform, and its environment variables.
    pub target: TargetConfig,
    /// `[target.'cfg(…)']` by its key: of all platforms until [`CargoConfig::keep_applying`] was told of one.
    pub cfg_targets: BTreeMap<String, TargetConfig>,
    /// The folders that sources are replaced by (`directory` and `local-registry` of `[source.…]`) and those of `paths`.
    pub source_folders: Vec<SourceFolder>,
    /// `[env]` by name.
    pub env: BTreeMap<String, Variable>,
}

impl CargoConfig {
    /// Leaves out the `[target.'cfg(…)']` that do not apply to a platform; `cfg` is what `rustc --print cfg` says of it.
    pub fn keep_applying(&mut self, cfg: &str) {
        let known: Vec<Cfg> = cfg.lines().filter_map(|line| line.parse().ok()).collect();
        // What cargo cannot read either applies to nothing.
        let applies = |key: &str| key.parse::<Platform>().is_ok_and(|platform| platform.matches("", &known));
        self.cfg_targets.retain(|key, _| applies(key));
    }

    /// The flags that rustc gets, as the Cargo book ranks them: those of the environment, else those of `target`, else those
    /// of `build`.
    pub fn rustflags(&self) -> Vec<&Setting> {
        if let Some(flags) = &self.environment_rustflags {
            return flags.iter().collect();
        }
        let targets = std::iter::once(&self.target).chain(self.cfg_targets.values());
        let flags: Vec<_> = targets.flat_map(|target| &target.rustflags).collect();
        if flags.is_empty() { self.build_rustflags.iter().collect() } else { flags }
    }

    /// Whether a flag says which program rustc calls as the linker, or how: `-Clinker=…`, `-Clinker-flavor=…`.
    pub fn flags_name_linker(&self) -> bool {
        self.rustflags()
            .into_iter()
            .any(|flag| codegen_option(&flag.value).is_some_and(|(name, _)| matches!(name, "linker" | "linker-flavor")))
    }

    /// Every way in which a program of the user's own is to be called as the linker, or another way of calling it: `linker` of
    /// a target, and flags of rustc's (`-Clinker=…`, `-Clinker-flavor=…`, `-Clink-arg=--ld-path=…`).
    pub fn linkers(&self) -> Vec<&Setting> {
        let targets = std::iter::once(&self.target).chain(self.cfg_targets.values());
        let linkers = targets.filter_map(|target| target.linker.as_ref());
        linkers.chain(self.rustflags().into_iter().filter(|flag| chooses_program(&flag.value))).collect()
    }

    /// The flags that have the C compiler take a linker other than its own (`-Clink-arg=-fuse-ld=mold`), each with the name
    /// of that linker.
    pub fn linkers_of_compiler(&self) -> Vec<(&str, &Setting)> {
        let flags = self.rustflags().into_iter();
        flags.filter_map(|flag| Some((linker_of_compiler(&flag.value)?, flag))).collect()
    }

    /// The wrappers of rustc that are asked for.
    pub fn wrappers(&self) -> Vec<&Setting> {
        [&self.rustc_wrapper, &self.rustc_workspace_wrapper].into_iter().flatten().collect()
    }
}

/// Whether a flag, with its argument, says which program links.
fn chooses_program(flag: &str) -> bool {
    match codegen_option(flag) {
        Some(("linker" | "linker-flavor", _)) => true,
        Some(("link-arg" | "link-args", value)) => value.split(' ').any(|argument| argument.starts_with("--ld-path")),
        _ => false,
    }
}

/// The linker that a flag, with its argument, has the C compiler take.
fn linker_of_compiler(flag: &str) -> Option<&str> {
    match codegen_option(flag)? {
        ("link-arg" | "link-args", value) => value.split(' ').find_map(|argument| argument.strip_prefix("-fuse-ld=")),
        _ => None,
    }
}

/// The name and the value of a flag `-C name=value`. [`mod@parse`] has put `-C` and its argument together.
fn codegen_option(flag: &str) -> Option<(&str, &str)> {
    let option = flag.strip_prefix("-C").or_else(|| flag.strip_prefix("--codegen"))?;
    option.trim_start_matches(['=', ' ']).split_once('=')
}

/// Finds, reads and merges the configuration that cargo has when it stands in `root`, for the platform `triple`.
///
/// `environment` is the process's own, given by the caller. Of a file that is not UTF-8 nothing is known, so it is an error.
///
/// # Errors
/// `Error::File`, `Error::Config`
pub fn effective(
    root: &Utf8Path,
    cargo_home: &Utf8Path,
    environment: &BTreeMap<String, String>,
    triple: &str,
) -> Result<CargoConfig, Error> {
    parse(load(root, cargo_home)?, environment, triple)
}

/// Reads the configuration files of a folder, of the folders above it, and of cargo's home, the one that counts most first.
///
/// # Errors
/// `Error::File` for a file that is there but cannot be read, `Error::Config` for an `include` that does not work.
pub fn load(root: &Utf8Path, cargo_home: &Utf8Path) -> Result<Vec<ConfigFile>, Error> {
    let mut files = Vec::new();
    let folders = root.ancestors().map(|folder| folder.join(".cargo")).chain([cargo_home.to_owned()]);
    for folder in folders {
        // The name without a suffix is the older one, and wins where both are there.
        for name in ["config", "config.toml"] {
            let path = folder.join(name);
            // Cargo's home is often a folder above the workspace, too.
            if files.iter().any(|file: &ConfigFile| file.path == path) {
                break;
            }
            if let Some(text) = read(&path)? {
                add(&mut files, ConfigFile { path, text }, 0)?;
                break;
            }
        }
    }
    Ok(files)
}

/// Adds a file and after it those that it includes, of which the last counts most.
fn add(files: &mut Vec<ConfigFile>, file: ConfigFile, depth: usize) -> Result<(), Error> {
    let includes = parse::includes(&file)?;
    let refuse = |reason: String| Err(Error::Config { file: file.path.clone(), reason });
    if depth == MAX_DEPTH && !includes.is_empty() {
        return refuse(format!("more than {MAX_DEPTH} files include one another"));
    }
    let folder = file.path.parent().unwrap_or(&file.path).to_owned();
    let mut included = Vec::new();
    for include in includes.iter().rev() {
        let path = folder.join(&include.path);
        match read(&path)? {
            Some(text) => included.push(ConfigFile { path, text }),
            None if include.optional => {}
            None => return refuse(format!("the included file `{path}` is missing")),
        }
    }
    files.push(file);
    included.into_iter().try_for_each(|file| add(files, file, depth + 1))
}

/// The text of a file; none if there is no such file.
fn read(path: &Utf8Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        // A home may hold a folder of that name.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(None),
        Err(source) => Err(Error::File { verb: "read", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_choose_a_linker_are_known() {
        let cases = [
            ("-Clinker=clang", true, None),
            ("-C linker=clang", true, None),
            ("--codegen=linker=clang", true, None),
            ("--codegen linker=clang", true, None),
            ("-Clink-arg=-fuse-ld=mold", false, Some("mold")),
            ("-C link-args=-s -fuse-ld=lld", false, Some("lld")),
            ("-Clink-arg=--ld-path=/opt/mold", true, None),
            ("-Clinker-flavor=gnu-lld-cc", true, None),
            ("-Clink-self-contained=-linker", false, None),
            ("-Clink-arg=-s", false, None),
            ("-Ctarget-cpu=native", false, None),
            ("--cfg=linker", false, None),
            ("-C", false, None),
        ];
        for (flag, program, linker) in cases {
            assert_eq!((chooses_program(flag), linker_of_compiler(flag)), (program, linker), "{flag}");
        }
    }

    #[test]
    fn only_what_applies_to_the_platform_is_kept() {
        let keys = ["cfg(unix)", "cfg(windows)", "cfg(all(unix, target_env = \"gnu\"))", "cfg(not(unix))", "cfg(un"];
        let mut config = CargoConfig {
            cfg_targets: keys.map(|key| (key.to_owned(), TargetConfig::default())).into(),
            ..CargoConfig::default()
        };
        config.keep_applying("panic=\"unwind\"\ntarget_env=\"gnu\"\nunix\n");
        let kept: Vec<_> = config.cfg_targets.keys().map(String::as_str).collect();
        assert_eq!(kept, ["cfg(all(unix, target_env = \"gnu\"))", "cfg(unix)"]);
    }

    #[test]
    fn files_are_found_upwards_and_at_home_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let top = Utf8Path::from_path(folder.path()).unwrap();
        let write = |name: &str, text: &str| {
            let file = top.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write(
            "work/inner/.cargo/config.toml",
            "include = ['one.toml', { path = 'two.toml', optional = true }, 'three.toml']",
        );
        write("work/inner/.cargo/one.toml", "build.target = 'one'");
        write("work/inner/.cargo/three.toml", "build.target = 'three'");
        write("work/.cargo/config", "# the older name wins");
        write("work/.cargo/config.toml", "");
        write(".cargo/config.toml", "");
        write("home/config.toml", "");
        let names = |root: &str, home: &str| {
            let files = load(&top.join(root), &top.join(home)).unwrap();
            let inside = files.iter().filter_map(|file| file.path.strip_prefix(top).ok());
            inside.map(Utf8Path::to_string).collect::<Vec<_>>()
        };
        let expected = [
            "work/inner/.cargo/config.toml",
            "work/inner/.cargo/three.toml",
            "work/inner/.cargo/one.toml",
            "work/.cargo/config",
            ".cargo/config.toml",
        ];
        assert_eq!(names("work/inner", ".cargo"), expected);
        assert_eq!(names("work/inner", "home"), [expected.as_slice(), &["home/config.toml"]].concat());

        let config = effective(&top.join("work/inner"), &top.join("home"), &BTreeMap::new(), "x").unwrap();
        assert_eq!(config.build_target[0].value, "three");

        write("work/inner/.cargo/three.toml", "include = 'config.toml'");
        let error = load(&top.join("work/inner"), &top.join("home")).unwrap_err().to_string();
        assert!(error.ends_with("more than 8 files include one another"), "{error}");
        write("work/inner/.cargo/three.toml", "include = 'four.toml'");
        let error = load(&top.join("work/inner"), &top.join("home")).unwrap_err().to_string();
        assert!(error.contains("four.toml` is missing"), "{error}");
    }
}
