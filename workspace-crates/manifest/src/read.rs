//! Reads specifications from parsed tables.

mod accounts;
mod bases;
mod budget;
mod cargo;
mod config;
mod content;
mod emerge;
mod health;
mod hooks;
mod image;
mod image_tests;
mod run_time;
mod words;
mod workspace;

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use camino::Utf8Path;
use tierce_portage::{SyntaxError, without_version};
use toml::de::DeTable;

use crate::{
    CargoToml, WorkspaceText,
    check::{Table, check_table},
    error::{Error, Errors, Fault, nearest},
    node::{Entry, Node},
    place::{Located, Place},
    spec::{ImageSpec, WorkspaceSpec},
};

/// The name of the embedded toolbox table in messages; it is not a path of the host.
const LIBRARY: &str = "<tierce>/toolbox.toml";

/// The most images of a workspace. A plan has some ten steps for each, and each image is compared with its bases.
const MOST_IMAGES: usize = 1000;

/// Returns the text of a file that this crate embeds, or `None` for any other file.
pub fn library_text(file: &Utf8Path) -> Option<&'static str> {
    (file == LIBRARY).then_some(include_str!("toolbox.toml"))
}

/// Reads every image table of a workspace.
///
/// # Errors
///
/// Returns all problems of all files. If files are not TOML, returns only the first syntax error of each.
pub fn read(workspace: &WorkspaceText) -> Result<WorkspaceSpec, Errors> {
    let mut report = Report::default();
    let library = CargoToml { path: LIBRARY.into(), text: Arc::from(include_str!("toolbox.toml")) };
    let spec = read_tables(workspace, &library, &mut report);
    match spec {
        Some(spec) if report.errors.is_empty() => Ok(spec),
        _ => Err(Errors::new(report.errors, workspace.files().chain([&library]).cloned().collect())),
    }
}

fn read_tables(workspace: &WorkspaceText, library: &CargoToml, report: &mut Report) -> Option<WorkspaceSpec> {
    let root = Document::parse(&workspace.root, report);
    let library = Document::parse(library, report)?;
    let members: Vec<Option<Document<'_>>> =
        workspace.members.iter().map(|member| Document::parse(&member.manifest, report)).collect();
    let root = root?;
    let members: Vec<Document<'_>> = members.into_iter().collect::<Option<_>>()?;

    let defaults = root.find(&["workspace", "metadata", "image"]);
    if let Some(table) = &defaults {
        check_table(table, Table::Workspace, report.errors());
    }
    let defaults = defaults.map(|table| table.value);
    let of_members = workspace.members.iter().zip(&members);
    let mut tables: Vec<_> =
        of_members.flat_map(|(member, document)| image::find_tables(document, member, report)).collect();
    tables.extend(image::find_packages_tables(&root, report));
    if let Some(table) = tables.get(MOST_IMAGES) {
        let message = format!("the workspace has {} images, and Tierce takes at most {MOST_IMAGES}", tables.len());
        let fault = Fault::new(message, "too many").help("move some of them into a workspace of their own");
        report.fault(&table.table.key.place, fault);
        tables.truncate(MOST_IMAGES);
    }
    let mut images = image::read_images(&tables, defaults, report);
    let toolbox = image::read_toolbox(&root, &library, defaults, report);
    refuse_double_names(&images, report);
    images.sort_by(|a, b| a.name.cmp(&b.name));
    Some(workspace::read_workspace(defaults, images, toolbox?, report))
}

fn refuse_double_names(images: &[ImageSpec], report: &mut Report) {
    let mut seen = BTreeMap::new();
    for image in images {
        if let Some(first) = seen.insert(&image.name, &image.place) {
            let fault = Fault::new(format!("two images have the name `{}`", image.name), "the second one").help(
                "name one of them otherwise: `name = \"…\"` in its table, or another NAME in `[….metadata.images.NAME]`",
            );
            report.errors.push(fault.at(image.place.clone()).also(first, "the first one"));
        }
    }
    refuse_double_references(images, report);
}

/// Refuses a reference of `tags` that another image has, too: the image that is tagged last would take it from the other.
fn refuse_double_references(images: &[ImageSpec], report: &mut Report) {
    let mut seen: BTreeMap<String, (&ImageSpec, &Place)> = BTreeMap::new();
    for image in images {
        for (reference, tag) in image.references().into_iter().zip(&image.tags) {
            match seen.get(&reference) {
                // Images with one name are refused for that.
                Some((other, first)) if other.name != image.name => {
                    let message =
                        format!("the images `{}` and `{}` get the reference `{reference}`", other.name, image.name);
                    let fault = Fault::new(message, "a reference of two images")
                        .help("write the tag alone, and let `name` of each image have the registry and the path");
                    let error = fault.at(tag.place.clone());
                    report.errors.push(if tag.place == **first { error } else { error.also(first, "the first one") });
                }
                _ => drop(seen.insert(reference, (image, &tag.place))),
            }
        }
    }
}

/// A parsed Cargo.toml.
struct Document<'t> {
    file: Arc<Utf8Path>,
    top: DeTable<'t>,
}

impl<'t> Document<'t> {
    fn parse(source: &'t CargoToml, report: &mut Report) -> Option<Self> {
        let file = Arc::from(source.path.as_path());
        match DeTable::parse(&source.text) {
            Ok(top) => Some(Self { file, top: top.into_inner() }),
            Err(error) => {
                let place = Place::new(&file, error.span().unwrap_or_default());
                report.fault(&place, Fault::new(format!("this is not TOML: {}", error.message()), error.message()));
                None
            }
        }
    }

    fn find(&self, path: &[&str]) -> Option<Entry<'_>> {
        Node::descend(&self.file, &self.top, path)
    }
}

/// Collects problems, so that reading continues.
#[derive(Default)]
pub(crate) struct Report {
    errors: Vec<Error>,
}

impl Report {
    fn errors(&mut self) -> &mut Vec<Error> {
        &mut self.errors
    }

    fn fault(&mut self, place: &Place, fault: Fault) {
        self.errors.push(fault.at(place.clone()));
    }

    /// Returns the value of `result` with its place, or reports its fault and returns `None`.
    fn keep<T>(&mut self, place: Place, result: Result<T, Fault>) -> Option<Located<T>> {
        match result {
            Ok(value) => Some(Located::new(value, place)),
            Err(fault) => {
                self.errors.push(fault.at(place));
                None
            }
        }
    }

    /// Parses text with a grammar of this crate.
    fn parse<T: FromStr<Err = Fault>>(&mut self, text: Located<&str>) -> Option<Located<T>> {
        self.keep(text.place, text.value.parse())
    }

    /// Returns text that passes a check.
    fn checked(
        &mut self,
        text: Located<&str>,
        check: impl FnOnce(&str) -> Result<(), Fault>,
    ) -> Option<Located<String>> {
        self.keep(text.place, check(text.value).map(|()| text.value.to_owned()))
    }

    /// Parses text with one of Portage's grammars. The place of a fault starts at the refused character.
    fn parse_portage<T: FromStr<Err = SyntaxError>>(&mut self, text: Located<&str>) -> Option<Located<T>> {
        match text.value.parse() {
            Ok(value) => Some(Located::new(value, text.place)),
            Err(error) => {
                let message = format!("malformed {} `{}`: {}", error.what(), text.value.escape_debug(), error.reason());
                let mut fault = Fault::new(message, error.reason());
                if let Some(help) = with_category(&error).or_else(|| error.help().map(str::to_owned)) {
                    fault = fault.help(help);
                }
                self.fault(&narrowed(&text, error.offset()), fault);
                None
            }
        }
    }
}

/// Returns the help for an atom without its category: the embedded package of that name, or the nearest one.
fn with_category(error: &SyntaxError) -> Option<String> {
    let rest = error.input().get(error.offset()..)?;
    let name = rest.split([':', '[']).next().filter(|name| !name.is_empty() && !name.contains('/'))?;
    let name = without_version(name);
    if let Some(package) = tierce_ebuilds::packages_named(name).next() {
        return Some(format!("write `{package}`"));
    }
    let bare = |package: &'static str| package.rsplit('/').next().unwrap_or(package);
    let names: Vec<&str> = tierce_ebuilds::packages().map(bare).collect();
    let near = nearest(name, &names)?;
    tierce_ebuilds::packages_named(near).next().map(|package| format!("did you mean `{package}`?"))
}

/// Returns the place of a string from its byte `offset` on, or the whole place if the string has escapes or triple quotes.
fn narrowed(text: &Located<&str>, offset: usize) -> Place {
    let place = &text.place;
    let quotes = place.span.len().saturating_sub(text.value.len());
    if !matches!(quotes, 0 | 2) || offset > text.value.len() {
        return place.clone();
    }
    let start = place.span.start + quotes / 2 + offset;
    let end = (place.span.end - quotes / 2).max(start + quotes / 2);
    Place::new(&place.file, start..end)
}

/// Drops repeated values and keeps the first of each.
fn each_once<T: PartialEq>(items: impl Iterator<Item = Located<T>>) -> Vec<Located<T>> {
    let mut kept: Vec<Located<T>> = Vec::new();
    for item in items {
        if kept.iter().all(|earlier| earlier.value != item.value) {
            kept.push(item);
        }
    }
    kept
}
