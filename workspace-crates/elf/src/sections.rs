//! The sections of a file, for comparisons: nothing depends on them at run time.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use object::elf;
use object::read::elf::{FileHeader, SectionHeader};
use object::read::{ReadCache, ReadRef};

use crate::Error;
use crate::read::{MAX_SECTIONS, limit, malformed};

/// A section that has bytes in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name, with U+FFFD for bytes that are not UTF-8.
    pub name: String,
    /// Its first byte, from the beginning of the file.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
}

/// Reads the sections of the ELF file in `range` of a stream, in the order of their table; empty without a table. Returns `None` if
/// the range does not begin with the ELF magic number. The stream's position afterwards is undefined.
///
/// # Errors
/// [`Error::Malformed`] and [`Error::TooLarge`] for a malformed table, [`Error::Io`] if the stream has no length.
pub fn sections(stream: &mut (impl Read + Seek), range: Range<u64>) -> Result<Option<Vec<Section>>, Error> {
    let length = stream.seek(SeekFrom::End(0))?;
    let size = range.end.min(length).saturating_sub(range.start);
    let cache = ReadCache::new(stream);
    let data = cache.range(range.start, size);
    let Ok(ident) = data.read_bytes_at(0, 16) else { return Ok(None) };
    match (ident.starts_with(&elf::ELFMAG), ident[4]) {
        (false, _) => Ok(None),
        (true, 1) => table::<elf::FileHeader32<object::Endianness>, _>(data, size).map(Some),
        (true, 2) => table::<elf::FileHeader64<object::Endianness>, _>(data, size).map(Some),
        (true, class) => Err(malformed("identification", format!("class {class} is neither 32-bit nor 64-bit"))),
    }
}

fn table<'data, H: FileHeader, R: ReadRef<'data>>(data: R, length: u64) -> Result<Vec<Section>, Error> {
    let wrong = |error: object::Error| malformed("section headers", error.to_string());
    let header = H::parse(data).map_err(wrong)?;
    let endian = header.endian().map_err(wrong)?;
    let count = header.shnum(endian, data).map_err(wrong)?;
    limit("section headers", u64::from(count), u64::from(MAX_SECTIONS))?;
    let sections = header.sections(endian, data).map_err(wrong)?;
    let mut found = Vec::new();
    for section in sections.iter() {
        let Some((offset, size)) = section.file_range(endian).filter(|(_, size)| *size > 0) else { continue };
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(malformed("section headers", format!("a section at {offset} lies outside of the file")));
        }
        let name = sections.section_name(endian, section).map_err(wrong)?;
        found.push(Section { name: String::from_utf8_lossy(name).into_owned(), offset, size });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Cursor;

    #[test]
    fn sections_are_where_their_bytes_are() {
        let program = std::env::current_exe().unwrap();
        let bytes = std::fs::read(&program).unwrap();
        let length = bytes.len() as u64;
        let found = sections(&mut File::open(&program).unwrap(), 0..length).unwrap().unwrap();
        let named = |name: &str| found.iter().find(|section| section.name == name).unwrap();
        let interpreter = named(".interp");
        let at = usize::try_from(interpreter.offset).unwrap();
        assert!(bytes[at..at + usize::try_from(interpreter.size).unwrap()].starts_with(b"/lib"), "{interpreter:?}");
        assert!(found.iter().all(|section| section.name != ".bss"), "it has no bytes in the file");
        // Inside of a larger stream, offsets count from the file's own beginning.
        let shifted = [&[0; 7][..], &bytes].concat();
        assert_eq!(sections(&mut Cursor::new(shifted), 7..7 + length).unwrap().unwrap(), found);
    }

    #[test]
    fn damaged_table_is_an_error() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let read = |bytes: &[u8]| sections(&mut Cursor::new(bytes), 0..bytes.len() as u64);
        assert!(matches!(read(b"text"), Ok(None)));
        assert!(matches!(read(b""), Ok(None)));
        assert!(matches!(read(&bytes[..100]), Err(Error::Malformed { .. })));
        let mut wrong_class = bytes[..4096].to_vec();
        wrong_class[4] = 9;
        assert!(matches!(read(&wrong_class), Err(Error::Malformed { .. })));
        let mut no_table = bytes[..4096].to_vec();
        // e_shoff, e_shnum and e_shstrndx of a 64-bit file.
        no_table[40..48].fill(0);
        no_table[60..64].fill(0);
        assert_eq!(read(&no_table).unwrap(), Some(Vec::new()));
    }
}
