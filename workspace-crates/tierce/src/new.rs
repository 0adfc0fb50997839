//! `cargo xtask new`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anstyle::AnsiColor;
use camino::{Utf8Path, Utf8PathBuf};
use clap::CommandFactory;
use clap::error::ErrorKind;
use tierce_execute::{Drafted, Error, Options};
use tierce_scaffold::{Content, NewBuilder, NewImage, Source};

use crate::ask::Asker;
use crate::cli::{Cli, Global, NewArgs, NewBuilderArgs, NewCommand, NewImageArgs, NewWorkspaceArgs};
use crate::terminal::Terminal;
use crate::{Failure, options, print};

/// Writes what a workspace is to have, or shows it.
pub(crate) fn run(
    arguments: &NewArgs,
    global: &Global,
    terminal: &Terminal,
    interrupted: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let options = options(global, terminal, interrupted)?;
    let ask = || Asker::new(terminal, interrupted);
    let observer = |event| terminal.show(event);
    let (drafted, next) = match &arguments.what {
        NewCommand::Workspace(arguments) => {
            let (folder, source) = workspace(arguments, &options, ask)?;
            let next = format!("cd {folder} && cargo xtask image");
            (Drafted::workspace(&options, &folder, &source, &observer)?, Some(next))
        }
        NewCommand::Image(arguments) => {
            let new = image(arguments, ask)?;
            let next = format!("cargo xtask image {}", new.name());
            (Drafted::image(&options, &new, &observer)?, Some(next))
        }
        NewCommand::Builder(arguments) => (Drafted::builder(&options, &builder(arguments, ask)?, &observer)?, None),
    };
    let dry_run = arguments.what.dry_run();
    if dry_run {
        print(&drafted.draft.diff())?;
    } else {
        drafted.write()?;
        for file in &drafted.draft.files {
            let word = if file.before.is_some() { "Changed" } else { "Created" };
            terminal.status(AnsiColor::Green, word, drafted.root.join(&file.path).as_str());
        }
    }
    for (path, why) in &drafted.draft.left {
        terminal.status(AnsiColor::Yellow, "Left", &format!("{}: {why}", drafted.root.join(path)));
    }
    if let (Some(next), false) = (next, dry_run) {
        terminal.status(AnsiColor::Cyan, "Next", &next);
    }
    Ok(())
}

/// Ends the process: something is needed that nobody said and nobody can be asked for.
fn missing(command: &str, what: &str) -> ! {
    let message = format!("`new {command}` needs {what}, as there is no terminal to ask on");
    Cli::command().error(ErrorKind::MissingRequiredArgument, message).exit()
}

/// Where the workspace is to be, and where it has the library from.
fn workspace<'t>(
    arguments: &NewWorkspaceArgs,
    options: &Options,
    ask: impl FnOnce() -> Option<Asker<'t>>,
) -> Result<(Utf8PathBuf, Source), Error> {
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => match ask() {
            Some(asker) => asker.ask("Folder of the workspace", ".", |_| Ok(()))?.into(),
            None => missing("workspace", "PATH"),
        },
    };
    let folder = options.folder.join(folder);
    let folder = folder.canonicalize_utf8().unwrap_or_else(|_| plain(&folder));
    let compiled_from = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = match arguments.tierce.as_deref() {
        Some(address) if address.contains("://") || address.starts_with("git@") => Source::Git(address.to_owned()),
        Some(copy) => library(&options.folder.join(copy).join("workspace-crates/tierce"), &folder)?,
        // What git has fetched for cargo is cargo's to remove.
        None if compiled_from.as_std_path().starts_with(&options.cargo_home) => missing("workspace", "--tierce"),
        None => library(compiled_from, &folder)?,
    };
    Ok((folder, source))
}

/// The library's crate as it is reached from the xtask of a workspace.
fn library(crate_folder: &Utf8Path, workspace: &Utf8Path) -> Result<Source, Error> {
    let failed = |source| Error::File { verb: "find Tierce in", path: crate_folder.into(), source };
    crate_folder.join("Cargo.toml").metadata().map_err(failed)?;
    let crate_folder = crate_folder.canonicalize_utf8().map_err(failed)?;
    Ok(Source::Path(relative(&workspace.join("xtask"), &crate_folder).into_string()))
}

/// A path without `.` and `..`, of what need not be there.
fn plain(path: &Utf8Path) -> Utf8PathBuf {
    let mut plain = Utf8PathBuf::new();
    for component in path.components() {
        match component.as_str() {
            ".." => {
                plain.pop();
            }
            "." => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The way from a folder to a path; the path itself where they have nothing but the root in common.
fn relative(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    if common <= 1 {
        return to.to_owned();
    }
    let up = from.components().skip(common).map(|_| "..");
    up.chain(to.components().skip(common).map(|component| component.as_str())).collect()
}

/// The image that the flags or the answers describe.
fn image<'t>(arguments: &NewImageArgs, ask: impl FnOnce() -> Option<Asker<'t>>) -> Result<NewImage, Error> {
    let list = |text: &Option<String>| text.as_deref().map(items).unwrap_or_default();
    let kind = match (arguments.bin, arguments.packages_only) {
        (true, _) => Some(Content::Program),
        (_, true) => Some(Content::Packages(list(&arguments.entrypoint))),
        _ => None,
    };
    let whole = match &kind {
        Some(Content::Packages(entrypoint)) => arguments.packages.is_some() && !entrypoint.is_empty(),
        Some(Content::Program) => true,
        None => false,
    };
    if let (Some(name), Some(kind), true) = (&arguments.name, &kind, whole) {
        return Ok(NewImage::new(name, kind.clone(), &list(&arguments.packages), &list(&arguments.expose))?);
    }
    let Some(asker) = ask() else {
        missing(
            "image",
            match (&arguments.name, &kind) {
                (None, _) => "NAME",
                (_, None) => "--bin or --packages-only",
                _ if arguments.packages.is_none() => "--packages",
                _ => "--entrypoint",
            },
        )
    };
    ask_for_image(arguments, kind, &asker)
}

/// Asks for what no flag says.
fn ask_for_image(arguments: &NewImageArgs, kind: Option<Content>, asker: &Asker<'_>) -> Result<NewImage, Error> {
    let valid = |name: &str, packages: &str, ports: &str| {
        let new = NewImage::new(name, Content::Program, &items(packages), &items(ports));
        new.map(|_| ()).map_err(|error| error.to_string())
    };
    let given = |value: &Option<String>, question: &str, check: &dyn Fn(&str) -> Result<(), String>| match value {
        Some(value) => Ok(value.clone()),
        None => asker.ask(question, "", check),
    };
    let name = given(&arguments.name, "Name of the image", &|name| valid(name, "", ""))?;
    let of_packages = match kind {
        Some(kind) => kind != Content::Program,
        None => {
            let check = |answer: &str| match answer {
                "program" | "packages" => Ok(()),
                _ => Err("write `program` or `packages`".to_owned()),
            };
            asker.ask("A program of this workspace, or packages alone? (program, packages)", "program", check)?
                == "packages"
        }
    };
    let packages =
        given(&arguments.packages, "Atoms of its packages, separated by commas", &|packages| match packages {
            "" if of_packages => Err("an image of packages needs one".to_owned()),
            packages => valid("x", packages, ""),
        })?;
    let content = if of_packages {
        let check = |path: &str| if path.starts_with('/') { Ok(()) } else { Err("write an absolute path".to_owned()) };
        Content::Packages(items(&given(&arguments.entrypoint, "The program that a container starts", &check)?))
    } else {
        Content::Program
    };
    let expose =
        given(&arguments.expose, "Ports that it listens on, separated by commas", &|ports| valid("x", "", ports))?;
    Ok(NewImage::new(&name, content, &items(&packages), &items(&expose))?)
}

/// What stands between commas or spaces; those in brackets are an atom's own.
fn items(text: &str) -> Vec<String> {
    let mut depth = 0_u32;
    let parts = text.split(|char: char| {
        match char {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (char == ',' || char.is_whitespace())
    });
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The builder that the flags or the answers describe.
fn builder<'t>(arguments: &NewBuilderArgs, ask: impl FnOnce() -> Option<Asker<'t>>) -> Result<NewBuilder, Error> {
    let repository = |name: &str, path: &Option<Utf8PathBuf>| NewBuilder::Repository {
        name: name.to_owned(),
        path: path.clone().unwrap_or(name.into()),
    };
    match arguments {
        NewBuilderArgs { debian: true, .. } => return Ok(NewBuilder::Debian),
        NewBuilderArgs { image: Some(image), .. } => return Ok(NewBuilder::Image(image.clone())),
        NewBuilderArgs { rootfs: Some(path), .. } => return Ok(NewBuilder::RootFilesystem(path.clone())),
        NewBuilderArgs { repository: Some(name), path, .. } => return Ok(repository(name, path)),
        _ => {}
    }
    let Some(asker) = ask() else { missing("builder", "--debian, --image, --rootfs or --repository") };
    let kinds = ["debian", "image", "rootfs", "repository"];
    let check = |answer: &str| match kinds.contains(&answer) {
        true => Ok(()),
        false => Err(format!("write one of {}", kinds.join(", "))),
    };
    let something = |answer: &str| if answer.is_empty() { Err("this is needed".to_owned()) } else { Ok(()) };
    Ok(match asker.ask(&format!("What it is to be ({})", kinds.join(", ")), "repository", check)?.as_str() {
        "debian" => NewBuilder::Debian,
        "image" => NewBuilder::Image(asker.ask("The image", "", something)?),
        "rootfs" => NewBuilder::RootFilesystem(asker.ask("Its archive or folder", "", something)?),
        _ => {
            let name = asker.ask("Name of the repository", "overlay", something)?;
            let path = asker.ask("Its folder, from the workspace's root", &name, something)?;
            repository(&name, &Some(path.into()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoms_are_separated_outside_of_brackets() {
        for (text, expected) in [
            ("", &[][..]),
            ("a/b,c/d", &["a/b", "c/d"]),
            (" a/b[x,-y] , c/d ", &["a/b[x,-y]", "c/d"]),
            (">=a/b-1 c/d", &[">=a/b-1", "c/d"]),
            ("a/b]],c/d", &["a/b]]", "c/d"]),
        ] {
            assert_eq!(items(text), expected, "{text}");
        }
    }

    #[test]
    fn the_way_to_the_library() {
        for (from, to, expected) in [
            ("/home/u/mine/xtask", "/home/u/tierce/crates/tierce", "../../tierce/crates/tierce"),
            ("/home/u/tierce/mine/xtask", "/home/u/tierce/crates/tierce", "../../crates/tierce"),
            ("/tmp/mine/xtask", "/home/u/tierce", "/home/u/tierce"),
        ] {
            assert_eq!(relative(Utf8Path::new(from), Utf8Path::new(to)), expected);
        }
        assert_eq!(plain(Utf8Path::new("/a/./b/../../c")), "/c");
    }
}
