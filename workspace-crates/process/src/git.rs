//! git: the revision of a checkout.

use camino::Utf8Path;

use crate::{Error, run};

/// The state of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit, in lower-case hexadecimal digits.
    pub commit: String,
    /// Whether tracked files differ from the commit.
    pub modified: bool,
}

/// Returns the revision of a folder's checkout, or none without git, a checkout or a commit: an image may lack a revision.
///
/// # Errors
/// `Error::File` if the folder cannot be entered, `Error::Start`.
pub fn revision(folder: &Utf8Path) -> Result<Option<Revision>, Error> {
    let Ok(git) = run::find("git", "install git") else { return Ok(None) };
    let shell = run::shell(folder)?;
    // Otherwise git locks and refreshes the user's index.
    shell.set_var("GIT_OPTIONAL_LOCKS", "0");
    let arguments = ["status", "--porcelain=v2", "--branch", "--untracked-files=no"];
    let output = run::output("git status", shell.cmd(git).args(arguments))?;
    if !output.status.success() {
        return Ok(None);
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Returns what a build may ask git about the checkout of a folder, a line each: a key and its value. Empty without git, a checkout or
/// a commit.
///
/// # Errors
/// `Error::File` if the folder cannot be entered, `Error::Start`.
pub fn answers(folder: &Utf8Path) -> Result<String, Error> {
    let Some(state) = revision(folder)? else { return Ok(String::new()) };
    let git = run::find("git", "install git")?;
    let shell = run::shell(folder)?;
    shell.set_var("GIT_OPTIONAL_LOCKS", "0");
    let ask = |arguments: &[&str]| -> Result<String, Error> {
        let output = run::output("git", shell.cmd(&git).args(arguments).quiet())?;
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        Ok(if output.status.success() { text } else { String::new() })
    };
    let mut lines = format!("commit {}\nmodified {}\n", state.commit, state.modified);
    let format: Vec<&str> = OF_COMMIT.iter().map(|(_, format)| *format).collect();
    let commit = ask(&["log", "-1", "--no-show-signature", &format!("--format={}", format.join("%n"))])?;
    let others = [
        ("branch", ask(&["symbolic-ref", "--short", "-q", "HEAD"])?),
        ("count", ask(&["rev-list", "--count", "HEAD"])?),
        ("tag", ask(&["tag", "--points-at", "HEAD"])?.lines().next().unwrap_or_default().to_owned()),
        ("tags", ask(&["describe", "--tags", "--long", "--abbrev=40"])?),
        ("annotated", ask(&["describe", "--long", "--abbrev=40"])?),
    ];
    let of_commit = OF_COMMIT.iter().map(|(key, _)| *key).zip(commit.lines().map(str::to_owned));
    for (key, value) in of_commit.chain(others).filter(|(_, value)| !value.is_empty()) {
        lines.push_str(&format!("{key} {value}\n"));
    }
    Ok(lines)
}

/// The facts about a commit, each with git's format of one line.
const OF_COMMIT: [(&str, &str); 12] = [
    ("short", "%h"),
    ("time", "%ct"),
    ("author-time", "%at"),
    ("date", "%cI"),
    ("author-date", "%aI"),
    ("iso-date", "%ci"),
    ("day", "%cs"),
    ("author-day", "%as"),
    ("author", "%an"),
    ("email", "%ae"),
    ("subject", "%s"),
    ("tree", "%T"),
];

/// Returns the address from which a folder's checkout was cloned; none without git, a checkout, or an address that other machines
/// reach.
///
/// # Errors
/// `Error::File` if the folder cannot be entered, `Error::Start`.
pub fn origin(folder: &Utf8Path) -> Result<Option<String>, Error> {
    let Ok(git) = run::find("git", "install git") else { return Ok(None) };
    let shell = run::shell(folder)?;
    let output = run::output("git config", shell.cmd(git).args(["config", "--get", "remote.origin.url"]))?;
    let address = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(cargo_address(&address).filter(|_| output.status.success()))
}

/// Returns an address as cargo takes it; none for a path. Passwords stay out of it.
fn cargo_address(address: &str) -> Option<String> {
    if let Some((scheme, rest)) = address.split_once("://") {
        if !["https", "http", "ssh", "git"].contains(&scheme) {
            return None;
        }
        let (host, path) = rest.split_once('/')?;
        let host = match host.rsplit_once('@') {
            Some((user, host)) if scheme == "ssh" => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
            Some((_, host)) => host.to_owned(),
            None => host.to_owned(),
        };
        return Some(format!("{scheme}://{host}/{path}"));
    }
    // `git@host:path` is a short form of ssh.
    let (host, path) = address.split_once(':')?;
    (host.contains('@') && !host.contains('/')).then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

/// Parses `git status --porcelain=v2 --branch`: headers begin with `#`, all other lines are changes.
fn parse(status: &str) -> Option<Revision> {
    let commit = status.lines().find_map(|line| line.strip_prefix("# branch.oid "))?;
    let modified = status.lines().any(|line| !line.starts_with('#'));
    commit.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| Revision { commit: commit.to_owned(), modified })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_gives_commit_and_modification() {
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
    fn addresses_suit_cargo_without_passwords() {
        for (address, expected) in [
            ("https://host/team/tierce.git", Some("https://host/team/tierce.git")),
            ("https://user:secret@host/tierce", Some("https://host/tierce")),
            ("git@host:team/tierce.git", Some("ssh://git@host/team/tierce.git")),
            ("ssh://git:secret@host/tierce", Some("ssh://git@host/tierce")),
            ("/srv/tierce", None),
            ("file:///srv/tierce", None),
            ("../tierce", None),
            ("", None),
        ] {
            assert_eq!(cargo_address(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn plain_folder_has_no_revision() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        assert_eq!(revision(folder).unwrap(), None);
        assert_eq!(answers(folder).unwrap(), "");
    }

    #[test]
    fn answers_describe_the_commit() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let user = ["-c", "user.name=A B", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
            let mut git = std::process::Command::new("git");
            for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
                git.env_remove(name);
            }
            assert!(git.current_dir(folder.path()).args(user).args(arguments).output().unwrap().status.success());
        };
        std::fs::write(folder.path().join("file"), "one").unwrap();
        for arguments in
            [&["init", "-q", "-b", "trunk"][..], &["add", "."], &["commit", "-q", "-m", "one two"], &["tag", "v1.0"]]
        {
            run(arguments);
        }
        std::fs::write(folder.path().join("file"), "two").unwrap();
        let answers = answers(Utf8Path::from_path(folder.path()).unwrap()).unwrap();
        let value =
            |key: &str| answers.lines().find_map(|line| line.strip_prefix(&format!("{key} "))).unwrap_or("none");
        let commit = value("commit");
        assert_eq!(commit.len(), 40);
        assert_eq!(value("tags"), format!("v1.0-0-g{commit}"));
        for (key, expected) in [
            ("modified", "true"),
            ("branch", "trunk"),
            ("count", "1"),
            ("tag", "v1.0"),
            ("annotated", "none"),
            ("author", "A B"),
            ("subject", "one two"),
        ] {
            assert_eq!(value(key), expected, "{key}");
        }
    }
}
