//! Whether this machine offers sandboxes: the probe starts one, with everything that a builder needs.

use std::path::Path;
use std::time::Duration;

use crate::spec::{Mount, Root, Spec};
use crate::{Error, Sandbox};

/// The time that a sandbox has: a program that maps users, or a mount, can wait for a server that is gone.
const LIMIT: Duration = Duration::from_secs(5);

/// Starts a sandbox in a folder of the store, and has it pack a file that another mount brought in. The folder has to be empty; the
/// caller removes it.
///
/// # Errors
/// The first operation that the kernel refuses; [`Error::TimedOut`] or [`Error::MappingTimedOut`] after five seconds.
pub fn probe(sandbox: &Sandbox, store: &Path, scratch: &str) -> Result<(), Error> {
    let folder = store.join(scratch);
    for name in ["lower", "upper"] {
        let path = folder.join(name);
        let failed = |source| Error::File { what: "create".to_owned(), path: path.clone(), source };
        std::fs::create_dir_all(&path).map_err(failed)?;
    }
    let host = folder.join("lower");
    let spec = Spec {
        store: store.to_owned(),
        root: Root::Layers { layers: vec![format!("{scratch}/lower")], scratch: scratch.to_owned() },
        read_only: true,
        own_tmp: false,
        mounts: vec![Mount::Folder { host, target: "/probe".to_owned(), read_only: true }],
    };
    match sandbox.clone().within(LIMIT).pack(&spec, "/probe")? {
        Some(mut packed) => {
            let read = std::io::copy(&mut packed, &mut std::io::sink());
            read.map(drop).map_err(|source| Error::Refused { what: "read from itself".to_owned(), source })
        }
        None => Err(Error::Killed),
    }
}
