//! `cargo xtask debug -L`

use std::sync::Arc;

use anstyle::AnsiColor;
use tierce_debug::{Error, Forward, ForwardReport, ForwardSpec, Session};

use super::Context;
use crate::cli::Format;
use crate::data::json;
use crate::{Failure, print};

/// Listens on all requested ports.
pub(super) fn listen(texts: &[String]) -> Result<Vec<Forward>, Error> {
    texts.iter().map(|text| ForwardSpec::parse(text).and_then(Forward::listen)).collect()
}

/// The command of a session that only forwards ports: `cat` waits on a stdin that stays open.
pub(super) fn idle_command() -> Vec<String> {
    vec!["cat".to_owned()]
}

impl Context<'_> {
    /// Prints the forwarded ports, and starts forwarding.
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
        session.forward(
            forwards,
            move |text| {
                if tty { terminal.warning_in_raw_mode(text) } else { terminal.warning(text) }
            },
        )?;
        Ok(())
    }
}
