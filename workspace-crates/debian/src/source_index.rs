//! Parses `Sources`: the mirror's index of the source packages of a component.

use crate::release::is_sha256;
use crate::{Error, Paragraph, Version, control};

/// One source package, borrowed from the text.
#[derive(Debug)]
pub struct IndexedSource<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its version.
    pub version: Version<'t>,
    /// The folder of its files, below the mirror's base.
    pub directory: &'t str,
    /// Its files, without signatures of upstream.
    pub files: Vec<IndexedFile<'t>>,
}

/// A file of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedFile<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its size, in bytes.
    pub size: u64,
    /// Its digest, as hexadecimal digits.
    pub sha256: &'t str,
}

impl<'t> IndexedSource<'t> {
    /// Parses the packages of a `Sources` text whose names `wanted` accepts, in the order of the text.
    ///
    /// # Errors
    /// [`Error::Syntax`], or [`Error::Field`] and [`Error::Version`] of a wanted package.
    pub fn parse(text: &'t str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Self>, Error> {
        let mut sources = Vec::new();
        for paragraph in control::paragraphs("Sources", text) {
            let paragraph = paragraph?;
            if wanted(paragraph.require("Sources", "Package")?) {
                sources.push(Self::read(&paragraph)?);
            }
        }
        Ok(sources)
    }

    fn read(paragraph: &Paragraph<'t>) -> Result<Self, Error> {
        let name = paragraph.require("Sources", "Package")?;
        let directory = paragraph.require(name, "Directory")?;
        if !crate::path::is_plain(directory) {
            return Err(Error::field(name, "Directory", format!("`{directory}` is not a path below a mirror")));
        }
        let mut files = Vec::new();
        for line in paragraph.lines("Checksums-Sha256") {
            let file = read_file(line).ok_or_else(|| {
                Error::field(name, "Checksums-Sha256", format!("`{line}` is not a digest, a size and a name"))
            })?;
            if !file.name.ends_with(".asc") {
                files.push(file);
            }
        }
        Ok(Self { name, version: Version::parse(paragraph.require(name, "Version")?)?, directory, files })
    }
}

fn read_file(line: &str) -> Option<IndexedFile<'_>> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [sha256, size, name] = words[..] else { return None };
    let valid = is_sha256(sha256) && crate::path::is_plain(name) && !name.contains('/');
    Some(IndexedFile { name, size: size.parse().ok()?, sha256 }).filter(|_| valid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> String {
        let digest = "ab".repeat(32);
        format!(
            "Package: expat\nBinary: libexpat1\nVersion: 2.5.0-1+deb12u2\nDirectory: pool/main/e/expat\nFiles:\n \
             0123 1 expat_2.5.0-1+deb12u2.dsc\nChecksums-Sha256:\n {digest} 10 expat_2.5.0-1+deb12u2.dsc\n \
             {digest} 20 expat_2.5.0.orig.tar.gz\n {digest} 5 expat_2.5.0.orig.tar.gz.asc\n\n\
             Package: other\nVersion: a b\nDirectory: ../x\n"
        )
    }

    #[test]
    fn wanted_packages_have_files() {
        let text = text();
        let sources = IndexedSource::parse(&text, |name| name == "expat").unwrap();
        let [expat] = &sources[..] else { panic!("one package, not {}", sources.len()) };
        assert_eq!((expat.version.to_string().as_str(), expat.directory), ("2.5.0-1+deb12u2", "pool/main/e/expat"));
        let files: Vec<_> = expat.files.iter().map(|file| (file.name, file.size)).collect();
        assert_eq!(files, [("expat_2.5.0-1+deb12u2.dsc", 10), ("expat_2.5.0.orig.tar.gz", 20)]);
    }

    #[test]
    fn invalid_packages_are_errors() {
        let text = text();
        let cases = [
            text.replace("pool/main/e/expat", "/pool"),
            text.replace("20 expat_2.5.0.orig", "20 ../expat_2.5.0.orig"),
            text.replace(" 20 ", " twenty "),
            text.replace("Version: 2.5.0-1+deb12u2", "Version: 2.5 0"),
            text.replace("Directory: pool/main/e/expat\n", ""),
        ];
        let errors = cases.map(|text| IndexedSource::parse(&text, |name| name == "expat").unwrap_err().to_string());
        insta::assert_snapshot!(errors.join("\n").replace(&"ab".repeat(32), "DIGEST"), @r"
        failed to read field `Directory` of `expat`: `/pool` is not a path below a mirror
        failed to read field `Checksums-Sha256` of `expat`: `DIGEST 20 ../expat_2.5.0.orig.tar.gz` is not a digest, a size and a name
        failed to read field `Checksums-Sha256` of `expat`: `DIGEST twenty expat_2.5.0.orig.tar.gz` is not a digest, a size and a name
        failed to parse version `2.5 0`: only letters, digits and . + - ~ : are allowed
        failed to read field `Directory` of `expat`: it is missing
        ");
    }

    proptest! {
        /// No edit of an index leads to a panic, or to a file outside of its folder.
        #[test]
        fn edited_indexes_stay_inside(at in 0usize..500, length in 0usize..20, edit in "[ -~\\n]{0,12}") {
            let text = text();
            let (start, end) = (at.min(text.len()), (at + length).min(text.len()));
            let edited = format!("{}{edit}{}", &text[..start], &text[end..]);
            for source in IndexedSource::parse(&edited, |_| true).unwrap_or_default() {
                prop_assert!(!source.directory.starts_with('/') && !source.directory.split('/').any(|part| part == ".."));
                prop_assert!(source.files.iter().all(|file| !file.name.contains('/')));
            }
        }
    }
}
