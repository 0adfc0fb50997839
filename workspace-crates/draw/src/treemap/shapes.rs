//! From nodes to boxes with room for their names.

use super::{Node, Rect, squarify};

/// Colours; those of neighbours in size differ.
pub(super) const COLOURS: usize = 10;
/// The height of a line with a group's name.
const HEADER: f64 = 18.0;
/// What is smaller at a side is not drawn: the group around it shows that there is something.
const SMALLEST: f64 = 2.0;

/// A box of the picture.
pub(super) struct Shape<'n> {
    pub(super) node: &'n Node,
    pub(super) area: Rect,
    /// Where the node is: the number of each part on the way to it.
    pub(super) path: Vec<usize>,
    /// Whether it has others in it.
    pub(super) is_group: bool,
    /// Whether its name has a line of its own above what is in it.
    pub(super) has_header: bool,
    pub(super) colour: usize,
}

/// The boxes of a node's parts, each before those in it. `base` is where the node itself is.
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
        // The outermost groups only: more lines would take the room of what they name.
        let has_header = is_group && path.len() == top + 1 && area.height > 2.5 * HEADER && area.width > 50.0;
        let inner = if has_header { area.below(HEADER).inset(1.0) } else { area };
        let colour = path[0] % COLOURS;
        shapes.push(Shape { node: part, area, path: path.clone(), is_group, has_header, colour });
        add(part, inner, &path, top, shapes);
    }
}
