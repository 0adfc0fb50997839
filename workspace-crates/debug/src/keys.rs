//! The keys that leave a session without ending it, in docker's syntax.

use crate::Error;

/// The keys that leave a session, one after the other. `ctrl-p,ctrl-q` if nothing else is said, as docker has it.
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
    /// Reads keys that are separated by commas: a letter, or `ctrl-` with a letter or one of `@[\]^_`.
    ///
    /// # Errors
    /// A key of another form.
    pub fn parse(text: &str) -> Result<DetachKeys, Error> {
        let mut bytes = Vec::new();
        for key in text.split(',') {
            bytes.push(byte_of(key).ok_or_else(|| Error::Value {
                what: "the detach keys",
                value: text.to_owned(),
                reason: format!("`{key}` is not a letter, nor `ctrl-` with one of a-z @ [ \\ ] ^ _"),
            })?);
        }
        Ok(DetachKeys { bytes, text: text.to_owned() })
    }

    /// The text that they were read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn byte_of(key: &str) -> Option<u8> {
    match (key.as_bytes(), key.strip_prefix("ctrl-").map(str::as_bytes)) {
        // What a terminal makes of a key with ctrl: the lowest five bits.
        (_, Some(&[key @ (b'a'..=b'z' | b'@' | b'['..=b'_')])) => Some(key & 0x1f),
        (&[key @ 0x21..=0x7e], _) => Some(key),
        _ => None,
    }
}

/// What is to be done about some input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// These bytes go to the program.
    Pass(Vec<u8>),
    /// Leave, once these bytes have gone to the program.
    Leave(Vec<u8>),
}

/// Finds the keys in what is typed. What may be their beginning waits until the next byte tells; nothing else does.
#[derive(Clone, Debug)]
pub struct Keys {
    keys: Vec<u8>,
    /// How many of them have been typed.
    matched: usize,
}

impl Keys {
    /// From now on.
    pub fn new(keys: &DetachKeys) -> Keys {
        Keys { keys: keys.bytes.clone(), matched: 0 }
    }

    /// Takes what was typed. What follows the keys is dropped: it was typed for nobody.
    pub fn typed(&mut self, bytes: &[u8]) -> Key {
        let mut pass = Vec::with_capacity(bytes.len() + self.matched);
        for &byte in bytes {
            // After keys that were begun in vain, a shorter beginning of them may still hold: "aab" in "aaab".
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

    /// What still waited when the input ended.
    pub fn rest(self) -> Vec<u8> {
        self.keys[..self.matched].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_docker_reads_them() {
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
    fn only_the_whole_keys_leave_and_nothing_else_is_lost() {
        // The keys, what is typed piece by piece, what passes, whether it leaves.
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
    fn a_key_that_begins_nothing_does_not_wait() {
        let mut scanner = Keys::new(&DetachKeys::default());
        for byte in (0..=255).filter(|&byte| byte != 0x10) {
            assert_eq!(scanner.typed(&[byte]), Key::Pass(vec![byte]));
        }
    }
}
