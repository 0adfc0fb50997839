//! One image: its name, and the parts that its neighbours read.

use super::{Document, Report, cargo, config, content, each_once, emerge};
use crate::{
    Member,
    check::{Table, check_table},
    error::Fault,
    node::{Entry, Layers, Node},
    place::Located,
    spec::ImageSpec,
    values::ImageName,
};

/// The images of one package: `[package.metadata.image]` and `[package.metadata.images.NAME]`.
pub(super) fn read_images(
    document: &Document<'_>,
    member: &Member,
    defaults: Option<Node<'_>>,
    report: &mut Report,
) -> Vec<ImageSpec> {
    let mut images = Vec::new();
    if let Some(table) = document.find(&["package", "metadata", "image"]) {
        let name = match table.value.field("name").and_then(|name| name.text()) {
            Some(name) => report.parse(name),
            None => package_name(member, &table, report),
        };
        images.extend(read_image(&table, Table::Image, name, member, defaults, report));
    }
    if let Some(tables) = document.find(&["package", "metadata", "images"]) {
        if tables.value.raw().as_table().is_none() {
            let fault = Fault::new("`images` must be a table of image tables", "expected a table")
                .help("write `[package.metadata.images.NAME]` for each image");
            report.fault(&tables.value.place(), fault);
        }
        for table in tables.value.entries() {
            let name = report.parse(table.key.clone());
            images.extend(read_image(&table, Table::NamedImage, name, member, defaults, report));
        }
    }
    images
}

/// The package's own name, which cargo allows more of than images do.
fn package_name(member: &Member, table: &Entry<'_>, report: &mut Report) -> Option<Located<ImageName>> {
    let name = member.package.name.parse().map_err(|fault: Fault| {
        let help = format!("give the image a `name` in this table; {}", fault.help.as_deref().unwrap_or_default());
        fault.help(help)
    });
    report.keep(table.key.place.clone(), name)
}

fn read_image(
    table: &Entry<'_>,
    kind: Table,
    name: Option<Located<ImageName>>,
    member: &Member,
    defaults: Option<Node<'_>>,
    report: &mut Report,
) -> Option<ImageSpec> {
    check_table(table, kind, report.errors());
    table.value.raw().as_table()?;
    let place = &table.key.place;
    let layers = Layers::new(table.value, defaults);
    let cargo = cargo::read_cargo(layers, member, place, report);
    let emerge = emerge::read_emerge(layers, report);
    let content = content::read_content(layers, report);
    let config = config::read_config(layers, &cargo.bins, place, report);
    let mut tags =
        each_once(layers.one("tags").into_iter().flat_map(|tags| tags.texts()).filter_map(|tag| report.parse(tag)));
    if tags.is_empty() {
        if let Some(tags) = layers.one("tags").filter(|tags| tags.items().next().is_none()) {
            report.fault(&tags.place(), Fault::new("`tags` is empty", "no tag").help("leave it out for `latest`"));
        }
        tags.extend(report.parse(Located::new("latest", place.clone())));
    }
    Some(ImageSpec {
        name: name?.value,
        place: place.clone(),
        cargo_toml: place.file.clone(),
        package: member.package.clone(),
        emerge,
        cargo,
        content,
        config,
        tags,
    })
}
