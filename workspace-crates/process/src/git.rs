//! git: the revision of a checkout.

use camino::Utf8Path;

use crate::{Error, run};

/// What a checkout was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit, in lower-case hexadecimal digits.
    pub commit: String,
    /// Whether files that git knows differ from it.
    pub modified: bool,
}

/// The revision that a folder's checkout stands at. None where there is no git, no checkout or no commit yet: an image
/// without a revision is no error.
///
/// # Errors
/// `Error::File` if the folder cannot be entered, `Error::Start`.
pub fn revision(folder: &Utf8Path) -> Result<Option<Revision>, Error> {
    let Ok(git) = run::find("git", "install git") else { return Ok(None) };
    let shell = run::shell(folder)?;
    // Reading the state may refresh the index, which is the user's to lock, not a build's.
    shell.set_var("GIT_OPTIONAL_LOCKS", "0");
    let arguments = ["status", "--porcelain=v2", "--branch", "--untracked-files=no"];
    let output = run::output("git status", shell.cmd(git).args(arguments))?;
    if !output.status.success() {
        return Ok(None);
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads the format of `git status --porcelain=v2 --branch`: headers begin with `#`, all other lines are changes.
fn parse(status: &str) -> Option<Revision> {
    let commit = status.lines().find_map(|line| line.strip_prefix("# branch.oid "))?;
    let modified = status.lines().any(|line| !line.starts_with('#'));
    commit.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| Revision { commit: commit.to_owned(), modified })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_checkout_is_read() {
        let revision = |commit: &str, modified| Some(Revision { commit: commit.to_owned(), modified });
        let cases = [
            ("# branch.oid 48838f5a\n# branch.head main\n", revision("48838f5a", false)),
            (
                "# branch.oid 48838f5a\n# branch.head main\n1 .M N... 100644 100644 100644 a b file\n",
                revision("48838f5a", true),
            ),
            ("# branch.oid (initial)\n# branch.head main\n", None),
            ("", None),
        ];
        for (status, expected) in cases {
            assert_eq!(parse(status), expected);
        }
    }

    #[test]
    fn a_folder_that_is_no_checkout_has_no_revision() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(revision(Utf8Path::from_path(folder.path()).unwrap()).unwrap(), None);
    }
}
