//! `new image`: a package with a table, a table for a package, or an image of packages.

use camino::{Utf8Path, Utf8PathBuf};
use tierce_manifest::{ImageName, KEYS, Port};
use tierce_portage::Atom;

use crate::edit::{Edit, quoted};
use crate::members::add_member;
use crate::{Draft, Error, Found, MANIFEST};

/// A new image.
#[derive(Clone, Debug)]
pub struct NewImage {
    name: ImageName,
    content: Content,
    packages: Vec<String>,
    expose: Vec<Port>,
}

/// The content of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A program of the workspace.
    Program,
    /// Packages only; the program that a container starts, and its arguments.
    Packages(Vec<String>),
}

/// The place for the table of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home<'t> {
    /// A new package.
    NewPackage,
    /// An existing package.
    Package(Existing<'t>),
    /// The workspace's Cargo.toml.
    Workspace,
}

/// An existing package of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing<'t> {
    /// Its Cargo.toml, relative to the workspace's root.
    pub manifest: &'t Utf8Path,
    /// The binary for the image if the package has several and the image has the package's name.
    pub entrypoint: Option<&'t str>,
    /// The only binary of the image if the image has the name of a binary.
    pub bin: Option<&'t str>,
}

impl NewImage {
    /// # Errors
    /// An invalid name, port or atom.
    pub fn new(name: &str, content: Content, packages: &[String], expose: &[String]) -> Result<NewImage, Error> {
        let fault = |fault: tierce_manifest::Fault| Error::Name { problem: fault.message, help: fault.help };
        for package in packages {
            package.parse::<Atom>().map_err(|error| Error::Name {
                problem: format!("`{package}` is not an atom: {}", error.reason()),
                help: error.help().map(str::to_owned),
            })?;
        }
        let expose = expose.iter().map(|port| port.parse()).collect::<Result<_, _>>().map_err(fault)?;
        Ok(NewImage { name: name.parse().map_err(fault)?, content, packages: packages.to_vec(), expose })
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Returns its content.
    pub fn content(&self) -> &Content {
        &self.content
    }
}

/// The folder for the new package of an image.
pub fn package_folder(name: &str) -> Utf8PathBuf {
    Utf8Path::new("images").join(name)
}

/// Drafts an image; `found` has the Cargo.toml of the workspace and of the package, and the existing files of a new package.
///
/// # Errors
/// A name that no package can have, or a Cargo.toml without room for the table.
pub fn image(found: &Found, new: &NewImage, home: Home<'_>) -> Result<Draft, Error> {
    let mut draft = Draft::default();
    let mut append = |path: &Utf8Path, table: &str| -> Result<(), Error> {
        let text = found.text(path.as_str()).unwrap_or_default();
        let mut edit = Edit::new(path, text)?;
        edit.append(table)?;
        draft.change(path, text, edit.into_text());
        Ok(())
    };
    match home {
        Home::Workspace => append(
            Utf8Path::new(MANIFEST),
            &table(new, &format!("workspace.metadata.images.{}", key(new.name())), None),
        )?,
        Home::Package(existing) => {
            let header = match existing.bin {
                Some(_) => format!("package.metadata.images.{}", key(new.name())),
                None => "package.metadata.image".to_owned(),
            };
            append(existing.manifest, &table(new, &header, Some(existing)))?;
        }
        Home::NewPackage => {
            check_package_name(new.name())?;
            for (path, text) in package(new) {
                draft.create(found, path, text);
            }
            let folder = package_folder(new.name());
            let text = found.text(MANIFEST).unwrap_or_default();
            let mut edit = Edit::new(MANIFEST, text)?;
            add_member(&mut edit, folder.as_str())?;
            draft.change(MANIFEST, text, edit.into_text());
        }
    }
    Ok(draft)
}

/// Checks the rules of cargo that are stricter than those for images.
fn check_package_name(name: &str) -> Result<(), Error> {
    if !name.starts_with(|first: char| first.is_ascii_digit()) && !name.contains(['.', '/', ':']) {
        return Ok(());
    }
    Err(Error::Name {
        problem: format!("no Rust package can have the name `{name}`"),
        help: Some(
            "begin it with a letter, without a dot or a slash; the key `name` of the table can give the image another name".into(),
        ),
    })
}

/// A key of TOML, without quotes if it needs none.
fn key(name: &str) -> String {
    let bare = name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'));
    if bare { name.to_owned() } else { quoted(name) }
}

/// The files of a package with an image.
pub(crate) fn package(new: &NewImage) -> [(Utf8PathBuf, String); 2] {
    let (name, folder) = (new.name(), package_folder(new.name()));
    let package = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    let main = format!("fn main() {{\n    println!(\"hello from {name}\");\n}}\n");
    let manifest = format!("{package}\n{}", table(new, "package.metadata.image", None));
    [(folder.join("Cargo.toml"), manifest), (folder.join("src/main.rs"), main)]
}

/// A table with the given values, and with further keys in comments.
fn table(new: &NewImage, header: &str, existing: Option<Existing<'_>>) -> String {
    let list = |items: &[String]| format!("[{}]", items.join(", "));
    let strings = |items: &[String]| Some(list(&items.iter().map(|item| quoted(item)).collect::<Vec<_>>()));
    let given = |items: &[String]| if items.is_empty() { None } else { strings(items) };
    let ports: Vec<String> = new.expose.iter().map(port).collect();
    let ports = (!ports.is_empty()).then(|| list(&ports));
    let mut lines: Vec<(&str, Option<String>)> = vec![("packages", given(&new.packages)), ("package-use", None)];
    match &new.content {
        Content::Program => {
            let started = existing.and_then(|existing| existing.entrypoint);
            lines.extend(existing.and_then(|existing| existing.bin).map(|bin| ("bins", given(&[bin.to_owned()]))));
            lines.extend(started.map(|bin| ("entrypoint", given(&[format!("/usr/bin/{bin}")]))));
            lines.push(("files", None));
        }
        Content::Packages(entrypoint) => lines.extend([("keep", None), ("entrypoint", given(entrypoint))]),
    }
    lines.extend([("env", None), ("expose", ports)]);
    // A program of the workspace has no reason to be root; a program of a package may have one.
    let user = (new.content == Content::Program).then(|| quoted("65534:65534"));
    lines.push(("user", user));
    let mut text = format!(
        "# Tierce's reference lists every key; `cargo xtask image {}` builds the image.\n[{header}]\n",
        new.name()
    );
    for (name, value) in lines {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else { continue };
        text.push_str(&format!("# {}\n", key.doc));
        text.push_str(&match value {
            Some(value) => format!("{name} = {value}\n"),
            None => format!("# {name} = {}\n", key.example),
        });
    }
    text
}

/// A port in the form of a table: a number, or a string with a protocol other than tcp.
fn port(port: &Port) -> String {
    match port.to_string().strip_suffix("/tcp") {
        Some(number) => number.to_owned(),
        None => quoted(&port.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Found {
        Found(files.iter().map(|(path, text)| ((*path).into(), (*text).to_owned())).collect())
    }

    fn new(name: &str, content: Content, packages: &[&str], expose: &[&str]) -> Result<NewImage, Error> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        NewImage::new(name, content, &owned(packages), &owned(expose))
    }

    #[test]
    fn program_gets_a_package() {
        let image = new("web", Content::Program, &["media-libs/libpng"], &["8080", "53/udp"]).expect("valid");
        let draft = super::image(&found(&[("Cargo.toml", "[workspace]\nmembers = []\n")]), &image, Home::NewPackage);
        insta::assert_snapshot!(draft.expect("drafted").diff());
    }

    #[test]
    fn package_images_and_existing_packages_get_tables() {
        let packages = Content::Packages(vec!["/usr/bin/sqlite3".into()]);
        let image = new("sqlite.shell", packages, &["dev-db/sqlite"], &[]).expect("valid");
        let draft = super::image(&found(&[("Cargo.toml", "[workspace]\n")]), &image, Home::Workspace);
        insta::assert_snapshot!(draft.expect("drafted").diff());
        let image = new("app", Content::Program, &[], &[]).expect("valid");
        let manifest = [("app/Cargo.toml", "[package]\nname = \"app\"\n")];
        let app = Existing { manifest: Utf8Path::new("app/Cargo.toml"), entrypoint: None, bin: None };
        let text = |existing| {
            let draft = super::image(&found(&manifest), &image, Home::Package(existing)).expect("drafted");
            let [file] = &draft.files[..] else { panic!("{draft:?}") };
            file.after.clone()
        };
        assert!(text(app).starts_with("[package]\nname = \"app\"\n\n# Tierce's reference"), "{}", text(app));
        let several = text(Existing { entrypoint: Some("server"), ..app });
        assert!(several.contains("\nentrypoint = [\"/usr/bin/server\"]\n"), "{several}");
        let one = text(Existing { bin: Some("app"), ..app });
        assert!(one.contains("\n[package.metadata.images.app]\n") && one.contains("\nbins = [\"app\"]\n"), "{one}");
    }

    #[test]
    fn invalid_names_and_ports_are_refused() {
        let error = |name, expose: &[&str]| match new(name, Content::Program, &[], expose) {
            Err(error) => error.to_string(),
            Ok(image) => {
                super::image(&Found::default(), &image, Home::NewPackage).map(|_| ()).expect_err(name).to_string()
            }
        };
        assert_eq!(error("Web", &[]), "`Web` is not a name for an image");
        assert_eq!(error("../web", &[]), "`../web` is not a name for an image");
        assert_eq!(error("team/web", &[]), "no Rust package can have the name `team/web`");
        assert_eq!(error("7zip", &[]), "no Rust package can have the name `7zip`");
        assert!(error("web", &["99999"]).contains("99999"));
    }
}
