//! `cargo xtask new`

use anstyle::AnsiColor;
use camino::Utf8PathBuf;
use clap::error::ErrorKind;
use tierce_execute::{Drafted, Error, not_drafted};
use tierce_scaffold::{Content, NewBuilder, NewImage};

use crate::ask::Asker;
use crate::call::Call;
use crate::cli::{NewArgs, NewBuilderArgs, NewCommand, NewImageArgs};
use crate::new::source::{shell_word, source_note, workspace};
use crate::{Failure, end_with_usage, invocation, print};

mod source;

/// Writes the files of a new workspace, image or builder, or prints their diff.
pub(crate) fn run(arguments: &NewArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let options = call.options(None)?;
    let ask = || Asker::new(terminal, call.interrupted);
    let observer = |event| terminal.show(event);
    let mut note = None;
    let drafted = match &arguments.what {
        NewCommand::Workspace(arguments) => {
            let (folder, source) = workspace(arguments, &options, ask)?;
            note = source_note(&source.source, source.is_shared);
            Drafted::workspace(&options, &folder, &source.source, &observer)?
        }
        NewCommand::Image(arguments) => Drafted::image(&options, &image(arguments, ask)?, &observer)?,
        NewCommand::Builder(arguments) => Drafted::builder(&options, &builder(arguments, ask)?, &observer)?,
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
    let wrote_xtask = drafted.draft.files.iter().any(|file| file.path.ends_with("xtask/Cargo.toml"));
    if let (Some(note), true) = (note, wrote_xtask) {
        terminal.status(AnsiColor::Yellow, "Note", &note);
    }
    if let (Some(next), false) = (&drafted.next, dry_run) {
        let is_here = options.folder.canonicalize_utf8().is_ok_and(|here| drafted.root == here);
        let enters = matches!(&arguments.what, NewCommand::Workspace(_)) && !is_here;
        let enter = if enters { format!("cd {} && ", shell_word(drafted.root.as_str())) } else { String::new() };
        terminal.status(AnsiColor::Cyan, "Next", &format!("{enter}{next}"));
    }
    Ok(())
}

/// Ends the process with a usage error: an argument is missing and there is no terminal to ask on.
fn missing(command: &str, what: &str) -> ! {
    let message = format!("`new {command}` needs {what}, as there is no terminal to ask on");
    end_with_usage(&invocation::command().error(ErrorKind::MissingRequiredArgument, message), false)
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
        let new = NewImage::new(name, kind.clone(), &list(&arguments.packages), &list(&arguments.expose));
        return new.map_err(not_drafted);
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

/// Asks for the missing arguments.
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
    NewImage::new(&name, content, &items(&packages), &items(&expose)).map_err(not_drafted)
}

/// Splits at commas and spaces outside of brackets; `a/b[x,-y]` is one atom.
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
    Ok(match asker.ask(&format!("Kind of builder ({})", kinds.join(", ")), "repository", check)?.as_str() {
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
    fn atoms_split_outside_of_brackets() {
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
}
