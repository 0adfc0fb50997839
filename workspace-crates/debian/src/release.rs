//! Parses the signed text of `InRelease`: the release, and the size and digest of each index file.

use std::collections::BTreeMap;

use crate::{Error, control};

/// A release file. Parse only text that gpgv has verified with [`crate::DebianArchive::keyring`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// "oldstable": changes over a release's life.
    pub suite: String,
    /// "bookworm": never changes.
    pub codename: String,
    /// The time of publication, in seconds since 1970.
    pub date: i64,
    /// The end of its validity, in seconds since 1970 and as written; `None` for a release that does not expire.
    pub valid_until: Option<(i64, String)>,
    /// Whether the mirror offers every index file as `by-hash/SHA256/DIGEST` too, which stays the same while the mirror
    /// is updated.
    pub acquire_by_hash: bool,
    /// The index files by their path below the suite's folder.
    pub files: BTreeMap<String, IndexFile>,
}

/// An index file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// The path below `dists/SUITE/`: "main/binary-amd64/Packages.xz".
    pub path: String,
    /// The size, in bytes.
    pub size: u64,
    /// The digest, in lower-case hexadecimal digits.
    pub sha256: String,
}

impl IndexFile {
    /// The by-hash path below `dists/SUITE/`, for a mirror with [`Release::acquire_by_hash`].
    pub fn by_hash(&self) -> String {
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/by-hash/SHA256/{}", self.sha256)
    }
}

impl Release {
    /// Parses the verified text of a release file and checks its codename. A release without `Valid-Until`, such as a stable
    /// one, does not expire.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::Field`], [`Error::Codename`].
    pub fn parse(text: &str, codename: &str) -> Result<Self, Error> {
        const SUBJECT: &str = "Release";
        let paragraph = control::paragraphs(SUBJECT, text)
            .next()
            .unwrap_or_else(|| Err(Error::field(SUBJECT, "Codename", "the file is empty")))?;
        let found = paragraph.require(SUBJECT, "Codename")?;
        if found != codename {
            return Err(Error::Codename { expected: codename.to_owned(), found: found.to_owned() });
        }
        let valid_until = match paragraph.get("Valid-Until") {
            None => None,
            Some(text) => {
                let end = parse_date(text).ok_or_else(|| Error::field(SUBJECT, "Valid-Until", "it is not a date"))?;
                Some((end, text.to_owned()))
            }
        };
        let date = paragraph.require(SUBJECT, "Date")?;
        let mut files = BTreeMap::new();
        for line in paragraph.lines("SHA256") {
            let file = parse_file(line)?;
            files.insert(file.path.clone(), file);
        }
        Ok(Self {
            suite: paragraph.get("Suite").unwrap_or(codename).to_owned(),
            codename: codename.to_owned(),
            date: parse_date(date).ok_or_else(|| Error::field(SUBJECT, "Date", "it is not a date"))?,
            valid_until,
            acquire_by_hash: paragraph.get("Acquire-By-Hash").is_some_and(|value| value.eq_ignore_ascii_case("yes")),
            files,
        })
    }

    /// Checks that the release is not replayed: that `now` is before the end of its validity, and that it is not older than the
    /// newest one `seen` before. All times are in seconds since 1970.
    ///
    /// # Errors
    /// [`Error::Expired`], [`Error::Older`].
    pub fn check_age(&self, now: i64, seen: Option<i64>) -> Result<(), Error> {
        if let Some((_, valid_until)) = self.valid_until.as_ref().filter(|(end, _)| *end < now) {
            return Err(Error::Expired { codename: self.codename.clone(), valid_until: valid_until.clone() });
        }
        match seen.filter(|seen| self.date < *seen) {
            Some(seen) => Err(Error::Older { codename: self.codename.clone(), seconds: seen.abs_diff(self.date) }),
            None => Ok(()),
        }
    }

    /// The package index of `component` ("main") for `architecture` ("amd64"), in the smallest format that
    /// [`crate::decompress`] reads.
    ///
    /// # Errors
    /// [`Error::Field`] if the release lists none.
    pub fn packages(&self, component: &str, architecture: &str) -> Result<&IndexFile, Error> {
        self.smallest(&format!("{component}/binary-{architecture}/Packages"))
    }

    /// The index of the source packages of `component`, in the same formats.
    ///
    /// # Errors
    /// [`Error::Field`] if the release lists none.
    pub fn sources(&self, component: &str) -> Result<&IndexFile, Error> {
        self.smallest(&format!("{component}/source/Sources"))
    }

    fn smallest(&self, plain: &str) -> Result<&IndexFile, Error> {
        [".xz", ".gz", ""]
            .iter()
            .find_map(|suffix| self.files.get(&format!("{plain}{suffix}")))
            .ok_or_else(|| Error::field("Release", "SHA256", format!("it lists no `{plain}`")))
    }
}

/// Parses a line "DIGEST SIZE PATH".
fn parse_file(line: &str) -> Result<IndexFile, Error> {
    let error = || Error::field("Release", "SHA256", format!("`{line}` is not a digest, a size and a path"));
    let mut words = line.split_ascii_whitespace();
    let (Some(sha256), Some(size), Some(path), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(error());
    };
    if !is_sha256(sha256) || !crate::path::is_plain(path) {
        return Err(error());
    }
    Ok(IndexFile {
        path: path.to_owned(),
        size: size.parse().map_err(|_| error())?,
        sha256: sha256.to_ascii_lowercase(),
    })
}

pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Parses "Sat, 11 Jul 2026 10:16:37 UTC" to seconds since 1970; the zone must be UTC (or +0000, GMT, Z).
fn parse_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_once(", ").map_or(text, |(_, rest)| rest).split_ascii_whitespace().collect();
    let [day, month, year, time, "UTC" | "GMT" | "+0000" | "Z"] = words[..] else { return None };
    let number =
        |text: &str, least: i64, most: i64| text.parse::<i64>().ok().filter(|number| (least..=most).contains(number));
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let (day, year) = (number(day, 1, 31)?, number(year, 1970, 9999)?);
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else { return None };
    let seconds = number(hour, 0, 23)? * 3600 + number(minute, 0, 59)? * 60 + number(second, 0, 60)?;
    Some(days_since_1970(year, month, day) * 86_400 + seconds)
}

/// The days from 1970 to a date of the proleptic Gregorian calendar, by the algorithm `days_from_civil`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "Origin: Debian\nSuite: oldstable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n\
        Acquire-By-Hash: yes\nMD5Sum:\n a8ed68071e02b40b231febcafb3f55aa 3 main/binary-amd64/Packages.gz\nSHA256:\n \
        515e692f2c4121c6fcec444ef100cc18f79a991910615f3a88c8b7becfc94d2f 50060337 main/binary-amd64/Packages\n \
        9e0b5aabb2465b3d2e7a7fe27f9913846277833f7a2826e7767acccff5b588c5  8790396 main/binary-amd64/Packages.xz\n";

    #[test]
    fn release_lists_the_package_index() {
        let release = Release::parse(TEXT, "bookworm").unwrap();
        assert_eq!((release.suite.as_str(), release.date, release.files.len()), ("oldstable", 1_783_764_997, 2));
        let packages = release.packages("main", "amd64").unwrap();
        assert_eq!((packages.path.as_str(), packages.size), ("main/binary-amd64/Packages.xz", 8_790_396));
        assert!(packages.by_hash().starts_with("main/binary-amd64/by-hash/SHA256/9e0b5aab"), "{}", packages.by_hash());
        let missing = release.sources("main").unwrap_err();
        insta::assert_snapshot!(missing, @"failed to read field `SHA256` of `Release`: it lists no `main/source/Sources`");
        let missing = release.packages("main", "riscv64").unwrap_err();
        insta::assert_snapshot!(missing, @"failed to read field `SHA256` of `Release`: it lists no `main/binary-riscv64/Packages`");
    }

    #[test]
    fn invalid_releases_are_errors() {
        let with = |line: &str| format!("{TEXT}{line}\n");
        let digest = "5".repeat(64);
        let cases = [
            (with("Valid-Until: some day"), "bookworm"),
            (TEXT.to_owned(), "trixie"),
            (with(&format!(" {digest} 3 ../../etc/passwd")), "bookworm"),
            (with(&format!(" {digest} x main/Packages")), "bookworm"),
            (with(" 55 3 main/Packages"), "bookworm"),
            (String::new(), "bookworm"),
            (TEXT.replace("Date: Sat, 11 Jul 2026", "Date: Sat, 41 Jul 2026"), "bookworm"),
        ];
        let errors: Vec<String> =
            cases.iter().map(|(text, codename)| Release::parse(text, codename).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        failed to read field `Valid-Until` of `Release`: it is not a date
        failed to use the release `bookworm` as `trixie`: the mirror serves another suite under that name
        failed to read field `SHA256` of `Release`: `5555555555555555555555555555555555555555555555555555555555555555 3 ../../etc/passwd` is not a digest, a size and a path
        failed to read field `SHA256` of `Release`: `5555555555555555555555555555555555555555555555555555555555555555 x main/Packages` is not a digest, a size and a path
        failed to read field `SHA256` of `Release`: `55 3 main/Packages` is not a digest, a size and a path
        failed to read field `Codename` of `Release`: the file is empty
        failed to read field `Date` of `Release`: it is not a date
        ");
    }

    #[test]
    fn old_releases_are_refused() {
        let text = format!("{TEXT}Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC\n");
        let release = Release::parse(&text, "bookworm").unwrap();
        let (date, end) = (release.date, release.date + 7 * 86_400);
        for (now, seen) in [(end, None), (0, Some(date)), (end, Some(date - 1))] {
            assert!(release.check_age(now, seen).is_ok(), "{now} {seen:?}");
        }
        let errors = [release.check_age(end + 1, None), release.check_age(0, Some(date + 3 * 86_400 + 7200))];
        let errors = errors.map(|result| result.unwrap_err().to_string());
        insta::assert_snapshot!(errors.join("\n"), @r"
        failed to trust the release `bookworm`: it expired on Sat, 18 Jul 2026 10:16:37 UTC; the mirror is out of date
        failed to trust the release `bookworm`: it is 74 hours older than the one of an earlier run; the mirror is out of date
        ");
        let stable = Release::parse(TEXT, "bookworm").unwrap();
        assert!(stable.check_age(i64::MAX, None).is_ok(), "a release without an end does not expire");
    }

    #[test]
    fn dates_parse_to_seconds() {
        let cases = [
            ("Thu, 01 Jan 1970 00:00:00 UTC", Some(0)),
            ("Thu, 29 Feb 2024 23:59:59 UTC", Some(1_709_251_199)),
            ("Sun, 1 Mar 2026 00:00:00 GMT", Some(1_772_323_200)),
            ("Sun, 1 Mar 2026 00:00:00 +0100", None),
            ("Sun, 1 Mar 2026 24:00:00 UTC", None),
            ("1 Mar", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }

    proptest! {
        /// No edit of a release leads to a panic, to a path outside of the suite or to a malformed digest.
        #[test]
        fn edited_releases_stay_inside(at in 0usize..TEXT.len(), length in 0usize..20, text in "[ -~\\n]{0,12}") {
            let end = (at + length).min(TEXT.len());
            let edited = format!("{}{text}{}", &TEXT[..at], &TEXT[end..]);
            if let Ok(release) = Release::parse(&edited, "bookworm") {
                for (path, file) in &release.files {
                    prop_assert!(!path.starts_with('/') && path.split('/').all(|name| name != ".."), "{path}");
                    prop_assert!(is_sha256(&file.sha256), "{}", file.sha256);
                }
            }
        }

        #[test]
        fn any_date_parses_or_not(text in "([A-Z][a-z]{2}, )?[0-9]{1,2} (Jan|Feb|Dec) [0-9]{1,5} [0-9]{1,2}:[0-9]{2}:[0-9]{2} (UTC|\\PC{0,4})") {
            if let Some(seconds) = parse_date(&text) {
                prop_assert!(seconds >= 0);
            }
        }
    }
}
