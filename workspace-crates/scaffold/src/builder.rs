//! `new builder`: what Portage runs in, and ebuilds of one's own.

use camino::Utf8PathBuf;
use tierce_portage::RepositoryName;
use toml::Value;

use crate::edit::Edit;
use crate::workspace::quoted;
use crate::{Draft, Error, Found, MANIFEST};

/// What a workspace is to have.
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
        /// Its name, which it has in `profiles/repo_name` too.
        name: String,
        /// Its folder, from the workspace's root.
        path: Utf8PathBuf,
    },
}

const TABLE: [&str; 3] = ["workspace", "metadata", "image"];

/// Drafts it; `found` has the workspace's Cargo.toml and the files of the repository that are there.
///
/// # Errors
/// A repository's name that is none, or a Cargo.toml into which the keys do not fit.
pub fn builder(found: &Found, new: &NewBuilder) -> Result<Draft, Error> {
    let mut draft = Draft::default();
    let text = found.text(MANIFEST).unwrap_or_default();
    let mut edit = Edit::new(MANIFEST, text)?;
    let builder = match new {
        NewBuilder::Debian => quoted("debian"),
        NewBuilder::Image(reference) => format!("{{ image = {} }}", quoted(reference)),
        NewBuilder::RootFilesystem(path) => format!("{{ rootfs = {} }}", quoted(path)),
        NewBuilder::Repository { name, path } => {
            repository(found, &mut draft, &mut edit, name, path)?;
            draft.change(MANIFEST, text, edit.into_text());
            return Ok(draft);
        }
    };
    match edit.get(&[&TABLE[..], &["builder"]].concat()) {
        Some(theirs) => draft.leave(MANIFEST, format!("it has `builder = {theirs}`")),
        None => edit.insert(&TABLE, "builder", &builder)?,
    }
    draft.change(MANIFEST, text, edit.into_text());
    Ok(draft)
}

fn repository(found: &Found, draft: &mut Draft, edit: &mut Edit, name: &str, path: &Utf8PathBuf) -> Result<(), Error> {
    let checked: RepositoryName = name.parse().map_err(|error: tierce_portage::SyntaxError| Error::Name {
        problem: format!("`{name}` is not a name for an ebuild repository: {}", error.reason()),
        help: error.help().map(str::to_owned),
    })?;
    // What a builder of one's own has as its main repository is Gentoo's, as far as can be known here.
    let builder = edit.get(&[&TABLE[..], &["builder"]].concat());
    let masters = if builder.is_none_or(|builder| builder.as_str() == Some("debian")) { "tierce" } else { "gentoo" };
    let layout = format!(
        "# Whose eclasses and profiles are used.\nmasters = {masters}\n# What is fetched has its digests in Manifest files, the rest is \
         in version control.\nthin-manifests = true\nsign-manifests = false\nmanifest-hashes = BLAKE2B \
         SHA512\nmanifest-required-hashes = BLAKE2B\ncache-formats =\n"
    );
    draft.make(found, path.join("metadata/layout.conf"), layout);
    draft.make(found, path.join("profiles/repo_name"), format!("{checked}\n"));
    let repositories = edit.get(&[&TABLE[..], &["repositories"]].concat());
    let names = repositories.and_then(Value::as_array).into_iter().flatten();
    if names.filter_map(|repository| repository.get("name")).any(|known| known.as_str() == Some(name)) {
        draft.leave(MANIFEST, format!("`repositories` has `{name}`"));
        return Ok(());
    }
    let item = format!("{{ name = {}, path = {} }}", quoted(name), quoted(path.as_str()));
    edit.push(&TABLE, "repositories", &item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(manifest: &str, new: NewBuilder) -> Result<Draft, Error> {
        builder(&Found([(MANIFEST.into(), manifest.to_owned())].into()), &new)
    }

    #[test]
    fn a_builder_is_chosen_once() {
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
    fn a_repository_is_made_and_registered() {
        let new = || NewBuilder::Repository { name: "ours".into(), path: "ebuilds".into() };
        let manifest = "[workspace.metadata.image]\nrepositories = [\n    { name = \"first\", path = \"a\" },\n]\n";
        let made = draft(manifest, new()).expect("drafted");
        insta::assert_snapshot!(made.diff());
        let again = draft(&made.files[2].after, new()).expect("drafted");
        assert_eq!(again.left, [(MANIFEST.into(), "`repositories` has `ours`".to_owned())]);
        let stage3 = draft("[workspace.metadata.image]\nbuilder = { image = \"stage3:1\" }\n", new()).expect("drafted");
        assert!(stage3.files[0].after.contains("masters = gentoo\n"));
        let error = draft("", NewBuilder::Repository { name: "a b".into(), path: "x".into() }).expect_err("no name");
        assert!(error.to_string().starts_with("`a b` is not a name for an ebuild repository"), "{error}");
    }
}
