//! Mounts of a container.

use std::path::PathBuf;

use bollard::models::{Mount as ApiMount, MountType, MountVolumeOptions};

use crate::{Engine, Error};

/// A mount of a container. `target` is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A file or folder of the daemon's host. It has to exist.
    Bind {
        /// Its path on the host, absolute and UTF-8; with Podman, without commas and quotation marks.
        host: PathBuf,
        /// Its path in the container.
        target: String,
        /// Whether it is read-only.
        read_only: bool,
    },
    /// A volume of the daemon. The daemon creates a missing one without labels, so create it before. It starts without the
    /// image's files at `target`.
    Volume {
        /// The volume's name.
        name: String,
        /// Its path in the container.
        target: String,
        /// Whether it is read-only.
        read_only: bool,
    },
    /// A new filesystem in memory, from which programs can be executed.
    Tmpfs {
        /// Its path in the container.
        target: String,
        /// Its size in bytes; half of the main memory by default.
        size: Option<u64>,
    },
}

impl Mount {
    /// The API's `Mounts`. Unlike `Binds`, it allows every path; but Podman 4.3 turns it into a command-line option, where
    /// commas and quotation marks separate.
    pub(crate) fn to_api(&self, engine: Engine) -> Option<Result<ApiMount, Error>> {
        let (typ, source, target, read_only) = match self {
            Self::Bind { host, target, read_only } => (MountType::BIND, host.to_str(), target, *read_only),
            Self::Volume { name, target, read_only } => (MountType::VOLUME, Some(name.as_str()), target, *read_only),
            Self::Tmpfs { .. } => return None,
        };
        let carried = |path: &&str| engine == Engine::Docker || !path.contains([',', '"']);
        let (Some(source), Some(target)) = (source.filter(carried), Some(target.as_str()).filter(carried)) else {
            let kind =
                "a mount: its path is not UTF-8, or has a comma or quotation mark, which Podman does not understand";
            return Some(Err(Error::Name { name: format!("{self:?}"), kind }));
        };
        let volume = MountVolumeOptions { no_copy: Some(true), ..Default::default() };
        Some(Ok(ApiMount {
            target: Some(target.to_owned()),
            source: Some(source.to_owned()),
            typ: Some(typ),
            read_only: Some(read_only),
            volume_options: (typ == MountType::VOLUME).then_some(volume),
            ..Default::default()
        }))
    }

    /// The API's `Tmpfs`, since its `Mounts` forbid to execute programs.
    pub(crate) fn to_tmpfs(&self) -> Option<(String, String)> {
        let Self::Tmpfs { target, size } = self else {
            return None;
        };
        let size = size.map(|size| format!(",size={size}")).unwrap_or_default();
        Some((target.clone(), format!("rw,exec,nosuid,nodev,mode=1777{size}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmpfs_executes_and_binds_keep_paths() {
        let tmpfs = Mount::Tmpfs { target: "/a:b".to_owned(), size: Some(4096) };
        let expected = ("/a:b".to_owned(), "rw,exec,nosuid,nodev,mode=1777,size=4096".to_owned());
        assert_eq!(tmpfs.to_tmpfs(), Some(expected));
        assert!(tmpfs.to_api(Engine::Docker).is_none());
        let bind = Mount::Bind { host: "/ä b:c,d".into(), target: "/x y".to_owned(), read_only: true };
        let api = bind.to_api(Engine::Docker).unwrap().unwrap();
        assert_eq!((api.source.as_deref(), api.read_only), (Some("/ä b:c,d"), Some(true)));
        assert!(matches!(bind.to_api(Engine::Podman), Some(Err(Error::Name { .. }))));
    }
}
