//! The host's own `apt` sources (sources.list(5)): which mirrors serve a suite's main component.
//!
//! Only the release itself is looked for: a builder's root is made from the suite's main archive alone. Its
//! point releases take the security updates in, the lock names every file by digest, and a root made from one
//! index is consistent by construction.

use crate::{Error, control};

/// The two formats of `apt` sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourcesFormat {
    /// `sources.list` and `*.list`: one source a line.
    List,
    /// `*.sources`: deb822 paragraphs.
    Deb822,
}

impl SourcesFormat {
    /// The format of a file of `/etc/apt` by its name, or none if `apt` does not read such a file.
    pub fn of(file_name: &str) -> Option<Self> {
        match file_name.rsplit_once('.')? {
            (_, "list") => Some(Self::List),
            (_, "sources") => Some(Self::Deb822),
            _ => None,
        }
    }
}

/// The base URIs (without a slash at the end) in `text` that serve binary packages of `suite` ("bookworm"), component
/// main, over HTTP or HTTPS, in their order and each once. `file` names the text in errors.
///
/// # Errors
/// [`Error::Syntax`] where a `.sources` file is no deb822. Lines of a `.list` file that are no sources are skipped.
pub fn mirrors(file: &str, text: &str, format: SourcesFormat, suite: &str) -> Result<Vec<String>, Error> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |uri: &str| {
        let uri = uri.trim_end_matches('/').to_owned();
        if (uri.starts_with("http://") || uri.starts_with("https://")) && !found.contains(&uri) {
            found.push(uri);
        }
    };
    match format {
        SourcesFormat::List => text.lines().filter_map(|line| list_line(line, suite)).for_each(&mut add),
        SourcesFormat::Deb822 => {
            for paragraph in control::paragraphs(file, text) {
                let paragraph = paragraph?;
                let has = |field, word| paragraph.words(field).any(|found| found == word);
                let enabled = !paragraph.words("Enabled").any(|word| ["no", "false", "0", "off"].contains(&word));
                if enabled && has("Types", "deb") && has("Suites", suite) && has("Components", "main") {
                    paragraph.words("URIs").for_each(&mut add);
                }
            }
        }
    }
    Ok(found)
}

/// The URI of a line `deb [options] URI suite component…` that serves `suite` main.
fn list_line<'l>(line: &'l str, suite: &str) -> Option<&'l str> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t', '[']))?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_ascii_whitespace();
    let (uri, found) = (words.next()?, words.next()?);
    (found == suite && words.any(|component| component == "main")).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_format() {
        let text = "# deb http://no.example/debian bookworm main\n\
            deb http://mirror.example/debian/ bookworm main contrib # the first\n\
            deb-src http://source.example/debian bookworm main\n\
            deb [arch=amd64 signed-by=/x.gpg] https://user:pass@private.example/debian bookworm non-free main\n\
            deb [ trusted=yes ]\thttp://mirror.example/debian bookworm main\n\
            deb http://security.example/debian-security bookworm-security main\n\
            deb http://other.example/debian trixie main\n\
            deb http://contrib.example/debian bookworm contrib\n\
            deb http://flat.example/ ./\n\
            deb file:/mnt/debian bookworm main\n\
            deb cdrom:[Debian 12]/ bookworm main\n\
            deb [unclosed http://x.example/ bookworm main\n\
            debx http://x.example/ bookworm main\n";
        let found = mirrors("sources.list", text, SourcesFormat::List, "bookworm").unwrap();
        assert_eq!(found, ["http://mirror.example/debian", "https://user:pass@private.example/debian"]);
    }

    #[test]
    fn deb822_format() {
        let text = "Types: deb\n# a snapshot\nURIs: http://mirror.example/debian http://second.example/debian/\n\
            Suites: bookworm bookworm-updates\nComponents: main\nSigned-By:\n -----BEGIN\n .\n mQ==\n\n\
            Types: deb deb-src\nURIs: https://security.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
            Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: bookworm\nComponents: main\n\n\
            Types: deb-src\nURIs: http://source.example\nSuites: bookworm\nComponents: main\n\n\
            Types: deb\nURIs:\n http://third.example/debian\nSuites:\n bookworm\nComponents: contrib\n main\n";
        let found = mirrors("debian.sources", text, SourcesFormat::Deb822, "bookworm").unwrap();
        let expected = ["http://mirror.example/debian", "http://second.example/debian", "http://third.example/debian"];
        assert_eq!(found, expected);
        let error = mirrors("debian.sources", "Types deb\n", SourcesFormat::Deb822, "bookworm").unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to parse line 1 of `debian.sources`: a field needs a colon after its name"
        );
    }

    #[test]
    fn formats_by_name() {
        let cases = [
            ("sources.list", Some(SourcesFormat::List)),
            ("debian.sources", Some(SourcesFormat::Deb822)),
            ("debian.sources.save", None),
            ("sources", None),
        ];
        for (name, expected) in cases {
            assert_eq!(SourcesFormat::of(name), expected, "{name}");
        }
    }
}
