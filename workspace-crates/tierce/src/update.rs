//! `cargo xtask update`

use anstyle::AnsiColor;
use tierce_execute::LockUpdate;

use crate::call::Call;
use crate::cli::{Format, UpdateArgs};
use crate::data::json;
use crate::{Failure, print};

/// Updates Tierce.lock and prints the changes.
pub(crate) fn run(arguments: &UpdateArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(None)?;
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

/// Summarises the changes in a line.
fn summary(update: &LockUpdate) -> String {
    match (update.changes.len(), update.changed) {
        (_, false) => "nothing changes".into(),
        (0, true) => "new inputs without a change of versions".into(),
        (1, true) => "1 change".into(),
        (n, true) => format!("{n} changes"),
    }
}
