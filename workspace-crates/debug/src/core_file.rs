//! Core files of a process that goes on running.

use std::path::Path;

use tierce_docker::Docker;

use crate::errand::Errands;
use crate::host_file::HostFile;
use crate::{Error, Options, Target, gdb};

/// The file that gdb writes, in a temporary container.
const FILE: &str = "/core";

/// Writes a core file of the target's process to a path of this machine, and returns its size in bytes. gdb runs
/// `generate-core-file` in a container of the toolbox, and the process is stopped meanwhile.
///
/// # Errors
/// If the file exists, or its folder is not writable; [`Error::NoCore`]; the daemon's.
pub fn write_core(docker: &Docker, target: &Target, options: &Options, pid: u32, path: &Path) -> Result<u64, Error> {
    // Fails before gdb stops the process.
    let mut file = HostFile::create(path)?;
    let errands = Errands { docker, target, options };
    let (container, done) = errands.make(gdb::dump(pid, FILE))?;
    let no_core = |reason: String| Error::NoCore { name: target.name().to_owned(), reason };
    let archive = match docker.copy_out(container.id(), FILE) {
        Ok(archive) => archive,
        Err(tierce_docker::Error::NotFound { .. }) => {
            return Err(no_core(match done.messages.lines().last() {
                Some(last) => format!("gdb ended with {}: {last}", done.code),
                None => format!("gdb ended with {}", done.code),
            }));
        }
        Err(error) => return Err(error.into()),
    };
    let mut archive = tar::Archive::new(archive);
    let failed = |source| Error::File { verb: "write", path: path.to_owned(), source };
    let mut entries = archive.entries().map_err(failed)?;
    let mut entry = entries.next().ok_or_else(|| no_core("the daemon's archive is empty".into()))?.map_err(failed)?;
    let size = entry.size();
    if file.fill(&mut entry)? != size {
        return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
    }
    file.finish()?;
    container.remove()?;
    Ok(size)
}
