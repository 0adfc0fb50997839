//! Sizes as squarified treemaps in SVG and HTML; graphs as a tree of text, for Graphviz and for Mermaid.
//!
//! Each function returns one text. SVG and HTML refer to no other file and contain no script. All names are untrusted: every
//! format escapes them.

mod graph;
mod markup;
mod treemap;

pub use graph::{Edge, Emphasis, Graph, Vertex, dot, mermaid, tree};
pub use treemap::{Bar, Node, Rect, Row, Treemap, page as treemap_page, squarify, svg as treemap_svg};
