//! Selects and downloads the Debian packages of a builder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tierce_builders::container::context::Context;
use tierce_builders::workspace::oci_architecture;
use tierce_debian::wheel::{PORTAGE_VERSION, PORTAGE_WHEEL, PORTAGE_WHEEL_SHA256};
use tierce_debian::{Deb, PackageIndex, Release, SEEDS, SuitePart, closure, decompress_text};
use tierce_fetch::{Checksum, Download, Integrity};
use tierce_plan::{Outcome, StepId};
use tierce_process::{gpg, pip};
use tierce_store::files::utf8;
use tierce_store::{Error, ErrorKind, Unit, files, sealed};

use crate::gather::recipes::COMPONENT;
use crate::steps::mirrors::debian_mirrors;

/// The limit for the text of a package index, in bytes; bookworm's has 47 MB.
const MAX_INDEX: u64 = 512 << 20;

/// Reads the signed indexes of the suite, its updates and its security updates, and resolves the builder's packages.
pub(super) fn select_debs(context: &Context<'_>, id: &StepId) -> Result<Outcome, Error> {
    need_network(context, "the index of Debian's packages")?;
    let texts = SuitePart::ALL.map(|part| package_index(context, id, part).map(|text| (part, text)));
    let texts = texts.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut index = PackageIndex::default();
    for (part, text) in &texts {
        index.add(text, oci_architecture(), *part).map_err(corrupt)?;
    }
    Ok(Outcome::Debs(closure(&index, SEEDS).map_err(corrupt)?))
}

/// Downloads the package index of a part of the suite, and checks its signature, age and digest.
fn package_index(context: &Context<'_>, id: &StepId, part: SuitePart) -> Result<String, Error> {
    let suite = part.suite(context.workspace.spec.debian_suite.codename());
    let bases = debian_mirrors(context, part.archive())?;
    let urls = |path: &str| bases.iter().map(|base| format!("{base}/dists/{suite}/{path}")).collect();
    let folder = context.workspace.paths.shared("debian");
    let release_file = folder.join(format!("{suite}.InRelease"));
    let download = Download {
        name: format!("{suite}/InRelease"),
        urls: urls("InRelease"),
        destination: release_file.clone(),
        size: None,
        integrity: Integrity::Unverified,
    };
    context.fetch(id, &[download])?;

    let keyring = folder.join(format!("{}-keyring.gpg", part.archive().as_str()));
    files::write(&keyring, part.archive().keyring())?;
    let text = gpg::verify_clearsigned(&utf8(release_file)?, &utf8(keyring)?)?;
    let release = Release::parse(&text, &suite).map_err(corrupt)?;
    if !context.workspace.spec.debian_snapshot {
        check_age(&release, &folder.join(format!("{suite}.date")))?;
    }

    let listed = release.packages(COMPONENT, oci_architecture()).map_err(corrupt)?;
    let path = if release.acquire_by_hash { listed.by_hash() } else { listed.path.clone() };
    let index_file = folder.join(&listed.sha256);
    let download = Download {
        name: format!("{suite}/{}", listed.path),
        urls: urls(&path),
        destination: index_file.clone(),
        size: Some(listed.size),
        integrity: Integrity::Checksums(vec![Checksum::Sha256(listed.sha256.clone())]),
    };
    context.fetch(id, &[download])?;
    let file = tierce_bounded::open(&index_file).map_err(|error| Error::file("read", &index_file, error))?;
    decompress_text(&listed.path, file, MAX_INDEX).map_err(corrupt)
}

/// Downloads the packages that Tierce.lock lists, and Portage.
pub(super) fn fetch_builder(context: &Context<'_>, id: &StepId) -> Result<Outcome, Error> {
    let wheel = wheel_path(context);
    if !wheel.is_file() {
        need_network(context, "Portage")?;
        let index = context.workspace.spec.python_index.as_ref().map(|index| index.value.as_str());
        let pip_wheel = None;
        let wanted =
            pip::Wheel { name: "portage", version: PORTAGE_VERSION, sha256: PORTAGE_WHEEL_SHA256, index, pip_wheel };
        let on_line = |line: &str| context.progress(id, 0, None, Unit::Bytes, line);
        let (folder, _open) = files::temporary_folder_in(&context.workspace.paths.downloads("wheels"))?;
        let utf8_folder = utf8(folder.path().to_owned())?;
        let file = pip::download_wheel(&wanted, &utf8_folder, &context.workspace.options.interrupted, on_line)?;
        fs::rename(&file, &wheel).map_err(|error| Error::file("write", &wheel, error))?;
    }
    let missing: Vec<&Deb> = debs(context).iter().filter(|deb| !deb_path(context, deb).is_file()).collect();
    if !missing.is_empty() {
        need_network(context, "a Debian package of the builder")?;
        let downloads = missing.into_iter().map(|deb| deb_download(context, deb)).collect::<Result<Vec<_>, _>>()?;
        context.fetch(id, &downloads)?;
    }
    Ok(Outcome::Fetched)
}

fn deb_download(context: &Context<'_>, deb: &Deb) -> Result<Download, Error> {
    let bases = debian_mirrors(context, deb.part.archive())?;
    Ok(Download {
        name: format!("{} {}", deb.name, deb.version),
        urls: bases.iter().map(|base| format!("{base}/{}", deb.filename)).collect(),
        destination: deb_path(context, deb),
        size: Some(deb.size),
        integrity: Integrity::Checksums(vec![Checksum::Sha256(deb.sha256.clone())]),
    })
}

/// Returns the packages that Tierce.lock lists.
pub(super) fn debs<'a>(context: &Context<'a>) -> &'a [Deb] {
    context.facts.lock.as_ref().map_or(&[], |lock| &lock.builder.debs)
}

/// Returns the path of a package in the cache. Its name is its digest, which the step `builder` compares.
pub(super) fn deb_path(context: &Context<'_>, deb: &Deb) -> PathBuf {
    context.workspace.paths.downloads("debs").join(format!("{}.deb", deb.sha256))
}

pub(super) fn wheel_path(context: &Context<'_>) -> PathBuf {
    context.workspace.paths.downloads("wheels").join(PORTAGE_WHEEL)
}

/// Fails with `--offline`; `what` names the download.
pub(super) fn need_network(context: &Context<'_>, what: &str) -> Result<(), Error> {
    if !context.workspace.options.offline {
        return Ok(());
    }
    let message = format!("{what} is not in the cache, and --offline forbids the network");
    Err(Error::new(ErrorKind::Download, message).with_help("run once without --offline"))
}

/// Returns the error of a corrupt index or package of Debian.
pub(super) fn corrupt(error: tierce_debian::Error) -> Error {
    Error::from_source(ErrorKind::Download, error)
}

/// The ways out if a mirror serves an old index.
const STALE: &str = "name another mirror by `debian-mirror` and `debian-security-mirror` in [workspace.metadata.image]; if it is a \
    snapshot of an earlier day, set `debian-snapshot = true` there";

/// Refuses an expired index, and one that is older than the newest so far, whose date is in the file `seen`.
fn check_age(release: &Release, seen: &Path) -> Result<(), Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
    let newest: Option<i64> = sealed::read(seen);
    release
        .check_age(i64::try_from(now).unwrap_or(i64::MAX), newest)
        .map_err(|error| corrupt(error).with_help(STALE))?;
    match newest {
        Some(newest) if newest >= release.date => Ok(()),
        _ => sealed::write(seen, &release.date),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_index_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let seen = folder.path().join("trixie.date");
        let release = |day: u8| {
            let text = format!("Codename: trixie\nDate: Sat, {day:02} Nov 2026 09:15:44 UTC\n");
            Release::parse(&text, "trixie").expect("a release")
        };
        for day in [20, 21, 21] {
            check_age(&release(day), &seen).expect("not older");
        }
        let error = check_age(&release(20), &seen).expect_err("older");
        assert!(error.to_string().contains("failed to trust the release `trixie`: it is 24 hours older"), "{error}");
        assert!(error.help().is_some_and(|help| help.contains("debian-snapshot = true")), "{:?}", error.help());
        check_age(&release(21), &seen).expect("the date of the refused index is not kept");
    }
}
