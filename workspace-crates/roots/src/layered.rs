//! The roots of the sandbox: layers, each with its record.

use std::fs;
use std::path::Path;

use tierce_store::files::create_dir;
use tierce_store::locks::{self, Held};
use tierce_store::paths::file_name;
use tierce_store::{Error, files, owner, sealed};

use crate::about::About;
use crate::scratch::Scratch;
use crate::store::{SandboxStore, entries, new_id};

/// A root that an open builder uses: nobody removes it meanwhile.
pub struct Used {
    /// The names of its layers relative to the store, the lowest first.
    pub layers: Vec<String>,
    _held: Held,
}

impl SandboxStore {
    /// Returns the id of the root with this name or id.
    pub fn find_root(&self, reference: &str) -> Option<String> {
        let path = self.path("names", &file_name(reference));
        let named = tierce_bounded::text(path, &tierce_bounded::SETTINGS).ok();
        [named.as_deref(), Some(reference)].into_iter().flatten().find(|id| self.about(id).is_some()).map(str::to_owned)
    }

    /// Returns the id of the root with this name, if the step with this key made it.
    pub fn find_own_root(&self, reference: &str, kind: &str, key: &str) -> Option<String> {
        let id = self.find_root(reference)?;
        self.about(&id).filter(|about| about.kind == kind && about.key == key).map(|_| id)
    }

    /// Makes a root of the changes in a scratch folder, on top of another root.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep_root(
        &self,
        scratch: &Scratch,
        (kind, key): (&str, &str),
        below: Option<&str>,
    ) -> Result<String, Error> {
        let id = new_id();
        let about = About {
            kind: kind.to_owned(),
            key: key.to_owned(),
            below: below.map(str::to_owned),
            maker: owner::this_process(),
            id: id.clone(),
        };
        let made = self.scratch()?;
        scratch.move_upper(&made.path().join("tree"))?;
        fs::remove_dir(made.upper()).map_err(|error| Error::file("remove", &made.upper(), error))?;
        made.write_out()?;
        sealed::write(&made.path().join("about.json"), &about)?;
        let path = self.path("roots", &id);
        create_dir(path.parent().unwrap_or(&path))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(made.path(), mode).map_err(|error| Error::file("write", made.path(), error))?;
        fs::rename(made.path(), &path).map_err(|error| Error::file("write", &path, error))?;
        Ok(id)
    }

    /// Names a root. Another root with this name loses it.
    ///
    /// # Errors
    /// The file system's.
    pub fn name_root(&self, id: &str, name: &str) -> Result<(), Error> {
        files::write(&self.path("names", &file_name(name)), id)
    }

    /// Keeps a root from being removed, and returns its layers.
    ///
    /// # Errors
    /// If the store does not have it, or the lock cannot be taken.
    pub fn use_root(&self, id: &str) -> Result<Used, Error> {
        let held = locks::share_quietly(&self.lock_path(id))?;
        let (mut layers, mut next) = (Vec::new(), Some(id.to_owned()));
        while let Some(id) = next {
            let about = self.about(&id).ok_or_else(|| Error::missing_input("a root of the sandbox"))?;
            layers.insert(0, format!("roots/{id}/tree"));
            next = about.below;
        }
        Ok(Used { layers, _held: held })
    }

    /// Removes a root unless something uses it, or it has a name. The roots below go too, unless the same keeps them.
    ///
    /// # Errors
    /// The file system's.
    pub fn drop_root(&self, id: &str) -> Result<(), Error> {
        let mut next = Some(id.to_owned());
        while let Some(id) = next.take() {
            let Some(about) = self.about(&id) else { return Ok(()) };
            let Some(_held) = locks::try_exclusive(&self.lock_path(&id))? else { return Ok(()) };
            if self.is_named(&id) || self.roots().iter().any(|(_, above)| above.below.as_deref() == Some(&id)) {
                return Ok(());
            }
            self.discard_whole(&self.path("roots", &id))?;
            next = about.below;
        }
        Ok(())
    }

    /// Takes the name from every root with it, and removes the root.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove_root(&self, id: &str) -> Result<bool, Error> {
        for name in entries(&self.folder().join("names")) {
            if tierce_bounded::text(&name, &tierce_bounded::SETTINGS).is_ok_and(|there| there == id) {
                files::remove(&name)?;
            }
        }
        self.drop_root(id)?;
        Ok(self.about(id).is_none())
    }

    /// Returns the ids of all roots: each one before the root below it.
    pub fn root_ids(&self) -> Vec<String> {
        let mut all = self.roots();
        let depth = |about: &About| {
            let mut count = 0;
            let mut next = about.below.clone();
            while let Some(below) = next.and_then(|id| self.about(&id)) {
                count += 1;
                next = below.below;
            }
            count
        };
        all.sort_by_key(|(_, about)| std::cmp::Reverse(depth(about)));
        all.into_iter().map(|(id, _)| id).collect()
    }

    /// Returns the name of a root, for people: its own, or else its kind.
    pub fn title(&self, id: &str) -> String {
        let names = entries(&self.folder().join("names"));
        let name = names
            .iter()
            .find(|name| tierce_bounded::text(name, &tierce_bounded::SETTINGS).is_ok_and(|there| there == id));
        let kind = || self.about(id).map_or_else(String::new, |about| format!("{} {id}", about.kind));
        name.and_then(|name| name.file_name()).map_or_else(kind, |name| name.to_string_lossy().replace('=', ":"))
    }

    /// Returns the folder of a root's own layer.
    pub fn tree_of(&self, id: &str) -> std::path::PathBuf {
        self.path("roots", id).join("tree")
    }

    /// Removes roots that a killed run did not name.
    pub(crate) fn remove_nameless_roots(&self) -> Result<(), Error> {
        for id in self.root_ids() {
            if self.about(&id).is_some_and(|about| !owner::is_alive(&about.maker)) {
                self.drop_root(&id)?;
            }
        }
        Ok(())
    }

    /// Removes a folder of the store: it loses its name at once.
    pub(crate) fn discard_whole(&self, path: &Path) -> Result<(), Error> {
        let scratch = self.scratch()?;
        match fs::rename(path, scratch.path().join("discarded")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("remove", path, error)),
            _ => Ok(()),
        }
    }

    fn about(&self, id: &str) -> Option<About> {
        let is_id = id.bytes().all(|byte| byte.is_ascii_hexdigit()) && !id.is_empty();
        is_id.then(|| sealed::read(&self.path("roots", id).join("about.json"))).flatten()
    }

    fn roots(&self) -> Vec<(String, About)> {
        let ids = entries(&self.folder().join("roots"));
        let ids = ids.iter().filter_map(|path| path.file_name()?.to_str());
        ids.filter_map(|id| Some((id.to_owned(), self.about(id)?))).collect()
    }

    fn is_named(&self, id: &str) -> bool {
        let names = entries(&self.folder().join("names"));
        names.iter().any(|name| tierce_bounded::text(name, &tierce_bounded::SETTINGS).is_ok_and(|there| there == id))
    }
}
