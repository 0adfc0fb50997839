//! The fields of a tar header (POSIX.1, ustar interchange format).

/// Each field's first byte and name.
const FIELDS: [(u64, &str); 15] = [
    (0, "the name"),
    (100, "the mode"),
    (108, "the user"),
    (116, "the group"),
    (124, "the size"),
    (136, "the time"),
    (148, "the checksum"),
    (156, "the type"),
    (157, "the link's target"),
    (257, "the format"),
    (265, "the user's name"),
    (297, "the group's name"),
    (329, "the device's number"),
    (345, "the name's beginning"),
    (500, "the padding"),
];

/// Returns the field that a byte of an archive belongs to if it is part of a header. Headers begin at multiples of 512.
#[must_use]
pub fn header_field(offset: u64) -> &'static str {
    let at = offset % 512;
    FIELDS.iter().rev().find(|(start, _)| *start <= at).map_or("the name", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_agree_with_the_tar_crate() {
        let written = |set: fn(&mut tar::Header)| {
            let (mut before, mut after) = (tar::Header::new_ustar(), tar::Header::new_ustar());
            before.set_cksum();
            set(&mut after);
            let first = before.as_bytes().iter().zip(after.as_bytes()).position(|(a, b)| a != b).unwrap();
            header_field(512 * 3 + first as u64)
        };
        type Set = fn(&mut tar::Header);
        let cases: [(Set, &str); 6] = [
            (|header| header.set_path("x").unwrap(), "the name"),
            (|header| header.set_mode(0o777), "the mode"),
            (|header| header.set_uid(1), "the user"),
            (|header| header.set_size(1), "the size"),
            (|header| header.set_mtime(1), "the time"),
            (|header| header.set_username("x").unwrap(), "the checksum"),
        ];
        for (set, expected) in cases {
            assert_eq!(written(set), expected);
        }
        assert_eq!((header_field(265), header_field(511)), ("the user's name", "the padding"));
    }
}
