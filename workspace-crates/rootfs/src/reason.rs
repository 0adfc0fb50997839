//! The reason for each path of an image.

use std::fmt;

use serde::{Deserialize, Serialize};
use tierce_elf::Priority;

/// Why a path is in an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Reason {
    /// It is one of the programs that the image is made for.
    Program,
    /// The user's table names it as a file or a directory.
    Declared,
    /// The image's health check runs it: Tierce's own probe.
    Probe,
    /// The base image contains it.
    Base {
        /// The base image's name.
        image: String,
    },
    /// It is a file of a package, in an image of all packages.
    Package {
        /// `category/name`.
        package: String,
    },
    /// The merge made it and no package owns it, in an image of all packages.
    Merged,
    /// A script of the user's made or changed it.
    Hook {
        /// The hook's key: `hooks.finish`.
        hook: String,
    },
    /// It is the dynamic linker of a program.
    Interpreter {
        /// The program.
        of: String,
    },
    /// An ELF file needs it.
    Needed {
        /// The file that needs it.
        by: String,
        /// The needed name.
        soname: String,
        /// The step of `ld.so`'s search that finds it.
        via: Via,
    },
    /// An ELF file has a dlopen note for it.
    DlopenNote {
        /// The file with the note.
        by: String,
        /// The name that it passes to `dlopen`.
        soname: String,
        /// The feature, where it has a name.
        feature: Option<String>,
        /// How much the file depends on it.
        priority: Priority,
    },
    /// It serves a run-time dependency of an ELF file.
    #[serde(rename = "hidden")]
    RuntimeDep {
        /// The dependency's name.
        name: String,
        /// The file.
        by: String,
        /// The evidence in the file.
        trigger: Evidence,
    },
    /// A key of the image's table asks for it.
    Asked {
        /// The key.
        key: String,
    },
    /// A glob of the user's matches it, or a directory above it.
    Keep {
        /// The glob.
        pattern: String,
    },
    /// It is the interpreter of a script.
    ScriptInterpreter {
        /// The script.
        of: String,
    },
    /// It is a link on the way to a file of the image.
    LinkTo {
        /// The file.
        path: String,
    },
    /// A link of the image leads to it.
    TargetOf {
        /// The link.
        link: String,
    },
    /// It is a directory above a path of the image.
    ParentOf {
        /// The first path in it.
        path: String,
    },
    /// It is a part of ROOT's C library that an external base has too, and which fits only the other parts of ROOT's.
    RestOfLibc {
        /// The reference of the base.
        image: String,
    },
    /// It is the folder for temporary files, which programs expect.
    TemporaryFolder,
    /// It is the linker cache, made for the libraries of the image.
    LdCache,
}

/// The step of `ld.so`'s search that finds a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// The needed name is a path.
    Path,
    /// `DT_RPATH` of the object, or of one that loaded it.
    Rpath,
    /// `DT_RUNPATH` of the object.
    Runpath,
    /// The linker cache.
    Cache,
    /// A default directory.
    DefaultDirectory,
}

/// The evidence of a run-time dependency in an ELF file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// It calls this function.
    Calls(String),
    /// It is the library of this soname.
    Is(String),
    /// It contains this text.
    Mentions(String),
}

impl Reason {
    /// The path that this reason names, if it names one.
    #[must_use]
    pub fn because_of(&self) -> Option<&str> {
        match self {
            Self::Program
            | Self::Declared
            | Self::Probe
            | Self::Base { .. }
            | Self::Package { .. }
            | Self::Merged
            | Self::Asked { .. }
            | Self::Hook { .. }
            | Self::Keep { .. }
            | Self::RestOfLibc { .. }
            | Self::TemporaryFolder
            | Self::LdCache => None,
            Self::Interpreter { of } | Self::ScriptInterpreter { of } => Some(of),
            Self::Needed { by, .. } | Self::DlopenNote { by, .. } | Self::RuntimeDep { by, .. } => Some(by),
            Self::LinkTo { path } | Self::ParentOf { path } => Some(path),
            Self::TargetOf { link } => Some(link),
        }
    }

    /// Renames the path in the reason.
    pub(crate) fn renamed(self, now: &impl Fn(String) -> String) -> Self {
        match self {
            Self::Interpreter { of } => Self::Interpreter { of: now(of) },
            Self::ScriptInterpreter { of } => Self::ScriptInterpreter { of: now(of) },
            Self::Needed { by, soname, via } => Self::Needed { by: now(by), soname, via },
            Self::DlopenNote { by, soname, feature, priority } => {
                Self::DlopenNote { by: now(by), soname, feature, priority }
            }
            Self::RuntimeDep { name, by, trigger } => Self::RuntimeDep { name, by: now(by), trigger },
            Self::LinkTo { path } => Self::LinkTo { path: now(path) },
            Self::ParentOf { path } => Self::ParentOf { path: now(path) },
            Self::TargetOf { link } => Self::TargetOf { link: now(link) },
            other => other,
        }
    }

    /// The kind of reason, for tables.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Declared => "declared",
            Self::Probe => "health check",
            Self::Base { .. } => "base image",
            Self::Package { .. } => "package",
            Self::Merged => "made when merging",
            Self::Hook { .. } => "hook",
            Self::Interpreter { .. } => "interpreter",
            Self::Needed { .. } => "needed",
            Self::DlopenNote { .. } => "dlopen note",
            Self::RuntimeDep { .. } => "run-time dependency",
            Self::Asked { .. } => "asked for",
            Self::Keep { .. } => "kept",
            Self::ScriptInterpreter { .. } => "script interpreter",
            Self::LinkTo { .. } | Self::TargetOf { .. } => "link",
            Self::ParentOf { .. } | Self::TemporaryFolder => "directory",
            Self::RestOfLibc { .. } => "C library",
            Self::LdCache => "linker cache",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => formatter.write_str("a program of the image"),
            Self::Declared => formatter.write_str("declared by the image's table"),
            Self::Probe => formatter.write_str("the probe of the health check"),
            Self::Base { image } => write!(formatter, "in the base image {image}"),
            Self::Package { package } => write!(formatter, "a file of {package}"),
            Self::Merged => formatter.write_str("made when the packages were merged"),
            Self::Hook { hook } => write!(formatter, "made by {hook}"),
            Self::Interpreter { of } => write!(formatter, "the dynamic linker of {of}"),
            Self::Needed { by, soname, via } => write!(formatter, "{by} needs {soname}, found by {via}"),
            Self::DlopenNote { by, soname, feature: Some(feature), priority } => {
                write!(formatter, "{by} loads {soname} for its feature {feature} ({priority})")
            }
            Self::DlopenNote { by, soname, feature: None, priority } => {
                write!(formatter, "{by} loads {soname} ({priority})")
            }
            Self::RuntimeDep { name, by, trigger } => write!(formatter, "{name}: {by} {trigger}"),
            Self::Asked { key } => write!(formatter, "asked for by `{key}`"),
            Self::Keep { pattern } => write!(formatter, "kept by {pattern}"),
            Self::ScriptInterpreter { of } => write!(formatter, "the interpreter of {of}"),
            Self::LinkTo { path } => write!(formatter, "a link on the way to {path}"),
            Self::TargetOf { link } => write!(formatter, "the target of the link {link}"),
            Self::ParentOf { path } => write!(formatter, "the directory of {path}"),
            Self::RestOfLibc { image } => write!(formatter, "a part of the C library for the programs of {image}"),
            Self::TemporaryFolder => formatter.write_str("the folder for temporary files"),
            Self::LdCache => formatter.write_str("the linker cache for the libraries of the image"),
        }
    }
}

impl fmt::Display for Evidence {
    /// Continues a sentence that begins with the file's name.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls(function) => write!(formatter, "calls {function}"),
            Self::Is(soname) => write!(formatter, "is {soname}"),
            Self::Mentions(text) => write!(formatter, "mentions {text}"),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Path => "its path",
            Self::Rpath => "RPATH",
            Self::Runpath => "RUNPATH",
            Self::Cache => "ld.so.cache",
            Self::DefaultDirectory => "default directory",
        })
    }
}
