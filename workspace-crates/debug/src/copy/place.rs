//! What `debug cp` copies from where to where.

use crate::Error;

/// One side of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path of this machine.
    Here(String),
    /// A tar stream: stdin or stdout.
    Stream,
    /// A path in a container.
    There {
        /// The container, as it was named.
        container: String,
        /// The path, taken from the root directory if it is not absolute.
        path: String,
    },
}

impl Place {
    /// Reads a side as docker does: `CONTAINER:PATH`, `-` or a path, which begins with `.` or `/` where it has a colon.
    pub fn parse(text: &str) -> Place {
        match text.split_once(':') {
            _ if text == "-" => Place::Stream,
            Some((container, path)) if !text.starts_with(['.', '/']) => {
                Place::There { container: container.to_owned(), path: path.to_owned() }
            }
            _ => Place::Here(text.to_owned()),
        }
    }
}

/// Which way a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction<'p> {
    /// Out of a container.
    Out {
        /// The container, as it was named.
        container: &'p str,
        /// The path in it.
        path: &'p str,
        /// Where to.
        to: &'p Place,
    },
    /// Into a container.
    In {
        /// Where from.
        from: &'p Place,
        /// The container, as it was named.
        container: &'p str,
        /// The path in it.
        path: &'p str,
    },
}

impl<'p> Direction<'p> {
    /// The way between two sides, of which one is a container.
    ///
    /// # Errors
    /// That both are, or none.
    pub fn of(source: &'p Place, destination: &'p Place) -> Result<Direction<'p>, Error> {
        let wrong =
            |reason: &str| Error::Value { what: "the copy", value: "SRC DST".into(), reason: reason.to_owned() };
        match (source, destination) {
            (Place::There { .. }, Place::There { .. }) => Err(wrong("both are in containers")),
            (Place::There { container, path }, to) => Ok(Direction::Out { container, path, to }),
            (from, Place::There { container, path }) => Ok(Direction::In { from, container, path }),
            (_, _) => Err(wrong("neither is of the form CONTAINER:PATH")),
        }
    }
}

/// Whether a path stands for what is in a folder rather than for the folder.
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
    fn sides_are_told_apart_as_docker_does() {
        let there = |container: &str, path: &str| Place::There { container: container.into(), path: path.into() };
        for (text, expected) in [
            ("web:/etc", there("web", "/etc")),
            ("web:", there("web", "")),
            ("web:a:b", there("web", "a:b")),
            ("./web:/etc", Place::Here("./web:/etc".into())),
            ("/web:/etc", Place::Here("/web:/etc".into())),
            ("file", Place::Here("file".into())),
            ("-", Place::Stream),
        ] {
            assert_eq!(Place::parse(text), expected, "{text}");
        }
        let (here, there) = (Place::Here("a".into()), there("web", "/"));
        let (container, path) = ("web", "/");
        let out = Direction::Out { container, path, to: &Place::Stream };
        assert_eq!(Direction::of(&there, &Place::Stream).unwrap(), out);
        assert_eq!(Direction::of(&here, &there).unwrap(), Direction::In { from: &here, container, path });
        for (source, destination) in [(&here, &here), (&there, &there), (&Place::Stream, &here)] {
            assert!(Direction::of(source, destination).is_err());
        }
    }

    #[test]
    fn the_ends_of_paths_have_meanings() {
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
