//! A graph as a tree for the terminal, and in the languages of Graphviz and Mermaid.

use super::{Emphasis, Graph, Vertex};

/// Prints a tree below each vertex that no other vertex needs. A vertex prints its needs once; later it is marked `(*)`.
#[must_use]
pub fn tree(graph: &Graph) -> String {
    let mut tree = Tree { graph, seen: vec![false; graph.vertices.len()], text: String::new() };
    let is_needed = |vertex: &usize| graph.edges.iter().any(|edge| edge.to == *vertex && edge.from != edge.to);
    let (needed, roots): (Vec<usize>, Vec<usize>) = (0..graph.vertices.len()).partition(is_needed);
    // A cycle that nothing outside of it needs has no root: its first vertex becomes one.
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
    /// Prints a vertex and, below it, its needs. `first` is the prefix of its own line, `rest` that of the lines below.
    fn line(&mut self, vertex: usize, first: &str, rest: &str) {
        let needs: Vec<usize> = self.graph.needs(vertex).collect();
        let is_repeated = std::mem::replace(&mut self.seen[vertex], true) && !needs.is_empty();
        let Vertex { name, detail, .. } = &self.graph.vertices[vertex];
        let detail = if detail.is_empty() { String::new() } else { format!("  {detail}") };
        let mark = if is_repeated { " (*)" } else { "" };
        self.text.push_str(&format!("{first}{name}{detail}{mark}\n"));
        if is_repeated {
            return;
        }
        for (at, needed) in needs.iter().enumerate() {
            let (branch, line) = if at + 1 == needs.len() { ("└── ", "    ") } else { ("├── ", "│   ") };
            self.line(*needed, &format!("{rest}{branch}"), &format!("{rest}{line}"));
        }
    }
}

/// Prints the graph in the language of Graphviz.
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
        let style = match vertex.emphasis {
            Emphasis::Strong => ", style=\"rounded,bold\"",
            Emphasis::Normal => "",
        };
        text.push_str(&format!("    n{at} [label=\"{label}\"{style}]\n"));
    }
    graph.edges.iter().for_each(|edge| text.push_str(&format!("    n{} -> n{}\n", edge.from, edge.to)));
    text + "}\n"
}

/// Escapes text for a quoted string of Graphviz, where a backslash begins an escape. Control characters become spaces.
fn quoted(text: &str) -> String {
    let text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Prints the graph in the language of Mermaid.
#[must_use]
pub fn mermaid(graph: &Graph) -> String {
    let mut text = String::from("flowchart TD\n");
    for (at, vertex) in graph.vertices.iter().enumerate() {
        let detail =
            if vertex.detail.is_empty() { String::new() } else { format!("<br/>{}", entities(&vertex.detail)) };
        let (open, close) = match vertex.emphasis {
            Emphasis::Strong => ("[", "]"),
            Emphasis::Normal => ("(", ")"),
        };
        text.push_str(&format!("    n{at}{open}\"{}{detail}\"{close}\n", entities(&vertex.name)));
    }
    graph.edges.iter().for_each(|edge| text.push_str(&format!("    n{} --> n{}\n", edge.from, edge.to)));
    text
}

/// Escapes text for a quoted string of Mermaid: it reads HTML and Markdown there, and `#…;` as a character's number.
fn entities(text: &str) -> String {
    let entity = |character: char| match character {
        '"' | '#' | '&' | '<' | '>' | '`' | '\\' | '*' | '_' => format!("#{};", u32::from(character)),
        other if other.is_control() => " ".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(entity).collect()
}
