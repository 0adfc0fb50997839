//! `new image`: a package with a table, a table for a package, or an image of packages.

use camino::{Utf8Path, Utf8PathBuf};
use tierce_manifest::{ImageName, KEYS, Port};
use tierce_portage::Atom;

use crate::edit::Edit;
use crate::workspace::{is_member, quoted};
use crate::{Draft, Error, Found, MANIFEST};

/// An image that is to be.
#[derive(Clone, Debug)]
pub struct NewImage {
    name: ImageName,
    content: Content,
    packages: Vec<String>,
    expose: Vec<Port>,
}

/// What an image is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A program of the workspace and what it needs.
    Program,
    /// Packages alone; the program that a container starts, and its arguments.
    Packages(Vec<String>),
}

/// Where the table of an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home<'t> {
    /// Into a package that is made for it.
    NewPackage,
    /// Into the Cargo.toml of a package that is there, from the workspace's root.
    Package(&'t Utf8Path),
    /// Into the workspace's Cargo.toml.
    Workspace,
}

impl NewImage {
    /// # Errors
    /// A name, a port or an atom of a package that is none.
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

    /// Its name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// What it is made of.
    pub fn content(&self) -> &Content {
        &self.content
    }
}

/// The folder of the package that is made for an image.
pub fn package_folder(name: &str) -> Utf8PathBuf {
    Utf8Path::new("images").join(name)
}

/// Drafts an image; `found` has the Cargo.toml of the workspace and that of the package, and what lies in the folder of a new one.
///
/// # Errors
/// A name that no package can have, or a Cargo.toml into which the table does not fit.
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
        Home::Workspace => {
            append(Utf8Path::new(MANIFEST), &table(new, &format!("workspace.metadata.images.{}", key(new.name()))))?
        }
        Home::Package(manifest) => append(manifest, &table(new, "package.metadata.image"))?,
        Home::NewPackage => {
            check_package_name(new.name())?;
            for (path, text) in package(new) {
                draft.make(found, path, text);
            }
            let folder = package_folder(new.name());
            let text = found.text(MANIFEST).unwrap_or_default();
            let mut edit = Edit::new(MANIFEST, text)?;
            if !is_member(&edit, folder.as_str()) {
                edit.push(&["workspace"], "members", &quoted(folder.as_str()))?;
            }
            draft.change(MANIFEST, text, edit.into_text());
        }
    }
    Ok(draft)
}

/// cargo's rules, where they are narrower than those of images.
fn check_package_name(name: &str) -> Result<(), Error> {
    if !name.starts_with(|first: char| first.is_ascii_digit()) && !name.contains('.') {
        return Ok(());
    }
    Err(Error::Name {
        problem: format!("no Rust package can have the name `{name}`"),
        help: Some("take one that begins with a letter and has no dot; the key `name` of the table can say another for the image".into()),
    })
}

/// A key of TOML: bare where that can be.
fn key(name: &str) -> String {
    let bare = name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'));
    if bare { name.to_owned() } else { quoted(name) }
}

/// The files of a package with an image.
pub(crate) fn package(new: &NewImage) -> [(Utf8PathBuf, String); 2] {
    let (name, folder) = (new.name(), package_folder(new.name()));
    let package = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    let main = format!("fn main() {{\n    println!(\"hello from {name}\");\n}}\n");
    let manifest = format!("{package}\n{}", table(new, "package.metadata.image"));
    [(folder.join("Cargo.toml"), manifest), (folder.join("src/main.rs"), main)]
}

/// A table with what is said, and in comments what more can be said.
fn table(new: &NewImage, header: &str) -> String {
    let list = |items: &[String]| format!("[{}]", items.join(", "));
    let strings = |items: &[String]| Some(list(&items.iter().map(|item| quoted(item)).collect::<Vec<_>>()));
    let given = |items: &[String]| if items.is_empty() { None } else { strings(items) };
    let ports: Vec<String> = new.expose.iter().map(port).collect();
    let ports = (!ports.is_empty()).then(|| list(&ports));
    let mut lines: Vec<(&str, Option<String>)> = vec![("packages", given(&new.packages)), ("package-use", None)];
    match &new.content {
        Content::Program => lines.push(("files", None)),
        Content::Packages(entrypoint) => lines.extend([("keep", None), ("entrypoint", given(entrypoint))]),
    }
    lines.extend([("env", None), ("expose", ports)]);
    // A program of one's own has no reason to be root; what an image of packages runs may have.
    let user = (new.content == Content::Program).then(|| quoted("65534:65534"));
    lines.push(("user", user));
    let mut text =
        format!("# The README has every key; `cargo xtask image {}` builds the image.\n[{header}]\n", new.name());
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

/// A port as tables have it: a number, or with its protocol where that is not tcp.
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
    fn a_program_gets_a_package() {
        let image = new("web", Content::Program, &["media-libs/libpng"], &["8080", "53/udp"]).expect("valid");
        let draft = super::image(&found(&[("Cargo.toml", "[workspace]\nmembers = []\n")]), &image, Home::NewPackage);
        insta::assert_snapshot!(draft.expect("drafted").diff());
    }

    #[test]
    fn packages_alone_and_an_existing_package_get_a_table() {
        let packages = Content::Packages(vec!["/usr/bin/sqlite3".into()]);
        let image = new("sqlite.shell", packages, &["dev-db/sqlite"], &[]).expect("valid");
        let draft = super::image(&found(&[("Cargo.toml", "[workspace]\n")]), &image, Home::Workspace);
        insta::assert_snapshot!(draft.expect("drafted").diff());
        let image = new("app", Content::Program, &[], &[]).expect("valid");
        let manifest = [("app/Cargo.toml", "[package]\nname = \"app\"\n")];
        let draft =
            super::image(&found(&manifest), &image, Home::Package(Utf8Path::new("app/Cargo.toml"))).expect("drafted");
        let [file] = &draft.files[..] else { panic!("{draft:?}") };
        assert!(file.after.starts_with("[package]\nname = \"app\"\n\n# The README"), "{}", file.after);
    }

    #[test]
    fn names_and_ports_are_looked_at() {
        let error = |name, expose: &[&str]| match new(name, Content::Program, &[], expose) {
            Err(error) => error.to_string(),
            Ok(image) => {
                super::image(&Found::default(), &image, Home::NewPackage).map(|_| ()).expect_err(name).to_string()
            }
        };
        assert_eq!(error("Web", &[]), "`Web` is not a name for an image");
        assert_eq!(error("../web", &[]), "`../web` is not a name for an image");
        assert_eq!(error("7zip", &[]), "no Rust package can have the name `7zip`");
        assert!(error("web", &["99999"]).contains("99999"));
    }
}
