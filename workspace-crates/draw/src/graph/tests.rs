use super::*;

fn graph(names: &[&str], edges: &[(usize, usize)]) -> Graph {
    let mut graph = Graph::default();
    for (at, name) in names.iter().enumerate() {
        graph.vertex(*name, "", if at == 0 { Emphasis::Strong } else { Emphasis::Normal });
    }
    edges.iter().for_each(|(from, to)| graph.edge(*from, *to));
    graph
}

/// An image whose packages need the last one, with a duplicate edge.
fn example() -> Graph {
    let mut graph = graph(
        &["web", "media-libs/libpng", "sys-libs/zlib", "sys-libs/glibc"],
        &[(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (0, 1)],
    );
    graph.vertices[1].detail = "1.6.39 apng".into();
    graph
}

#[test]
fn tree_expands_each_vertex_once() {
    insta::assert_snapshot!(tree(&example()), @r"
    web
    ├── media-libs/libpng  1.6.39 apng
    │   ├── sys-libs/zlib
    │   │   └── sys-libs/glibc
    │   └── sys-libs/glibc
    └── sys-libs/zlib (*)
    ");
    let cycle = graph(&["a", "b"], &[(0, 1), (1, 0)]);
    assert_eq!(tree(&cycle), "a\n└── b\n    └── a (*)\n");
}

/// A graph with a name that has characters with a meaning in each language.
fn hostile() -> Graph {
    let mut graph = example();
    graph.vertices[0].name = "a\"];<b>#\\n".into();
    graph
}

#[test]
fn dot_escapes_names() {
    insta::assert_snapshot!(dot(&hostile()));
}

#[test]
fn mermaid_escapes_names() {
    insta::assert_snapshot!(mermaid(&hostile()));
}
