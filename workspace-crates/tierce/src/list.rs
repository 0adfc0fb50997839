//! `cargo xtask list`

use std::time::{SystemTime, UNIX_EPOCH};

use tierce_execute::{ListedImage, Session, State};
use tierce_report::megabytes;

use crate::call::Call;
use crate::cli::{ListArgs, ListFormat};
use crate::columns::columns;
use crate::data::json;
use crate::terminal::shown::one_line;
use crate::{Failure, print};

/// Lists the images of the workspace.
pub(crate) fn run(arguments: &ListArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(None)?;
    if arguments.format == ListFormat::Names {
        return Ok(print(&names(&session))?);
    }
    let images = session.list()?;
    for image in &images {
        if let State::Unknown(why) = &image.state {
            terminal.warning(&format!("failed to find out whether `{}` is fresh: {why}", image.image));
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(print(&match arguments.format {
        ListFormat::Json => json(&images) + "\n",
        _ => table(&images, now),
    })?)
}

/// Formats a line for each image, the toolbox included.
fn names(session: &Session) -> String {
    session.image_names().iter().map(|name| format!("{name}\n")).collect()
}

/// Formats columns with a head.
fn table(images: &[ListedImage], now: u64) -> String {
    let mut rows = vec![["IMAGE", "STATE", "SIZE", "BUILT", "IN DAEMON", "TABLE", "PACKAGES"].map(str::to_owned)];
    rows.extend(images.iter().map(|image| row(image, now).map(|cell| one_line(&cell))));
    columns(&rows)
}

fn row(image: &ListedImage, now: u64) -> [String; 7] {
    let state = match &image.state {
        State::NotBuilt => "not built",
        State::Fresh => "fresh",
        State::Changed(_) => "changed",
        State::Unknown(_) => "unknown",
    };
    let none = || "-".to_owned();
    let built = image.built.as_ref();
    let in_daemon = built.map_or_else(none, |built| match built.in_daemon {
        Some(true) => image.references.join(", "),
        Some(false) => "no".to_owned(),
        None => "unknown".to_owned(),
    });
    [
        image.image.clone(),
        state.to_owned(),
        built.map_or_else(none, |built| megabytes(built.size)),
        built.map_or_else(none, |built| ago(now.saturating_sub(built.packed))),
        in_daemon,
        image.table.clone(),
        if image.packages.is_empty() { none() } else { image.packages.join(", ") },
    ]
}

/// Formats a past time in its largest unit.
fn ago(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_execute::Built;

    #[test]
    fn images_are_listed_in_columns() {
        let image = |name: &str, state, built| ListedImage {
            image: name.into(),
            table: format!("images/{name}/Cargo.toml:9"),
            program: Some(name.into()),
            packages: Vec::new(),
            references: vec![format!("{name}:latest"), format!("{name}:1")],
            state,
            built,
        };
        let built = |packed, in_daemon| Some(Built { id: "sha256:0".into(), size: 2_700_000, packed, in_daemon });
        let images = [
            image("hello", State::Fresh, built(940, Some(true))),
            image("web", State::Changed("compile".into()), built(0, Some(false))),
            ListedImage { packages: vec!["a/b".into(), "c/d[e]".into()], ..image("x", State::NotBuilt, None) },
        ];
        insta::assert_snapshot!(table(&images, 1000), @"
        IMAGE  STATE      SIZE    BUILT           IN DAEMON              TABLE                      PACKAGES
        hello  fresh      2.7 MB  1 minute ago    hello:latest, hello:1  images/hello/Cargo.toml:9  -
        web    changed    2.7 MB  16 minutes ago  no                     images/web/Cargo.toml:9    -
        x      not built  -       -               -                      images/x/Cargo.toml:9      a/b, c/d[e]
        ");
    }

    #[test]
    fn times_are_told_in_their_largest_unit() {
        for (seconds, text) in [
            (59, "just now"),
            (60, "1 minute ago"),
            (7199, "1 hour ago"),
            (7200, "2 hours ago"),
            (200_000, "2 days ago"),
        ] {
            assert_eq!(ago(seconds), text);
        }
    }
}
