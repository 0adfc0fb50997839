//! Sizes as areas: a squarified treemap (Bruls, Huizing, van Wijk: "Squarified Treemaps", 2000).

mod page;
mod shapes;
mod svg;

pub use page::{Bar, Row, page};
pub use svg::svg;

/// A file, a folder or an owner with its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its short name; drawn if the box has room.
    pub name: String,
    /// Its full name, shown in a tooltip.
    pub detail: String,
    /// Its size, at least the sum of its parts.
    pub bytes: u64,
    /// Its parts.
    pub parts: Vec<Node>,
}

/// A treemap of at most three levels below the root.
#[derive(Clone, Copy, Debug)]
pub struct Treemap<'a> {
    /// The name of the image.
    pub title: &'a str,
    /// The node of the whole image.
    pub root: &'a Node,
    /// Formats a size in bytes.
    pub size: fn(u64) -> String,
}

/// A rectangle; y grows downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Its left side.
    pub x: f64,
    /// Its upper side.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

impl Rect {
    /// Shrinks it by `by` at each side.
    fn inset(self, by: f64) -> Rect {
        let (width, height) = ((self.width - 2.0 * by).max(0.0), (self.height - 2.0 * by).max(0.0));
        Rect { x: self.x + by, y: self.y + by, width, height }
    }

    /// Cuts a strip of the height `strip` off its top.
    fn without_top(self, strip: f64) -> Rect {
        Rect { y: self.y + strip, height: (self.height - strip).max(0.0), ..self }
    }
}

/// Divides an area among sizes, each part as near to a square as its row allows. Returns the parts in the order of `sizes`,
/// which should begin with the largest. If all sizes are zero, all parts are empty.
#[must_use]
pub fn squarify(sizes: &[u64], area: Rect) -> Vec<Rect> {
    let total: f64 = sizes.iter().map(|size| *size as f64).sum();
    let scale = if total > 0.0 { area.width * area.height / total } else { 0.0 };
    let areas: Vec<f64> = sizes.iter().map(|size| *size as f64 * scale).collect();
    let mut parts = Vec::with_capacity(sizes.len());
    let (mut free, mut rest) = (area, &areas[..]);
    while !rest.is_empty() {
        let side = free.width.min(free.height);
        let mut count = 1;
        while count < rest.len() && worst(&rest[..=count], side) <= worst(&rest[..count], side) {
            count += 1;
        }
        let (row, others) = rest.split_at(count);
        free = lay(row, free, &mut parts);
        rest = others;
    }
    parts
}

/// The worst ratio of width to height in a row of these areas along `side`.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let (smallest, largest) =
        row.iter().fold((f64::MAX, 0.0_f64), |(low, high), &area| (low.min(area), high.max(area)));
    if smallest <= 0.0 || side <= 0.0 {
        return f64::INFINITY;
    }
    let (side, sum) = (side * side, sum * sum);
    (side * largest / sum).max(sum / (side * smallest))
}

/// Lays a row along the shorter side and returns the rest of the area.
fn lay(row: &[f64], free: Rect, parts: &mut Vec<Rect>) -> Rect {
    let sum: f64 = row.iter().sum();
    let side = free.width.min(free.height);
    let depth = if side > 0.0 { sum / side } else { 0.0 };
    let mut at = 0.0;
    let is_column = free.width >= free.height;
    for area in row {
        let length = if depth > 0.0 { area / depth } else { 0.0 };
        parts.push(match is_column {
            true => Rect { x: free.x, y: free.y + at, width: depth, height: length },
            false => Rect { x: free.x + at, y: free.y, width: length, height: depth },
        });
        at += length;
    }
    match is_column {
        true => Rect { x: free.x + depth, width: (free.width - depth).max(0.0), ..free },
        false => Rect { y: free.y + depth, height: (free.height - depth).max(0.0), ..free },
    }
}

#[cfg(test)]
mod tests;
