//! What images and their builders begin with: other images of the workspace, and in which order all are read.

use std::collections::BTreeMap;

use super::Report;
use crate::{
    Member,
    error::{Fault, quoted},
    node::{Entry, Node},
    place::{Located, Place},
    spec::Base,
    values::{ImageName, ImageReference},
};

/// The table of an image, before anything but its name is read.
pub(super) struct ImageTable<'d> {
    /// It with its key.
    pub(super) table: Entry<'d>,
    /// The image's name; none where that was reported.
    pub(super) name: Option<Located<ImageName>>,
    /// The package of its program.
    pub(super) member: Option<&'d Member>,
}

/// One table among others, in an order in which each stands after those that it begins with.
pub(super) struct Ordered<'d> {
    /// Which of the tables.
    pub(super) index: usize,
    /// What the image begins with.
    pub(super) base: Base,
    /// What its builder begins with.
    pub(super) builder_base: Option<Located<ImageName>>,
    /// The tables of the images below, the nearest first.
    pub(super) below: Vec<Node<'d>>,
}

/// What one table names.
#[derive(Clone, Default)]
struct Named {
    base: Option<Located<ImageName>>,
    /// In its place.
    foreign: Option<Located<ImageReference>>,
    builder_base: Option<Located<ImageName>>,
}

/// The images of a workspace by name.
struct Graph<'t> {
    by_name: BTreeMap<&'t str, usize>,
    named: Vec<Named>,
}

/// Reads `base` and `builder-base` of all images. What is no image of the workspace, and what leads back to where it began, is
/// reported.
pub(super) fn in_order<'d>(
    tables: &[ImageTable<'d>],
    defaults: Option<Node<'d>>,
    report: &mut Report,
) -> Vec<Ordered<'d>> {
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, table) in tables.iter().enumerate() {
        by_name.extend(table.name.as_ref().map(|name| (name.value.as_str(), index)));
    }
    let read = |table: &ImageTable<'_>, report: &mut Report| {
        let foreign = read_foreign(table.table.value, defaults, report);
        Named {
            base: match foreign {
                None => read_name("base", "scratch", table, &by_name, defaults, report),
                Some(_) => None,
            },
            foreign: foreign.flatten(),
            builder_base: match table.member {
                Some(_) => read_name("builder-base", "", table, &by_name, defaults, report),
                None => None,
            },
        }
    };
    let named = tables.iter().map(|table| read(table, report)).collect();
    let mut graph = Graph { by_name, named };
    graph.refuse_circles(report);
    let below = |index: usize| {
        std::iter::successors(graph.index(graph.named[index].base.as_ref()), |below| {
            graph.index(graph.named[*below].base.as_ref())
        })
    };
    let mut order: Vec<usize> = (0..tables.len()).collect();
    order.sort_by_key(|index| graph.depth(*index));
    let ordered = |index: usize| Ordered {
        index,
        base: graph.named[index].base(),
        builder_base: graph.named[index].builder_base.clone(),
        below: below(index).map(|below| tables[below].table.value).collect(),
    };
    order.into_iter().map(ordered).collect()
}

/// The reference of a base from anywhere, in the image's own table or, where that says nothing of a base, in the workspace's. There
/// is one where the inner is none as well, which was reported then.
fn read_foreign(
    table: Node<'_>,
    defaults: Option<Node<'_>>,
    report: &mut Report,
) -> Option<Option<Located<ImageReference>>> {
    let base = table.field("base").or_else(|| defaults?.field("base"))?;
    let reference = base.field("image")?;
    Some(reference.text().and_then(|text| report.parse(text)))
}

/// What one image names by a key; `nothing` is the word for none. The workspace's default does not hold for the image that it
/// names.
fn read_name(
    key: &str,
    nothing: &str,
    table: &ImageTable<'_>,
    known: &BTreeMap<&str, usize>,
    defaults: Option<Node<'_>>,
    report: &mut Report,
) -> Option<Located<ImageName>> {
    let own_name = table.name.as_ref().map(|name| name.value.as_str());
    let of = |node: Node<'_>| node.field(key)?.text().map(|text| text.map(str::to_owned));
    let default = || defaults.and_then(of).filter(|base| Some(base.value.as_str()) != own_name);
    let text = of(table.table.value).or_else(default).filter(|text| text.value != nothing)?;
    if known.contains_key(text.value.as_str()) {
        return report.parse(text.as_deref());
    }
    let fault = Fault::new(format!("the workspace has no image `{}` to begin with", text.value), "no such image");
    let others = known.keys().copied().filter(|name| Some(*name) != own_name);
    let others = others.chain(Some(nothing).filter(|nothing| !nothing.is_empty()));
    let mut fault = fault.suggest(&text.value, others);
    if key == "base" && !fault.help.as_deref().is_some_and(|help| help.starts_with("did you mean")) {
        let here = fault.help.map(|help| help + "; ").unwrap_or_default();
        fault.help =
            Some(format!("{here}for an image from elsewhere, write `base = {{ image = \"{}\" }}`", text.value));
    }
    report.fault(&text.place, fault);
    None
}

impl Named {
    fn base(&self) -> Base {
        let foreign = || self.foreign.clone().map_or(Base::Scratch, Base::Foreign);
        self.base.clone().map_or_else(foreign, Base::Image)
    }
}

impl Graph<'_> {
    fn index(&self, name: Option<&Located<ImageName>>) -> Option<usize> {
        self.by_name.get(name?.value.as_str()).copied()
    }

    /// The images that one begins with, each with where that is written.
    fn parents(&self, index: usize) -> impl Iterator<Item = (usize, &Place)> {
        let Named { base, builder_base, .. } = &self.named[index];
        let names = base.iter().chain(builder_base);
        names.filter_map(|name| Some((self.index(Some(name))?, &name.place)))
    }

    /// How many images stand below one at most.
    fn depth(&self, index: usize) -> usize {
        self.parents(index).map(|(parent, _)| self.depth(parent) + 1).max().unwrap_or_default()
    }

    /// The images of a circle that begins and ends at one, and where each says what it begins with.
    fn circle(&self, first: usize) -> Option<(Vec<usize>, Vec<Place>)> {
        let mut ways = vec![(vec![first], Vec::new())];
        while let Some((way, places)) = ways.pop() {
            for (parent, place) in self.parents(way[way.len() - 1]) {
                let places: Vec<Place> = places.iter().chain([place]).cloned().collect();
                if parent == first {
                    return Some((way, places));
                }
                if !way.contains(&parent) {
                    ways.push(([way.as_slice(), &[parent]].concat(), places));
                }
            }
        }
        None
    }

    /// Reports each circle once, at the first of its images by name, and lets its images begin with nothing.
    fn refuse_circles(&mut self, report: &mut Report) {
        let names: Vec<(String, usize)> = self.by_name.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
        for (name, first) in &names {
            let Some((circle, places)) = self.circle(*first) else { continue };
            let mut others: Vec<&str> =
                names.iter().filter(|(_, at)| circle.contains(at)).map(|(name, _)| name.as_str()).collect();
            others.sort_unstable();
            let message = match others.as_slice() {
                [_] => format!("`{name}` is its own base"),
                others => format!("{} are each other's base", quoted(others)),
            };
            let fault = Fault::new(message, "leads back here").help("one of them has to begin with nothing");
            if let Some((place, others)) = places.split_first() {
                let error = fault.at(place.clone());
                report.errors().push(others.iter().fold(error, |error, other| error.also(other, "and this")));
            }
            circle.into_iter().for_each(|index| self.named[index] = Named::default());
        }
    }
}
