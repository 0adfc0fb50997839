//! The options of a session.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tierce_docker::Mount;

use crate::Error;

/// The options of a session.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The image of the tools.
    pub toolbox: Toolbox,
    /// The name of the session's container.
    pub name: String,
    /// The command; the toolbox's own if empty.
    pub command: Vec<String>,
    /// `user`, `uid` or `uid:gid`; root by default.
    pub user: Option<String>,
    /// The working folder, if not the toolbox's.
    pub working_dir: Option<String>,
    /// Its mounts.
    pub mounts: Vec<Mount>,
    /// Capabilities in addition to those of every session.
    pub cap_add: Vec<String>,
    /// Variables, in the given order.
    pub environment: Vec<EnvironmentOption>,
    /// Whether the command has a terminal.
    pub tty: bool,
    /// Whether the command has an input.
    pub stdin: bool,
    /// Whether the container stays after its command's end.
    pub keep: bool,
    /// Whether the command runs in the background.
    pub detach: bool,
    /// The labels of sessions.
    pub marks: Marks,
}

/// The image of the tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toolbox {
    /// The daemon's reference or id.
    pub image: String,
    /// The name for people.
    pub name: String,
    /// Whether it is an image of the workspace.
    pub of_workspace: bool,
}

/// The labels that mark sessions, and distinguish wanted from abandoned ones.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// The labels of a session that ends with this process.
    pub attached: BTreeMap<String, String>,
    /// The labels of a session that outlives this process.
    pub kept: BTreeMap<String, String>,
    /// The name of the marker file in a detached session's root directory.
    pub detached: String,
}

/// One `--env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvironmentOption {
    /// The variables of the target, except for those that name its files.
    Target,
    /// A variable.
    Set {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
}

impl EnvironmentOption {
    /// Parses `NAME=VALUE`. An empty text means the target's environment.
    ///
    /// # Errors
    /// A text of another form.
    pub fn parse(text: &str) -> Result<EnvironmentOption, Error> {
        match text.split_once('=') {
            None if text.is_empty() => Ok(EnvironmentOption::Target),
            Some((name, value)) if !name.is_empty() => {
                Ok(EnvironmentOption::Set { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err(Error::Value {
                kind: "the variable",
                value: text.to_owned(),
                reason: "it is not of the form NAME=VALUE".into(),
            }),
        }
    }
}

/// The variables of a session, given those of the target, each `NAME=VALUE`.
pub(crate) fn environment(options: &[EnvironmentOption], target: &[String]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for option in options {
        match option {
            EnvironmentOption::Target => {
                let own = target.iter().filter_map(|variable| variable.split_once('='));
                all.extend(own.filter(|(name, _)| !names_files(name)).map(|(n, v)| (n.to_owned(), v.to_owned())));
            }
            EnvironmentOption::Set { name, value } => {
                all.insert(name.clone(), value.clone());
            }
        }
    }
    all
}

/// Whether a variable names folders of programs and libraries, which differ between target and toolbox.
fn names_files(name: &str) -> bool {
    name == "PATH" || name.starts_with("LD_")
}

/// Parses a volume in docker's syntax, `SOURCE:FOLDER[:ro|rw]`. The source is a path of this machine, or the name of a volume
/// of the daemon. A relative path begins at `current`.
///
/// # Errors
/// A text of another form.
pub fn volume(text: &str, current: &std::path::Path) -> Result<Mount, Error> {
    let wrong = |reason: &str| Error::Value { kind: "the volume", value: text.to_owned(), reason: reason.to_owned() };
    let (source, target, read_only) = match text.split(':').collect::<Vec<_>>().as_slice() {
        [source, target] | [source, target, "rw"] => (*source, *target, false),
        [source, target, "ro"] => (*source, *target, true),
        [_, _, _] => return Err(wrong("it ends in neither `:ro` nor `:rw`")),
        _ => return Err(wrong("it is not of the form SOURCE:FOLDER or SOURCE:FOLDER:ro")),
    };
    if !target.starts_with('/') {
        return Err(wrong("the folder in the session is not an absolute path"));
    }
    let target = target.to_owned();
    match source {
        "" => Err(wrong("it has no source")),
        path if path.starts_with(['/', '.']) => {
            // The daemon refuses a `./`.
            let host: PathBuf = current.join(path).components().collect();
            Ok(Mount::Bind { host, target, read_only })
        }
        name => Ok(Mount::Volume { name: name.to_owned(), target, read_only }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn volumes_follow_docker_syntax() {
        let bind = |host: &str, target: &str, read_only| Mount::Bind {
            host: host.into(),
            target: target.to_owned(),
            read_only,
        };
        for (text, expected) in [
            ("/a:/b", Some(bind("/a", "/b", false))),
            ("./a:/b:ro", Some(bind("/here/a", "/b", true))),
            (".:/b", Some(bind("/here", "/b", false))),
            ("/a:/b:rw", Some(bind("/a", "/b", false))),
            ("data:/b:ro", Some(Mount::Volume { name: "data".into(), target: "/b".into(), read_only: true })),
            ("/a", None),
            ("/a:b", None),
            (":/b", None),
            ("/a:/b:z", None),
            ("/a:/b:ro:rw", None),
            ("", None),
        ] {
            assert_eq!(volume(text, Path::new("/here")).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn later_variable_replaces_earlier() {
        let target = ["PATH=/app", "LD_LIBRARY_PATH=/app/lib", "MODE=fast", "EMPTY=", "broken", "URL=a=b"];
        let target = target.map(str::to_owned);
        let of = |texts: &[&str]| {
            let options: Vec<_> = texts.iter().map(|text| EnvironmentOption::parse(text).unwrap()).collect();
            let all = environment(&options, &target);
            all.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        for (options, expected) in [
            (&[][..], ""),
            (&[""], "EMPTY= MODE=fast URL=a=b"),
            (&["", "MODE=slow", "PATH=/x"], "EMPTY= MODE=slow PATH=/x URL=a=b"),
            (&["MODE=slow", ""], "EMPTY= MODE=fast URL=a=b"),
            (&["A=b=c", "A="], "A="),
        ] {
            assert_eq!(of(options), expected, "{options:?}");
        }
        for wrong in ["NAME", "=value"] {
            assert!(EnvironmentOption::parse(wrong).is_err(), "{wrong}");
        }
    }
}
