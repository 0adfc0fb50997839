//! The Cargo.tomls that have the tables, with cargo's facts of the packages.

use std::path::Path;

use camino::Utf8Path;
use tierce_manifest::{CargoToml, Member, PackageFacts, WorkspaceText};
use tierce_process::cargo;
use tierce_store::{Error, files};

/// Reads the Cargo.toml of the workspace and of each member.
pub fn workspace_text(root: &Utf8Path, members: &[cargo::Package]) -> Result<WorkspaceText, Error> {
    let read = |path: &Utf8Path| -> Result<CargoToml, Error> {
        Ok(CargoToml {
            path: path.to_owned(),
            text: files::read_limited(Path::new(path), &tierce_bounded::TABLE)?.into(),
        })
    };
    let member = |package: &cargo::Package| -> Result<Member, Error> {
        Ok(Member {
            manifest: read(&package.manifest_path)?,
            package: PackageFacts {
                name: package.name.clone(),
                version: package.version.clone(),
                description: package.description.clone(),
                license: package.license.clone(),
                repository: package.repository.clone(),
                homepage: package.homepage.clone(),
                documentation: package.documentation.clone(),
                authors: package.authors.clone(),
            },
            binaries: package.binaries.iter().map(|binary| binary.name.clone()).collect(),
            features: package.features.clone(),
        })
    };
    Ok(WorkspaceText {
        root: read(&root.join("Cargo.toml"))?,
        members: members.iter().map(member).collect::<Result<_, _>>()?,
    })
}
