//! Tierce.lock: read before planning, written when something was found out that belongs into it.

use std::path::PathBuf;

use tierce_debian::wheel;
use tierce_manifest::{ImageSpec, Place};
use tierce_plan::{Action, BuilderFacts, Facts, Lock, LockedBuilder, LockedImage, Outcome, Plan, Uncovered};

use crate::run::Results;
use crate::session::Session;
use crate::{Error, files};

impl Session {
    fn lock_path(&self) -> PathBuf {
        self.workspace.root.join("Tierce.lock").into_std_path_buf()
    }

    pub(crate) fn read_lock(&self) -> Result<Option<Lock>, Error> {
        let path = self.lock_path();
        if !path.exists() {
            return Ok(None);
        }
        Lock::parse(&files::read_text(&path)?).map(Some).map_err(|source| {
            let file = self.workspace.root.join("Tierce.lock");
            let place = source.span().map(|span| Place { file: file.into(), span });
            Error::Lock { path, place, source }
        })
    }

    /// The lock with what these steps have found out.
    pub(crate) fn locked_now(&self, facts: &Facts, plan: &Plan, results: Results) -> Lock {
        let mut lock = facts.lock.clone().unwrap_or_default();
        let builder = self.locked_builder(facts, std::mem::take(&mut lock.builder));
        lock.builder = builder;
        for (id, outcome) in results.outcomes {
            match outcome {
                Outcome::Debs(debs) => lock.builder.debs = debs,
                Outcome::Builder(builder) => lock.builder.repository = builder.repository,
                Outcome::Resolution(packages) => {
                    let Some(Action::Resolve { image, inputs, .. }) = plan.step(&id).map(|step| &step.action) else {
                        continue;
                    };
                    lock.set_image(LockedImage::new(image, inputs.clone(), packages));
                    lock.repositories.clone_from(&facts.repositories);
                }
                _ => {}
            }
        }
        lock.images.retain(|image| self.spec.image(&image.name).is_some());
        lock
    }

    /// Writes the lock.
    pub(crate) fn write_lock(&self, lock: &Lock) -> Result<(), Error> {
        files::write(&self.lock_path(), lock.to_text())
    }

    /// The error for a lock that would have to change for these images, with what for.
    pub(crate) fn locked_error(&self, images: &[&ImageSpec], facts: &Facts) -> Result<Error, Error> {
        if facts.lock.is_none() {
            return Ok(Error::Locked { lines: vec!["there is none yet".into()] });
        }
        let uncovered = tierce_plan::uncovered(&self.spec, images, facts)?;
        let lines = uncovered.iter().flat_map(|Uncovered { image, causes }| {
            let subject = image.as_ref().map_or("the builder".to_owned(), |image| format!("the image `{image}`"));
            causes.iter().map(move |cause| format!("{subject}: {cause}"))
        });
        Ok(Error::Locked { lines: lines.collect() })
    }

    fn locked_builder(&self, facts: &Facts, before: LockedBuilder) -> LockedBuilder {
        let rustc = rustc_line(&facts.rustc);
        match &facts.builder {
            BuilderFacts::Debian { selection, .. } => LockedBuilder {
                base: "debian".into(),
                digest: None,
                portage: Some(format!("{} {}", wheel::PORTAGE_VERSION, wheel::PORTAGE_WHEEL_SHA256)),
                rustc,
                debs: if before.selection.as_ref() == Some(selection) { before.debs } else { Vec::new() },
                selection: Some(selection.clone()),
                repository: None,
            },
            BuilderFacts::Image { id } => {
                LockedBuilder { base: "image".into(), digest: Some(id.clone()), rustc, ..LockedBuilder::default() }
            }
            BuilderFacts::RootFilesystem { digest } => {
                LockedBuilder { base: "rootfs".into(), digest: Some(digest.clone()), rustc, ..LockedBuilder::default() }
            }
        }
    }

    /// Another rustc needs no resolution, but the lock says what compiled the programs.
    pub(crate) fn keep_rustc(&self, facts: &Facts) -> Result<(), Error> {
        match &facts.lock {
            Some(lock) if lock.builder.rustc != rustc_line(&facts.rustc) && !self.options.locked => {
                let mut lock = lock.clone();
                lock.builder.rustc = rustc_line(&facts.rustc);
                self.write_lock(&lock)
            }
            _ => Ok(()),
        }
    }
}

/// The first line of `rustc -vV`.
fn rustc_line(version: &str) -> String {
    version.lines().next().unwrap_or_default().to_owned()
}
