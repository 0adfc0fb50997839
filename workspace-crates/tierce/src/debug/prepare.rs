//! What a session begins with: its target and its toolbox, looked for at the same time.

use std::sync::atomic::Ordering;
use std::thread;

use tierce_debug::{Options, Session, Target, Toolbox};
use tierce_docker::Image;

use super::Context;
use crate::cli::SessionArgs;
use crate::{Failure, namespace, session};

/// What the toolbox is called in the daemon, if the workspace says nothing else of it.
const USUAL_TOOLBOX: &str = "toolbox:latest";

/// What a session begins with.
pub(super) struct Prepared {
    pub(super) target: Target,
    /// The session, if its container could be made already.
    pub(super) early: Option<Session>,
}

impl Context<'_> {
    /// Finds the target, and brings the toolbox up to date meanwhile. Where there is no target, nothing is built for it.
    ///
    /// To see that a toolbox is up to date takes longer than to make a container, and it nearly always is. So one is made of
    /// the image that has its name, and goes again if the toolbox turns out to be another.
    pub(super) fn prepare(
        &self,
        word: &str,
        arguments: &SessionArgs,
        options: &mut Options,
    ) -> Result<Prepared, Failure> {
        let (target, early, toolbox) = thread::scope(|scope| {
            let toolbox = scope.spawn(|| self.toolbox(arguments.toolbox.as_deref()));
            let is_of_image = |container: &_| tierce_execute::is_of_image(container, word);
            let target = Target::find(&self.docker, word, is_of_image, arguments.unpause);
            let mut early = None;
            match &target {
                Ok(target) => {
                    options.name = arguments.name.clone().unwrap_or_else(|| default_name(target.name()));
                    // What is to be looked at first decides over the container.
                    if arguments.toolbox.is_none() && !arguments.dry_run && !arguments.inspects() {
                        early = self.begin_early(target, options);
                    }
                }
                Err(_) => self.stop.store(true, Ordering::Relaxed),
            }
            (target, early, toolbox.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        self.terminal.close();
        let target = target?;
        options.toolbox = toolbox?;
        let early = early.and_then(|(image, session)| self.keep_if_current(&image, session, &options.toolbox));
        Ok(Prepared { target, early })
    }

    /// The session, if it has the tools that it is to have.
    fn keep_if_current(&self, image: &Image, session: Session, toolbox: &Toolbox) -> Option<Session> {
        if image.id == toolbox.image {
            return Some(session);
        }
        drop(session);
        // What cannot be removed now is no reason to have no session.
        let _ = tierce_execute::remove_superseded(&self.docker, &image.id);
        None
    }

    /// A session with the tools of the image that is most likely the toolbox. What stands in its way is told by whoever tries
    /// again with the right one.
    fn begin_early(&self, target: &Target, options: &Options) -> Option<(Image, Session)> {
        let image = self.docker.image(USUAL_TOOLBOX).ok()??;
        let process = target.process(&self.docker, &image.id).ok()?;
        let name = USUAL_TOOLBOX.split(':').next().unwrap_or_default().to_owned();
        let toolbox = Toolbox { image: image.id.clone(), name, of_workspace: true };
        let options = Options { toolbox, ..options.clone() };
        let session = Session::create(&self.docker, target.clone(), process, options).ok()?;
        Some((image, session))
    }

    /// The image of the tools: one that is named needs no workspace.
    pub(super) fn toolbox(&self, named: Option<&str>) -> Result<Toolbox, Failure> {
        let other = |name: String| Toolbox { image: name.clone(), name, of_workspace: false };
        if let Some(named) = named {
            return Ok(other(named.to_owned()));
        }
        let session = session(self.global, self.terminal, &self.stop);
        let toolbox = session.and_then(|session| session.toolbox(&|event| self.terminal.show(event)));
        Ok(match toolbox.map_err(Failure::Toolbox)? {
            tierce_execute::Toolbox::Built { name, id } => Toolbox { image: id, name, of_workspace: true },
            tierce_execute::Toolbox::Reference(reference) => other(reference),
        })
    }
}

/// What a session is called if nobody says.
pub(super) fn default_name(target: &str) -> String {
    format!("{}-debug-{target}-{}", namespace(), std::process::id())
}
