//! The detach keys of a session, in docker's syntax.

use crate::Error;

/// The detach keys, one after the other. The default is docker's `ctrl-p,ctrl-q`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachKeys {
    bytes: Vec<u8>,
    text: String,
}

impl Default for DetachKeys {
    fn default() -> Self {
        DetachKeys { bytes: vec![0x10, 0x11], text: "ctrl-p,ctrl-q".to_owned() }
    }
}

impl DetachKeys {
    /// Parses keys separated by commas: a letter, or `ctrl-` with a letter or one of `@[\]^_`.
    ///
    /// # Errors
    /// A key of another form.
    pub fn parse(text: &str) -> Result<DetachKeys, Error> {
        let mut bytes = Vec::new();
        for key in text.split(',') {
            bytes.push(byte_of(key).ok_or_else(|| Error::Value {
                kind: "the detach keys",
                value: text.to_owned(),
                reason: format!("`{key}` is not a letter, nor `ctrl-` with one of a-z @ [ \\ ] ^ _"),
            })?);
        }
        Ok(DetachKeys { bytes, text: text.to_owned() })
    }

    /// The parsed text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn byte_of(key: &str) -> Option<u8> {
    match (key.as_bytes(), key.strip_prefix("ctrl-").map(str::as_bytes)) {
        // A terminal sends a key with ctrl as its lowest five bits.
        (_, Some(&[key @ (b'a'..=b'z' | b'@' | b'['..=b'_')])) => Some(key & 0x1f),
        (&[key @ 0x21..=0x7e], _) => Some(key),
        _ => None,
    }
}

/// The result of some input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Send these bytes to the program.
    Pass(Vec<u8>),
    /// Send these bytes to the program, then detach.
    Leave(Vec<u8>),
}

/// Finds the detach keys in typed bytes. Delays only bytes that may begin the keys.
#[derive(Clone, Debug)]
pub struct Keys {
    keys: Vec<u8>,
    /// The number of typed keys of the sequence.
    matched: usize,
}

impl Keys {
    /// Starts without a typed key.
    pub fn new(keys: &DetachKeys) -> Keys {
        Keys { keys: keys.bytes.clone(), matched: 0 }
    }

    /// Processes typed bytes. Drops bytes after the keys: their receiver has detached.
    pub fn typed(&mut self, bytes: &[u8]) -> Key {
        let mut pass = Vec::with_capacity(bytes.len() + self.matched);
        for &byte in bytes {
            // After a mismatch, a shorter beginning of the keys may still match: "aab" in "aaab".
            while self.matched > 0 && self.keys[self.matched] != byte {
                let shorter = (0..self.matched)
                    .rev()
                    .find(|&length| self.keys[..length] == self.keys[self.matched - length..self.matched]);
                let shorter = shorter.unwrap_or(0);
                pass.extend_from_slice(&self.keys[..self.matched - shorter]);
                self.matched = shorter;
            }
            if self.keys[self.matched] != byte {
                pass.push(byte);
                continue;
            }
            self.matched += 1;
            if self.matched == self.keys.len() {
                self.matched = 0;
                return Key::Leave(pass);
            }
        }
        Key::Pass(pass)
    }

    /// The delayed bytes at the input's end.
    pub fn rest(self) -> Vec<u8> {
        self.keys[..self.matched].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_docker_syntax() {
        for (text, expected) in [
            ("ctrl-p,ctrl-q", Some(vec![0x10, 0x11])),
            ("ctrl-@", Some(vec![0])),
            ("ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", Some(vec![0x1b, 0x1c, 0x1d, 0x1e, 0x1f])),
            ("a,B,7,~", Some(b"aB7~".to_vec())),
            ("", None),
            ("ctrl-", None),
            ("ctrl-P", None),
            ("ctrl-1", None),
            ("ctrl-a,", None),
            ("ab", None),
            ("ä", None),
            ("\x01", None),
        ] {
            assert_eq!(DetachKeys::parse(text).ok().map(|keys| keys.bytes), expected, "{text:?}");
        }
        assert_eq!(DetachKeys::parse("ctrl-p,ctrl-q").unwrap(), DetachKeys::default());
    }

    #[test]
    fn only_complete_keys_detach() {
        // The keys, typed pieces, passed bytes, whether it detaches.
        for (keys, typed, passed, leaves) in [
            ("ctrl-p,ctrl-q", &["ls\n"][..], "ls\n", false),
            ("ctrl-p,ctrl-q", &["ls\x10\x11"], "ls", true),
            ("ctrl-p,ctrl-q", &["ls\x10", "\x11gone"], "ls", true),
            ("ctrl-p,ctrl-q", &["\x10", "x", "\x11"], "\x10x\x11", false),
            ("ctrl-p,ctrl-q", &["\x10\x10\x11"], "\x10", true),
            ("ctrl-p,ctrl-q", &["\x10"], "\x10", false),
            ("a,a,b", &["a", "a", "a", "b"], "a", true),
            ("a,a,b", &["aaaa"], "aaaa", false),
            ("a,b,a,c", &["ababac"], "ab", true),
            ("ctrl-]", &["x\x1dy"], "x", true),
        ] {
            let mut scanner = Keys::new(&DetachKeys::parse(keys).unwrap());
            let (mut all, mut left) = (Vec::new(), false);
            for piece in typed {
                match scanner.typed(piece.as_bytes()) {
                    Key::Pass(bytes) => all.extend(bytes),
                    Key::Leave(bytes) => {
                        all.extend(bytes);
                        left = true;
                        break;
                    }
                }
            }
            if !left {
                all.extend(scanner.rest());
            }
            assert_eq!((String::from_utf8(all).unwrap().as_str(), left), (passed, leaves), "{keys} in {typed:?}");
        }
    }

    #[test]
    fn other_key_is_not_delayed() {
        let mut scanner = Keys::new(&DetachKeys::default());
        for byte in (0..=255).filter(|&byte| byte != 0x10) {
            assert_eq!(scanner.typed(&[byte]), Key::Pass(vec![byte]));
        }
    }
}
