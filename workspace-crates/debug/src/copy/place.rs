//! The source and the destination of `debug cp`.

use crate::Error;

/// One side of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path of this machine.
    Host(String),
    /// A tar stream: stdin or stdout.
    Stream,
    /// A path in a container.
    Container {
        /// The container's name as given.
        container: String,
        /// The path. A relative one begins at the root directory.
        path: String,
    },
}

impl Place {
    /// Parses a side as docker does: `CONTAINER:PATH`, `-` or a path. A path with a colon begins with `.` or `/`.
    pub fn parse(text: &str) -> Place {
        match text.split_once(':') {
            _ if text == "-" => Place::Stream,
            Some((container, path)) if !text.starts_with(['.', '/']) => {
                Place::Container { container: container.to_owned(), path: path.to_owned() }
            }
            _ => Place::Host(text.to_owned()),
        }
    }
}

/// The direction of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction<'p> {
    /// Out of a container.
    Out {
        /// The container's name as given.
        container: &'p str,
        /// The path in it.
        path: &'p str,
        /// The destination.
        to: &'p Place,
    },
    /// Into a container.
    In {
        /// The source.
        from: &'p Place,
        /// The container's name as given.
        container: &'p str,
        /// The path in it.
        path: &'p str,
    },
}

impl<'p> Direction<'p> {
    /// Returns the direction between two sides.
    ///
    /// # Errors
    /// Unless exactly one side is a container.
    pub fn between(source: &'p Place, destination: &'p Place) -> Result<Direction<'p>, Error> {
        let wrong =
            |reason: &str| Error::Value { kind: "the copy", value: "SRC DST".into(), reason: reason.to_owned() };
        match (source, destination) {
            (Place::Container { .. }, Place::Container { .. }) => Err(wrong("both are in containers")),
            (Place::Container { container, path }, to) => Ok(Direction::Out { container, path, to }),
            (from, Place::Container { container, path }) => Ok(Direction::In { from, container, path }),
            (_, _) => Err(wrong("neither is of the form CONTAINER:PATH")),
        }
    }
}

/// Whether a path means a folder's content instead of the folder.
pub(crate) fn is_content(path: &str) -> bool {
    path.is_empty() || path.ends_with('/') && path.trim_matches('/').is_empty() || path == "." || path.ends_with("/.")
}

/// The last name of a path.
pub(crate) fn last_name(path: &str) -> Option<&str> {
    path.trim_end_matches('/').rsplit('/').next().filter(|name| !matches!(*name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_follow_docker_cp() {
        let inside = |container: &str, path: &str| Place::Container { container: container.into(), path: path.into() };
        for (text, expected) in [
            ("web:/etc", inside("web", "/etc")),
            ("web:", inside("web", "")),
            ("web:a:b", inside("web", "a:b")),
            ("./web:/etc", Place::Host("./web:/etc".into())),
            ("/web:/etc", Place::Host("/web:/etc".into())),
            ("file", Place::Host("file".into())),
            ("-", Place::Stream),
        ] {
            assert_eq!(Place::parse(text), expected, "{text}");
        }
        let (host, inside) = (Place::Host("a".into()), inside("web", "/"));
        let (container, path) = ("web", "/");
        let out = Direction::Out { container, path, to: &Place::Stream };
        assert_eq!(Direction::between(&inside, &Place::Stream).unwrap(), out);
        assert_eq!(Direction::between(&host, &inside).unwrap(), Direction::In { from: &host, container, path });
        for (source, destination) in [(&host, &host), (&inside, &inside), (&Place::Stream, &host)] {
            assert!(Direction::between(source, destination).is_err());
        }
    }

    #[test]
    fn path_end_selects_content_or_name() {
        for (path, content, name) in [
            ("/", true, None),
            ("", true, None),
            ("/etc/.", true, None),
            ("/etc", false, Some("etc")),
            ("/etc/", false, Some("etc")),
            ("/etc/..", false, None),
        ] {
            assert_eq!((is_content(path), last_name(path)), (content, name), "{path:?}");
        }
    }
}
