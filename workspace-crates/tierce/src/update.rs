//! `cargo xtask update`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anstyle::AnsiColor;
use tierce_execute::LockUpdate;

use crate::cli::{Format, Global, UpdateArgs};
use crate::image::json;
use crate::terminal::Terminal;
use crate::{Failure, print, session};

/// Resolves anew and says what that changes.
pub(crate) fn run(
    arguments: &UpdateArgs,
    global: &Global,
    terminal: &Terminal,
    interrupted: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let session = session(global, terminal, interrupted)?;
    let update = session.update(&arguments.what, arguments.dry_run, &|event| terminal.show(event))?;
    terminal.close();
    for change in &update.changes {
        terminal.lock_change(change);
    }
    terminal.status(AnsiColor::Green, "Locked", &summary(&update));
    if update.changed && arguments.dry_run {
        terminal.warning("Tierce.lock is left as it is, because of --dry-run");
    }
    match arguments.format {
        Format::Text => Ok(()),
        Format::Json => Ok(print(&(json(&update) + "\n"))?),
    }
}

/// How much has changed, in a line.
fn summary(update: &LockUpdate) -> String {
    match (update.changes.len(), update.changed) {
        (_, false) => "nothing changes".into(),
        (0, true) => "what is asked for, and no version changes".into(),
        (1, true) => "1 change".into(),
        (n, true) => format!("{n} changes"),
    }
}
