//! Names of images: a `ref.name` within an index, and a reference as Docker writes it.

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

/// A reference taken apart the way Docker reads it: what is left out stands in, so that any engine finds the same
/// image.
pub(crate) struct Reference {
    /// `docker.io/library/thumbnailer:latest`.
    pub(crate) full: String,
    /// As a person would write it, with its tag: `thumbnailer:latest`.
    pub(crate) familiar: String,
    /// `latest`.
    pub(crate) tag: String,
}

impl Reference {
    /// Reads `[registry/]name[:tag]`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |reason| Error::Name { name: text.to_owned(), reason };
        if text.contains('@') {
            return Err(refuse("an image is tagged by a name and not by a digest"));
        }
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (text, "latest"),
        };
        let tag_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if tag.is_empty() || tag.len() > 128 || tag.starts_with(['.', '-']) || !tag.bytes().all(tag_byte) {
            return Err(refuse("its tag is no 1 to 128 letters, digits, `_`, `.` or `-`"));
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host == "localhost" || host.contains(['.', ':']) => (Some(host), path),
            _ => (None, name),
        };
        let path_byte =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-');
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let component =
            |text: &str| edge(text.bytes().next()) && edge(text.bytes().last()) && text.bytes().all(path_byte);
        if !path.split('/').all(component) {
            return Err(refuse("its name is no lower-case letters and digits, joined by `_`, `.`, `-` or `/`"));
        }
        let full = match registry {
            Some(registry) => format!("{registry}/{path}:{tag}"),
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
    fn references_are_read_as_docker_reads_them() {
        let cases = [
            ("thumbnailer", "docker.io/library/thumbnailer:latest", "thumbnailer:latest"),
            ("ada/thumbnailer:1.0", "docker.io/ada/thumbnailer:1.0", "ada/thumbnailer:1.0"),
            ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
            ("registry.example:5000/a/b", "registry.example:5000/a/b:latest", "registry.example:5000/a/b:latest"),
            ("registry.example:5000/a/b:V2", "registry.example:5000/a/b:V2", "registry.example:5000/a/b:V2"),
        ];
        for (text, full, familiar) in cases {
            let reference = Reference::parse(text).unwrap();
            assert_eq!((reference.full.as_str(), reference.familiar.as_str()), (full, familiar));
        }
        for text in
            ["", ":", "a:", "a:-1", "A", "a//b", "/a", "a/", "a@sha256:00", "a b", "-a", "a:b:c", "example.org/"]
        {
            assert!(Reference::parse(text).is_err(), "{text:?}");
        }
    }
}
