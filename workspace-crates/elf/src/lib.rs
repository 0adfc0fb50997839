//! The facts that the dynamic linker reads from an ELF file.
//!
//! [`Elf`] owns its facts: it is small, serialisable, and is read once for each file of a root filesystem. The reader uses the
//! program headers, as `ld.so` does, so a file may lack section headers. It uses section headers only to find symbols to strip
//! and called functions; [`sections()`] and [`link_interface`] use them for comparisons.
//!
//! Input is untrusted: [`Elf::parse`] and [`Elf::read`] never panic and hold at most some megabytes, whatever the file claims.

mod facts;
mod linking;
mod notes;
mod read;
mod runtime_deps;
mod sections;
mod versions;

pub use facts::{Class, Elf, Endianness, Kind, Machine};
pub use linking::link_interface;
pub use notes::{DlopenNote, Priority};
pub use sections::{Section, sections};

/// An error of reading a file that begins as an ELF file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A structure that lies outside of the file or contradicts another.
    #[error("failed to read the ELF {part}: {problem}")]
    Malformed {
        /// The structure, in the ELF specification's words.
        part: &'static str,
        /// The problem.
        problem: String,
    },
    /// A structure that is larger than any linker makes it.
    #[error("failed to read the ELF {part}: {size} is more than the limit of {limit}")]
    TooLarge {
        /// The structure, in the ELF specification's words.
        part: &'static str,
        /// The claimed size, in bytes or entries.
        size: u64,
        /// The limit, in the same unit.
        limit: u64,
    },
    /// A failed read of the file.
    #[error("failed to read an ELF file")]
    Io(#[from] std::io::Error),
}
