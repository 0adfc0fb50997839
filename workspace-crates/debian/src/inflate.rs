//! Writes a `.deb` again with its data archive unpacked, so that several packages can be decompressed side by side.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::compression::{decompress, limited};
use crate::deb::{MAX_DATA, next_member};

/// Where the size begins in a member's header, and the columns of a header (ar(5)).
const SIZE_AT: i64 = 48;
const HEADER: i64 = 60;

/// Copies a `.deb` up to its data archive, which it decompresses. [`crate::write_root`] reads the result as it reads the
/// original, and checks it: this function looks at no content.
///
/// # Errors
/// Those of both files; corrupt data, and a data archive of more than 2 GiB.
pub fn inflate(mut deb: impl Read, out: &mut (impl Write + Seek)) -> io::Result<()> {
    let mut magic = [0; 8];
    deb.read_exact(&mut magic)?;
    out.write_all(&magic)?;
    while let Some((name, size)) = next_member(&mut deb)? {
        if name.starts_with("data.tar") {
            return write_data(deb.take(size), out);
        }
        out.write_all(header(&name, size).as_bytes())?;
        let padded = size.saturating_add(size % 2);
        io::copy(&mut (&mut deb).take(padded), out)?;
    }
    Ok(())
}

/// Writes the data archive; its size is known at its end.
fn write_data(data: impl Read, out: &mut (impl Write + Seek)) -> io::Result<()> {
    out.write_all(header("data.tar", 0).as_bytes())?;
    let size = io::copy(&mut limited(decompress(data)?, MAX_DATA), out)?;
    out.seek(SeekFrom::Current(SIZE_AT - HEADER - size.cast_signed()))?;
    out.write_all(format!("{size:<10}").as_bytes())?;
    out.seek(SeekFrom::End(0)).map(drop)
}

fn header(name: &str, size: u64) -> String {
    format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::fixture::DebFile;
    use crate::{Deb, write_root};

    fn root(deb: &Deb, file: &[u8]) -> Result<Vec<u8>, String> {
        write_root([(deb, Ok(file))], &[], 0, Vec::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn root_of_an_inflated_package_is_the_same() {
        let file =
            DebFile::new("a", "1").control_file("postinst", 0o755, b"odd").file("./usr/bin/a", 0o755, b"content");
        let mut inflated = Cursor::new(Vec::new());
        inflate(&file.bytes()[..], &mut inflated).expect("a package");
        assert_eq!(root(&file.deb(), inflated.get_ref()), root(&file.deb(), &file.bytes()));
        assert!(root(&file.deb(), inflated.get_ref()).is_ok());
    }

    #[test]
    fn what_is_no_package_stays_an_error() {
        let file = DebFile::new("a", "1");
        let whole = file.bytes();
        for (name, bytes) in
            [("no archive", b"PK345678".to_vec()), ("cut", whole[..whole.len() / 2].to_vec()), ("empty", vec![])]
        {
            let mut inflated = Cursor::new(Vec::new());
            let written = inflate(&bytes[..], &mut inflated);
            assert!(written.is_err() || root(&file.deb(), inflated.get_ref()).is_err(), "{name}");
        }
    }
}
