//! Paths inside a root filesystem: `String`s, absolute, normalised, separated by `/` on every host.
//!
//! A normalised path begins with `/`, has no empty, `.` or `..` component, and ends with `/` only if it is the root.

/// The longest path that Linux takes, in bytes, without its NUL (`PATH_MAX - 1`). It bounds links' texts as well.
pub const MAX_LENGTH: usize = 4095;

/// Normalises a path of an archive or of a user. A relative path is relative to the root.
///
/// Returns `None` for a `..` component (links decide on its meaning: see [`FileTree::resolve`](crate::FileTree::resolve)), a
/// NUL byte, or more than [`MAX_LENGTH`] bytes.
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

/// Whether [`normalize`] would return `path` unchanged.
#[must_use]
pub fn is_normal(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| {
        path.len() <= MAX_LENGTH
            && !path.contains('\0')
            && (rest.is_empty() || rest.split('/').all(|name| !matches!(name, "" | "." | "..")))
    })
}

/// Resolves `.` and `..` by the text alone, as if the path had no links. Returns `None` for a relative path that leaves the
/// folder that it starts in; `..` of the root is the root.
///
/// The result of a relative path is relative, and empty for that folder itself.
#[must_use]
pub fn resolve_dots(path: &str) -> Option<String> {
    let is_absolute = path.starts_with('/');
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.pop().is_none() && !is_absolute => return None,
            ".." => {}
            name => names.push(name),
        }
    }
    Some(format!("{}{}", if is_absolute { "/" } else { "" }, names.join("/")))
}

/// Appends `name`, which may have several components, to `directory`. Does not normalise the result.
#[must_use]
pub fn join(directory: &str, name: &str) -> String {
    let directory = directory.strip_suffix('/').unwrap_or(directory);
    format!("{directory}/{name}")
}

/// The directory of `path`; `None` for the root.
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
    fn normalize_refuses_dots_and_nul() {
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
    fn dots_are_resolved_by_text() {
        let cases = [
            ("/usr/lib/../bin/./x", Some("/usr/bin/x")),
            ("/../..//a/", Some("/a")),
            ("/..", Some("/")),
            ("a/../b", Some("b")),
            ("./a/..", Some("")),
            ("", Some("")),
            ("a/../../b", None),
            ("..", None),
        ];
        for (path, expected) in cases {
            assert_eq!(resolve_dots(path).as_deref(), expected, "{path:?}");
        }
    }

    #[test]
    fn parents_and_names_of_paths() {
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
        fn normalize_is_idempotent(path in "[/.a\0]{0,12}") {
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
