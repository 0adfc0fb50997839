//! The command line of `manifest`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask manifest overlay                     add the missing entries of all packages
  cargo xtask manifest overlay dev-libs/libyaml    of one package
  cargo xtask manifest overlay --force             rewrite all entries

Portage in the builder lists the sources of the ebuilds, for all versions and USE flags. Tierce
downloads those without an entry and writes their BLAKE2B and SHA512 digests (GLEP 74). It keeps
existing entries, and removes those of sources that no ebuild names. Compare the digests with
those that upstream publishes before you commit them.")]
pub(crate) struct ManifestArgs {
    /// Repository of `repositories` in [workspace.metadata.image]
    pub(crate) repository: String,
    /// Packages, as category/name [default: all of the repository]
    #[arg(value_name = "PACKAGE")]
    pub(crate) packages: Vec<String>,
    /// Download all sources and rewrite their entries
    #[arg(long)]
    pub(crate) force: bool,
}
