//! `cargo xtask why`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tierce_execute::{Contents, megabytes};
use tierce_rootfs::Reason;

use crate::cli::{Format, Global, WhyArgs};
use crate::image::json;
use crate::terminal::Terminal;
use crate::{Failure, print, session};

/// Says why a file, or every file below a folder, is in an image.
pub(crate) fn run(
    arguments: &WhyArgs,
    global: &Global,
    terminal: &Terminal,
    interrupted: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let session = session(global, terminal, interrupted)?;
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
        return Err(tierce_execute::Error::NotInImage { image: arguments.image.clone(), path: wanted }.into());
    }
    Ok(print(&match arguments.format {
        Format::Text => paths.iter().map(|path| explain(&contents, path)).collect::<Vec<_>>().join("\n"),
        Format::Json => json(&data(&contents, &paths)) + "\n",
    })?)
}

/// A file, and what leads to it from a program, a line each.
fn explain(contents: &Contents, path: &str) -> String {
    let mut text = path.to_owned();
    if let Some(entry) = contents.entries.get(path) {
        let size = entry.size.map(megabytes);
        let facts = [size, entry.owner.clone(), Some(format!("layer {}", entry.layer))];
        text.push_str(&format!("  ({})", facts.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    text.push('\n');
    for (path, reason) in contents.closure.chain(path).into_iter().rev() {
        text.push_str(&format!("  {path}: {reason}\n"));
    }
    text
}

/// The same as data.
fn data(contents: &Contents, paths: &[&str]) -> serde_json::Value {
    let link = |(path, reason): (&str, &Reason)| serde_json::json!({ "path": path, "reason": reason });
    let one = |path: &&str| {
        let chain: Vec<_> = contents.closure.chain(path).into_iter().map(link).collect();
        serde_json::json!({ "path": path, "file": contents.entries.get(*path), "chain": chain })
    };
    paths.iter().map(one).collect()
}
