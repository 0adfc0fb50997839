//! The globs by which a user keeps and prunes.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{Error, path};

/// Globs over absolute paths. `*` and `?` stay within a component, `**` does not. A glob that matches a directory stands
/// for everything below it as well.
#[derive(Clone, Debug)]
pub struct Patterns {
    texts: Vec<String>,
    set: GlobSet,
}

impl Patterns {
    /// Compiles globs; they keep their order.
    ///
    /// # Errors
    /// [`Error::Pattern`].
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        let texts: Vec<String> = texts.into_iter().map(|text| text.as_ref().to_owned()).collect();
        let wrong = |pattern: &str| {
            let pattern = pattern.to_owned();
            move |source| Error::Pattern { pattern, source }
        };
        let mut builder = GlobSetBuilder::new();
        for text in &texts {
            builder.add(GlobBuilder::new(text).literal_separator(true).build().map_err(wrong(text))?);
        }
        let set = builder.build().map_err(wrong(&texts.join(" ")))?;
        Ok(Self { texts, set })
    }

    /// The first glob that matches the path or a directory above it.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&str> {
        if self.texts.is_empty() {
            return None;
        }
        std::iter::once(path)
            .chain(path::parents(path))
            .find_map(|path| self.set.matches(path).first().map(|&index| self.texts[index].as_str()))
    }

    /// The globs as they were written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
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
        assert_eq!(Patterns::new(["/a[b"]).unwrap_err().to_string(), "failed to read the pattern `/a[b`");
    }
}
