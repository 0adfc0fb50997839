//! Presets: files that an image of packages leaves out, because nothing needs them at run time.

/// A kind of files that an image of packages leaves out, unless `keep` names the preset or matches the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name, as in `keep`.
    pub name: &'static str,
    /// Its files: globs over ROOT, with the syntax of `prune`.
    pub globs: &'static [&'static str],
    /// A description of the files, in one line.
    pub doc: &'static str,
}

/// The presets, by name.
pub const PRESETS: &[Preset] = &[
    Preset { name: "aclocal", globs: &["/usr/share/aclocal"], doc: "Macros of autoconf." },
    Preset { name: "cmake", globs: &["/usr/lib*/cmake", "/usr/share/cmake"], doc: "CMake's descriptions of packages." },
    Preset {
        name: "completions",
        globs: &["/usr/share/bash-completion", "/usr/share/fish", "/usr/share/zsh"],
        doc: "Completions of shells.",
    },
    Preset { name: "config-scripts", globs: &["/usr/bin/*-config"], doc: "Scripts that print how to link a library." },
    Preset {
        name: "debug",
        globs: &["/usr/lib/debug", "/usr/src/debug"],
        doc: "Debug symbols; Tierce keeps them beside the image.",
    },
    Preset {
        name: "docs",
        globs: &["/usr/share/doc", "/usr/share/gtk-doc"],
        doc: "Documents and examples; packages install them only with `-nodoc` in FEATURES of `make-conf`.",
    },
    Preset {
        name: "gconv",
        globs: &["/usr/lib*/gconv", "/usr/lib/*/gconv"],
        doc: "Converters of character sets; the key `gconv` adds those that an image needs.",
    },
    Preset { name: "headers", globs: &["/usr/include"], doc: "Headers of C and C++." },
    Preset {
        name: "info",
        globs: &["/usr/share/info"],
        doc: "Manuals of GNU info; packages install them only with `-noinfo` in FEATURES.",
    },
    Preset {
        name: "locale",
        globs: &["/usr/share/i18n", "/usr/share/locale"],
        doc: "Translations, and the sources of locales.",
    },
    Preset {
        name: "man",
        globs: &["/usr/share/man"],
        doc: "Manual pages; packages install them only with `-noman` in FEATURES.",
    },
    Preset {
        name: "pkgconfig",
        globs: &["/usr/lib*/pkgconfig", "/usr/share/pkgconfig"],
        doc: "pkg-config's descriptions of libraries.",
    },
    Preset {
        name: "static-libs",
        globs: &["/usr/lib*/**/*.a", "/usr/lib*/**/*.la"],
        doc: "Static libraries, and libtool's notes on libraries.",
    },
    Preset {
        name: "vdb",
        globs: &["/etc/env.d", "/var/db/pkg"],
        doc: "Portage's database of installed packages, and files that only Portage reads.",
    },
];

impl Preset {
    /// Returns the preset of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::image_glob;

    #[test]
    fn presets_are_sorted_and_valid() {
        assert!(PRESETS.is_sorted_by(|a, b| a.name < b.name));
        for preset in PRESETS {
            assert!(preset.globs.iter().all(|glob| image_glob(glob).is_ok()), "{}", preset.name);
            assert!(preset.doc.ends_with('.') && !preset.doc.contains('\n'), "{}", preset.name);
        }
    }

    #[test]
    fn presets_match_their_own_files_only() {
        let matches = |path: &str| {
            let globs = |preset: &&Preset| preset.globs.iter().map(|glob| image_glob(glob).expect("a glob"));
            let above =
                |path: &str| camino::Utf8Path::new(path).ancestors().map(|path| path.to_string()).collect::<Vec<_>>();
            let one = |preset: &&Preset| {
                globs(preset).any(|glob| above(path).iter().any(|path| glob.compile_matcher().is_match(path)))
            };
            PRESETS.iter().filter(one).map(|preset| preset.name).collect::<Vec<_>>().join(" ")
        };
        for (path, preset) in [
            ("/usr/share/man/man1/a.1", "man"),
            ("/usr/lib64/libz.a", "static-libs"),
            ("/usr/lib/x/y/libz.la", "static-libs"),
            ("/usr/lib64/pkgconfig/zlib.pc", "pkgconfig"),
            ("/usr/bin/libpng16-config", "config-scripts"),
            ("/var/db/pkg/sys-libs/zlib-1/CONTENTS", "vdb"),
            ("/usr/lib/debug/.build-id/ab/cd.debug", "debug"),
            ("/usr/lib64/libz.so.1", ""),
            ("/usr/lib/locale/C.utf8/LC_CTYPE", ""),
            ("/usr/share/misc/magic", ""),
            ("/etc/passwd", ""),
        ] {
            assert_eq!(matches(path), preset, "{path}");
        }
    }
}
