//! Reads the facts by the program headers.

use std::io::{Read, Seek};
use std::ops::Range;

use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};
use object::read::{ReadCache, ReadRef, StringTable};

use crate::{Class, Elf, Endianness, Error, Kind, Machine, notes, runtime_deps, versions};

/// The most bytes of program headers: the limit of the Linux kernel.
const MAX_PROGRAM_HEADERS: u64 = 64 << 10;
/// The most bytes of the dynamic section: 65,536 entries of 16 bytes.
const MAX_DYNAMIC: u64 = 1 << 20;
/// The most bytes of a note segment.
const MAX_NOTES: u64 = 1 << 20;
/// The most bytes of the interpreter's path; `PATH_MAX` of Linux.
const MAX_INTERPRETER: u64 = 4096;
/// The most entries of `DT_NEEDED`.
const MAX_NEEDED: u64 = 4096;
/// The most section headers. Only object files have more.
pub(crate) const MAX_SECTIONS: u32 = 16 << 10;
/// The most note segments.
const MAX_NOTE_SEGMENTS: usize = 16;

impl Elf {
    /// Reads the facts from the bytes of a whole file. Returns `None` if they do not begin with the ELF magic number.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::TooLarge`] for a damaged or hostile ELF file.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut elf = facts(bytes)?;
        if let Some(elf) = &mut elf {
            elf.mentions = runtime_deps::mentions(bytes)?;
        }
        Ok(elf)
    }

    /// Reads the facts from `range` of a stream, such as a file's content inside of an archive. Holds only a piece of it at a
    /// time. The stream's position afterwards is undefined.
    ///
    /// # Errors
    /// As [`Elf::parse`], and [`Error::Io`] if the stream has no length. A failed read counts as malformed.
    pub fn read(stream: &mut (impl Read + Seek), range: Range<u64>) -> Result<Option<Self>, Error> {
        let length = stream.seek(std::io::SeekFrom::End(0))?;
        let size = range.end.min(length).saturating_sub(range.start);
        let cache = ReadCache::new(&mut *stream);
        let mut elf = facts(cache.range(range.start, size))?;
        if let Some(elf) = &mut elf {
            stream.seek(std::io::SeekFrom::Start(range.start))?;
            elf.mentions = runtime_deps::mentions(stream.take(size))?;
        }
        Ok(elf)
    }

    /// Reads the GNU build-id, in lower-case hexadecimal, from the first pages of a file, also as mapped into a process. Link editors
    /// put the notes right behind the headers.
    #[must_use]
    pub fn build_id_in(first_pages: &[u8]) -> Option<String> {
        if !first_pages.starts_with(&elf::ELFMAG) {
            return None;
        }
        match first_pages.get(4)? {
            1 => Reader::<elf::FileHeader32<object::Endianness>, _>::new(first_pages, Class::Elf32).ok()?.build_id(),
            2 => Reader::<elf::FileHeader64<object::Endianness>, _>::new(first_pages, Class::Elf64).ok()?.build_id(),
            _ => None,
        }
    }
}

/// Dispatches on the class and byte order of `e_ident`.
fn facts<'data, R: ReadRef<'data>>(data: R) -> Result<Option<Elf>, Error> {
    let Ok(ident) = data.read_bytes_at(0, 16) else {
        return Ok(None);
    };
    if ident[..4] != elf::ELFMAG {
        return Ok(None);
    }
    match ident[4] {
        1 => Reader::<elf::FileHeader32<object::Endianness>, R>::new(data, Class::Elf32)?.facts().map(Some),
        2 => Reader::<elf::FileHeader64<object::Endianness>, R>::new(data, Class::Elf64)?.facts().map(Some),
        class => Err(malformed("identification", format!("class {class} is neither 32-bit nor 64-bit"))),
    }
}

struct Reader<'data, H: FileHeader, R: ReadRef<'data>> {
    data: R,
    class: Class,
    header: &'data H,
    endian: H::Endian,
    segments: &'data [H::ProgramHeader],
}

impl<'data, H: FileHeader, R: ReadRef<'data>> Reader<'data, H, R> {
    fn new(data: R, class: Class) -> Result<Self, Error> {
        let wrong = |error: object::Error| malformed("header", error.to_string());
        let header = H::parse(data).map_err(wrong)?;
        let endian = header.endian().map_err(wrong)?;
        let count = u64::from(header.phnum(endian, data).map_err(wrong)?);
        limit("program headers", count * size_of::<H::ProgramHeader>() as u64, MAX_PROGRAM_HEADERS)?;
        let segments =
            header.program_headers(endian, data).map_err(|error| malformed("program headers", error.to_string()))?;
        Ok(Self { data, class, header, endian, segments })
    }

    fn facts(&self) -> Result<Elf, Error> {
        let kind = match self.header.e_type(self.endian) {
            elf::ET_EXEC => Kind::Executable,
            elf::ET_DYN => Kind::Shared,
            elf::ET_REL => Kind::Relocatable,
            _ => Kind::Other,
        };
        let endianness = if self.header.is_little_endian() { Endianness::Little } else { Endianness::Big };
        let mut facts = Elf::bare(self.class, endianness, Machine(self.header.e_machine(self.endian).0), kind);
        if kind != Kind::Executable && kind != Kind::Shared {
            return Ok(facts);
        }
        self.take_interpreter(&mut facts)?;
        self.take_dynamic(&mut facts)?;
        self.take_notes(&mut facts)?;
        self.take_sections(&mut facts);
        Ok(facts)
    }

    /// Segments of one type that have bytes in the file. Those of a detached debugging file have none.
    fn segments_of(&self, kind: elf::ProgramType) -> impl Iterator<Item = &'data H::ProgramHeader> {
        let endian = self.endian;
        self.segments
            .iter()
            .filter(move |segment| segment.p_type(endian) == kind && segment.p_filesz(endian).into() > 0)
    }

    fn bytes(&self, segment: &H::ProgramHeader, part: &'static str, max: u64) -> Result<&'data [u8], Error> {
        limit(part, segment.p_filesz(self.endian).into(), max)?;
        segment.data(self.endian, self.data).map_err(|()| malformed(part, "it lies outside of the file"))
    }

    fn take_interpreter(&self, facts: &mut Elf) -> Result<(), Error> {
        let Some(segment) = self.segments_of(elf::PT_INTERP).next() else {
            return Ok(());
        };
        let part = "interpreter";
        let bytes = self.bytes(segment, part, MAX_INTERPRETER)?;
        let end = bytes.iter().position(|&byte| byte == 0).ok_or_else(|| malformed(part, "it has no end"))?;
        facts.interpreter = Some(text(part, &bytes[..end])?);
        Ok(())
    }

    fn take_dynamic(&self, facts: &mut Elf) -> Result<(), Error> {
        let Some(segment) = self.segments_of(elf::PT_DYNAMIC).next() else {
            return Ok(());
        };
        let part = "dynamic section";
        limit(part, segment.p_filesz(self.endian).into(), MAX_DYNAMIC)?;
        let entries = segment
            .dynamic(self.endian, self.data)
            .map_err(|error| malformed(part, error.to_string()))?
            .unwrap_or_default();
        let entries = || {
            entries
                .iter()
                .map(|entry| (entry.d_tag(self.endian), entry.d_val(self.endian).into()))
                .take_while(|&(tag, _): &(_, u64)| tag != elf::DT_NULL)
        };
        facts.dynamic = true;
        // The entry of the string table may come after entries that point into it.
        let value = |wanted| entries().find(|&(tag, _)| tag == wanted).map(|(_, value)| value);
        let strings = self.dynamic_strings(value(elf::DT_STRTAB), value(elf::DT_STRSZ));
        for (tag, value) in entries() {
            match tag {
                elf::DT_NEEDED => {
                    limit("list of needed libraries", facts.needed.len() as u64 + 1, MAX_NEEDED)?;
                    facts.needed.push(string(&strings, value)?);
                }
                elf::DT_SONAME => facts.soname = Some(string(&strings, value)?),
                elf::DT_RPATH => facts.rpath = Some(string(&strings, value)?),
                elf::DT_RUNPATH => facts.runpath = Some(string(&strings, value)?),
                elf::DT_FLAGS_1 => {
                    facts.pie = value & elf::DF_1_PIE.0 != 0;
                    facts.no_default_libraries = value & elf::DF_1_NODEFLIB.0 != 0;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Finds the dynamic string table by its address among the loaded segments. Returns an empty one if the file has no table: then
    /// only an entry that points into it is an error.
    fn dynamic_strings(&self, address: Option<u64>, size: Option<u64>) -> StringTable<'data, R> {
        let found = address.zip(size).and_then(|(address, size)| {
            self.segments_of(elf::PT_LOAD).find_map(|segment| {
                let inside = address.checked_sub(segment.p_vaddr(self.endian).into())?;
                let length: u64 = segment.p_filesz(self.endian).into();
                let start = inside.checked_add(segment.p_offset(self.endian).into())?;
                // A size past the segment's end is cut there: only strings beyond it cause errors.
                (inside < length).then(|| (start, start.saturating_add(size.min(length - inside))))
            })
        });
        found.map_or_else(StringTable::default, |(start, end)| {
            let length = self.data.len().unwrap_or_default();
            StringTable::new(self.data, start.min(length), end.min(length))
        })
    }

    fn take_notes(&self, facts: &mut Elf) -> Result<(), Error> {
        for segment in self.segments_of(elf::PT_NOTE).take(MAX_NOTE_SEGMENTS) {
            let bytes = self.bytes(segment, "note segment", MAX_NOTES)?;
            notes::take::<H>(facts, self.endian, segment, bytes)?;
        }
        Ok(())
    }

    fn build_id(&self) -> Option<String> {
        let mut facts = Elf::bare(self.class, Endianness::Little, Machine(0), Kind::Other);
        for segment in self.segments_of(elf::PT_NOTE).take(MAX_NOTE_SEGMENTS) {
            // Skips segments that are damaged or beyond the first pages.
            if let Ok(bytes) = self.bytes(segment, "note segment", MAX_NOTES) {
                let _ = notes::take::<H>(&mut facts, self.endian, segment, bytes);
            }
        }
        facts.build_id
    }

    /// Notes whether there is something to strip. Programs run without section headers, so absent or damaged ones mean that there
    /// is nothing.
    fn take_sections(&self, facts: &mut Elf) {
        if self.header.shnum(self.endian, self.data).is_ok_and(|count| count > MAX_SECTIONS) {
            return;
        }
        let Ok(sections) = self.header.sections(self.endian, self.data) else {
            return;
        };
        facts.imports = runtime_deps::imports(self.endian, self.data, &sections);
        facts.glibc = versions::of_glibc(self.endian, self.data, &sections);
        for section in sections.iter() {
            facts.symbols |= section.sh_type(self.endian) == elf::SHT_SYMTAB;
            facts.debug_info |= section.sh_type(self.endian) == elf::SHT_PROGBITS
                && section.sh_flags(self.endian).0 & elf::SHF_ALLOC.0 == 0
                && sections
                    .section_name(self.endian, section)
                    .is_ok_and(|name| name.starts_with(b".debug_") || name.starts_with(b".zdebug_"));
        }
    }
}

fn string<'data, R: ReadRef<'data>>(strings: &StringTable<'data, R>, offset: u64) -> Result<String, Error> {
    let part = "dynamic string table";
    let bytes = u32::try_from(offset)
        .ok()
        .and_then(|offset| strings.get(offset).ok())
        .ok_or_else(|| malformed(part, format!("there is no string at {offset}")))?;
    text(part, bytes)
}

fn text(part: &'static str, bytes: &[u8]) -> Result<String, Error> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| malformed(part, format!("`{}` is not UTF-8", String::from_utf8_lossy(bytes))))
}

pub(crate) fn limit(part: &'static str, size: u64, limit: u64) -> Result<(), Error> {
    if size > limit { Err(Error::TooLarge { part, size, limit }) } else { Ok(()) }
}

pub(crate) fn malformed(part: &'static str, problem: impl Into<String>) -> Error {
    Error::Malformed { part, problem: problem.into() }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
