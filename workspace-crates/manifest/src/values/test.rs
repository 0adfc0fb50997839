//! The values of tests: names, regular expressions, the parts of a request, and capabilities.

use std::{fmt, str::FromStr};

use regex_automata::{meta, util::syntax};

use super::checked_text;
use crate::error::Fault;

checked_text! {
    /// The name of a test: letters, digits, `_`, `.` and `-`, starting with a letter or a digit; at most 64 characters.
    /// Names of files contain it.
    TestName, check_test_name
}

fn check_test_name(text: &str) -> Result<(), Fault> {
    let is_clean = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if is_clean && text.len() <= 64 && text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a name for a test", text.escape_debug()), "not a test's name")
        .help("write at most 64 letters, digits, `_`, `.` and `-`; the first is a letter or a digit"))
}

/// The size limit of a compiled expression, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// A regular expression over bytes. The time to match is linear in the length of the input.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: meta::Regex,
}

impl Pattern {
    /// Returns the expression, as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the expression matches somewhere in `bytes`.
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }
}

impl FromStr for Pattern {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let syntax = syntax::Config::new().unicode(false).utf8(false).multi_line(true);
        let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(PATTERN_SIZE));
        let built = meta::Builder::new().syntax(syntax).configure(config).build(text);
        let regex = built.map_err(|error| {
            let why = match error.syntax_error() {
                // The last line names the problem. The lines before it draw a caret, as the error itself does.
                Some(error) => error.to_string().lines().last().unwrap_or_default().replace("error: ", ""),
                None if error.size_limit().is_some() => "it is too large".to_owned(),
                None => error.to_string(),
            };
            Fault::new(format!("`{}` is not a regular expression: {why}", text.escape_debug()), why)
        })?;
        Ok(Self { text: text.to_owned(), regex })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(formatter)
    }
}

/// Checks the method of a request: capital letters only, a subset of the tokens of RFC 9110.
pub(crate) fn check_method(text: &str) -> Result<(), Fault> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a method of HTTP", text.escape_debug()), "not a method")
        .help("write it in capital letters, such as \"GET\""))
}

/// Checks the path and query of a request: printable ASCII without spaces and `#`.
pub(crate) fn check_request_path(text: &str) -> Result<(), Fault> {
    if text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not the path of a request", text.escape_debug()), "not a path of HTTP")
        .help("begin it with `/`, and write a space, `#` and characters outside of ASCII as %20 and the like"))
}

/// Checks the name of a header: a token of RFC 9110, but not a header that the client writes itself.
pub(crate) fn check_header_name(text: &str) -> Result<(), Fault> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(token) {
        return Err(Fault::new(format!("`{}` is not the name of a header", text.escape_debug()), "not a header"));
    }
    if ["content-length", "transfer-encoding", "connection"].contains(&text.to_ascii_lowercase().as_str()) {
        let message = format!("the header `{text}` is the client's own");
        return Err(Fault::new(message, "set by the client").help("leave it out: it follows from `send`"));
    }
    Ok(())
}

/// Checks the value of a header: visible ASCII, spaces and tabs.
pub(crate) fn check_header_value(text: &str) -> Result<(), Fault> {
    match text.bytes().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t')) {
        true => Ok(()),
        false => {
            Err(Fault::new("a header's value has something other than visible ASCII in it", "not a header's value"))
        }
    }
}

/// Checks a capability, with or without `CAP_`, or `ALL`.
pub(crate) fn check_capability(text: &str) -> Result<(), Fault> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a capability", text.escape_debug()), "not a capability")
        .help("write it in capital letters, such as \"NET_RAW\", or \"ALL\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_names_are_checked() {
        for (text, passes) in
            [("draws", true), ("GET-1.0_b", true), ("", false), (".a", false), ("a/b", false), ("ä", false)]
        {
            assert_eq!(text.parse::<TestName>().is_ok(), passes, "{text:?}");
        }
        assert!("a".repeat(65).parse::<TestName>().is_err());
    }

    #[test]
    fn expressions_match_bytes_by_line() {
        for (pattern, bytes, expected) in [
            ("^b$", &b"a\nb\nc"[..], true),
            ("^b$", b"ab", false),
            (r"\d+ ms", b"took 12 ms", true),
            ("", b"", true),
            (r"a.c", b"a\xffc", true),
            ("(?i)READY", b"ready", true),
        ] {
            assert_eq!(pattern.parse::<Pattern>().expect("an expression").is_match(bytes), expected, "{pattern}");
        }
        for (pattern, why) in [("a(", "unclosed group"), ("(?:a{900}){900}", "too large")] {
            let message = pattern.parse::<Pattern>().expect_err("no expression").message;
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn parts_of_requests_are_checked() {
        for (text, method, path, header, value) in [
            ("GET", true, false, true, true),
            ("/a?b=c%20d", false, true, false, true),
            ("/a b", false, false, false, true),
            ("/a#b", false, false, false, true),
            ("x-y", false, false, true, true),
            ("Content-Length", false, false, false, true),
            ("", false, false, false, true),
            ("a\r\nb", false, false, false, false),
        ] {
            let checks =
                [check_method(text), check_request_path(text), check_header_name(text), check_header_value(text)];
            assert_eq!(checks.map(|check| check.is_ok()), [method, path, header, value], "{text:?}");
        }
    }
}
