//! `cargo xtask size`

mod pictures;
mod tables;

use std::path::PathBuf;

use anstyle::AnsiColor;
use camino::Utf8Path;
use serde_json::{Map, Value, json};
use tierce_execute::{Session, write_file};
use tierce_report::{By, ImageSize, changes};

use crate::call::Call;
use crate::cli::{Format, Grouping, SizeArgs};
use crate::data::json as json_text;
use crate::terminal::Terminal;
use crate::{Failure, print};

/// Every grouping with its name in tables and in data.
const GROUPINGS: [(By, &str, &str); 5] = [
    (By::Owner, "owner", "owners"),
    (By::Directory, "directory", "directories"),
    (By::Layer, "layer", "layers"),
    (By::Reason, "reason", "reasons"),
    (By::File, "file", "files"),
];

/// Prints the sizes of an image, and its differences from another one.
pub(crate) fn run(arguments: &SizeArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(None)?;
    let now = session.size(&arguments.image, &|event| terminal.show(event))?;
    terminal.close();
    let before = match &arguments.against {
        Some(against) => Some(session.stored_size(against, &names(&session, &arguments.image))?),
        None => None,
    };
    draw(arguments, &session, &now, terminal)?;
    let by = arguments.by.map(grouping);
    Ok(print(&match (arguments.format, &before) {
        (Format::Json, before) => json_text(&data(&now, before.as_ref())) + "\n",
        (Format::Text, None) => tables::contents(&now, by),
        (Format::Text, Some(before)) => tables::differences(before, &now, by),
    })?)
}

/// The names that an image may have in a layout or archive of several images.
fn names(session: &Session, image: &str) -> Vec<String> {
    let images = session.images(&[image.to_owned()]).unwrap_or_default();
    images.iter().flat_map(|image| session.names(image)).collect()
}

fn grouping(by: Grouping) -> By {
    match by {
        Grouping::Owner => By::Owner,
        Grouping::Directory => By::Directory,
        Grouping::Layer => By::Layer,
        Grouping::Reason => By::Reason,
        Grouping::File => By::File,
    }
}

/// Writes the requested pictures, and prints their paths.
fn draw(arguments: &SizeArgs, session: &Session, image: &ImageSize, terminal: &Terminal) -> Result<(), Failure> {
    let page = (&arguments.html, "size.html", pictures::page as fn(&ImageSize) -> String);
    let picture = (&arguments.svg, "size.svg", pictures::svg as _);
    for (path, name, draw) in [page, picture] {
        let Some(path) = path else { continue };
        let path = place(session, image, path, name);
        write_file(&path, draw(image).as_bytes())?;
        terminal.status(AnsiColor::Green, "Drawn", &path.display().to_string());
    }
    Ok(())
}

/// Returns the path of a picture: the requested one, else beside the image's report. Without a report, it is in the current folder.
fn place(session: &Session, image: &ImageSize, asked: &Utf8Path, name: &str) -> PathBuf {
    if !asked.as_str().is_empty() {
        return asked.into();
    }
    match session.images(std::slice::from_ref(&image.image)) {
        Ok(_) => session.paths().of_image("images", &image.image).join(name),
        Err(_) => PathBuf::from(name),
    }
}

/// Returns the sizes as data.
fn data(now: &ImageSize, before: Option<&ImageSize>) -> Value {
    let mut groups = Map::new();
    let mut differences = Map::new();
    for (by, _, name) in GROUPINGS {
        if by != By::File {
            groups.insert(name.to_owned(), json!(now.by(by)));
        }
        if let Some(before) = before {
            differences.insert(name.to_owned(), json!(changes(&before.by(by), &now.by(by))));
        }
    }
    let mut data = json!({ "bytes": now.bytes(), "by": groups });
    if let (Value::Object(data), Value::Object(image)) = (&mut data, json!(now)) {
        data.extend(image);
        if let Some(before) = before {
            let against = json!({ "image": before.image, "id": before.id, "bytes": before.bytes(), "by": differences });
            data.insert("against".to_owned(), against);
        }
    }
    data
}
