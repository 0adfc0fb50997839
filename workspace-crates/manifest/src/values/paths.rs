//! Paths inside an image and inside the user's workspace, and globs.

use std::{fmt, str::FromStr};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use globset::{Glob, GlobBuilder};

use crate::error::Fault;

/// A path inside an image: absolute and normalised, without `.`, `..`, double or trailing slashes, or control characters;
/// at most 4095 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImagePath(String);

impl ImagePath {
    /// Returns the path as text; `/` alone is the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ImagePath {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let shown = text.escape_debug();
        if !text.starts_with('/') {
            let fault = Fault::new(format!("`{shown}` is not an absolute path"), "not absolute");
            return Err(match text.is_empty() {
                true => fault,
                false => fault.help(format!("write `/{shown}`")),
            });
        }
        check_clean(text)?;
        if text.split('/').any(|part| part == "..") {
            return Err(Fault::new(format!("`{shown}` has `..` in it"), "`..` is not allowed"));
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let normalised = format!("/{}", parts.join("/"));
        if normalised != text {
            return Err(Fault::new(format!("`{shown}` is not a normalised path"), "not normalised")
                .help(format!("write `{normalised}`")));
        }
        Ok(Self(normalised))
    }
}

/// A path of the host whose text does not leave its folder. Parsing follows no links.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InnerPath {
    folder: Utf8PathBuf,
    relative: Utf8PathBuf,
}

impl InnerPath {
    /// Parses `text` as a path inside `folder`; `.` is the folder itself.
    pub(crate) fn parse(folder: &Utf8Path, text: &str) -> Result<Self, Fault> {
        let shown = text.escape_debug();
        if text.is_empty() {
            return Err(Fault::new("a path is empty", "empty path"));
        }
        check_clean(text)?;
        let outside = || {
            Fault::new(format!("`{shown}` is outside of the folder of this Cargo.toml"), "outside of the folder")
                .help("name a file inside of it; a build script can copy other files there")
        };
        let mut relative = Utf8PathBuf::new();
        for component in Utf8Path::new(text).components() {
            match component {
                Utf8Component::Normal(name) => relative.push(name),
                Utf8Component::CurDir => {}
                Utf8Component::ParentDir if relative.pop() => {}
                Utf8Component::ParentDir | Utf8Component::RootDir | Utf8Component::Prefix(_) => return Err(outside()),
            }
        }
        Ok(Self { folder: folder.to_owned(), relative })
    }

    /// Returns the folder that the path may not leave: that of the Cargo.toml that contains it.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Returns the path below [`folder`](Self::folder), normalised; empty for the folder itself.
    pub fn relative(&self) -> &Utf8Path {
        &self.relative
    }

    /// Returns the path joined to its folder.
    pub fn full(&self) -> Utf8PathBuf {
        self.folder.join(&self.relative)
    }
}

/// Parses a path of the host. A relative path starts at `folder`.
pub(crate) fn host_path(folder: &Utf8Path, text: &str) -> Result<Utf8PathBuf, Fault> {
    if text.is_empty() {
        return Err(Fault::new("a path is empty", "empty path"));
    }
    check_clean(text)?;
    Ok(folder.join(text))
}

/// Parses a glob over the paths of a root filesystem. `*` and `?` match inside one component, `**` matches across components.
pub(crate) fn image_glob(text: &str) -> Result<Glob, Fault> {
    let shown = text.escape_debug();
    if !text.starts_with('/') {
        return Err(Fault::new(format!("the glob `{shown}` does not begin at the top"), "does not begin with `/`")
            .help(format!("write `/{shown}`, or `/**/{shown}` for any folder")));
    }
    check_clean(text)?;
    if text.split('/').any(|part| part == "..") {
        return Err(Fault::new(format!("the glob `{shown}` has `..` in it"), "`..` is not allowed"));
    }
    GlobBuilder::new(text).literal_separator(true).build().map_err(|error| {
        Fault::new(format!("the glob `{shown}` is malformed: {}", error.kind()), error.kind().to_string())
    })
}

/// Checks the target of a link: any path, relative to the link's folder or absolute.
pub(crate) fn check_link_target(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::new("the target of a link is empty", "leads to nothing"));
    }
    check_clean(text)
}

fn check_clean(text: &str) -> Result<(), Fault> {
    let fault = |what: &str| Err(Fault::new(format!("`{}` {what}", text.escape_debug()), "not a path"));
    if text.chars().any(char::is_control) {
        return fault("has a control character in it");
    }
    if text.len() > 4095 {
        return fault("is longer than a path may be");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_paths_are_normalised() {
        for text in ["/", "/usr/share/x", "/a b", "/ä", "/.hidden", "/a..b"] {
            assert_eq!(text.parse::<ImagePath>().map(|path| path.to_string()).as_deref(), Ok(text));
        }
        for (text, message, help) in [
            ("", "`` is not an absolute path", None),
            ("usr", "`usr` is not an absolute path", Some("write `/usr`")),
            ("/usr/../etc", "`/usr/../etc` has `..` in it", None),
            ("/usr/", "`/usr/` is not a normalised path", Some("write `/usr`")),
            ("//usr/./bin", "`//usr/./bin` is not a normalised path", Some("write `/usr/bin`")),
            ("/a\nb", "`/a\\nb` has a control character in it", None),
        ] {
            let fault = text.parse::<ImagePath>().expect_err(text);
            assert_eq!((fault.message.as_str(), fault.help.as_deref()), (message, help));
        }
        assert!(format!("/{}", "a".repeat(4095)).parse::<ImagePath>().is_err());
    }

    #[test]
    fn inner_paths_stay_inside_the_folder() {
        let folder = Utf8Path::new("/w/app");
        for (text, relative) in [("a", "a"), ("./a/b/", "a/b"), ("a/../b", "b"), (".", ""), ("a//b", "a/b")] {
            let path = InnerPath::parse(folder, text).expect(text);
            assert_eq!((path.folder(), path.relative()), (folder, Utf8Path::new(relative)), "{text}");
        }
        for text in ["", "..", "../a", "a/../../b", "/etc/passwd", "a\0b"] {
            assert!(InnerPath::parse(folder, text).is_err(), "{text:?} passes");
        }
    }

    #[test]
    fn globs_start_at_the_root() {
        for (text, path, matches) in [
            ("/usr/share/mime/**", "/usr/share/mime/a/b", true),
            ("/usr/*.so", "/usr/a.so", true),
            ("/usr/*.so", "/usr/a/b.so", false),
            ("/usr/{a,b}", "/usr/b", true),
        ] {
            let glob = image_glob(text).expect(text).compile_matcher();
            assert_eq!(glob.is_match(path), matches, "{text} on {path}");
        }
        for text in ["", "usr/**", "/usr/[a", "/usr/{a", "/../x"] {
            assert!(image_glob(text).is_err(), "{text:?} passes");
        }
    }
}
