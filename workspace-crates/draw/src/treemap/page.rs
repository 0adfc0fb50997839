//! A treemap as an HTML page in which each group links to a view of its own. The page needs no script: CSS shows the view that
//! the address names, by `:target`.

use super::svg::{inner_svg, style};
use super::{Node, Treemap};
use crate::markup::escape;

/// A row of the table below the treemap: the files of one owner.
#[derive(Clone, Debug)]
pub struct Row {
    /// The owner.
    pub name: String,
    /// The number of its files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// The index of its node in the parts of the root.
    pub view: usize,
}

/// A stage of the image's build, with its size there.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// The page's own CSS.
const PAGE_STYLE: &str = ":root{color-scheme:light dark}body{margin:0 auto;max-width:1200px;padding:1rem;\
    font:15px/1.45 system-ui,sans-serif;color:#16181d;background:#fff}h1{font-size:1.3rem;margin:.2rem 0}\
    nav{min-height:1.6rem}a{color:#1558b0}svg{width:100%;height:auto;display:block}section{display:none;scroll-margin-top:6rem}section:target,\
    #all{display:block}section:target~#all{display:none}table{border-collapse:collapse;margin-top:1rem}\
    .bar{width:16rem}.bar div{height:.8rem;min-width:1px;background:#1558b0}th,td{padding:.15rem .9rem .15rem 0;text-align:left}.n{text-align:right;font-variant-numeric:tabular-nums}\
    @media(prefers-color-scheme:dark){body{color:#eceef2;background:#16181d}a{color:#8ab8f0}.bar div{background:#8ab8f0}}";

/// Returns the page of a treemap, with a table of owners and one of build stages. No table of stages if `stages` is empty.
#[must_use]
pub fn page(map: &Treemap<'_>, rows: &[Row], stages: &[Bar]) -> String {
    let heading = escape(&format!("{}, {}", map.title, (map.size)(map.root.bytes)));
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{heading}</title>\n\
         <style>{PAGE_STYLE}{}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n<main>\n",
        style()
    );
    // The view of everything comes last: the selector `section:target~#all` hides it only after its siblings.
    for (at, group) in map.root.parts.iter().enumerate() {
        for (inner, folder) in group.parts.iter().enumerate().filter(|(_, folder)| !folder.parts.is_empty()) {
            text.push_str(&view(map, folder, &[at, inner]));
        }
        text.push_str(&view(map, group, &[at]));
    }
    text.push_str(&view(map, map.root, &[]));
    text.push_str("</main>\n");
    text.push_str(&owner_table(map, rows));
    text.push_str(&stage_table(map, stages));
    text.push_str("</body>\n</html>\n");
    text
}

/// The HTML id of a view.
fn id(path: &[usize]) -> String {
    match path {
        [] => "all".to_owned(),
        path => format!("v{}", path.iter().map(|at| format!("-{at}")).collect::<String>()),
    }
}

/// One view with links to the views above it.
fn view(map: &Treemap<'_>, node: &Node, path: &[usize]) -> String {
    let mut links = String::new();
    let mut above = map.root;
    for (depth, at) in path.iter().enumerate() {
        links.push_str(&format!("<a href=\"#{}\">{}</a> › ", id(&path[..depth]), escape(&above.name)));
        above = &above.parts[*at];
    }
    let size = (map.size)(node.bytes);
    let picture = inner_svg(map, node, path, id);
    let name = escape(&node.name);
    format!(
        "<section id=\"{}\">\n<nav aria-label=\"the way here\">{links}{name}, {size}</nav>\n{picture}</section>\n",
        id(path)
    )
}

/// A row per stage, with a bar relative to the largest; empty if there are no stages.
fn stage_table(map: &Treemap<'_>, stages: &[Bar]) -> String {
    let Some(largest) = stages.iter().map(|stage| stage.bytes).max() else { return String::new() };
    let mut text = String::from("<table>\n<tr><th>stage</th><th class=\"n\">size</th><th class=\"bar\"></th></tr>\n");
    for stage in stages {
        let share = stage.bytes as f64 * 100.0 / largest.max(1) as f64;
        text.push_str(&format!(
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"bar\"><div style=\"width:{share:.1}%\"></div></td></tr>\n",
            escape(&stage.name),
            (map.size)(stage.bytes)
        ));
    }
    text + "</table>\n"
}

/// A row per owner.
fn owner_table(map: &Treemap<'_>, rows: &[Row]) -> String {
    let mut text = String::from(
        "<table>\n<tr><th>owner</th><th class=\"n\">files</th><th class=\"n\">size</th><th class=\"n\">share</th></tr>\n",
    );
    for row in rows {
        let share = row.bytes as f64 * 100.0 / map.root.bytes.max(1) as f64;
        text.push_str(&format!(
            "<tr><td><a href=\"#{}\">{}</a></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{share:.1} %</td></tr>\n",
            id(&[row.view]),
            escape(&row.name),
            row.files,
            (map.size)(row.bytes)
        ));
    }
    text + "</table>\n"
}
