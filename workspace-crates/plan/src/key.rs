//! Keys: what a step's result depends on, by name and hashed.
//!
//! | enters a key | as |
//! |---|---|
//! | the kind of the action and its version | two ingredients that every step has |
//! | the platform | one ingredient that every step has |
//! | what the tables of Cargo.toml ask for | one ingredient a subject, its value or its digest |
//! | the results of the steps before | one ingredient a step, the digest of its [`Outcome`](crate::Outcome) |
//!
//! No path of the host, clock or environment variable enters one, so a key means the same on every machine.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The named things that a step's result depends on. The names are shown when one of them changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingredients(BTreeMap<String, Ingredient>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Ingredient {
    /// Short text, or a digest of something longer.
    Value(String),
    /// Many things of one kind by name, such as files, so that a change names the one that changed.
    Parts(BTreeMap<String, String>),
}

impl Ingredients {
    /// Adds one ingredient; the value is short text or a digest of something longer.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.0.insert(name.into(), Ingredient::Value(value.into()));
        self
    }

    /// Adds an ingredient of many parts, each with its digest.
    pub fn add_parts(&mut self, name: impl Into<String>, parts: BTreeMap<String, String>) -> &mut Self {
        self.0.insert(name.into(), Ingredient::Parts(parts));
        self
    }

    /// The key that these ingredients make.
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
        Key(hex(&hasher.finalize()))
    }

    /// The value of one ingredient, if it is one value.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Ingredient::Value(value) => Some(value),
            Ingredient::Parts(_) => None,
        }
    }

    /// What differs from an earlier set, each as a short clause: the cause of a rerun.
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

/// How many parts a cause names before it counts the others.
const NAMED_PARTS: usize = 3;

/// What differs between two sets of parts.
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
        all.push(format!("{others} more like these"));
    }
    all.join(", ")
}

/// Whether a value says something to a reader; digests and whole texts do not.
fn is_short(value: &str) -> bool {
    value.len() < 48 && !value.contains('\n')
}

/// The hash of a step's ingredients: equal keys, equal results.
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

/// The SHA-256 of some bytes as lower-case hexadecimal digits.
pub fn digest(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes.as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    fn a_key_depends_on_names_values_and_their_boundaries_but_not_on_order() {
        let key = ingredients(&[("a", "1"), ("b", "2")]).key();
        assert_eq!(key, ingredients(&[("b", "2"), ("a", "1")]).key());
        for other in
            [&[("a", "1"), ("b", "3")][..], &[("a", "1"), ("c", "2")], &[("a", "1")], &[("a1", ""), ("b", "2")]]
        {
            assert_ne!(key, ingredients(other).key(), "{other:?}");
        }
    }

    #[test]
    fn changes_name_what_differs() {
        let long = "x".repeat(64);
        let before = ingredients(&[("USE of media-libs/libpng", ""), ("sources", &long), ("gone", "1"), ("same", "1")]);
        let after = ingredients(&[("USE of media-libs/libpng", "apng"), ("sources", "y"), ("new", "1"), ("same", "1")]);
        assert_eq!(
            after.changes_since(&before),
            ["USE of media-libs/libpng changed:  -> apng", "new is new", "sources changed", "gone is gone"]
        );
    }

    #[test]
    fn changed_parts_are_named() {
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
                vec!["a.rs changed, b.rs changed, c.rs is new, 2 more like these"],
            ),
            (before.clone(), vec![]),
        ] {
            assert_eq!(now.changes_since(&before), expected);
            assert_eq!(now.key() == before.key(), expected.is_empty());
        }
    }
}
