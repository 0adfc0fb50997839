//! The temporary volume of a shell.

use tierce_docker::Docker;

/// A volume of the daemon that is removed on drop. If this process is killed, a later run removes it.
pub(super) struct ScratchVolume {
    docker: Docker,
    /// Its name in the daemon.
    pub(super) name: String,
}

impl ScratchVolume {
    /// Takes ownership of a volume.
    pub(super) fn new(docker: Docker, name: String) -> ScratchVolume {
        ScratchVolume { docker, name }
    }
}

impl Drop for ScratchVolume {
    fn drop(&mut self) {
        // The label of a remaining volume names this process, so a later run removes it.
        let _ = self.docker.remove_volume(&self.name);
    }
}
