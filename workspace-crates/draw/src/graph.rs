//! Dependency graphs as text.

mod text;

pub use text::{dot, mermaid, tree};

/// A directed graph. An edge leads from a vertex to one that it needs. Cycles and loops are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Its vertices.
    pub vertices: Vec<Vertex>,
    /// Its edges, in the order in which they were added.
    pub edges: Vec<Edge>,
}

/// One vertex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// The first line of its label.
    pub name: String,
    /// A second line of its label; may be empty.
    pub detail: String,
    /// How it is drawn.
    pub emphasis: Emphasis,
}

/// Whether a vertex stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    /// A bold frame in Graphviz, square corners in Mermaid.
    Strong,
    /// A thin frame with rounded corners.
    Normal,
}

/// One edge, by the indices of its vertices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The vertex that needs the other one.
    pub from: usize,
    /// The vertex that is needed.
    pub to: usize,
}

impl Graph {
    /// Adds a vertex and returns its index.
    pub fn vertex(&mut self, name: impl Into<String>, detail: impl Into<String>, emphasis: Emphasis) -> usize {
        self.vertices.push(Vertex { name: name.into(), detail: detail.into(), emphasis });
        self.vertices.len() - 1
    }

    /// Adds an edge. Ignores a duplicate, and an index without a vertex.
    pub fn edge(&mut self, from: usize, to: usize) {
        let edge = Edge { from, to };
        if from < self.vertices.len() && to < self.vertices.len() && !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }

    /// The vertices that `vertex` needs, in the order of their edges.
    fn needs(&self, vertex: usize) -> impl Iterator<Item = usize> {
        self.edges.iter().filter(move |edge| edge.from == vertex).map(|edge| edge.to)
    }
}

#[cfg(test)]
mod tests;
