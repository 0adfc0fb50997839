//! From parsed tables to specifications.

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
mod workspace;

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use camino::Utf8Path;
use tierce_portage::SyntaxError;
use toml::de::DeTable;

use crate::{
    CargoToml, WorkspaceText,
    check::{Table, check_table},
    error::{Error, Errors, Fault},
    node::{Entry, Node},
    place::{Located, Place},
    spec::{ImageSpec, WorkspaceSpec},
};

/// What messages call the file of the library's own table: no path of the host.
const LIBRARY: &str = "<tierce>/toolbox.toml";

/// The whole text of a file that is the library's own; none for any other.
pub fn library_text(file: &Utf8Path) -> Option<&'static str> {
    (file == LIBRARY).then_some(include_str!("toolbox.toml"))
}

/// Reads every image table of a workspace.
///
/// # Errors
///
/// All problems of all files; of a file that is not TOML the first one, and then nothing else is looked at.
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

/// Gathers what is wrong, so that reading goes on.
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

    /// The value of `result` with its place; `None` when it was reported instead.
    fn keep<T>(&mut self, place: Place, result: Result<T, Fault>) -> Option<Located<T>> {
        match result {
            Ok(value) => Some(Located::new(value, place)),
            Err(fault) => {
                self.errors.push(fault.at(place));
                None
            }
        }
    }

    /// Reads text by a grammar of this crate.
    fn parse<T: FromStr<Err = Fault>>(&mut self, text: Located<&str>) -> Option<Located<T>> {
        self.keep(text.place, text.value.parse())
    }

    /// Keeps text that passes a check.
    fn checked(
        &mut self,
        text: Located<&str>,
        check: impl FnOnce(&str) -> Result<(), Fault>,
    ) -> Option<Located<String>> {
        self.keep(text.place, check(text.value).map(|()| text.value.to_owned()))
    }

    /// Reads text by one of Portage's grammars; what it refuses is blamed from the character on that it names.
    fn parse_portage<T: FromStr<Err = SyntaxError>>(&mut self, text: Located<&str>) -> Option<Located<T>> {
        match text.value.parse() {
            Ok(value) => Some(Located::new(value, text.place)),
            Err(error) => {
                let message = format!("malformed {} `{}`: {}", error.what(), text.value.escape_debug(), error.reason());
                let mut fault = Fault::new(message, error.reason());
                if let Some(help) = error.help() {
                    fault = fault.help(help);
                }
                self.fault(&narrowed(&text, error.offset()), fault);
                None
            }
        }
    }
}

/// The place from the byte `offset` of a string on, where the file has the string as it is, without escapes.
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

/// Drops the later ones of equal values.
fn each_once<T: PartialEq>(items: impl Iterator<Item = Located<T>>) -> Vec<Located<T>> {
    let mut kept: Vec<Located<T>> = Vec::new();
    for item in items {
        if kept.iter().all(|earlier| earlier.value != item.value) {
            kept.push(item);
        }
    }
    kept
}
