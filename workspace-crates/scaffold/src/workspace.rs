//! `new workspace`: the xtask, the alias and the profile, in an empty folder, an existing workspace or a single package.

use camino::Utf8Path;
use globset::{GlobBuilder, GlobMatcher};
use toml::{Table, Value};

use crate::edit::Edit;
use crate::image::{self, Content, NewImage};
use crate::{Draft, Error, Found, MANIFEST};

/// Where the library of the new xtask is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder with its crate `tierce`, from the xtask's own.
    Path(String),
    /// A repository of git with this one's content.
    Git(String),
}

/// The files that decide what is drafted, from the workspace's root.
pub const LOOKED_AT: [&str; 8] = [
    MANIFEST,
    CONFIG,
    OLD_CONFIG,
    ".gitignore",
    XTASK_MANIFEST,
    XTASK_MAIN,
    "images/hello/Cargo.toml",
    "images/hello/src/main.rs",
];

const CONFIG: &str = ".cargo/config.toml";
/// cargo reads it as well, and before the other one.
const OLD_CONFIG: &str = ".cargo/config";
const XTASK_MANIFEST: &str = "xtask/Cargo.toml";
const XTASK_MAIN: &str = "xtask/src/main.rs";

/// The alias and the profile: those of this repository, which the README has as well.
const OUR_CONFIG: &str = include_str!("../../../.cargo/config.toml");
/// A call of the library, in every workspace.
const OUR_MAIN: &str = include_str!("../../../xtask/src/main.rs");

/// Drafts a workspace, or what one lacks. An image of its own only where there is no Cargo.toml yet.
///
/// # Errors
/// A file that is there and into which nothing can be inserted.
pub fn workspace(found: &Found, source: &Source) -> Result<Draft, Error> {
    let mut draft = Draft::default();
    match found.text(MANIFEST) {
        None => {
            draft.make(
                found,
                MANIFEST,
                "[workspace]\nresolver = \"3\"\nmembers = [\"xtask\", \"images/hello\"]\n".into(),
            );
            for (path, text) in image::package(&first_image()?) {
                draft.make(found, path, text);
            }
        }
        Some(text) => {
            let mut edit = Edit::new(MANIFEST, text)?;
            match is_member(&edit, "xtask") {
                true => draft.leave(MANIFEST, "`members` has the xtask"),
                false => edit.push(&["workspace"], "members", "\"xtask\"")?,
            }
            draft.change(MANIFEST, text, edit.into_text());
        }
    }
    match found.text(XTASK_MANIFEST) {
        None => {
            draft.make(found, XTASK_MANIFEST, xtask_manifest(source));
            draft.make(found, XTASK_MAIN, OUR_MAIN.to_owned());
        }
        Some(text) if depends_on_tierce(text) => draft.leave(XTASK_MANIFEST, "it has Tierce"),
        Some(_) => draft.leave(
            XTASK_MANIFEST,
            format!(
                "it is another xtask; add `{}` to its dependencies and have its main call `tierce::main()`",
                dependency(source)
            ),
        ),
    }
    config(found, &mut draft)?;
    ignore(found, &mut draft);
    Ok(draft)
}

/// A program that needs nothing but libc.
fn first_image() -> Result<NewImage, Error> {
    NewImage::new("hello", Content::Program, &[], &[])
}

/// Whether a Cargo.toml is a workspace's own.
pub fn is_workspace(manifest: &str) -> bool {
    manifest.parse::<Table>().is_ok_and(|table| table.contains_key("workspace"))
}

/// Whether the patterns of `members` have a folder.
pub(crate) fn is_member(edit: &Edit, folder: &str) -> bool {
    let Some(Value::Array(members)) = edit.get(&["workspace", "members"]) else { return false };
    let glob = |pattern: &str| -> Option<GlobMatcher> {
        let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
        Some(GlobBuilder::new(pattern).literal_separator(true).build().ok()?.compile_matcher())
    };
    members.iter().filter_map(Value::as_str).filter_map(glob).any(|glob| glob.is_match(Utf8Path::new(folder)))
}

fn depends_on_tierce(manifest: &str) -> bool {
    let table: Table = manifest.parse().unwrap_or_default();
    table.get("dependencies").and_then(|dependencies| dependencies.get("tierce")).is_some()
}

fn dependency(source: &Source) -> String {
    match source {
        Source::Path(path) => format!("tierce = {{ path = {} }}", quoted(path)),
        Source::Git(address) => format!("tierce = {{ git = {} }}", quoted(address)),
    }
}

/// As TOML writes a string.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn xtask_manifest(source: &Source) -> String {
    let package = "[package]\nname = \"xtask\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    format!("{package}\n[dependencies]\n{}\n", dependency(source))
}

/// The alias and the profile, each unless there is one; the profile may stand in the Cargo.toml as well.
fn config(found: &Found, draft: &mut Draft) -> Result<(), Error> {
    let path = if found.text(OLD_CONFIG).is_some() { OLD_CONFIG } else { CONFIG };
    let Some(text) = found.text(path) else {
        draft.make(found, CONFIG, OUR_CONFIG.to_owned());
        return Ok(());
    };
    let ours = Edit::new(CONFIG, OUR_CONFIG)?;
    let (alias_table, profile) = OUR_CONFIG.split_once("\n\n").unwrap_or((OUR_CONFIG, ""));
    let mut edit = Edit::new(path, text)?;
    match (edit.get(&["alias", "xtask"]), ours.get(&["alias", "xtask"])) {
        (Some(theirs), Some(ours)) if theirs == ours => draft.leave(path, "it has the alias"),
        (Some(_), Some(ours)) => draft.leave(path, format!("it has another alias `xtask`; Tierce's is {ours}")),
        (None, Some(ours)) if edit.get(&["alias"]).is_some() => edit.insert(&["alias"], "xtask", &ours.to_string())?,
        _ => edit.append(&format!("{alias_table}\n"))?,
    }
    let manifest = found.text(MANIFEST).map(|text| Edit::new(MANIFEST, text)).transpose()?;
    let in_manifest = manifest.is_some_and(|manifest| manifest.get(&["profile", "xtask"]).is_some());
    match () {
        () if edit.get(&["profile", "xtask"]).is_some() => draft.leave(path, "it has a profile `xtask`"),
        () if in_manifest => draft.leave(MANIFEST, "it has a profile `xtask`"),
        () => edit.append(profile)?,
    }
    draft.change(path, text, edit.into_text());
    Ok(())
}

/// What is built is no part of the sources.
fn ignore(found: &Found, draft: &mut Draft) {
    let Some(text) = found.text(".gitignore") else {
        draft.make(found, ".gitignore", "/target\n".to_owned());
        return;
    };
    if !text.lines().any(|line| line.trim().trim_start_matches("**").trim_matches('/') == "target") {
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        draft.change(".gitignore", text, format!("{text}{newline}/target\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(files: &[(&str, &str)]) -> Draft {
        let found = Found(files.iter().map(|(path, text)| ((*path).into(), (*text).to_owned())).collect());
        workspace(&found, &Source::Path("../../tierce/workspace-crates/tierce".into())).expect("it can be drafted")
    }

    fn after<'d>(draft: &'d Draft, path: &str) -> Option<&'d str> {
        draft.files.iter().find(|file| file.path == path).map(|file| file.after.as_str())
    }

    #[test]
    fn an_empty_folder_gets_everything() {
        let draft = draft(&[]);
        let paths: Vec<&str> = draft.files.iter().map(|file| file.path.as_str()).collect();
        let expected = [
            "Cargo.toml",
            "images/hello/Cargo.toml",
            "images/hello/src/main.rs",
            "xtask/Cargo.toml",
            "xtask/src/main.rs",
            ".cargo/config.toml",
            ".gitignore",
        ];
        assert_eq!(paths, expected);
        assert_eq!(draft.left, []);
    }

    #[test]
    fn what_it_wrote_is_left_alone() {
        let first = draft(&[]);
        let files: Vec<(&str, &str)> =
            first.files.iter().map(|file| (file.path.as_str(), file.after.as_str())).collect();
        let second = draft(&files);
        assert_eq!(second.files, []);
        let left: Vec<String> = second.left.iter().map(|(path, why)| format!("{path}: {why}")).collect();
        insta::assert_snapshot!(left.join("\n"), @"
        Cargo.toml: `members` has the xtask
        xtask/Cargo.toml: it has Tierce
        .cargo/config.toml: it has the alias
        .cargo/config.toml: it has a profile `xtask`
        ");
    }

    #[test]
    fn a_package_becomes_a_workspace_and_a_workspace_gets_a_member() {
        let package = "[package]\nname = \"app\" # ours\n\n[dependencies]\n";
        let members = "[workspace]\nmembers = [\"xtask\"]\n";
        for (before, expected) in [
            (package.to_owned(), Some(format!("{package}\n{members}"))),
            (format!("{package}[workspace]\n"), Some(format!("{package}{members}"))),
            (
                "[workspace]\nmembers = [\"crates/*\"]\n".into(),
                Some("[workspace]\nmembers = [\"crates/*\", \"xtask\"]\n".into()),
            ),
            ("[workspace]\nmembers = [\"*\"]\n".into(), None),
            ("[workspace]\nmembers = [\"./xtask/\"]\n".into(), None),
        ] {
            let draft = draft(&[("Cargo.toml", &before)]);
            assert_eq!(after(&draft, "Cargo.toml").map(str::to_owned), expected, "{before}");
            assert_eq!(after(&draft, "images/hello/Cargo.toml"), None);
        }
    }

    #[test]
    fn a_configuration_of_cargo_keeps_what_it_has() {
        let table: Table = OUR_CONFIG.parse().expect("TOML");
        let other = "# ours\n[alias]\nb = \"build\"\n\n[net]\nretry = 3\n";
        let theirs = draft(&[("Cargo.toml", "[workspace]\n"), (".cargo/config", other)]);
        let text = after(&theirs, ".cargo/config").expect("edited");
        assert!(text.starts_with("# ours\n[alias]\nxtask = "), "{text}");
        let edited: Table = text.parse().expect("TOML");
        assert_eq!((&edited["alias"]["xtask"], &edited["profile"]), (&table["alias"]["xtask"], &table["profile"]));
        assert_eq!((&edited["alias"]["b"], &edited["net"]["retry"]), (&"build".into(), &3.into()));

        let taken = "[alias]\nxtask = \"run -p xtask --\"\n[profile.xtask]\ninherits = \"release\"\n";
        let theirs = draft(&[("Cargo.toml", "[workspace]\n"), (".cargo/config.toml", taken)]);
        assert_eq!(after(&theirs, ".cargo/config.toml"), None);
        let left: Vec<&str> = theirs.left.iter().map(|(_, why)| why.as_str()).collect();
        let ours = table["alias"]["xtask"].to_string();
        assert_eq!(left, [&format!("it has another alias `xtask`; Tierce's is {ours}"), "it has a profile `xtask`"]);
    }

    #[test]
    fn another_xtask_is_left_and_told_what_it_lacks() {
        let xtask = "[package]\nname = \"xtask\"\n";
        let draft = draft(&[("Cargo.toml", "[workspace]\nmembers = [\"xtask\"]\n"), ("xtask/Cargo.toml", xtask)]);
        assert_eq!((after(&draft, XTASK_MANIFEST), after(&draft, XTASK_MAIN)), (None, None));
        let why = &draft.left.iter().find(|(path, _)| path == "xtask/Cargo.toml").expect("left").1;
        assert!(why.contains("tierce = { path = \"../../tierce/workspace-crates/tierce\" }"), "{why}");
    }

    #[test]
    fn what_is_built_is_ignored() {
        for (before, expected) in
            [("", Some("/target\n")), ("*.o", Some("*.o\n/target\n")), ("target/\n", None), ("**/target", None)]
        {
            let draft = draft(&[("Cargo.toml", "[workspace]\n"), (".gitignore", before)]);
            assert_eq!(after(&draft, ".gitignore"), expected, "{before}");
        }
    }
}
