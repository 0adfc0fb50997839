//! What goes into an image: globs over ROOT, files of the host, folders.

use globset::Glob;

use super::{Report, each_once, emerge};
use crate::{
    check::not_yet,
    error::Fault,
    node::{Layers, Node},
    place::Located,
    presets::{PRESETS, Preset},
    spec::{ContentSpec, DirectorySpec, FileSpec, Include, Keep, Strip},
    values::{InnerPath, Mode, UserGroup, image_glob},
};

pub(super) fn read_content(layers: Layers<'_>, has_program: bool, report: &mut Report) -> ContentSpec {
    check_base(layers, report);
    let kept = layers.items("keep").filter_map(|item| item.text());
    ContentSpec {
        include: read_include(layers, has_program, report),
        keep: each_once(kept.filter_map(|text| report.keep(text.place, read_keep(text.value)))),
        prune: globs(layers, "prune", report),
        unmerge: emerge::patterns(layers, "unmerge", report),
        allow_missing: globs(layers, "allow-missing", report),
        files: layers.items("files").filter_map(|item| read_file(item, report)).collect(),
        directories: read_directories(layers, report),
        strip: match layers.one("strip").and_then(|value| value.text()).map(|text| text.value) {
            Some("none") => Strip::None,
            Some("symbols") => Strip::Symbols,
            _ => Strip::Debuginfo,
        },
    }
}

fn check_base(layers: Layers<'_>, report: &mut Report) {
    if let Some(base) = layers.one("base").and_then(|base| base.text())
        && base.value != "scratch"
    {
        let instead = "write `base = \"scratch\"`, or leave it out";
        report.fault(&base.place, not_yet("a base other than `scratch`", instead));
    }
}

fn read_include(layers: Layers<'_>, has_program: bool, report: &mut Report) -> Include {
    if has_program {
        return match layers.one("include").and_then(|include| include.text()) {
            Some(include) if include.value == "packages" => Include::Packages,
            _ => Include::Closure,
        };
    }
    // That the workspace's images have it otherwise is no matter of an image that cannot.
    if let Some(include) = layers.own("include").and_then(|include| include.text())
        && include.value == "closure"
    {
        let fault = Fault::new("a closure starts at a program, and this image has none", "needs a program")
            .help("leave `include` out: the image holds its packages, less `prune` and the presets");
        report.fault(&include.place, fault);
    }
    Include::Packages
}

/// A glob begins at the top; what has nothing of a path in it is the name of a preset.
fn read_keep(text: &str) -> Result<Keep, Fault> {
    if let Some(preset) = Preset::find(text) {
        return Ok(Keep::Preset(preset));
    }
    let glob = image_glob(text).map(Keep::Glob);
    let is_word = !text.is_empty() && text.chars().all(|character| character.is_ascii_lowercase() || character == '-');
    if glob.is_ok() || !is_word {
        return glob;
    }
    let fault = Fault::new(format!("`{text}` is neither a preset nor a glob"), "neither a preset nor a glob");
    let suggested = fault.suggest(text, PRESETS.iter().map(|preset| preset.name));
    Err(match suggested.help {
        Some(_) => suggested,
        None => suggested.help(format!("a glob begins at the top: write `/{text}`, or `/**/{text}` for any folder")),
    })
}

fn globs(layers: Layers<'_>, key: &str, report: &mut Report) -> Vec<Located<Glob>> {
    let texts = layers.items(key).filter_map(|item| item.text());
    each_once(texts.filter_map(|text| report.keep(text.place, image_glob(text.value))))
}

fn read_file(item: Node<'_>, report: &mut Report) -> Option<FileSpec> {
    let from = item.field("from").and_then(|from| from.text());
    let from = from.and_then(|from| report.keep(from.place, InnerPath::parse(&item.folder(), from.value)));
    let to = item.field("to").and_then(|to| to.text()).and_then(|to| report.parse(to));
    let (mode, owner) = (read_mode(item, report), read_owner(item, report));
    Some(FileSpec { from: from?, to: to?, mode, owner })
}

/// The folders of both tables; where both have one, the image's holds.
fn read_directories(layers: Layers<'_>, report: &mut Report) -> Vec<DirectorySpec> {
    let mut merged: Vec<DirectorySpec> = Vec::new();
    for list in layers.all("directories") {
        let mut own: Vec<DirectorySpec> = Vec::new();
        for item in list.items() {
            let Some(directory) = read_directory(item, report) else { continue };
            match own.iter().find(|earlier| earlier.path.value == directory.path.value) {
                None => own.push(directory),
                Some(earlier) => {
                    let message = format!("`{}` is in `directories` twice", directory.path.value);
                    let error = Fault::new(message, "the second time").at(directory.path.place);
                    report.errors().push(error.also(&earlier.path.place, "the first time"));
                }
            }
        }
        own.retain(|weaker| merged.iter().all(|stronger| stronger.path.value != weaker.path.value));
        merged.append(&mut own);
    }
    merged
}

fn read_directory(item: Node<'_>, report: &mut Report) -> Option<DirectorySpec> {
    let path = item.field("path").and_then(|path| path.text()).and_then(|path| report.parse(path));
    let mode = read_mode(item, report).unwrap_or(Mode::DIRECTORY);
    let owner = read_owner(item, report);
    Some(DirectorySpec { path: path?, mode, owner })
}

fn read_mode(item: Node<'_>, report: &mut Report) -> Option<Mode> {
    let mode = report.parse(item.field("mode")?.text()?)?;
    Some(mode.value)
}

fn read_owner(item: Node<'_>, report: &mut Report) -> UserGroup {
    let owner = item.field("owner").and_then(|owner| owner.text_or_integer());
    let owner = owner.and_then(|owner| report.keep(owner.place, owner.value.parse()));
    owner.map_or(UserGroup::ROOT, |owner| owner.value)
}
