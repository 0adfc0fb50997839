//! The signed text of `InRelease`: which release it is, and size and digest of each of its index files.

use std::collections::BTreeMap;

use crate::{Error, control};

/// A release file. Parse only text that gpgv vouches for, with the keys of [`crate::KEYRING`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// "oldstable": changes over a release's life.
    pub suite: String,
    /// "bookworm": never changes.
    pub codename: String,
    /// When it was made, in seconds since 1970.
    pub date: i64,
    /// Whether the mirror offers every index file under `by-hash/SHA256/DIGEST` too, where it cannot change between the
    /// download of this file and the download of that one.
    pub acquire_by_hash: bool,
    /// The index files by their path below the suite's folder.
    pub files: BTreeMap<String, IndexFile>,
}

/// One index file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Its path below `dists/SUITE/`: "main/binary-amd64/Packages.xz".
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// In lower-case hexadecimal digits.
    pub sha256: String,
}

impl IndexFile {
    /// The path of this very content below `dists/SUITE/`, for a mirror that offers it ([`Release::acquire_by_hash`]).
    pub fn by_hash(&self) -> String {
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/by-hash/SHA256/{}", self.sha256)
    }
}

impl Release {
    /// Parses the verified text of a release file and checks that it is `codename` and has not expired at `now` (seconds
    /// since 1970). A release without `Valid-Until`, as a stable one, does not expire.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::Field`], [`Error::Codename`], [`Error::Expired`].
    pub fn parse(text: &str, codename: &str, now: i64) -> Result<Self, Error> {
        const WHAT: &str = "Release";
        let paragraph = control::paragraphs(WHAT, text)
            .next()
            .unwrap_or_else(|| Err(Error::field(WHAT, "Codename", "the file is empty")))?;
        let found = paragraph.require(WHAT, "Codename")?;
        if found != codename {
            return Err(Error::Codename { expected: codename.to_owned(), found: found.to_owned() });
        }
        if let Some(valid_until) = paragraph.get("Valid-Until") {
            let end = parse_date(valid_until).ok_or_else(|| Error::field(WHAT, "Valid-Until", "it is no date"))?;
            if end < now {
                return Err(Error::Expired { codename: codename.to_owned(), valid_until: valid_until.to_owned() });
            }
        }
        let date = paragraph.require(WHAT, "Date")?;
        let mut files = BTreeMap::new();
        for line in paragraph.lines("SHA256") {
            let file = parse_file(line)?;
            files.insert(file.path.clone(), file);
        }
        Ok(Self {
            suite: paragraph.get("Suite").unwrap_or(codename).to_owned(),
            codename: codename.to_owned(),
            date: parse_date(date).ok_or_else(|| Error::field(WHAT, "Date", "it is no date"))?,
            acquire_by_hash: paragraph.get("Acquire-By-Hash").is_some_and(|value| value.eq_ignore_ascii_case("yes")),
            files,
        })
    }

    /// The package index of `component` ("main") for `architecture` ("amd64"), in its smallest form that
    /// [`crate::decompress`] reads.
    ///
    /// # Errors
    /// [`Error::Field`] when the release has none.
    pub fn packages(&self, component: &str, architecture: &str) -> Result<&IndexFile, Error> {
        let plain = format!("{component}/binary-{architecture}/Packages");
        [".xz", ".gz", ""]
            .iter()
            .find_map(|suffix| self.files.get(&format!("{plain}{suffix}")))
            .ok_or_else(|| Error::field("Release", "SHA256", format!("it lists no `{plain}`")))
    }
}

/// A line "DIGEST SIZE PATH".
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

/// "Sat, 11 Jul 2026 10:16:37 UTC" in seconds since 1970; the zone is always UTC (or +0000, GMT).
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

/// Days of the proleptic Gregorian calendar (Howard Hinnant's `days_from_civil`), for years from 1970.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Origin: Debian\nSuite: oldstable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n\
        Acquire-By-Hash: yes\nMD5Sum:\n a8ed68071e02b40b231febcafb3f55aa 3 main/binary-amd64/Packages.gz\nSHA256:\n \
        515e692f2c4121c6fcec444ef100cc18f79a991910615f3a88c8b7becfc94d2f 50060337 main/binary-amd64/Packages\n \
        9e0b5aabb2465b3d2e7a7fe27f9913846277833f7a2826e7767acccff5b588c5  8790396 main/binary-amd64/Packages.xz\n";

    #[test]
    fn index_of_a_release() {
        let release = Release::parse(TEXT, "bookworm", 0).unwrap();
        assert_eq!((release.suite.as_str(), release.date, release.files.len()), ("oldstable", 1_783_764_997, 2));
        let packages = release.packages("main", "amd64").unwrap();
        assert_eq!((packages.path.as_str(), packages.size), ("main/binary-amd64/Packages.xz", 8_790_396));
        assert!(packages.by_hash().starts_with("main/binary-amd64/by-hash/SHA256/9e0b5aab"), "{}", packages.by_hash());
        let missing = release.packages("main", "riscv64").unwrap_err();
        insta::assert_snapshot!(missing, @"failed to read field `SHA256` of `Release`: it lists no `main/binary-riscv64/Packages`");
    }

    #[test]
    fn refused() {
        let with = |line: &str| format!("{TEXT}{line}\n");
        let digest = "5".repeat(64);
        let cases = [
            (with("Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC"), "bookworm"),
            (with("Valid-Until: some day"), "bookworm"),
            (TEXT.to_owned(), "trixie"),
            (with(&format!(" {digest} 3 ../../etc/passwd")), "bookworm"),
            (with(&format!(" {digest} x main/Packages")), "bookworm"),
            (with(" 55 3 main/Packages"), "bookworm"),
            (String::new(), "bookworm"),
            (TEXT.replace("Date: Sat, 11 Jul 2026", "Date: Sat, 41 Jul 2026"), "bookworm"),
        ];
        let errors: Vec<String> = cases
            .iter()
            .map(|(text, codename)| Release::parse(text, codename, 1_800_000_000).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        failed to trust the release `bookworm`: it expired on Sat, 18 Jul 2026 10:16:37 UTC; the mirror is out of date
        failed to read field `Valid-Until` of `Release`: it is no date
        failed to use the release `bookworm` as `trixie`: the mirror serves another suite under that name
        failed to read field `SHA256` of `Release`: `5555555555555555555555555555555555555555555555555555555555555555 3 ../../etc/passwd` is not a digest, a size and a path
        failed to read field `SHA256` of `Release`: `5555555555555555555555555555555555555555555555555555555555555555 x main/Packages` is not a digest, a size and a path
        failed to read field `SHA256` of `Release`: `55 3 main/Packages` is not a digest, a size and a path
        failed to read field `Codename` of `Release`: the file is empty
        failed to read field `Date` of `Release`: it is no date
        ");
    }

    #[test]
    fn dates() {
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
}
