//! Finds the mirrors of Debian's archives: in the workspace's table, or in the host's apt sources.

use std::fs;
use std::path::PathBuf;

use tierce_builders::container::context::Context;
use tierce_debian::DebianArchive;
use tierce_debian::sources::archive_mirrors;
use tierce_manifest::WorkspaceSpec;
use tierce_store::{Error, ErrorKind};

/// Returns the mirrors of an archive of Debian, in order of preference.
pub(super) fn debian_mirrors(context: &Context<'_>, archive: DebianArchive) -> Result<Vec<String>, Error> {
    let found = configured(Some(&context.workspace.spec), archive);
    if !found.is_empty() {
        return Ok(found);
    }
    let (what, key) = match archive {
        DebianArchive::Main => ("packages", "debian-mirror"),
        DebianArchive::Security => ("security updates", "debian-security-mirror"),
    };
    Err(Error::new(ErrorKind::Download, format!("no mirror is configured for Debian's {what}"))
        .with_help(format!("set `{key}` in [workspace.metadata.image] of the workspace's Cargo.toml")))
}

/// Returns the mirrors of all archives of Debian: those of the table, else those of the host. Without a workspace, the host's.
pub fn all_mirrors(spec: Option<&WorkspaceSpec>) -> Vec<String> {
    let archives = [DebianArchive::Main, DebianArchive::Security];
    archives.into_iter().flat_map(|archive| configured(spec, archive)).collect()
}

fn configured(spec: Option<&WorkspaceSpec>, archive: DebianArchive) -> Vec<String> {
    let suite = spec.map(|spec| spec.debian_suite).unwrap_or_default();
    match spec.and_then(|spec| of_table(spec, archive)) {
        Some(mirror) => vec![mirror],
        None => archive_mirrors(&apt_sources(), archive, suite.codename()),
    }
}

/// Returns the addresses of a `mirror://` URI of Debian, or the URI itself.
pub(super) fn expand_mirror(context: &Context<'_>, uri: &str) -> Result<Vec<String>, Error> {
    for archive in [DebianArchive::Main, DebianArchive::Security] {
        if let Some(path) = uri.strip_prefix(&format!("mirror://{}/", archive.as_str())) {
            return Ok(debian_mirrors(context, archive)?.iter().map(|base| format!("{base}/{path}")).collect());
        }
    }
    Ok(vec![uri.to_owned()])
}

/// The mirror that the table names. Mirrors serve `debian-security` beside `debian`.
fn of_table(spec: &WorkspaceSpec, archive: DebianArchive) -> Option<String> {
    let main = spec.debian_mirror.as_ref().map(|mirror| mirror.value.trim_end_matches('/'));
    match archive {
        DebianArchive::Main => main.map(str::to_owned),
        DebianArchive::Security => match &spec.debian_security_mirror {
            Some(mirror) => Some(mirror.value.trim_end_matches('/').to_owned()),
            None => main.map(|main| format!("{main}-security")),
        },
    }
}

/// Reads the files of the host's apt sources, each with its name. Files that cannot be read are skipped, as by apt.
fn apt_sources() -> Vec<(String, String)> {
    let lists = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = lists.chain([PathBuf::from("/etc/apt/sources.list")]).collect();
    paths.sort();
    let named = |path: PathBuf| {
        let text = tierce_bounded::text(&path, &tierce_bounded::SETTINGS).ok()?;
        Some((path.file_name()?.to_string_lossy().into_owned(), text))
    };
    paths.into_iter().filter_map(named).collect()
}
