//! The globs by which a user says what goes into an image.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{Error, path};

/// Globs over absolute paths. `*` and `?` stay within a component, `**` does not. A glob that matches a directory stands
/// for everything below it as well.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    /// What each glob is called, in the order of the set.
    names: Vec<String>,
    set: GlobSet,
}

/// What a user says by globs of what goes into an image.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    /// What goes in although nothing reaches it, or a preset leaves it out.
    pub keep: Patterns,
    /// What stays out although something reaches it.
    pub prune: Patterns,
    /// What stays out whoever brings it.
    pub remove: Patterns,
    /// What stays out of an image of packages unless `keep` matches it.
    pub presets: Patterns,
    /// What may lack something that it needs.
    pub allow_missing: Patterns,
    /// Paths that stay out of an image of packages, unless `keep` matches them or something needs them: what the image below
    /// it was chosen of ([`Base::decided`](crate::Base::decided)).
    pub decided: BTreeSet<String>,
    /// Paths of an image from anywhere, which serve what needs them and are not followed themselves
    /// ([`Base::unfollowed`](crate::Base::unfollowed)).
    pub unfollowed: BTreeSet<String>,
}

impl Globs {
    /// What keeps a path out of the image: a glob, or a preset.
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

    /// Compiles globs, each with the name that stands for it in what is said to a user; several may have one name.
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

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding() {
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
    fn what_is_kept_is_left_out_by_no_preset_but_by_prune() {
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
