//! `cargo xtask clean`

use anstyle::AnsiColor;
use tierce_execute::{Cleaned, Kind, Scope};
use tierce_report::megabytes;

use crate::call::Call;
use crate::cli::{CleanArgs, Format};
use crate::data::json;
use crate::terminal::shown::one_line;
use crate::{Failure, print};

/// Removes images, builders and cached files, or lists them.
pub(crate) fn run(arguments: &CleanArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(None)?;
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

/// The kind, the name and the size of a removed object.
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
    format!("{kind} {}{size}", one_line(&one.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_bytes_count_removed_objects_only() {
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
