//! What tells that a file has hidden run-time dependencies: the functions that it calls, the paths that it has compiled in.

use std::collections::BTreeSet;
use std::io::{self, Read};

use memchr::memmem;
use object::elf;
use object::read::ReadRef;
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym};

/// Dynamic symbols that are looked at; the largest libraries have some hundred thousand.
const MAX_SYMBOLS: u64 = 1 << 20;
/// Bytes of the names of dynamic symbols.
const MAX_NAMES: u64 = 64 << 20;
/// Bytes that are searched at a time.
const PIECE: usize = 256 << 10;

/// The undefined dynamic symbols that [`tierce_hidden::symbols`] has, sorted. They tell what to look for and nothing that is
/// needed for running, so a damaged table has none.
pub(crate) fn imports<'data, H: FileHeader, R: ReadRef<'data>>(
    endian: H::Endian,
    data: R,
    sections: &SectionTable<'data, H, R>,
) -> Vec<String> {
    let Some(section) = sections.iter().find(|section| section.sh_type(endian) == elf::SHT_DYNSYM) else {
        return Vec::new();
    };
    if section.sh_size(endian).into() / size_of::<H::Sym>() as u64 > MAX_SYMBOLS {
        return Vec::new();
    }
    let Ok(symbols) = section.data_as_array::<H::Sym, _>(endian, data) else { return Vec::new() };
    // All names at once: a reader of single ones would keep each of them.
    let names = sections.iter().nth(section.sh_link(endian) as usize);
    let Some(names) = names.filter(|names| names.sh_size(endian).into() <= MAX_NAMES) else { return Vec::new() };
    let Ok(names) = names.data(endian, data) else { return Vec::new() };
    let name = |symbol: &H::Sym| {
        let rest = names.get(symbol.st_name(endian) as usize..)?;
        let name = &rest[..memchr::memchr(0, rest)?];
        tierce_hidden::symbols().get(str::from_utf8(name).ok()?).map(|&name| name.to_owned())
    };
    let undefined = symbols.iter().filter(|symbol| symbol.is_undefined(endian));
    undefined.filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The texts of [`tierce_hidden::texts`] that a file holds, in their order.
pub(crate) fn mentions(mut file: impl Read) -> io::Result<Vec<String>> {
    let mut wanted: Vec<_> =
        tierce_hidden::texts().iter().map(|text| (*text, memmem::Finder::new(text), false)).collect();
    let longest = wanted.iter().map(|(text, ..)| text.len()).max().unwrap_or_default();
    // What stands at the end of a piece may be the beginning of a text.
    let (mut buffer, mut kept) = (vec![0; PIECE], 0);
    loop {
        let read = match file.read(&mut buffer[kept..]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let filled = kept + read;
        for (_, finder, found) in &mut wanted {
            *found |= finder.find(&buffer[..filled]).is_some();
        }
        kept = filled.min(longest.saturating_sub(1));
        buffer.copy_within(filled - kept..filled, 0);
    }
    Ok(wanted.into_iter().filter(|(.., found)| *found).map(|(text, ..)| text.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::Elf;

    #[test]
    fn a_text_is_found_wherever_a_piece_ends() {
        let text = *tierce_hidden::texts().first().expect("there is one");
        for at in [0, 1, PIECE - text.len(), PIECE - 3, PIECE - 1, PIECE, 2 * PIECE + 5] {
            let mut bytes = vec![b'/'; at];
            bytes.extend_from_slice(text.as_bytes());
            assert_eq!(mentions(&bytes[..]).expect("readable"), [text], "{at}");
            bytes.pop();
            assert_eq!(mentions(&bytes[..]).expect("readable"), [""; 0], "{at}");
        }
    }

    #[test]
    fn what_is_called_is_told_and_what_is_defined_is_not() {
        let source = "void *dlopen(const char *, int); int setlocale(void) { return 0; } int puts(const char *);\n\
                      const char *zones = \"/usr/share/zoneinfo/Europe\";\n\
                      void *x(void) { puts(zones); return dlopen(zones, 1); }";
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("x.c"), folder.path().join("libx.so"));
        std::fs::write(&from, source).expect("writable");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-w", "-fno-builtin", "-o"]).arg(&to).arg(&from);
        assert!(cc.status().expect("a C compiler").success());
        let bytes = std::fs::read(to).expect("cc wrote it");
        let elf = Elf::parse(&bytes).expect("valid").expect("ELF");
        assert_eq!((elf.imports, elf.mentions), (vec!["dlopen".to_owned()], vec!["/usr/share/zoneinfo".to_owned()]));
    }
}
