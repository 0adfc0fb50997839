//! The command lines of `search` and `use`.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask search png                  packages with png in their names or descriptions
  cargo xtask search image library        packages with both words
  cargo xtask search --format json        all packages, as JSON

VERSION is the one that a build takes: the newest that its keywords and masks allow. A masked
package has its newest version, and a build takes none. Portage in the builder answers; a missing
builder is made first.")]
pub(crate) struct SearchArgs {
    /// Words to find, in any order and case [default: all packages]
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
    /// Format of the packages
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: SearchFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask use media-libs/libpng              versions and USE flags of a package
  cargo xtask use libpng --image thumbnailer     as this image has them
  cargo xtask use =media-libs/libpng-1.6.39      USE flags of one version

DECIDED BY is the strongest setting that names the flag: the profile forces or masks it, the keys
`package-use` and `use` of Cargo.toml, the profile's defaults, the ebuild's own default.")]
pub(crate) struct UseArgs {
    /// Package, as an atom or by a name that only one category has
    #[arg(value_name = "ATOM")]
    pub(crate) atom: String,
    /// Image whose settings count [default: the only one of the workspace]
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Format of the package
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: SearchFormat,
}

/// The values of `--format` of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SearchFormat {
    Text,
    Json,
}
