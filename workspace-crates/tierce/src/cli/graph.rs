//! The arguments of `graph`.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask graph                               print images and their packages as a tree
  cargo xtask graph | dot -Tsvg > graph.svg       draw them with Graphviz
  cargo xtask graph --steps                       print the steps of a run
  cargo xtask graph --format mermaid              print them for a Markdown document

The graph has the packages of Tierce.lock with their enabled USE flags. An edge leads from a
package to its build or run-time dependency. Stdout has the graph and nothing else.")]
pub(crate) struct GraphArgs {
    /// Images to show [default: all of the workspace, except the toolbox]
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Print the steps of a run instead of packages
    #[arg(long)]
    pub(crate) steps: bool,
    /// Format of the graph [default: text on a terminal, otherwise dot]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<GraphFormat>,
}

/// The values of `graph --format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    Text,
    Dot,
    Mermaid,
}
