//! Finds the target and the toolbox of a session in parallel.

use std::sync::atomic::Ordering;
use std::thread;

use anstyle::AnsiColor;
use tierce_debug::{Options, Session, Target, Toolbox, WhenPaused};
use tierce_docker::Image;

use super::Context;
use crate::cli::SessionArgs;
use crate::{Failure, namespace};

/// The toolbox's reference in the daemon, unless the workspace names another.
const USUAL_TOOLBOX: &str = "toolbox:latest";

/// The target of a session.
pub(super) struct Prepared {
    pub(super) target: Target,
    /// The session, if its container exists already.
    pub(super) early: Option<Session>,
}

impl Context<'_> {
    /// Finds the target, and updates the toolbox in parallel. Stops the update if there is no target.
    ///
    /// A check that the toolbox is fresh takes longer than a new container, and it is fresh nearly always. So this creates a
    /// container of the image with the toolbox's name, and removes it if the check finds another image.
    pub(super) fn prepare(
        &self,
        word: &str,
        arguments: &SessionArgs,
        options: &mut Options,
    ) -> Result<Prepared, Failure> {
        let when_paused = match (arguments.unpause, arguments.dry_run) {
            (false, _) => WhenPaused::Fail,
            (true, false) => WhenPaused::Unpause,
            (true, true) => WhenPaused::Leave,
        };
        let (target, early, toolbox) = thread::scope(|scope| {
            let toolbox = scope.spawn(|| match arguments.dry_run {
                true => self.known_toolbox(arguments.toolbox.as_deref()),
                false => self.toolbox(arguments.toolbox.as_deref()),
            });
            let is_of_image = |container: &_| tierce_execute::is_of_image(container, word);
            let target = Target::find(&self.docker, word, is_of_image, when_paused);
            let mut early = None;
            match &target {
                Ok(target) => {
                    options.name = arguments.name.clone().unwrap_or_else(|| default_name(target.name()));
                    // gdb's options are known only after the process has been inspected.
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

    /// Returns the session if its tools are those of the current toolbox, and removes it otherwise.
    fn keep_if_current(&self, image: &Image, session: Session, toolbox: &Toolbox) -> Option<Session> {
        if image.id == toolbox.image {
            return Some(session);
        }
        drop(session);
        // A session works even if the old image cannot be removed.
        let _ = tierce_execute::remove_superseded(&self.docker, &image.id);
        None
    }

    /// Creates a session with the image that is most likely the toolbox. Ignores errors: the caller tries again with the right
    /// image and reports them.
    fn begin_early(&self, target: &Target, options: &Options) -> Option<(Image, Session)> {
        let image = self.docker.image(USUAL_TOOLBOX).ok()??;
        let process = target.process(&self.docker, &image.id).ok()?;
        let name = USUAL_TOOLBOX.split(':').next().unwrap_or_default().to_owned();
        let toolbox = Toolbox { image: image.id.clone(), name, of_workspace: true };
        let options = Options { toolbox, ..options.clone() };
        let session = Session::create(&self.docker, target.clone(), process, options).ok()?;
        Some((image, session))
    }

    /// Returns the image of the tools. An image that the user names needs no workspace.
    pub(super) fn toolbox(&self, named: Option<&str>) -> Result<Toolbox, Failure> {
        if let Some(named) = named {
            return Ok(other(named.to_owned()));
        }
        let session = self.workspace();
        let toolbox = session.and_then(|session| session.toolbox(&|event| self.terminal.show(event)));
        Ok(in_session(toolbox.map_err(Failure::Toolbox)?))
    }

    /// Returns the image of the tools for `--dry-run`, which builds nothing.
    fn known_toolbox(&self, named: Option<&str>) -> Result<Toolbox, Failure> {
        if let Some(named) = named {
            return Ok(other(named.to_owned()));
        }
        let known = self.workspace().and_then(|session| session.known_toolbox()).map_err(Failure::Toolbox)?;
        let toolbox = in_session(known.toolbox);
        if known.is_missing {
            let name = &toolbox.name;
            let message = format!("`{name}` is not built: run `cargo xtask image {name}` before these commands");
            self.terminal.status(AnsiColor::Yellow, "Note", &message);
        }
        Ok(toolbox)
    }
}

/// An image of any origin as the toolbox.
fn other(name: String) -> Toolbox {
    Toolbox { image: name.clone(), name, of_workspace: false }
}

/// The toolbox as a session takes it.
fn in_session(toolbox: tierce_execute::Toolbox) -> Toolbox {
    match toolbox {
        tierce_execute::Toolbox::Built { name, id } => Toolbox { image: id, name, of_workspace: true },
        tierce_execute::Toolbox::Reference(reference) => other(reference),
    }
}

/// The default name of a session.
pub(super) fn default_name(target: &str) -> String {
    format!("{}-debug-{target}-{}", namespace(), std::process::id())
}
