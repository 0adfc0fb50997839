//! The user's globs over the paths of an image.

use std::collections::{BTreeSet, HashSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{Error, path};

/// Globs over absolute paths. `*` and `?` stay within a component, `**` does not. A glob that matches a directory also
/// matches everything below it.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    /// The name of each glob, in the order of the set.
    names: Vec<String>,
    set: GlobSet,
}

/// The globs and path sets that decide on an image's content.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    /// Paths that the image contains although nothing needs them, or a preset matches.
    pub keep: Patterns,
    /// Paths that stay out although something needs them.
    pub prune: Patterns,
    /// Paths that stay out, declared files included.
    pub remove: Patterns,
    /// Paths that stay out of an image of all packages unless `keep` matches them.
    pub presets: Patterns,
    /// Files whose needs may be absent.
    pub allow_missing: Patterns,
    /// Paths on which the base image has decided ([`Base::decided`](crate::Base::decided)): they stay out of an image of all
    /// packages unless `keep` matches them or something needs them.
    pub decided: BTreeSet<String>,
    /// Paths of an external base: they satisfy needs, and their own needs are not followed
    /// ([`Base::unfollowed`](crate::Base::unfollowed)).
    pub unfollowed: BTreeSet<String>,
}

impl Globs {
    /// The glob or preset that keeps a path out of the image.
    pub(crate) fn pruned(&self, path: &str) -> Option<&str> {
        let by_preset = || self.presets.find(path).filter(|_| self.keep.find(path).is_none());
        self.prune.find(path).or_else(|| self.remove.find(path)).or_else(by_preset)
    }
}

impl Patterns {
    /// Compiles globs; they keep their order.
    ///
    /// # Errors
    /// [`Error::Pattern`].
    pub fn new<T: AsRef<str>>(globs: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        let globs: Vec<T> = globs.into_iter().collect();
        Self::named(globs.iter().map(|glob| (glob.as_ref(), glob.as_ref())))
    }

    /// Compiles globs, each with its name in messages. Several may have the same name.
    ///
    /// # Errors
    /// [`Error::Pattern`].
    pub fn named<'text>(globs: impl IntoIterator<Item = (&'text str, &'text str)>) -> Result<Self, Error> {
        let wrong = |pattern: &str| {
            let pattern = pattern.to_owned();
            move |source| Error::Pattern { pattern, source }
        };
        let (mut names, mut builder) = (Vec::new(), GlobSetBuilder::new());
        for (name, glob) in globs {
            builder.add(GlobBuilder::new(glob).literal_separator(true).build().map_err(wrong(glob))?);
            names.push(name.to_owned());
        }
        let set = builder.build().map_err(wrong(&names.join(" ")))?;
        Ok(Self { names, set })
    }

    /// The name of the first glob that matches the path or a directory above it.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&str> {
        if self.names.is_empty() {
            return None;
        }
        std::iter::once(path)
            .chain(path::parents(path))
            .find_map(|path| self.set.matches(path).first().map(|&index| self.names[index].as_str()))
    }

    /// The names of all globs that match the path itself.
    pub(crate) fn matching(&self, path: &str) -> impl Iterator<Item = &str> {
        self.set.matches(path).into_iter().map(|index| self.names[index].as_str())
    }

    /// The names of the globs that match none of these paths and no directory above one.
    pub fn unmatched<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> BTreeSet<&str> {
        let mut unmatched: BTreeSet<&str> = self.iter().collect();
        let mut seen: HashSet<&str> = HashSet::new();
        for path in paths {
            for path in std::iter::once(path).chain(path::parents(path)) {
                // Nothing above a directory that was looked at is new.
                if unmatched.is_empty() || !seen.insert(path) {
                    break;
                }
                self.matching(path).for_each(|name| {
                    unmatched.remove(name);
                });
            }
        }
        unmatched
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_matches_path_or_parent() {
        let patterns = Patterns::new(["/usr/share/*.txt", "/usr/share/doc", "/usr/**/*.{a,la}", "/etc/**"]).unwrap();
        let cases = [
            ("/usr/share/x.txt", Some("/usr/share/*.txt")),
            ("/usr/share/x/y.txt", None),
            ("/usr/share/doc", Some("/usr/share/doc")),
            ("/usr/share/doc/x/y", Some("/usr/share/doc")),
            ("/usr/share/docs", None),
            ("/usr/lib64/libz.a", Some("/usr/**/*.{a,la}")),
            ("/etc", None),
            ("/etc/x", Some("/etc/**")),
        ];
        for (path, expected) in cases {
            assert_eq!(patterns.find(path), expected, "{path}");
        }
        let named = Patterns::named([("docs", "/usr/share/doc"), ("docs", "/usr/share/gtk-doc")]).unwrap();
        assert_eq!(named.find("/usr/share/gtk-doc/x"), Some("docs"));
        assert_eq!(Patterns::new(["/a[b"]).unwrap_err().to_string(), "failed to read the pattern `/a[b`");
    }

    #[test]
    fn unmatched_globs_are_named() {
        let patterns = Patterns::new(["/a/*", "/b", "/c/**/x", "/d"]).unwrap();
        let unmatched = |paths: &[&str]| patterns.unmatched(paths.iter().copied()).into_iter().collect::<Vec<_>>();
        assert_eq!(unmatched(&["/a/b/c", "/b/x", "/c"]), ["/c/**/x", "/d"]);
        assert_eq!(unmatched(&[]), ["/a/*", "/b", "/c/**/x", "/d"]);
    }

    /// As many globs as a table may have.
    #[test]
    fn many_globs_take_little_time() {
        let globs: Vec<String> = (0..1000).map(|index| format!("/usr/share/*/x{index}*/**/y?.{{a,b}}")).collect();
        let patterns = Patterns::new(&globs).unwrap();
        let start = std::time::Instant::now();
        for index in 0..5_000 {
            assert_eq!(patterns.find(&format!("/usr/share/doc/package-{index}/examples/file.txt")), None);
        }
        assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    }

    #[test]
    fn keep_overrides_presets_but_not_prune() {
        let globs = Globs {
            keep: Patterns::new(["/usr/share/doc/a", "/usr/share/doc/b"]).unwrap(),
            prune: Patterns::new(["/usr/share/doc/b"]).unwrap(),
            remove: Patterns::new(["/usr/share/x/y"]).unwrap(),
            presets: Patterns::named([("docs", "/usr/share/doc")]).unwrap(),
            ..Globs::default()
        };
        for (path, expected) in [
            ("/usr/share/doc/a/x", None),
            ("/usr/share/doc/b/x", Some("/usr/share/doc/b")),
            ("/usr/share/doc/c", Some("docs")),
            ("/usr/share/x", None),
            ("/usr/share/x/y", Some("/usr/share/x/y")),
        ] {
            assert_eq!(globs.pruned(path), expected, "{path}");
        }
    }
}
