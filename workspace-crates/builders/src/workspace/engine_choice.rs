//! The choice of the engine that opens builders. The answer of the probe is kept in the cache, with the facts that it depends on.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierce_manifest::{BuilderBase, EngineChoice, WorkspaceSpec};
use tierce_store::paths::Paths;
use tierce_store::{Error, ErrorKind, Event, Observer, sealed};

use crate::workspace::options::Options;
use tierce_roots::{SandboxStore, forget_one_user, state_of_machine};

/// The engine that opens builders.
#[derive(Clone, Debug)]
pub enum Engine {
    /// Containers of the daemon.
    Daemon,
    /// Namespaces of this machine's kernel, over folders of the cache.
    Sandbox(SandboxStore),
}

/// The answer of a probe.
#[derive(Debug, Serialize, Deserialize)]
struct Probed {
    /// The start of the machine and the users: a later answer may differ if these do.
    depends_on: String,
    /// The reason why there is no sandbox; none if there is one.
    refusal: Option<String>,
}

/// Chooses the engine of a run.
///
/// # Errors
/// If the sandbox is asked for, and this machine has none.
pub(super) fn choose(
    options: &Options,
    spec: &WorkspaceSpec,
    paths: &Paths,
    observer: &Observer<'_>,
) -> Result<Engine, Error> {
    let choice = options.engine.unwrap_or(spec.engine);
    if choice == EngineChoice::Docker {
        return Ok(Engine::Daemon);
    }
    if let BuilderBase::Image(reference) = &spec.builder {
        if choice == EngineChoice::Auto {
            return Ok(Engine::Daemon);
        }
        let message = "the sandbox has no images of the daemon, and the builder of this workspace is one";
        let help = "give the builder a `rootfs`, or use the engine `docker`";
        return Err(Error::table(&reference.place, message).with_help(help));
    }
    let mut store = SandboxStore::new(paths.clone(), Arc::clone(&options.interrupted));
    match (refusal(&mut store, paths, choice, observer)?, choice) {
        (None, _) => Ok(Engine::Sandbox(store)),
        (Some(_), EngineChoice::Auto | EngineChoice::Docker) => Ok(Engine::Daemon),
        (Some(reason), EngineChoice::Sandbox) => {
            let message = format!("this machine offers no sandbox: {reason}");
            let help = "run `cargo xtask doctor`, or leave the engine `sandbox` out, so that the daemon opens builders";
            Err(Error::new(ErrorKind::Daemon, message).with_help(help))
        }
    }
}

/// Why there is no sandbox.
struct Refusal {
    reason: String,
    /// Whether the answer stays the same until the machine starts again. A server that was late may answer the next time.
    lasts: bool,
}

/// A probe of the users of a store.
type Probe<'a> = &'a dyn Fn(&SandboxStore) -> Result<Result<(), tierce_sandbox::Error>, Error>;

/// Returns why there is no sandbox. Asks the kernel after a restart of the machine or a change of the users, and again after a refusal
/// if the sandbox is asked for by name. A store whose users cannot be mapped continues with the caller alone.
pub(super) fn refusal(
    store: &mut SandboxStore,
    paths: &Paths,
    choice: EngineChoice,
    observer: &Observer<'_>,
) -> Result<Option<String>, Error> {
    let why_one_user = store.why_one_user();
    let refusal = refusal_by(store, paths, choice, observer, &probe)?;
    if let (Some(reason), None) = (why_one_user, &refusal) {
        observer(one_user(&reason));
    }
    Ok(refusal)
}

fn refusal_by(
    store: &mut SandboxStore,
    paths: &Paths,
    choice: EngineChoice,
    observer: &Observer<'_>,
    probe: Probe<'_>,
) -> Result<Option<String>, Error> {
    let path = answer(paths.cache());
    let known = sealed::read::<Probed>(&path);
    let known = known.filter(|probed| probed.depends_on == state_of_machine(store.sandbox().identity()));
    if let Some(probed) = known.filter(|probed| probed.refusal.is_none() || choice == EngineChoice::Auto) {
        return Ok(probed.refusal);
    }
    let refusal = probe_with_fewer_users(store, observer, probe)?;
    if let (Some(Refusal { reason, .. }), EngineChoice::Auto) = (&refusal, choice) {
        let message =
            format!("builders run in containers of the daemon, because this machine offers no sandbox: {reason}");
        observer(Event::Warning { message });
    }
    let depends_on = state_of_machine(store.sandbox().identity());
    let lasts = refusal.as_ref().is_none_or(|refusal| refusal.lasts);
    let reason = refusal.map(|refusal| refusal.reason);
    if lasts {
        sealed::write(&path, &Probed { depends_on, refusal: reason.clone() })?;
    }
    Ok(reason)
}

/// Probes the sandbox, and once more with the caller as its only user if its users cannot be mapped.
fn probe_with_fewer_users(
    store: &mut SandboxStore,
    observer: &Observer<'_>,
    probe: Probe<'_>,
) -> Result<Option<Refusal>, Error> {
    let reason = match probe(store)? {
        Ok(()) => return Ok(None),
        Err(error @ tierce_sandbox::Error::Mapping { .. }) => said(&error),
        Err(error) => return Ok(Some(Refusal { reason: said(&error), lasts: !is_late(&error) })),
    };
    let alone = store.clone().with_one_user();
    if let Err(error) = probe(&alone)? {
        return Ok(Some(Refusal { reason, lasts: !is_late(&error) }));
    }
    store.remember_one_user(&reason)?;
    observer(one_user(&reason));
    *store = alone;
    Ok(None)
}

/// Whether a probe has ended at its time limit.
fn is_late(error: &tierce_sandbox::Error) -> bool {
    matches!(error, tierce_sandbox::Error::TimedOut { .. } | tierce_sandbox::Error::MappingTimedOut { .. })
}

/// Returns the warning of a run whose sandboxes have one user because others cannot be mapped.
fn one_user(reason: &str) -> Event {
    let message = format!("sandboxes have only one user, and packages that need others fail: {reason}");
    Event::Warning { message }
}

/// The file of the probe's answer in a cache.
fn answer(cache: &Path) -> PathBuf {
    cache.join("sandbox/probe.json")
}

/// Forgets a refusal that a cache has kept, since a sandbox with all users has just started there. The next run asks the kernel again.
pub fn forget_refusal(cache: &Path) {
    forget_one_user(cache);
    let path = answer(cache);
    if sealed::read::<Probed>(&path).is_some_and(|probed| probed.refusal.is_some()) {
        // At worst the next run uses the daemon.
        let _ = std::fs::remove_file(path);
    }
}

fn probe(store: &SandboxStore) -> Result<Result<(), tierce_sandbox::Error>, Error> {
    let scratch = store.scratch()?;
    match tierce_sandbox::probe(store.sandbox(), &store.folder(), &scratch.name()) {
        Err(tierce_sandbox::Error::Interrupted) => Err(Error::interrupted()),
        probed => Ok(probed),
    }
}

/// Returns an error with its cause, on one line.
fn said(error: &tierce_sandbox::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tierce_store::paths::UserFolders;

    use super::*;

    fn mapping() -> tierce_sandbox::Error {
        tierce_sandbox::Error::Mapping { program: "newuidmap", reason: "no".to_owned() }
    }

    fn late_mount() -> tierce_sandbox::Error {
        tierce_sandbox::Error::TimedOut { seconds: 5 }
    }

    fn late() -> tierce_sandbox::Error {
        tierce_sandbox::Error::MappingTimedOut { program: "newuidmap", seconds: 5 }
    }

    #[test]
    fn late_answer_is_not_kept() {
        type Answers = &'static [fn() -> Result<(), tierce_sandbox::Error>];
        let cases: [(Answers, _, _); 6] = [
            (&[|| Ok(())], None, [true, false]),
            (&[|| Err(late())], Some("`newuidmap` did not map"), [false, false]),
            (&[|| Err(tierce_sandbox::Error::Killed)], Some("the sandbox ended"), [true, false]),
            (&[|| Err(mapping()), || Ok(())], None, [true, true]),
            (&[|| Err(mapping()), || Err(tierce_sandbox::Error::Killed)], Some("`newuidmap` failed"), [true, false]),
            (&[|| Err(mapping()), || Err(late_mount())], Some("`newuidmap` failed"), [false, false]),
        ];
        for (answers, expected, kept) in cases {
            let scratch = tempfile::tempdir().expect("a folder");
            let user = UserFolders { tierce_cache: Some(scratch.path().join("cache")), ..UserFolders::default() };
            let paths = Paths::choose(&scratch.path().join("target"), &user).expect("writable");
            let mut store = SandboxStore::new(paths.clone(), Arc::default());
            let count = AtomicUsize::new(0);
            let probe = |store: &SandboxStore| {
                assert!(!store.folder().join("one-user.json").exists(), "no probe has succeeded yet");
                Ok(answers[count.fetch_add(1, Ordering::Relaxed)]())
            };
            let warnings = Mutex::new(0);
            let observer = |_: Event| *warnings.lock().expect("no panic") += 1;
            let refusal = refusal_by(&mut store, &paths, EngineChoice::Auto, &observer, &probe).expect("writable");
            assert_eq!(refusal.is_some(), expected.is_some());
            let begins = |start: &str| refusal.as_deref().is_some_and(|reason| reason.starts_with(start));
            assert!(expected.is_none_or(begins), "{refusal:?}");
            let files = [answer(paths.cache()), store.folder().join("one-user.json")].map(|path| path.exists());
            assert_eq!((count.into_inner(), files), (answers.len(), kept), "{refusal:?}");
            let has_one = *store.sandbox().identity() == tierce_sandbox::Identity::Single;
            assert!(has_one || !kept[1]);
            let expected = usize::from(expected.is_some() || kept[1]);
            assert_eq!(warnings.into_inner().expect("no panic"), expected);
        }
    }

    #[test]
    fn only_a_refusal_is_forgotten() {
        let cache = tempfile::tempdir().expect("a folder");
        let path = answer(cache.path());
        forget_refusal(cache.path());
        for (refusal, stays) in [(None, true), (Some("no".to_owned()), false)] {
            sealed::write(&path, &Probed { depends_on: String::new(), refusal }).expect("writable");
            forget_refusal(cache.path());
            assert_eq!(path.exists(), stays);
        }
    }
}
