//! The checks of the daemon, of disks, programs, mirrors and the workspace.

use crate::checks::{Check, Subject};
use crate::facts::{Cache, Daemon, Facts, Folder, Mirror, Problem, Rust, Workspace};

/// The space of a builder and the packages of a small image.
const LITTLE_SPACE: u64 = 10_000_000_000;
/// The space of a builder alone.
const TOO_LITTLE_SPACE: u64 = 1_000_000_000;

/// All of these checks.
pub(crate) fn checks(facts: &Facts, has_sandbox: bool) -> Vec<Check> {
    let workspace = facts.workspace.as_ref();
    let makes_builder = workspace.and_then(|read| read.as_ref().ok()).is_none_or(|read| read.makes_builder);
    let mut checks = vec![daemon(&facts.daemon, has_sandbox)];
    let folder = facts.daemon.as_ref().ok().and_then(|daemon| daemon.folder.as_ref());
    checks.extend(folder.map(|folder| daemon_disk(folder, has_sandbox)));
    checks.push(cache(&facts.cache, workspace.is_some()));
    checks.push(program(Subject::Gpgv, &facts.gpgv, "checks the signatures of Debian", makes_builder));
    checks.push(program(Subject::Pip, &facts.pip, "downloads Portage", makes_builder));
    checks.push(rust(&facts.rust));
    checks.extend(facts.mirrors.as_deref().map(mirrors));
    checks.extend(workspace.map(tables));
    checks
}

/// Whether a daemon can run builders.
pub(crate) fn is_usable(daemon: &Daemon) -> bool {
    daemon.is_local && daemon.platform == daemon.needed_platform
}

fn daemon(found: &Result<Daemon, Problem>, has_sandbox: bool) -> Check {
    const SUBJECT: Subject = Subject::Daemon;
    let daemon = match found {
        Ok(daemon) => daemon,
        Err(problem) => {
            return Check::problem(SUBJECT, has_sandbox, &problem.why).with_fix_if(problem.fix.as_ref());
        }
    };
    let Daemon { engine, version, address, storage_driver, platform, needed_platform, .. } = daemon;
    if !daemon.is_local {
        let meaning = format!("{engine} {version} at {address} does not see the files of this machine");
        return Check::problem(SUBJECT, has_sandbox, meaning)
            .with_fix("use a local daemon, or run Tierce on the machine of this one");
    }
    if platform != needed_platform {
        let meaning = format!("{engine} {version} runs containers of {platform}, and builders need {needed_platform}");
        return Check::problem(SUBJECT, has_sandbox, meaning).with_fix("use a daemon of this platform");
    }
    let rights = if daemon.is_rootless { "rootless" } else { "as root" };
    let meaning = format!("{engine} {version} at {address}, {rights}, with the storage driver {storage_driver}");
    if storage_driver == "vfs" {
        return Check::degraded(SUBJECT, format!("{meaning}, which copies every file for every container"))
            .with_fix("set the storage driver overlay2 (Podman: overlay) in the configuration of the daemon");
    }
    Check::ok(SUBJECT, meaning)
}

/// Its disk holds the images of builders, unless sandboxes run them.
fn daemon_disk(folder: &Folder, has_sandbox: bool) -> Check {
    let fix = "`docker system df` lists objects, `docker system prune` removes unused ones";
    space(Subject::DaemonDisk, folder, has_sandbox, fix)
}

fn cache(found: &Cache, is_in_workspace: bool) -> Check {
    const SUBJECT: Subject = Subject::Cache;
    let fix = "set TIERCE_CACHE to a folder that you can write";
    let elsewhere = match is_in_workspace {
        true => "runs use the target folder of the workspace",
        false => "each workspace has a cache of its own in its target folder",
    };
    match &found.folder {
        Some(folder) if found.is_writable => space(
            SUBJECT,
            folder,
            false,
            "`cargo xtask clean --cache`, or set TIERCE_CACHE to a folder on another disk",
        ),
        Some(folder) if found.is_named => {
            Check::missing(SUBJECT, format!("{} cannot be written", folder.path)).with_fix(fix)
        }
        Some(folder) => {
            Check::degraded(SUBJECT, format!("{} cannot be written: {elsewhere}", folder.path)).with_fix(fix)
        }
        None => Check::degraded(SUBJECT, format!("there is no home for it: {elsewhere}")).with_fix(fix),
    }
}

fn space(subject: Subject, folder: &Folder, works_otherwise: bool, fix: &str) -> Check {
    let on = folder.file_system.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
    let meaning = format!("{}{on} has {} GB of free space", folder.path, gigabytes(folder.free));
    match folder.free {
        ..TOO_LITTLE_SPACE => {
            Check::problem(subject, works_otherwise, format!("{meaning}, too little for a builder")).with_fix(fix)
        }
        TOO_LITTLE_SPACE..LITTLE_SPACE => {
            Check::degraded(subject, format!("{meaning}, which large packages exceed")).with_fix(fix)
        }
        _ => Check::ok(subject, meaning),
    }
}

/// Formats bytes as gigabytes with one digit.
pub(crate) fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn program(subject: Subject, found: &Result<String, Problem>, does: &str, is_needed: bool) -> Check {
    match found {
        Ok(version) => Check::ok(subject, format!("{version} {does}")),
        Err(problem) => {
            let needed = match is_needed {
                true => format!("{}; it {does}", problem.why),
                false => format!("{}; the builder of this workspace does not need it", problem.why),
            };
            Check::problem(subject, !is_needed, needed).with_fix_if(problem.fix.as_ref())
        }
    }
}

fn rust(found: &Result<Rust, Problem>) -> Check {
    const SUBJECT: Subject = Subject::Rust;
    let refused = |problem: &Problem| Check::missing(SUBJECT, &problem.why).with_fix_if(problem.fix.as_ref());
    match found {
        Ok(Rust { rustc, cargo: Ok(cargo) }) => Check::ok(SUBJECT, format!("rustc {rustc} and {cargo}")),
        Ok(Rust { cargo: Err(problem), .. }) | Err(problem) => refused(problem),
    }
}

/// The cache may have everything, so no mirror is necessary.
fn mirrors(found: &[Mirror]) -> Check {
    const SUBJECT: Subject = Subject::Mirrors;
    let named = "set `debian-mirror` in [workspace.metadata.image]";
    if found.is_empty() {
        let meaning = "no mirror of Debian is configured, so only cached packages work";
        return Check::degraded(SUBJECT, meaning).with_fix(named);
    }
    let failed: Vec<String> = found
        .iter()
        .filter_map(|mirror| Some(format!("{} does not answer ({})", mirror.host, mirror.failure.as_ref()?)))
        .collect();
    if failed.is_empty() {
        let hosts: Vec<&str> = found.iter().map(|mirror| mirror.host.as_str()).collect();
        let verb = if hosts.len() == 1 { "answers" } else { "answer" };
        return Check::ok(SUBJECT, format!("{} {verb}", hosts.join(", ")));
    }
    Check::degraded(SUBJECT, failed.join("; "))
        .with_fix(format!("check the network and the proxy settings, or {named}"))
}

fn tables(read: &Result<Workspace, Problem>) -> Check {
    const SUBJECT: Subject = Subject::Workspace;
    match read {
        Ok(Workspace { images: 0, root, .. }) => {
            Check::degraded(SUBJECT, format!("{root} has no images")).with_fix("`cargo xtask new image`")
        }
        Ok(Workspace { images, root, .. }) => {
            let noun = if *images == 1 { "image" } else { "images" };
            Check::ok(SUBJECT, format!("{root} has {images} {noun}"))
        }
        Err(problem) => Check::missing(SUBJECT, &problem.why).with_fix_if(problem.fix.as_ref()),
    }
}
