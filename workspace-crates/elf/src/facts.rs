//! The facts of an ELF file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::DlopenNote;

/// The facts of one ELF file: its kind and its needs.
///
/// Strings of the dynamic section are unchanged: a search has to expand `$ORIGIN` and other tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elf {
    /// 32 or 64 bits.
    pub class: Class,
    /// Byte order.
    pub endianness: Endianness,
    /// The processor (`e_machine`).
    pub machine: Machine,
    /// The kind of file (`e_type`).
    pub kind: Kind,
    /// Whether it has a dynamic section. A program without one, or without an interpreter, is static.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dynamic: bool,
    /// `DF_1_PIE`: a program of the type of a shared object.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pie: bool,
    /// `DF_1_NODEFLIB`: `ld.so` does not search the default folders for its needs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_default_libraries: bool,
    /// `PT_INTERP`: the path of the program's dynamic linker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// `DT_SONAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
    /// `DT_NEEDED`, in the order of the file and of the search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// `DT_RPATH`, colon-separated. Has no effect beside a `DT_RUNPATH`, even an empty one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpath: Option<String>,
    /// `DT_RUNPATH`, colon-separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runpath: Option<String>,
    /// The GNU build-id, in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The dlopen notes: libraries that it may load at run time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dlopen: Vec<DlopenNote>,
    /// Whether a dlopen note is malformed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub malformed_dlopen_note: bool,
    /// Its undefined dynamic symbols that are in [`tierce_runtime_deps::symbols`]. Unknown, so empty, without section headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<String>,
    /// The texts of [`tierce_runtime_deps::texts`] that its bytes contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// The newest version of glibc's interface that it defines, as 2.36. For the C library, that is its own version. `None` without
    /// section headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<(u16, u16)>,
    /// Whether it has a symbol table (`SHT_SYMTAB`), which `strip --strip-all` removes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub symbols: bool,
    /// Whether it has debugging sections (`.debug_info` and others), which `strip --strip-debug` removes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub debug_info: bool,
}

impl Elf {
    /// The facts of an object that has only a header; a start for others.
    #[must_use]
    pub fn bare(class: Class, endianness: Endianness, machine: Machine, kind: Kind) -> Self {
        Self {
            class,
            endianness,
            machine,
            kind,
            dynamic: false,
            pie: false,
            no_default_libraries: false,
            interpreter: None,
            soname: None,
            needed: Vec::new(),
            rpath: None,
            runpath: None,
            build_id: None,
            dlopen: Vec::new(),
            malformed_dlopen_note: false,
            imports: Vec::new(),
            glibc: None,
            mentions: Vec::new(),
            symbols: false,
            debug_info: false,
        }
    }

    /// Whether it is a program without a dynamic linker.
    #[must_use]
    pub fn is_static_program(&self) -> bool {
        self.interpreter.is_none() && (self.kind == Kind::Executable || self.pie)
    }

    /// Whether one process can hold both: same class, byte order and machine, as `ld.so` compares them.
    #[must_use]
    pub fn is_compatible_with(&self, other: &Self) -> bool {
        (self.class, self.endianness, self.machine) == (other.class, other.endianness, other.machine)
    }
}

/// `EI_CLASS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// 32-bit objects.
    #[serde(rename = "32")]
    Elf32,
    /// 64-bit objects.
    #[serde(rename = "64")]
    Elf64,
}

/// `EI_DATA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endianness {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// `e_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `ET_EXEC`: a program at a fixed address.
    Executable,
    /// `ET_DYN`: a shared object, or a position-independent program.
    Shared,
    /// `ET_REL`: an object file, for the link editor.
    Relocatable,
    /// `ET_CORE` and everything else.
    Other,
}

/// `e_machine`, by the numbers of the ELF registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Machine(pub u16);

impl Machine {
    /// `EM_386`.
    pub const I386: Self = Self(3);
    /// `EM_PPC64`.
    pub const PPC64: Self = Self(21);
    /// `EM_S390`.
    pub const S390: Self = Self(22);
    /// `EM_ARM`.
    pub const ARM: Self = Self(40);
    /// `EM_X86_64`.
    pub const X86_64: Self = Self(62);
    /// `EM_AARCH64`.
    pub const AARCH64: Self = Self(183);
    /// `EM_RISCV`.
    pub const RISCV: Self = Self(243);
    /// `EM_LOONGARCH`.
    pub const LOONGARCH: Self = Self(258);
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::I386 => "i386",
            Self::PPC64 => "ppc64",
            Self::S390 => "s390",
            Self::ARM => "arm",
            Self::X86_64 => "x86-64",
            Self::AARCH64 => "aarch64",
            Self::RISCV => "riscv",
            Self::LOONGARCH => "loongarch",
            Self(number) => return write!(formatter, "machine {number}"),
        };
        formatter.write_str(name)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Elf32 => "32-bit",
            Self::Elf64 => "64-bit",
        })
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
