//! Compares two JSON documents of images.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A place at which two documents differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentDifference {
    /// The place's path: `config.Env[1]`.
    pub path: String,
    /// The first document's value, if it has one there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The second document's value, if it has one there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Returns the deepest places at which two documents differ. The recursion is as deep as the documents; serde_json limits that.
#[must_use]
pub fn document_differences(before: &Value, after: &Value) -> Vec<DocumentDifference> {
    let mut found = Vec::new();
    compare(String::new(), Some(before), Some(after), &mut found);
    found
}

fn compare(path: String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<DocumentDifference>) {
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                compare(child(&path, key), old.get(key), new.get(key), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for at in 0..old.len().max(new.len()) {
                compare(format!("{path}[{at}]"), old.get(at), new.get(at), found);
            }
        }
        _ if before == after => {}
        _ => found.push(DocumentDifference { path, before: before.cloned(), after: after.cloned() }),
    }
}

/// Appends a key to a path. Quotes a key that could be read as a path itself.
fn child(path: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && !key.contains(['.', '[', ']', '"']);
    match (is_plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key:?}]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_has_its_path() {
        let cases = [
            (json!({"a": 1, "b": [1, {"c": 2}]}), json!({"b": [1, {"c": 2}], "a": 1}), vec![]),
            (
                json!({"config": {"Env": ["A=1", "B=2"]}}),
                json!({"config": {"Env": ["A=1", "B=3"]}}),
                vec!["config.Env[1]: \"B=2\", \"B=3\""],
            ),
            (json!({"a": [1]}), json!({"a": [1, 2]}), vec!["a[1]: -, 2"]),
            (json!({"a": [1, 2]}), json!({"a": [2]}), vec!["a[0]: 1, 2", "a[1]: 2, -"]),
            (json!({"a": 1}), json!({"b": null}), vec!["a: 1, -", "b: -, null"]),
            (json!({"a": {"b": 1}}), json!({"a": [1]}), vec!["a: {\"b\":1}, [1]"]),
            (
                json!({"Labels": {"org.example.x": "1", "": "", "plain": "2"}}),
                json!({"Labels": {"org.example.x": "2"}}),
                vec!["Labels[\"\"]: \"\", -", "Labels[\"org.example.x\"]: \"1\", \"2\"", "Labels.plain: \"2\", -"],
            ),
            (json!("a"), json!("b"), vec![": \"a\", \"b\""]),
        ];
        for (before, after, expected) in cases {
            let text = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
            let found = document_differences(&before, &after);
            let found: Vec<String> =
                found.iter().map(|one| format!("{}: {}, {}", one.path, text(&one.before), text(&one.after))).collect();
            assert_eq!(found, expected);
        }
    }
}
