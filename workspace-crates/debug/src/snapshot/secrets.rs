//! Masks secrets before any other use of a text: first those that a name or their own form gives away, then every copy of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::find::{self, MASK, is_secret};

/// The minimum length in bytes of a secret that is masked in other texts: `yes` and `1234` are in every text.
const TELLING: usize = 6;

/// The known secrets.
#[derive(Debug, Default)]
pub(crate) struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Learns the secrets of variables, `NAME=value` with a NUL each, as in `/proc/pid/environ`. Returns the masked variables,
    /// one a line.
    pub(crate) fn environment(&mut self, bytes: &[u8]) -> String {
        words(bytes).map(|word| self.variable(&word) + "\n").collect()
    }

    /// Learns the secrets of a command line with a NUL after each word, as in `/proc/pid/cmdline`. Returns the masked words, one
    /// a line.
    pub(crate) fn command_line(&mut self, bytes: &[u8]) -> String {
        let words: Vec<String> = words(bytes).collect();
        self.words(&words).into_iter().map(|word| word + "\n").collect()
    }

    /// Learns and masks the secrets of a JSON text.
    pub(crate) fn json(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                const NAMES: [&str; 5] = ["name", "Name", "key", "Key", "variable"];
                let paired = NAMES.iter().find_map(|name| fields.get(*name)?.as_str());
                let is_pair = paired.is_some_and(is_secret);
                for (name, mut value) in std::mem::take(fields) {
                    let is_value = is_pair && name.eq_ignore_ascii_case("value");
                    let is_name = is_pair && NAMES.contains(&name.as_str());
                    if is_value || (is_secret(&name) && !is_name) {
                        self.everything(&mut value)
                    } else {
                        self.json(&mut value)
                    }
                    fields.insert(self.learn_from(&name), value);
                }
            }
            Value::Array(values) if values.iter().all(Value::is_string) => {
                let words: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                *values = self.words(&words).into_iter().map(Value::String).collect();
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            Value::String(text) => *text = self.learn_from(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Masks the secrets of any other text: known ones, and those that the text itself marks.
    pub(crate) fn text(&self, text: &str) -> String {
        // In this order: a known secret may contain characters that end a value.
        find::mask(&self.known(text), &mut |_| {})
    }

    /// Masks the secrets of a serialized document whose strings are masked already: copies, and keys.
    pub(crate) fn document(&self, text: &str) -> String {
        find::mask_shapes(&self.known(text))
    }

    /// Masks the known secrets.
    pub(crate) fn known(&self, text: &str) -> String {
        // The longest first: a secret may be a part of another.
        let mut known: Vec<&String> = self.0.iter().collect();
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        known.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }

    /// Masks every string of a value with a secret name.
    fn everything(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => *text = self.secret(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.everything(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.everything(value)),
            Value::Number(_) => *value = MASK.into(),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Masks words of a command line, or variables. The word after an option with a secret name is its value.
    pub(crate) fn words(&mut self, words: &[String]) -> Vec<String> {
        let texts: Vec<&str> = words.iter().map(String::as_str).collect();
        let in_options = find::in_words(&texts);
        let mut takes_value = false;
        let mask = |(index, word): (usize, &String)| {
            let own = in_options.iter().find(|(at, _)| *at == index).map(|(_, range)| range.clone());
            let masked = match own {
                _ if takes_value && !word.starts_with('-') => self.secret(word),
                Some(range) => {
                    let secret = self.secret(&word[range.clone()]);
                    format!("{}{secret}{}", self.learn_from(&word[..range.start]), &word[range.end..])
                }
                None => self.variable(word),
            };
            // An option, or the name in `configure set NAME VALUE`.
            let is_before_value = word.starts_with('-') || index.checked_sub(1).is_some_and(|at| words[at] == "set");
            takes_value = is_before_value && !word.contains('=') && is_secret(word);
            masked
        };
        words.iter().enumerate().map(mask).collect()
    }

    /// Masks `NAME=value`, `--name=value`, `name:value`, or any word. The whole value is the secret, with any characters.
    pub(crate) fn variable(&mut self, word: &str) -> String {
        match word.split_once('=') {
            Some((name, value))
                if is_name(name) && is_secret(name) && !value.is_empty() && !is_path_of(name, value) =>
            {
                format!("{name}={}", self.secret(value))
            }
            Some((name, value)) if is_name(name) && is_path_of(name, value) => format!("{name}={}", self.known(value)),
            _ => self.learn_from(word),
        }
    }

    fn learn_from(&mut self, text: &str) -> String {
        find::mask(text, &mut |secret| self.learn(secret))
    }

    fn secret(&mut self, value: &str) -> String {
        // The password of a URL in it may appear alone elsewhere.
        let _ = self.learn_from(value);
        self.learn(value);
        MASK.to_owned()
    }

    /// Remembers a secret, each line of a secret with several lines, such as a private key, and their forms in other texts.
    fn learn(&mut self, secret: &str) {
        let parts = secret.lines().map(str::trim).chain([secret.trim()]);
        for part in parts.filter(|part| part.len() >= TELLING && !MASK.contains(part) && !is_ordinary(part)) {
            self.0.extend([part.to_owned(), in_json(part), in_address(part), base64(part)]);
        }
    }
}

/// Whether the variable names a file or a socket that has the secret, or that is one's: `DB_PASSWORD_FILE=/run/secrets/db`.
fn is_path_of(name: &str, value: &str) -> bool {
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or_default().to_ascii_uppercase();
    ["FILE", "PATH", "DIR", "SOCK", "SOCKET"].contains(&last.as_str()) && value.starts_with('/')
}

/// Values of settings with secret names that are words of any text.
fn is_ordinary(value: &str) -> bool {
    ["enabled", "disabled", "required", "optional", "default", "unknown", "localhost", "password", "postgres"]
        .contains(&value)
}

/// The text as JSON has it in a string.
fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or(&quoted).to_owned()
}

/// The text as an address has it: RFC 3986, section 2.1.
fn in_address(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => String::from(char::from(byte)),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The text in base64 (RFC 4648, section 4), without padding.
fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let number = (0..3).fold(0_usize, |number, at| number << 8 | usize::from(*bytes.get(at).unwrap_or(&0)));
        let letter = move |at: usize| char::from(LETTERS[number >> (18 - 6 * at) & 63]);
        (0..=bytes.len()).map(letter).collect::<String>()
    };
    text.as_bytes().chunks(3).map(group).collect()
}

/// The words of a NUL-separated list.
fn words(bytes: &[u8]) -> impl Iterator<Item = String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let parts = bytes.split(|&byte| byte == 0).filter(|_| !bytes.is_empty());
    parts.map(|word| String::from_utf8_lossy(word).into_owned())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter))
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
