//! The whiteouts of an image's layer, which hide files of the layers below (OCI image-spec, layer.md), as overlayfs has them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, mknodat};

/// The prefix of a whiteout's name.
const PREFIX: &[u8] = b".wh.";
/// The rest of the name that hides everything in its folder.
const OPAQUE: &[u8] = b".wh..opq";
/// overlayfs's attribute of a folder that hides the folders below it. Mounts have the option `userxattr`.
const OPAQUE_ATTRIBUTE: &str = "user.overlay.opaque";

/// The whiteouts of a layer that is being unpacked.
#[derive(Default)]
pub(super) struct Whiteouts {
    made: BTreeSet<PathBuf>,
}

impl Whiteouts {
    /// Unpacks an entry that is a whiteout. For any other entry, makes room in its place and returns false.
    pub(super) fn take(&mut self, path: &Path, is_folder: bool) -> io::Result<bool> {
        let name = path.file_name().map(OsStrExt::as_bytes).and_then(|name| name.strip_prefix(PREFIX));
        let (Some(hidden), Some(parent)) = (name, path.parent()) else {
            self.make_room(path, is_folder)?;
            return Ok(false);
        };
        self.make_room(parent, true)?;
        fs::create_dir_all(parent)?;
        if hidden == OPAQUE {
            make_opaque(parent)?;
        } else if !hidden.starts_with(PREFIX) {
            self.hide(parent.join(OsStr::from_bytes(hidden)))?;
        }
        // Other names with two prefixes are the notes of old tools.
        Ok(true)
    }

    /// Hides a path of the layers below. A file of this layer stays.
    fn hide(&mut self, path: PathBuf) -> io::Result<()> {
        match fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => make_opaque(&path),
            Ok(_) => Ok(()),
            Err(_) => {
                // The device 0:0, which every user may make.
                mknodat(CWD, &path, FileType::CharacterDevice, Mode::empty(), 0)?;
                self.made.insert(path);
                Ok(())
            }
        }
    }

    /// Removes a whiteout in the place of a path, or of a folder above it. A folder there hides the one of the layers below.
    fn make_room(&mut self, path: &Path, is_folder: bool) -> io::Result<()> {
        let Some(made) = path.ancestors().find_map(|above| self.made.take(above)) else { return Ok(()) };
        fs::remove_file(&made)?;
        if is_folder || made != path {
            fs::create_dir(&made)?;
            make_opaque(&made)?;
        }
        Ok(())
    }
}

fn make_opaque(folder: &Path) -> io::Result<()> {
    Ok(lsetxattr(folder, OPAQUE_ATTRIBUTE, b"y", XattrFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    #[test]
    fn whiteouts_hide_lower_files_only() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path();
        let mut whiteouts = Whiteouts::default();
        let mut take = |name: &str, is_folder| whiteouts.take(&root.join(name), is_folder).expect("writable");
        assert!(!take("usr/bin/a", false), "it is a file");
        assert!(take("gone/.wh.file", false));
        assert!(take("later/.wh.folder", false) && !take("later/folder/file", false));
        assert!(take(".wh.replaced", false) && !take("replaced", false));
        assert!(take("etc/.wh..wh..opq", false) && take("etc/.wh..wh.plnk", false));
        fs::write(root.join("own"), "").expect("writable");
        assert!(take(".wh.own", false));
        let is_whiteout =
            |name: &str| fs::symlink_metadata(root.join(name)).is_ok_and(|there| there.file_type().is_char_device());
        let is_opaque = |name: &str| {
            let mut value = [0; 4];
            rustix::fs::lgetxattr(root.join(name), OPAQUE_ATTRIBUTE, &mut value[..]).is_ok_and(|length| length == 1)
        };
        for (name, expected) in [
            ("gone/file", (true, false)),
            ("gone", (false, false)),
            ("later/folder", (false, true)),
            ("replaced", (false, false)),
            ("etc", (false, true)),
            ("own", (false, false)),
        ] {
            assert_eq!((is_whiteout(name), is_opaque(name)), expected, "{name}");
        }
        assert!(!root.join("replaced").exists() && root.join("own").is_file() && !root.join("etc/.wh.plnk").exists());
    }
}
