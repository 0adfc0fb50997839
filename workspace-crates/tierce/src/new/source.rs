//! The folder of a new workspace, and its dependency on Tierce.

use std::borrow::Cow;

use camino::{Utf8Path, Utf8PathBuf};
use tierce_execute::{Error, Options, origin};
use tierce_scaffold::Source;

use crate::ask::Asker;
use crate::cli::NewWorkspaceArgs;
use crate::invocation;
use crate::new::missing;

/// The folder of the workspace, and the source of its dependency on Tierce.
pub(super) fn workspace<'t>(
    arguments: &NewWorkspaceArgs,
    options: &Options,
    ask: impl FnOnce() -> Option<Asker<'t>>,
) -> Result<(Utf8PathBuf, Chosen), Error> {
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => match ask() {
            Some(asker) => asker.ask("Folder of the workspace", ".", |_| Ok(()))?.into(),
            None => missing("workspace", "PATH"),
        },
    };
    let folder = options.folder.join(folder);
    let folder = folder.canonicalize_utf8().unwrap_or_else(|_| plain(&folder));
    let compiled_from = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_from = |cache: &str| compiled_from.as_std_path().starts_with(options.cargo_home.join(cache));
    let source = match (&arguments.git, &arguments.path) {
        (Some(address), _) => Chosen { source: Source::Git(address.clone()), is_shared: true },
        (None, Some(copy)) => library(&options.folder.join(copy).join("workspace-crates/tierce"), &folder)?,
        _ if invocation::is_tierce() || is_from("registry") => {
            Chosen { source: Source::Version(env!("CARGO_PKG_VERSION").to_owned()), is_shared: true }
        }
        // Cargo may remove its checkout of a git repository at any time.
        _ if is_from("git") => missing("workspace", "--git or --path"),
        _ => {
            let library = library(compiled_from, &folder)?;
            match origin(compiled_from)?.filter(|_| !library.is_shared) {
                Some(address) => Chosen { source: Source::Git(address), is_shared: false },
                None => library,
            }
        }
    };
    Ok((folder, source))
}

/// The source of the dependency on Tierce.
pub(super) struct Chosen {
    pub(super) source: Source,
    /// Whether the user chose it, or every copy of the workspace's repository has it.
    pub(super) is_shared: bool,
}

/// A word about a source that Tierce chose itself, or that only this machine has.
pub(super) fn source_note(source: &Source, is_shared: bool) -> Option<String> {
    match source {
        _ if is_shared => None,
        Source::Path(path) => Some(format!(
            "the xtask depends on {path}, which other machines lack; `--git URL` names a repository for everybody"
        )),
        Source::Git(address) => Some(format!(
            "the xtask depends on {address}, the origin of this copy of Tierce; `--path DIR` names a folder"
        )),
        Source::Version(_) => None,
    }
}

/// The path of Tierce's crate, relative to the xtask of a workspace.
fn library(crate_folder: &Utf8Path, workspace: &Utf8Path) -> Result<Chosen, Error> {
    let failed = |error| Error::file("find Tierce in", crate_folder.as_std_path(), error);
    crate_folder.join("Cargo.toml").metadata().map_err(failed)?;
    let crate_folder = crate_folder.canonicalize_utf8().map_err(failed)?;
    let source = Source::Path(relative(&workspace.join("xtask"), &crate_folder).into_string());
    let repository = workspace.ancestors().find(|folder| folder.join(".git").exists());
    Ok(Chosen { source, is_shared: repository.is_some_and(|repository| crate_folder.starts_with(repository)) })
}

/// A path as a shell reads one word.
pub(super) fn shell_word(path: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%=".contains(&byte);
    match path.bytes().all(is_plain) {
        true => path.into(),
        false => format!("'{}'", path.replace('\'', "'\\''")).into(),
    }
}

/// Removes `.` and `..` from a path that may not exist.
fn plain(path: &Utf8Path) -> Utf8PathBuf {
    let mut plain = Utf8PathBuf::new();
    for component in path.components() {
        match component.as_str() {
            ".." => {
                plain.pop();
            }
            "." => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The relative path between two absolute ones; `to` itself if they share only the root.
fn relative(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    if common <= 1 {
        return to.to_owned();
    }
    let up = from.components().skip(common).map(|_| "..");
    up.chain(to.components().skip(common).map(|component| component.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_path_is_relative_to_the_xtask() {
        for (from, to, expected) in [
            ("/home/u/mine/xtask", "/home/u/tierce/crates/tierce", "../../tierce/crates/tierce"),
            ("/home/u/tierce/mine/xtask", "/home/u/tierce/crates/tierce", "../../crates/tierce"),
            ("/tmp/mine/xtask", "/home/u/tierce", "/home/u/tierce"),
        ] {
            assert_eq!(relative(Utf8Path::new(from), Utf8Path::new(to)), expected);
        }
        assert_eq!(plain(Utf8Path::new("/a/./b/../../c")), "/c");
    }

    #[test]
    fn next_command_quotes_folders() {
        for (path, expected) in
            [("/home/u/a-b.c", "/home/u/a-b.c"), ("/my code/x", "'/my code/x'"), ("/it's", "'/it'\\''s'")]
        {
            assert_eq!(shell_word(path), expected);
        }
    }

    #[test]
    fn notes_name_sources_that_others_lack() {
        let path = Source::Path("../../tierce".into());
        assert_eq!(source_note(&path, true), None);
        assert!(source_note(&path, false).is_some_and(|note| note.contains("`--git URL`")));
        let git = Source::Git("https://git.example/tierce".into());
        assert!(source_note(&git, false).is_some_and(|note| note.contains("https://git.example/tierce")));
    }
}
