//! Writes a moved ebuild and its Manifest.

use std::fs;

use tierce_ebuilds::DebianSource;

use tierce_debian::SuitePart;

use crate::decision::{Offer, OfferedFile, Target};
use crate::ebuild::Ebuild;
use crate::manifest;

/// Fetches a file of an offer. Its size and SHA-256 are checked.
pub(crate) type Fetch<'f> = &'f dyn Fn(&Offer, &OfferedFile) -> Result<Vec<u8>, String>;

/// Writes the ebuild of the target and its Manifest. It changes nothing if a file cannot be fetched.
pub(crate) fn apply(ebuild: &Ebuild, target: &Target, fetch: Fetch<'_>) -> Result<(), String> {
    let offer = &target.offer;
    let archive = (offer.part == SuitePart::Security).then_some("debian-security");
    let orig = (target.orig != "tar.xz").then_some(target.orig.as_str());
    let revision = if ebuild.source.revision.is_some() { offer.revision.as_str() } else { "" };
    let text = ebuild.with_variables(&[("ARCHIVE", archive), ("ORIG", orig), ("REVISION", Some(revision))]);

    let name = ebuild.package.rsplit('/').next().unwrap_or_default();
    let path = ebuild.folder().join(format!("{name}-{}.ebuild", target.version));
    let source = DebianSource::of(&format!("{}/{name}-{}.ebuild", ebuild.package, target.version), &text)
        .ok_or("the ebuild no longer inherits debian-source")?;
    let mut entries = Vec::new();
    for file in source.files() {
        let offered = offer.files.iter().find(|offered| offered.name == file.name);
        let offered = offered.ok_or_else(|| format!("the source package has no `{}`", file.name))?;
        entries.push(manifest::entry(&file.name, &fetch(offer, offered)?));
    }

    let manifest_path = ebuild.folder().join("Manifest");
    let manifest = fs::read_to_string(&manifest_path).unwrap_or_default();
    let before = ebuild.source.files().into_iter().map(|file| file.name).collect::<Vec<_>>();
    let failed = |error| format!("failed to write {}: {error}", path.display());
    fs::write(&path, text).map_err(failed)?;
    fs::write(&manifest_path, manifest::replaced(&manifest, &before, entries)).map_err(failed)?;
    if path != ebuild.path {
        fs::remove_file(&ebuild.path).map_err(failed)?;
    }
    Ok(())
}
