//! Builders: root filesystems with emerge, kept as images in the daemon.

use std::io::{self, Write};
use std::path::Path;

use tierce_builders::container::context::Context;
use tierce_builders::container::opening::{Opening, Stream};
use tierce_builders::container::tail::Tail;
use tierce_debian::wheel::PORTAGE_WHEEL_SHA256;
use tierce_debian::{CONFIGURE_SH, Deb, ExtraEntry, decompress, versions, wheel, write_root};
use tierce_manifest::BuilderBase;
use tierce_plan::{BaseRepository, Builder, Outcome, Step};
use tierce_portage::{Cpv, Stub, stub_version};
use tierce_store::{Error, damage};

use crate::steps::debian::{corrupt, deb_path, debs, wheel_path};
use crate::steps::inflated_debs::{InflatedDebs, KeptDeb};

/// The timestamp of every entry in a root that has none of its own: the start of 2024.
const LATEST: u64 = 1_704_067_200;

/// Unpacks the Debian packages into a root, imports it and runs dpkg to configure it.
pub(super) fn make_builder(context: &Context<'_>, step: &Step) -> Result<Outcome, Error> {
    let builder = once_per_daemon(context, step, "builder", |key| {
        let wheel_path = wheel_path(context);
        check_downloads(context, &wheel_path)?;
        let wheel = tierce_bounded::open(&wheel_path).map_err(|error| Error::file("read", &wheel_path, error))?;
        let mut extra = wheel::entries(wheel).map_err(corrupt)?;
        extra.extend(provided_entries(debs(context))?);
        let unpacked =
            context.engine()?.import_root(("unpacked", key), &mut |out| write_debian_root(context, &extra, out))?;
        // The configured image shares the layer of the unpacked one, which has no name and no other use.
        configure(context, &unpacked, key).inspect_err(|_| drop_root(context, &unpacked))
    })?;
    Ok(Outcome::Builder(builder))
}

/// Imports the user's own root filesystem.
pub(super) fn import_builder(context: &Context<'_>, step: &Step) -> Result<Outcome, Error> {
    let mut builder = once_per_daemon(context, step, "imported", |key| {
        let BuilderBase::RootFilesystem(path) = &context.workspace.spec.builder else {
            return Err(Error::missing_input("root filesystem"));
        };
        let host = context.workspace.root().join(&path.value).into_std_path_buf();
        let image = context.engine()?.import_root(("imported", key), &mut |out| write_own_root(&host, out))?;
        inspect_base(context, &image).map(|_| image.clone()).inspect_err(|_| drop_root(context, &image))
    })?;
    // Tierce inspects an existing image again: another cache may have imported it.
    builder.repository = inspect_base(context, &builder.image)?;
    Ok(Outcome::Builder(builder))
}

/// Uses an image of the daemon as the builder, if it has emerge.
pub(super) fn use_builder_image(context: &Context<'_>, step: &Step, reference: &str) -> Result<Outcome, Error> {
    let Some(image) = context.engine()?.find_root(reference)? else {
        return Err(Error::missing_input("builder image"));
    };
    let repository = inspect_base(context, &image)?;
    Ok(Outcome::Builder(Builder { repository, ..builder(context, step, image)? }))
}

/// Reuses the root that this step has made in this namespace, perhaps for another workspace, or makes it. `make` gets the step's key
/// and returns the id of an unnamed image.
fn once_per_daemon(
    context: &Context<'_>,
    step: &Step,
    kind: &str,
    make: impl FnOnce(&str) -> Result<String, Error>,
) -> Result<Builder, Error> {
    let key = step.ingredients_with([]).key();
    let reference = format!("{}-builder:{}", context.workspace.options.namespace, key.short());
    let own = || context.engine()?.find_own_root(&reference, kind, key.as_str());
    let before = own()?;
    if let (Some(root), false) = (&before, step.again) {
        return builder(context, step, root.clone());
    }
    let made = make(key.as_str())?;
    context.engine()?.warn_of_stranger(&reference, kind, key.as_str())?;
    context.engine()?.name_root(&made, &reference)?;
    let chosen = match &before {
        // A container may still use the old root; then `clean` finds it by its label.
        Some(before) => {
            if *before != made {
                context.engine()?.drop_root(before);
            }
            made
        }
        // A run with another cache may have made one too, and may already use it.
        None => {
            let oldest = context.engine()?.oldest_own_root(kind, key.as_str())?.unwrap_or_else(|| made.clone());
            if oldest != made {
                context.engine()?.name_root(&oldest, &reference)?;
                context.engine()?.drop_root(&made);
            }
            oldest
        }
    };
    builder(context, step, chosen)
}

fn drop_root(context: &Context<'_>, root: &str) {
    if let Ok(engine) = context.engine() {
        engine.drop_root(root);
    }
}

/// Compares the downloads of a builder with their digests.
fn check_downloads(context: &Context<'_>, wheel: &Path) -> Result<(), Error> {
    damage::check(wheel, PORTAGE_WHEEL_SHA256)?;
    for deb in debs(context) {
        context.workspace.check_interrupted()?;
        damage::check(&deb_path(context, deb), &deb.sha256)?;
    }
    Ok(())
}

fn builder(context: &Context<'_>, step: &Step, root: String) -> Result<Builder, Error> {
    let key = step.ingredients_with([]).key().to_string();
    Ok(Builder { key, daemon: context.engine()?.id()?, image: root, repository: None })
}

fn write_debian_root(context: &Context<'_>, extra: &[ExtraEntry], out: &mut dyn Write) -> Result<(), Error> {
    let debs = debs(context);
    let kept = |deb| KeptDeb { path: deb_path(context, deb), sha256: deb.sha256.clone() };
    let inflated = InflatedDebs::start(debs.iter().map(kept).collect(), context.workspace.paths.cache())?;
    let mut failed = None;
    // The writer of the root reports a file; what happened to it is the error that a user needs.
    let files = debs.iter().zip(inflated).map(|(deb, file)| {
        let file = file.map_err(|error| io::Error::other(failed.insert(error).to_string()));
        (deb, file)
    });
    let written = write_root(files, extra, LATEST, out);
    let out = written.map_err(|error| failed.take().unwrap_or_else(|| corrupt(error)))?;
    out.flush().map_err(|error| Error::file("write", Path::new("a pipe"), error))
}

/// Runs dpkg's configuration in a container of the unpacked root and commits the result.
fn configure(context: &Context<'_>, unpacked: &str, key: &str) -> Result<String, Error> {
    let builder = unkeyed(unpacked);
    let container = Opening {
        program: vec!["/bin/sh".into()],
        arguments: vec!["-c".into(), CONFIGURE_SH.into()],
        ..context.opening(&builder, "configure", Vec::new())
    };
    let container = context.open(&container)?;
    let mut tail = Tail::default();
    let code = container.run(&[], &mut |stream, bytes| tail.push(stream, bytes))?;
    if code != 0 {
        return Err(Error::builder("configure the builder", code, &tail.lines()));
    }
    let root = container.keep(("builder", key), None)?;
    container.remove()?;
    Ok(root)
}

/// Checks that the user's own builder has emerge, a C compiler and ldconfig. Returns its ebuild repository, if it has one.
fn inspect_base(context: &Context<'_>, image: &str) -> Result<Option<BaseRepository>, Error> {
    let container = Opening {
        program: vec!["/bin/sh".into()],
        arguments: vec!["-c".into(), INSPECT_SH.into(), BaseRepository::LOCATION.into()],
        ..context.opening(&unkeyed(image), "check", Vec::new())
    };
    let (mut tail, mut answer) = (Tail::default(), Vec::new());
    let exit = context.run(&container, &[], &mut |stream, bytes| match stream {
        Stream::Stdout => tierce_bounded::add_answer(&mut answer, bytes),
        Stream::Stderr => tail.push(stream, bytes),
    })?;
    if exit == 0 {
        return Ok(base_repository(&String::from_utf8_lossy(&answer)));
    }
    // Each daemon words the error for a missing program differently.
    let last_line = match tail.lines().pop().unwrap_or_default() {
        last_line if last_line.contains("/bin/sh") && last_line.contains("No such file") => {
            "it has no /bin/sh".to_owned()
        }
        last_line => last_line,
    };
    let message = format!("the builder's root lacks emerge, a C compiler or ldconfig: {last_line}");
    Err(Error::table(&context.workspace.base_place()?, message)
        .with_help("a builder is a root filesystem that has all three"))
}

/// Checks a builder; `$0` is the place of its ebuild repository. Prints the repository's name and the selected profile to stdout.
const INSPECT_SH: &str = r#"
{ emerge --version && cc --version && ldconfig --version; } >&2 || exit 1
[ -f "$0/profiles/repo_name" ] || exit 0
echo "repository $(cat "$0/profiles/repo_name")"
profile=$(readlink -e /etc/portage/make.profile) || exit 0
profiles=$(readlink -e "$0/profiles")
case $profile in "$profiles"/*) echo "profile ${profile#"$profiles"/}" ;; esac
"#;

/// Parses the output of [`INSPECT_SH`].
fn base_repository(answer: &str) -> Option<BaseRepository> {
    let word = |name: &str| answer.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    Some(BaseRepository { name: word("repository ")?, profile: word("profile ") })
}

/// A builder whose step is not finished, so it has no key.
fn unkeyed(image: &str) -> Builder {
    Builder { key: String::new(), daemon: String::new(), image: image.to_owned(), repository: None }
}

/// Returns entries of Portage's package database for the packages that Debian provides.
fn provided_entries(debs: &[Deb]) -> Result<Vec<ExtraEntry>, Error> {
    let versions = versions(debs);
    let mut entries = Vec::new();
    for provided in tierce_ebuilds::provided() {
        let (version, description) = match provided.debian_package {
            None => (stub_version("0"), "nothing that a Debian root needs".to_owned()),
            Some(package) => match versions.get(package) {
                Some(version) => (stub_version(version), format!("{package} {version} of Debian")),
                // Do not claim a package that this root lacks.
                None => continue,
            },
        };
        let package = format!("{}/{}-{version}", provided.category, provided.name);
        let cpv: Cpv = package.parse().map_err(tierce_portage::Error::from)?;
        let slot = provided.slot(&version.to_string()).parse().map_err(tierce_portage::Error::from)?;
        let files = Stub { cpv, slot, description }.files();
        entries.extend(files.into_iter().map(|(path, content)| ExtraEntry::file(format!("/{path}"), content)));
    }
    Ok(entries)
}

/// Writes the user's own root as a tar stream, from an archive or a folder.
fn write_own_root(host: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let failed = |error| Error::file("import", host, error);
    if host.is_dir() {
        let mut tar = tar::Builder::new(out);
        tar.follow_symlinks(false);
        tar.append_dir_all(".", host).and_then(|()| tar.finish()).map_err(failed)
    } else {
        let file = tierce_bounded::open(host).map_err(failed)?;
        let mut reader = decompress(file).map_err(failed)?;
        io::copy(&mut reader, out).and_then(|_| out.flush()).map_err(failed)
    }
}
