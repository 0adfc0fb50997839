use super::*;
use std::io::Cursor;

/// Formats the difference of two contents that are parts of larger streams.
fn lines(before: &[u8], after: &[u8]) -> Vec<String> {
    let within = |bytes: &[u8]| Cursor::new([b"before it", bytes, b"behind it"].concat());
    let (mut old, mut new) = (within(before), within(after));
    let part = |bytes: &[u8]| 9..9 + bytes.len() as u64;
    let difference = content_difference(
        &mut Part { stream: &mut old, range: part(before) },
        &mut Part { stream: &mut new, range: part(after) },
    );
    difference.unwrap().map(|difference| difference.lines("there", "built")).unwrap_or_default()
}

#[test]
fn texts_differ_in_lines_data_in_bytes() {
    let long = "x".repeat(100_000);
    let many = "line\n".repeat(20_000);
    let zeros = |last: u8| [&[0; 70_000][..], &[last]].concat();
    let in_long = |middle: char| format!("{long}{middle}{long}").into_bytes();
    let after_many = |last: char| format!("{many}{last}").into_bytes();
    let in_long_line = format!("line 1: {:?} there, {:?} built", excerpt('a'), excerpt('b'));
    let cases: &[(&[u8], &[u8], &[&str])] = &[
        (b"same", b"same", &[]),
        (b"", b"", &[]),
        (b"a\nb\nc\n", b"a\nB\nc\n", &["line 2: \"b\" there, \"B\" built"]),
        (b"a\n", b"a\nb\n", &["line 2: no line there, \"b\" built"]),
        (b"a\nb", b"a\n", &["line 2: \"b\" there, no line built"]),
        (b"a\n\nc\n", b"a\nc\n", &["line 2: \"\" there, \"c\" built"]),
        ("ä\n".as_bytes(), "ö\n".as_bytes(), &["line 1: \"ä\" there, \"ö\" built"]),
        (b"\0\x01\x02", b"\0\x01\x03\x04", &["bytes from 0x2 on: 02 there, 0304 built"]),
        (b"\0", b"", &["bytes from 0x0 on: 00 there, no more built"]),
        (b"\xff\xfe1", b"\xff\xfe2", &["bytes from 0x2 on: 31 there, 32 built"]),
        (&zeros(b'a'), &zeros(b'b'), &["bytes from 0x11170 on: 61 there, 62 built"]),
        (&after_many('a'), &after_many('b'), &["line 20001: \"a\" there, \"b\" built"]),
        (&in_long('a'), &in_long('b'), &[&in_long_line]),
    ];
    for (before, after, expected) in cases {
        assert_eq!(lines(before, after), *expected);
    }
}

/// The excerpt of a long line with this character in its middle.
fn excerpt(differs: char) -> String {
    format!("{}{differs}{}", "x".repeat(40), "x".repeat(79))
}

/// A 64-bit ELF file of these sections, with nothing else in it: header, contents, names, table.
fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = vec![0; 64];
    let (mut names, mut table) = (vec![0], vec![0; 64]);
    for (name, bytes) in sections.iter().copied().chain([(".names", &b""[..])]) {
        let name_at = names.len() as u32;
        names.extend(name.bytes().chain([0]));
        let (kind, content) = if name == ".names" { (3_u32, &names[..]) } else { (1, bytes) };
        table.extend([name_at.to_le_bytes(), kind.to_le_bytes()].concat());
        let numbers = [0, 0, file.len() as u64, content.len() as u64, 0, 1, 0];
        table.extend(numbers.iter().flat_map(|number: &u64| number.to_le_bytes()));
        file.extend(content);
    }
    file[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
    for (at, value) in
        [(16, 1_u16), (18, 62), (52, 64), (58, 64), (60, sections.len() as u16 + 2), (62, sections.len() as u16 + 1)]
    {
        file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    file[20] = 1;
    let table_at = (file.len() as u64).to_le_bytes();
    file[40..48].copy_from_slice(&table_at);
    file.extend(table);
    file
}

#[test]
fn elf_files_differ_in_sections() {
    let same: (&str, &[u8]) = (".same", b"same");
    type Sections<'case> = &'case [(&'case str, &'case [u8])];
    let cases: &[(Sections<'_>, Sections<'_>, &[&str])] = &[
        (
            &[same, (".note", b"abcd")],
            &[same, (".note", b"abXd")],
            &["section .note (4 bytes at 0x44) from 0x2 on: 6364 there, 5864 built"],
        ),
        (
            &[same, (".data", b"abc")],
            &[same, (".data", b"ab")],
            &["section .data (3 bytes at 0x44 there, 2 bytes at 0x44 built) from 0x2 on: 63 there, no more built"],
        ),
        (
            &[(".data", b"1"), (".data", b"2")],
            &[(".data", b"1"), (".data", b"3")],
            &["section .data (1 bytes at 0x41) from 0x0 on: 32 there, 33 built"],
        ),
    ];
    for (before, after, expected) in cases {
        let found = lines(&elf(before), &elf(after));
        assert_eq!(found, *expected);
    }
    let only = lines(&elf(&[same, (".old", b"1")]), &elf(&[same, (".new", b"1")]));
    let expected = [
        "section .old (1 bytes at 0x44) there only",
        "section .names (19 bytes at 0x45) from 0x8 on: 6f6c64002e6e616d657300 there, 6e6577002e6e616d657300 built",
        "section .new (1 bytes at 0x44) built only",
    ];
    assert_eq!(only, expected);
}

#[test]
fn equal_sections_differ_in_bytes() {
    let before = elf(&[(".same", b"same")]);
    let mut after = before.clone();
    // The flags of the header are in no section.
    after[0x30] = 7;
    let expected = "bytes from 0x30 on: 00000000400000000000400003000200 there, 07000000400000000000400003000200 built";
    assert_eq!(lines(&before, &after), [expected]);
}

#[test]
fn damaged_elf_differs_in_bytes() {
    assert_eq!(lines(b"\x7fELF\x02damaged a", b"\x7fELF\x02damaged b"), ["bytes from 0xd on: 61 there, 62 built"]);
}
