//! `cargo xtask clean`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anstyle::AnsiColor;
use tierce_execute::{Cleaned, Kind, Scope, megabytes};

use crate::cli::{CleanArgs, Format, Global};
use crate::image::json;
use crate::terminal::Terminal;
use crate::{Failure, print, session};

/// Removes what can be made again, or lists it.
pub(crate) fn run(
    arguments: &CleanArgs,
    global: &Global,
    terminal: &Terminal,
    interrupted: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let session = session(global, terminal, interrupted)?;
    let scope = Scope {
        images: arguments.images || arguments.all,
        builder: arguments.builder || arguments.all,
        cache: arguments.cache || arguments.all,
    };
    let cleaned = session.clean(scope, arguments.dry_run, &|event| terminal.show(event))?;
    if !arguments.dry_run {
        for one in &cleaned {
            match &one.kept {
                None => terminal.status(AnsiColor::Green, "Removed", &line(one)),
                Some(why) => terminal.status(AnsiColor::Yellow, "Kept", &format!("{}: {why}", line(one))),
            }
        }
        terminal.status(AnsiColor::Green, "Freed", &megabytes(freed(&cleaned)));
    }
    match (arguments.format, arguments.dry_run) {
        (Format::Json, _) => print(&(json(&cleaned) + "\n"))?,
        (Format::Text, true) => print(&cleaned.iter().map(|one| line(one) + "\n").collect::<String>())?,
        (Format::Text, false) => {}
    }
    Ok(())
}

fn freed(cleaned: &[Cleaned]) -> u64 {
    cleaned.iter().filter(|one| one.kept.is_none()).filter_map(|one| one.bytes).sum()
}

/// What it is, its name and its size.
fn line(one: &Cleaned) -> String {
    let kind = match one.kind {
        Kind::Leftover => "leftover",
        Kind::Container => "container",
        Kind::Image => "image",
        Kind::Root => "ROOT",
        Kind::Builder => "builder",
        Kind::Cache => "cache",
    };
    let size = one.bytes.map(|bytes| format!(" ({})", megabytes(bytes))).unwrap_or_default();
    format!("{kind} {}{size}", one.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_gone_counts_as_freed() {
        let one =
            |kind, bytes, kept: Option<&str>| Cleaned { kind, name: "x".into(), bytes, kept: kept.map(str::to_owned) };
        let all = [
            one(Kind::Image, Some(3_000_000), None),
            one(Kind::Root, Some(5), Some("in use")),
            one(Kind::Leftover, None, None),
        ];
        assert_eq!(freed(&all), 3_000_000);
        let lines: Vec<String> = all.iter().map(line).collect();
        assert_eq!(lines, ["image x (3.0 MB)", "ROOT x (5 B)", "leftover x"]);
    }
}
