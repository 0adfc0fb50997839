//! `cargo xtask debug -L`

use std::sync::Arc;

use anstyle::AnsiColor;
use tierce_debug::{Error, Forward, ForwardReport, ForwardSpec, Session};

use super::Context;
use crate::cli::Format;
use crate::image::json;
use crate::{Failure, print};

/// Listens on all ports that were asked for.
pub(super) fn listen(texts: &[String]) -> Result<Vec<Forward>, Error> {
    texts.iter().map(|text| ForwardSpec::parse(text).and_then(Forward::listen)).collect()
}

/// What a session runs that is there for its ports alone: it reads a stdin that nobody writes to.
pub(super) fn idle_command() -> Vec<String> {
    vec!["cat".to_owned()]
}

impl Context<'_> {
    /// Says where ports are forwarded from, and begins to.
    pub(super) fn forward(
        &self,
        session: &Session,
        forwards: Vec<Forward>,
        tty: bool,
        format: Format,
    ) -> Result<(), Failure> {
        if format == Format::Json && !forwards.is_empty() {
            let reports: Vec<ForwardReport> = forwards.iter().map(|forward| forward.spec().into()).collect();
            print(&(json(&serde_json::json!({ "forwards": reports })) + "\n"))?;
        }
        for forward in &forwards {
            self.terminal.status(AnsiColor::Green, "Forwarding", &format!("{} of the container", forward.spec()));
        }
        let terminal = Arc::clone(self.terminal);
        session.forward(forwards, move |text| {
            // On a terminal in raw mode a line begins where the last one ended.
            let (before, after) = if tty { ("\r\n", "\r") } else { ("", "") };
            terminal.raw(before.as_bytes());
            terminal.warning(&format!("{text}{after}"));
        })?;
        Ok(())
    }
}
