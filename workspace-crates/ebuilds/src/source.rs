//! The Debian source package of an ebuild that inherits `debian-source.eclass`.

/// The variables that an ebuild assigns for `debian-source.eclass`, with the eclass's defaults for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebianSource {
    /// The name of the source package: "libpng1.6".
    pub name: String,
    /// The version of the ebuild: "1.2.13".
    pub version: String,
    /// Upstream's version as Debian writes it, without an epoch: "1.2.13.dfsg".
    pub upstream: String,
    /// The part of Debian's version after upstream's; `None` if the ebuild takes upstream's archive alone.
    pub revision: Option<String>,
    /// Whether the revision is in the security archive.
    pub security: bool,
    orig: String,
    components: Vec<String>,
}

/// A file that an ebuild downloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name.
    pub name: String,
    /// Its addresses, `mirror://debian/…` or `mirror://debian-security/…`, in order of preference.
    pub uris: Vec<String>,
}

impl DebianSource {
    /// Reads the text of the ebuild at `path` ("…/sys-libs/zlib/zlib-1.2.13.ebuild"). Returns `None` if it does not inherit the
    /// eclass. Each variable is on one line, in double quotes.
    pub fn of(path: &str, text: &str) -> Option<Self> {
        let inherits = |line: &str| line.split(' ').next() == Some("inherit") && line.ends_with(" debian-source");
        if !text.lines().any(inherits) {
            return None;
        }
        let (package, version) = name_and_version(path)?;
        let value = |name: &str| assigned(text, name).map(|value| expanded(value, package, version));
        let upstream = value("UPSTREAM").unwrap_or_else(|| version.to_owned());
        Some(Self {
            name: value("SOURCE").unwrap_or_else(|| package.to_owned()),
            version: version.to_owned(),
            upstream,
            revision: value("REVISION").filter(|revision| !revision.is_empty()),
            security: value("ARCHIVE").is_some_and(|archive| archive == "debian-security"),
            orig: value("ORIG").unwrap_or_else(|| "tar.xz".to_owned()),
            components: value("COMPONENTS").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        })
    }

    /// Debian's version without an epoch: upstream's, and the revision if the ebuild names one.
    pub fn debian_version(&self) -> String {
        match &self.revision {
            Some(revision) => format!("{}-{revision}", self.upstream),
            None => self.upstream.clone(),
        }
    }

    /// The files of SRC_URI: upstream's archive, its components, and the archive with Debian's patches.
    pub fn files(&self) -> Vec<SourceFile> {
        let upstream = format!("{}_{}", self.name, self.upstream);
        let mut names = vec![format!("{upstream}.orig.{}", self.orig)];
        names.extend(self.components.iter().map(|component| format!("{upstream}.orig-{component}")));
        names.extend(self.revision.iter().map(|revision| format!("{upstream}-{revision}.debian.tar.xz")));
        let prefix = if self.name.starts_with("lib") { self.name.get(..4) } else { self.name.get(..1) };
        let folder = format!("{}/{}", prefix.unwrap_or(&self.name), self.name);
        let file = |name: String| {
            let mut uris = vec![format!("mirror://debian/pool/main/{folder}/{name}")];
            if self.security {
                uris.push(format!("mirror://debian-security/pool/updates/main/{folder}/{name}"));
            }
            SourceFile { name, uris }
        };
        names.into_iter().map(file).collect()
    }

    /// The version of the ebuild for another upstream version, by the pattern of `DEBIAN_UPSTREAM` in `text`: "1.3" for
    /// "1.3.dfsg" and `${PV}.dfsg`. Returns `None` if the pattern does not match, or the result is no version of an ebuild.
    pub fn ebuild_version(text: &str, upstream: &str) -> Option<String> {
        let (before, after) = assigned(text, "UPSTREAM").unwrap_or("${PV}").split_once("${PV}")?;
        let version = upstream.strip_prefix(before)?.strip_suffix(after)?;
        let starts = version.starts_with(|first: char| first.is_ascii_digit());
        let valid = version.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '.');
        (starts && valid && !version.ends_with('.')).then(|| version.to_owned())
    }
}

/// The package's name and version by the path of its ebuild.
fn name_and_version(path: &str) -> Option<(&str, &str)> {
    let mut parts = path.rsplit('/');
    let (file, name) = (parts.next()?, parts.next()?);
    let version = file.strip_suffix(".ebuild")?.strip_prefix(name)?.strip_prefix('-')?;
    Some((name, version))
}

/// The value of `DEBIAN_…` as the ebuild writes it.
fn assigned<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let start = format!("DEBIAN_{name}=\"");
    text.lines().find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'))
}

fn expanded(value: &str, package: &str, version: &str) -> String {
    value.replace("${PN}", package).replace("${PV}", version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, variables: &str) -> DebianSource {
        DebianSource::of(path, &format!("EAPI=8\n\n{variables}inherit debian-source\n"))
            .expect("it inherits the eclass")
    }

    #[test]
    fn defaults_are_the_eclass_defaults() {
        let strace = source("dev-debug/strace/strace-6.1.ebuild", "DEBIAN_REVISION=\"0.1\"\n");
        assert_eq!(strace.debian_version(), "6.1-0.1");
        let files = strace.files();
        let uris: Vec<&str> = files.iter().flat_map(|file| &file.uris).map(String::as_str).collect();
        insta::assert_snapshot!(uris.join("\n"), @r"
        mirror://debian/pool/main/s/strace/strace_6.1.orig.tar.xz
        mirror://debian/pool/main/s/strace/strace_6.1-0.1.debian.tar.xz
        ");
    }

    #[test]
    fn variables_name_other_files() {
        let variables = "DEBIAN_SOURCE=\"lib${PN}1\"\nDEBIAN_UPSTREAM=\"${PV}+dfsg\"\nDEBIAN_REVISION=\"5+deb12u4\"\n\
            DEBIAN_ORIG=\"tar.gz\"\nDEBIAN_ARCHIVE=\"debian-security\"\nDEBIAN_COMPONENTS=\"demos.tar.xz\"\n";
        let files = source("a/b/tree/media-libs/png/png-1.6.ebuild", variables).files();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "libpng1_1.6+dfsg.orig.tar.gz",
                "libpng1_1.6+dfsg.orig-demos.tar.xz",
                "libpng1_1.6+dfsg-5+deb12u4.debian.tar.xz"
            ]
        );
        assert_eq!(
            files[2].uris,
            [
                "mirror://debian/pool/main/libp/libpng1/libpng1_1.6+dfsg-5+deb12u4.debian.tar.xz",
                "mirror://debian-security/pool/updates/main/libp/libpng1/libpng1_1.6+dfsg-5+deb12u4.debian.tar.xz"
            ]
        );
    }

    #[test]
    fn empty_revision_takes_upstream_alone() {
        let php = source("dev-lang/php/php-8.2.32.ebuild", "DEBIAN_SOURCE=\"${PN}8.2\"\nDEBIAN_REVISION=\"\"\n");
        assert_eq!((php.debian_version().as_str(), php.files().len()), ("8.2.32", 1));
    }

    #[test]
    fn other_ebuilds_have_no_source() {
        for text in ["EAPI=8\ninherit from-dpkg\n", "EAPI=8\n# inherit debian-source\n", "DEBIAN_REVISION=\"1\"\n"] {
            assert_eq!(DebianSource::of("a/b/b-1.ebuild", text), None, "{text}");
        }
        assert_eq!(DebianSource::of("a/b/c-1.ebuild", "inherit debian-source\n"), None);
    }

    #[test]
    fn upstream_pattern_gives_the_ebuild_version() {
        let cases = [
            ("", "1.3.1", Some("1.3.1")),
            ("DEBIAN_UPSTREAM=\"${PV}.dfsg\"\n", "1.3.dfsg", Some("1.3")),
            ("DEBIAN_UPSTREAM=\"${PV}.dfsg\"\n", "1.3.dfsg+really1.3.1", None),
            ("DEBIAN_UPSTREAM=\"${PV}+20250216\"\n", "6.5+20250216", Some("6.5")),
            ("", "6.13+ds", None),
            ("", "2026b", Some("2026b")),
            ("", "1.", None),
            ("DEBIAN_UPSTREAM=\"1.2.13.dfsg\"\n", "1.3.dfsg", None),
        ];
        for (text, upstream, expected) in cases {
            assert_eq!(DebianSource::ebuild_version(text, upstream).as_deref(), expected, "{text}{upstream}");
        }
    }
}
