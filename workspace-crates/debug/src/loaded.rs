//! The code of a process: its mapped files, each with the build-id in its memory. The build-id is right even if the file was
//! replaced or removed since the start.

use std::io::{self, Read, Seek, SeekFrom};

use tierce_docker::Docker;
use tierce_elf::Elf;

use crate::errand::Errands;
use crate::frames::Frames;
use crate::maps::mapped_files;
use crate::{Error, Options, Target};

/// A mapped file with code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedFile {
    /// Its path in the target.
    pub path: String,
    /// The build-id in memory, in lower-case hexadecimal; none if the file was linked without one.
    pub build_id: Option<String>,
    /// The current file at the path.
    pub now: FileNow,
}

/// The current file at the path of running code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileNow {
    /// The same file.
    Same {
        /// Whether it has a symbol table.
        symbol_table: bool,
        /// Whether it contains debugging sections.
        debug_info: bool,
    },
    /// Another ELF file, with this build-id.
    Other(Option<String>),
    /// No ELF file.
    Gone,
}

/// Lists the loaded files of a process, with a container of the toolbox.
///
/// `has_symbols` tells whether symbols of a build-id exist elsewhere. If not, the file's own symbols count.
///
/// # Errors
/// [`Error::NoProcess`]; [`Error::NoTool`] for a toolbox without a shell; the daemon's.
pub fn loaded(
    docker: &Docker,
    target: &Target,
    options: &Options,
    pid: u32,
    has_symbols: impl Fn(&str) -> bool,
) -> Result<Vec<LoadedFile>, Error> {
    let errands = Errands { docker, target, options };
    let frames = errands.ask(include_str!("scripts/loaded.sh"), &[pid.to_string()])?;
    let mut files = read(&frames).ok_or_else(|| Error::NoProcess { pid, name: target.name().to_owned() })?;
    for file in &mut files {
        // Some link editors put the names of the sections before larger tables. Then only the whole file has them.
        if let FileNow::Same { symbol_table: true, debug_info: debug_info @ false } = &mut file.now
            && !file.build_id.as_deref().is_some_and(&has_symbols)
        {
            *debug_info = reads_debug_info(docker, target, &file.path)?;
        }
    }
    Ok(files)
}

/// Whether a file of the target has debugging sections.
fn reads_debug_info(docker: &Docker, target: &Target, path: &str) -> Result<bool, Error> {
    let failed = |source| Error::File { verb: "read the target's", path: path.into(), source };
    let archive = match docker.copy_out(target.id(), path) {
        Ok(archive) => archive,
        // The path may belong to another namespace, or no longer exist.
        Err(tierce_docker::Error::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let mut archive = tar::Archive::new(archive);
    let Some(entry) = archive.entries().map_err(failed)?.next() else { return Ok(false) };
    let mut copy = tempfile::tempfile().map_err(failed)?;
    let length = io::copy(&mut entry.map_err(failed)?, &mut copy).map_err(failed)?;
    Ok(Elf::read(&mut copy, 0..length).ok().flatten().is_some_and(|elf| elf.debug_info))
}

/// Reads the output of `scripts/loaded.sh`; none if the process was not readable.
fn read(frames: &Frames) -> Option<Vec<LoadedFile>> {
    let maps = frames.text("maps").filter(|maps| !maps.is_empty())?;
    let mut files = Vec::new();
    for mapped in mapped_files(&maps) {
        let frame = |kind: &str| frames.get(&format!("{kind} {}", mapped.start));
        let Some(memory) = frame("memory").filter(|memory| memory.starts_with(b"\x7fELF")) else { continue };
        let build_id = Elf::build_id_in(memory);
        let size = frame("size").and_then(|size| std::str::from_utf8(size).ok()?.trim().parse().ok());
        let on_disk = size.and_then(|size| {
            let mut ends = Ends { size, first: frame("first")?, last: frame("last")?, position: 0 };
            Elf::read(&mut ends, 0..size).ok()?
        });
        let now = match on_disk {
            None => FileNow::Gone,
            Some(elf) if elf.build_id == build_id => {
                FileNow::Same { symbol_table: elf.symbols, debug_info: elf.debug_info }
            }
            Some(elf) => FileNow::Other(elf.build_id),
        };
        files.push(LoadedFile { path: mapped.path, build_id, now });
    }
    (!files.is_empty()).then_some(files)
}

/// A file with both ends known and zeros between. An ELF file has its headers and notes at the beginning, and the table of its
/// sections and their names at the end.
struct Ends<'f> {
    size: u64,
    first: &'f [u8],
    last: &'f [u8],
    position: u64,
}

impl Ends<'_> {
    fn byte(&self, at: u64) -> u8 {
        let of = |bytes: &[u8], at: u64| usize::try_from(at).ok().and_then(|at| bytes.get(at)).copied();
        let last = at.checked_sub(self.size.saturating_sub(self.last.len() as u64));
        of(self.first, at).or_else(|| of(self.last, last?)).unwrap_or(0)
    }
}

impl Read for Ends<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        for slot in &mut buffer[..length] {
            *slot = self.byte(self.position);
            self.position += 1;
        }
        Ok(length)
    }
}

impl Seek for Ends<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The script's output for this process, with the program's file replaced by `on_disk`.
    fn frames(program: &str, deleted: bool, memory: &[u8], on_disk: Option<&[u8]>) -> Frames {
        let name = if deleted { format!("{program} (deleted)") } else { program.to_owned() };
        let maps = format!("10000-20000 r-xp 00000000 00:2f 1  {name}\n");
        let mut told = Vec::new();
        let mut frame = |name: &str, bytes: &[u8]| {
            told.extend(format!("{} {name}\n", bytes.len()).into_bytes());
            told.extend(bytes);
        };
        frame("maps", maps.as_bytes());
        frame("memory 10000", &memory[..memory.len().min(16_384)]);
        if let Some(bytes) = on_disk {
            frame("size 10000", format!("{}\n", bytes.len()).as_bytes());
            frame("first 10000", &bytes[..bytes.len().min(16_384)]);
            frame("last 10000", &bytes[bytes.len().saturating_sub(32_768)..]);
        }
        Frames::read(&told)
    }

    #[test]
    fn replaced_and_removed_files_are_detected() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let id = Elf::parse(&own).unwrap().unwrap().build_id;
        assert!(id.is_some(), "this program has a build-id");
        let text = id.clone().unwrap();
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect();
        let at = own.windows(bytes.len()).position(|window| window == bytes).unwrap();
        let mut other = own.clone();
        other[at] ^= 0xff;
        let id_of_other = format!("{:02x}{}", other[at], &text[2..]);
        for (deleted, on_disk, expected) in [
            (false, Some(&own), FileNow::Same { symbol_table: true, debug_info: false }),
            (false, Some(&other), FileNow::Other(Some(id_of_other))),
            (false, Some(&b"text".to_vec()), FileNow::Gone),
            (false, None, FileNow::Gone),
            (true, None, FileNow::Gone),
            (true, Some(&own), FileNow::Same { symbol_table: true, debug_info: false }),
        ] {
            let mut files = read(&frames("/usr/bin/web", deleted, &own, on_disk.map(Vec::as_slice))).unwrap();
            if let FileNow::Same { debug_info, .. } = &mut files[0].now {
                // Some link editors put the names elsewhere.
                *debug_info = false;
            }
            let file = LoadedFile { path: "/usr/bin/web".into(), build_id: id.clone(), now: expected };
            assert_eq!(files, [file]);
        }
    }

    #[test]
    fn other_files_are_skipped() {
        assert_eq!(read(&Frames::default()), None);
        assert_eq!(read(&Frames::read(b"0 maps\n")), None);
        assert_eq!(read(&frames("/usr/share/data", false, b"no ELF file", None)), None);
    }

    #[test]
    fn ends_read_as_file_with_zeros() {
        for (size, first, last, expected) in
            [(9, "abc", "xyz", "abc\0\0\0xyz"), (3, "abc", "abc", "abc"), (4, "abc", "bcd", "abcd"), (0, "", "", "")]
        {
            let mut ends = Ends { size, first: first.as_bytes(), last: last.as_bytes(), position: 0 };
            let mut text = String::new();
            ends.read_to_string(&mut text).unwrap();
            assert_eq!(text, expected);
        }
    }
}
