//! `new workspace`: adds the xtask and its alias to an empty folder, a workspace or a single package.

use toml::Table;

use crate::edit::Edit;
use crate::image::{self, Content, NewImage};
use crate::members::{exclude, is_member, lists};
use crate::xtask::{CONFIG, OLD_CONFIG, Source, State, Xtask, add_alias};
use crate::{Draft, Error, Found, MANIFEST};

/// The files that a draft depends on, relative to the workspace's root.
pub const LOOKED_AT: [&str; 10] = [
    MANIFEST,
    CONFIG,
    OLD_CONFIG,
    ".gitignore",
    "xtask/Cargo.toml",
    "xtask/src/main.rs",
    "tierce-xtask/Cargo.toml",
    "tierce-xtask/src/main.rs",
    "images/hello/Cargo.toml",
    "images/hello/src/main.rs",
];

/// A drafted workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkspace {
    /// The files.
    pub draft: Draft,
    /// The command that runs Tierce in the workspace's folder.
    pub command: String,
    /// Whether the draft has an image.
    pub has_image: bool,
}

/// Drafts a workspace, or the missing parts of one. Adds a first image only if there is no Cargo.toml yet.
///
/// # Errors
/// An existing file without room for an insertion.
pub fn workspace(found: &Found, source: &Source) -> Result<NewWorkspace, Error> {
    let mut draft = Draft::default();
    let xtask = Xtask::choose(found)?;
    let has_image = found.text(MANIFEST).is_none();
    match found.text(MANIFEST) {
        None => {
            let lists = format!("members = [\"images/hello\"]\nexclude = [\"{}\"]", xtask.folder);
            draft.create(found, MANIFEST, format!("[workspace]\nresolver = \"3\"\n{lists}\n"));
            for (path, text) in image::package(&first_image()?) {
                draft.create(found, path, text);
            }
        }
        Some(text) => exclude_xtask(&mut draft, &xtask, text)?,
    }
    match xtask.state {
        State::New => {
            draft.create(found, xtask.manifest(), xtask.manifest_text(source));
            draft.create(found, xtask.main_path(), xtask.main_text());
        }
        State::Own | State::Member => draft.leave(xtask.manifest(), "it has Tierce"),
    }
    let command = config(found, &mut draft, &xtask)?;
    ignore(found, &mut draft);
    Ok(NewWorkspace { draft, command, has_image })
}

/// Keeps the xtask out of the workspace. A package without a workspace has no list that could include it.
fn exclude_xtask(draft: &mut Draft, xtask: &Xtask, text: &str) -> Result<(), Error> {
    let mut edit = Edit::new(MANIFEST, text)?;
    if lists(&edit, "members", xtask.folder) {
        draft.leave(MANIFEST, "`members` has the xtask");
    } else if is_workspace(text) && xtask.state != State::Member && !exclude(&mut edit, xtask.folder)? {
        draft.leave(MANIFEST, "`exclude` has the xtask");
    }
    // Cargo refuses a folder without a Cargo.toml that a pattern such as `*` matches.
    for folder in [".cargo", "target"] {
        if is_member(&edit, folder) {
            exclude(&mut edit, folder)?;
        }
    }
    draft.change(MANIFEST, text, edit.into_text());
    Ok(())
}

/// A program that needs only libc.
fn first_image() -> Result<NewImage, Error> {
    NewImage::new("hello", Content::Program, &[], &[])
}

/// Returns true for the Cargo.toml of a workspace.
pub fn is_workspace(manifest: &str) -> bool {
    manifest.parse::<Table>().is_ok_and(|table| table.contains_key("workspace"))
}

/// Adds the alias if it is missing. Returns the command that runs Tierce.
fn config(found: &Found, draft: &mut Draft, xtask: &Xtask) -> Result<String, Error> {
    let path = if found.text(OLD_CONFIG).is_some() { OLD_CONFIG } else { CONFIG };
    let text = found.text(path);
    let mut edit = Edit::new(path, text.unwrap_or_default())?;
    let mut left = Vec::new();
    let command = add_alias(&mut edit, xtask, &mut left)?;
    left.into_iter().for_each(|why| draft.leave(path, why));
    match text {
        Some(text) => draft.change(path, text, edit.into_text()),
        None => draft.create(found, path, edit.into_text()),
    }
    Ok(command)
}

/// Adds cargo's output to `.gitignore`.
fn ignore(found: &Found, draft: &mut Draft) {
    let Some(text) = found.text(".gitignore") else {
        draft.create(found, ".gitignore", "/target\n".to_owned());
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

    fn drafted(files: &[(&str, &str)]) -> NewWorkspace {
        let found = Found(files.iter().map(|(path, text)| ((*path).into(), (*text).to_owned())).collect());
        workspace(&found, &Source::Path("../../tierce/workspace-crates/tierce".into())).expect("it can be drafted")
    }

    fn after(new: &NewWorkspace, path: &str) -> Option<String> {
        new.draft.files.iter().find(|file| file.path == path).map(|file| file.after.clone())
    }

    fn left(new: &NewWorkspace) -> String {
        let lines = new.draft.left.iter().map(|(path, why)| format!("{path}: {why}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The files after a draft, as input of the next one.
    fn again(files: &[(&str, &str)], new: &NewWorkspace) -> NewWorkspace {
        let mut all = files.to_vec();
        all.retain(|(path, _)| after(new, path).is_none());
        all.extend(new.draft.files.iter().map(|file| (file.path.as_str(), file.after.as_str())));
        drafted(&all)
    }

    #[test]
    fn empty_folder_gets_everything() {
        let new = drafted(&[]);
        let paths: Vec<&str> = new.draft.files.iter().map(|file| file.path.as_str()).collect();
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
        assert_eq!((left(&new), new.command.as_str(), new.has_image), (String::new(), "cargo xtask", true));
        let root: Table = after(&new, "Cargo.toml").expect("new").parse().expect("TOML");
        assert_eq!(root["workspace"]["exclude"], vec!["xtask"].into());
        let xtask: Table = after(&new, "xtask/Cargo.toml").expect("new").parse().expect("TOML");
        assert_eq!(xtask["workspace"], Table::new().into());
    }

    #[test]
    fn second_draft_changes_nothing() {
        let second = again(&[], &drafted(&[]));
        assert_eq!(second.draft.files, []);
        insta::assert_snapshot!(left(&second), @"
        Cargo.toml: `exclude` has the xtask
        xtask/Cargo.toml: it has Tierce
        .cargo/config.toml: it has the alias
        ");
    }

    #[test]
    fn xtask_stays_outside_of_the_workspace() {
        let package = "[package]\nname = \"app\" # ours\n\n[dependencies]\n";
        for (before, expected) in [
            (package.to_owned(), None),
            (format!("{package}[workspace]\n"), Some(format!("{package}[workspace]\nexclude = [\"xtask\"]\n"))),
            (
                "[workspace]\nmembers = [\"*\"]\n".into(),
                Some("[workspace]\nmembers = [\"*\"]\nexclude = [\"xtask\", \".cargo\", \"target\"]\n".into()),
            ),
            ("[workspace]\nexclude = [\"old\"]\n".into(), Some("[workspace]\nexclude = [\"old\", \"xtask\"]\n".into())),
            ("[workspace]\nexclude = [\"./xtask/\"]\n".into(), None),
        ] {
            let new = drafted(&[("Cargo.toml", &before)]);
            assert_eq!(after(&new, "Cargo.toml"), expected, "{before}");
            assert_eq!((after(&new, "images/hello/Cargo.toml"), new.has_image), (None, false));
        }
    }

    #[test]
    fn cargo_configuration_keeps_its_values() {
        let other = "# ours\n[alias]\nb = \"build\"\n\n[net]\nretry = 3\n";
        let theirs = drafted(&[("Cargo.toml", "[workspace]\n"), (".cargo/config", other)]);
        assert_eq!(
            after(&theirs, ".cargo/config").expect("edited"),
            "# ours\n[alias]\nb = \"build\"\nxtask = \"run --profile xtask --manifest-path xtask/Cargo.toml --target-dir \
             target/xtask --\"\n\n[net]\nretry = 3\n"
        );
    }

    #[test]
    fn other_commands_of_the_project_stay() {
        let alias = "[alias]\nxtask = \"run -p tasks --\"\n";
        let xtask = "[package]\nname = \"xtask\"\n";
        let workspace = ("Cargo.toml", "[workspace]\nmembers = [\"*\"]\n");
        let cases: [&[(&str, &str)]; 4] = [
            &[workspace, ("xtask/Cargo.toml", xtask)],
            &[workspace, (".cargo/config.toml", alias)],
            &[workspace, (".cargo/config", alias)],
            &[("Cargo.toml", "[workspace]\nmembers = [\"xtask\"]\n"), ("xtask/Cargo.toml", xtask)],
        ];
        for files in cases {
            let new = drafted(files);
            assert_eq!(new.command, "cargo tierce", "{files:?}");
            assert!(after(&new, "Cargo.toml").expect("edited").contains("exclude = [\"tierce-xtask\""));
            assert_eq!((after(&new, "xtask/Cargo.toml"), after(&new, "xtask/src/main.rs")), (None, None));
            let main = after(&new, "tierce-xtask/src/main.rs").expect("new");
            assert!(main.contains("tierce::cargo_subcommand()") && main.contains("`cargo tierce`"), "{main}");
            let config = after(&new, ".cargo/config.toml").or(after(&new, ".cargo/config")).expect("edited");
            assert!(config.contains("tierce = \"run ") && !config.contains("xtask = \"run --profile"), "{config}");
            assert_eq!(again(files, &new).draft.files, [], "{files:?}");
        }
        let both = "[alias]\nxtask = \"run -p tasks --\"\ntierce = \"build\"\n";
        let new = drafted(&[workspace, (".cargo/config.toml", both)]);
        assert_eq!(new.command, "cargo run --manifest-path tierce-xtask/Cargo.toml --");
        assert!(left(&new).contains("it has another alias `tierce`; Tierce's is \"run "), "{}", left(&new));
    }

    #[test]
    fn older_xtask_stays_a_member() {
        let files = [
            ("Cargo.toml", "[workspace]\nmembers = [\"xtask\"]\n"),
            ("xtask/Cargo.toml", "[package]\nname = \"xtask\"\n[dependencies]\ntierce = \"0.1\"\n"),
            (".cargo/config.toml", "[alias]\nxtask = \"run --profile xtask --package xtask --\"\n"),
            (".gitignore", "/target\n"),
        ];
        let new = drafted(&files);
        assert_eq!((new.draft.files.as_slice(), new.command.as_str()), (&[][..], "cargo xtask"));
    }

    #[test]
    fn target_folder_is_ignored() {
        for (before, expected) in
            [("", Some("/target\n")), ("*.o", Some("*.o\n/target\n")), ("target/\n", None), ("**/target", None)]
        {
            let new = drafted(&[("Cargo.toml", "[workspace]\n"), (".gitignore", before)]);
            assert_eq!(after(&new, ".gitignore").as_deref(), expected, "{before}");
        }
    }
}
