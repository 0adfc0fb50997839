//! Merges configuration texts as cargo does. Pure.

use std::collections::BTreeMap;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use toml::{Table, Value};

use super::{CargoConfig, ConfigFile, Setting, SourceFolder, TargetConfig, Variable};
use crate::Error;

/// An entry of `include`.
pub(super) struct Include {
    /// Relative to the including file's folder.
    pub(super) path: Utf8PathBuf,
    /// Whether it may be missing.
    pub(super) optional: bool,
}

/// The value of `include`: a path, or a list of paths and of tables with `path` and `optional`.
pub(super) fn includes(file: &ConfigFile) -> Result<Vec<Include>, Error> {
    let layer = Layer::new(file)?;
    let wrong = || layer.wrong("include", "a path, or a list of paths");
    let include = |value: &Value| match value {
        Value::String(path) => Ok(Include { path: path.into(), optional: false }),
        Value::Table(table) => {
            let path = table.get("path").and_then(Value::as_str).ok_or_else(wrong)?;
            let optional = table.get("optional").and_then(Value::as_bool).unwrap_or(false);
            Ok(Include { path: path.into(), optional })
        }
        _ => Err(wrong()),
    };
    match layer.table.get("include") {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(include).collect(),
        Some(value) => Ok(vec![include(value)?]),
    }
}

/// Merges configuration files, highest precedence first, and the environment, which precedes all files.
/// The highest precedence sets a single value. Lists are joined, highest precedence last.
///
/// # Errors
/// `Error::Config` for a file that is not TOML, or a value of the wrong type.
pub fn parse(
    files: Vec<ConfigFile>,
    environment: &BTreeMap<String, String>,
    triple: &str,
) -> Result<CargoConfig, Error> {
    let layers = Layers { files: files.iter().map(Layer::new).collect::<Result<_, _>>()?, environment };
    let screaming = triple.to_uppercase().replace(['-', '.'], "_");
    let variable = |name: &str| format!("CARGO_TARGET_{screaming}_{name}");
    let target = ["target", triple];
    let config = CargoConfig {
        rustc: layers.word(&["RUSTC", "CARGO_BUILD_RUSTC"], &["build", "rustc"])?,
        rustc_wrapper: layers.word(&["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"], &["build", "rustc-wrapper"])?,
        rustc_workspace_wrapper: layers.word(
            &["RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"],
            &["build", "rustc-workspace-wrapper"],
        )?,
        build_target: layers.nearest_words("CARGO_BUILD_TARGET", &["build", "target"])?,
        target_dir: layers.word(&["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"], &["build", "target-dir"])?,
        build_rustflags: flags(layers.words("CARGO_BUILD_RUSTFLAGS", &["build", "rustflags"])?),
        environment_rustflags: environment_rustflags(environment),
        target: layers.target(&target, &variable)?,
        cfg_targets: layers.cfg_targets()?,
        source_folders: layers.source_folders(),
        env: layers.env()?,
        files: Vec::new(),
    };
    Ok(CargoConfig { files, ..config })
}

/// The flags of the two variables that replace all other flags.
fn environment_rustflags(environment: &BTreeMap<String, String>) -> Option<Vec<Setting>> {
    let split = |name: &str, separator: char| {
        let words = environment.get(name)?.split(separator).map(str::trim).filter(|word| !word.is_empty());
        Some(flags(words.map(|word| setting(word, name)).collect()))
    };
    split("CARGO_ENCODED_RUSTFLAGS", '\x1f').or_else(|| split("RUSTFLAGS", ' '))
}

/// Joins `-C` and `--codegen` with an argument in the next word.
fn flags(words: Vec<Setting>) -> Vec<Setting> {
    let mut flags: Vec<Setting> = Vec::with_capacity(words.len());
    for word in words {
        match flags.last_mut() {
            Some(flag) if matches!(flag.value.as_str(), "-C" | "--codegen") => {
                flag.value = format!("{} {}", flag.value, word.value);
            }
            _ => flags.push(word),
        }
    }
    flags
}

/// A path without `.` and `..`. Works on text: links on the disk do not count.
pub fn normalised(path: &Utf8Path) -> Utf8PathBuf {
    let mut whole = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::ParentDir => drop(whole.pop()),
            Utf8Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}

fn setting(value: &str, source: &str) -> Setting {
    Setting { value: value.to_owned(), source: source.to_owned() }
}

/// One file.
struct Layer<'a> {
    file: &'a ConfigFile,
    table: Table,
}

impl<'a> Layer<'a> {
    fn new(file: &'a ConfigFile) -> Result<Self, Error> {
        let table = file.text.parse().map_err(|error: toml::de::Error| Error::Config {
            file: file.path.clone(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        Ok(Self { file, table })
    }

    fn get(&self, keys: &[&str]) -> Option<&Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(*key))
    }

    fn wrong(&self, key: &str, expected: &str) -> Error {
        Error::Config { file: self.file.path.clone(), reason: format!("`{key}` is not {expected}") }
    }

    /// A list of strings, or a string of words with spaces between them.
    fn words(&self, keys: &[&str]) -> Result<Vec<Setting>, Error> {
        let source = self.file.path.as_str();
        let wrong = || self.wrong(&keys.join("."), "a string or a list of strings");
        match self.get(keys) {
            None => Ok(Vec::new()),
            Some(Value::String(words)) => Ok(words.split_whitespace().map(|word| setting(word, source)).collect()),
            Some(Value::Array(words)) => {
                words.iter().map(|word| Ok(setting(word.as_str().ok_or_else(wrong)?, source))).collect()
            }
            Some(_) => Err(wrong()),
        }
    }
}

/// All files, highest precedence first, and the environment.
struct Layers<'a> {
    files: Vec<Layer<'a>>,
    environment: &'a BTreeMap<String, String>,
}

impl Layers<'_> {
    /// The first variable that is set, else the value of the file with the highest precedence. An empty value is unset.
    fn word(&self, variables: &[&str], keys: &[&str]) -> Result<Option<Setting>, Error> {
        let variable = variables.iter().find_map(|name| Some(setting(self.environment.get(*name)?, name)));
        let found = match variable {
            Some(variable) => Some(variable),
            None => self.nearest_word(keys)?,
        };
        Ok(found.filter(|found| !found.value.is_empty()))
    }

    fn nearest_word(&self, keys: &[&str]) -> Result<Option<Setting>, Error> {
        let Some((layer, value)) = self.files.iter().find_map(|layer| Some((layer, layer.get(keys)?))) else {
            return Ok(None);
        };
        let text = value.as_str().ok_or_else(|| layer.wrong(&keys.join("."), "a string"))?;
        Ok(Some(setting(text, layer.file.path.as_str())))
    }

    /// The words of all files, lowest precedence first, then those of the variable.
    fn words(&self, variable: &str, keys: &[&str]) -> Result<Vec<Setting>, Error> {
        let mut words = Vec::new();
        for layer in self.files.iter().rev() {
            words.extend(layer.words(keys)?);
        }
        let variable_words = self.environment.get(variable).into_iter().flat_map(|value| value.split_whitespace());
        words.extend(variable_words.map(|word| setting(word, variable)));
        Ok(words)
    }

    /// The words of the variable, else those of the file with the highest precedence.
    fn nearest_words(&self, variable: &str, keys: &[&str]) -> Result<Vec<Setting>, Error> {
        if let Some(value) = self.environment.get(variable) {
            return Ok(value.split_whitespace().map(|word| setting(word, variable)).collect());
        }
        let nearest = self.files.iter().find(|layer| layer.get(keys).is_some());
        nearest.map_or(Ok(Vec::new()), |layer| layer.words(keys))
    }

    fn target(&self, table: &[&str; 2], variable: &dyn Fn(&str) -> String) -> Result<TargetConfig, Error> {
        let [target, key] = *table;
        let words = self.nearest_words(&variable("RUNNER"), &[target, key, "runner"])?;
        let runner = words.first().map(|first| {
            let words: Vec<_> = words.iter().map(|word| word.value.as_str()).collect();
            setting(&words.join(" "), &first.source)
        });
        Ok(TargetConfig {
            linker: self.word(&[variable("LINKER").as_str()], &[target, key, "linker"])?,
            runner,
            rustflags: flags(self.words(&variable("RUSTFLAGS"), &[target, key, "rustflags"])?),
        })
    }

    fn cfg_targets(&self) -> Result<BTreeMap<String, TargetConfig>, Error> {
        let tables = self.files.iter().filter_map(|layer| layer.table.get("target")?.as_table());
        let keys = tables.flat_map(Table::keys).filter(|key| key.starts_with("cfg("));
        // No variable belongs to a `cfg`: the empty name is never set.
        keys.map(|key| Ok((key.clone(), self.target(&["target", key], &|_| String::new())?))).collect()
    }

    /// Skips malformed entries: cargo itself refuses them.
    fn source_folders(&self) -> Vec<SourceFolder> {
        let mut folders = Vec::new();
        for layer in &self.files {
            let sources = layer.table.get("source").and_then(Value::as_table).into_iter().flat_map(Table::values);
            let replacements = sources.flat_map(|source| [source.get("directory"), source.get("local-registry")]);
            let overrides = layer.table.get("paths").and_then(Value::as_array).into_iter().flatten();
            let named = replacements.flatten().chain(overrides).filter_map(Value::as_str);
            // Paths are relative to the parent of `.cargo`.
            let base = layer.file.path.parent().and_then(|folder| folder.parent()).unwrap_or(&layer.file.path);
            folders.extend(
                named.map(|path| SourceFolder { relative: !path.starts_with('/'), path: normalised(&base.join(path)) }),
            );
        }
        folders.sort();
        folders.dedup();
        folders
    }

    fn env(&self) -> Result<BTreeMap<String, Variable>, Error> {
        let mut variables = BTreeMap::new();
        for layer in self.files.iter().rev() {
            let Some(table) = layer.table.get("env") else { continue };
            let table = table.as_table().ok_or_else(|| layer.wrong("env", "a table"))?;
            for (name, value) in table {
                let text = value.as_str().or_else(|| value.get("value").and_then(Value::as_str));
                let text =
                    text.ok_or_else(|| layer.wrong(&format!("env.{name}"), "a string or a table with `value`"))?;
                let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
                let value = setting(text, layer.file.path.as_str());
                variables.insert(name.clone(), Variable { value, force: flag("force"), relative: flag("relative") });
            }
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIPLE: &str = "x86_64-unknown-linux-gnu";

    /// Merges the texts of files, highest precedence first, with an environment.
    fn config(texts: &[&str], environment: &[(&str, &str)]) -> Result<CargoConfig, Error> {
        let file =
            |(index, text): (usize, &&str)| ConfigFile { path: format!("/{index}").into(), text: (*text).to_owned() };
        let files = texts.iter().enumerate().map(file).collect();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        parse(files, &environment, TRIPLE)
    }

    fn shown<'a>(settings: impl IntoIterator<Item = &'a Setting>) -> String {
        let settings = settings.into_iter().map(|setting| format!("{} ({})", setting.value, setting.source));
        settings.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn rustflags_follow_cargo_precedence() {
        let build = "build.rustflags = ['-Ca']";
        let target = "[target.x86_64-unknown-linux-gnu]\nrustflags = '-Cb -C c'";
        let cfg = "[target.'cfg(unix)']\nrustflags = ['-C', 'd=e f']";
        let other = "[target.aarch64-unknown-linux-gnu]\nrustflags = ['-Cx']\nlinker = 'x'";
        type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
        let cases: [Case<'_>; 10] = [
            (&[], &[], ""),
            (&[build, other], &[], "-Ca (/0)"),
            (&[build, target], &[], "-Cb (/1), -C c (/1)"),
            (&[cfg, target, build], &[], "-Cb (/1), -C c (/1), -C d=e f (/0)"),
            (&["build.rustflags = ['-Cnear']", build], &[], "-Ca (/1), -Cnear (/0)"),
            (&[build], &[("CARGO_BUILD_RUSTFLAGS", "-Cenv")], "-Ca (/0), -Cenv (CARGO_BUILD_RUSTFLAGS)"),
            (
                &[build],
                &[("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Ct")],
                "-Ct (CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS)",
            ),
            (&[build, target], &[("RUSTFLAGS", " -C  x ")], "-C x (RUSTFLAGS)"),
            (&[build, target], &[("RUSTFLAGS", "")], ""),
            (
                &[build],
                &[("CARGO_ENCODED_RUSTFLAGS", "-C\x1fa b"), ("RUSTFLAGS", "-Cx")],
                "-C a b (CARGO_ENCODED_RUSTFLAGS)",
            ),
        ];
        for (texts, environment, expected) in cases {
            assert_eq!(shown(config(texts, environment).unwrap().rustflags()), expected, "{texts:?} {environment:?}");
        }
    }

    #[test]
    fn builder_overrides_name_their_source() {
        let near = "[target.x86_64-unknown-linux-gnu]\nlinker = 'clang'\nrunner = ['qemu', '-L']\n\
                    rustflags = ['-C', 'link-arg=-fuse-ld=mold', '-Ctarget-cpu=native']\n\
                    [target.'cfg(target_os = \"linux\")']\nlinker = 'wild'\n";
        let far = "[build]\nrustc-wrapper = 'sccache'\ntarget = ['a', 'b']\ntarget-dir = '../out'\n\
                   [target.x86_64-unknown-linux-gnu]\nlinker = 'gcc'\n";
        let files = config(&[near, far], &[]).unwrap();
        assert_eq!(shown(files.linkers()), "clang (/0), wild (/0)");
        let compiler_linkers = files.linkers_of_compiler();
        assert_eq!(compiler_linkers.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["mold"]);
        assert_eq!(shown(compiler_linkers.into_iter().map(|(_, flag)| flag)), "-C link-arg=-fuse-ld=mold (/0)");
        assert_eq!(shown(files.wrappers()), "sccache (/1)");
        assert_eq!(shown(&files.target.runner), "qemu -L (/0)");
        assert_eq!(shown(&files.build_target), "a (/1), b (/1)");
        assert_eq!(shown(&files.target_dir), "../out (/1)");

        let environment = [
            ("RUSTC_WRAPPER", ""),
            ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"),
            ("RUSTC", "/opt/rustc"),
            ("CARGO_BUILD_TARGET", "c"),
            ("CARGO_TARGET_DIR", "/out"),
            ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "mold"),
        ];
        let environment = config(&[near, far], &environment).unwrap();
        assert_eq!(shown(environment.wrappers()), "clippy-driver (RUSTC_WORKSPACE_WRAPPER)");
        assert_eq!(shown(&environment.rustc), "/opt/rustc (RUSTC)");
        assert_eq!(shown(&environment.target.linker), "mold (CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER)");
        assert_eq!(shown(&environment.build_target), "c (CARGO_BUILD_TARGET)");
        assert_eq!(shown(&environment.target_dir), "/out (CARGO_TARGET_DIR)");
    }

    #[test]
    fn source_folders_resolve_relative_paths() {
        let text = "paths = ['/else/where']\n[source.crates-io]\nreplace-with = 'vendored'\n\
                    [source.vendored]\ndirectory = '../vendor'\n[source.local]\nlocal-registry = '/srv/crates'\n";
        let file = ConfigFile { path: "/home/ws/.cargo/config.toml".into(), text: text.to_owned() };
        let config = parse(vec![file], &BTreeMap::new(), TRIPLE).unwrap();
        let folders: Vec<_> =
            config.source_folders.iter().map(|folder| (folder.path.as_str(), folder.relative)).collect();
        assert_eq!(folders, [("/else/where", false), ("/home/vendor", true), ("/srv/crates", false)]);
    }

    #[test]
    fn variables_merge_by_name() {
        let near = "[env]\nONE = 'near'\nPATHS = { value = 'data', relative = true, force = true }";
        let far = "[env]\nONE = { value = 'far', force = true }\nTWO = 'far'";
        let config = config(&[near, far], &[]).unwrap();
        let shown: Vec<_> = config
            .env
            .iter()
            .map(|(name, variable)| format!("{name}={} {} {}", variable.value.value, variable.force, variable.relative))
            .collect();
        assert_eq!(shown, ["ONE=near false false", "PATHS=data true true", "TWO=far false false"]);
    }

    #[test]
    fn invalid_file_is_named() {
        let error = |text: &str| config(&["", text], &[]).unwrap_err().to_string();
        insta::assert_snapshot!(error("build.rustflags = 3"), @"failed to read cargo's configuration `/1`: `build.rustflags` is not a string or a list of strings");
        insta::assert_snapshot!(error("build.rustc-wrapper = []"), @"failed to read cargo's configuration `/1`: `build.rustc-wrapper` is not a string");
        insta::assert_snapshot!(error("env = 1"), @"failed to read cargo's configuration `/1`: `env` is not a table");
        insta::assert_snapshot!(error("[build"), @r"
        failed to read cargo's configuration `/1`: TOML parse error at line 1, column 7
          |
        1 | [build
          |       ^
        unclosed table, expected `]`
        ");
    }
}
