//! The packages of a workspace that `new` writes tables for.

use tierce_process::cargo::{Outline, Package};
use tierce_scaffold::{Content, Existing, NewImage};

use tierce_builders::workspace::tables;

/// Finds the package of this name, or else the package with a binary of this name.
pub(super) fn existing<'o>(outline: &'o Outline, name: &str) -> Option<Existing<'o>> {
    let path_of =
        |package: &'o Package| package.manifest_path.strip_prefix(&outline.root).unwrap_or(&package.manifest_path);
    let has = |package: &&Package| package.binaries.iter().any(|binary| binary.name == name);
    if let Some(package) = outline.members.iter().find(|member| member.name == name) {
        let first =
            if has(&package) { Some(name) } else { package.binaries.first().map(|binary| binary.name.as_str()) };
        let started = package.binaries.iter().map(|binary| binary.name.as_str()).find(|binary| Some(*binary) == first);
        let entrypoint = started.filter(|_| package.binaries.len() > 1);
        return Some(Existing { manifest: path_of(package), entrypoint, bin: None });
    }
    let package = outline.members.iter().find(has)?;
    let bin = package.binaries.iter().map(|binary| binary.name.as_str()).find(|binary| *binary == name);
    Some(Existing { manifest: path_of(package), entrypoint: None, bin })
}

/// The arguments of the next command in an existing workspace: its images, or the first one.
pub(super) fn next(outline: &Outline) -> String {
    let text = tables::workspace_text(&outline.root, &outline.members).ok();
    let spec = text.map(|text| tierce_manifest::read(&text));
    // `image` also reports mistakes in tables.
    if spec.is_some_and(|spec| spec.is_err() || spec.is_ok_and(|spec| !spec.images.is_empty())) {
        return "image".to_owned();
    }
    let is_name = |name: &str| NewImage::new(name, Content::Program, &[], &[]).is_ok();
    let at_root = |member: &&Package| member.folder() != outline.root;
    let mut members: Vec<&Package> = outline.members.iter().collect();
    members.sort_by_key(at_root);
    let program = members.iter().find(|member| !member.binaries.is_empty() && is_name(&member.name));
    let is_free = |name: &&str| members.iter().all(|member| member.name != **name);
    let name = match program {
        Some(program) => &program.name,
        None => ["hello", "hello-image", "first-image"].into_iter().find(is_free).unwrap_or("image-of-mine"),
    };
    format!("new image {name} --bin")
}

#[cfg(test)]
mod tests {
    use camino::{Utf8Path, Utf8PathBuf};
    use tierce_process::cargo::{Binary, Outline, Package};

    use super::*;

    fn package(name: &str, folder: &str, binaries: &[&str]) -> Package {
        let binary = |name: &&str| Binary { name: (*name).to_owned(), required_features: Vec::new() };
        Package {
            id: name.to_owned(),
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            manifest_path: Utf8Path::new(folder).join("Cargo.toml"),
            rust_version: None,
            binaries: binaries.iter().map(binary).collect(),
            features: Vec::new(),
            description: None,
            license: None,
            license_file: None,
            repository: None,
            homepage: None,
            documentation: None,
            authors: Vec::new(),
            local_dependencies: Vec::new(),
        }
    }

    fn outline(root: &Utf8Path, members: Vec<Package>) -> Outline {
        Outline { root: root.to_owned(), target_directory: root.join("target"), members, basis: String::new() }
    }

    #[test]
    fn images_find_their_programs() {
        let members = vec![package("app", "/ws/app", &["admin", "app"]), package("two", "/ws/two", &["one", "other"])];
        let outline = outline("/ws".into(), members);
        let found = |name| existing(&outline, name).map(|found| (found.manifest.as_str(), found.entrypoint, found.bin));
        assert_eq!(found("app"), Some(("app/Cargo.toml", Some("app"), None)));
        assert_eq!(found("two"), Some(("two/Cargo.toml", Some("one"), None)));
        assert_eq!(found("other"), Some(("two/Cargo.toml", None, Some("other"))));
        assert_eq!(found("new"), None);
    }

    #[test]
    fn next_command_builds_or_adds_an_image() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = Utf8PathBuf::from_path_buf(scratch.path().to_owned()).expect("UTF-8");
        let manifest = |path: &str, text: &str| {
            std::fs::create_dir_all(root.join(path).parent().expect("a folder")).expect("writable");
            std::fs::write(root.join(path), text).expect("writable");
        };
        manifest("Cargo.toml", "[workspace]\n");
        manifest("app/Cargo.toml", "[package]\nname = \"app\"\n");
        let app = |binaries: &[&str]| outline(&root, vec![package("app", root.join("app").as_str(), binaries)]);
        assert_eq!(next(&app(&["app"])), "new image app --bin");
        assert_eq!(next(&app(&[])), "new image hello --bin");
        manifest("app/Cargo.toml", "[package]\nname = \"app\"\n[package.metadata.image]\n");
        assert_eq!(next(&app(&["app"])), "image");
    }
}
