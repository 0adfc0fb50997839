//! Pictures: sizes as squarified treemaps, graphs in layers. What comes out is one text, SVG or HTML, that refers to nothing
//! outside of it and holds no script. All names in it are foreign and are escaped.

mod graph;
mod markup;
mod treemap;

pub use graph::{Edge, Graph, Vertex, dot, mermaid, svg as graph_svg, tree};
pub use treemap::{Bar, Node, Rect, Row, Treemap, page as treemap_page, squarify, svg as treemap_svg};
