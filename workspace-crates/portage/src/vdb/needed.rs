//! NEEDED.ELF.2 and PROVIDES: what the ELF files of a package need, and the sonames that it brings.

use super::malformed;
use crate::error::Error;
use crate::wire::AbsolutePath;

/// One line of NEEDED.ELF.2: `ARCHITECTURE;PATH;SONAME;RUNPATH;NEEDED,…;CATEGORY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededEntry {
    /// The ELF file: absolute, as it was installed.
    pub path: String,
    /// Its soname, where it is a library with one.
    pub soname: Option<String>,
    /// The sonames that it needs.
    pub needed: Vec<String>,
}

/// Reads a NEEDED.ELF.2 file; `file` is its path for messages.
///
/// # Errors
/// [`Error::Database`] for the first malformed line.
pub fn parse_needed(file: &str, text: &str) -> Result<Vec<NeededEntry>, Error> {
    let lines = text.split('\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(index, line)| parse_line(line).map_err(|reason| malformed(file, index + 1, reason))).collect()
}

fn parse_line(line: &str) -> Result<NeededEntry, String> {
    let fields: Vec<&str> = line.split(';').collect();
    // The last field, the category of the multilib, came later than the others.
    let (path, soname, needed) = match fields[..] {
        [_, path, soname, _, needed] | [_, path, soname, _, needed, _] => (path, soname, needed),
        _ => return Err(format!("{} fields instead of 5 or 6", fields.len())),
    };
    let path = path.parse::<AbsolutePath>().map_err(|error| error.to_string())?.to_string();
    let soname = (!soname.is_empty()).then(|| soname.to_owned());
    let needed = needed.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(NeededEntry { path, soname, needed })
}

/// Reads a PROVIDES file, `x86_64: libz.so.1 libfoo.so.2`, into the sonames of all architectures; `file` is its path for
/// messages.
///
/// # Errors
/// [`Error::Database`] where a soname comes before the first architecture.
pub fn parse_provides(file: &str, text: &str) -> Result<Vec<String>, Error> {
    let mut sonames = Vec::new();
    let mut architecture = false;
    for word in text.split_whitespace() {
        if word.ends_with(':') {
            architecture = true;
        } else if architecture {
            sonames.push(word.to_owned());
        } else {
            return Err(malformed(file, 1, format!("`{}` stands before an architecture", word.escape_debug())));
        }
    }
    Ok(sonames)
}
