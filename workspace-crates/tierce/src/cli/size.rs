//! The arguments of `size`.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};

use super::Format;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask size web                              show the largest owners, layers and reasons
  cargo xtask size web --by directory               show every folder
  cargo xtask size web --against web:1.2            compare with another image
  cargo xtask size web --html --svg                 draw it to target/tierce/images/web
  cargo xtask size web --format json                print every file as JSON
  cargo xtask size registry.example/other:3         show an external image of the daemon

Tierce reads the last build of an image of the workspace, and builds an image that was never
built. All sizes are uncompressed. The size of an image is the sum of its layers, as docker shows
it; all others count regular files.

Stdout has the tables, or the JSON, and nothing else.")]
pub(crate) struct SizeArgs {
    /// Image of the workspace, reference of the daemon, OCI layout or archive
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// Show the differences from this image
    #[arg(long, value_name = "REF|LAYOUT|ARCHIVE")]
    pub(crate) against: Option<String>,
    /// Group files by this, and show every group [default: the largest by owner, layer and reason]
    #[arg(long, value_name = "GROUPING")]
    pub(crate) by: Option<Grouping>,
    /// Write an interactive HTML page [default: size.html beside the image's report]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) html: Option<Utf8PathBuf>,
    /// Write an SVG picture [default: size.svg beside the image's report]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) svg: Option<Utf8PathBuf>,
    /// json: print every file and every group as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

/// The values of `size --by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grouping {
    Owner,
    Directory,
    Layer,
    Reason,
    File,
}
