//! Names that become part of a request's path: checked, because the client puts them there as they are.

use crate::Error;

/// The name or id of a container, volume or exec instance: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub(crate) fn check_name<'a>(name: &'a str, kind: &'static str) -> Result<&'a str, Error> {
    let valid = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if valid { Ok(name) } else { Err(Error::Name { name: name.to_owned(), kind }) }
}

/// An image reference (`[host[:port]/]path[:tag][@digest]`) or an image id (`sha256:…`, or the start of one).
pub(crate) fn check_reference(reference: &str) -> Result<&str, Error> {
    let valid = reference.split('/').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.:@+-".contains(c))
    });
    if valid { Ok(reference) } else { Err(Error::Name { name: reference.to_owned(), kind: "an image reference" }) }
}

/// Splits a reference into repository and tag (`latest` by default), as the tag and commit requests want them.
pub(crate) fn split_tag(reference: &str) -> Result<(&str, &str), Error> {
    check_reference(reference)?;
    if reference.contains('@') {
        return Err(Error::Name { name: reference.to_owned(), kind: "an image tag" });
    }
    // A colon before the last slash belongs to a port.
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => Ok((repository, tag)),
        _ => Ok((reference, "latest")),
    }
}

/// The registry that a reference names; none where it is Docker's default one. What stands before the first slash is a registry if it
/// cannot be a part of a path there.
pub(crate) fn registry(reference: &str) -> Option<&str> {
    let (first, _) = reference.split_once('/')?;
    let is_host = first.contains(['.', ':']) || first == "localhost";
    (is_host && first != "docker.io" && first != "index.docker.io").then_some(first)
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
    fn references_are_checked_before_they_become_part_of_a_path() {
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
    fn tags_are_split_at_the_colon_after_the_last_slash() {
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
    fn a_registry_stands_before_the_first_slash() {
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
    fn the_default_registry_is_not_shown() {
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
