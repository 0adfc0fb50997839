//! Names of images: a `ref.name` within an index, and references as people and engines write them.

use crate::Error;

/// Checks a name against the grammar of `org.opencontainers.image.ref.name`: alphanumeric runs, joined within a
/// component by one of `-._:@+` or `--`, and components by `/`.
pub(crate) fn check_ref_name(name: &str) -> Result<(), Error> {
    let alphanumeric = |run: &str| !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let component = |text: &str| text.replace("--", "-").split(['-', '.', '_', ':', '@', '+']).all(alphanumeric);
    if name.split('/').all(component) {
        return Ok(());
    }
    let reason = "a name is letters and digits, joined by single `-`, `.`, `_`, `:`, `@`, `+` or `/`";
    Err(Error::Name { name: name.to_owned(), reason })
}

/// The parts of a reference `[domain/]path[:tag][@digest]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Domain and path, as written.
    pub name: &'a str,
    /// A registry's host and port. The first component is a domain if it is `localhost` or has a `.` or `:`.
    pub domain: Option<&'a str>,
    /// The name without its domain.
    pub path: &'a str,
    /// The tag.
    pub tag: Option<&'a str>,
    /// Algorithm and digits, with a colon between them.
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Splits any text into the parts of a reference. [`Reference::is_valid`] checks the parts.
    #[must_use]
    pub fn split(text: &'a str) -> Self {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let (domain, path) = match name.split_once('/') {
            Some((domain, path)) if domain == "localhost" || domain.contains(['.', ':']) => (Some(domain), path),
            _ => (None, name),
        };
        Self { name, domain, path, tag, digest }
    }

    /// Whether every part follows the grammar of the OCI distribution specification.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.is_name_valid() && self.tag.is_none_or(is_tag) && self.digest.is_none_or(is_digest)
    }

    fn is_name_valid(&self) -> bool {
        self.domain.is_none_or(is_domain) && self.path.split('/').all(is_path_component)
    }
}

/// Whether a text is one component of a path: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
#[must_use]
pub fn is_path_component(text: &str) -> bool {
    let alphanumeric = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text
            .split(alphanumeric)
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

/// Whether a text is a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|first| first.is_ascii_alphanumeric() || first == '_');
    let others = characters.all(|other| other.is_ascii_alphanumeric() || matches!(other, '_' | '.' | '-'));
    first && others && text.len() <= 128
}

fn is_domain(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label) && port.parse::<u16>().is_ok()
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        is_path_component(algorithm)
            && hex.len() >= 32
            && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// A reference with the defaults that Docker adds, so that every engine finds the same image.
pub(crate) struct DockerName {
    /// `docker.io/library/thumbnailer:latest`.
    pub(crate) full: String,
    /// The short form with a tag: `thumbnailer:latest`.
    pub(crate) familiar: String,
    /// `latest`.
    pub(crate) tag: String,
}

impl DockerName {
    /// Reads `[registry/]name[:tag]`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |reason| Error::Name { name: text.to_owned(), reason };
        let reference = Reference::split(text);
        if reference.digest.is_some() {
            return Err(refuse("a tag has no digest"));
        }
        let tag = reference.tag.unwrap_or("latest");
        if !is_tag(tag) {
            return Err(refuse(
                "a tag has 1 to 128 letters, digits, `_`, `.` or `-`, and begins with none of the last two",
            ));
        }
        if !reference.is_name_valid() {
            return Err(refuse("a name has lower-case letters and digits, joined by `_`, `.`, `-` or `/`"));
        }
        let Reference { name, path, .. } = reference;
        let full = match reference.domain {
            Some(domain) => format!("{domain}/{path}:{tag}"),
            None if path.contains('/') => format!("docker.io/{path}:{tag}"),
            None => format!("docker.io/library/{path}:{tag}"),
        };
        Ok(Self { full, familiar: format!("{name}:{tag}"), tag: tag.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ref_names_follow_the_image_spec() {
        for name in ["latest", "v1.0", "example.org:5000/a/b:1", "a--b", "a+b", "sha256:00", "A"] {
            assert!(check_ref_name(name).is_ok(), "{name}");
        }
        for name in ["", "/", "a/", "/a", "a//b", "-a", "a-", "a..b", "a---b", "a b", "ü", "a\n"] {
            assert!(check_ref_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn reference_splits_into_its_parts() {
        let cases = [
            ("debian", (None, "debian", None, None)),
            ("a/b:1", (None, "a/b", Some("1"), None)),
            ("localhost/a", (Some("localhost"), "a", None, None)),
            ("localhost:5000/a:1", (Some("localhost:5000"), "a", Some("1"), None)),
            ("r.test/a/b:1@sha256:00", (Some("r.test"), "a/b", Some("1"), Some("sha256:00"))),
            ("a:", (None, "a", Some(""), None)),
        ];
        for (text, expected) in cases {
            let Reference { domain, path, tag, digest, .. } = Reference::split(text);
            assert_eq!((domain, path, tag, digest), expected, "{text}");
        }
    }

    #[test]
    fn invalid_references_are_refused() {
        let digest = format!("a@sha256:{}", "0".repeat(64));
        for text in ["a", "a:1", "a/b:1", "registry.example/a/b", "localhost:5000/a:tag", "a--b", "a__b", &digest] {
            assert!(Reference::split(text).is_valid(), "{text}");
        }
        for text in ["", "-a", "A", "a:", "a..b", "a___b", "a@sha256:12", "r.example:port/a", "a//b", ".example/a"] {
            assert!(!Reference::split(text).is_valid(), "{text}");
        }
        assert!(is_tag(&"t".repeat(128)) && !is_tag(&"t".repeat(129)));
    }

    #[test]
    fn docker_defaults_complete_a_name() {
        let cases = [
            ("thumbnailer", "docker.io/library/thumbnailer:latest", "thumbnailer:latest"),
            ("ada/thumbnailer:1.0", "docker.io/ada/thumbnailer:1.0", "ada/thumbnailer:1.0"),
            ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
            ("registry.example:5000/a/b", "registry.example:5000/a/b:latest", "registry.example:5000/a/b:latest"),
            ("registry.example:5000/a/b:V2", "registry.example:5000/a/b:V2", "registry.example:5000/a/b:V2"),
        ];
        for (text, full, familiar) in cases {
            let name = DockerName::parse(text).unwrap();
            assert_eq!((name.full.as_str(), name.familiar.as_str()), (full, familiar));
        }
        for text in
            ["", ":", "a:", "a:-1", "A", "a//b", "/a", "a/", "a@sha256:00", "a b", "-a", "a:b:c", "example.org/"]
        {
            assert!(DockerName::parse(text).is_err(), "{text:?}");
        }
    }
}
