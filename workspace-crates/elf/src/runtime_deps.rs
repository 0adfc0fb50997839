//! The evidence of run-time dependencies in a file: the functions that it calls, and the paths that it has compiled in.

use std::collections::BTreeSet;
use std::io::{self, Read};

use memchr::memmem;
use object::elf;
use object::read::ReadRef;
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym};

/// The most dynamic symbols; the largest libraries have some hundred thousand.
const MAX_SYMBOLS: u64 = 1 << 20;
/// The most bytes of the names of dynamic symbols.
const MAX_NAMES: u64 = 64 << 20;
/// The bytes of one search.
const PIECE: usize = 256 << 10;

/// Returns the undefined dynamic symbols that are in [`tierce_runtime_deps::symbols`], sorted.
///
/// A damaged table has none: the symbols are evidence only, and the file needs none of them to be read.
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
    // Reads all names at once, because a reader of single names would keep each of them.
    let names = sections.iter().nth(section.sh_link(endian) as usize);
    let Some(names) = names.filter(|names| names.sh_size(endian).into() <= MAX_NAMES) else { return Vec::new() };
    let Ok(names) = names.data(endian, data) else { return Vec::new() };
    let name = |symbol: &H::Sym| {
        let rest = names.get(symbol.st_name(endian) as usize..)?;
        let name = &rest[..memchr::memchr(0, rest)?];
        tierce_runtime_deps::symbols().get(str::from_utf8(name).ok()?).map(|&name| name.to_owned())
    };
    let undefined = symbols.iter().filter(|symbol| symbol.is_undefined(endian));
    undefined.filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns the texts of [`tierce_runtime_deps::texts`] that a file contains, in their order.
pub(crate) fn mentions(mut file: impl Read) -> io::Result<Vec<String>> {
    let mut wanted: Vec<_> =
        tierce_runtime_deps::texts().iter().map(|text| (*text, memmem::Finder::new(text), false)).collect();
    let longest = wanted.iter().map(|(text, ..)| text.len()).max().unwrap_or_default();
    // A text may begin at the end of one piece and end in the next one.
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
    fn text_is_found_across_pieces() {
        let text = *tierce_runtime_deps::texts().last().expect("there is one");
        for at in [0, 1, PIECE - text.len(), PIECE - 3, PIECE - 1, PIECE, 2 * PIECE + 5] {
            let mut bytes = vec![b'/'; at];
            bytes.extend_from_slice(text.as_bytes());
            assert_eq!(mentions(&bytes[..]).expect("readable"), [text], "{at}");
            bytes.pop();
            assert_eq!(mentions(&bytes[..]).expect("readable"), [""; 0], "{at}");
        }
    }

    /// The texts of openssl-probe 0.1 stand behind each other, and no whole path is among them.
    #[test]
    fn parts_of_paths_are_found() {
        let bytes = b"/etc/pki/tls/etc/ssl/etc/certs/opt/etc/sslcert.pemcerts.pemca-bundle.pemcacert.pemca-certificates.crt\
                      certs/ca-certificates.crtcerts/ca-root-nss.crtcerts/ca-bundle.crtCARootCertificates.pemtls-ca-bundle.pemcerts";
        assert_eq!(mentions(&bytes[..]).expect("readable"), ["certs/ca-certificates.crt", "certs/ca-root-nss.crt"]);
    }

    #[test]
    fn called_functions_are_found_and_defined_ones_are_not() {
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
