//! The Debian packages of a builder: which, and their download.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;
use tierce_debian::sources::{SourcesFormat, mirrors};
use tierce_debian::wheel::{PORTAGE_VERSION, PORTAGE_WHEEL, PORTAGE_WHEEL_SHA256};
use tierce_debian::{CONFIGURE_SH, Deb, KEYRING, PackageIndex, Release, SEEDS, closure, decompress_text};
use tierce_fetch::{Checksum, Download, Integrity};
use tierce_plan::{Outcome, StepId};
use tierce_process::{gpg, pip};

use crate::executor::Executor;
use crate::facts::{digest_of, oci_architecture};
use crate::progress::Unit;
use crate::{Error, files};

/// The suite that builders are made of.
pub(crate) const SUITE: &str = "bookworm";
const COMPONENT: &str = "main";
/// Of the text of a package index; bookworm's has 47 MB.
const MAX_INDEX: u64 = 512 << 20;
/// Another way of making a root out of the same packages makes another builder.
const RECIPE: u32 = 1;

/// Digest of the rules by which packages are chosen.
pub(crate) fn selection() -> String {
    digest_of(&[SUITE, COMPONENT, &SEEDS.join(" ")])
}

/// Digest of everything else that a builder is made of.
pub(crate) fn recipe() -> String {
    let provided: String = tierce_ebuilds::provided().map(|entry| format!("{entry:?}\n")).collect();
    digest_of(&[&RECIPE.to_string(), CONFIGURE_SH, PORTAGE_WHEEL_SHA256, &provided])
}

impl Executor<'_> {
    /// Reads the suite's signed index and chooses.
    pub(crate) fn select_debs(&self, id: &StepId) -> Result<Outcome, Error> {
        self.need_network("the index of Debian's packages")?;
        let bases = self.debian_mirrors()?;
        let folder = self.session.places.shared("debian");
        let release_file = folder.join("InRelease");
        let urls = bases.iter().map(|base| format!("{base}/dists/{SUITE}/InRelease")).collect();
        self.fetch(
            id,
            &[Download {
                name: "InRelease".into(),
                urls,
                destination: release_file.clone(),
                size: None,
                integrity: Integrity::Unverified,
            }],
        )?;

        let keyring = folder.join("debian-archive-keyring.gpg");
        files::write(&keyring, KEYRING)?;
        let text = gpg::verify_clearsigned(&utf8(release_file)?, &utf8(keyring)?)?;
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX));
        let release = Release::parse(&text, SUITE, now)?;

        let listed = release.packages(COMPONENT, oci_architecture())?;
        let path = if release.acquire_by_hash { listed.by_hash() } else { listed.path.clone() };
        let index_file = folder.join(&listed.sha256);
        let urls = bases.iter().map(|base| format!("{base}/dists/{SUITE}/{path}")).collect();
        self.fetch(
            id,
            &[Download {
                name: listed.path.clone(),
                urls,
                destination: index_file.clone(),
                size: Some(listed.size),
                integrity: Integrity::Checksums(vec![Checksum::Sha256(listed.sha256.clone())]),
            }],
        )?;

        let file = fs::File::open(&index_file).map_err(|error| Error::file("read", &index_file, error))?;
        let text = decompress_text(&listed.path, file, MAX_INDEX)?;
        let index = PackageIndex::parse(&text, oci_architecture())?;
        Ok(Outcome::Debs(closure(&index, SEEDS)?))
    }

    /// Downloads what the lock names, and Portage.
    pub(crate) fn fetch_builder(&self, id: &StepId) -> Result<Outcome, Error> {
        let wheel = self.wheel_path();
        if !wheel.is_file() {
            self.need_network("Portage")?;
            let index = self.session.spec.python_index.as_ref().map(|index| index.value.as_str());
            let pip_wheel = None;
            let wanted = pip::Wheel {
                name: "portage",
                version: PORTAGE_VERSION,
                sha256: PORTAGE_WHEEL_SHA256,
                index,
                pip_wheel,
            };
            let on_line = |line: &str| self.progress(id, 0, None, Unit::Bytes, line);
            let (folder, _open) = files::temporary_folder_in(&self.session.places.downloads("wheels"))?;
            let utf8_folder = utf8(folder.path().to_owned())?;
            let file = pip::download_wheel(&wanted, &utf8_folder, &self.session.options.interrupted, on_line)?;
            fs::rename(&file, &wheel).map_err(|error| Error::file("write", &wheel, error))?;
        }
        let missing: Vec<&Deb> = self.debs().iter().filter(|deb| !self.deb_path(deb).is_file()).collect();
        if !missing.is_empty() {
            self.need_network("a Debian package of the builder")?;
            let bases = self.debian_mirrors()?;
            let download = |deb: &&Deb| Download {
                name: format!("{} {}", deb.name, deb.version),
                urls: bases.iter().map(|base| format!("{base}/{}", deb.filename)).collect(),
                destination: self.deb_path(deb),
                size: Some(deb.size),
                integrity: Integrity::Checksums(vec![Checksum::Sha256(deb.sha256.clone())]),
            };
            self.fetch(id, &missing.iter().map(download).collect::<Vec<_>>())?;
        }
        Ok(Outcome::Fetched)
    }

    /// The packages that the lock names.
    pub(crate) fn debs(&self) -> &[Deb] {
        self.facts.lock.as_ref().map_or(&[], |lock| &lock.builder.debs)
    }

    /// Where a package lies in the cache: under its digest, so that what is there is right.
    pub(crate) fn deb_path(&self, deb: &Deb) -> PathBuf {
        self.session.places.downloads("debs").join(format!("{}.deb", deb.sha256))
    }

    pub(crate) fn wheel_path(&self) -> PathBuf {
        self.session.places.downloads("wheels").join(PORTAGE_WHEEL)
    }

    /// Where Debian's archive is: what the table says, or the host's own apt sources.
    pub(crate) fn debian_mirrors(&self) -> Result<Vec<String>, Error> {
        if let Some(mirror) = &self.session.spec.debian_mirror {
            return Ok(vec![mirror.value.trim_end_matches('/').to_owned()]);
        }
        let mut found = Vec::new();
        let lists = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> = lists.chain([PathBuf::from("/etc/apt/sources.list")]).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (Some(format), Ok(text)) = (SourcesFormat::of(&name), fs::read_to_string(&path)) else { continue };
            // A list that apt itself could not read is none of ours.
            found.extend(mirrors(&name, &text, format, SUITE).unwrap_or_default());
        }
        if found.is_empty() {
            return Err(Error::NoMirror { what: "Debian's packages", key: "debian-mirror" });
        }
        Ok(found)
    }

    /// Fails where the network is forbidden.
    pub(crate) fn need_network(&self, what: &str) -> Result<(), Error> {
        if self.session.options.offline { Err(Error::Offline { what: what.to_owned() }) } else { Ok(()) }
    }
}

/// A path as other programs take it.
pub(crate) fn utf8(path: PathBuf) -> Result<Utf8PathBuf, Error> {
    Utf8PathBuf::from_path_buf(path).map_err(|path| {
        let problem = std::io::Error::new(std::io::ErrorKind::InvalidFilename, "its name is not UTF-8");
        Error::file("use", &path, problem)
    })
}
