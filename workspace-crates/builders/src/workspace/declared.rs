//! Files and folders that a table names, in the folder of its Cargo.toml on the host.

use std::fs::{self, DirEntry};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};
use tierce_manifest::{FileSpec, InnerPath, Located, Place};
use tierce_rootfs::path::resolve_dots;
use tierce_store::Error;

/// A file, folder or link that goes into an image.
#[derive(Debug, PartialEq, Eq)]
pub struct DeclaredEntry {
    /// Its path in the image.
    pub path: String,
    /// Its path on the host.
    pub host: PathBuf,
    /// Its kind.
    pub content: DeclaredContent,
}

/// The kind of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum DeclaredContent {
    /// A folder; its content follows.
    Folder,
    /// A link, kept unchanged: an absolute one is about the image.
    Link(String),
    /// A regular file.
    File {
        /// Whether owner, group or others may execute it.
        executable: bool,
    },
}

/// A file of the table, or a folder with its whole content, sorted.
///
/// # Errors
/// At the line of the table: a path that is missing, leads outside of the folder of its Cargo.toml, also through links, or is neither a
/// file, a folder nor a link.
pub fn entries(file: &FileSpec) -> Result<Vec<DeclaredEntry>, Error> {
    let (path, folder) = (file.from.value.full(), file.from.value.folder());
    collect(&path, folder, file.to.value.as_str()).map_err(|problem| problem.at(&file.from.place))
}

/// The host's path of one file of the table.
///
/// # Errors
/// Those of [`entries`], and a path that is no file.
pub fn file(path: &Located<InnerPath>) -> Result<PathBuf, Error> {
    let found = real(&path.value.full(), path.value.folder()).and_then(|(real, shown, _)| match real.is_file() {
        true => Ok(real.into_std_path_buf()),
        false => Err(Problem { message: format!("`{shown}` is not a file"), help: None }),
    });
    found.map_err(|problem| problem.at(&path.place))
}

/// The host's path of a file or folder of the table.
///
/// # Errors
/// Those of [`entries`].
pub fn path(path: &Located<InnerPath>) -> Result<PathBuf, Error> {
    let full = path.value.full();
    let found = real(&full, path.value.folder());
    found.map(|(real, ..)| real.into_std_path_buf()).map_err(|problem| problem.at(&path.place))
}

/// Why an entry cannot go into an image.
#[derive(Debug)]
struct Problem {
    message: String,
    help: Option<String>,
}

impl Problem {
    fn at(self, place: &Place) -> Error {
        Error::table(place, self.message).with_help_if(self.help)
    }
}

fn collect(path: &Utf8Path, folder: &Utf8Path, to: &str) -> Result<Vec<DeclaredEntry>, Problem> {
    let (real, shown, folder) = real(path, folder)?;
    let mut found = Vec::new();
    add(&folder, &real, shown, to, &mut found)?;
    Ok(found)
}

/// The real path of a declared path, which has to be inside of `folder`, the user's name for it, and the real path of the folder.
fn real<'p>(path: &'p Utf8Path, folder: &Utf8Path) -> Result<(Utf8PathBuf, &'p Utf8Path, Utf8PathBuf), Problem> {
    let unreadable =
        |what: &Utf8Path, error, help| Problem { message: format!("`{what}` cannot be read: {error}"), help };
    let shown = path.strip_prefix(folder).unwrap_or(path);
    let help = || Some(format!("it is looked for in {folder}"));
    let real = path.canonicalize_utf8().map_err(|error| unreadable(shown, error, help()))?;
    let folder = folder.canonicalize_utf8().map_err(|error| unreadable(folder, error, None))?;
    if !real.starts_with(&folder) {
        return Err(leads_out(shown, &real));
    }
    Ok((real, shown, folder))
}

/// Adds the entry at `host`; `shown` is the user's name for it.
fn add(
    folder: &Utf8Path,
    host: &Utf8Path,
    shown: &Utf8Path,
    to: &str,
    found: &mut Vec<DeclaredEntry>,
) -> Result<(), Problem> {
    let unreadable = |error| Problem { message: format!("`{shown}` cannot be read: {error}"), help: None };
    let metadata = fs::symlink_metadata(host).map_err(unreadable)?;
    let content = if metadata.is_symlink() {
        let target = host.read_link_utf8().map_err(unreadable)?;
        let leads_to = host.parent().unwrap_or(host).join(&target);
        // The host's path is absolute, so its dots lead nowhere else than to the root.
        let leads_to = resolve_dots(leads_to.as_str()).map_or(leads_to, Utf8PathBuf::from);
        if target.is_relative() && !leads_to.starts_with(folder) {
            return Err(leads_out(shown, &leads_to));
        }
        DeclaredContent::Link(target.into_string())
    } else if metadata.is_dir() {
        DeclaredContent::Folder
    } else if metadata.is_file() {
        DeclaredContent::File { executable: metadata.permissions().mode() & 0o111 != 0 }
    } else {
        return Err(Problem { message: format!("`{shown}` is neither a file, a folder nor a link"), help: None });
    };
    let is_folder = content == DeclaredContent::Folder;
    found.push(DeclaredEntry { path: to.to_owned(), host: host.as_std_path().to_owned(), content });
    if is_folder {
        let mut inside: Vec<DirEntry> = fs::read_dir(host).and_then(|entries| entries.collect()).map_err(unreadable)?;
        inside.sort_by_key(DirEntry::file_name);
        for entry in inside {
            let name = entry.file_name().into_string().map_err(|name| Problem {
                message: format!("the name of `{}` is not UTF-8", shown.as_std_path().join(name).display()),
                help: None,
            })?;
            let to = format!("{}/{name}", to.trim_end_matches('/'));
            add(folder, &host.join(&name), &shown.join(&name), &to, found)?;
        }
    }
    Ok(())
}

fn leads_out(shown: &Utf8Path, to: &Utf8Path) -> Problem {
    Problem {
        message: format!("`{shown}` leads out of the folder of its Cargo.toml"),
        help: Some(format!("it is a link to {to}; copy what the image needs")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    /// The entries of `assets` in a package's folder that `fill` made.
    fn found(fill: impl FnOnce(&Path)) -> Result<String, String> {
        let scratch = tempfile::tempdir().expect("a folder");
        let package =
            Utf8PathBuf::try_from(scratch.path().canonicalize().expect("it exists")).expect("UTF-8").join("app");
        fs::create_dir_all(package.join("assets")).expect("a folder");
        fill(package.as_std_path());
        let entries =
            collect(&package.join("assets"), &package, "/usr/share/app").map_err(|problem| problem.message)?;
        Ok(entries.iter().map(|entry| format!("{} {:?}\n", entry.path, entry.content)).collect())
    }

    #[test]
    fn folder_has_its_whole_content() {
        let entries = found(|package| {
            fs::create_dir(package.join("assets/.git")).expect("a folder");
            fs::write(package.join("assets/b"), "").expect("a file");
            fs::set_permissions(package.join("assets/b"), PermissionsExt::from_mode(0o750)).expect("a mode");
            fs::write(package.join("assets/a"), "").expect("a file");
            fs::set_permissions(package.join("assets/a"), PermissionsExt::from_mode(0o600)).expect("a mode");
            symlink("../src/../assets/a", package.join("assets/inside")).expect("a link");
            symlink("/var/lib/app", package.join("assets/of-the-image")).expect("a link");
        });
        let expected = "/usr/share/app Folder\n\
                        /usr/share/app/.git Folder\n\
                        /usr/share/app/a File { executable: false }\n\
                        /usr/share/app/b File { executable: true }\n\
                        /usr/share/app/inside Link(\"../src/../assets/a\")\n\
                        /usr/share/app/of-the-image Link(\"/var/lib/app\")\n";
        assert_eq!(entries.expect("readable"), expected);
    }

    #[test]
    fn unusable_paths_are_refused() {
        type Fill = fn(&Path);
        let cases: [(Fill, &str); 4] = [
            (
                |package| fs::remove_dir(package.join("assets")).expect("empty"),
                "`assets` cannot be read: No such file or directory (os error 2)",
            ),
            (
                |package| {
                    fs::remove_dir(package.join("assets")).expect("empty");
                    symlink("..", package.join("assets")).expect("a link");
                },
                "`assets` leads out of the folder of its Cargo.toml",
            ),
            (
                |package| symlink("../../key", package.join("assets/key")).expect("a link"),
                "`assets/key` leads out of the folder of its Cargo.toml",
            ),
            (
                |package| {
                    std::os::unix::net::UnixListener::bind(package.join("assets/socket")).expect("a socket");
                },
                "`assets/socket` is neither a file, a folder nor a link",
            ),
        ];
        for (fill, expected) in cases {
            assert_eq!(found(fill).expect_err(expected), expected);
        }
    }
}
