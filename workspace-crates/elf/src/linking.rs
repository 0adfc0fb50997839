//! The interface that a link editor reads from a shared object: decides whether a program must be linked again.

use std::fmt::Write as _;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use object::elf;
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym};
use object::read::{ReadCache, ReadRef, SymbolIndex};

use crate::read::{MAX_SECTIONS, limit, malformed};
use crate::{Elf, Error, Kind};

/// The most dynamic symbols of a file; the largest libraries have some hundred thousand.
const MAX_SYMBOLS: u64 = 1 << 20;
const PART: &str = "dynamic symbols";

/// Returns the parts of a shared object that a link editor reads, as text: its soname, needed libraries, their search path, and
/// each dynamic symbol with its version. Two objects with the same text are equal to a link editor: a program that was linked
/// against one need not be linked again against the other. `None` for anything but a shared object with a soname.
///
/// The text has no addresses of symbols, as only the dynamic linker uses them. It has the sizes of data, as a program may contain
/// a copy (`R_*_COPY`), and undefined symbols, as a link editor looks for them in the other libraries.
///
/// # Errors
/// As [`Elf::read`]; also for symbols and versions that contradict each other.
pub fn link_interface(stream: &mut (impl Read + Seek), range: Range<u64>) -> Result<Option<String>, Error> {
    let Some(facts) = Elf::read(stream, range.clone())? else { return Ok(None) };
    if facts.kind != Kind::Shared || facts.soname.is_none() {
        return Ok(None);
    }
    let size = range.end.min(stream.seek(SeekFrom::End(0))?).saturating_sub(range.start);
    let cache = ReadCache::new(stream);
    let data = cache.range(range.start, size);
    let mut symbols = match facts.class {
        crate::Class::Elf32 => symbols::<elf::FileHeader32<object::Endianness>, _>(data)?,
        crate::Class::Elf64 => symbols::<elf::FileHeader64<object::Endianness>, _>(data)?,
    };
    // The file's order depends on the size of its hash table, which a link editor ignores.
    symbols.sort();
    let Elf { class, endianness, machine, soname, needed, rpath, runpath, .. } = facts;
    let head = format!("{class} {endianness:?} {machine} {soname:?} {needed:?} {rpath:?} {runpath:?}\n");
    Ok(Some(head + &symbols.concat()))
}

/// Returns a line for each dynamic symbol that is visible to other objects.
fn symbols<'data, H: FileHeader, R: ReadRef<'data>>(data: R) -> Result<Vec<String>, Error> {
    let wrong = |error: object::Error| malformed(PART, error.to_string());
    let header = H::parse(data).map_err(wrong)?;
    let endian = header.endian().map_err(wrong)?;
    limit("section headers", header.shnum(endian, data).map_err(wrong)?.into(), MAX_SECTIONS.into())?;
    let sections: SectionTable<'data, H, R> = header.sections(endian, data).map_err(wrong)?;
    let bytes = sections
        .iter()
        .filter(|section| section.sh_type(endian) == elf::SHT_DYNSYM)
        .map(|section| section.sh_size(endian).into())
        .sum::<u64>();
    limit(PART, bytes / size_of::<H::Sym>() as u64, MAX_SYMBOLS)?;
    let table = sections.symbols(endian, data, elf::SHT_DYNSYM).map_err(wrong)?;
    let versions = sections.versions(endian, data).map_err(wrong)?.unwrap_or_default();
    let mut lines = Vec::new();
    for (index, symbol) in table.iter().enumerate().filter(|(_, symbol)| !symbol.is_local()) {
        let name = symbol.name(endian, table.strings()).map_err(wrong)?;
        let version = versions.version_index(endian, SymbolIndex(index));
        let (hidden, version) = (version.is_hidden(), versions.version(version.index()).map_err(wrong)?);
        let mut line = String::from_utf8_lossy(name).into_owned();
        if let Some(version) = version {
            let at = if hidden { "@" } else { "@@" };
            // Writing to a `String` does not fail.
            let _ = write!(line, "{at}{}", String::from_utf8_lossy(version.name()));
        }
        let is_data = matches!(symbol.st_type(), elf::STT_OBJECT | elf::STT_TLS | elf::STT_COMMON);
        let size: u64 = if is_data { symbol.st_size(endian).into() } else { 0 };
        let place = if symbol.is_undefined(endian) { "undefined" } else { "defined" };
        let (bind, kind, visibility) = (symbol.st_bind(), symbol.st_type(), symbol.st_visibility());
        let _ = writeln!(line, " {place} {} {} {} {size}", bind.0, kind.0, visibility.0);
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::process::Command;

    use super::*;

    /// Compiles a shared object from C, with flags for the linker.
    fn compiled(source: &str, flags: &[&str]) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("x.c"), folder.path().join("libx.so.1"));
        std::fs::write(&from, source).expect("writable");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-Wl,-soname,libx.so.1", "-o"]).arg(&to).arg(&from).args(flags);
        assert!(cc.status().expect("a C compiler").success());
        std::fs::read(to).expect("cc wrote it")
    }

    fn interface(bytes: &[u8]) -> Result<Option<String>, Error> {
        link_interface(&mut Cursor::new(bytes), 0..bytes.len() as u64)
    }

    const SOURCE: &str = "int table[4]; int used(void); static int own(void) { return 1; }\n\
                          int twice(int x) { return 2 * x + own() + table[0]; }\n";

    #[test]
    fn code_does_not_change_the_interface() {
        let text = |source: &str, flags: &[&str]| {
            interface(&compiled(source, flags)).expect("it is ELF").expect("it is shared")
        };
        let first = text(SOURCE, &[]);
        for (what, source, flags) in [
            ("code", SOURCE.replace("2 * x", "x + x + 0 * x"), &[][..]),
            ("a function of its own", SOURCE.replace("own", "mine"), &[]),
            ("debug information", SOURCE.to_owned(), &["-g"]),
            ("a section", format!("{SOURCE}static const char note[] __attribute__((used)) = \"x\";"), &[]),
        ] {
            assert_eq!(text(&source, flags), first, "{what}");
        }
        for (what, source, flags) in [
            ("a name", SOURCE.replace("twice", "double_of"), &[][..]),
            ("one symbol more", format!("{SOURCE}int more;"), &[]),
            ("the size of data", SOURCE.replace("[4]", "[5]"), &[]),
            ("undefined symbols", SOURCE.replace("+ own()", "+ used()"), &[]),
            ("a binding", SOURCE.replace("int twice", "__attribute__((weak)) int twice"), &[]),
            ("a soname", SOURCE.to_owned(), &["-Wl,-soname,libx.so.2"]),
            ("needed libraries", SOURCE.to_owned(), &["-Wl,--no-as-needed,-lm"]),
            ("where that is searched", SOURCE.to_owned(), &["-Wl,-rpath,/opt/lib"]),
        ] {
            assert_ne!(text(&source, flags), first, "{what}");
        }
    }

    #[test]
    fn symbol_versions_change_the_interface() {
        let source =
            |version: &str| format!("int first(void) {{ return 1; }} __asm__(\".symver first,one@@{version}\");");
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("versions");
        std::fs::write(&script, "V1 { global: one; local: *; }; V2 { } V1;").expect("writable");
        let script = format!("-Wl,--version-script,{}", script.display());
        let text =
            |version| interface(&compiled(&source(version), &[&script])).expect("it is ELF").expect("it is shared");
        assert!(text("V1").contains("one@@V1 "), "{}", text("V1"));
        assert!(text("V2").contains("one@@V2 "), "{}", text("V2"));
    }

    #[test]
    fn only_libraries_have_an_interface() {
        assert!(matches!(interface(b"text"), Ok(None)));
        let program = std::fs::read(std::env::current_exe().expect("this is one")).expect("readable");
        assert!(matches!(interface(&program), Ok(None)));
        let library = compiled(SOURCE, &[]);
        for length in [17, 100, library.len() / 2, library.len() - 1] {
            // A truncated file is an error or has no symbols: its text is never that of the whole file.
            let cut = interface(&library[..length]).unwrap_or_default();
            assert_ne!(cut, interface(&library).expect("it is ELF"), "{length}");
        }
    }
}
