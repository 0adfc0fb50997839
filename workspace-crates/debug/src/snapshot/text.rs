//! Secrets that a text gives away itself: `password=…`, `--token …`, the password of a URL, an `Authorization` header.

use super::names::is_secret;
use super::secrets::MASK;

/// Masks them, and tells each.
pub(super) fn mask(text: &str, found: &mut dyn FnMut(&str)) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(Secret { before, secret }) = begins_with(rest, masked.chars().next_back()) {
            found(&rest[before..before + secret]);
            masked.push_str(&rest[..before]);
            masked.push_str(MASK);
            rest = &rest[before + secret..];
        } else {
            // A whole word, so that its end is not taken for a name.
            let word = name_length(rest);
            let length = if word == 0 { first.len_utf8() } else { word };
            masked.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    masked
}

/// A secret, and what stands before it that gives it away; lengths in bytes.
struct Secret {
    before: usize,
    secret: usize,
}

fn begins_with(text: &str, previous: Option<char>) -> Option<Secret> {
    scheme(text, previous).or_else(|| url(text)).or_else(|| named(text))
}

/// `Bearer abc`, `Basic YTpi`: RFC 9110, section 11.4. Other words may begin with these.
fn scheme(text: &str, previous: Option<char>) -> Option<Secret> {
    const SHORTEST: usize = 6;
    if previous.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let name = ["bearer ", "basic ", "negotiate "]
        .into_iter()
        .find(|name| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))?;
    let secret = length(&text[name.len()..], |letter| letter.is_ascii_alphanumeric() || "-._~+/=".contains(letter));
    (secret >= SHORTEST).then_some(Secret { before: name.len(), secret })
}

/// `://user:password@host`, and `://token@host` where no name is needed: RFC 3986, section 3.2.1.
fn url(text: &str) -> Option<Secret> {
    let authority = text.strip_prefix("://")?;
    let end = length(authority, |letter| !letter.is_whitespace() && !"/?#\"'<>".contains(letter));
    // A password may itself contain an `@` that should have been encoded.
    let user = &authority[..authority[..end].rfind('@')?];
    match user.find(':') {
        Some(colon) if colon + 1 < user.len() => Some(Secret { before: 4 + colon, secret: user.len() - colon - 1 }),
        Some(_) => None,
        // Long names are keys: those of people and of `git@` are short.
        None => (user.len() >= 16).then_some(Secret { before: 3, secret: user.len() }),
    }
}

/// `name=value`, `name: value`, `"name": "value"`, `--name value`, where the name says that it is a secret.
fn named(text: &str) -> Option<Secret> {
    let name = name_length(text);
    if name == 0 || !is_secret(&text[..name]) {
        return None;
    }
    let header =
        text[..name].to_ascii_lowercase().ends_with("authorization") || text[..name].eq_ignore_ascii_case("cookie");
    let quoted = text[name..].starts_with(['"', '\'']);
    let mut before = name + usize::from(quoted);
    let is_option = text.starts_with("--");
    let separator = text[before..].chars().next()?;
    match separator {
        '=' | ':' => before += 1,
        ' ' if is_option => {}
        _ => return None,
    }
    before += length(&text[before..], |letter| letter == ' ' || (letter == '\t' && separator == ':'));
    let value = &text[before..];
    if is_option && separator == ' ' && value.starts_with('-') {
        return None;
    }
    let (quote, secret) = match value.chars().next()? {
        quote @ ('"' | '\'') => (1, length(&value[1..], |letter| letter != quote && letter != '\n')),
        _ if header => (0, length(value, |letter| letter != '\n')),
        _ => (0, length(value, |letter| !letter.is_whitespace() && !"&;,\"')}]".contains(letter))),
    };
    (secret > 0 && !value[quote..].starts_with(MASK)).then_some(Secret { before: before + quote, secret })
}

/// How long the name is that a text begins with, the dashes of an option included.
fn name_length(text: &str) -> usize {
    length(text, |letter| letter.is_alphanumeric() || "_-.".contains(letter))
}

fn length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !belongs(letter)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, expected, secrets) in [
            ("", "", ""),
            ("nothing here", "nothing here", ""),
            ("password=hunter2 and more", "password=[masked] and more", "hunter2"),
            ("password = hunter2", "password = hunter2", ""),
            ("password: hunter2\nnext", "password: [masked]\nnext", "hunter2"),
            (r#"{"apiKey":"a b","x":1}"#, r#"{"apiKey":"[masked]","x":1}"#, "a b"),
            (r#"{"apiKey": 'ab'}"#, r#"{"apiKey": '[masked]'}"#, "ab"),
            ("?user=u&token=abc&x=1", "?user=u&token=[masked]&x=1", "abc"),
            ("web --password hunter2 -v", "web --password [masked] -v", "hunter2"),
            ("web --password -v", "web --password -v", ""),
            ("the password is long", "the password is long", ""),
            ("author=me", "author=me", ""),
            ("http://host/path", "http://host/path", ""),
            ("http://user:pass@host/path", "http://user:[masked]@host/path", "pass"),
            ("redis://:p@ss@host:6379", "redis://:[masked]@host:6379", "p@ss"),
            ("git://git@host/x:y@z", "git://git@host/x:y@z", ""),
            ("https://0123456789abcdef@sentry.example/1", "https://[masked]@sentry.example/1", "0123456789abcdef"),
            ("two: a://b:c@d e://f:g@h", "two: a://b:[masked]@d e://f:[masked]@h", "c|g"),
            ("authorization: Digest a=\"b\", c\nHost: x", "authorization: [masked]\nHost: x", "Digest a=\"b\", c"),
            ("x bearer abcdef.ghi y", "x bearer [masked] y", "abcdef.ghi"),
            ("Basic dTpwYXNz", "Basic [masked]", "dTpwYXNz"),
            ("Basic idea", "Basic idea", ""),
            ("the forebearer 1234567", "the forebearer 1234567", ""),
            ("ä=ö token=ü", "ä=ö token=[masked]", "ü"),
            ("token=", "token=", ""),
            ("token", "token", ""),
            ("token=\"open", "token=\"[masked]", "open"),
        ] {
            let mut found = Vec::new();
            let masked = mask(text, &mut |secret| found.push(secret.to_owned()));
            assert_eq!((masked.as_str(), found.join("|").as_str()), (expected, secrets), "{text:?}");
            assert_eq!(mask(&masked, &mut |_| {}), masked, "once is enough");
        }
    }
}
