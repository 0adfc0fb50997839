//! Builds an image again from nothing, and puts it beside the one that is stored somewhere.
//!
//! Nothing of the workspace's results and of the cache is used but downloads, whose digests are known. What is made on the way,
//! in a folder and in a namespace of the daemon of its own, goes with the end of the run; should it be killed, with a later one.

mod blobs;
mod difference;
mod scratch;
mod source;
mod stored;

use std::fs::{self, File};
use std::path::Path;

use tierce_manifest::ImageSpec;
use tierce_plan::Sink;

pub(crate) use difference::history;
pub use difference::{LayerDifference, OwnedDifference, Verification};
pub(crate) use source::Source;
pub(crate) use stored::{Stored, StoredLayer};

use crate::facts::oci_architecture;
use crate::options::Options;
use crate::progress::Observer;
use crate::session::{Alone, Session};
use crate::steps::debian::utf8;
use crate::steps::deliver::references;
use crate::verify::difference::Sides;
use crate::verify::scratch::Scratch;
use crate::verify::stored::Reader;
use crate::{Error, files};

impl Session {
    /// Builds an image from nothing and compares it with the one that `against` names: a layout, an archive or a reference in the
    /// daemon; the image's first reference there where it names none.
    ///
    /// # Errors
    /// [`Error::StoredImage`] if there is nothing to compare with, and whatever goes wrong on the way. That the images differ is
    /// no error here.
    pub fn verify(
        &self,
        image: &ImageSpec,
        against: Option<&str>,
        observer: &Observer<'_>,
    ) -> Result<Verification, Error> {
        let done = self.verify_in(&Scratch::new(self)?, image, against, observer);
        // Whatever an interruption has broken off on its way here, it is the cause.
        done.map_err(|error| if self.check_interrupted().is_err() { Error::Interrupted } else { error })
    }

    fn verify_in(
        &self,
        scratch: &Scratch<'_>,
        image: &ImageSpec,
        against: Option<&str>,
        observer: &Observer<'_>,
    ) -> Result<Verification, Error> {
        // First: what cannot be read is not worth a build.
        let there = self.stored(scratch, image, against)?;
        self.check_downloads()?;
        let options = Options {
            namespace: scratch.namespace().to_owned(),
            locked: true,
            no_cache: Vec::new(),
            keep_warm: 0,
            ..self.options.clone()
        };
        let alone = Alone { places: scratch.places().clone(), verifies: self.options.namespace.clone() };
        let session = Session::open_alone(options, alone, observer)?;
        let layout = utf8(scratch.path().join("layout"))?;
        let name = image.name.to_string();
        session.deliver(&session.images(std::slice::from_ref(&name))?, &Sink::Layout(layout.clone()), observer)?;
        let what = "the image that was built anew";
        let built = self.read_stored(scratch.path(), what, &[], |reader| reader.layout(layout.as_std_path()))?;
        // What only the stored image has may be known from the last build here.
        let contents = [session.contents(&name).ok(), self.contents(&name).ok()];
        let contents = contents.iter().flatten().collect();
        Sides { there: &there, built: &built, contents, check: &|| self.check_interrupted() }.compare(&name)
    }

    /// Reads the image that is compared with.
    fn stored(&self, scratch: &Scratch<'_>, image: &ImageSpec, against: Option<&str>) -> Result<Stored, Error> {
        let references = references(image);
        let text = against.unwrap_or(&references[0]);
        let source = against.map_or_else(|| Source::Daemon(references[0].clone()), Source::of);
        let build = format!("build it with `cargo xtask image {}`", image.name);
        let help = format!("{build}, or name another image by --against");
        self.stored_image(scratch.path(), text, source, &self.names(image), Some(help))
    }

    /// What an image of the workspace may be called where it is stored.
    pub fn names(&self, image: &ImageSpec) -> Vec<String> {
        [vec![self.layout_name(image)], references(image)].concat()
    }

    /// Reads an image that is stored somewhere; what is large is kept below a folder. `help` is what to do where the daemon
    /// has none.
    pub(crate) fn stored_image(
        &self,
        folder: &Path,
        text: &str,
        source: Source,
        names: &[String],
        help: Option<String>,
    ) -> Result<Stored, Error> {
        match source {
            Source::Layout { folder: layout, name } => {
                let named = name.is_some();
                let wanted = name.map_or(names.to_vec(), |name| vec![name]);
                self.read_stored(folder, text, &wanted, |reader| Reader { named, ..*reader }.layout(&layout))
            }
            Source::Archive(path) => {
                let file = File::open(&path).map_err(|error| Error::file("read", &path, error))?;
                self.read_stored(folder, text, names, |reader| reader.archive(file))
            }
            Source::Daemon(reference) => {
                let docker = self.docker()?;
                let Some(image) = docker.image(&reference)? else {
                    let problem = "it is no image of the daemon, no folder and no file".into();
                    return Err(Error::StoredImage { problem, help, name: reference });
                };
                // Of a name without a tag, all tags would be saved.
                let archive = docker.save(&image.id)?;
                let mut stored = self.read_stored(folder, text, &[], |reader| reader.archive(archive))?;
                // Where a daemon writes a manifest, it is one of its own making.
                stored.annotations = None;
                Ok(stored)
            }
        }
    }

    pub(crate) fn read_stored(
        &self,
        folder: &Path,
        name: &str,
        wanted: &[String],
        read: impl FnOnce(&Reader<'_>) -> Result<Stored, Error>,
    ) -> Result<Stored, Error> {
        read(&Reader {
            name,
            scratch: folder,
            wanted,
            named: false,
            platform: &format!("linux/{}", oci_architecture()),
            check: &|| self.check_interrupted(),
        })
    }

    /// Removes packages of the builder that are not what the lock says any more, so that they are fetched anew.
    fn check_downloads(&self) -> Result<(), Error> {
        let lock = self.read_lock()?.unwrap_or_default();
        for deb in &lock.builder.debs {
            self.check_interrupted()?;
            let path = self.places.downloads("debs").join(format!("{}.deb", deb.sha256));
            if path.is_file() && files::sha256_of(&path)?.0 != deb.sha256 {
                fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error))?;
            }
        }
        Ok(())
    }
}
