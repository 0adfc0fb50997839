//! `cargo xtask debug --post-mortem` and `--image`

use std::sync::atomic::Ordering;
use std::thread;

use anstyle::AnsiColor;
use tierce_debug::{Error, Options, Remains, Session};

use super::Context;
use super::prepare::default_name;
use crate::cli::{Format, SessionArgs};
use crate::data::json;
use crate::{Failure, print};

impl Context<'_> {
    /// Finds the stopped container, or the image.
    pub(super) fn find_remains(&self, word: &str, arguments: &SessionArgs) -> Result<Remains, Error> {
        match arguments.image {
            true => Remains::of_image(&self.docker, word, &tierce_execute::image_label(word)),
            false => {
                let is_of_image = |container: &_| tierce_execute::is_of_image(container, word);
                Remains::of_container(&self.docker, word, is_of_image)
            }
        }
    }

    /// Prints the report as data, without a session.
    pub(super) fn print_remains(&self, arguments: &SessionArgs) -> Result<u8, Failure> {
        if !arguments.command.is_empty() {
            let reason = "it prints a report and starts no session, so it takes no COMMAND";
            return Err(Error::Value { kind: "the format", value: "json".into(), reason: reason.into() }.into());
        }
        let remains = self.find_remains(arguments.container.as_deref().unwrap_or_default(), arguments)?;
        print(&(json(remains.report()) + "\n"))?;
        Ok(0)
    }

    /// Prints the report, and creates the container of a session with the files. Updates the toolbox in parallel, unless the
    /// target does not exist.
    pub(super) fn with_remains(&self, arguments: &SessionArgs, options: &mut Options) -> Result<Session, Failure> {
        let word = arguments.container.as_deref().unwrap_or_default();
        let (remains, toolbox) = thread::scope(|scope| {
            let toolbox = scope.spawn(|| self.toolbox(arguments.toolbox.as_deref()));
            let remains = self.find_remains(word, arguments);
            if remains.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            (remains, toolbox.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        self.terminal.close();
        let remains = remains?;
        options.toolbox = toolbox?;
        options.name = arguments.name.clone().unwrap_or_else(|| default_name(&remains.name()));
        let mut before = "";
        for (word, text) in remains.report().lines() {
            // Only the first line of a subject has its word.
            self.terminal.status(AnsiColor::Green, if word == before { "" } else { word }, &text);
            before = word;
        }
        let (session, links) = Session::with_remains(&self.docker, &remains, options.clone())?;
        for link in links {
            let folder = format!("{}{link}", tierce_debug::LINK);
            self.terminal.warning(&format!("`{folder}` is a folder here and not a link, because it contains mounts"));
        }
        if options.tty {
            let message = format!("its files are in {}, more to know in {}", tierce_debug::LINK, tierce_debug::KNOWN);
            self.terminal.status(AnsiColor::Green, "Debugging", &message);
        }
        Ok(session)
    }
}

/// Whether the arguments select a stopped container or an image.
pub(super) fn are_meant(arguments: &SessionArgs) -> bool {
    arguments.post_mortem || arguments.image
}

/// Whether the arguments ask for the report as data.
pub(super) fn are_data(arguments: &SessionArgs) -> bool {
    are_meant(arguments) && !arguments.detach && arguments.format == Format::Json
}
