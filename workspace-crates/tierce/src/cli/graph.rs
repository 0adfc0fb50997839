//! The arguments of `graph`.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask graph                               images and their packages as a tree
  cargo xtask graph | dot -Tsvg > graph.svg       drawn by Graphviz
  cargo xtask graph web --format svg > web.svg    drawn without it
  cargo xtask graph --steps                       what a run does, and after what
  cargo xtask graph --format mermaid              for documents

Packages are those of Tierce.lock, each with the flags that are on; an edge leads to what a package needs to be
built or to run. The picture leaves out edges that others imply. stdout gets the graph and nothing else.")]
pub(crate) struct GraphArgs {
    /// Which images [default: all of the workspace, without the toolbox]
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// The steps of a run instead of packages
    #[arg(long)]
    pub(crate) steps: bool,
    /// How to print it [default: text on a terminal, dot elsewhere]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<GraphFormat>,
}

/// The forms of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    Text,
    Dot,
    Mermaid,
    Svg,
}
