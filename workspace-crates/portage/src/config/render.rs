//! Renders the files of /etc/portage and the text for keys.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use super::make_conf::{Effect, assign, effect, join};
use super::{Patch, PortageConfig};
use crate::atom::Atom;
use crate::digest::sha256;
use crate::resolution::ResolvedPackage;

/// One file of /etc/portage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its path below etc/portage.
    pub path: String,
    /// The content.
    pub content: ConfigContent,
}

/// The content of a file of /etc/portage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigContent {
    /// A regular file with these bytes.
    File(Vec<u8>),
    /// A symbolic link with this target, absolute in the builder.
    Symlink(String),
}

impl PortageConfig {
    /// All files, sorted by path. The folder has no other files.
    ///
    /// `packages` is the resolution, whose packages may have patches; empty before it. Portage finds patches by the
    /// names of folders, which cannot express an atom. So the atoms are matched here, and a folder has the name of an
    /// exact version.
    pub fn files(&self, packages: &[ResolvedPackage]) -> Vec<ConfigFile> {
        let mut files = self.settled_files(&[Effect::Build, Effect::Resolution, Effect::Nothing]);
        for package in packages {
            files.extend(self.patch_files(package));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// The inputs of the resolution: the text of all files without patches and the machine's settings.
    pub fn key_text(&self) -> String {
        let mut files = self.settled_files(&[Effect::Build, Effect::Resolution]);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.iter().fold(String::new(), |mut text, file| {
            let _ = match &file.content {
                ConfigContent::Symlink(target) => writeln!(text, "[{}]\n-> {target}", file.path),
                ConfigContent::File(bytes) => write!(text, "[{}]\n{}", file.path, String::from_utf8_lossy(bytes)),
            };
            text
        })
    }

    /// The atoms of package.env and of the patches that match none of `packages`, for a warning.
    pub fn unused_atoms(&self, packages: &[ResolvedPackage]) -> Vec<&Atom> {
        let atoms = self.package_env.keys().chain(self.patches.keys());
        atoms.filter(|atom| !packages.iter().any(|package| package.matches(atom))).collect()
    }

    /// The inputs of the binary package of `package`: the variables of make.conf that change a build, its package.env
    /// and its patches. USE flags and versions are in the resolution.
    pub fn build_key_text(&self, package: &ResolvedPackage) -> String {
        let mut text = self.make_conf_text(&[Effect::Build]);
        for (_, variables) in self.package_env.iter().filter(|(atom, _)| package.matches(atom)) {
            text.push_str("[env]\n");
            for (name, value) in variables.iter().filter(|(name, _)| effect(name.as_str()) == Effect::Build) {
                assign(&mut text, name.as_str(), value.as_str());
            }
        }
        for patch in self.patches_of(package) {
            let _ = writeln!(text, "[patch {}]", sha256(&patch.content));
        }
        text
    }

    fn patches_of(&self, package: &ResolvedPackage) -> impl Iterator<Item = &Patch> {
        self.patches.iter().filter(|(atom, _)| package.matches(atom)).flat_map(|(_, patches)| patches)
    }

    /// `patches/CATEGORY/PF/…`: the most specific folder of `eapply_user`. Portage applies patches in the order of
    /// their names, which must end in `.patch` or `.diff`.
    fn patch_files(&self, package: &ResolvedPackage) -> Vec<ConfigFile> {
        let folder = format!("patches/{}", package.cpv());
        let file = |(index, patch): (usize, &Patch)| {
            let suffix =
                if [".patch", ".diff"].iter().any(|end| patch.name.as_str().ends_with(end)) { "" } else { ".patch" };
            ConfigFile {
                path: format!("{folder}/{index:03}-{}{suffix}", patch.name),
                content: ConfigContent::File(patch.content.clone()),
            }
        };
        self.patches_of(package).enumerate().map(file).collect()
    }

    /// The files without `mirrors`, which is a setting of the machine.
    fn settled_files(&self, make_conf: &[Effect]) -> Vec<ConfigFile> {
        let mut files = vec![
            text_file("make.conf", self.make_conf_text(make_conf)),
            text_file("repos.conf", self.repos_conf()),
            ConfigFile { path: "make.profile".to_owned(), content: ConfigContent::Symlink(self.profile.to_string()) },
        ];
        let lists = [
            ("package.accept_keywords", lines(&self.package_keywords)),
            ("package.license", lines(&self.package_license)),
            ("package.mask", self.package_mask.iter().map(|atom| format!("{atom}\n")).collect()),
            ("package.unmask", self.package_unmask.iter().map(|atom| format!("{atom}\n")).collect()),
            ("package.use", lines(&self.package_use)),
        ];
        files.extend(lists.into_iter().filter(|(_, text)| !text.is_empty()).map(|(path, text)| text_file(path, text)));
        self.env_files(&mut files);
        files
    }

    fn repos_conf(&self) -> String {
        let mut text = String::new();
        if let Some(main) = self.repositories.first() {
            let _ = write!(text, "[DEFAULT]\nmain-repo = {}\n", main.name);
        }
        for repository in &self.repositories {
            // The parser of this file reads `%` as the start of a substitution.
            let location = repository.location.as_str().replace('%', "%%");
            let _ = write!(text, "\n[{}]\nlocation = {location}\nauto-sync = no\n", repository.name);
            if !repository.masters.is_empty() {
                let _ = writeln!(text, "masters = {}", join(&repository.masters));
            }
            if let Some(priority) = repository.priority {
                let _ = writeln!(text, "priority = {priority}");
            }
        }
        text
    }

    fn env_files(&self, files: &mut Vec<ConfigFile>) {
        let mut index_text = String::new();
        for (index, (atom, variables)) in self.package_env.iter().enumerate() {
            let name = format!("{index:03}.conf");
            let _ = writeln!(index_text, "{atom} {name}");
            let mut text = String::new();
            for (name, value) in variables {
                assign(&mut text, name.as_str(), value.as_str());
            }
            files.push(text_file(&format!("env/{name}"), text));
        }
        if !index_text.is_empty() {
            files.push(text_file("package.env", index_text));
        }
    }
}

fn text_file(path: &str, text: String) -> ConfigFile {
    ConfigFile { path: path.to_owned(), content: ConfigContent::File(text.into_bytes()) }
}

/// A line for each atom. An empty list of settings is a line too, which package.accept_keywords gives a meaning.
fn lines<T: Display>(settings: &BTreeMap<Atom, Vec<T>>) -> String {
    settings.iter().fold(String::new(), |mut text, (atom, settings)| {
        let _ = writeln!(text, "{}", format!("{atom} {}", join(settings)).trim_end());
        text
    })
}
