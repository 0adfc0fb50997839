//! Reads the bases of images and builders, and orders the images by them.

use std::collections::{BTreeMap, VecDeque, btree_map};

use super::Report;
use crate::{
    Member,
    error::{Fault, quoted},
    node::{Entry, Node},
    place::{Located, Place},
    spec::Base,
    values::{ImageName, ImageReference},
};

/// The most bases below an image. A daemon stacks at most 127 layers, and each base adds at least one.
const LONGEST_CHAIN: usize = 126;

/// The table of an image, with only its name read.
pub(super) struct ImageTable<'d> {
    /// The table with its key.
    pub(super) table: Entry<'d>,
    /// The image's name; `None` if it is invalid, which is reported.
    pub(super) name: Option<Located<ImageName>>,
    /// The package of its program; `None` for an image of packages alone.
    pub(super) member: Option<&'d Member>,
}

/// A table with its bases. In a list, each table follows its bases.
pub(super) struct Ordered<'d> {
    /// Its index among the tables.
    pub(super) index: usize,
    /// The base of the image.
    pub(super) base: Base,
    /// The base of its builder.
    pub(super) builder_base: Option<Located<ImageName>>,
    /// The tables of all its bases, the nearest first.
    pub(super) below: Vec<Node<'d>>,
}

/// The bases that one table names.
#[derive(Clone, Default)]
struct Named {
    base: Option<Located<ImageName>>,
    /// An external base, which excludes `base`.
    foreign: Option<Located<ImageReference>>,
    builder_base: Option<Located<ImageName>>,
}

/// The images of a workspace, by name.
struct Graph<'t> {
    by_name: BTreeMap<&'t str, usize>,
    named: Vec<Named>,
}

/// Reads `base` and `builder-base` of all images and orders them. Reports unknown images and cycles.
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
    graph.refuse_long_chains(tables, report);
    let below = |index: usize| {
        std::iter::successors(graph.index(graph.named[index].base.as_ref()), |below| {
            graph.index(graph.named[*below].base.as_ref())
        })
    };
    let mut order: Vec<usize> = (0..tables.len()).collect();
    let depths = graph.depths();
    order.sort_by_key(|index| depths[*index]);
    let ordered = |index: usize| Ordered {
        index,
        base: graph.named[index].base(),
        builder_base: graph.named[index].builder_base.clone(),
        below: below(index).take(LONGEST_CHAIN).map(|below| tables[below].table.value).collect(),
    };
    order.into_iter().map(ordered).collect()
}

/// Reads the reference of an external base, from the image's own table or, if that has no `base`, from the workspace's defaults.
/// The inner value is `None` if the reference is invalid, which is reported.
fn read_foreign(
    table: Node<'_>,
    defaults: Option<Node<'_>>,
    report: &mut Report,
) -> Option<Option<Located<ImageReference>>> {
    let base = table.field("base").or_else(|| defaults?.field("base"))?;
    let reference = base.field("image")?;
    Some(reference.text().and_then(|text| report.parse(text)))
}

/// Reads the image that a table names with a key; the word `nothing` means no image. The workspace's default does not
/// apply to the image that it names.
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

    /// Returns the images that an image directly starts from, each with the place of the key.
    fn parents(&self, index: usize) -> impl Iterator<Item = (usize, &Place)> {
        let Named { base, builder_base, .. } = &self.named[index];
        let names = base.iter().chain(builder_base);
        names.filter_map(|name| Some((self.index(Some(name))?, &name.place)))
    }

    /// Returns the length of the longest chain of bases below each image; none for an image whose bases lead to a cycle.
    fn depths(&self) -> Vec<Option<usize>> {
        let mut waiting: Vec<usize> = (0..self.named.len()).map(|index| self.parents(index).count()).collect();
        let mut above: Vec<Vec<usize>> = vec![Vec::new(); self.named.len()];
        for index in 0..self.named.len() {
            self.parents(index).for_each(|(parent, _)| above[parent].push(index));
        }
        let mut depths = vec![0; self.named.len()];
        let mut ready: Vec<usize> = (0..self.named.len()).filter(|index| waiting[*index] == 0).collect();
        while let Some(index) = ready.pop() {
            for &image in &above[index] {
                depths[image] = depths[image].max(depths[index] + 1);
                waiting[image] -= 1;
                ready.extend((waiting[image] == 0).then_some(image));
            }
        }
        depths.into_iter().zip(waiting).map(|(depth, waiting)| (waiting == 0).then_some(depth)).collect()
    }

    /// Returns a shortest cycle through an image: its images, and the places of the keys that form it.
    fn circle(&self, first: usize) -> Option<(Vec<usize>, Vec<Place>)> {
        // The image from which each one was reached, and the place of the key.
        let mut reached: BTreeMap<usize, (usize, &Place)> = BTreeMap::new();
        let mut next = VecDeque::from([first]);
        while let Some(index) = next.pop_front() {
            for (parent, place) in self.parents(index) {
                if parent == first {
                    let mut images = vec![index];
                    let mut places = vec![place.clone()];
                    while let Some((before, place)) = images.last().and_then(|last| reached.get(last)) {
                        images.push(*before);
                        places.push((*place).clone());
                    }
                    images.reverse();
                    places.reverse();
                    return Some((images, places));
                }
                if let btree_map::Entry::Vacant(entry) = reached.entry(parent) {
                    entry.insert((index, place));
                    next.push_back(parent);
                }
            }
        }
        None
    }

    /// Reports each cycle once, at its first image by name, and removes the bases of its images.
    fn refuse_circles(&mut self, report: &mut Report) {
        let names: Vec<(String, usize)> = self.by_name.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
        let mut depths = self.depths();
        for (name, first) in &names {
            if depths[*first].is_some() {
                continue;
            }
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
            depths = self.depths();
        }
    }

    /// Reports the images whose chains of bases just exceed [`LONGEST_CHAIN`].
    fn refuse_long_chains(&self, tables: &[ImageTable<'_>], report: &mut Report) {
        let too_long = self.depths().into_iter().zip(tables).filter(|(depth, _)| *depth == Some(LONGEST_CHAIN + 1));
        for name in too_long.filter_map(|(_, table)| table.name.as_ref()) {
            let message = format!("`{}` has a chain of more than {LONGEST_CHAIN} bases", name.value);
            let fault = Fault::new(message, "too long a chain")
                .help("let it begin with an image that has fewer bases: a daemon stacks at most 127 layers");
            report.fault(&name.place, fault);
        }
    }
}
