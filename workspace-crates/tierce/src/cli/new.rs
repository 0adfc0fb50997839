//! The command line of `new`.

use camino::Utf8PathBuf;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask new workspace ../mine                   a workspace with the xtask and a first image
  cargo xtask new image web --bin --expose 8080       a package with a table, below images
  cargo xtask new image db --packages dev-db/sqlite --packages-only --entrypoint /usr/bin/sqlite3
  cargo xtask new builder --repository overlay        ebuilds of one's own

On a terminal, what is needed and not said is asked; elsewhere it is an error. All files are written,
or none of them. Nothing is overwritten: what is there already is left as it is, and told.")]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    pub(crate) what: NewCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NewCommand {
    /// Make a workspace, or add the xtask to one that is there
    Workspace(NewWorkspaceArgs),
    /// Add an image: a package of Rust, a table for one that is there, or packages alone
    Image(NewImageArgs),
    /// Say what Portage runs in, or begin a repository of ebuilds
    Builder(NewBuilderArgs),
}

impl NewCommand {
    /// Whether nothing is to be written.
    pub(crate) fn dry_run(&self) -> bool {
        match self {
            NewCommand::Workspace(arguments) => arguments.dry_run,
            NewCommand::Image(arguments) => arguments.dry_run,
            NewCommand::Builder(arguments) => arguments.dry_run,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask new workspace ../mine             in a copy of Tierce's repository, for a first xtask
  cargo xtask new workspace ../mine --dry-run   what would be written

An empty folder gets a Cargo.toml, the xtask, .cargo/config.toml, .gitignore and the image hello. A
workspace gets the xtask as a member, the alias and its profile; a single package becomes a workspace.
Comments and order of what is there stay.")]
pub(crate) struct NewWorkspaceArgs {
    /// The folder, which is made if need be [default: asked for]
    #[arg(value_name = "PATH")]
    pub(crate) folder: Option<Utf8PathBuf>,
    /// A copy of Tierce's repository, or the address of one for git [default: the copy that this
    /// program was compiled from]
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) tierce: Option<String>,
    /// Print what would be written, as diff -u does, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask new image web --bin --packages media-libs/libpng --expose 8080
  cargo xtask new image db --packages dev-db/sqlite --packages-only --entrypoint /usr/bin/sqlite3
  cargo xtask new image web --bin --dry-run | git apply --check

With --bin, a package of the workspace that has the image's name gets a table; where there is none, a
package is made in images/NAME.")]
pub(crate) struct NewImageArgs {
    /// The image's name [default: asked for]
    pub(crate) name: Option<String>,
    /// It holds a program of the workspace
    #[arg(long, conflicts_with = "packages_only")]
    pub(crate) bin: bool,
    /// It holds packages and no program of the workspace
    #[arg(long)]
    pub(crate) packages_only: bool,
    /// Atoms of packages, separated by commas
    #[arg(long, value_name = "ATOMS")]
    pub(crate) packages: Option<String>,
    /// With --packages-only: the program that a container starts
    #[arg(long, value_name = "PATH", conflicts_with = "bin")]
    pub(crate) entrypoint: Option<String>,
    /// Ports, separated by commas: 8080,53/udp
    #[arg(long, value_name = "PORTS")]
    pub(crate) expose: Option<String>,
    /// Print what would be written, as diff -u does, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask new builder --image registry.example/stage3:2026   an image that has emerge
  cargo xtask new builder --rootfs stage3.tar.xz                 an unpacked or packed root that has it
  cargo xtask new builder --repository overlay                   ebuilds of one's own, in ./overlay")]
pub(crate) struct NewBuilderArgs {
    /// Debian with Portage, which is what holds where nothing is said
    #[arg(long, group = "kind")]
    pub(crate) debian: bool,
    /// An image that has emerge
    #[arg(long, value_name = "REF", group = "kind")]
    pub(crate) image: Option<String>,
    /// A root filesystem that has emerge: an archive or a folder
    #[arg(long, value_name = "PATH", group = "kind")]
    pub(crate) rootfs: Option<String>,
    /// A repository of ebuilds with this name
    #[arg(long, value_name = "NAME", group = "kind")]
    pub(crate) repository: Option<String>,
    /// The folder of the repository, from the workspace's root [default: its name]
    #[arg(long, value_name = "DIR", requires = "repository")]
    pub(crate) path: Option<Utf8PathBuf>,
    /// Print what would be written, as diff -u does, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
