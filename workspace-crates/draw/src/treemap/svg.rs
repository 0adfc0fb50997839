//! A treemap as SVG.

use super::shapes::{COLOURS, Shape, shapes};
use super::{Node, Rect, Treemap};
use crate::markup::{escape, shortened};

/// The size of the picture in its own units; viewers scale it.
const AREA: Rect = Rect { x: 0.0, y: 0.0, width: 1200.0, height: 700.0 };
/// The height of the title.
const TITLE: f64 = 34.0;
/// The approximate width of a character of a name.
const CHARACTER: f64 = 6.6;
/// The height of a line of names.
const LINE: f64 = 14.0;

/// Fills for light and dark mode. Those of a mode are about equally light, so that one colour of text is legible on all.
const FILLS: [(&str, &str); COLOURS] = [
    ("#a9c7e8", "#2a4a6d"),
    ("#f2c6a0", "#6b4426"),
    ("#b5d8ae", "#2f5a33"),
    ("#e6b3b8", "#6a333c"),
    ("#cdbde4", "#4b3c6b"),
    ("#e8d99a", "#5e5222"),
    ("#a8d8d5", "#22575a"),
    ("#e3b9d8", "#643659"),
    ("#c9cfa6", "#4b5528"),
    ("#c4c8d0", "#454b57"),
];

/// Returns the treemap as an SVG file.
#[must_use]
pub fn svg(map: &Treemap<'_>) -> String {
    let heading = format!("{}, {}", map.title, (map.size)(map.root.bytes));
    let (width, height) = (AREA.width, AREA.height + TITLE);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">{}</title>\n<style>{}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"heading\" x=\"4\" y=\"23\">{}</text>\n",
        escape(&heading),
        style(),
        escape(&heading)
    );
    text.push_str(&boxes(map, map.root, AREA.moved_down(TITLE), &[], None));
    text.push_str("</svg>\n");
    text
}

/// Returns the treemap of a node for use inside of an HTML page. Each group links to the id that `link` gives for its path.
pub(super) fn inner_svg(map: &Treemap<'_>, node: &Node, path: &[usize], link: fn(&[usize]) -> String) -> String {
    let label = escape(&format!("{}, {}", node.detail, (map.size)(node.bytes)));
    let (width, height) = (AREA.width, AREA.height);
    let boxes = boxes(map, node, AREA, path, Some(link));
    format!("<svg viewBox=\"0 0 {width} {height}\" role=\"group\" aria-label=\"{label}\">\n{boxes}</svg>\n")
}

/// The CSS of a treemap, for light and dark mode.
pub(super) fn style() -> String {
    let mut style = String::from(
        ".paper{fill:#fff}text{font:11px system-ui,sans-serif;fill:#16181d}.heading{font-size:18px;font-weight:600}\
         .name{font-weight:600}.cell{fill:#fff;fill-opacity:.38}.cell:hover,a:focus-visible>.group{stroke:#16181d;stroke-width:1.5}",
    );
    let fills = |pick: fn(&(&'static str, &'static str)) -> &'static str| -> String {
        FILLS.iter().enumerate().map(|(at, fill)| format!(".c{at}{{fill:{}}}", pick(fill))).collect()
    };
    style.push_str(&fills(|fill| fill.0));
    style.push_str(
        "@media(prefers-color-scheme:dark){.paper{fill:#16181d}text{fill:#eceef2}.cell{fill:#000;fill-opacity:.28}\
         .cell:hover,a:focus-visible>.group{stroke:#eceef2}",
    );
    style.push_str(&fills(|fill| fill.1));
    style.push('}');
    style
}

fn boxes(map: &Treemap<'_>, node: &Node, area: Rect, path: &[usize], link: Option<fn(&[usize]) -> String>) -> String {
    let mut text = String::new();
    for shape in shapes(node, area, path) {
        let title = format!("{}, {}, {}", shape.node.detail, (map.size)(shape.node.bytes), share(map, shape.node));
        let Rect { x, y, width, height } = shape.area;
        let class = if shape.is_group { format!("group c{}", shape.colour) } else { "cell".to_owned() };
        let drawn = format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{}</title></rect>{}",
            escape(&title),
            name(map, &shape)
        );
        let group = &shape.path[..=path.len()];
        match link.filter(|_| shape.is_group || shape.path.len() > group.len()) {
            // The tab key stops at the group alone; a click counts anywhere in it.
            Some(link) if shape.path.len() == group.len() => {
                text.push_str(&format!("<a href=\"#{}\" aria-label=\"{}\">{drawn}</a>\n", link(group), escape(&title)))
            }
            Some(link) => text.push_str(&format!("<a href=\"#{}\" tabindex=\"-1\">{drawn}</a>\n", link(group))),
            None => text.push_str(&format!("{drawn}\n")),
        }
    }
    text
}

/// A box's name and size, if the box has room for them.
fn name(map: &Treemap<'_>, shape: &Shape<'_>) -> String {
    let Rect { x, y, width, height } = shape.area;
    let room = ((width - 6.0) / CHARACTER).max(0.0) as usize;
    if shape.is_group && !shape.has_header || room < 4 || height < LINE {
        return String::new();
    }
    let line = |class: &str, at: f64, text: &str| {
        let (x, y) = (x + 4.0, y + at);
        format!("<text class=\"{class}\" pointer-events=\"none\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(text))
    };
    let size = (map.size)(shape.node.bytes);
    if shape.has_header {
        let whole = format!("{}  {size}", shape.node.name);
        // Bold letters are wider.
        let room = room - room / 8;
        let fits = whole.chars().count() <= room;
        return line("name", 13.0, &if fits { whole } else { shortened(&shape.node.name, room) });
    }
    let mut text = line("label", 12.0, &shortened(&shape.node.name, room));
    if height > 2.0 * LINE + 2.0 && size.chars().count() <= room {
        text.push_str(&line("label", 12.0 + LINE, &size));
    }
    text
}

fn share(map: &Treemap<'_>, node: &Node) -> String {
    format!("{:.1} %", node.bytes as f64 * 100.0 / (map.root.bytes.max(1)) as f64)
}

impl Rect {
    fn moved_down(self, down: f64) -> Rect {
        Rect { y: self.y + down, ..self }
    }
}
