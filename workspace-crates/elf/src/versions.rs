//! The versions of glibc's interface that a library defines (`SHT_GNU_verdef`).

use object::read::ReadRef;
use object::read::elf::{FileHeader, SectionHeader, SectionTable};

/// The most bytes of definitions; glibc's have some kilobytes.
const MAX_DEFINITIONS: u64 = 1 << 20;

/// Returns the newest version of glibc for which a library defines symbols. Ignores damaged definitions: it serves only a warning.
pub(crate) fn of_glibc<'data, H: FileHeader, R: ReadRef<'data>>(
    endian: H::Endian,
    data: R,
    sections: &SectionTable<'data, H, R>,
) -> Option<(u16, u16)> {
    let is_definitions = |section: &&H::SectionHeader| section.sh_type(endian) == object::elf::SHT_GNU_VERDEF;
    let section = sections.iter().find(is_definitions)?;
    if section.sh_size(endian).into() > MAX_DEFINITIONS {
        return None;
    }
    let (mut definitions, strings) = section.gnu_verdef(endian, data).ok()??;
    let strings = sections.strings(endian, data, strings).ok()?;
    let mut newest = None;
    while let Ok(Some((_, mut names))) = definitions.next() {
        // The first name is that of the definition; the others are its predecessors.
        let name = names.next().ok().flatten().and_then(|name| name.name(endian, strings).ok());
        newest = newest.max(name.and_then(version));
    }
    newest
}

/// Parses `GLIBC_2.36` as 2 and 36.
fn version(name: &[u8]) -> Option<(u16, u16)> {
    let (first, second) = str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?.split_once('.')?;
    let second = second.split('.').next().unwrap_or_default();
    Some((first.parse().ok()?, second.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Elf;

    #[test]
    fn version_is_read_from_name() {
        for (name, expected) in [
            ("GLIBC_2.36", Some((2, 36))),
            ("GLIBC_2.2.5", Some((2, 2))),
            ("GLIBC_PRIVATE", None),
            ("GLIBCXX_3.4", None),
            ("libc.so.6", None),
        ] {
            assert_eq!(version(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn c_library_defines_its_version() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps.split_whitespace().find(|word| word.ends_with("/libc.so.6")).unwrap();
        let glibc = |path: &std::path::Path| Elf::parse(&std::fs::read(path).unwrap()).unwrap().unwrap().glibc;
        assert!(glibc(libc.as_ref()) > Some((2, 30)), "{libc}");
        assert_eq!(glibc(&std::env::current_exe().unwrap()), None);
    }
}
