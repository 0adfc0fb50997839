//! Checks the paths of untrusted archives and indexes: none is absolute or leads upwards.

/// The longest path, in bytes: Linux accepts 4095, which leaves room for the folder of the root.
const MAX_LENGTH: usize = 3072;
/// The longest name of a file, in bytes (NAME_MAX).
const MAX_NAME: usize = 255;

/// Whether `path` is relative and consists of plain names, as a mirror's file must.
pub(crate) fn is_plain(path: &str) -> bool {
    path.len() <= MAX_LENGTH && path.split('/').all(is_name) && !path.bytes().any(|byte| byte.is_ascii_control())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && name.len() <= MAX_NAME && !name.contains('\0')
}

/// Returns "/usr/bin" for "./usr/bin/", "usr/bin" and "/usr//bin", and "/" for the root.
///
/// # Errors
/// The reason why a root cannot hold it: `..`, a name that is too long, a control character.
pub(crate) fn normalise(path: &str) -> Result<String, &'static str> {
    if path.len() > MAX_LENGTH {
        return Err("it is too long");
    }
    let mut normal = String::with_capacity(path.len() + 1);
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if !is_name(name) {
            return Err("it leaves the root or has a name that is too long");
        }
        if name.bytes().any(|byte| byte.is_ascii_control()) {
            return Err("it has a control character");
        }
        normal.push('/');
        normal.push_str(name);
    }
    if normal.is_empty() {
        normal.push('/');
    }
    Ok(normal)
}

/// The folder of an absolute, normalised path; for "/" this is "/".
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_or_refused() {
        let long = "n".repeat(256);
        let cases: &[(&str, Option<&str>)] = &[
            ("./", Some("/")),
            ("", Some("/")),
            ("./usr/bin/", Some("/usr/bin")),
            ("/usr//./bin", Some("/usr/bin")),
            ("usr/share/Főtanúsítvány.crt", Some("/usr/share/Főtanúsítvány.crt")),
            ("../etc/passwd", None),
            ("usr/../../etc", None),
            ("a\nb", None),
            ("a\0b", None),
            (&long, None),
        ];
        for (path, expected) in cases {
            assert_eq!(normalise(path).ok().as_deref(), *expected, "{path:?}");
        }
        for (path, expected) in [("/", "/"), ("/usr", "/"), ("/usr/bin", "/usr")] {
            assert_eq!(parent(path), expected);
        }
        assert!(is_plain("pool/main/g/gcc-12/gcc-12_12.2.0-14%2bb1_amd64.deb"));
        for path in ["", "/a", "a//b", "a/../b", "./a", "a\tb"] {
            assert!(!is_plain(path), "{path:?}");
        }
    }
}
