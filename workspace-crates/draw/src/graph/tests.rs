//! Graphs in all their forms.

use proptest::prelude::*;

use super::layers::levels;
use super::order::order;
use super::positions::positions;
use super::*;

fn graph(names: &[&str], edges: &[(usize, usize)]) -> Graph {
    let mut graph = Graph::default();
    for (at, name) in names.iter().enumerate() {
        graph.vertex(*name, "", u8::from(at > 0));
    }
    edges.iter().for_each(|(from, to)| graph.edge(*from, *to));
    graph
}

/// An image whose packages all need the last one.
fn example() -> Graph {
    let mut graph = graph(
        &["web", "media-libs/libpng", "sys-libs/zlib", "sys-libs/glibc"],
        &[(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (0, 1)],
    );
    graph.vertices[1].detail = "1.6.39 apng".into();
    graph
}

#[test]
fn a_tree_says_each_vertex_once_in_full() {
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

#[test]
fn languages_of_others_get_names_as_text() {
    let mut graph = example();
    graph.vertices[0].name = "a\"];<b>#\\n".into();
    insta::assert_snapshot!(dot(&graph));
    insta::assert_snapshot!(mermaid(&graph));
}

#[test]
fn a_picture_stands_above_what_it_needs() {
    insta::assert_snapshot!(svg(&example(), "web & <others>"));
    assert!(svg(&Graph::default(), "nothing").ends_with("</svg>\n"));
}

#[test]
fn an_edge_that_others_imply_is_left_out() {
    let placed = levels(&example());
    let ends: Vec<_> = placed.ways.iter().map(|(way, turned)| (way[0], way[way.len() - 1], *turned)).collect();
    assert_eq!(ends, [(0, 1, false), (1, 2, false), (2, 3, false)]);
}

proptest! {
    /// Cycles and loops included.
    #[test]
    fn boxes_of_a_level_never_touch_and_edges_go_down(
        edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..40),
        widths in prop::collection::vec(10.0_f64..200.0, 12),
    ) {
        let graph = graph(&["x"; 12], &edges);
        let mut placed = levels(&graph);
        order(&mut placed);
        let widths: Vec<f64> = (0..placed.slots.len()).map(|slot| widths.get(slot).copied().unwrap_or(6.0)).collect();
        let middles = positions(&placed, &widths);
        prop_assert!(middles.iter().all(|middle| middle.is_finite()));
        let mut level = vec![usize::MAX; placed.slots.len()];
        for (at, slots) in placed.levels.iter().enumerate() {
            slots.iter().for_each(|slot| level[*slot] = at);
            for pair in slots.windows(2) {
                let room = (widths[pair[0]] + widths[pair[1]]) / 2.0;
                prop_assert!(middles[pair[1]] - middles[pair[0]] > room);
            }
        }
        prop_assert!(level.iter().all(|level| *level != usize::MAX));
        for (upper, lower) in &placed.links {
            prop_assert_eq!(level[*upper] + 1, level[*lower]);
        }
    }
}
