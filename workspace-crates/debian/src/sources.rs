//! Reads the mirrors of Debian's archives from the host's `apt` sources (sources.list(5)).

use crate::{DebianArchive, Error, SuitePart, control};

/// The suites of Debian by which the sources of a Debian host can name a mirror: releases, and their names that move.
pub(crate) const DEBIAN_SUITES: [&str; 11] = [
    "trixie",
    "bookworm",
    "forky",
    "bullseye",
    "stable",
    "oldstable",
    "oldoldstable",
    "testing",
    "sid",
    "unstable",
    "duke",
];

/// A format of `apt` sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourcesFormat {
    /// `sources.list` and `*.list`: one source a line.
    List,
    /// `*.sources`: deb822 paragraphs.
    Deb822,
}

impl SourcesFormat {
    /// The format of a file of `/etc/apt` by its name; `None` if `apt` does not read it.
    pub fn of(file_name: &str) -> Option<Self> {
        match file_name.rsplit_once('.')? {
            (_, "list") => Some(Self::List),
            (_, "sources") => Some(Self::Deb822),
            _ => None,
        }
    }
}

/// The HTTP and HTTPS base URIs of `text` that serve binary packages of one of `suites` ("bookworm"), component main. They
/// are in order, each once, without a slash at the end. `file` is the text's name in errors.
///
/// # Errors
/// [`Error::Syntax`] if a `.sources` file is not deb822. Lines of a `.list` file that are not sources are skipped.
pub fn mirrors(file: &str, text: &str, format: SourcesFormat, suites: &[&str]) -> Result<Vec<String>, Error> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |uri: &str| {
        let uri = uri.trim_end_matches('/').to_owned();
        if (uri.starts_with("http://") || uri.starts_with("https://")) && !found.contains(&uri) {
            found.push(uri);
        }
    };
    match format {
        SourcesFormat::List => text.lines().filter_map(|line| list_line(line, suites)).for_each(&mut add),
        SourcesFormat::Deb822 => {
            for paragraph in control::paragraphs(file, text) {
                let paragraph = paragraph?;
                let has = |field: &str, word: &str| paragraph.words(field).any(|found| found == word);
                let enabled = !paragraph.words("Enabled").any(|word| ["no", "false", "0", "off"].contains(&word));
                if enabled
                    && has("Types", "deb")
                    && suites.iter().any(|suite| has("Suites", suite))
                    && has("Components", "main")
                {
                    paragraph.words("URIs").for_each(&mut add);
                }
            }
        }
    }
    Ok(found)
}

/// The mirrors of an archive of Debian in a host's sources, in order, each once. A source of the suite itself comes first; a
/// host of another release has a mirror with all of them. `sources` has the name and the text of each file, and files of other
/// formats or with errors are skipped, as by `apt`.
pub fn archive_mirrors(sources: &[(String, String)], archive: DebianArchive, codename: &str) -> Vec<String> {
    let own = match archive {
        DebianArchive::Main => codename.to_owned(),
        DebianArchive::Security => SuitePart::Security.suite(codename),
    };
    for suites in [vec![own], archive.suites()] {
        let suites: Vec<&str> = suites.iter().map(String::as_str).collect();
        let mut found: Vec<String> = Vec::new();
        for (name, text) in sources {
            let Some(format) = SourcesFormat::of(name) else { continue };
            for mirror in mirrors(name, text, format, &suites).unwrap_or_default() {
                if !found.contains(&mirror) {
                    found.push(mirror);
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// The URI of a line `deb [options] URI suite component…` that serves main of one of `suites`.
fn list_line<'l>(line: &'l str, suites: &[&str]) -> Option<&'l str> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t', '[']))?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_ascii_whitespace();
    let (uri, found) = (words.next()?, words.next()?);
    (suites.contains(&found) && words.any(|component| component == "main")).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn list_format_names_mirrors() {
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
        let found = mirrors("sources.list", text, SourcesFormat::List, &["bookworm"]).unwrap();
        assert_eq!(found, ["http://mirror.example/debian", "https://user:pass@private.example/debian"]);
        let found = mirrors("sources.list", text, SourcesFormat::List, &["trixie", "bookworm-security"]).unwrap();
        assert_eq!(found, ["http://security.example/debian-security", "http://other.example/debian"]);
    }

    #[test]
    fn deb822_format_names_mirrors() {
        let text = "Types: deb\n# a snapshot\nURIs: http://mirror.example/debian http://second.example/debian/\n\
            Suites: bookworm bookworm-updates\nComponents: main\nSigned-By:\n -----BEGIN\n .\n mQ==\n\n\
            Types: deb deb-src\nURIs: https://security.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
            Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: bookworm\nComponents: main\n\n\
            Types: deb-src\nURIs: http://source.example\nSuites: bookworm\nComponents: main\n\n\
            Types: deb\nURIs:\n http://third.example/debian\nSuites:\n bookworm\nComponents: contrib\n main\n";
        let found = mirrors("debian.sources", text, SourcesFormat::Deb822, &["bookworm"]).unwrap();
        let expected = ["http://mirror.example/debian", "http://second.example/debian", "http://third.example/debian"];
        assert_eq!(found, expected);
        let error = mirrors("debian.sources", "Types deb\n", SourcesFormat::Deb822, &["bookworm"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to parse line 1 of `debian.sources`: a field needs a colon after its name"
        );
    }

    #[test]
    fn host_of_another_release_has_a_mirror() {
        let text = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n\
            Types: deb\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
            Types: deb\nURIs: http://other.example/ubuntu\nSuites: noble noble-security\nComponents: main\n";
        let mut sources = vec![("debian.sources".to_owned(), text.to_owned()), ("x.save".to_owned(), text.to_owned())];
        let found = |sources: &[_], archive| archive_mirrors(sources, archive, "trixie");
        assert_eq!(found(&sources, DebianArchive::Main), ["http://mirror.example/debian"]);
        assert_eq!(found(&sources, DebianArchive::Security), ["http://mirror.example/debian-security"]);
        assert_eq!(found(&sources[1..], DebianArchive::Main), Vec::<String>::new());
        sources.push(("own.list".to_owned(), "deb http://own.example/debian trixie main\n".to_owned()));
        assert_eq!(found(&sources, DebianArchive::Main), ["http://own.example/debian"]);
    }

    #[test]
    fn file_name_decides_the_format() {
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

    proptest! {
        /// Whatever the sources contain, a mirror is an address without a slash at its end.
        #[test]
        fn mirrors_are_addresses(line in "(deb|deb-src)?[ \\t]?(\\[[a-z=]{0,4}\\]?)? ?(https?:|file:)?[/a-z.]{0,12} (bookworm|x) (main)?", text in "\\PC{0,40}") {
            for (text, format) in [(&line, SourcesFormat::List), (&text, SourcesFormat::List), (&text, SourcesFormat::Deb822)] {
                for mirror in mirrors("x", text, format, &["bookworm"]).unwrap_or_default() {
                    prop_assert!(mirror.starts_with("http") && !mirror.ends_with('/'), "{}", mirror);
                }
            }
        }
    }
}
