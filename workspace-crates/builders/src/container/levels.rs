//! Positions of paths relative to the workspace, counted in folders above it.

use camino::Utf8Path;

/// The folders of the builder in `/tierce`.
const OF_BUILDER: [&str; 9] =
    ["cargo-home", "git", "logs", "out", "repositories", "scripts", "source", "target", "toolchain"];

/// Whether a file has a place in the builder if the workspace lies this deep below `/tierce/source`.
pub(super) fn fits(workspace: &Utf8Path, file: &Utf8Path, depth: usize) -> bool {
    let up = levels_up(workspace, file);
    let inside = workspace.ancestors().nth(up).and_then(|above| file.strip_prefix(above).ok());
    let first = inside.and_then(|inside| inside.components().next()).map_or("", |first| first.as_str());
    match up.checked_sub(depth) {
        None | Some(0) => true,
        Some(1) => !OF_BUILDER.contains(&first),
        Some(2) => !hides_builder(&Utf8Path::new("/").join(first)),
        Some(_) => false,
    }
}

/// Returns how many folders above the workspace a path shares with it: 0 for a path inside.
pub(super) fn levels_up(workspace: &Utf8Path, path: &Utf8Path) -> usize {
    let shared = workspace.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    workspace.components().count() - shared
}

/// Returns the level of a configuration file `X/.cargo/config.toml` whose X is the workspace or above it; none for an included file.
pub(super) fn config_level(workspace: &Utf8Path, path: &Utf8Path) -> Option<usize> {
    let folder = path.parent()?;
    let is_config = folder.file_name() == Some(".cargo") && ["config", "config.toml"].contains(&path.file_name()?);
    let level = workspace.ancestors().position(|above| Some(above) == folder.parent())?;
    is_config.then_some(level)
}

/// Whether a folder of the host, mounted at its own path, would hide system files of the builder. These are the system folders
/// and their direct children. A deeper folder such as `/var/lib/ci/workspace` exists only on the host.
pub(super) fn hides_builder(path: &Utf8Path) -> bool {
    let system = "bin boot destination dev etc lib lib64 proc run sbin sys tierce usr var";
    let mut parts = path.components().skip(1).map(|part| part.as_str());
    parts.next().is_none_or(|first| system.split(' ').any(|name| name == first) && parts.count() < 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_count_folders_above() {
        let workspace = Utf8Path::new("/home/u/ws");
        for (path, expected) in [("/home/u/ws/src", 0), ("/home/u/lib", 1), ("/srv", 3)] {
            assert_eq!(levels_up(workspace, path.into()), expected, "{path}");
        }
        for (path, expected) in [
            ("/home/u/ws/.cargo/config.toml", Some(0)),
            ("/home/.cargo/config", Some(2)),
            ("/home/u/.cargo/more.toml", None),
            ("/srv/.cargo/config.toml", None),
        ] {
            assert_eq!(config_level(workspace, path.into()), expected, "{path}");
        }
    }

    #[test]
    fn files_above_have_a_place() {
        for (file, depth, expected) in [
            ("/home/u/x", 0, true),
            ("/home/u/target", 0, false),
            ("/home/u/target", 1, true),
            ("/home/x", 0, true),
            ("/home/usr", 0, false),
            ("/x", 0, false),
        ] {
            assert_eq!(fits("/home/u/ws".into(), file.into(), depth), expected, "{file} {depth}");
        }
    }

    #[test]
    fn mounts_never_hide_system_folders() {
        for (path, expected) in [
            ("/", true),
            ("/usr", true),
            ("/usr/lib", true),
            ("/var/lib/ci/workspace", false),
            ("/home", false),
            ("/root/lib", false),
            ("/tmp/lib", false),
            ("/opt/lib", false),
        ] {
            assert_eq!(hides_builder(path.into()), expected, "{path}");
        }
    }
}
