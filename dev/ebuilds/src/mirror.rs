//! Reads the signed indexes of source packages, and fetches files of source packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use tierce_debian::sources::archive_mirrors;
use tierce_debian::{DebianArchive, IndexedSource, Release, SuitePart, decompress_text};
use tierce_fetch::{Checksum, Download, Integrity, Options, fetch};
use tierce_process::gpg;

use crate::arguments::Arguments;
use crate::decision::{Offer, OfferedFile};

/// The limit for the text of an index, in bytes; trixie's has 46 MB.
const MAX_INDEX: u64 = 512 << 20;

/// Mirrors of Debian's archives, and a folder for downloads.
pub(crate) struct Mirror {
    main: Vec<String>,
    security: Vec<String>,
    folder: tempfile::TempDir,
}

impl Mirror {
    /// Uses the mirrors of the arguments or of the host's apt sources.
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, String> {
        let named = |archive| match (archive, &arguments.mirror) {
            (DebianArchive::Security, _) if arguments.security_mirror.is_some() => arguments.security_mirror.clone(),
            (DebianArchive::Security, Some(main)) => Some(format!("{main}-security")),
            (_, main) => main.clone(),
        };
        let sources = apt_sources();
        let mirrors = |archive: DebianArchive, option: &str| {
            let found = match named(archive) {
                Some(mirror) => vec![mirror],
                None => archive_mirrors(&sources, archive, arguments.suites.last().map_or("", String::as_str)),
            };
            let missing = || format!("apt's sources have no mirror of {}; name one by {option}", archive.as_str());
            if found.is_empty() { Err(missing()) } else { Ok(found) }
        };
        Ok(Self {
            main: mirrors(DebianArchive::Main, "--mirror")?,
            security: mirrors(DebianArchive::Security, "--security-mirror")?,
            folder: tempfile::tempdir().map_err(|error| format!("failed to make a folder: {error}"))?,
        })
    }

    /// The versions of the wanted source packages in all parts of the suites.
    pub(crate) fn offers(&self, suites: &[String], wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Offer>, String> {
        let mut offers = Vec::new();
        for codename in suites {
            for part in SuitePart::ALL {
                let text = self.index(&part.suite(codename), part.archive())?;
                offers.extend(read(&text, codename, part, wanted)?);
            }
        }
        Ok(offers)
    }

    /// Fetches a file of a source package.
    pub(crate) fn file(&self, offer: &Offer, file: &OfferedFile) -> Result<Vec<u8>, String> {
        let path = format!("{}/{}", offer.directory, file.name);
        let checks = (file.size, file.sha256.clone());
        let destination = self.download(offer.part.archive(), &file.name, &path, Some(checks))?;
        fs::read(&destination).map_err(|error| format!("failed to read {}: {error}", destination.display()))
    }

    /// Downloads a suite's index of source packages, and checks its signature, age and digest.
    fn index(&self, suite: &str, archive: DebianArchive) -> Result<String, String> {
        let release_file =
            self.download(archive, &format!("{suite}.InRelease"), &format!("dists/{suite}/InRelease"), None)?;
        let keyring = self.folder.path().join(format!("{}.gpg", archive.as_str()));
        fs::write(&keyring, archive.keyring()).map_err(|error| format!("failed to write the keyring: {error}"))?;
        let text = gpg::verify_clearsigned(utf8(&release_file)?, utf8(&keyring)?).map_err(|error| chain(&error))?;
        let release = Release::parse(&text, suite).map_err(|error| chain(&error))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        release.check_age(i64::try_from(now).unwrap_or(i64::MAX), None).map_err(|error| chain(&error))?;

        let listed = release.sources("main").map_err(|error| chain(&error))?;
        let path = if release.acquire_by_hash { listed.by_hash() } else { listed.path.clone() };
        let checks = Some((listed.size, listed.sha256.clone()));
        let path = self.download(archive, &format!("{suite}.Sources"), &format!("dists/{suite}/{path}"), checks)?;
        let file = fs::File::open(&path).map_err(|error| format!("failed to read {}: {error}", path.display()))?;
        decompress_text(&listed.path, file, MAX_INDEX).map_err(|error| chain(&error))
    }

    /// Downloads a file by its path below the base of a mirror, with its size and SHA-256 if they are known.
    fn download(
        &self,
        archive: DebianArchive,
        name: &str,
        path: &str,
        checks: Option<(u64, String)>,
    ) -> Result<PathBuf, String> {
        let bases = if archive == DebianArchive::Security { &self.security } else { &self.main };
        let destination = self.folder.path().join(name);
        let (size, integrity) = match checks {
            Some((size, sha256)) => (Some(size), Integrity::Checksums(vec![Checksum::Sha256(sha256)])),
            None => (None, Integrity::Unverified),
        };
        let urls = bases.iter().map(|base| format!("{base}/{path}")).collect();
        let download = Download { name: name.to_owned(), urls, destination: destination.clone(), size, integrity };
        fetch(&[download], &Options::default(), &AtomicBool::new(false), &|_| ()).map_err(|error| chain(&error))?;
        Ok(destination)
    }
}

/// The offers in the text of an index.
pub(crate) fn read(
    text: &str,
    codename: &str,
    part: SuitePart,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Offer>, String> {
    let sources = IndexedSource::parse(text, wanted).map_err(|error| chain(&error))?;
    let offer = |source: &IndexedSource<'_>| Offer {
        codename: codename.to_owned(),
        part,
        name: source.name.to_owned(),
        upstream: source.version.upstream().to_owned(),
        revision: source.version.revision().to_owned(),
        directory: source.directory.to_owned(),
        files: source
            .files
            .iter()
            .map(|file| OfferedFile {
                name: file.name.to_owned(),
                size: file.size,
                sha256: file.sha256.to_ascii_lowercase(),
            })
            .collect(),
    };
    Ok(sources.iter().map(offer).collect())
}

/// Reads the files of the host's apt sources, each with its name.
fn apt_sources() -> Vec<(String, String)> {
    let lists = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = lists.chain([PathBuf::from("/etc/apt/sources.list")]).collect();
    paths.sort();
    let named =
        |path: PathBuf| Some((path.file_name()?.to_string_lossy().into_owned(), fs::read_to_string(&path).ok()?));
    paths.into_iter().filter_map(named).collect()
}

fn utf8(path: &Path) -> Result<&Utf8Path, String> {
    Utf8Path::from_path(path).ok_or_else(|| format!("the path {} is not UTF-8", path.display()))
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
