//! `verify`: rebuilds an image from scratch and compares it with a stored one.
//!
//! It shares only downloads with the workspace and the cache, because their digests are known. At its end it removes the folder
//! and the namespace of its build; if it is killed, a later run removes them.

use std::fs;

use tierce_builders::workspace::options::Options;
use tierce_builders::workspace::{Alone, Workspace, platform};
use tierce_manifest::ImageSpec;
use tierce_plan::Sink;
use tierce_report::Verification;
use tierce_store::files::utf8;
use tierce_store::{Error, Observer, files, lock_file};
use tierce_stored::{Reader, Source, Stored};

use crate::commands::build::build;
use crate::commands::compare::Sides;
use crate::commands::contents::read_contents;
use crate::commands::scratch::Scratch;
use crate::commands::stored_image::{names, stored_image};

/// Rebuilds an image from scratch and compares it with `against`: a layout, an archive or a reference in the daemon. The
/// default is the image's first reference in the daemon.
///
/// # Errors
/// There is no image to compare with, or the build fails. A difference is not an error.
pub(crate) fn verify(
    workspace: &Workspace,
    image: &ImageSpec,
    against: Option<&str>,
    observer: &Observer<'_>,
) -> Result<Verification, Error> {
    let done = verify_in(workspace, &Scratch::new(workspace)?, image, against, observer);
    done.map_err(|error| workspace.unless_interrupted(error))
}

fn verify_in(
    workspace: &Workspace,
    scratch: &Scratch<'_>,
    image: &ImageSpec,
    against: Option<&str>,
    observer: &Observer<'_>,
) -> Result<Verification, Error> {
    // If the stored image is unreadable, a build would be useless.
    let stored_image = stored(workspace, scratch, image, against)?;
    check_downloads(workspace)?;
    let options = Options {
        namespace: scratch.namespace().to_owned(),
        locked: true,
        no_cache: Vec::new(),
        no_test: true,
        keep_warm: 0,
        ..workspace.options.clone()
    };
    let alone = Alone { paths: scratch.paths().clone(), verifies: workspace.options.namespace.clone() };
    let own = Workspace::open(options, Some(alone), observer)?;
    let layout = utf8(scratch.path().join("layout"))?;
    let name = image.name.to_string();
    build(&own, &[own.image(&name)?], &Sink::Layout(layout.clone()), observer)?;
    let reader = Reader {
        name: "the rebuilt image",
        scratch: scratch.path(),
        wanted: &[],
        named: false,
        platform: &platform(),
        interrupted: &workspace.options.interrupted,
    };
    let built = reader.layout(layout.as_std_path())?;
    // The workspace's last build may know owners of files that only the stored image has.
    let contents = [read_contents(&own, &name).ok(), read_contents(workspace, &name).ok()];
    let contents = contents.iter().flatten().collect();
    Sides { stored_image: &stored_image, built: &built, contents, check: &|| workspace.check_interrupted() }
        .compare(&name)
}

/// Reads the stored image.
fn stored(
    workspace: &Workspace,
    scratch: &Scratch<'_>,
    image: &ImageSpec,
    against: Option<&str>,
) -> Result<Stored, Error> {
    let references = image.references();
    let text = against.unwrap_or(&references[0]);
    let source = against.map_or_else(|| Source::Daemon(references[0].clone()), Source::of);
    let build = format!("build it with `cargo xtask image {}`", image.name);
    let help = format!("{build}, or name another image by --against");
    stored_image(workspace, scratch.path(), text, source, &names(workspace, image), Some(help))
}

/// Removes corrupt downloads of the builder's packages, so the build fetches them again.
fn check_downloads(workspace: &Workspace) -> Result<(), Error> {
    let lock = lock_file::read(&workspace.lock_path())?.unwrap_or_default();
    for deb in &lock.builder.debs {
        workspace.check_interrupted()?;
        let path = workspace.paths.downloads("debs").join(format!("{}.deb", deb.sha256));
        if path.is_file() && files::sha256_of(&path)?.0 != deb.sha256 {
            fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error))?;
        }
    }
    Ok(())
}
