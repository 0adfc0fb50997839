//! Reads the files of an image: globs over ROOT, files of the host, folders, links.

use globset::Glob;

use super::{Report, accounts, each_once, emerge, run_time::read_allow_missing};
use crate::{
    error::Fault,
    node::{Layers, Node},
    place::Located,
    presets::{PRESETS, Preset},
    spec::{
        AccountsSpec, CapabilitySpec, ContentSpec, DirectorySpec, FileSpec, Include, Keep, RunTimeSpec, Strip,
        SymlinkSpec,
    },
    values::{ImagePath, InnerPath, Mode, UserGroup, check_link_target, image_glob},
};

pub(super) fn read_content(
    layers: Layers<'_>,
    has_program: bool,
    accounts: AccountsSpec,
    run_time: RunTimeSpec,
    report: &mut Report,
) -> ContentSpec {
    let files: Vec<FileSpec> = layers.items("files").filter_map(|item| read_file(item, &accounts, report)).collect();
    let directories = read_each_path(
        layers,
        "directories",
        |item, report| read_directory(item, &accounts, report),
        |directory| &directory.path,
        report,
    );
    let symlinks = read_each_path(layers, "symlinks", read_symlink, |symlink| &symlink.path, report);
    refuse_links_in_places(&symlinks, &files, &directories, report);
    refuse_two_makers(&accounts, &symlinks, &files, report);
    let kept = layers.items("keep").filter_map(|item| item.text());
    ContentSpec {
        include: read_include(layers, has_program, report),
        keep: each_once(kept.filter_map(|text| report.keep(text.place, read_keep(text.value)))),
        prune: globs(layers, "prune", report),
        unmerge: emerge::patterns(layers, "unmerge", report),
        allow_missing: read_allow_missing(layers, report),
        run_time,
        files,
        directories,
        symlinks,
        accounts,
        capabilities: read_capabilities(layers, report),
        remove: globs(layers, "remove", report),
        strip: match layers.one("strip").and_then(|value| value.text()).map(|text| text.value) {
            Some("none") => Strip::None,
            Some("symbols") => Strip::Symbols,
            _ => Strip::Debuginfo,
        },
    }
}

fn read_include(layers: Layers<'_>, has_program: bool, report: &mut Report) -> Include {
    if has_program {
        return match layers.one("include").and_then(|include| include.text()) {
            Some(include) if include.value == "packages" => Include::Packages,
            _ => Include::Closure,
        };
    }
    // Refuse only the image's own key: the workspace's default may suit its other images.
    if let Some(include) = layers.own("include").and_then(|include| include.text())
        && include.value == "closure"
    {
        let fault = Fault::new("a closure starts at a program, and this image has none", "needs a program")
            .help("leave `include` out: the image holds its packages, less `prune` and the presets");
        report.fault(&include.place, fault);
    }
    Include::Packages
}

/// Reads a glob, which starts with `/`, or the name of a preset.
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

fn read_file(item: Node<'_>, accounts: &AccountsSpec, report: &mut Report) -> Option<FileSpec> {
    let from = item.field("from").and_then(|from| from.text());
    let from = from.and_then(|from| report.keep(from.place, InnerPath::parse(&item.folder(), from.value)));
    let to = item.field("to").and_then(|to| to.text()).and_then(|to| report.parse(to));
    let (mode, owner) = (read_mode(item, report), read_owner(item, accounts, report));
    Some(FileSpec { from: from?, to: to?, mode, owner })
}

/// Reads the items of both tables; the image's item of a path wins. Refuses repeated paths in one table.
fn read_each_path<'t, T>(
    layers: Layers<'t>,
    key: &str,
    mut read: impl FnMut(Node<'t>, &mut Report) -> Option<T>,
    path: impl Fn(&T) -> &Located<ImagePath>,
    report: &mut Report,
) -> Vec<T> {
    let mut merged: Vec<T> = Vec::new();
    for list in layers.all(key) {
        let mut own: Vec<T> = Vec::new();
        for item in list.items() {
            let Some(item) = read(item, report) else { continue };
            match own.iter().find(|earlier| path(earlier).value == path(&item).value) {
                None => own.push(item),
                Some(earlier) => {
                    let message = format!("`{}` is in `{key}` twice", path(&item).value);
                    let error = Fault::new(message, "the second time").at(path(&item).place.clone());
                    report.errors().push(error.also(&path(earlier).place, "the first time"));
                }
            }
        }
        own.retain(|weaker| merged.iter().all(|stronger| path(stronger).value != path(weaker).value));
        merged.append(&mut own);
    }
    merged
}

/// Refuses a link at the path of a file or folder, because neither has priority.
fn refuse_links_in_places(
    symlinks: &[SymlinkSpec],
    files: &[FileSpec],
    directories: &[DirectorySpec],
    report: &mut Report,
) {
    let files = files.iter().map(|file| (&file.to, "`files`"));
    let directories = directories.iter().map(|directory| (&directory.path, "`directories`"));
    let others: Vec<(&Located<ImagePath>, &str)> = files.chain(directories).collect();
    for SymlinkSpec { path, .. } in symlinks {
        if let Some((other, key)) = others.iter().find(|(other, _)| other.value == path.value) {
            let message = format!("`{}` is in `symlinks` and in {key}", path.value);
            let error = Fault::new(message, "a link here").at(path.place.clone());
            report.errors().push(error.also(&other.place, "something else here"));
        }
    }
}

/// Refuses files and links at the paths that `users` and `groups` generate.
fn refuse_two_makers(accounts: &AccountsSpec, symlinks: &[SymlinkSpec], files: &[FileSpec], report: &mut Report) {
    let names = accounts.users.iter().map(|user| &user.name).chain(accounts.groups.iter().map(|group| &group.name));
    let Some(name) = names.min_by_key(|name| name.place.span.start) else { return };
    let others = files.iter().map(|file| &file.to).chain(symlinks.iter().map(|symlink| &symlink.path));
    for path in others.filter(|path| ["/etc/passwd", "/etc/group"].contains(&path.value.as_str())) {
        let message = format!("`{}` is made of `users` and `groups`", path.value);
        let fault = Fault::new(message, "the second one").help("leave it out, or declare no users and groups");
        report.errors().push(fault.at(path.place.clone()).also(&name.place, "the first one"));
    }
}

fn read_symlink(item: Node<'_>, report: &mut Report) -> Option<SymlinkSpec> {
    let path = item.field("path").and_then(|path| path.text()).and_then(|path| report.parse::<ImagePath>(path));
    let target = item.field("target").and_then(|target| target.text());
    let target = target.and_then(|target| report.checked(target, check_link_target));
    let (path, target) = (path?, target?);
    if path.value.as_str() == "/" {
        report.fault(&path.place, Fault::new("`/` cannot be a link", "the top"));
        return None;
    }
    Some(SymlinkSpec { path, target })
}

fn read_capabilities(layers: Layers<'_>, report: &mut Report) -> Vec<CapabilitySpec> {
    let mut all = Vec::new();
    for entry in layers.entries("capabilities") {
        let path = report.parse(entry.key);
        let capabilities = entry.value.text().and_then(|text| report.parse(text));
        if let (Some(path), Some(capabilities)) = (path, capabilities) {
            all.push(CapabilitySpec { path, capabilities: capabilities.value });
        }
    }
    all
}

fn read_directory(item: Node<'_>, accounts: &AccountsSpec, report: &mut Report) -> Option<DirectorySpec> {
    let path = item.field("path").and_then(|path| path.text()).and_then(|path| report.parse(path));
    let mode = read_mode(item, report).unwrap_or(Mode::DIRECTORY);
    let owner = read_owner(item, accounts, report);
    Some(DirectorySpec { path: path?, mode, owner })
}

fn read_mode(item: Node<'_>, report: &mut Report) -> Option<Mode> {
    let mode = report.parse(item.field("mode")?.text()?)?;
    Some(mode.value)
}

fn read_owner(item: Node<'_>, accounts: &AccountsSpec, report: &mut Report) -> UserGroup {
    let owner = item.field("owner").and_then(|owner| owner.text_or_integer());
    let owner = owner.and_then(|owner| accounts::read_owner(owner, accounts, report));
    owner.map_or(UserGroup::ROOT, |owner| owner.value)
}
