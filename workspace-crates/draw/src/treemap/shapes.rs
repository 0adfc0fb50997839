//! The layout: boxes for nodes, with room for their names.

use super::{Node, Rect, squarify};

/// The number of colours. Groups that are neighbours in size get different ones.
pub(super) const COLOURS: usize = 10;
/// The height of the line with a group's name.
const HEADER: f64 = 18.0;
/// The least width and height of a box. Smaller ones are not drawn: their group's colour fills the place.
const SMALLEST: f64 = 2.0;

/// The box of a node.
pub(super) struct Shape<'n> {
    pub(super) node: &'n Node,
    pub(super) area: Rect,
    /// The index of each part on the way from the root to the node.
    pub(super) path: Vec<usize>,
    /// Whether the node has parts.
    pub(super) is_group: bool,
    /// Whether its name has a line of its own above its parts.
    pub(super) has_header: bool,
    pub(super) colour: usize,
}

/// Returns the boxes below a node, each before its own parts. `base` is the path of the node itself.
pub(super) fn shapes<'n>(node: &'n Node, area: Rect, base: &[usize]) -> Vec<Shape<'n>> {
    let mut shapes = Vec::new();
    add(node, area, base, base.len(), &mut shapes);
    shapes
}

fn add<'n>(node: &'n Node, area: Rect, path: &[usize], top: usize, shapes: &mut Vec<Shape<'n>>) {
    let mut parts: Vec<(usize, &Node)> = node.parts.iter().enumerate().filter(|(_, part)| part.bytes > 0).collect();
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.bytes));
    let sizes: Vec<u64> = parts.iter().map(|(_, part)| part.bytes).collect();
    for ((at, part), area) in parts.into_iter().zip(squarify(&sizes, area)) {
        let gap = if part.parts.is_empty() { 0.5 } else { 1.0 };
        let area = area.inset(gap);
        if area.width < SMALLEST || area.height < SMALLEST {
            continue;
        }
        let path = [path, &[at]].concat();
        let is_group = !part.parts.is_empty();
        // Only the outermost groups have a header: more headers would take the room of their parts.
        let has_header = is_group && path.len() == top + 1 && area.height > 2.5 * HEADER && area.width > 50.0;
        let inner = if has_header { area.without_top(HEADER).inset(1.0) } else { area };
        let colour = path[0] % COLOURS;
        shapes.push(Shape { node: part, area, path: path.clone(), is_group, has_header, colour });
        add(part, inner, &path, top, shapes);
    }
}
