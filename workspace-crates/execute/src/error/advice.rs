//! Whom to blame for an error, and what to do about it.

use tierce_manifest::Place;

use crate::Error;

impl Error {
    /// The line of a Cargo.toml to blame. Those of [`Error::Manifest`] are in it.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Error::FullDisk { source, .. } => source.place(),
            Error::Table { place, .. }
            | Error::NotPulled { place, .. }
            | Error::Compile { place, .. }
            | Error::Missing { place, .. }
            | Error::TooLarge { place, .. }
            | Error::Hook { place, .. } => Some(place),
            Error::Lock { place, .. }
            | Error::Resolution { place, .. }
            | Error::Source { place, .. }
            | Error::Emerge { place, .. } => place.as_ref(),
            Error::Tests(failed) => Some(&failed.place),
            Error::NotBuilt(images) => images.place.as_ref(),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Error::Table { help, .. } | Error::Resolution { help, .. } | Error::Missing { help, .. } => help.clone(),
            Error::StoredImage { help, .. } | Error::NoShell { help, .. } | Error::Draft { help, .. } => {
                help.clone()
            },
            Error::Scaffold(error) => error.help(),
            Error::Differs { .. } => Some(
                "the same image comes of the same sources, Cargo.lock, Tierce.lock and Rust toolchain, and the same version of \
                 Tierce"
                    .into(),
            ),
            Error::TooLarge { .. } => Some(
                "leave out what is not needed, by USE flags or `prune`, or raise `max-size`; nothing was loaded or tagged".into(),
            ),
            Error::NoImages => {
                Some("add a table [package.metadata.image] to the Cargo.toml of a package with a binary, or [workspace.metadata.images.NAME] for an image of packages".into())
            }
            Error::UnknownImage { known, .. } if known.is_empty() => Error::NoImages.help(),
            Error::UnknownImage { name, known } => {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                Some(match tierce_manifest::nearest(name, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it has `{}`", names.join("`, `")),
                })
            }
            Error::Process(tierce_process::Error::CargoLock) => {
                Some("run `cargo xtask image` without --locked and commit Cargo.lock".into())
            }
            Error::Locked { .. } => Some(
                "run `cargo xtask image` without --locked and commit Tierce.lock; `cargo xtask update --dry-run` lists what \
                 would move"
                    .into(),
            ),
            Error::Update(error) => error.help(),
            Error::NotPulled { help, .. } => Some(help.clone()),
            Error::Offline { .. } => Some("run once without --offline".into()),
            Error::NoMirror { key, .. } => {
                Some(format!("set `{key}` in [workspace.metadata.image] of the workspace's Cargo.toml"))
            }
            Error::Tests(failed) => Some(failed.help()),
            Error::NotBuilt(images) => Some(images.help()),
            Error::UnknownTest { known, .. } if known.is_empty() => {
                Some("add a table [package.metadata.image.test.NAME] to the image's Cargo.toml".into())
            }
            Error::UnknownTest { known, .. } => Some(format!("there are `{}`", known.join("`, `"))),
            Error::Emerge { log: Some(log), .. } => Some(format!("the whole log is {}", log.display())),
            Error::Hook { lines, log, .. } => {
                let outside = lines.iter().any(|line| line.contains("Read-only file system"));
                let outside = if outside { "it may write below $ROOT and /tmp and nowhere else; " } else { "" };
                Some(format!("{outside}all that it said is in {}", log.display()))
            }
            Error::Lock { source, .. } => Some(source.help().into()),
            Error::FullDisk { cache, rest, .. } => Some(format!(
                "`cargo xtask clean --all` would free {} of the cache and {} in the daemon; --dry-run lists it",
                crate::megabytes(*cache),
                crate::megabytes(*rest)
            )),
            Error::VolumeInUse { volume, .. } => {
                Some(format!("see `docker ps -a --filter volume={volume}`, and remove what mounts it"))
            }
            Error::Docker(error) => error.help().map(str::to_owned),
            _ => None,
        }
    }
}
