//! Secrets are masked before anything else is done with a text: those that a name, a URL or a header gives away, and then
//! wherever the same value shows up again.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names::is_secret;
use super::text;

/// What stands for a secret.
pub(super) const MASK: &str = "[masked]";

/// How long a secret has to be to be looked for everywhere else, in bytes: `yes` and `1234` are in every text.
const TELLING: usize = 6;

/// The secrets that were found so far.
#[derive(Debug, Default)]
pub(crate) struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Learns the secrets of variables, `NAME=value` each with a NUL behind it as in `/proc/pid/environ`. Gives them masked, one
    /// a line.
    pub(crate) fn environment(&mut self, bytes: &[u8]) -> String {
        words(bytes).map(|word| self.variable(&word) + "\n").collect()
    }

    /// Learns the secrets of a command line, a NUL behind each word as in `/proc/pid/cmdline`. Gives it masked, a word a line.
    pub(crate) fn command_line(&mut self, bytes: &[u8]) -> String {
        let words: Vec<String> = words(bytes).collect();
        self.words(&words).into_iter().map(|word| word + "\n").collect()
    }

    /// Learns and masks the secrets of a JSON text.
    pub(crate) fn json(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if is_secret(name) { self.everything(value) } else { self.json(value) }
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

    /// Masks the secrets of any other text: those that are known, and those that it gives away itself.
    pub(crate) fn text(&self, text: &str) -> String {
        // In this order: a secret may have characters at which a value ends elsewhere.
        text::mask(&self.known(text), &mut |_| {})
    }

    /// Masks the secrets that are known.
    pub(crate) fn known(&self, text: &str) -> String {
        // The longest first: one may be a part of another.
        let mut known: Vec<&String> = self.0.iter().collect();
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        known.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }

    /// Masks every string of a value whose name says that it is secret.
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

    /// Words of a command line, or variables: an option with a secret name takes the word behind it for its value.
    pub(crate) fn words(&mut self, words: &[String]) -> Vec<String> {
        let mut takes_value = false;
        let mask = |word: &String| {
            let masked = match takes_value && !word.starts_with('-') {
                true => self.secret(word),
                false => self.variable(word),
            };
            takes_value = word.starts_with('-') && !word.contains('=') && is_secret(word);
            masked
        };
        words.iter().map(mask).collect()
    }

    /// `NAME=value`, `--name=value`, or any word: all of the value is the secret, whatever characters it has.
    pub(crate) fn variable(&mut self, word: &str) -> String {
        match word.split_once('=') {
            Some((name, value)) if is_name(name) && is_secret(name) && !value.is_empty() => {
                format!("{name}={}", self.secret(value))
            }
            _ => self.learn_from(word),
        }
    }

    fn learn_from(&mut self, text: &str) -> String {
        text::mask(text, &mut |secret| self.learn(secret))
    }

    fn secret(&mut self, value: &str) -> String {
        // A URL in it may be written elsewhere with its password alone.
        let _ = self.learn_from(value);
        self.learn(value);
        MASK.to_owned()
    }

    /// Remembers a secret; one of several lines, such as a private key, also by each of its lines.
    fn learn(&mut self, secret: &str) {
        let parts = secret.lines().map(str::trim).chain([secret.trim()]);
        self.0.extend(parts.filter(|part| part.len() >= TELLING).map(str::to_owned));
    }
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
mod tests {
    use super::*;

    #[test]
    fn variables() {
        for (variables, expected) in [
            ("", ""),
            ("MODE=fast\0PORT=80\0", "MODE=fast\nPORT=80\n"),
            ("DB_PASSWORD=a b=c\0MODE=fast\0", "DB_PASSWORD=[masked]\nMODE=fast\n"),
            ("TLS_KEY=-----BEGIN\nabcdef\n-----END\n\0A=1\0", "TLS_KEY=[masked]\nA=1\n"),
            ("TOKEN=\0", "TOKEN=\n"),
            ("DATABASE_URL=postgres://web:hunter2@db/x?a=b\0", "DATABASE_URL=postgres://web:[masked]@db/x?a=b\n"),
            ("HEADER=Authorization: Bearer abc.def\0", "HEADER=Authorization: [masked]\n"),
            ("broken\0=x\0", "broken\n=x\n"),
            ("PWD=/srv\0OLDPWD=/\0", "PWD=/srv\nOLDPWD=/\n"),
            ("A=\u{fffd}\0", "A=\u{fffd}\n"),
        ] {
            assert_eq!(Secrets::default().environment(variables.as_bytes()), expected, "{variables:?}");
        }
    }

    #[test]
    fn command_lines() {
        for (words, expected) in [
            ("web --port 80", "web --port 80"),
            ("web --password hunter2 --port 80", "web --password [masked] --port 80"),
            ("web --password=hunter2", "web --password=[masked]"),
            ("web --api-key --port 80", "web --api-key --port 80"),
            ("web -token abc", "web -token [masked]"),
            ("web https://u:p@host/", "web https://u:[masked]@host/"),
            ("curl -H Authorization:x", "curl -H Authorization:[masked]"),
            ("env SECRET_KEY=abc web", "env SECRET_KEY=[masked] web"),
        ] {
            let bytes = words.replace(' ', "\0") + "\0";
            let masked = Secrets::default().command_line(bytes.as_bytes());
            assert_eq!(masked.trim_end().replace('\n', " "), expected);
        }
    }

    #[test]
    fn documents() {
        let mut value = serde_json::json!({
            "Config": {
                "Env": ["PATH=/bin", "API_TOKEN=abc def"],
                "Cmd": ["web", "--password", "hunter2"],
                "Labels": { "db.password": "x", "title": "redis://:pw@host" },
                "ApiKey": { "nested": ["y", 7, null, true] },
            },
            "Pid": 7,
        });
        Secrets::default().json(&mut value);
        let expected = serde_json::json!({
            "Config": {
                "Env": ["PATH=/bin", "API_TOKEN=[masked]"],
                "Cmd": ["web", "--password", "[masked]"],
                "Labels": { "db.password": "[masked]", "title": "redis://:[masked]@host" },
                "ApiKey": { "nested": ["[masked]", "[masked]", null, true] },
            },
            "Pid": 7,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_known_secret_is_masked_wherever_it_shows() {
        let mut secrets = Secrets::default();
        secrets.environment(
            b"DB_PASSWORD=hunter22\0PIN_TOKEN=123\0TLS_KEY=BEGIN\nline-of-key\nEND\0URL=http://u:inner-pass@h\0X_KEY=with,comma&more\0",
        );
        for (text, expected) in [
            ("failed to log in with hunter22!", "failed to log in with [masked]!"),
            ("123 is in every text", "123 is in every text"),
            ("line-of-key", "[masked]"),
            ("the inner-pass alone", "the [masked] alone"),
            ("password: other", "password: [masked]"),
            ("password=with,comma&more", "password=[masked]"),
        ] {
            assert_eq!(secrets.text(text), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_hides_a_known_secret(secret in ".{6,20}", before in ".*", after in ".*") {
            let mut secrets = Secrets::default();
            let variables = secrets.environment(format!("API_TOKEN={secret}\0").as_bytes());
            proptest::prop_assume!(!secret.contains('\0') && secret.trim().len() >= TELLING);
            proptest::prop_assert_eq!(variables, "API_TOKEN=[masked]\n");
            let masked = secrets.text(&format!("{before}{secret}{after}"));
            // What stands around it may happen to be the same.
            let planted = before.contains(secret.trim()) || after.contains(secret.trim()) || MASK.contains(secret.trim());
            proptest::prop_assert!(planted || !masked.contains(secret.trim()), "{}", masked);
        }
    }
}
