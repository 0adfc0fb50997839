//! `new builder`: the base of the builder, and repositories of ebuilds.

use camino::Utf8PathBuf;
use tierce_portage::RepositoryName;
use toml::Value;
use toml_edit::InlineTable;

use crate::edit::Edit;
use crate::{Draft, Error, Found, MANIFEST};

/// The addition to a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewBuilder {
    /// Debian with Portage.
    Debian,
    /// An image that has emerge.
    Image(String),
    /// A root filesystem that has emerge.
    RootFilesystem(String),
    /// A repository of ebuilds.
    Repository {
        /// Its name, also for `profiles/repo_name`.
        name: String,
        /// Its folder, relative to the workspace's root.
        path: Utf8PathBuf,
    },
}

/// The package of the example: a library of one source, with the usual build system.
const EXAMPLE: &str = "dev-libs/libyaml";

/// The files of the example, each with its path below the package's folder.
const EXAMPLE_FILES: [(&str, &str); 3] = [
    ("libyaml-0.2.5.ebuild", include_str!("../templates/libyaml.ebuild")),
    ("Manifest", include_str!("../templates/libyaml.manifest")),
    ("metadata.xml", include_str!("../templates/libyaml.xml")),
];

/// Returns the files of a repository that [`builder`] writes, by their paths below its folder.
pub fn repository_files() -> impl Iterator<Item = Utf8PathBuf> {
    let example = EXAMPLE_FILES.iter().map(|(file, _)| Utf8PathBuf::from(EXAMPLE).join(file));
    ["metadata/layout.conf", "profiles/repo_name"].into_iter().map(Utf8PathBuf::from).chain(example)
}

const TABLE: [&str; 3] = ["workspace", "metadata", "image"];

/// Drafts a builder or a repository; `found` has the workspace's Cargo.toml and the existing files of the repository.
///
/// # Errors
/// An invalid name of a repository, or a Cargo.toml without room for the keys.
pub fn builder(found: &Found, new: &NewBuilder) -> Result<Draft, Error> {
    let mut draft = Draft::default();
    let text = found.text(MANIFEST).unwrap_or_default();
    let mut edit = Edit::new(MANIFEST, text)?;
    let builder: toml_edit::Value = match new {
        NewBuilder::Debian => "debian".into(),
        NewBuilder::Image(reference) => InlineTable::from_iter([("image", reference)]).into(),
        NewBuilder::RootFilesystem(path) => InlineTable::from_iter([("rootfs", path)]).into(),
        NewBuilder::Repository { name, path } => {
            repository(found, &mut draft, &mut edit, name, path)?;
            draft.change(MANIFEST, text, edit.into_text());
            return Ok(draft);
        }
    };
    match edit.get(&[&TABLE[..], &["builder"]].concat()) {
        Some(theirs) => draft.leave(MANIFEST, format!("it has `builder = {theirs}`")),
        None => edit.insert(&TABLE, "builder", builder)?,
    }
    draft.change(MANIFEST, text, edit.into_text());
    Ok(draft)
}

fn repository(found: &Found, draft: &mut Draft, edit: &mut Edit, name: &str, path: &Utf8PathBuf) -> Result<(), Error> {
    let checked: RepositoryName = name.parse().map_err(|error: tierce_portage::SyntaxError| Error::Name {
        problem: format!("`{name}` is not a name for an ebuild repository: {}", error.reason()),
        help: error.help().map(str::to_owned),
    })?;
    // The main repository of any other builder is Gentoo's; its name is not known before the builder runs.
    let builder = edit.get(&[&TABLE[..], &["builder"]].concat());
    let masters = if builder.is_none_or(|builder| builder.as_str() == Some("debian")) { "tierce" } else { "gentoo" };
    let layout = format!(
        "# The repositories with the eclasses and profiles.\nmasters = {masters}\n# Manifest files have the digests of \
         downloads; version control has the rest.\nthin-manifests = true\nsign-manifests = false\nmanifest-hashes = BLAKE2B \
         SHA512\nmanifest-required-hashes = BLAKE2B\ncache-formats =\n"
    );
    draft.create(found, path.join("metadata/layout.conf"), layout);
    draft.create(found, path.join("profiles/repo_name"), format!("{checked}\n"));
    // A repository that exists has ebuilds of its own.
    if found.text(path.join("profiles/repo_name").as_str()).is_none() {
        for (file, text) in EXAMPLE_FILES {
            draft.create(found, path.join(EXAMPLE).join(file), text.to_owned());
        }
    }
    let repositories = edit.get(&[&TABLE[..], &["repositories"]].concat());
    let names = repositories.and_then(Value::as_array).into_iter().flatten();
    if names.filter_map(|repository| repository.get("name")).any(|known| known.as_str() == Some(name)) {
        draft.leave(MANIFEST, format!("`repositories` has `{name}`"));
        return Ok(());
    }
    edit.push(&TABLE, "repositories", InlineTable::from_iter([("name", name), ("path", path.as_str())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(manifest: &str, new: NewBuilder) -> Result<Draft, Error> {
        builder(&Found([(MANIFEST.into(), manifest.to_owned())].into()), &new)
    }

    #[test]
    fn existing_builder_stays() {
        let head = "[workspace.metadata.image]\n";
        for (manifest, new, expected) in [
            ("", NewBuilder::Debian, format!("{head}builder = \"debian\"\n")),
            (head, NewBuilder::Image("stage3:1".into()), format!("{head}builder = {{ image = \"stage3:1\" }}\n")),
            (head, NewBuilder::RootFilesystem("a.tar".into()), format!("{head}builder = {{ rootfs = \"a.tar\" }}\n")),
        ] {
            assert_eq!(draft(manifest, new).expect("drafted").files[0].after, expected);
        }
        let taken = draft("[workspace.metadata.image]\nbuilder = \"debian\"\n", NewBuilder::Image("x".into()));
        let taken = taken.expect("drafted");
        assert_eq!((taken.files, taken.left[0].1.as_str()), (Vec::new(), "it has `builder = \"debian\"`"));
    }

    #[test]
    fn repository_is_created_and_registered() {
        let new = || NewBuilder::Repository { name: "ours".into(), path: "ebuilds".into() };
        let manifest = "[workspace.metadata.image]\nrepositories = [\n    { name = \"first\", path = \"a\" },\n]\n";
        let made = draft(manifest, new()).expect("drafted");
        insta::assert_snapshot!(made.diff());
        let files = made.files.iter().map(|file| (file.path.clone(), file.after.clone()));
        let again = builder(&Found(files.collect()), &new()).expect("drafted");
        assert_eq!(again.files, []);
        let left: Vec<&str> = again.left.iter().map(|(_, why)| why.as_str()).collect();
        assert_eq!(left, ["it exists", "it exists", "`repositories` has `ours`"]);
        let names: Vec<Utf8PathBuf> = repository_files().map(|file| Utf8PathBuf::from("ebuilds").join(file)).collect();
        let written: Vec<&Utf8PathBuf> = made.files.iter().map(|file| &file.path).collect();
        assert!(names.iter().all(|name| written.contains(&name)), "{written:?}");
        let stage3 = draft("[workspace.metadata.image]\nbuilder = { image = \"stage3:1\" }\n", new()).expect("drafted");
        assert!(stage3.files[0].after.contains("masters = gentoo\n"));
        let error =
            draft("", NewBuilder::Repository { name: "a b".into(), path: "x".into() }).expect_err("an invalid name");
        assert!(error.to_string().starts_with("`a b` is not a name for an ebuild repository"), "{error}");
    }
}
