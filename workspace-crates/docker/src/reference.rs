//! Names that become part of a request's path. The client does not escape them, so they are checked here.

use tierce_oci::Reference;

use crate::Error;

/// The name or id of a container, volume or exec instance: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub(crate) fn check_name<'a>(name: &'a str, kind: &'static str) -> Result<&'a str, Error> {
    let valid = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if valid { Ok(name) } else { Err(Error::Name { name: name.to_owned(), kind }) }
}

/// An image reference or an image id (`sha256:…`, or the start of one). Only checks that the text is safe in a path: the daemon
/// refuses a reference that is safe and wrong.
pub(crate) fn check_reference(reference: &str) -> Result<&str, Error> {
    let valid = reference.split('/').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.:@+-".contains(c))
    });
    if valid { Ok(reference) } else { Err(Error::Name { name: reference.to_owned(), kind: "an image reference" }) }
}

/// Splits a reference into repository and tag (`latest` by default): two parameters of the tag and commit requests.
pub(crate) fn split_tag(reference: &str) -> Result<(&str, &str), Error> {
    check_reference(reference)?;
    let parts = Reference::split(reference);
    if parts.digest.is_some() {
        return Err(Error::Name { name: reference.to_owned(), kind: "an image tag" });
    }
    Ok((parts.name, parts.tag.unwrap_or("latest")))
}

/// The registry that a reference names, without Docker Hub, which has no name in a client's configuration.
pub(crate) fn registry(reference: &str) -> Option<&str> {
    Reference::split(reference).domain.filter(|domain| !matches!(*domain, "docker.io" | "index.docker.io"))
}

/// The form that Docker shows: Podman spells out the default registry.
pub(crate) fn familiar(tag: &str) -> &str {
    let rest = tag.strip_prefix("docker.io/").unwrap_or(tag);
    rest.strip_prefix("library/").filter(|_| rest.len() < tag.len()).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_change_a_path_fail() {
        for reference in ["hello", "tierce/hello:1", "localhost:5000/a/b:tag", "sha256:0123abc", "a/b@sha256:00"] {
            assert!(check_reference(reference).is_ok(), "{reference}");
        }
        for reference in ["", "/", "a//b", "../containers", "a/../b", "a?force=1", "a#b", "a b", "a%2e", "/a", "ü"] {
            assert!(check_reference(reference).is_err(), "{reference}");
        }
        for name in ["", ".", "..", "a/b", "a?b", "a b", "-a"] {
            assert!(check_name(name, "a container name").is_err(), "{name}");
        }
    }

    #[test]
    fn split_tag_keeps_a_port() {
        for (reference, expected) in [
            ("hello", ("hello", "latest")),
            ("hello:1", ("hello", "1")),
            ("localhost:5000/hello", ("localhost:5000/hello", "latest")),
            ("localhost:5000/hello:1", ("localhost:5000/hello", "1")),
        ] {
            assert_eq!(split_tag(reference).unwrap(), expected);
        }
        assert!(split_tag("hello@sha256:00").is_err());
    }

    #[test]
    fn registry_precedes_the_first_slash() {
        for (reference, expected) in [
            ("debian", None),
            ("debian:12", None),
            ("library/debian:12", None),
            ("docker.io/library/debian", None),
            ("localhost/a", Some("localhost")),
            ("localhost:5000/a:1", Some("localhost:5000")),
            ("registry.test/a/b@sha256:00", Some("registry.test")),
        ] {
            assert_eq!(registry(reference), expected, "{reference}");
        }
    }

    #[test]
    fn familiar_names_hide_the_default_registry() {
        for (tag, expected) in [
            ("docker.io/library/hello:1", "hello:1"),
            ("docker.io/tierce/hello:1", "tierce/hello:1"),
            ("localhost/hello:1", "localhost/hello:1"),
            ("library/hello:1", "library/hello:1"),
        ] {
            assert_eq!(familiar(tag), expected);
        }
    }
}
