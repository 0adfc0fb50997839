//! The package that runs Tierce in a workspace: a workspace of its own, so that no dependency of Tierce enters the user's Cargo.lock.

use toml::{Table, Value};

use crate::edit::{Edit, quoted};
use crate::members::lists;
use crate::{Error, Found, MANIFEST};

/// The place of the library for the new xtask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The published crate, with this version requirement.
    Version(String),
    /// The folder of the crate `tierce`, relative to the xtask's folder.
    Path(String),
    /// A git repository with the source of Tierce.
    Git(String),
}

pub(crate) const CONFIG: &str = ".cargo/config.toml";
/// cargo prefers it to the other one.
pub(crate) const OLD_CONFIG: &str = ".cargo/config";

/// The profile. A test of the repository compares it with its own and with the guide's.
const PROFILE: &str = include_str!("../templates/profile.toml");
/// The xtask's program, a call of the library.
const MAIN: &str = include_str!("../templates/main.rs");

/// The folder and the alias of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Xtask {
    pub(crate) folder: &'static str,
    /// The word after `cargo`.
    pub(crate) alias: &'static str,
    pub(crate) state: State,
}

/// The state of the package before the draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It does not exist yet.
    New,
    /// It depends on Tierce and is a workspace of its own.
    Own,
    /// It depends on Tierce and is a member of the user's workspace.
    Member,
}

const XTASK: Xtask = Xtask { folder: "xtask", alias: "xtask", state: State::New };
/// For projects with an xtask for other purposes.
const BESIDE: Xtask = Xtask { folder: "tierce-xtask", alias: "tierce", state: State::New };

impl Xtask {
    /// Finds the package that runs Tierce, or chooses a folder and an alias that the project does not use.
    pub(crate) fn choose(found: &Found) -> Result<Xtask, Error> {
        for xtask in [XTASK, BESIDE] {
            let Some(manifest) = found.text(&xtask.manifest()) else { continue };
            let table: Table = manifest.parse().unwrap_or_default();
            if table.get("dependencies").and_then(|dependencies| dependencies.get("tierce")).is_some() {
                let state = if table.contains_key("workspace") { State::Own } else { State::Member };
                return Ok(Xtask { state, ..xtask });
            }
        }
        Ok(if XTASK.is_taken(found)? { BESIDE } else { XTASK })
    }

    /// Whether the project has this folder or alias already.
    fn is_taken(&self, found: &Found) -> Result<bool, Error> {
        if found.text(&self.manifest()).is_some() || found.text(&self.main_path()).is_some() {
            return Ok(true);
        }
        let manifest = found.text(MANIFEST).map(|text| Edit::new(MANIFEST, text)).transpose()?;
        if manifest.is_some_and(|manifest| lists(&manifest, "members", self.folder)) {
            return Ok(true);
        }
        for path in [OLD_CONFIG, CONFIG] {
            let Some(text) = found.text(path) else { continue };
            let edit = Edit::new(path, text)?;
            let theirs = edit.get(&["alias", self.alias]);
            if theirs.is_some_and(|theirs| theirs.as_str() != Some(&self.alias_value())) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Its Cargo.toml, relative to the workspace's root.
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// Its program, relative to the workspace's root.
    pub(crate) fn main_path(&self) -> String {
        format!("{}/src/main.rs", self.folder)
    }

    /// The value of the alias. Its target folder is its own, so that its features rebuild none of the user's crates.
    pub(crate) fn alias_value(&self) -> String {
        match self.state {
            State::Member => format!("run --package {} --", self.folder),
            State::New | State::Own => {
                format!("run --profile xtask --manifest-path {}/Cargo.toml --target-dir target/xtask --", self.folder)
            }
        }
    }

    /// The text of its Cargo.toml.
    pub(crate) fn manifest_text(&self, source: &Source) -> String {
        let Xtask { folder, .. } = self;
        format!(
            "[package]\nname = \"{folder}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
             # A workspace of its own: the other Cargo.lock has no dependency of Tierce.\n[workspace]\n\n{PROFILE}\n\
             [dependencies]\n{}\n",
            dependency(source)
        )
    }

    /// The text of its program.
    pub(crate) fn main_text(&self) -> String {
        match self.alias == XTASK.alias {
            true => MAIN.to_owned(),
            false => {
                MAIN.replace("cargo xtask", "cargo tierce").replace("tierce::main()", "tierce::cargo_subcommand()")
            }
        }
    }
}

fn dependency(source: &Source) -> String {
    match source {
        Source::Version(version) => format!("tierce = {}", quoted(version)),
        Source::Path(path) => format!("tierce = {{ path = {} }}", quoted(path)),
        Source::Git(address) => format!("tierce = {{ git = {} }}", quoted(address)),
    }
}

/// Adds the alias unless the configuration has it. Returns the command that runs Tierce.
pub(crate) fn add_alias(edit: &mut Edit, xtask: &Xtask, left: &mut Vec<String>) -> Result<String, Error> {
    let (ours, path) = (xtask.alias_value(), ["alias", xtask.alias]);
    let command = format!("cargo {}", xtask.alias);
    match edit.get(&path).map(Value::as_str) {
        Some(theirs) if theirs == Some(&ours) => left.push("it has the alias".to_owned()),
        Some(_) => {
            left.push(format!("it has another alias `{}`; Tierce's is {}", xtask.alias, quoted(&ours)));
            // The alias of an older xtask runs Tierce as well.
            if xtask.state == State::New {
                return Ok(format!("cargo run --manifest-path {} --", xtask.manifest()));
            }
        }
        None => edit.insert(&path[..1], path[1], ours)?,
    }
    Ok(command)
}
