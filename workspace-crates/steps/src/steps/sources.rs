//! Downloads the sources of packages to compile. An error points to the atom that requires the package.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tierce_builders::container::context::Context;
use tierce_builders::workspace::atom_place;
use tierce_fetch::{Checksum, Download, ErrorKind, Integrity};
use tierce_plan::{Outcome, StepId};
use tierce_portage::{Cpv, SourceFile};
use tierce_store::Error;

use crate::steps::debian::need_network;
use crate::steps::mirrors::expand_mirror;

/// Downloads the sources of these packages, given as `category/name-version`.
pub(super) fn fetch_sources(
    context: &Context<'_>,
    id: &StepId,
    image: &str,
    packages: &[String],
) -> Result<Outcome, Error> {
    let spec = context.image(image)?;
    let mut downloads: BTreeMap<String, (Cpv, Download)> = BTreeMap::new();
    for package in context.locked(image) {
        let cpv = package.cpv();
        if packages.contains(&cpv.to_string()) {
            for source in &package.sources {
                let destination = context.workspace.paths.distfiles().join(source.name.to_string());
                downloads.insert(source.name.to_string(), (cpv.clone(), download(context, source, destination)?));
            }
        }
    }
    if let Some((name, _)) = downloads.iter().find(|(_, (_, download))| !download.destination.is_file()) {
        need_network(context, &format!("the source `{name}`"))?;
    }
    let items: Vec<Download> = downloads.values().map(|(_, download)| download.clone()).collect();
    context.fetch(id, &items).map_err(|error| {
        let failed = error.source_as::<tierce_fetch::Error>();
        let Some((name, (cpv, _))) = failed.and_then(|failed| downloads.get_key_value(&failed.name)) else {
            return error;
        };
        let help = failed.and_then(|failed| help(name, &failed.kind));
        let place = atom_place::atom_that_brings(spec, context.locked(image), cpv);
        error.with_message(format!("failed to fetch `{name}` of `{cpv}`")).at_if(place).with_help_if(help)
    })?;
    Ok(Outcome::Fetched)
}

/// Returns the addresses of a source, with the mirrors that the host knows.
pub fn source_urls(context: &Context<'_>, uris: impl IntoIterator<Item = String>) -> Result<Vec<String>, Error> {
    let mut urls = Vec::new();
    for uri in uris {
        urls.extend(expand_mirror(context, &uri)?);
    }
    Ok(urls)
}

fn download(context: &Context<'_>, source: &SourceFile, destination: PathBuf) -> Result<Download, Error> {
    let urls = source_urls(context, source.uris.iter().map(ToString::to_string))?;
    let blake2b = source.blake2b.iter().map(|digest| Checksum::Blake2b(digest.to_string()));
    let sha512 = source.sha512.iter().map(|digest| Checksum::Sha512(digest.to_string()));
    let integrity = Integrity::Checksums(blake2b.chain(sha512).collect());
    Ok(Download { name: source.name.to_string(), urls, destination, size: Some(source.size), integrity })
}

/// Returns the help for a file that a mirror has dropped: Debian's part of a source package, for a newer revision.
fn help(name: &str, error: &ErrorKind) -> Option<&'static str> {
    let dropped = name.ends_with(".debian.tar.xz") && matches!(error, ErrorKind::NotFound { .. });
    dropped.then_some(
        "Debian dropped this revision for a newer one: update Tierce, or set `debian-mirror` to a snapshot that has it; in \
         Tierce's repository, `cargo dev ebuilds --write` moves the ebuild to the newest revision",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_revision_names_the_way_out() {
        let url = || "http://mirror.example/x".to_owned();
        let dropped = help("expat_2.5.0-1.debian.tar.xz", &ErrorKind::NotFound { url: url(), status: 404 });
        assert!(dropped.is_some_and(|help| help.contains("cargo dev ebuilds --write")));
        assert_eq!(help("expat_2.5.0.orig.tar.gz", &ErrorKind::NotFound { url: url(), status: 404 }), None);
        assert_eq!(help("expat_2.5.0-1.debian.tar.xz", &ErrorKind::Status { url: url(), status: 503 }), None);
    }
}
