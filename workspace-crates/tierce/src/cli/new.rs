//! The command line of `new`.

use camino::Utf8PathBuf;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask new workspace ../mine                   create a workspace with a first image
  cargo xtask new image web --bin --expose 8080       add a Rust package with an image
  cargo xtask new image db --packages dev-db/sqlite --packages-only --entrypoint /usr/bin/sqlite3
  cargo xtask new builder --repository overlay        create a repository for your ebuilds

On a terminal, Tierce asks for missing arguments; elsewhere a missing argument is an error. Tierce
writes all files or none. It does not overwrite existing values, and prints those that it keeps.")]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    pub(crate) what: NewCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NewCommand {
    /// Create a workspace, or add the xtask to an existing one
    Workspace(NewWorkspaceArgs),
    /// Add an image of a new or existing Rust package, or of Gentoo packages alone
    Image(NewImageArgs),
    /// Choose the builder, or create a repository of ebuilds
    Builder(NewBuilderArgs),
}

impl NewCommand {
    /// Whether `--dry-run` was given.
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
  cargo xtask new workspace ../mine             create it from a clone of Tierce
  cargo xtask new workspace ../mine --dry-run   print the files, write none

In an empty folder this writes a Cargo.toml, the xtask, .cargo/config.toml, .gitignore and the
image hello. To a workspace or a single package it adds the xtask and its alias. The xtask is a
workspace of its own: your Cargo.lock stays as it is. If the project has an xtask already, Tierce
comes into the folder tierce-xtask, and its command is cargo tierce. Comments and order stay.")]
pub(crate) struct NewWorkspaceArgs {
    /// Folder of the workspace; created if missing [default: asked for]
    #[arg(value_name = "PATH")]
    pub(crate) folder: Option<Utf8PathBuf>,
    /// Let the xtask depend on a git repository of Tierce [default: this program's version, or the
    /// copy of the repository that the xtask was compiled from]
    #[arg(long, value_name = "URL", conflicts_with = "path")]
    pub(crate) git: Option<String>,
    /// Let the xtask depend on a copy of Tierce's repository
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<Utf8PathBuf>,
    /// Print a unified diff without writing any file
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask new image web --bin --packages media-libs/libpng --expose 8080
  cargo xtask new image db --packages dev-db/sqlite --packages-only --entrypoint /usr/bin/sqlite3
  cargo xtask new image web --bin --dry-run | git apply --check

With --bin, Tierce adds a table to the workspace's package of this name, or to the package with a
binary of this name. Otherwise it creates a package in images/NAME.")]
pub(crate) struct NewImageArgs {
    /// Name of the image [default: asked for]
    pub(crate) name: Option<String>,
    /// Create an image of a program of the workspace
    #[arg(long, conflicts_with = "packages_only")]
    pub(crate) bin: bool,
    /// Create an image of Gentoo packages, without a program of the workspace
    #[arg(long)]
    pub(crate) packages_only: bool,
    /// Atoms of Gentoo packages, separated by commas
    #[arg(long, value_name = "ATOMS")]
    pub(crate) packages: Option<String>,
    /// Program that a container starts; only with --packages-only
    #[arg(long, value_name = "PATH", conflicts_with = "bin")]
    pub(crate) entrypoint: Option<String>,
    /// Ports to expose, separated by commas: 8080,53/udp
    #[arg(long, value_name = "PORTS")]
    pub(crate) expose: Option<String>,
    /// Print a unified diff without writing any file
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask new builder --image registry.example/stage3:2026   use an image that has emerge
  cargo xtask new builder --rootfs stage3.tar.xz                 use an archive or a folder
  cargo xtask new builder --repository overlay                   create a repository in ./overlay

A new repository has an example with its Manifest, dev-libs/libyaml: add it to `packages` of an
image to build it. cargo xtask manifest writes the Manifests of your own ebuilds.")]
pub(crate) struct NewBuilderArgs {
    /// Use Debian with Portage, the default
    #[arg(long, group = "kind")]
    pub(crate) debian: bool,
    /// Use an image that has emerge
    #[arg(long, value_name = "REF", group = "kind")]
    pub(crate) image: Option<String>,
    /// Use a root filesystem that has emerge: an archive or a folder
    #[arg(long, value_name = "PATH", group = "kind")]
    pub(crate) rootfs: Option<String>,
    /// Create a repository of ebuilds with this name, and an example in it
    #[arg(long, value_name = "NAME", group = "kind")]
    pub(crate) repository: Option<String>,
    /// Folder of the repository, relative to the workspace's root [default: its name]
    #[arg(long, value_name = "DIR", requires = "repository")]
    pub(crate) path: Option<Utf8PathBuf>,
    /// Print a unified diff without writing any file
    #[arg(long)]
    pub(crate) dry_run: bool,
}
