//! glibc's `/etc/ld.so.cache`: sonames and the paths where `ld.so` finds them.
//!
//! The formats are those of glibc's `sysdeps/generic/dl-cache.h`. The crate reads the old one (`ld.so-1.7.0`), the new one
//! (`glibc-ld.so.cache1.1`, in either byte order) and the new one inside of the old. It writes the new one, little-endian.
//! `ld.so` searches the entries by bisection, so their order is part of the format: descending by the comparison of names
//! that takes runs of digits as numbers.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use tierce_elf::{Class, Elf, Endianness, Kind, Machine};

use crate::{Error, FileTree, Index, NodeKind, path};

const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const OLD_HEADER: usize = 16;
const OLD_ENTRY: usize = 12;
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
/// The tag of the extension section that names the `glibc-hwcaps` folders, as offsets of strings.
const HWCAPS_TAG: u32 = 1;
/// The bit of an entry's hwcap field which says that the low half is an index into that section.
const HWCAPS_ENTRY: u64 = 1 << 62;
/// `FLAG_ELF_LIBC6`: an ELF library that is linked with glibc.
const ELF_LIBC6: u32 = 3;

/// A linker cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LdCache {
    entries: Vec<Entry>,
}

/// One library of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The library's soname.
    pub soname: String,
    /// Its path inside the root, as written.
    pub path: String,
    /// The kind of library: see [`flags_of`].
    pub flags: u32,
    /// Its `glibc-hwcaps` folder, such as `x86-64-v3`: only processors of that level use it.
    pub hwcaps: Option<String>,
}

/// The flags of libraries that a process with this object can load; `None` for an unknown processor.
#[must_use]
pub fn flags_of(elf: &Elf) -> Option<u32> {
    let of_machine = match (elf.machine, elf.class) {
        (Machine::X86_64, Class::Elf64) => 0x0300,
        (Machine::X86_64, Class::Elf32) => 0x0800,
        (Machine::I386, Class::Elf32) => 0,
        (Machine::S390, Class::Elf64) => 0x0400,
        (Machine::PPC64, Class::Elf64) => 0x0500,
        (Machine::AARCH64, Class::Elf64) => 0x0a00,
        (Machine::RISCV, Class::Elf64) => 0x1000,
        _ => return None,
    };
    Some(ELF_LIBC6 | of_machine)
}

impl LdCache {
    /// A cache of these entries, in `ldconfig`'s order; of several for one soname and kind, a lookup finds the first.
    #[must_use]
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| {
            compare_names(&b.soname, &a.soname)
                .then_with(|| b.flags.cmp(&a.flags))
                // `ld.so` stops at the first entry without hwcaps, so those with come before it.
                .then_with(|| b.hwcaps.is_some().cmp(&a.hwcaps.is_some()))
                .then_with(|| a.hwcaps.cmp(&b.hwcaps))
        });
        Self { entries }
    }

    /// Makes the cache that `ldconfig` would make for these directories of a root filesystem, the first one preferred: libraries
    /// and links to them that are named after their soname, in each directory and in its `glibc-hwcaps` folders.
    #[must_use]
    pub fn scan(index: &Index, directories: &[String]) -> Self {
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        for directory in directories {
            let Ok(real) = index.tree().resolve(directory) else { continue };
            if !seen.insert(real.path.clone()) {
                continue;
            }
            for (at, _) in index.tree().below(&real.path) {
                let inside = at[real.path.len()..].trim_start_matches('/');
                let hwcaps = match inside.split('/').collect::<Vec<_>>()[..] {
                    [_] => None,
                    ["glibc-hwcaps", name, _] => Some(name.to_owned()),
                    _ => continue,
                };
                entries.extend(entry(index, at, path::join(directory, inside), hwcaps));
            }
        }
        Self::new(entries)
    }

    /// Keeps the entries that lead to a file of `tree`, such as an image that has a part of the root filesystem.
    #[must_use]
    pub fn restrict(&self, tree: &FileTree) -> Self {
        let leads = |entry: &&Entry| tree.resolve(&entry.path).is_ok();
        Self { entries: self.entries.iter().filter(leads).cloned().collect() }
    }

    /// Adds the entries of another cache for sonames that this one lacks.
    #[must_use]
    pub fn with_others(&self, others: &LdCache) -> Self {
        let others = others.entries.iter().filter(|other| self.lookup(&other.soname, other.flags).next().is_none());
        Self::new(self.entries.iter().chain(others).cloned().collect())
    }

    /// All entries, in the cache's order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries for a soname of one kind, in the order in which `ld.so` considers them.
    pub fn lookup(&self, soname: &str, flags: u32) -> impl Iterator<Item = &Entry> {
        let begin = self.entries.partition_point(|entry| compare_names(&entry.soname, soname) == Ordering::Greater);
        self.entries[begin..]
            .iter()
            .take_while(move |entry| compare_names(&entry.soname, soname) == Ordering::Equal)
            // Names that compare equal may be written differently, `libx.so.01` and `libx.so.1`.
            .filter(move |entry| entry.flags == flags)
    }

    /// Reads a cache file. Leaves out entries for the legacy hardware capabilities, which glibc 2.37 dropped.
    ///
    /// # Errors
    /// [`Error::LdCache`] for a malformed or incomplete cache.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut bytes = bytes;
        if bytes.starts_with(OLD_MAGIC) {
            let count = at(bytes, 12, u32::from_le_bytes)? as usize;
            let end = count.checked_mul(OLD_ENTRY).and_then(|size| size.checked_add(OLD_HEADER));
            let end = end.filter(|&end| end <= bytes.len()).ok_or_else(|| damaged("it ends within its entries"))?;
            match bytes.get(end.next_multiple_of(8)..) {
                Some(rest) if rest.starts_with(MAGIC) => bytes = rest,
                _ => return parse_old(&bytes[OLD_HEADER..end], &bytes[end..]),
            }
        }
        if !bytes.starts_with(MAGIC) {
            return Err(damaged("it does not begin as one"));
        }
        // The flag byte's lowest two bits: 2 is little-endian, 3 big-endian, 0 a cache from before the flag existed.
        let number = match bytes.get(28).map(|flag| flag & 3) {
            Some(0 | 2) => u32::from_le_bytes,
            Some(3) => u32::from_be_bytes,
            _ => return Err(damaged("its byte order is not known")),
        };
        parse_new(bytes, number)
    }

    /// Writes the new format. The same entries give the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let hwcaps: BTreeSet<&str> = self.entries.iter().filter_map(|entry| entry.hwcaps.as_deref()).collect();
        let names = self.entries.iter().flat_map(|entry| [entry.soname.as_str(), entry.path.as_str()]);
        let all: BTreeSet<&str> = names.chain(hwcaps.iter().copied()).collect();
        let mut offset = HEADER + ENTRY * self.entries.len();
        let strings: BTreeMap<&str, u32> = all
            .iter()
            .map(|&text| {
                let at = offset as u32;
                offset += text.len() + 1;
                (text, at)
            })
            .collect();
        let strings_size = offset - HEADER - ENTRY * self.entries.len();
        let extension = if hwcaps.is_empty() { 0 } else { offset.next_multiple_of(4) };

        let mut bytes = MAGIC.to_vec();
        bytes.extend((self.entries.len() as u32).to_le_bytes());
        bytes.extend((strings_size as u32).to_le_bytes());
        bytes.extend([2, 0, 0, 0]);
        bytes.extend((extension as u32).to_le_bytes());
        bytes.resize(HEADER, 0);
        for entry in &self.entries {
            let hwcap = entry.hwcaps.as_deref().map_or(0, |name| {
                HWCAPS_ENTRY | hwcaps.iter().position(|&known| known == name).unwrap_or_default() as u64
            });
            for number in [entry.flags, strings[entry.soname.as_str()], strings[entry.path.as_str()], 0] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(hwcap.to_le_bytes());
        }
        for text in &all {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        if extension != 0 {
            bytes.resize(extension, 0);
            let data = extension as u32 + 8 + 16;
            for number in [EXTENSION_MAGIC, 1, HWCAPS_TAG, 0, data, 4 * hwcaps.len() as u32] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(hwcaps.iter().flat_map(|name| strings[name].to_le_bytes()));
        }
        bytes
    }
}

/// The entry for the library, or the link to one, at `at`, if it is named after its soname.
fn entry(index: &Index, at: &str, path: String, hwcaps: Option<String>) -> Option<Entry> {
    let name = path::file_name(at);
    if matches!(index.tree().get(at)?.kind, NodeKind::Directory) || !name.contains(".so") {
        return None;
    }
    let elf = index.content(&index.tree().resolve(at).ok()?.path)?.elf()?;
    let is_library = elf.kind == Kind::Shared && elf.endianness == Endianness::Little;
    (is_library && elf.soname.as_deref().unwrap_or(name) == name)
        .then(|| Some(Entry { soname: name.to_owned(), path, flags: flags_of(elf)?, hwcaps }))?
}

fn parse_old(entries: &[u8], strings: &[u8]) -> Result<LdCache, Error> {
    let number = u32::from_le_bytes;
    let mut parsed = Vec::with_capacity(entries.len() / OLD_ENTRY);
    for entry in entries.chunks_exact(OLD_ENTRY) {
        parsed.push(Entry {
            flags: at(entry, 0, number)?,
            soname: string(strings, at(entry, 4, number)?)?,
            path: string(strings, at(entry, 8, number)?)?,
            hwcaps: None,
        });
    }
    Ok(LdCache::new(parsed))
}

fn parse_new(bytes: &[u8], number: fn([u8; 4]) -> u32) -> Result<LdCache, Error> {
    let count = at(bytes, 20, number)? as usize;
    let entries = count
        .checked_mul(ENTRY)
        .and_then(|size| bytes.get(HEADER..)?.get(..size))
        .ok_or_else(|| damaged("it ends within its entries"))?;
    let hwcaps = hwcaps_section(bytes, at(bytes, 32, number)?, number)?;
    let mut parsed = Vec::with_capacity(count);
    for entry in entries.chunks_exact(ENTRY) {
        let (low, high) = match number([1, 0, 0, 0]) {
            1 => (at(entry, 16, number)?, at(entry, 20, number)?),
            _ => (at(entry, 20, number)?, at(entry, 16, number)?),
        };
        // The high half: ten bits of a level, which the folder's name says too, and the mark.
        let hwcaps = match (high & !0x3ff, high, low) {
            (_, 0, 0) => None,
            (0x4000_0000, _, index) => Some(
                hwcaps
                    .get(index as usize)
                    .cloned()
                    .ok_or_else(|| damaged("an entry names hwcaps that are not there"))?,
            ),
            _ => continue,
        };
        parsed.push(Entry {
            flags: at(entry, 0, number)?,
            soname: string(bytes, at(entry, 4, number)?)?,
            path: string(bytes, at(entry, 8, number)?)?,
            hwcaps,
        });
    }
    Ok(LdCache::new(parsed))
}

/// The names of the `glibc-hwcaps` folders, from the extension directory.
fn hwcaps_section(bytes: &[u8], extension: u32, number: fn([u8; 4]) -> u32) -> Result<Vec<String>, Error> {
    let start = extension as usize;
    if start == 0 {
        return Ok(Vec::new());
    }
    let directory = bytes.get(start..).ok_or_else(|| damaged("its extensions lie outside of it"))?;
    if at(directory, 0, number)? != EXTENSION_MAGIC {
        return Err(damaged("its extensions do not begin as such"));
    }
    for section in directory[8..].chunks_exact(16).take(at(directory, 4, number)? as usize) {
        if at(section, 0, number)? != HWCAPS_TAG {
            continue;
        }
        let (offset, size) = (at(section, 8, number)? as usize, at(section, 12, number)? as usize);
        let names = bytes
            .get(offset..)
            .and_then(|rest| rest.get(..size))
            .ok_or_else(|| damaged("its hwcaps lie outside of it"))?;
        return names.chunks_exact(4).map(|name| string(bytes, at(name, 0, number)?)).collect();
    }
    Ok(Vec::new())
}

fn at(bytes: &[u8], offset: usize, number: fn([u8; 4]) -> u32) -> Result<u32, Error> {
    bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map(|word| number(*word))
        .ok_or_else(|| damaged("it ends early"))
}

fn string(bytes: &[u8], offset: u32) -> Result<String, Error> {
    let rest = bytes.get(offset as usize..).ok_or_else(|| damaged("a string lies outside of it"))?;
    // Without a limit, a cache whose entries share one huge string would take the square of its size.
    let rest = &rest[..rest.len().min(path::MAX_LENGTH + 1)];
    let end = rest.iter().position(|&byte| byte == 0).ok_or_else(|| damaged("a string has no end"))?;
    String::from_utf8(rest[..end].to_vec()).map_err(|_| damaged("a string is not UTF-8"))
}

fn damaged(problem: &str) -> Error {
    Error::LdCache { problem: problem.to_owned() }
}

/// glibc's `_dl_cache_libcmp`: runs of digits compare as numbers and come after everything else.
fn compare_names(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let (digits_a, digits_b) = (digits(a), digits(b));
        let (first, second) = match (digits_a, digits_b) {
            (0, 0) => match (a.split_first(), b.split_first()) {
                (None, None) => return Ordering::Equal,
                (None, Some(_)) => return Ordering::Less,
                (Some(_), None) => return Ordering::Greater,
                (Some((x, rest_a)), Some((y, rest_b))) if x == y => {
                    (a, b) = (rest_a, rest_b);
                    continue;
                }
                // glibc compares `char`s, which are signed on x86 and not elsewhere; file names in use are ASCII.
                (Some((x, _)), Some((y, _))) => return x.cmp(y),
            },
            (0, _) => return Ordering::Less,
            (_, 0) => return Ordering::Greater,
            _ => (a.split_at(digits_a), b.split_at(digits_b)),
        };
        let without_zeros = |run: &[u8]| run.iter().position(|&byte| byte != b'0').map_or(run.len(), |at| at);
        let (run_a, run_b) = (&first.0[without_zeros(first.0)..], &second.0[without_zeros(second.0)..]);
        let order = run_a.len().cmp(&run_b.len()).then_with(|| run_a.cmp(run_b));
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (first.1, second.1);
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
#[path = "ld_cache_tests.rs"]
mod tests;
