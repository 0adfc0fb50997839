//! The arguments of `size`.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

use super::Format;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask size web                              the largest owners, layers and reasons
  cargo xtask size web --by directory               every folder; owner, layer, reason and file likewise
  cargo xtask size web --against web:1.2            what grew, shrank, came and went
  cargo xtask size web --html --svg                 pictures, below target/tierce/images/web
  cargo xtask size web --format json                every file, as data
  cargo xtask size registry.example/other:3         an image of the daemon that is not of this workspace

An image of the workspace is taken as it was built last, and built if it was not yet. Sizes are of what is not
compressed: of an image those of its layers, as docker tells them, of everything else those of the regular files.

stdout gets the tables, or the JSON, and nothing else.")]
pub(crate) struct SizeArgs {
    /// An image of the workspace, or any that is stored: a reference in the daemon, a layout, an archive
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// Say what is different from this one
    #[arg(long, value_name = "REF|LAYOUT|ARCHIVE")]
    pub(crate) against: Option<String>,
    /// What files are put together by; all groups are told then [default: the largest by owner, layer and reason]
    #[arg(long, value_name = "WHAT")]
    pub(crate) by: Option<Grouping>,
    /// Draw a page to look into [default: size.html beside the image's report]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) html: Option<Utf8PathBuf>,
    /// Draw a picture [default: size.svg beside the image's report]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) svg: Option<Utf8PathBuf>,
    /// json: every file and all groups, as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

/// What files are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grouping {
    Owner,
    Directory,
    Layer,
    Reason,
    File,
}
