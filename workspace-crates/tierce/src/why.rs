//! `cargo xtask why`

use serde::Serialize;
use tierce_execute::{Error, ErrorKind};
use tierce_report::{ContentEntry, Contents, megabytes};
use tierce_rootfs::Reason;

use crate::call::Call;
use crate::cli::{Format, WhyArgs};
use crate::data::json;
use crate::terminal::shown::one_line;
use crate::{Failure, print};

/// Prints the reason of a file, or of every file in a folder.
pub(crate) fn run(arguments: &WhyArgs, call: &Call<'_>) -> Result<(), Failure> {
    let session = call.session(None)?;
    let contents = session.contents(&arguments.image)?;
    let wanted = format!("/{}", arguments.path.trim_matches('/'));
    let below = format!("{}/", wanted.trim_end_matches('/'));
    let is_file = |path: &str| contents.entries.get(path).is_some_and(|entry| entry.size.is_some());
    let mut paths: Vec<&str> = Vec::new();
    for path in contents.entries.keys() {
        if *path == wanted || (path.starts_with(&below) && (is_file(path) || contents.entries[path].owner.is_some())) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        let message = format!("the image `{}` has no `{wanted}`", arguments.image);
        return Err(Error::new(ErrorKind::Other, message).into());
    }
    Ok(print(&match arguments.format {
        Format::Text => paths.iter().map(|path| explain(&contents, path)).collect::<Vec<_>>().join("\n"),
        Format::Json => json(&data(&contents, &paths)) + "\n",
    })?)
}

/// Formats a file, and the chain from a program to it, one line a link.
fn explain(contents: &Contents, path: &str) -> String {
    let mut text = one_line(path);
    if let Some(entry) = contents.entries.get(path) {
        let size = entry.size.map(megabytes);
        let facts = [size, entry.owner.as_deref().map(one_line), Some(format!("layer {}", entry.layer))];
        text.push_str(&format!("  ({})", facts.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    text.push('\n');
    for (path, reason) in contents.closure.chain(path).into_iter().rev() {
        text.push_str(&format!("  {}\n", one_line(&format!("{path}: {reason}"))));
    }
    text
}

/// A path of an image, and the reason why it is there.
#[derive(Serialize)]
pub(crate) struct Explanation<'c> {
    /// The path.
    path: &'c str,
    /// Its size, owner and layer.
    file: Option<&'c ContentEntry>,
    /// The links that lead to it from a program or a key, the path itself last.
    chain: Vec<ChainLink<'c>>,
}

/// One link of the chain from a path to a program or a key.
#[derive(Serialize)]
pub(crate) struct ChainLink<'c> {
    /// A path of the image.
    path: &'c str,
    /// The reason why it is in the image.
    reason: &'c Reason,
}

/// The same as data.
fn data<'c>(contents: &'c Contents, paths: &[&'c str]) -> Vec<Explanation<'c>> {
    let chain =
        |path| contents.closure.chain(path).into_iter().map(|(path, reason)| ChainLink { path, reason }).collect();
    paths.iter().map(|path| Explanation { path, file: contents.entries.get(*path), chain: chain(path) }).collect()
}
