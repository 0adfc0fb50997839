//! The first half of Sugiyama's way to draw a graph: which vertex stands on which level, with a place on every level that a
//! long edge passes.

use super::{Edge, Graph};

/// A vertex on a level: one of the graph, or a bend of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Vertex(usize),
    Bend,
}

/// A graph whose edges all go from one level to the next.
pub(super) struct Levels {
    /// Everything that has a place.
    pub(super) slots: Vec<Slot>,
    /// The slots of each level.
    pub(super) levels: Vec<Vec<usize>>,
    /// Between slots of neighbouring levels.
    pub(super) links: Vec<(usize, usize)>,
    /// The slots that each drawn edge passes, from above, and whether its arrow points upwards.
    pub(super) ways: Vec<(Vec<usize>, bool)>,
}

/// Puts each vertex as high as what needs it allows. Edges that others imply are left out: who needs A, which needs B, is drawn
/// to need A alone.
pub(super) fn levels(graph: &Graph) -> Levels {
    let edges = acyclic(graph);
    let count = graph.vertices.len();
    let mut level = vec![0; count];
    // The longest way without a cycle has fewer edges than there are vertices.
    for _ in 0..count {
        let mut changed = false;
        for (edge, _) in &edges {
            if level[edge.to] <= level[edge.from] {
                level[edge.to] = level[edge.from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let edges = reduced(&edges, count);
    let mut levels = vec![Vec::new(); level.iter().max().map_or(0, |most| most + 1)];
    (0..count).for_each(|vertex| levels[level[vertex]].push(vertex));
    let mut placed =
        Levels { slots: (0..count).map(Slot::Vertex).collect(), levels, links: Vec::new(), ways: Vec::new() };
    for (edge, is_turned) in edges {
        let mut way = vec![edge.from];
        for between in level[edge.from] + 1..level[edge.to] {
            placed.slots.push(Slot::Bend);
            way.push(placed.slots.len() - 1);
            placed.levels[between].push(placed.slots.len() - 1);
        }
        way.push(edge.to);
        placed.links.extend(way.windows(2).map(|pair| (pair[0], pair[1])));
        placed.ways.push((way, is_turned));
    }
    placed
}

/// The edges without cycles: one that would close a cycle is turned around, which is said.
fn acyclic(graph: &Graph) -> Vec<(Edge, bool)> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; graph.vertices.len()];
    let mut edges: Vec<(Edge, bool)> = Vec::new();
    for root in 0..graph.vertices.len() {
        let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
        if states[root] == State::New {
            states[root] = State::Open;
            open.push((root, graph.needs(root).collect()));
        }
        while let Some((from, rest)) = open.last_mut() {
            let from = *from;
            let Some(to) = rest.pop() else {
                states[from] = State::Done;
                open.pop();
                continue;
            };
            let is_turned = states[to] == State::Open;
            let edge = if is_turned { Edge { from: to, to: from } } else { Edge { from, to } };
            if from != to && !edges.iter().any(|(other, _)| *other == edge) {
                edges.push((edge, is_turned));
            }
            if states[to] == State::New {
                states[to] = State::Open;
                open.push((to, graph.needs(to).collect()));
            }
        }
    }
    edges.sort_by_key(|(edge, _)| *edge);
    edges
}

/// The edges without those that others imply.
fn reduced(edges: &[(Edge, bool)], count: usize) -> Vec<(Edge, bool)> {
    let mut below = vec![Vec::new(); count];
    edges.iter().for_each(|(edge, _)| below[edge.from].push(edge.to));
    let is_implied = |edge: &Edge| {
        let mut asked: Vec<usize> = below[edge.from].iter().copied().filter(|next| *next != edge.to).collect();
        let mut seen = vec![false; count];
        while let Some(vertex) = asked.pop() {
            if vertex == edge.to {
                return true;
            }
            if !std::mem::replace(&mut seen[vertex], true) {
                asked.extend(&below[vertex]);
            }
        }
        false
    };
    edges.iter().filter(|(edge, _)| !is_implied(edge)).copied().collect()
}
