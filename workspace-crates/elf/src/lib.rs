//! What the dynamic linker reads from an ELF file, and nothing else.
//!
//! [`Elf`] holds facts, not references: it is small, serialisable, and is read once for each file of a root filesystem.
//! Reading goes through the program headers, as `ld.so` does, so files without section headers are read as well; the
//! section headers are looked at only to say whether there are symbols to strip and which functions are called, and by [`sections()`] and [`link_interface`]
//! for comparisons.
//!
//! Every byte is taken to be hostile: [`Elf::parse`] and [`Elf::read`] never panic and hold at most some megabytes,
//! whatever the file says.

mod facts;
mod hidden;
mod linking;
mod notes;
mod read;
mod sections;
mod versions;

pub use facts::{Class, Elf, Endianness, Kind, Machine};
pub use linking::link_interface;
pub use notes::{DlopenNote, Priority};
pub use sections::{Section, sections};

/// Why a file that begins as an ELF file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A structure lies outside of the file or contradicts another.
    #[error("failed to read the ELF {part}: {problem}")]
    Malformed {
        /// The structure, in the ELF specification's words.
        part: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A structure is larger than any linker would make it, and is not read.
    #[error("failed to read the ELF {part}: {size} is more than the limit of {limit}")]
    TooLarge {
        /// The structure, in the ELF specification's words.
        part: &'static str,
        /// What the file claims, in bytes or entries.
        size: u64,
        /// What is accepted, in the same unit.
        limit: u64,
    },
    /// The file itself could not be read.
    #[error("failed to read an ELF file")]
    Io(#[from] std::io::Error),
}
