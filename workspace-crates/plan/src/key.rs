//! Keys: the named inputs of a step's result, and their hash.
//!
//! | input | as |
//! |---|---|
//! | the kind of the action and its version | two ingredients of every step |
//! | the platform | one ingredient that every step has |
//! | the tables of Cargo.toml | one ingredient a subject, its value or its digest |
//! | the results of earlier steps | one ingredient a step, the digest of its [`Outcome`](crate::Outcome) |
//!
//! A key has no path of the host, no time and no environment variable, so it means the same on every machine.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The named inputs of a step's result. A changed one is shown by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingredients(BTreeMap<String, Ingredient>);

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Ingredient {
    /// A short text, or a digest of a longer one.
    Value(String),
    /// Many inputs of one kind by name, such as files: a change names the file.
    Parts(BTreeMap<String, String>),
}

impl Ingredients {
    /// Adds an ingredient; the value is a short text or a digest of a longer one.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.0.insert(name.into(), Ingredient::Value(value.into()));
        self
    }

    /// Adds an ingredient of parts, each with its digest.
    pub fn add_parts(&mut self, name: impl Into<String>, parts: BTreeMap<String, String>) -> &mut Self {
        self.0.insert(name.into(), Ingredient::Parts(parts));
        self
    }

    /// Hashes the ingredients.
    pub fn key(&self) -> Key {
        let mut hasher = Sha256::new();
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        };
        for (name, ingredient) in &self.0 {
            add(name);
            match ingredient {
                Ingredient::Value(value) => add(value),
                Ingredient::Parts(parts) => {
                    let lines = parts.iter().map(|(part, value)| format!("{} {part} {value}\n", part.len()));
                    add(&lines.collect::<String>());
                }
            }
        }
        Key(hex::encode(hasher.finalize()))
    }

    /// The value of an ingredient; `None` if it has parts.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Ingredient::Value(value) => Some(value),
            Ingredient::Parts(_) => None,
        }
    }

    /// The differences from an earlier set, each a short clause: the causes of a rerun.
    pub fn changes_since(&self, earlier: &Ingredients) -> Vec<String> {
        let mut changes = Vec::new();
        for (name, now) in &self.0 {
            match (earlier.0.get(name), now) {
                (None, _) => changes.push(format!("{name} is new")),
                (Some(before), now) if before == now => {}
                (Some(Ingredient::Parts(before)), Ingredient::Parts(now)) => changes.push(changed_parts(before, now)),
                (Some(Ingredient::Value(before)), Ingredient::Value(now)) if is_short(before) && is_short(now) => {
                    changes.push(format!("{name} changed: {before} -> {now}"));
                }
                (Some(_), _) => changes.push(format!("{name} changed")),
            }
        }
        changes
            .extend(earlier.0.keys().filter(|name| !self.0.contains_key(*name)).map(|name| format!("{name} is gone")));
        changes
    }
}

/// The most parts that a cause names; others are counted.
const NAMED_PARTS: usize = 3;

/// The differences between two sets of parts, as a clause.
fn changed_parts(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> String {
    let present = now.iter().filter_map(|(part, value)| match before.get(part) {
        None => Some(format!("{part} is new")),
        Some(before) if before != value => Some(format!("{part} changed")),
        Some(_) => None,
    });
    let gone = before.keys().filter(|part| !now.contains_key(*part)).map(|part| format!("{part} is gone"));
    let mut all: Vec<String> = present.chain(gone).collect();
    let others = all.len().saturating_sub(NAMED_PARTS);
    if others > 1 {
        all.truncate(NAMED_PARTS);
        all.push(format!("{others} more"));
    }
    all.join(", ")
}

/// Whether a value is shown; digests and whole texts are not.
fn is_short(value: &str) -> bool {
    value.len() < 48 && !value.contains('\n')
}

/// The hash of a step's ingredients: equal keys mean equal results.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// All 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 16 digits, for names in the daemon and for people.
    pub fn short(&self) -> &str {
        self.0.get(..16).unwrap_or(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A digest of several texts; their lengths keep `["ab", "c"]` and `["a", "bc"]` apart.
pub fn digest_of(texts: &[&str]) -> String {
    digest(texts.iter().map(|text| format!("{} {text}\n", text.len())).collect::<String>())
}

/// The SHA-256 of some bytes as lower-case hexadecimal digits.
pub fn digest(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingredients(pairs: &[(&str, &str)]) -> Ingredients {
        let mut result = Ingredients::default();
        for (name, value) in pairs {
            result.add(*name, *value);
        }
        result
    }

    #[test]
    fn key_ignores_only_the_order() {
        let key = ingredients(&[("a", "1"), ("b", "2")]).key();
        assert_eq!(key, ingredients(&[("b", "2"), ("a", "1")]).key());
        for other in
            [&[("a", "1"), ("b", "3")][..], &[("a", "1"), ("c", "2")], &[("a", "1")], &[("a1", ""), ("b", "2")]]
        {
            assert_ne!(key, ingredients(other).key(), "{other:?}");
        }
    }

    #[test]
    fn changes_name_the_ingredients() {
        let long = "x".repeat(64);
        let before = ingredients(&[("USE of media-libs/libpng", ""), ("sources", &long), ("gone", "1"), ("same", "1")]);
        let after = ingredients(&[("USE of media-libs/libpng", "apng"), ("sources", "y"), ("new", "1"), ("same", "1")]);
        assert_eq!(
            after.changes_since(&before),
            ["USE of media-libs/libpng changed:  -> apng", "new is new", "sources changed", "gone is gone"]
        );
    }

    #[test]
    fn changes_name_the_parts() {
        let files = |files: &[(&str, &str)]| {
            let mut all = Ingredients::default();
            all.add_parts("sources", files.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
            all
        };
        let before = files(&[("Cargo.lock", "1"), ("a.rs", "1"), ("b.rs", "1")]);
        for (now, expected) in [
            (files(&[("Cargo.lock", "1"), ("a.rs", "2"), ("b.rs", "1")]), vec!["a.rs changed"]),
            (files(&[("a.rs", "1"), ("b.rs", "1"), ("c.rs", "1")]), vec!["c.rs is new, Cargo.lock is gone"]),
            (
                files(&[("a.rs", "2"), ("b.rs", "2"), ("c.rs", "1"), ("d.rs", "1")]),
                vec!["a.rs changed, b.rs changed, c.rs is new, 2 more"],
            ),
            (before.clone(), vec![]),
        ] {
            assert_eq!(now.changes_since(&before), expected);
            assert_eq!(now.key() == before.key(), expected.is_empty());
        }
    }
}
