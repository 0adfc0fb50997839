//! `doctor`: whether this machine can build, with or without a workspace.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tierce_builders::workspace::options::Options;
use tierce_builders::workspace::{engine_choice, platform, tables};
use tierce_docker::{Docker, Engine};
use tierce_doctor::{Cache, Choice, Daemon, Diagnosis, Facts, Mirror, Probe, Problem, Rust, Workspace, diagnose};
use tierce_manifest::{BuilderBase, EngineChoice, WorkspaceSpec};
use tierce_process::{cargo, gpg, pip, rustc};
use tierce_sandbox::{Identity, Sandbox};
use tierce_store::{Error, files};

use crate::commands::machine;

/// The time in which a mirror has to answer.
const MIRROR_TIME: Duration = Duration::from_secs(5);

/// The lines of a program's output that a table can show.
const SHOWN_LINES: usize = 3;

/// Judges this machine. Outside of a workspace, and where cargo is missing, the checks of the workspace are left out. Leaves
/// nothing behind, except an empty cache.
///
/// # Errors
/// Only after Ctrl-C: a refusal of the machine is a result.
pub fn doctor(options: &Options) -> Result<Diagnosis, Error> {
    let facts = facts(options);
    if options.interrupted.load(Ordering::Relaxed) {
        return Err(Error::interrupted());
    }
    Ok(diagnose(&facts))
}

/// Gathers the facts. Those that wait for something else do so at the same time.
fn facts(options: &Options) -> Facts {
    thread::scope(|scope| {
        let daemon = scope.spawn(|| daemon(options));
        let programs = scope.spawn(|| (gpgv(), pip_version(), rust(options)));
        let workspace = workspace(options);
        let spec = workspace.as_ref().and_then(|read| read.as_ref().ok()).map(|(spec, _)| spec);
        let mirrors = (!options.offline).then(|| mirrors(spec));
        let target = workspace.as_ref().and_then(|read| read.as_ref().ok()).map(|(_, outline)| outline);
        let target = target.map(|outline| outline.target_directory.join("tierce").into_std_path_buf());
        let identity = Identity::of_caller();
        let (cache, probe, refusal) = start_sandbox(options, identity.clone(), target);
        let (gpgv, pip, rust) = joined(programs.join());
        Facts {
            choice: choice(options, spec),
            is_root: rustix::process::geteuid().is_root(),
            kernel: machine::kernel_release(),
            user_namespaces: machine::user_namespaces(),
            confinement: machine::confinement(),
            subordinate_ids: machine::subordinate_ids(&identity, refusal),
            has_overlayfs: machine::has_overlayfs(),
            cgroups: machine::cgroups(),
            probe,
            daemon: joined(daemon.join()),
            cache,
            gpgv,
            pip,
            rust,
            mirrors,
            workspace: workspace.map(|read| read.map(|(spec, outline)| facts_of_workspace(&spec, &outline))),
        }
    })
}

/// The choice of a run: an image of the daemon as a builder needs the daemon.
fn choice(options: &Options, spec: Option<&WorkspaceSpec>) -> Choice {
    let is_image = spec.is_some_and(|spec| matches!(spec.builder, BuilderBase::Image(_)));
    match options.engine.unwrap_or_else(|| spec.map(|spec| spec.engine).unwrap_or_default()) {
        EngineChoice::Auto if is_image => Choice::Daemon,
        EngineChoice::Auto => Choice::Any,
        EngineChoice::Sandbox => Choice::Sandbox,
        EngineChoice::Docker => Choice::Daemon,
    }
}

fn joined<T>(ended: thread::Result<T>) -> T {
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Starts a sandbox in the cache, because overlayfs has to work on its file system; in the target folder or a temporary folder
/// where the cache cannot be written. Returns the reason too if it has only one of its users.
fn start_sandbox(options: &Options, identity: Identity, target: Option<PathBuf>) -> (Cache, Probe, Option<String>) {
    let wanted = options.user.cache().and_then(|folder| std::path::absolute(folder).ok());
    let own = wanted.as_deref().and_then(|folder| files::temporary_folder_in(folder).ok());
    let is_writable = own.is_some();
    let cache = Cache {
        folder: wanted.as_deref().and_then(machine::folder),
        is_writable,
        is_named: options.user.tierce_cache.is_some(),
    };
    let others = target.into_iter().chain([std::env::temp_dir()]);
    let place = own.or_else(|| others.into_iter().find_map(|folder| files::temporary_folder_in(&folder).ok()));
    let Some((folder, _held)) = place else { return (cache, Probe::NoFolder, None) };
    let (mut sandbox, mut refusal) = (Sandbox::new(identity, Arc::clone(&options.interrupted)), None);
    let mut started = tierce_sandbox::probe(&sandbox, folder.path(), "probe");
    if let Err(error @ tierce_sandbox::Error::Mapping { .. }) = &started {
        let alone = Sandbox::new(Identity::Single, sandbox.interrupted());
        if tierce_sandbox::probe(&alone, folder.path(), "probe").is_ok() {
            refusal = Some(one_line(error));
            (sandbox, started) = (alone, Ok(()));
        }
    }
    if let (Some(cache), true, Ok(()), None) = (&wanted, is_writable, &started, &refusal) {
        engine_choice::forget_refusal(cache);
    }
    remove(&sandbox, folder);
    (cache, started.map_or_else(|error| Probe::Refused(one_line(&error)), |()| Probe::Started), refusal)
}

/// Removes the folder of a sandbox. Folders of the kernel's overlayfs are closed to their owner outside.
fn remove(sandbox: &Sandbox, folder: TempDir) {
    let path = folder.path().join("probe");
    if std::fs::remove_dir_all(&path).is_err() {
        // A later run sweeps remains from the cache.
        let _ = sandbox.remove(&[&path]);
    }
}

fn daemon(options: &Options) -> Result<Daemon, Problem> {
    let problem = |error: tierce_docker::Error| Problem { why: one_line(&error), fix: error.help().map(str::to_owned) };
    let docker = Docker::connect(&options.daemon, Arc::clone(&options.interrupted)).map_err(problem)?;
    let facts = docker.facts().map_err(problem)?;
    let is_local = docker.endpoint().is_local();
    let engine = match facts.engine {
        Engine::Docker => "Docker",
        Engine::Podman => "Podman",
    };
    // The folder of a virtual machine's daemon is not on this machine.
    let storage = Path::new(&facts.storage_folder);
    let folder = (is_local && storage.is_absolute() && storage.is_dir()).then(|| machine::folder(storage)).flatten();
    Ok(Daemon {
        engine: engine.to_owned(),
        version: facts.server_version,
        address: docker.endpoint().to_string(),
        is_local,
        platform: format!("{}/{}", facts.os, facts.architecture),
        needed_platform: platform(),
        storage_driver: facts.storage_driver,
        is_rootless: facts.rootless,
        folder,
    })
}

fn gpgv() -> Result<String, Problem> {
    gpg::version().map_err(|error| problem(&error, Some("`sudo apt install gpgv`, elsewhere the package gnupg")))
}

fn pip_version() -> Result<String, Problem> {
    // The rest of the line is a path.
    let version = pip::version().map(|line| line.split(" from ").next().unwrap_or_default().to_owned());
    version
        .map_err(|error| problem(&error, Some("`sudo apt install python3-pip`, elsewhere the package of Python's pip")))
}

fn rust(options: &Options) -> Result<Rust, Problem> {
    let toolchain = rustc::toolchain(&options.folder).map_err(|error| problem(&error, None))?;
    // The rest of the line is its commit.
    let cargo = toolchain.cargo_version().map(|line| line.split(" (").next().unwrap_or_default().to_owned());
    let cargo = cargo.map_err(|error| problem(&error, None));
    Ok(Rust { rustc: toolchain.release, cargo })
}

/// Returns the problem of a program, with a remedy instead of that of the error.
fn problem(error: &tierce_process::Error, fix: Option<&str>) -> Problem {
    use tierce_process::Error as ProcessError;
    let (why, own) = match error {
        ProcessError::NotFound { program, help } => (format!("`{program}` is not in PATH"), Some(*help)),
        ProcessError::Toolchain { sysroot, reason, help } => {
            (format!("the Rust toolchain in {sysroot} does not work in a builder: {reason}"), Some(*help))
        }
        other => (one_line(other), None),
    };
    Problem { why, fix: fix.or(own).map(str::to_owned) }
}

/// Asks every mirror at once.
fn mirrors(spec: Option<&WorkspaceSpec>) -> Vec<Mirror> {
    let mut urls = tierce_steps::all_mirrors(spec);
    // One server has the packages and their updates.
    urls.sort_by(|one, other| tierce_fetch::host(one).cmp(tierce_fetch::host(other)));
    urls.dedup_by(|one, other| tierce_fetch::host(one) == tierce_fetch::host(other));
    thread::scope(|scope| {
        let ask = |url: String| {
            scope.spawn(move || Mirror {
                host: tierce_fetch::host(&url).to_owned(),
                failure: tierce_fetch::reach(&url, MIRROR_TIME).err(),
            })
        };
        let asked: Vec<_> = urls.into_iter().map(ask).collect();
        asked.into_iter().map(|mirror| joined(mirror.join())).collect()
    })
}

type Read = Result<(WorkspaceSpec, cargo::Outline), Problem>;

/// Reads the tables without downloading anything. None outside of a workspace or without cargo.
fn workspace(options: &Options) -> Option<Read> {
    if !options.folder.ancestors().any(|folder| folder.join("Cargo.toml").is_file()) {
        return None;
    }
    let frozen = cargo::Options { locked: true, offline: true, ..cargo::Options::default() };
    let mut lines = Vec::new();
    let outline = cargo::outline(&options.folder, &frozen, &options.interrupted, |line| lines.push(line.to_owned()));
    let outline = match outline {
        Ok(outline) => outline,
        Err(tierce_process::Error::NotFound { .. }) => return None,
        Err(error) => {
            let lines: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
            let why = if lines.is_empty() { one_line(&error) } else { short(&lines) };
            return Some(Err(Problem { why, fix: None }));
        }
    };
    let text = tables::workspace_text(&outline.root, &outline.members);
    let spec = text.and_then(|text| Ok(tierce_manifest::read(&text)?));
    Some(match spec {
        Ok(spec) => Ok((spec, outline)),
        Err(error) => {
            let fix = "`cargo xtask image --dry-run` shows the lines".to_owned();
            Err(Problem { why: one_line(&error), fix: Some(fix) })
        }
    })
}

fn facts_of_workspace(spec: &WorkspaceSpec, outline: &cargo::Outline) -> Workspace {
    Workspace {
        root: outline.root.to_string(),
        images: spec.images.len(),
        makes_builder: spec.builder == BuilderBase::Debian,
    }
}

/// Returns an error with its causes, each once, on one line.
fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    short(&text.lines().map(str::trim).collect::<Vec<_>>())
}

/// Joins the first lines.
fn short(lines: &[&str]) -> String {
    let dots = if lines.len() > SHOWN_LINES { " …" } else { "" };
    lines.iter().take(SHOWN_LINES).copied().collect::<Vec<_>>().join("; ") + dots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_and_causes_are_one_line() {
        let refused = std::io::Error::from_raw_os_error(1);
        let error = Error::file("read", "/x".as_ref(), refused);
        assert_eq!(one_line(&error), "failed to read `/x`: Operation not permitted (os error 1)");
        let lines = ["one".to_owned(), " two".to_owned(), "three".to_owned(), "four".to_owned()];
        let error = Error::new(tierce_store::ErrorKind::Other, "failed").with_lines(&lines);
        assert_eq!(one_line(&error), "failed; one; two …");
    }

    #[test]
    fn missing_program_keeps_its_remedy() {
        let missing = tierce_process::Error::NotFound { program: "x".to_owned(), help: "install x" };
        for (fix, expected) in [(None, "install x"), (Some("`apt`"), "`apt`")] {
            let found = problem(&missing, fix);
            assert_eq!((found.why.as_str(), found.fix.as_deref()), ("`x` is not in PATH", Some(expected)));
        }
    }
}
