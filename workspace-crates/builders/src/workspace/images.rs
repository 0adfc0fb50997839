//! Which images of a workspace a command means.

use tierce_manifest::ImageSpec;
use tierce_store::{Error, ErrorKind};

use crate::workspace::Workspace;

/// The help for a workspace without images.
const ADD_A_TABLE: &str = "add a table [package.metadata.image] to the Cargo.toml of a package with a binary, or \
                           [workspace.metadata.images.NAME] for an image of packages";

impl Workspace {
    /// The images of these names, each once; without names all but the toolbox.
    pub fn images(&self, names: &[String]) -> Result<Vec<&ImageSpec>, Error> {
        let all: Vec<&ImageSpec> = self.spec.images.iter().collect();
        if names.is_empty() && all.is_empty() {
            return Err(Error::new(ErrorKind::Table, "the workspace has no images").with_help(ADD_A_TABLE));
        }
        if names.is_empty() {
            return Ok(all);
        }
        let mut chosen: Vec<&ImageSpec> = Vec::new();
        for name in names {
            let image = self.image(name)?;
            if !chosen.iter().any(|other| other.name == image.name) {
                chosen.push(image);
            }
        }
        Ok(chosen)
    }

    /// The image of this name, the toolbox included.
    pub fn image(&self, name: &str) -> Result<&ImageSpec, Error> {
        self.spec.image(name).ok_or_else(|| {
            let known: Vec<&str> = self.spec.all_images().map(|image| image.name.as_str()).collect();
            let help = match tierce_manifest::nearest(name, &known) {
                _ if self.spec.images.is_empty() => ADD_A_TABLE.to_owned(),
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has `{}`", known.join("`, `")),
            };
            Error::new(ErrorKind::Table, format!("the workspace has no image `{name}`")).with_help(help)
        })
    }

    /// All images but these and the toolbox.
    pub fn images_without(&self, excluded: &[String]) -> Result<Vec<&ImageSpec>, Error> {
        let mut images = self.images(&[])?;
        if !excluded.is_empty() {
            let excluded = self.images(excluded)?;
            images.retain(|image| excluded.iter().all(|other| other.name != image.name));
        }
        match images.is_empty() {
            true => Err(Error::new(ErrorKind::Table, "no image is left: all of them are excluded")),
            false => Ok(images),
        }
    }
}
