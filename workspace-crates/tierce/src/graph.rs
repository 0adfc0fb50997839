//! `cargo xtask graph`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use tierce_draw::{Emphasis, Graph, dot, mermaid, tree};
use tierce_execute::ImageGraph;
use tierce_plan::{Plan, Sink, StepId};

use crate::call::Call;
use crate::cli::{GraphArgs, GraphFormat};
use crate::{Failure, print};

/// Prints the packages of images, or the steps of a run.
pub(crate) fn run(arguments: &GraphArgs, call: &Call<'_>) -> Result<(), Failure> {
    let session = call.session(None)?;
    let images = session.images(&arguments.images)?;
    let graph = match arguments.steps {
        true => plan_graph(&session.plan(&images, &Sink::Daemon)?),
        false => image_graph(&session.graph(&images)?),
    };
    let format = arguments.format.unwrap_or_else(|| match io::stdout().is_terminal() {
        true => GraphFormat::Text,
        false => GraphFormat::Dot,
    });
    Ok(print(&match format {
        GraphFormat::Text => tree(&graph),
        GraphFormat::Dot => dot(&graph),
        GraphFormat::Mermaid => mermaid(&graph),
    })?)
}

/// Returns the graph of images, their bases and their packages. Images that have a package with the same flags share its vertex.
fn image_graph(images: &[ImageGraph]) -> Graph {
    let mut graph = Graph::default();
    let mut known: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let roots: BTreeMap<&str, usize> =
        images.iter().map(|image| (image.image.as_str(), graph.vertex(&image.image, "", Emphasis::Strong))).collect();
    for image in images {
        let root = roots[image.image.as_str()];
        image.bases.iter().filter_map(|base| roots.get(base.as_str())).for_each(|base| graph.edge(root, *base));
        if let Some(base) = &image.foreign_base {
            let key = (base.as_str(), String::new());
            let vertex = *known.entry(key).or_insert_with(|| graph.vertex(base, "external", Emphasis::Normal));
            graph.edge(root, vertex);
        }
        let mut own: BTreeMap<&str, usize> = BTreeMap::new();
        for package in &image.packages {
            let flags = package.flags.join(" ");
            let vertex = *known
                .entry((package.package.as_str(), flags.clone()))
                .or_insert_with(|| graph.vertex(&package.package, flags, Emphasis::Normal));
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
            let vertex = graph.vertex(atom, "not resolved yet", Emphasis::Normal);
            graph.edge(root, vertex);
        }
    }
    graph
}

/// Returns the graph of steps. An edge leads from a step to one whose result it uses.
fn plan_graph(plan: &Plan) -> Graph {
    let mut graph = Graph::default();
    let mut known: BTreeMap<&StepId, usize> = BTreeMap::new();
    for step in &plan.steps {
        let emphasis = if plan.goals.contains(&step.id) { Emphasis::Strong } else { Emphasis::Normal };
        known.insert(&step.id, graph.vertex(step.id.as_str(), step.action.title(), emphasis));
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
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn images_share_equal_packages() {
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
        insta::assert_snapshot!(tree(&image_graph(&images)), @r"
        shop
        └── web
            ├── debian:12  external
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
