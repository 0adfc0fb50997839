//! Graphs of what needs what, as text of other programs and as a picture.

mod layers;
mod order;
mod positions;
mod svg;
mod text;

pub use svg::svg;
pub use text::{dot, mermaid, tree};

/// A directed graph. Edges go from what needs something to what is needed; most have no cycle, but one does no harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Its vertices.
    pub vertices: Vec<Vertex>,
    /// Its edges.
    pub edges: Vec<Edge>,
}

/// One vertex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// What is written into it.
    pub name: String,
    /// A second, smaller line; may be empty.
    pub detail: String,
    /// What kind of thing it is: vertices of a kind look the same. Those of kind 0 stand out.
    pub kind: u8,
}

/// One edge, by the numbers of its vertices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// What needs.
    pub from: usize,
    /// What is needed.
    pub to: usize,
}

impl Graph {
    /// Adds a vertex, and gives its number.
    pub fn vertex(&mut self, name: impl Into<String>, detail: impl Into<String>, kind: u8) -> usize {
        self.vertices.push(Vertex { name: name.into(), detail: detail.into(), kind });
        self.vertices.len() - 1
    }

    /// Adds an edge between two of its vertices, unless it is there.
    pub fn edge(&mut self, from: usize, to: usize) {
        let edge = Edge { from, to };
        if from < self.vertices.len() && to < self.vertices.len() && !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }

    /// What a vertex needs, in the order in which it was said.
    pub(crate) fn needs(&self, vertex: usize) -> impl Iterator<Item = usize> {
        self.edges.iter().filter(move |edge| edge.from == vertex).map(|edge| edge.to)
    }
}

#[cfg(test)]
mod tests;
