//! The ebuilds of a repository that inherit `debian-source`, and edits of their text.

use std::fs;
use std::path::{Path, PathBuf};

use tierce_ebuilds::DebianSource;

/// An ebuild of a Debian source package.
pub(crate) struct Ebuild {
    /// Its category and name: "dev-libs/expat".
    pub(crate) package: String,
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) source: DebianSource,
    /// Whether the Manifest has all files.
    pub(crate) pinned: bool,
}

/// Reads the ebuilds of Debian sources in repositories below `root`, in the order of their paths.
pub(crate) fn read(root: &Path, trees: &[&str]) -> Result<Vec<Ebuild>, String> {
    let mut ebuilds = Vec::new();
    for tree in trees {
        let tree = root.join(tree);
        for category in folders(&tree)? {
            for package in folders(&category)? {
                for path in
                    entries(&package)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "ebuild"))
                {
                    ebuilds.extend(Ebuild::read(&tree, path)?);
                }
            }
        }
    }
    Ok(ebuilds)
}

impl Ebuild {
    /// Reads an ebuild. Returns `None` if it is of no Debian source.
    pub(crate) fn read(tree: &Path, path: PathBuf) -> Result<Option<Self>, String> {
        let text = fs::read_to_string(&path).map_err(|error| format!("failed to read {}: {error}", path.display()))?;
        let relative = path.strip_prefix(tree).unwrap_or(&path).to_string_lossy().into_owned();
        let package = relative.rsplit_once('/').map_or("", |(package, _)| package).to_owned();
        let Some(source) = DebianSource::of(&relative, &text) else { return Ok(None) };
        let manifest = fs::read_to_string(path.with_file_name("Manifest")).unwrap_or_default();
        let pins = |name: &str| manifest.lines().any(|line| line.split(' ').nth(1) == Some(name));
        let pinned = source.files().iter().all(|file| pins(&file.name));
        Ok(Some(Self { package, path, text, source, pinned }))
    }

    /// The folder with the ebuild and its Manifest.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// The text with variables of `debian-source` set or, for `None`, removed. A new one follows `DEBIAN_REVISION`.
    pub(crate) fn with_variables(&self, variables: &[(&str, Option<&str>)]) -> String {
        let mut lines: Vec<String> = self.text.lines().map(str::to_owned).collect();
        for (name, value) in variables {
            let start = format!("DEBIAN_{name}=");
            let at = lines.iter().position(|line| line.starts_with(&start));
            match (at, value) {
                (Some(at), Some(value)) => lines[at] = format!("{start}\"{value}\""),
                (Some(at), None) => drop(lines.remove(at)),
                (None, Some(value)) => {
                    let after = lines.iter().position(|line| line.starts_with("DEBIAN_REVISION="));
                    lines.insert(after.map_or(0, |after| after + 1), format!("{start}\"{value}\""));
                }
                (None, None) => {}
            }
        }
        lines.join("\n") + "\n"
    }
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, String> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("failed to read the folder {}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}
