//! The crates of an image's program.

use std::path::Path;

use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_process::cargo::{self, Compiled};
use tierce_report::Crate;
use tierce_store::Error;

/// Returns the crates in the image's program; empty without a program.
pub fn crates(workspace: &Workspace, spec: &ImageSpec) -> Result<Vec<Crate>, Error> {
    let Some((package, features, options)) = arguments(workspace, spec) else { return Ok(Vec::new()) };
    let crates = cargo::crates(workspace.root(), &package, &features, &options)?;
    // Relative paths make the report independent of the workspace's location.
    let from_workspace = |source: String| match Path::new(&source).strip_prefix(workspace.root()) {
        Ok(inside) => format!("./{}", inside.display()),
        Err(_) => source,
    };
    Ok(crates.into_iter().map(|one| Crate { source: one.source.map(from_workspace), ..one }).collect())
}

/// Returns the crates that are compiled for the image's program, with their features; empty without a program.
pub(crate) fn compiled(workspace: &Workspace, spec: &ImageSpec) -> Result<Vec<Compiled>, Error> {
    let Some((package, features, options)) = arguments(workspace, spec) else { return Ok(Vec::new()) };
    Ok(cargo::compiled(workspace.root(), &package, &features, &options)?)
}

/// The id of a program's package, and the options of cargo for its features and platform.
fn arguments(workspace: &Workspace, spec: &ImageSpec) -> Option<(String, Vec<String>, cargo::Options)> {
    let program = spec.program.as_ref()?;
    let member = workspace.metadata.members.iter().find(|member| member.manifest_path == *program.cargo_toml)?;
    let cargo = &program.cargo;
    let mut features: Vec<String> =
        cargo.features.iter().flat_map(|feature| ["--features".to_owned(), feature.value.clone()]).collect();
    if !cargo.default_features {
        features.push("--no-default-features".to_owned());
    }
    let target = Some(format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
    Some((member.id.clone(), features, cargo::Options { target, ..cargo::Options::default() }))
}
