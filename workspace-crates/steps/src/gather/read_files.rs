//! Files that a program was compiled from, outside of its packages' folders: those of `include_str!("../../schema.sql")`, or that a build
//! script watches. cargo knows them only after the compilation, and writes them beside each program. The list is kept, and its files
//! count as sources from then on.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use tierce_builders::container::source_mounts::SourceMounts;
use tierce_builders::workspace::Workspace;
use tierce_manifest::{ImageSpec, ProgramSpec};
use tierce_process::cargo::Package;
use tierce_process::cargo_config::normalised;
use tierce_store::written_paths::is_cache;
use tierce_store::{Error, files, untrusted};

/// The most bytes that Tierce reads of such a file.
const MAX_DEP_INFO: u64 = 16 << 20;

/// The file with the list of an image, a path a line.
fn note(workspace: &Workspace, image: &ImageSpec) -> std::path::PathBuf {
    workspace.paths.of_image("images", image.name.as_str()).join("read-files")
}

/// The folders of the packages with a source on this host that a program is made of, each with the prefix of its files' names: the
/// folder from the workspace's root on, or the package's name for a folder outside, which may lie anywhere.
pub(super) fn package_folders<'a>(workspace: &'a Workspace, program: &ProgramSpec) -> Vec<(String, &'a Utf8Path)> {
    let workspace = &workspace.metadata;
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

/// The ids of these packages.
pub(crate) fn package_ids(workspace: &Workspace, program: &ProgramSpec) -> BTreeSet<String> {
    let mut members = workspace.metadata.members.iter();
    let package = members.find(|member| member.manifest_path == *program.cargo_toml);
    package.into_iter().flat_map(|package| package.local_dependencies.iter().chain([&package.id])).cloned().collect()
}

/// Adds the files and folders that the table names.
pub(super) fn add_named(
    sources: &mut BTreeMap<String, String>,
    workspace: &Workspace,
    program: &ProgramSpec,
) -> Result<(), Error> {
    for source in &program.cargo.sources {
        let path = normalised(&source.value);
        let digest = if path.is_dir() {
            workspace.digests.of_folder(path.as_std_path())
        } else {
            workspace.digests.of_file(path.as_std_path())
        };
        let digest = digest.map_err(|error| match error.source_as::<std::io::Error>() {
            Some(cause) => Error::table(&source.place, format!("`{path}` cannot be read: {cause}")),
            None => error,
        })?;
        sources.insert(relative(workspace.root(), &path), digest);
    }
    Ok(())
}

/// Adds the files that the last compilation of an image read outside of these folders.
pub(super) fn add_to(
    sources: &mut BTreeMap<String, String>,
    workspace: &Workspace,
    image: &ImageSpec,
) -> Result<(), Error> {
    let list = tierce_bounded::text(note(workspace, image), &tierce_bounded::TEXT).unwrap_or_default();
    for path in list.lines().map(Utf8Path::new) {
        let digest = match path {
            file if file.is_file() => workspace.digests.of_file(file.as_std_path())?,
            folder if folder.is_dir() => workspace.digests.of_folder(folder.as_std_path())?,
            _ => "missing".to_owned(),
        };
        sources.insert(relative(workspace.root(), path), digest);
    }
    Ok(())
}

/// Keeps the list of files that cargo has just read for the programs of an image. They lie in this folder of the target folder,
/// where build scripts write too.
pub(crate) fn keep(
    workspace: &Workspace,
    image: &ImageSpec,
    program: &ProgramSpec,
    (target, folder): (&Utf8Path, &str),
    sources: &SourceMounts,
) -> Result<(), Error> {
    let folders: Vec<&Utf8Path> = package_folders(workspace, program).into_iter().map(|(_, folder)| folder).collect();
    let written = workspace.digests.written();
    let mut list = Vec::new();
    for bin in &program.cargo.bins {
        // Where cargo does not know, it writes no such file.
        let text = untrusted::read_text(target.as_std_path(), &format!("{folder}/{}.d", bin.value), MAX_DEP_INFO)?;
        let text = text.unwrap_or_default();
        let read = prerequisites(&text).into_iter().filter_map(|path| sources.outside_of_builder(&normalised(&path)));
        let read = read.filter(|path| !written.contain(path.as_std_path()));
        list.extend(read.filter(|path| !folders.iter().any(|folder| is_walked(folder, path))));
    }
    list.sort();
    list.dedup();
    files::write(&note(workspace, image), list.iter().map(|path| format!("{path}\n")).collect::<String>())
}

/// Whether a file is a source because of the folder that it lies in: those of caches and of git are not, unless a program reads one.
fn is_walked(folder: &Utf8Path, path: &Utf8Path) -> bool {
    let mut between = path.ancestors().skip(1).take_while(|between| between != &folder);
    let is_left_out = |between: &Utf8Path| between.file_name() == Some(".git") || is_cache(between.as_std_path());
    path.starts_with(folder) && !between.any(is_left_out)
}

/// The prerequisites of a Makefile's first rule. cargo escapes spaces and nothing else.
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
    fn first_rule_has_the_prerequisites() {
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
    fn cached_files_count_if_they_are_read() {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = Utf8Path::from_path(scratch.path()).expect("UTF-8");
        std::fs::create_dir(folder.join("cache")).expect("writable");
        std::fs::write(folder.join("cache/CACHEDIR.TAG"), "").expect("writable");
        let cases = [("src/main.rs", true), ("cache/table.bin", false), (".git/HEAD", false), ("../x", false)];
        for (path, expected) in cases {
            assert_eq!(is_walked(folder, &normalised(&folder.join(path))), expected, "{path}");
        }
    }

    #[test]
    fn paths_start_at_the_workspace() {
        for (path, expected) in
            [("/home/u/ws/data/x", "data/x"), ("/home/u/other/x", "../other/x"), ("/srv/x", "../../../srv/x")]
        {
            assert_eq!(relative("/home/u/ws".into(), path.into()), expected, "{path}");
        }
    }
}
