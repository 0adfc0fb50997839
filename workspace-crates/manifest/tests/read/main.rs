//! Tests of the reader: tables of cases with their specifications or errors.

mod accepts;
mod bases;
mod image_tests;
mod keys;
mod merges;
mod packages;
mod random;
mod refuses;

use std::sync::Arc;

use tierce_manifest::{CargoToml, ImageSpec, Member, PackageFacts, WorkspaceSpec, WorkspaceText};

/// Returns the text of a package's table.
fn image(keys: &str) -> String {
    format!("[package.metadata.image]\n{keys}")
}

/// Returns the text of the workspace's table.
fn defaults(keys: &str) -> String {
    format!("[workspace.metadata.image]\n{keys}")
}

fn cargo_toml(path: &str, text: &str) -> CargoToml {
    CargoToml { path: path.into(), text: Arc::from(text) }
}

/// Returns a package in the folder `name`, with the features `default` and `metrics`.
fn member(name: &str, binaries: &[&str], text: &str) -> Member {
    Member {
        manifest: cargo_toml(&format!("{name}/Cargo.toml"), text),
        package: PackageFacts { name: name.to_owned(), version: "1.2.3".to_owned(), ..PackageFacts::default() },
        binaries: binaries.iter().map(|&binary| binary.to_owned()).collect(),
        features: ["default", "metrics"].map(str::to_owned).to_vec(),
    }
}

/// Returns a workspace with one package `app`, which has one binary `app`.
fn workspace(root: &str, package: &str) -> WorkspaceText {
    WorkspaceText { root: cargo_toml("Cargo.toml", root), members: vec![member("app", &["app"], package)] }
}

fn read(root: &str, package: &str) -> Result<WorkspaceSpec, String> {
    tierce_manifest::read(&workspace(root, package)).map_err(|errors| errors.to_string())
}

/// Returns the only image of a valid workspace.
#[track_caller]
fn read_image(root: &str, package: &str) -> ImageSpec {
    let mut spec = read(root, package).unwrap_or_else(|errors| panic!("{root}\n{package}\n{errors}"));
    assert_eq!(spec.images.len(), 1);
    spec.images.remove(0)
}

/// Returns the errors of an invalid workspace.
#[track_caller]
fn refusal(root: &str, package: &str) -> String {
    match read(root, package) {
        Ok(_) => panic!("this passes:\n{root}\n{package}"),
        Err(errors) => errors,
    }
}
