//! Parses NEEDED.ELF.2 and PROVIDES: the sonames that a package needs and provides.

use super::malformed;
use crate::error::Error;
use crate::wire::AbsolutePath;

/// A line of NEEDED.ELF.2: `ARCHITECTURE;PATH;SONAME;RUNPATH;NEEDED,…;CATEGORY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededEntry {
    /// The installed path of the ELF file, absolute.
    pub path: String,
    /// Its soname, if it has one.
    pub soname: Option<String>,
    /// The sonames that it needs.
    pub needed: Vec<String>,
}

/// Parses a NEEDED.ELF.2 file; `file` is its path for messages.
///
/// # Errors
/// [`Error::Database`] for the first malformed line.
pub fn parse_needed(file: &str, text: &str) -> Result<Vec<NeededEntry>, Error> {
    let lines = text.split('\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(index, line)| parse_line(line).map_err(|reason| malformed(file, index + 1, reason))).collect()
}

fn parse_line(line: &str) -> Result<NeededEntry, String> {
    let fields: Vec<&str> = line.split(';').collect();
    // Older versions of Portage do not write the last field, the category of the multilib.
    let (path, soname, needed) = match fields[..] {
        [_, path, soname, _, needed] | [_, path, soname, _, needed, _] => (path, soname, needed),
        _ => return Err(format!("{} fields instead of 5 or 6", fields.len())),
    };
    let path = path.parse::<AbsolutePath>().map_err(|error| error.to_string())?.to_string();
    let soname = (!soname.is_empty()).then(|| soname.to_owned());
    let needed = needed.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(NeededEntry { path, soname, needed })
}

/// Parses a PROVIDES file, `x86_64: libz.so.1 libfoo.so.2`, into the sonames of all architectures; `file` is its path
/// for messages.
///
/// # Errors
/// [`Error::Database`] if a soname is before the first architecture.
pub fn parse_provides(file: &str, text: &str) -> Result<Vec<String>, Error> {
    let mut sonames = Vec::new();
    let mut architecture = false;
    for word in text.split_whitespace() {
        if word.ends_with(':') {
            architecture = true;
        } else if architecture {
            sonames.push(word.to_owned());
        } else {
            return Err(malformed(file, 1, format!("`{}` is before the first architecture", word.escape_debug())));
        }
    }
    Ok(sonames)
}
