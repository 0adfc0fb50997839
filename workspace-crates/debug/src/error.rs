//! Errors of sessions. Each has an exit code and advice.

use std::path::PathBuf;

use crate::Toolbox;

/// An error of a debugging session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The daemon has no object of this name.
    #[error("there is no container `{name}`")]
    NotFound {
        /// The given name.
        name: String,
        /// The most similar name.
        nearest: Option<String>,
        /// The names of running containers.
        running: Vec<String>,
    },
    /// Several containers have this name.
    #[error("`{name}` is ambiguous: {}", match kind {
        Ambiguity::Id => format!("the ids of {} containers begin with it", candidates.len()),
        Ambiguity::Image => format!("{} containers of this image run", candidates.len()),
        Ambiguity::EndedImage => format!("{} containers of this image do not run", candidates.len()),
        Ambiguity::ImageName => format!("{} images of a workspace have this name", candidates.len()),
        Ambiguity::Target => format!("{} sessions are beside this container", candidates.len()),
    })]
    Ambiguous {
        /// The given name.
        name: String,
        /// Their common property.
        kind: Ambiguity,
        /// Each with its name and the beginning of its id.
        candidates: Vec<String>,
    },
    /// The container never started.
    #[error("the container `{name}` has never been started")]
    NeverStarted {
        /// Its name.
        name: String,
    },
    /// The container has ended.
    #[error("the container `{name}` does not run: it ended with exit code {code}{}",
        if *oom_killed { ", out of memory" } else { "" })]
    Ended {
        /// Its name.
        name: String,
        /// How it ended.
        code: i32,
        /// Whether the kernel killed a process of it because memory ran out.
        oom_killed: bool,
    },
    /// The container still runs.
    #[error("the container `{name}` has not ended")]
    Runs {
        /// Its name.
        name: String,
    },
    /// There is no image of this name.
    #[error("there is no image `{name}`")]
    NoImage {
        /// The given name.
        name: String,
    },
    /// The daemon removes the container, or failed to.
    #[error("the container `{name}` is dead or being removed")]
    Removing {
        /// Its name.
        name: String,
    },
    /// The container is frozen.
    #[error("the container `{name}` is paused: a debugger of its process would hang")]
    Paused {
        /// Its name.
        name: String,
    },
    /// The container restarts repeatedly.
    #[error("the container `{name}` is restarting{}", match code {
        Some(code) => format!(": its last run ended with exit code {code}"),
        None => " again and again".to_owned(),
    })]
    Restarting {
        /// Its name.
        name: String,
        /// How the last run ended, if the daemon still knows it.
        code: Option<i32>,
    },
    /// The target's process is unknown among those of a shared namespace.
    #[error("failed to find the process of the container `{name}` in the namespace that it shares: {reason}")]
    Process {
        /// The target.
        name: String,
        /// Why.
        reason: String,
    },
    /// The daemon lacks the toolbox image.
    #[error("the toolbox `{image}` is not in the daemon")]
    NoToolbox {
        /// Its reference.
        image: String,
    },
    /// The toolbox lacks the program.
    #[error("the toolbox `{toolbox}` has no `{program}`")]
    NoTool {
        /// The image.
        toolbox: String,
        /// The program.
        program: String,
        /// Whether the toolbox is an image of the workspace.
        of_workspace: bool,
    },
    /// The toolbox has a file of this name that cannot be executed.
    #[error("the toolbox `{toolbox}` cannot execute `{program}`: {reason}")]
    NotExecutable {
        /// The image.
        toolbox: String,
        /// The program.
        program: String,
        /// The daemon's words.
        reason: &'static str,
    },
    /// A shell has neither a terminal nor input.
    #[error("there is no terminal for the toolbox's shell, and nothing to read on stdin")]
    NoInput,
    /// A malformed value of the command line.
    #[error("failed to understand {kind} `{value}`: {reason}")]
    Value {
        /// The kind of value: "the volume".
        kind: &'static str,
        /// The given value.
        value: String,
        /// The problem.
        reason: String,
    },
    /// The session needs a terminal, and this process has none.
    #[error("the session `{name}` has a terminal, and stdin and stdout are not one")]
    NoTerminal {
        /// The session.
        name: String,
    },
    /// There is no session of this name.
    #[error("there is no debugging session `{name}`")]
    NoSession {
        /// The given name.
        name: String,
        /// The existing sessions.
        known: Vec<String>,
    },
    /// A process cannot be inspected.
    #[error("failed to look into the process {pid} of the container `{name}`")]
    NoProcess {
        /// The process, by its number in the session's namespace.
        pid: u32,
        /// The target.
        name: String,
    },
    /// gdb wrote no core file.
    #[error("failed to write a core file of the container `{name}`: {reason}")]
    NoCore {
        /// The target.
        name: String,
        /// gdb's words.
        reason: String,
    },
    /// The file exists and must not be lost.
    #[error("failed to write `{}`: the file exists", path.display())]
    FileExists {
        /// Its path.
        path: PathBuf,
    },
    /// A file of this machine cannot be used.
    #[error("failed to {verb} `{}`", path.display())]
    File {
        /// "write" or "read".
        verb: &'static str,
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The container has no such path.
    #[error("there is no `{path}` in the container `{container}`")]
    NoPath {
        /// The container.
        container: String,
        /// The path.
        path: String,
    },
    /// A copy failed.
    #[error("failed to copy `{path}` of the container `{container}`")]
    Copy {
        /// The container.
        container: String,
        /// The path.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A copy into a container failed.
    #[error("failed to copy into `{path}` of the container `{container}`")]
    CopyInto {
        /// The container.
        container: String,
        /// The path.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// This machine cannot listen on a port.
    #[error("failed to listen on `{address}`")]
    Listen {
        /// The address and port.
        address: std::net::SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// An error of the daemon.
    #[error(transparent)]
    Docker(#[from] tierce_docker::Error),
}

/// The common property of several containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguity {
    /// The beginning of their ids.
    Id,
    /// Their image.
    Image,
    /// Their image, and that they do not run.
    EndedImage,
    /// Their name in a workspace.
    ImageName,
    /// Their target.
    Target,
}

/// The exit code of `docker run` for failures besides the program's own.
const OURS: u8 = 125;

impl Error {
    /// The exit code for this error. Ctrl-C has a shell's code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::NoTool { .. } => 127,
            Error::NotExecutable { .. } => 126,
            Error::NoPath { .. } | Error::Copy { .. } | Error::CopyInto { .. } => 1,
            Error::Docker(tierce_docker::Error::Interrupted) => 130,
            _ => OURS,
        }
    }

    /// The advice for the user.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Error::NotFound { nearest: Some(nearest), .. } => format!("a similar name is `{nearest}`"),
            Error::NotFound { running, .. } if running.is_empty() => "no container runs".into(),
            Error::NotFound { running, .. } => format!("name a running container: {}", listed(running)),
            Error::Ambiguous { candidates, .. } => format!("name one of them: {}", listed(candidates)),
            Error::NeverStarted { name } => format!(
                "`cargo xtask debug --post-mortem {name}` shows its files and why it was not, `docker start {name}` starts it"
            ),
            Error::Ended { name, .. } => format!(
                "`cargo xtask debug --post-mortem {name}` shows its files, its log and its end, `docker start {name}` starts \
                 it again"
            ),
            Error::Runs { name } => format!("`cargo xtask debug {name}` begins a session beside it"),
            Error::NoImage { name } => {
                format!("build it if it is one of the workspace: `cargo xtask image {name}`; or `docker pull {name}`")
            }
            Error::Paused { name } => format!("--unpause lets it go on first, as `docker unpause {name}` does"),
            Error::Restarting { name, .. } => format!(
                "`cargo xtask debug --post-mortem {name}` shows what its last run left; `docker update --restart=no {name}` lets it rest after its next \
                 end"
            ),
            Error::Process { .. } => {
                "a toolbox with /bin/sh and grep can look for it; so can a run on the daemon's own machine".into()
            }
            Error::NoToolbox { image, .. } => format!("run `docker pull {image}`, or build it"),
            Error::NoTool { toolbox, of_workspace: true, .. } => format!(
                "add the package that has it to `packages` in [workspace.metadata.images.{toolbox}] of the workspace's \
                 Cargo.toml, or name an image that has it with --toolbox IMAGE"
            ),
            Error::NoTool { .. } => "name an image that has it with --toolbox IMAGE".into(),
            Error::NoInput => "name a COMMAND, as in `cargo xtask debug web -- ps`, or begin with --detach".into(),
            Error::NoTerminal { .. } => "run this in a terminal, without a pipe or file".into(),
            Error::NoSession { known, .. } if known.is_empty() => "none was kept or detached from".into(),
            Error::NoSession { known, .. } => format!("name one of {}", listed(known)),
            Error::NoProcess { name, .. } => format!("`cargo xtask debug {name} -- ps` lists its processes"),
            Error::FileExists { .. } => "name another file, or remove this one".into(),
            Error::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                "name another port of this machine, as in -L 8081:8080; 0 lets the kernel choose one".into()
            }
            Error::Docker(error) => return error.help().map(str::to_owned),
            Error::NoPath { .. }
            | Error::Copy { .. }
            | Error::CopyInto { .. }
            | Error::NoCore { .. }
            | Error::File { .. }
            | Error::Listen { .. } => return None,
            Error::Removing { .. } | Error::NotExecutable { .. } | Error::Value { .. } => return None,
        })
    }

    /// Converts the daemon's error of a container's creation.
    pub(crate) fn at_creation(error: tierce_docker::Error, toolbox: &str) -> Error {
        match error {
            tierce_docker::Error::NotFound { source, .. } if source.message.to_lowercase().contains("image") => {
                Error::NoToolbox { image: toolbox.to_owned() }
            }
            other => Error::Docker(other),
        }
    }

    /// Converts the daemon's error of a session's start.
    pub(crate) fn at_start(error: tierce_docker::Error, toolbox: &Toolbox, program: Option<&str>) -> Error {
        let of_workspace = toolbox.of_workspace;
        let (toolbox, program) = (toolbox.name.clone(), program.unwrap_or("its own command").to_owned());
        match error {
            tierce_docker::Error::ProgramNotFound { .. } => Error::NoTool { toolbox, program, of_workspace },
            tierce_docker::Error::NotExecutable { source, .. } => {
                let words = source.message.to_ascii_lowercase();
                let reason = UNFIT.into_iter().find(|reason| words.contains(reason)).unwrap_or("it is no program");
                Error::NotExecutable { toolbox, program, reason }
            }
            other => Error::Docker(other),
        }
    }
}

/// The daemons' words for an existing program that cannot be executed.
const UNFIT: [&str; 3] = ["permission denied", "exec format error", "is a directory"];

fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let mut text = names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        text.push_str(&format!(" and {} more", names.len() - MOST));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_tool_error_names_the_cause() {
        let toolbox = Toolbox { image: "sha256:0".into(), name: "t".into(), of_workspace: true };
        for (message, expected) in [
            (r#"exec: "/etc/passwd": permission denied"#, "the toolbox `t` cannot execute `x`: permission denied"),
            ("exec /bin/other: Exec format error", "the toolbox `t` cannot execute `x`: exec format error"),
            ("something else", "the toolbox `t` cannot execute `x`: it is no program"),
        ] {
            let source = tierce_docker::Answer { status: Some(400), message: message.to_owned() };
            let error = tierce_docker::Error::NotExecutable { action: "start".into(), source };
            let error = Error::at_start(error, &toolbox, Some("x"));
            assert_eq!((error.to_string().as_str(), error.exit_code()), (expected, 126));
        }
    }

    #[test]
    fn long_list_is_cut() {
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        assert_eq!(listed(&names), "`0`, `1`, `2`, `3`, `4`, `5`, `6`, `7` and 2 more");
        assert_eq!(listed(&names[..1]), "`0`");
    }
}
