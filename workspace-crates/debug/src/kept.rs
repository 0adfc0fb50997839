//! Existing sessions: kept, detached, or in another terminal.

use serde::Serialize;
use tierce_docker::{ContainerStatus, ContainerSummary, Docker, Ending, Input, OutputStream};

use crate::error::Ambiguity;
use crate::session::{put, remove};
use crate::spec::{KEEP, TARGET, TARGET_NAME, TOOLBOX, mark};
use crate::{Error, Outcome, resolve};

/// A session's container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeptSession {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The target's name at the session's begin.
    pub target: String,
    /// The target's id.
    pub target_id: String,
    /// The image of the tools.
    pub toolbox: String,
    /// Whether its command runs.
    pub running: bool,
    /// Whether it stays after its command's end.
    pub keep: bool,
    /// Its creation time in seconds since 1970.
    pub created: i64,
}

/// Lists sessions with these labels, each given as `key` or `key=value`, the latest first.
///
/// # Errors
/// The daemon's.
pub fn kept(docker: &Docker, labels: &[&str]) -> Result<Vec<KeptSession>, Error> {
    let mut all: Vec<KeptSession> = docker.containers(labels)?.iter().map(KeptSession::from_summary).collect();
    all.sort_by(|one, other| (other.created, &one.name).cmp(&(one.created, &other.name)));
    Ok(all)
}

/// Finds a session by its name, its id or the start of it, or its target.
///
/// # Errors
/// [`Error::NoSession`], [`Error::Ambiguous`]; the daemon's.
pub fn find_kept(docker: &Docker, labels: &[&str], word: &str) -> Result<KeptSession, Error> {
    let sessions = docker.containers(labels)?;
    if let Some(session) = resolve::named(word, &sessions, Ambiguity::Id)? {
        return Ok(KeptSession::from_summary(session));
    }
    let is_beside = |session: &&ContainerSummary| {
        [TARGET, TARGET_NAME].iter().any(|label| session.labels.get(*label).is_some_and(|target| target == word))
    };
    let beside = sessions.iter().filter(is_beside).collect();
    let found = resolve::one(word, Ambiguity::Target, beside)?.map(KeptSession::from_summary);
    found.ok_or_else(|| {
        let mut known: Vec<String> = sessions.iter().map(|session| session.name.clone()).collect();
        known.sort();
        Error::NoSession { name: word.to_owned(), known }
    })
}

/// Attaches to a session's command, and restarts it if it has ended. `detached` names the marker file of a detached session.
///
/// # Errors
/// The daemon's.
pub fn attach(
    docker: &Docker,
    session: &KeptSession,
    detached: &str,
    input: Input,
    output: &mut dyn FnMut(OutputStream, &[u8]),
) -> Result<Outcome, Error> {
    let ending = docker.converse(&session.id, !session.running, input, output);
    // The command was executable at the session's begin.
    match ending? {
        Ending::Detached => {
            put(docker, &session.id, mark(detached))?;
            Ok(Outcome::Detached)
        }
        Ending::Exited(exit) => {
            if !session.keep {
                remove(docker, &session.id)?;
            }
            Ok(Outcome::Ended { code: exit.code, target: None })
        }
    }
}

/// Ends a session and removes its container.
///
/// # Errors
/// The daemon's.
pub fn remove_kept(docker: &Docker, session: &KeptSession) -> Result<(), Error> {
    remove(docker, &session.id)
}

impl KeptSession {
    fn from_summary(container: &ContainerSummary) -> KeptSession {
        let label = |name: &str| container.labels.get(name).cloned().unwrap_or_default();
        KeptSession {
            name: container.name.clone(),
            id: container.id.clone(),
            target: label(TARGET_NAME),
            target_id: label(TARGET),
            toolbox: label(TOOLBOX),
            running: container.status == ContainerStatus::Running,
            keep: container.labels.contains_key(KEEP),
            created: container.created,
        }
    }
}
