//! Reads files of a container from a tar stream.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tierce_store::Error;

use crate::container::builder_engine::OpenBuilder;

/// Calls `each` with every regular file below a folder of a container. A missing folder has no files.
pub fn for_each_file(
    container: &dyn OpenBuilder,
    folder: &str,
    mut each: impl FnMut(&str, &mut dyn Read) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(stream) = container.copy_out(folder)? else { return Ok(()) };
    let failed = |error| Error::file("read from the builder", Path::new(folder), error);
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if entry.header().entry_type().is_file() {
            let name = entry.path().map_err(failed)?.to_string_lossy().into_owned();
            each(&name, &mut entry)?;
        }
    }
    // The stream fails at its end if the engine failed after the last whole entry.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop).map_err(failed)
}

pub(super) fn copy(from: &mut dyn Read, to: &mut File, what: &str) -> Result<(), Error> {
    io::copy(from, to).map(drop).map_err(|error| Error::file("copy from the builder", Path::new(what), error))
}

/// Returns the text of one file, at most 16 MiB of it.
pub(super) fn read_out(container: &dyn OpenBuilder, path: &str) -> Result<String, Error> {
    let mut text = Vec::new();
    for_each_file(container, path, |_, entry| {
        let failed = |error| Error::file("read from the builder", Path::new(path), error);
        entry.take(16 << 20).read_to_end(&mut text).map(drop).map_err(failed)
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
