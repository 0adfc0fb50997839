//! A graph as text: a tree for people, and the languages of Graphviz and Mermaid.

use super::{Graph, Vertex};

/// A tree below each vertex that nothing needs. What a vertex that was there before needs is not said again: `(*)`.
#[must_use]
pub fn tree(graph: &Graph) -> String {
    let mut tree = Tree { graph, seen: vec![false; graph.vertices.len()], text: String::new() };
    let is_needed = |vertex: &usize| graph.edges.iter().any(|edge| edge.to == *vertex && edge.from != edge.to);
    let (needed, roots): (Vec<usize>, Vec<usize>) = (0..graph.vertices.len()).partition(is_needed);
    // What is only needed by what it needs itself has no root above it.
    for vertex in roots.into_iter().chain(needed) {
        if !tree.seen[vertex] {
            tree.line(vertex, "", "");
        }
    }
    tree.text
}

struct Tree<'g> {
    graph: &'g Graph,
    seen: Vec<bool>,
    text: String,
}

impl Tree<'_> {
    /// A vertex, and below it what it needs. `first` begins its own line, `rest` those below it.
    fn line(&mut self, vertex: usize, first: &str, rest: &str) {
        let needs: Vec<usize> = self.graph.needs(vertex).collect();
        let again = std::mem::replace(&mut self.seen[vertex], true) && !needs.is_empty();
        let Vertex { name, detail, .. } = &self.graph.vertices[vertex];
        let detail = if detail.is_empty() { String::new() } else { format!("  {detail}") };
        let mark = if again { " (*)" } else { "" };
        self.text.push_str(&format!("{first}{name}{detail}{mark}\n"));
        if again {
            return;
        }
        for (at, below) in needs.iter().enumerate() {
            let (branch, line) = if at + 1 == needs.len() { ("└── ", "    ") } else { ("├── ", "│   ") };
            self.line(*below, &format!("{rest}{branch}"), &format!("{rest}{line}"));
        }
    }
}

/// The language of Graphviz.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut text = String::from(
        "digraph {\n    node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11]\n    edge [arrowsize=0.6]\n",
    );
    for (at, vertex) in graph.vertices.iter().enumerate() {
        let label = match vertex.detail.as_str() {
            "" => quoted(&vertex.name),
            detail => format!("{}\\n{}", quoted(&vertex.name), quoted(detail)),
        };
        let look = if vertex.kind == 0 { ", style=\"rounded,bold\"" } else { "" };
        text.push_str(&format!("    n{at} [label=\"{label}\"{look}]\n"));
    }
    graph.edges.iter().for_each(|edge| text.push_str(&format!("    n{} -> n{}\n", edge.from, edge.to)));
    text + "}\n"
}

/// Text within quotes of Graphviz: a backslash begins an escape there.
fn quoted(text: &str) -> String {
    let text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The language of Mermaid.
#[must_use]
pub fn mermaid(graph: &Graph) -> String {
    let mut text = String::from("flowchart TD\n");
    for (at, vertex) in graph.vertices.iter().enumerate() {
        let detail =
            if vertex.detail.is_empty() { String::new() } else { format!("<br/>{}", entities(&vertex.detail)) };
        let (open, close) = if vertex.kind == 0 { ("[", "]") } else { ("(", ")") };
        text.push_str(&format!("    n{at}{open}\"{}{detail}\"{close}\n", entities(&vertex.name)));
    }
    graph.edges.iter().for_each(|edge| text.push_str(&format!("    n{} --> n{}\n", edge.from, edge.to)));
    text
}

/// Text within quotes of Mermaid, which takes HTML there and has codes of its own for what means something.
fn entities(text: &str) -> String {
    let entity = |character: char| match character {
        '"' | '#' | '&' | '<' | '>' | '`' | '\\' | '*' | '_' => format!("#{};", u32::from(character)),
        other if other.is_control() => " ".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(entity).collect()
}
