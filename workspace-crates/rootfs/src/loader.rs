//! The settings of a root filesystem's dynamic linker that differ between builds of glibc.

use tierce_elf::{Elf, Machine};

use crate::{Error, LdCache};

/// The settings of one `ld.so`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loader {
    /// The folders that it searches last, in order.
    pub default_directories: Vec<String>,
    /// The value of `$LIB`, such as `lib64` or `lib/x86_64-linux-gnu`.
    pub lib: String,
    /// The `glibc-hwcaps` folders that some processor uses, the best first.
    pub hwcaps: Vec<String>,
    /// The linker cache; empty if the root filesystem has no cache.
    pub cache: LdCache,
}

impl Loader {
    /// Reads the output of `ld.so --list-diagnostics` (glibc 2.33 and later). Ignores its facts about the host's processor: the
    /// image runs on others too.
    ///
    /// # Errors
    /// [`Error::Read`] for a text that names no default folder.
    pub fn of_diagnostics(text: &str, cache: LdCache) -> Result<Self, Error> {
        let mut loader = Self { cache, ..Self::default() };
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim_matches('"');
            match key {
                "dl_dst_lib" => value.clone_into(&mut loader.lib),
                "dl_hwcaps_subdirs" => loader.hwcaps = value.split(':').map(str::to_owned).collect(),
                // Written in order.
                _ if key.starts_with("path.system_dirs[") => {
                    let directory = value.trim_end_matches('/');
                    loader.default_directories.push(if directory.is_empty() { "/" } else { directory }.to_owned());
                }
                _ => {}
            }
        }
        if loader.default_directories.is_empty() {
            let source = std::io::Error::other("it names no default folder");
            return Err(Error::Read { what: "the dynamic linker's diagnostics".to_owned(), source });
        }
        Ok(loader)
    }

    /// The directories of an `RPATH` or `RUNPATH`, with tokens expanded, for an object in `origin`. Leaves out relative
    /// and empty ones: they depend on a process's working directory.
    pub(crate) fn directories(&self, list: &str, origin: &str, elf: &Elf) -> Vec<String> {
        list.split(':')
            .map(|directory| self.expand(directory, origin, elf))
            .filter(|directory| directory.starts_with('/'))
            .collect()
    }

    /// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`, in braces or not.
    pub(crate) fn expand(&self, text: &str, origin: &str, elf: &Elf) -> String {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            expanded.push_str(&rest[..at]);
            let token = &rest[at..];
            let values = [("ORIGIN", origin), ("LIB", &self.lib), ("PLATFORM", platform(elf.machine))];
            let found = values.into_iter().find_map(|(name, value)| Some((value, after_token(token, name)?)));
            let (value, behind) = found.unwrap_or(("$", &token[1..]));
            expanded.push_str(value);
            rest = behind;
        }
        expanded + rest
    }
}

/// Returns the rest of `text` after `$NAME` or `${NAME}` at its beginning.
fn after_token<'text>(text: &'text str, name: &str) -> Option<&'text str> {
    let text = text.strip_prefix('$')?;
    if let Some(rest) = text.strip_prefix('{') {
        return rest.strip_prefix(name)?.strip_prefix('}');
    }
    let rest = text.strip_prefix(name)?;
    let continues = rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
    (!continues).then_some(rest)
}

/// The kernel's `AT_PLATFORM`. Older glibc uses a name of the host's processor instead.
fn platform(machine: Machine) -> &'static str {
    match machine {
        Machine::X86_64 => "x86_64",
        Machine::I386 => "i686",
        Machine::AARCH64 => "aarch64",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_elf::{Class, Endianness, Kind};

    #[test]
    fn diagnostics_are_read() {
        let text = "dl_dst_lib=\"lib/x86_64-linux-gnu\"\ndl_hwcaps_subdirs=\"x86-64-v4:x86-64-v3:x86-64-v2\"\n\
            dl_hwcaps_subdirs_active=0x7\npath.system_dirs[0x0]=\"/lib/x86_64-linux-gnu/\"\n\
            path.system_dirs[0x1]=\"/usr/lib/\"\nversion.version=\"2.36\"\n";
        let loader = Loader::of_diagnostics(text, LdCache::default()).unwrap();
        assert_eq!(loader.default_directories, ["/lib/x86_64-linux-gnu", "/usr/lib"]);
        assert_eq!(loader.hwcaps, ["x86-64-v4", "x86-64-v3", "x86-64-v2"]);
        assert_eq!(loader.lib, "lib/x86_64-linux-gnu");
        assert!(Loader::of_diagnostics("ld.so: unrecognized option", LdCache::default()).is_err());
    }

    #[test]
    fn tokens_are_expanded() {
        let loader = Loader { lib: "lib64".to_owned(), ..Loader::default() };
        let elf = Elf::bare(Class::Elf64, Endianness::Little, Machine::X86_64, Kind::Shared);
        let cases = [
            ("$ORIGIN/../$LIB", "/opt/bin/../lib64"),
            ("${ORIGIN}x/${LIB}/$PLATFORM", "/opt/binx/lib64/x86_64"),
            ("$ORIGINAL/$", "$ORIGINAL/$"),
            ("${ORIGIN", "${ORIGIN"),
            ("/plain", "/plain"),
        ];
        for (text, expected) in cases {
            assert_eq!(loader.expand(text, "/opt/bin", &elf), expected);
        }
        assert_eq!(loader.directories("$ORIGIN::lib:/x", "/o", &elf), ["/o", "/x"]);
    }
}
