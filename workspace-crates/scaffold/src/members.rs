//! The lists `members` and `exclude` of a workspace.

use globset::{GlobBuilder, GlobMatcher};
use toml::Value;

use crate::Error;
use crate::edit::Edit;

/// Adds a folder unless a pattern of the list matches it. Returns whether it was added.
///
/// # Errors
/// [`Error::Form`] if `members` is not a list.
pub(crate) fn add_member(edit: &mut Edit, folder: &str) -> Result<bool, Error> {
    let is_missing = !is_member(edit, folder);
    if is_missing {
        edit.push(&["workspace"], "members", folder)?;
    }
    Ok(is_missing)
}

/// Excludes a folder unless the list has it. Returns whether it was added.
///
/// # Errors
/// [`Error::Form`] if `exclude` is not a list.
pub(crate) fn exclude(edit: &mut Edit, folder: &str) -> Result<bool, Error> {
    let is_missing = !lists(edit, "exclude", folder);
    if is_missing {
        edit.push(&["workspace"], "exclude", folder)?;
    }
    Ok(is_missing)
}

/// Whether one of the workspace's lists has the folder's own name. Cargo excludes no folder that `members` names in full.
pub(crate) fn lists(edit: &Edit, list: &str, folder: &str) -> bool {
    let items = edit.get(&["workspace", list]).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).any(|item| plain(item) == folder)
}

/// Whether a pattern of `members` matches a folder.
pub(crate) fn is_member(edit: &Edit, folder: &str) -> bool {
    let Some(Value::Array(members)) = edit.get(&["workspace", "members"]) else { return false };
    let glob = |pattern: &str| -> Option<GlobMatcher> {
        Some(GlobBuilder::new(plain(pattern)).literal_separator(true).build().ok()?.compile_matcher())
    };
    members.iter().filter_map(Value::as_str).filter_map(glob).any(|glob| glob.is_match(folder))
}

fn plain(path: &str) -> &str {
    path.trim_start_matches("./").trim_end_matches('/')
}
