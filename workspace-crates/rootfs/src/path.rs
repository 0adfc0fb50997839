//! Paths inside a root filesystem: `String`s, absolute, normalised, `/`-separated whatever the host.
//!
//! Normalised means: begins with `/`, no empty, `.` or `..` component, no trailing `/` but for the root itself.

/// The longest path that Linux takes, in bytes, without its NUL (`PATH_MAX - 1`). It bounds links' texts as well.
pub const MAX_LENGTH: usize = 4095;

/// Makes a path of an archive or of a user normalised; a relative one is taken as relative to the root.
///
/// `None` for what has no place in a tree: a `..` component (what it means depends on links; see
/// [`FileTree::resolve`](crate::FileTree::resolve)), a NUL byte, more than [`MAX_LENGTH`] bytes.
#[must_use]
pub fn normalize(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len() + 1);
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => return None,
            name => {
                normal.push('/');
                normal.push_str(name);
            }
        }
    }
    if normal.is_empty() {
        normal.push('/');
    }
    (normal.len() <= MAX_LENGTH && !normal.contains('\0')).then_some(normal)
}

/// Whether `path` is what [`normalize`] makes of it.
#[must_use]
pub fn is_normal(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| {
        path.len() <= MAX_LENGTH
            && !path.contains('\0')
            && (rest.is_empty() || rest.split('/').all(|name| !matches!(name, "" | "." | "..")))
    })
}

/// The path of `name`, which may have several components, below `directory`. Neither is normalised anew.
#[must_use]
pub fn join(directory: &str, name: &str) -> String {
    let directory = directory.strip_suffix('/').unwrap_or(directory);
    format!("{directory}/{name}")
}

/// The directory that holds `path`; `None` for the root.
#[must_use]
pub fn parent(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        0 if path.len() == 1 => None,
        0 => Some("/"),
        at => Some(&path[..at]),
    }
}

/// The last component of `path`; empty for the root.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The directories above `path`, the nearest first, without the root.
pub fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |path| parent(path)).filter(|path| *path != "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn normalising() {
        let cases = [
            ("/", Some("/")),
            ("", Some("/")),
            ("usr/lib/", Some("/usr/lib")),
            ("./usr//lib/./x", Some("/usr/lib/x")),
            ("/usr/../etc", None),
            ("..", None),
            ("/a\0b", None),
            ("/...", Some("/...")),
        ];
        for (path, expected) in cases {
            assert_eq!(normalize(path).as_deref(), expected, "{path:?}");
        }
        assert_eq!(normalize(&"a".repeat(MAX_LENGTH)), None);
    }

    #[test]
    fn taking_apart() {
        let cases = [
            ("/", None, "", &[][..]),
            ("/usr", Some("/"), "usr", &[]),
            ("/usr/lib/x", Some("/usr/lib"), "x", &["/usr/lib", "/usr"]),
        ];
        for (path, above, name, all) in cases {
            assert_eq!((parent(path), file_name(path)), (above, name));
            assert_eq!(parents(path).collect::<Vec<_>>(), all);
        }
        assert_eq!((join("/", "usr"), join("/usr", "lib/x")), ("/usr".into(), "/usr/lib/x".into()));
    }

    proptest! {
        #[test]
        fn normalising_is_idempotent_and_known_as_such(path in "[/.a\0]{0,12}") {
            match normalize(&path) {
                Some(normal) => {
                    prop_assert!(is_normal(&normal));
                    prop_assert_eq!(normalize(&normal), Some(normal.clone()));
                    prop_assert_eq!(is_normal(&path), path == normal);
                }
                None => prop_assert!(!is_normal(&path)),
            }
        }
    }
}
