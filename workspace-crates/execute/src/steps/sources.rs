//! The sources of the packages that are to be compiled: downloaded by the host, each at the line of the atom that asks for it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tierce_fetch::{Checksum, Download, Integrity};
use tierce_plan::{Outcome, StepId};
use tierce_portage::{Cpv, SourceFile};

use crate::executor::Executor;
use crate::{Error, blame};

impl Executor<'_> {
    /// Downloads the sources of these packages.
    pub(crate) fn fetch_sources(&self, id: &StepId, image: &str, packages: &[String]) -> Result<Outcome, Error> {
        let spec = self.image(image)?;
        let mut downloads: BTreeMap<String, (Cpv, Download)> = BTreeMap::new();
        for package in self.locked(image) {
            let cpv = package.cpv();
            if packages.contains(&cpv.to_string()) {
                for source in &package.sources {
                    let destination = self.session.places.distfiles().join(source.name.to_string());
                    downloads.insert(source.name.to_string(), (cpv.clone(), self.download(source, destination)?));
                }
            }
        }
        if let Some((name, _)) = downloads.iter().find(|(_, (_, download))| !download.destination.is_file()) {
            self.need_network(&format!("the source `{name}`"))?;
        }
        let items: Vec<Download> = downloads.values().map(|(_, download)| download.clone()).collect();
        self.fetch(id, &items).map_err(|error| {
            let Error::Fetch(tierce_fetch::Error { name, kind }) = error else { return error };
            let Some((cpv, _)) = downloads.get(&name) else { return tierce_fetch::Error { name, kind }.into() };
            let place = blame::atom_that_brings(spec, self.locked(image), cpv).cloned();
            Error::Source { name, package: cpv.to_string(), place, source: Box::new(kind) }
        })?;
        Ok(Outcome::Fetched)
    }

    fn download(&self, source: &SourceFile, destination: PathBuf) -> Result<Download, Error> {
        let mut urls = Vec::new();
        for uri in &source.uris {
            match uri.to_string().strip_prefix("mirror://debian/") {
                Some(path) => urls.extend(self.debian_mirrors()?.iter().map(|base| format!("{base}/{path}"))),
                None => urls.push(uri.to_string()),
            }
        }
        let blake2b = source.blake2b.iter().map(|digest| Checksum::Blake2b(digest.to_string()));
        let sha512 = source.sha512.iter().map(|digest| Checksum::Sha512(digest.to_string()));
        let integrity = Integrity::Checksums(blake2b.chain(sha512).collect());
        Ok(Download { name: source.name.to_string(), urls, destination, size: Some(source.size), integrity })
    }
}
