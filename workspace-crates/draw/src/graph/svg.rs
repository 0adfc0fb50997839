//! A graph as SVG.

use super::layers::{Slot, levels};
use super::order::order;
use super::positions::positions;
use super::{Graph, Vertex};
use crate::markup::{escape, shortened};

/// The most characters of a line in a box.
const LONGEST: usize = 34;
/// The width of a character, about.
const CHARACTER: f64 = 6.9;
/// A box's least width.
const NARROWEST: f64 = 70.0;
/// A bend's width: room between lines.
const BEND: f64 = 6.0;
/// A box's height.
const HEIGHT: f64 = 38.0;
/// From one level to the next.
const STEP: f64 = 92.0;
/// Around everything.
const MARGIN: f64 = 16.0;
/// Kinds of vertices that look different.
const KINDS: u8 = 4;

const STYLE: &str = ".paper{fill:#fff}text{font:12px system-ui,sans-serif;fill:#16181d;text-anchor:middle}.detail{font-size:10px;\
    fill:#555c68}.box{stroke-width:1.2}.k0{fill:#1558b0;stroke:#1558b0}.k0~text{fill:#fff;font-weight:600}.k1{fill:#dbe8f8;stroke:#5b86bd}\
    .k2{fill:#f4f5f7;stroke:#a4abb8}.k3{fill:#e2f0de;stroke:#7ba372}.edge{fill:none;stroke:#8a92a0;stroke-width:1.2}.tip{fill:#8a92a0}\
    @media(prefers-color-scheme:dark){.paper{fill:#16181d}text{fill:#eceef2}.detail{fill:#aab1bd}.k0{fill:#2f6fc4;stroke:#2f6fc4}\
    .k1{fill:#223c5c;stroke:#5b86bd}.k2{fill:#262a32;stroke:#5a6270}.k3{fill:#27402a;stroke:#6a9463}.edge{stroke:#7d8594}.tip{fill:#7d8594}}";

/// The picture: what needs others stands above them. Edges that others imply are left out.
#[must_use]
pub fn svg(graph: &Graph, title: &str) -> String {
    let mut placed = levels(graph);
    order(&mut placed);
    let width_of = |slot: &Slot| match slot {
        Slot::Vertex(vertex) => width(&graph.vertices[*vertex]),
        Slot::Bend => BEND,
    };
    let widths: Vec<f64> = placed.slots.iter().map(width_of).collect();
    let middles: Vec<f64> = positions(&placed, &widths).into_iter().map(|middle| middle + MARGIN).collect();
    let mut tops = vec![0.0; placed.slots.len()];
    for (level, slots) in placed.levels.iter().enumerate() {
        slots.iter().for_each(|slot| tops[*slot] = MARGIN + STEP * level as f64);
    }
    let right = (0..widths.len()).map(|slot| middles[slot] + widths[slot] / 2.0).fold(0.0, f64::max) + MARGIN;
    let bottom = 2.0 * MARGIN + HEIGHT + STEP * placed.levels.len().saturating_sub(1) as f64;
    let title = escape(title);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {right:.0} {bottom:.0}\" width=\"{right:.0}\" \
         height=\"{bottom:.0}\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{title}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto-start-reverse\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
    );
    for (way, is_turned) in &placed.ways {
        text.push_str(&edge(way, *is_turned, &middles, &tops));
    }
    for (slot, kind) in placed.slots.iter().enumerate() {
        if let Slot::Vertex(vertex) = kind {
            text.push_str(&drawn(&graph.vertices[*vertex], middles[slot], tops[slot], widths[slot]));
        }
    }
    text + "</svg>\n"
}

fn width(vertex: &Vertex) -> f64 {
    let characters = |text: &str| shortened(text, LONGEST).chars().count() as f64;
    (characters(&vertex.name) * CHARACTER).max(characters(&vertex.detail) * CHARACTER * 0.85).max(NARROWEST) + 20.0
}

/// A curve through the bends, which leaves and reaches boxes upright.
fn edge(way: &[usize], is_turned: bool, middles: &[f64], tops: &[f64]) -> String {
    let (first, last) = (way[0], way[way.len() - 1]);
    let (x, y) = (middles[first], tops[first] + HEIGHT);
    let mut path = format!("M{x:.1} {y:.1}");
    let mut before = (x, y);
    for &slot in &way[1..] {
        // A line passes a level between its boxes upright.
        let to = (middles[slot], tops[slot]);
        let half = (to.1 - before.1) / 2.0;
        path.push_str(&format!(
            "C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            before.0,
            before.1 + half,
            to.0,
            to.1 - half,
            to.0,
            to.1
        ));
        before = to;
        if slot != last {
            before.1 += HEIGHT;
            path.push_str(&format!("V{:.1}", before.1));
        }
    }
    let end = if is_turned { "start" } else { "end" };
    format!("<path class=\"edge\" d=\"{path}\" marker-{end}=\"url(#tip)\"/>\n")
}

fn drawn(vertex: &Vertex, middle: f64, top: f64, width: f64) -> String {
    let (left, kind) = (middle - width / 2.0, vertex.kind.min(KINDS - 1));
    let full = format!("{} {}", vertex.name, vertex.detail);
    let name = escape(&shortened(&vertex.name, LONGEST));
    let line = |class: &str, at: f64, text: &str| {
        format!("<text class=\"{class}\" x=\"{middle:.1}\" y=\"{:.1}\">{text}</text>", top + at)
    };
    let lines = match vertex.detail.as_str() {
        "" => line("name", 23.0, &name),
        detail => line("name", 16.0, &name) + &line("detail", 30.0, &escape(&shortened(detail, LONGEST))),
    };
    format!(
        "<g><title>{}</title><rect class=\"box k{kind}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" \
         rx=\"7\"/>{lines}</g>\n",
        escape(full.trim_end())
    )
}
