//! Results as data on stdout.

use crate::terminal::shown::escaped_json;

/// A value as indented JSON; plain data has no other form.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    escaped_json(&serde_json::to_string_pretty(value).unwrap_or_default())
}
