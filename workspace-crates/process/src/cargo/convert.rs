//! Converts cargo's description of a workspace.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{DependencyKind, Metadata, PackageId, TargetKind};

use super::{Binary, Package, Workspace};

/// Keeps the members and the local packages that members are compiled from.
pub(super) fn workspace(metadata: &Metadata) -> Workspace {
    let members: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    let graph = local_graph(metadata);
    let (local, downloaded): (Vec<_>, Vec<_>) = metadata.packages.iter().partition(|package| package.source.is_none());
    let manifests = |packages: &[&cargo_metadata::Package]| -> Vec<Utf8PathBuf> {
        let others = packages.iter().filter(|package| !members.contains(&package.id));
        BTreeSet::from_iter(others.map(|package| package.manifest_path.clone())).into_iter().collect()
    };
    let (local_manifests, downloaded_manifests) = (manifests(&local), manifests(&downloaded));
    let folders = local.iter().filter_map(|package| package.manifest_path.parent());
    let mut folders_outside: Vec<Utf8PathBuf> =
        folders.filter(|folder| !folder.starts_with(&metadata.workspace_root)).map(Utf8Path::to_owned).collect();
    folders_outside.sort();
    let mut local: Vec<(bool, Package)> =
        local.into_iter().map(|package| (members.contains(&package.id), self::package(package, &graph))).collect();
    local.sort_by(|(_, one), (_, other)| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    let (members, outside): (Vec<_>, Vec<_>) = local.into_iter().partition(|(member, _)| *member);
    // Packages that only tests need are not part of an image.
    let needed: BTreeSet<&String> = members.iter().flat_map(|(_, package)| &package.local_dependencies).collect();
    let outside =
        outside.into_iter().map(|(_, package)| package).filter(|package| needed.contains(&package.id)).collect();
    Workspace {
        root: metadata.workspace_root.clone(),
        target_directory: metadata.target_directory.clone(),
        build_directory: metadata.build_directory.clone(),
        rust_versions: rust_versions(metadata),
        outside,
        folders_outside,
        local_manifests,
        downloaded_manifests,
        members: members.into_iter().map(|(_, package)| package).collect(),
    }
}

fn rust_versions(metadata: &Metadata) -> BTreeMap<String, String> {
    let of = |package: &cargo_metadata::Package| {
        Some((format!("{} {}", package.name, package.version), package.rust_version.as_ref()?.to_string()))
    };
    metadata.packages.iter().filter_map(of).collect()
}

type Graph<'a> = BTreeMap<&'a PackageId, Vec<&'a PackageId>>;

/// The local packages that each package is compiled from directly. Only local packages have local `path` dependencies, so
/// the graph is complete without the others.
fn local_graph(metadata: &Metadata) -> Graph<'_> {
    let local: BTreeSet<&PackageId> =
        metadata.packages.iter().filter(|package| package.source.is_none()).map(|package| &package.id).collect();
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    nodes
        .map(|node| {
            let compiled = node
                .deps
                .iter()
                .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
            (&node.id, compiled.map(|dependency| &dependency.pkg).filter(|id| local.contains(id)).collect())
        })
        .collect()
}

fn package(package: &cargo_metadata::Package, graph: &Graph<'_>) -> Package {
    let mut reached = BTreeSet::new();
    let mut open = vec![&package.id];
    while let Some(id) = open.pop() {
        for &next in graph.get(id).into_iter().flatten() {
            if next != &package.id && reached.insert(next) {
                open.push(next);
            }
        }
    }
    let binaries = package.targets.iter().filter(|target| target.kind.contains(&TargetKind::Bin));
    let mut binaries: Vec<_> = binaries
        .map(|target| Binary { name: target.name.clone(), required_features: target.required_features.clone() })
        .collect();
    binaries.sort();
    Package {
        id: package.id.repr.clone(),
        name: package.name.to_string(),
        version: package.version.to_string(),
        manifest_path: package.manifest_path.clone(),
        rust_version: package.rust_version.as_ref().map(ToString::to_string),
        binaries,
        features: package.features.keys().cloned().collect(),
        description: package.description.clone(),
        license: package.license.clone(),
        license_file: package.license_file.clone(),
        repository: package.repository.clone(),
        homepage: package.homepage.clone(),
        documentation: package.documentation.clone(),
        authors: package.authors.clone(),
        local_dependencies: reached.into_iter().map(|id| id.repr.clone()).collect(),
    }
}
