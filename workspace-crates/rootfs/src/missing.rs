//! Errors for needs of a closure that are absent.

use std::fmt;

use tierce_elf::{Class, Machine};

/// A library, interpreter or link target that the image needs and lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The file that needs it.
    pub file: String,
    /// The thing that it needs.
    pub wanted: Wanted,
    /// The searched places in order: directories, and the linker cache.
    pub searched: Vec<String>,
    /// The files found there that cannot be used.
    pub rejected: Vec<Rejected>,
    /// The chain from the program to `file`, both included.
    pub chain: Vec<String>,
}

/// The kinds of missing things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A needed library, by its soname.
    Soname(String),
    /// One of several libraries that a dlopen note requires.
    OneOf(Vec<String>),
    /// A program's dynamic linker, by its path.
    Interpreter(String),
    /// A script's interpreter, by the path after its `#!`.
    ScriptInterpreter(String),
    /// The target of a link, as the link names it.
    LinkTarget(String),
}

/// A file of the right name that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its path as searched.
    pub path: String,
    /// The reason.
    pub why: Rejection,
}

/// The reason why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It is for another processor, or another mode of it.
    Machine(Class, Machine),
    /// It is no ELF file, or a damaged one.
    NotElf(String),
    /// It is an ELF file that cannot be loaded: an object file, a program.
    NotShared,
    /// A glob of the user's, or a preset, keeps it out of the image.
    Pruned(String),
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Soname(name) => write!(formatter, "`{name}`"),
            Self::OneOf(names) => write!(formatter, "one of `{}`", names.join("`, `")),
            Self::Interpreter(path) => write!(formatter, "the dynamic linker `{path}`"),
            Self::ScriptInterpreter(path) => write!(formatter, "the interpreter `{path}`"),
            Self::LinkTarget(path) => write!(formatter, "the target `{path}`"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(class, machine) => write!(formatter, "is for {machine}, {class}"),
            Self::NotElf(problem) => write!(formatter, "is not an ELF file: {problem}"),
            Self::NotShared => formatter.write_str("is not a shared object"),
            Self::Pruned(pattern) => write!(formatter, "is pruned by `{pattern}`"),
        }
    }
}

impl fmt::Display for Missing {
    /// Writes one line: the missing thing, the file that needs it, the chain, rejected files, searched places.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "failed to find {}, needed by `{}`", self.wanted, self.file)?;
        if self.chain.len() > 1 {
            write!(formatter, " ({})", self.chain.join(" -> "))?;
        }
        for Rejected { path, why } in &self.rejected {
            write!(formatter, "; `{path}` {why}")?;
        }
        if !self.searched.is_empty() {
            write!(formatter, "; searched {}", self.searched.join(", "))?;
        }
        Ok(())
    }
}

/// Writes a line for each.
pub(crate) fn list(missing: &[Missing]) -> String {
    missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("\n")
}
