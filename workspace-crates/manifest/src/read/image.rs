//! Reads one image: its name, and its parts through the neighbouring modules.

use super::bases::{self, ImageTable, Ordered};
use super::{
    Document, Report, accounts, budget, cargo,
    config::{self, Below},
    content, each_once, emerge, hooks, image_tests, run_time,
};
use crate::{
    Member,
    check::{Table, check_table},
    error::Fault,
    node::{Entry, Layers, Node},
    place::{Located, Place},
    spec::{Base, ImageSpec, ProgramSpec},
    values::{ImageName, Tag},
};

/// The name of the image with an embedded table.
const TOOLBOX: &str = "toolbox";
/// The path of the tables of images without a program.
const WORKSPACE_IMAGES: [&str; 3] = ["workspace", "metadata", "images"];

/// Finds the tables of one package: `[package.metadata.image]` and `[package.metadata.images.NAME]`.
pub(super) fn find_tables<'d>(
    document: &'d Document<'_>,
    member: &'d Member,
    report: &mut Report,
) -> Vec<ImageTable<'d>> {
    let mut images = Vec::new();
    if let Some(table) = document.find(&["package", "metadata", "image"]) {
        let name = match table.value.field("name").and_then(|name| name.text()) {
            Some(name) => report.parse(name),
            None => package_name(member, &table, report),
        };
        let name = name.and_then(|name| not_the_toolbox(name, report));
        check_table(&table, Table::Image, report.errors());
        images.push(ImageTable { table, name, member: Some(member) });
    }
    for table in tables(document, &["package", "metadata", "images"], report) {
        let name = report.parse(table.key.clone()).and_then(|name| not_the_toolbox(name, report));
        check_table(&table, Table::NamedImage, report.errors());
        images.push(ImageTable { table, name, member: Some(member) });
    }
    images
}

/// Finds the tables of images of packages alone: `[workspace.metadata.images.NAME]`.
pub(super) fn find_packages_tables<'d>(root: &'d Document<'_>, report: &mut Report) -> Vec<ImageTable<'d>> {
    let mut images = Vec::new();
    for table in tables(root, &WORKSPACE_IMAGES, report) {
        if table.key.value == TOOLBOX {
            continue;
        }
        let name = report.parse(table.key.clone());
        check_table(&table, Table::Packages, report.errors());
        images.push(ImageTable { table, name, member: None });
    }
    images
}

/// Reads the images of these tables, each after its base.
pub(super) fn read_images<'d>(
    tables: &[ImageTable<'d>],
    defaults: Option<Node<'d>>,
    report: &mut Report,
) -> Vec<ImageSpec> {
    let mut images: Vec<ImageSpec> = Vec::new();
    for Ordered { index, base, builder_base, below } in bases::in_order(tables, defaults, report) {
        let ImageTable { table, name, member } = &tables[index];
        if table.value.raw().as_table().is_none() {
            continue;
        }
        let parent = base.image().and_then(|name| images.iter().find(|image| image.name == *name)).cloned();
        let layers = Layers::new(table.value, defaults).on_top_of(&below);
        let below = match (&base, &parent) {
            (_, Some(parent)) => Below::Image(&parent.config),
            (Base::Foreign(_), None) => Below::Foreign,
            _ => Below::Nothing,
        };
        let image = read_layers(layers, &table.key.place, name.clone(), *member, below, report);
        images.extend(image.map(|image| ImageSpec { base, builder_base, ..image }));
    }
    images
}

/// Reads the toolbox: the workspace's table over the embedded one.
pub(super) fn read_toolbox(
    root: &Document<'_>,
    library: &Document<'_>,
    defaults: Option<Node<'_>>,
    report: &mut Report,
) -> Option<ImageSpec> {
    let path = [&WORKSPACE_IMAGES[..], &[TOOLBOX]].concat();
    let of_library = library.find(&path)?;
    let own = root.find(&path);
    if let Some(own) = &own {
        check_table(own, Table::Packages, report.errors());
    }
    let name = report.parse(of_library.key.clone());
    let place = own.as_ref().map_or(&of_library.key.place, |own| &own.key.place).clone();
    let layers = Layers::of_library(own.map(|own| own.value), of_library.value, defaults);
    read_layers(layers, &place, name, None, Below::Nothing, report)
}

/// Returns the tables of several images.
fn tables<'d>(document: &'d Document<'_>, path: &[&str], report: &mut Report) -> Vec<Entry<'d>> {
    let Some(tables) = document.find(path) else { return Vec::new() };
    if tables.value.raw().as_table().is_none() {
        let fault = Fault::new("`images` must be a table of image tables", "expected a table")
            .help(format!("write `[{}.NAME]` for each image", path.join(".")));
        report.fault(&tables.value.place(), fault);
    }
    tables.value.all_entries()
}

/// Refuses the toolbox's name, which every workspace already uses.
fn not_the_toolbox(name: Located<ImageName>, report: &mut Report) -> Option<Located<ImageName>> {
    if name.value.as_str() != TOOLBOX {
        return Some(name);
    }
    let fault = Fault::new("`toolbox` is the image with Tierce's own tools for debugging", "taken").help(
        "name the image otherwise; `[workspace.metadata.images.toolbox]` changes the toolbox, and `toolbox` of \
         `[workspace.metadata.image]` puts another image in its place",
    );
    report.fault(&name.place, fault);
    None
}

/// Returns the package's name as the image's. Cargo allows names that images do not.
fn package_name(member: &Member, table: &Entry<'_>, report: &mut Report) -> Option<Located<ImageName>> {
    let name = member.package.name.parse().map_err(|fault: Fault| {
        let help = format!("give the image a `name` in this table; {}", fault.help.as_deref().unwrap_or_default());
        fault.help(help)
    });
    report.keep(table.key.place.clone(), name)
}

fn read_layers(
    layers: Layers<'_>,
    place: &Place,
    name: Option<Located<ImageName>>,
    member: Option<&Member>,
    below: Below<'_>,
    report: &mut Report,
) -> Option<ImageSpec> {
    let program = member.map(|member| ProgramSpec {
        cargo_toml: place.file.clone(),
        package: member.package.clone(),
        cargo: cargo::read_cargo(layers, member, place, report),
    });
    let mut emerge = emerge::read_emerge(layers, report);
    let run_time = run_time::read_run_time(layers, &mut emerge, report);
    let accounts = accounts::read_accounts(layers, report);
    let config = config::read_config(layers, program.as_ref(), below, &accounts, place, report);
    let content = content::read_content(layers, program.is_some(), accounts, run_time, report);
    let hooks = hooks::read_hooks(layers, program.is_some(), report);
    let tags = read_tags(layers, place, report);
    let max_size = budget::read_max_size(layers, report);
    let tests = image_tests::read_tests(layers, &config, report);
    Some(ImageSpec {
        name: name?.value,
        place: place.clone(),
        base: Base::Scratch,
        builder_base: None,
        program,
        emerge,
        content,
        hooks,
        config,
        tags,
        max_size,
        tests,
    })
}

fn read_tags(layers: Layers<'_>, place: &Place, report: &mut Report) -> Vec<Located<Tag>> {
    let mut tags =
        each_once(layers.one("tags").into_iter().flat_map(|tags| tags.texts()).filter_map(|tag| report.parse(tag)));
    if tags.is_empty() {
        if let Some(tags) = layers.one("tags").filter(|tags| tags.items().next().is_none()) {
            report.fault(&tags.place(), Fault::new("`tags` is empty", "no tag").help("leave it out for `latest`"));
        }
        tags.extend(report.parse(Located::new("latest", place.clone())));
    }
    tags
}
