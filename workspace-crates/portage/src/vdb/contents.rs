//! Parses CONTENTS, a line for each file. The format has no quoting, so a line is parsed from both ends.
//!
//! ```text
//! dir /usr/share
//! obj /usr/share/a file c7cc96a3df420145ece496f30887de9b 1795423201
//! sym /usr/lib64/libz.so -> libz.so.1.3 1795423202
//! fif /run/a-pipe
//! dev /dev/a-device
//! ```

use super::malformed;
use crate::error::Error;
use crate::wire::AbsolutePath;

/// A line of CONTENTS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentsEntry {
    /// The installed path: absolute, normalised, links not followed.
    pub path: String,
    /// The type of file.
    pub kind: ContentsKind,
}

/// The type of file of a line of CONTENTS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentsKind {
    /// A folder.
    Directory,
    /// A regular file with its MD5 digest, 32 hexadecimal digits.
    File {
        /// The MD5 digest of the merged file.
        md5: String,
    },
    /// A symbolic link.
    Symlink {
        /// Its target, which may be relative.
        target: String,
    },
    /// A named pipe or a device.
    Special,
}

/// Parses a CONTENTS file; `file` is its path for messages.
///
/// # Errors
/// [`Error::Database`] for the first malformed line.
pub fn parse_contents(file: &str, text: &str) -> Result<Vec<ContentsEntry>, Error> {
    let lines = text.split('\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(index, line)| parse_line(line).map_err(|reason| malformed(file, index + 1, reason))).collect()
}

fn parse_line(line: &str) -> Result<ContentsEntry, String> {
    let (keyword, rest) = line.split_once(' ').ok_or("neither a kind nor a path")?;
    let (path, kind) = match keyword {
        "dir" => (rest, ContentsKind::Directory),
        "fif" | "dev" => (rest, ContentsKind::Special),
        "obj" => {
            let (rest, _) = split_time(rest)?;
            let (path, md5) = rest.rsplit_once(' ').ok_or("the MD5 digest is missing")?;
            if md5.len() != 32 || !md5.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err("the MD5 digest is not 32 hexadecimal digits".to_owned());
            }
            (path, ContentsKind::File { md5: md5.to_owned() })
        }
        "sym" => {
            let (rest, _) = split_time(rest)?;
            // A link whose name has an arrow is ambiguous; like Portage, split at the first arrow.
            let (path, target) = rest.split_once(" -> ").ok_or("the target of the link is missing")?;
            if target.is_empty() || target.contains(char::is_control) {
                return Err("the target of the link is malformed".to_owned());
            }
            (path, ContentsKind::Symlink { target: target.to_owned() })
        }
        _ => return Err(format!("unknown kind `{}`", keyword.escape_debug())),
    };
    match path.parse::<AbsolutePath>() {
        Ok(path) => Ok(ContentsEntry { path: path.to_string(), kind }),
        Err(error) => Err(error.to_string()),
    }
}

fn split_time(text: &str) -> Result<(&str, u64), String> {
    let (rest, time) = text.rsplit_once(' ').ok_or("the time is missing")?;
    // Very old versions of Portage wrote `(mtime, …)` tuples, which new roots do not have.
    let time = time.parse().map_err(|_| format!("`{}` is not a time", time.escape_debug()))?;
    Ok((rest, time))
}
