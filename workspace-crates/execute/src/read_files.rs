//! What a program was compiled from besides the folders of its packages: what `include_str!("../../schema.sql")` reads, what a
//! build script watches. Only cargo knows, and only afterwards: it writes it into a file beside each program. The list is kept,
//! and what it names is a part of the sources from then on.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use tierce_manifest::{ImageSpec, ProgramSpec};
use tierce_process::cargo::Package;
use tierce_process::cargo_config::normalised;

use crate::session::Session;
use crate::steps::source_mounts::SourceMounts;
use crate::{Error, files};

/// The file that has the list of an image, a path a line.
fn note(session: &Session, image: &ImageSpec) -> std::path::PathBuf {
    session.places.own("images").join(image.name.as_str()).join("read-files")
}

/// The folders of the packages with a source on this host that a program is made of, each with what its files' names
/// begin with: the folder from the workspace's root on; outside of that, which may lie anywhere, the package's own name.
pub(crate) fn package_folders<'a>(session: &'a Session, program: &ProgramSpec) -> Vec<(String, &'a Utf8Path)> {
    let workspace = &session.workspace;
    let package = workspace.members.iter().find(|member| member.manifest_path == *program.cargo_toml);
    let dependencies = package.iter().flat_map(|package| &package.local_dependencies);
    let locals = package.into_iter().chain(dependencies.filter_map(|id| workspace.package(id)));
    let name = |local: &Package| match local.folder().strip_prefix(&workspace.root) {
        Ok(inside) if inside.as_str().is_empty() => String::new(),
        Ok(inside) => format!("{inside}/"),
        Err(_) => format!("{} {}: ", local.name, local.version),
    };
    locals.map(|local| (name(local), local.folder())).collect()
}

/// Adds what the last compilation of an image read outside of these folders.
pub(crate) fn add_to(
    sources: &mut BTreeMap<String, String>,
    session: &Session,
    image: &ImageSpec,
) -> Result<(), Error> {
    let list = std::fs::read_to_string(note(session, image)).unwrap_or_default();
    for path in list.lines().map(Utf8Path::new) {
        let digest = match path {
            file if file.is_file() => session.digests.of_file(file.as_std_path())?,
            folder if folder.is_dir() => session.digests.of_folder(folder.as_std_path())?,
            _ => "missing".to_owned(),
        };
        sources.insert(relative(session.root(), path), digest);
    }
    Ok(())
}

/// Keeps the list of what cargo has just read for the programs of an image, which lie in this folder of the host.
pub(crate) fn keep(
    session: &Session,
    image: &ImageSpec,
    program: &ProgramSpec,
    folder: &Utf8Path,
    sources: &SourceMounts,
) -> Result<(), Error> {
    let folders = package_folders(session, program);
    let mut list = Vec::new();
    for bin in &program.cargo.bins {
        // Where cargo cannot tell, it leaves no such file.
        let text = std::fs::read_to_string(folder.join(format!("{}.d", bin.value))).unwrap_or_default();
        let read = prerequisites(&text).into_iter().filter_map(|path| sources.outside_of_builder(&normalised(&path)));
        list.extend(read.filter(|path| !folders.iter().any(|(_, folder)| path.starts_with(folder))));
    }
    list.sort();
    list.dedup();
    files::write(&note(session, image), list.iter().map(|path| format!("{path}\n")).collect::<String>())
}

/// What the first rule of a Makefile says that a file is made of. cargo escapes spaces and nothing else.
fn prerequisites(makefile: &str) -> Vec<Utf8PathBuf> {
    let rule = makefile.lines().next().unwrap_or_default();
    let Some((_, names)) = rule.split_once(": ") else { return Vec::new() };
    let names = names.replace("\\ ", "\0");
    names.split(' ').filter(|name| !name.is_empty()).map(|name| name.replace('\0', " ").into()).collect()
}

/// A path from the workspace's root on: the same on every machine.
fn relative(root: &Utf8Path, path: &Utf8Path) -> String {
    let shared = root.components().zip(path.components()).take_while(|(one, other)| one == other).count();
    let up = root.components().skip(shared).map(|_| "..");
    up.chain(path.components().skip(shared).map(|part| part.as_str())).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_says_what_was_read() {
        for (text, expected) in [
            ("/t/a: /s/a.rs /s/b\\ c.rs\n\n/s/a.rs:\n", &["/s/a.rs", "/s/b c.rs"][..]),
            ("/t/a\\ b: /s/a.rs", &["/s/a.rs"]),
            ("/t/a:\n", &[]),
            ("", &[]),
        ] {
            assert_eq!(prerequisites(text), expected, "{text}");
        }
    }

    #[test]
    fn paths_are_named_from_the_workspace_on() {
        for (path, expected) in
            [("/home/u/ws/data/x", "data/x"), ("/home/u/other/x", "../other/x"), ("/srv/x", "../../../srv/x")]
        {
            assert_eq!(relative("/home/u/ws".into(), path.into()), expected, "{path}");
        }
    }
}
