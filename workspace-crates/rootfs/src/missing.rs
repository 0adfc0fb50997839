//! What a closure needs and does not find.

use std::fmt;

use tierce_elf::{Class, Machine};

/// One library, interpreter or target of a link that something in the image needs and that is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The file that needs it.
    pub file: String,
    /// What it needs.
    pub wanted: Wanted,
    /// Where it was looked for, in order: directories, and the linker cache.
    pub searched: Vec<String>,
    /// What was found there and is not fit.
    pub rejected: Vec<Rejected>,
    /// How the closure came to `file`: from the program to it, both included.
    pub chain: Vec<String>,
}

/// What can be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A needed library, by its soname.
    Soname(String),
    /// One of several libraries, of which a dlopen note says that nothing works without it.
    OneOf(Vec<String>),
    /// A program's dynamic linker, by its path.
    Interpreter(String),
    /// What runs a script, by the path after its `#!`.
    ScriptInterpreter(String),
    /// What a link leads to, as the link has it.
    LinkTarget(String),
}

/// Something that has the right name and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its path as it was searched for.
    pub path: String,
    /// What is wrong with it.
    pub why: Rejection,
}

/// Why a file is not the one that is needed.
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
    /// One line: what, for whom, how that came in, what was found instead, where it was looked for.
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

/// All of them, a line each.
pub(crate) fn list(missing: &[Missing]) -> String {
    missing.iter().map(Missing::to_string).collect::<Vec<_>>().join("\n")
}
