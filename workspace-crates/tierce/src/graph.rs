//! `cargo xtask graph`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tierce_draw::{Graph, dot, graph_svg, mermaid, tree};
use tierce_execute::ImageGraph;
use tierce_plan::{Plan, Sink, StepId};

use crate::cli::{Global, GraphArgs, GraphFormat};
use crate::terminal::Terminal;
use crate::{Failure, print, session};

/// How vertices look: images and goals stand out.
const IMAGE: u8 = 0;
const ASKED: u8 = 1;
const NEEDED: u8 = 2;
const BUILDER: u8 = 3;

/// Prints what images need, or what the steps of a run do.
pub(crate) fn run(
    arguments: &GraphArgs,
    global: &Global,
    terminal: &Terminal,
    interrupted: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let session = session(global, terminal, interrupted)?;
    let images = session.images(&arguments.images)?;
    let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    let (graph, what) = match arguments.steps {
        true => (of_plan(&session.plan(&images, &Sink::Daemon)?), "the steps of"),
        false => (of_images(&session.graph(&images)?), "the packages of"),
    };
    let format = arguments.format.unwrap_or_else(|| match io::stdout().is_terminal() {
        true => GraphFormat::Text,
        false => GraphFormat::Dot,
    });
    Ok(print(&match format {
        GraphFormat::Text => tree(&graph),
        GraphFormat::Dot => dot(&graph),
        GraphFormat::Mermaid => mermaid(&graph),
        GraphFormat::Svg => graph_svg(&graph, &format!("{what} {}", names.join(", "))),
    })?)
}

/// Images above those that they begin with and above their packages. A package that several have alike, with its flags, is one vertex.
fn of_images(images: &[ImageGraph]) -> Graph {
    let mut graph = Graph::default();
    let mut known: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let roots: BTreeMap<&str, usize> =
        images.iter().map(|image| (image.image.as_str(), graph.vertex(&image.image, "", IMAGE))).collect();
    for image in images {
        let root = roots[image.image.as_str()];
        image.bases.iter().filter_map(|base| roots.get(base.as_str())).for_each(|base| graph.edge(root, *base));
        if let Some(base) = &image.foreign_base {
            let key = (base.as_str(), String::new());
            let vertex = *known.entry(key).or_insert_with(|| graph.vertex(base, "from elsewhere", BUILDER));
            graph.edge(root, vertex);
        }
        let mut own: BTreeMap<&str, usize> = BTreeMap::new();
        for package in &image.packages {
            let flags = package.flags.join(" ");
            let kind = match (package.root, package.asked) {
                (false, _) => BUILDER,
                (true, true) => ASKED,
                (true, false) => NEEDED,
            };
            let vertex = *known
                .entry((package.package.as_str(), flags.clone()))
                .or_insert_with(|| graph.vertex(&package.package, flags, kind));
            own.insert(&package.package, vertex);
            if package.asked {
                graph.edge(root, vertex);
            }
        }
        for package in &image.packages {
            let needs = package.needs.iter().filter_map(|needed| own.get(needed.as_str()));
            needs.for_each(|needed| graph.edge(own[package.package.as_str()], *needed));
        }
        for atom in &image.unresolved {
            let vertex = graph.vertex(atom, "not resolved yet", ASKED);
            graph.edge(root, vertex);
        }
    }
    graph
}

/// Goals above the steps that come before them.
fn of_plan(plan: &Plan) -> Graph {
    let mut graph = Graph::default();
    let mut known: BTreeMap<&StepId, usize> = BTreeMap::new();
    for step in &plan.steps {
        let kind = if plan.goals.contains(&step.id) { IMAGE } else { NEEDED };
        known.insert(&step.id, graph.vertex(step.id.as_str(), step.action.title(), kind));
    }
    for step in &plan.steps {
        step.inputs().filter_map(|input| known.get(input)).for_each(|input| graph.edge(known[&step.id], *input));
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_execute::PackageVertex;

    fn package(name: &str, flags: &[&str], asked: bool, needs: &[&str]) -> PackageVertex {
        PackageVertex {
            package: name.into(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            asked,
            root: true,
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn images_share_packages_that_are_alike() {
        let image = |name: &str, flags: &[&str], unresolved: &[&str]| ImageGraph {
            image: name.into(),
            bases: if name == "shop" { vec!["web".to_owned()] } else { Vec::new() },
            foreign_base: (name == "web").then(|| "debian:12".to_owned()),
            unresolved: unresolved.iter().map(|atom| (*atom).to_owned()).collect(),
            packages: vec![
                package("sys-libs/zlib-1.3", &[], false, &["sys-libs/glibc-2.36", "gone/gone-1"]),
                package("media-libs/libpng-1.6", flags, true, &["sys-libs/zlib-1.3"]),
                package("sys-libs/glibc-2.36", &[], false, &[]),
            ],
        };
        let shop = ImageGraph { packages: Vec::new(), ..image("shop", &[], &[]) };
        let images = [image("web", &["apng"], &[]), shop, image("api", &[], &[">=a/b-1"])];
        insta::assert_snapshot!(tree(&of_images(&images)), @r"
        shop
        └── web
            ├── debian:12  from elsewhere
            └── media-libs/libpng-1.6  apng
                └── sys-libs/zlib-1.3
                    └── sys-libs/glibc-2.36
        api
        ├── media-libs/libpng-1.6
        │   └── sys-libs/zlib-1.3 (*)
        └── >=a/b-1  not resolved yet
        ");
    }
}
