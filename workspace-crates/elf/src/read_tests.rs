use std::io::Cursor;

use proptest::prelude::*;

use crate::{Class, Elf, Endianness, Error, Kind, Machine};

/// A dynamic program made from its parts: one loaded segment that is the whole file, at a virtual address of its own.
struct Sample {
    class: Class,
    endianness: Endianness,
    interpreter: &'static str,
    dynamic: Vec<(u64, &'static str)>,
    flags_1: u64,
    notes: Vec<(&'static [u8], u32, Vec<u8>)>,
}

const ADDRESS: u64 = 0x40_0000;
const NEEDED: u64 = 1;
const SONAME: u64 = 14;
const RPATH: u64 = 15;
const RUNPATH: u64 = 29;

impl Sample {
    fn word(&self, bytes: &mut Vec<u8>, value: u64, size: usize) {
        match self.endianness {
            Endianness::Little => bytes.extend(&value.to_le_bytes()[..size]),
            Endianness::Big => bytes.extend(&value.to_be_bytes()[8 - size..]),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let native = if self.class == Class::Elf64 { 8 } else { 4 };
        let (header, segment) = if native == 8 { (64, 56) } else { (52, 32) };
        let interpreter = [self.interpreter.as_bytes(), b"\0"].concat();
        let mut strings = vec![0];
        let mut entries: Vec<(u64, u64)> = Vec::new();
        for (tag, text) in &self.dynamic {
            entries.push((*tag, strings.len() as u64));
            strings.extend(text.as_bytes());
            strings.push(0);
        }
        let mut notes = Vec::new();
        for (vendor, kind, descriptor) in &self.notes {
            self.word(&mut notes, vendor.len() as u64, 4);
            self.word(&mut notes, descriptor.len() as u64, 4);
            self.word(&mut notes, u64::from(*kind), 4);
            for part in [*vendor, descriptor] {
                notes.extend(part);
                notes.resize(notes.len().next_multiple_of(4), 0);
            }
        }
        let at_interpreter = header + 4 * segment;
        let at_strings = at_interpreter + interpreter.len() as u64;
        let at_notes = (at_strings + strings.len() as u64).next_multiple_of(4);
        let at_dynamic = (at_notes + notes.len() as u64).next_multiple_of(8);
        entries.extend([(5, ADDRESS + at_strings), (10, strings.len() as u64), (0x6fff_fffb, self.flags_1), (0, 0)]);
        let dynamic = entries.len() as u64 * 2 * native as u64;
        let total = at_dynamic + dynamic;

        let mut file = b"\x7fELF".to_vec();
        file.extend([native as u8 / 4, if self.endianness == Endianness::Little { 1 } else { 2 }, 1]);
        file.resize(16, 0);
        for (value, size) in [(3, 2), (62, 2), (1, 4), (0, native), (header, native), (0, native), (0, 4)] {
            self.word(&mut file, value, size);
        }
        for value in [header, segment, 4, 0, 0, 0] {
            self.word(&mut file, value, 2);
        }
        for (kind, offset, size) in [
            (1, 0, total),
            (3, at_interpreter, interpreter.len() as u64),
            (2, at_dynamic, dynamic),
            (4, at_notes, notes.len() as u64),
        ] {
            self.word(&mut file, kind, 4);
            if native == 8 {
                self.word(&mut file, 4, 4);
            }
            for value in [offset, ADDRESS + offset, ADDRESS + offset, size, size] {
                self.word(&mut file, value, native);
            }
            if native == 4 {
                self.word(&mut file, 4, 4);
            }
            self.word(&mut file, 4, native);
        }
        file.extend(interpreter);
        file.extend(strings);
        file.resize(at_notes as usize, 0);
        file.extend(notes);
        file.resize(at_dynamic as usize, 0);
        for (tag, value) in entries {
            self.word(&mut file, tag, native);
            self.word(&mut file, value, native);
        }
        file
    }
}

fn sample(class: Class, endianness: Endianness) -> Sample {
    Sample {
        class,
        endianness,
        interpreter: "/lib64/ld-linux-x86-64.so.2",
        dynamic: vec![
            (NEEDED, "libz.so.1"),
            (NEEDED, "libc.so.6"),
            (SONAME, "libself.so.1"),
            (RPATH, "/old"),
            (RUNPATH, "$ORIGIN/../lib:/opt/lib"),
        ],
        flags_1: 0x0800_0800,
        notes: vec![
            (b"GNU\0", 3, vec![0xab, 0xcd, 0x01]),
            (b"FDO\0", 0x407c_0c0a, br#"[{"soname":["libx.so.1"],"feature":"x"}]"#.to_vec()),
        ],
    }
}

#[test]
fn every_class_and_byte_order_is_read() {
    for class in [Class::Elf32, Class::Elf64] {
        for endianness in [Endianness::Little, Endianness::Big] {
            let bytes = sample(class, endianness).bytes();
            let facts = Elf::parse(&bytes).unwrap().unwrap();
            assert_eq!((facts.class, facts.endianness), (class, endianness));
            assert_eq!((facts.machine, facts.kind), (Machine::X86_64, Kind::Shared));
            assert_eq!(facts.interpreter.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
            assert_eq!(facts.needed, ["libz.so.1", "libc.so.6"]);
            assert_eq!(facts.soname.as_deref(), Some("libself.so.1"));
            assert_eq!(facts.rpath.as_deref(), Some("/old"));
            assert_eq!(facts.runpath.as_deref(), Some("$ORIGIN/../lib:/opt/lib"));
            assert!(facts.dynamic && facts.pie && facts.no_default_libraries);
            assert_eq!(facts.build_id.as_deref(), Some("abcd01"));
            assert_eq!(facts.dlopen[0].soname, ["libx.so.1"]);
            assert!(!facts.symbols && !facts.debug_info && !facts.malformed_dlopen_note);

            let archive = [b"before".as_slice(), &bytes, b"behind"].concat();
            let range = 6..6 + bytes.len() as u64;
            assert_eq!(Elf::read(&mut Cursor::new(archive), range).unwrap().unwrap(), facts);
            let text = serde_json::to_string(&facts).unwrap();
            assert_eq!(serde_json::from_str::<Elf>(&text).unwrap(), facts, "{text}");
        }
    }
}

#[test]
fn build_id_needs_first_pages_only() {
    for class in [Class::Elf32, Class::Elf64] {
        for endianness in [Endianness::Little, Endianness::Big] {
            let bytes = sample(class, endianness).bytes();
            let behind_notes = bytes.windows(3).position(|window| window == [0xab, 0xcd, 0x01]).unwrap() + 100;
            let id = |bytes: &[u8]| Elf::build_id_in(bytes);
            assert_eq!(id(&bytes[..behind_notes.min(bytes.len())]).as_deref(), Some("abcd01"));
            let of_page = [&bytes[..], &[0x7f; 4096]].concat();
            assert_eq!(id(&of_page).as_deref(), Some("abcd01"));
            for end in 0..behind_notes - 100 {
                assert_eq!(id(&bytes[..end]), None, "{end}");
            }
        }
    }
    assert_eq!(Elf::build_id_in(b"\x7fELF\x09 no class"), None);
}

#[test]
fn other_files_are_not_elf() {
    for bytes in [b"".as_slice(), b"\x7fEL", b"\x7fELF", b"#!/bin/sh\nexec true\n"] {
        assert_eq!(Elf::parse(bytes).unwrap(), None);
    }
}

#[test]
fn hostile_files_are_refused_by_name() {
    let good = || sample(Class::Elf64, Endianness::Little).bytes();
    let patched = |at: usize, with: &[u8]| {
        let mut bytes = good();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    let segment = |index: usize, field: usize| 64 + index * 56 + field;
    let cases: &[(&str, Vec<u8>)] = &[
        ("failed to read the ELF identification: class 9 is neither 32-bit nor 64-bit", patched(4, &[9])),
        ("failed to read the ELF header: Unsupported ELF header", patched(5, &[7])),
        ("failed to read the ELF header: Invalid ELF header size or alignment", good()[..20].to_vec()),
        ("failed to read the ELF program headers: 112000 is more than the limit of 65536", patched(56, &[0xd0, 7])),
        (
            "failed to read the ELF interpreter: 1099511627776 is more than the limit of 4096",
            patched(segment(1, 32), &(1_u64 << 40).to_le_bytes()),
        ),
        ("failed to read the ELF interpreter: it has no end", patched(segment(1, 32), &[4])),
        ("failed to read the ELF interpreter: it lies outside of the file", patched(segment(1, 8), &[0xff; 8])),
        (
            "failed to read the ELF dynamic section: 4294967296 is more than the limit of 1048576",
            patched(segment(2, 32), &(1_u64 << 32).to_le_bytes()),
        ),
        ("failed to read the ELF dynamic string table: there is no string at 1", patched(segment(0, 16), &[0xff; 8])),
    ];
    for (expected, bytes) in cases {
        let error: Error = Elf::parse(bytes).unwrap_err();
        assert_eq!(error.to_string(), *expected);
    }
}

#[test]
fn own_program_is_a_pie_with_symbols() {
    let facts = Elf::parse(&std::fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap().unwrap();
    assert!(facts.symbols && facts.debug_info);
    assert_eq!(facts.is_static_program(), facts.interpreter.is_none());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..2048), ident in 0..4_u8) {
        let magic = [0x7f, b'E', b'L', b'F', 1 + ident % 2, 1 + ident / 2, 1];
        if bytes.len() > magic.len() {
            bytes[..magic.len()].copy_from_slice(&magic);
        }
        let _ = Elf::parse(&bytes);
    }

    #[test]
    fn mutated_files_never_panic_and_both_ways_agree(
        class in prop_oneof![Just(Class::Elf32), Just(Class::Elf64)],
        little in any::<bool>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..24),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = sample(class, if little { Endianness::Little } else { Endianness::Big }).bytes();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len() * 4).max(16));
        let whole = Elf::parse(&bytes);
        let ranged = Elf::read(&mut Cursor::new(&bytes), 0..bytes.len() as u64);
        // A stream's strings end at 4 KiB; a file this small has none longer.
        prop_assert_eq!(whole.ok(), ranged.ok());
    }
}
