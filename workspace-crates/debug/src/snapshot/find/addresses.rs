//! Passwords in addresses and in lines that other programs read as addresses: URLs, DSNs, `.pgpass`.

use std::ops::Range;

use super::scan::{length, up_to};

/// The secret of an address whose mark begins here.
pub(super) fn find_at(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    match rest.as_bytes().first()? {
        b':' => url(rest).or_else(|| webhook(rest)),
        b'@' => return dsn(text, at),
        _ => None,
    }
    .map(|range| at + range.start..at + range.end)
}

/// Finds `://user:password@host`, and `://token@host` without a user: RFC 3986, section 3.2.1.
fn url(text: &str) -> Option<Range<usize>> {
    const MARK: usize = "://".len();
    const LONGEST: usize = 2048;
    let address = text.strip_prefix("://")?;
    let whole = up_to(address, LONGEST);
    let whole = &whole[..length(whole, |letter| !letter.is_whitespace() && !"\"'<>`\\".contains(letter))];
    let authority = &whole[..length(whole, |letter| !"/?#".contains(letter))];
    let user = match (authority.rfind('@'), authority.find(':')) {
        // A password may contain an unencoded `@`.
        (Some(at), _) => &authority[..at],
        // It may also contain `/`, `?` or `#`: then no port follows the colon.
        (None, Some(colon)) if !authority[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
            &whole[..whole.rfind('@')?]
        }
        _ => return None,
    };
    match user.find(':') {
        Some(colon) if colon + 1 < user.len() => Some(MARK + colon + 1..MARK + user.len()),
        Some(_) => None,
        // Long names are keys. Names of people and `git@` are short.
        None => (user.len() >= 16).then_some(MARK..MARK + user.len()),
    }
}

/// Finds the key in the path of an address that anybody may write to.
fn webhook(text: &str) -> Option<Range<usize>> {
    const PLACES: [&str; 6] = [
        "hooks.slack.com/services/",
        "hooks.slack.com/workflows/",
        "discord.com/api/webhooks/",
        "discordapp.com/api/webhooks/",
        "api.telegram.org/bot",
        "webhook.office.com/webhookb2/",
    ];
    let address = text.strip_prefix("://")?;
    let host = length(up_to(address, 256), |letter| letter.is_ascii_alphanumeric() || "-.".contains(letter));
    let place = PLACES.iter().find_map(|place| {
        let from = address[..host].len().checked_sub(place.find('/')?)?;
        address.get(from..)?.starts_with(place).then_some(from + place.len())
    })?;
    let key = length(&address[place..], |letter| letter.is_ascii_alphanumeric() || "-_/:@".contains(letter));
    (key > 0).then_some(3 + place..3 + place + key)
}

/// Finds the password before `@tcp(…)` and `@host:port` without a scheme, as in `user:password@tcp(db:3306)/web`.
fn dsn(text: &str, at: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 256;
    let after = &text[at + 1..];
    let host = length(up_to(after, LONGEST), |letter| letter.is_alphanumeric() || "-_.".contains(letter));
    let is_digest = ["sha256", "sha384", "sha512", "blake3"].contains(&&after[..host]);
    let port =
        after[host..].strip_prefix(':').is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
    let protocol = ["tcp(", "tcp6(", "unix("].iter().any(|name| after.starts_with(name));
    if is_digest || !(protocol || (port && host > 0)) {
        return None;
    }
    let from = (at.saturating_sub(LONGEST)..=at).find(|from| text.is_char_boundary(*from))?;
    let gap = text[from..at].char_indices().rfind(|(_, letter)| letter.is_whitespace() || "\"'=<>`".contains(*letter));
    let word = gap.map_or(from, |(gap, letter)| from + gap + letter.len_utf8());
    let user = &text[word..at];
    let colon = user.find(':')?;
    (colon > 0 && !user.contains("://") && colon + 1 < user.len()).then_some(word + colon + 1..at)
}

/// The password of a line of `.pgpass`: `host:port:database:user:password`.
pub(super) fn pgpass(line: &str) -> Option<Range<usize>> {
    let fields: Vec<&str> = line.splitn(5, ':').collect();
    let [host, port, database, user, password] = fields[..] else { return None };
    let is_port =
        port == "*" || (!port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
    // Addresses of networks and times have such fields too.
    let is_named = |word: &str| word.contains(|letter: char| letter != '.' && !letter.is_ascii_hexdigit());
    let is_named = [host, database, user].into_iter().any(is_named);
    let is_line = is_port && is_named && [host, database, user, password].into_iter().all(is_word);
    is_line.then(|| line.len() - password.len()..line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_addresses_are_found() {
        for (text, expected) in [
            ("http://host/path", ""),
            ("http://user:pass@host/path", "pass"),
            ("redis://:p@ss@host:6379", "p@ss"),
            ("postgres://u:p/w#x@host:5432/db", "p/w#x"),
            ("http://host:8080/path@v1", ""),
            ("http://[::1]:80/a", ""),
            ("git://git@host/x:y@z", ""),
            ("https://0123456789abcdef@sentry.example/1", "0123456789abcdef"),
            ("https://hooks.slack.com/services/T0/B0/xyz now", "T0/B0/xyz"),
            ("https://ptb.discord.com/api/webhooks/1/abc-d", "1/abc-d"),
            ("https://api.telegram.org/bot1:abc/getMe", "1:abc/getMe"),
            ("https://example.com/hooks/1", ""),
        ] {
            let found = text.find(':').and_then(|at| find_at(text, at));
            assert_eq!(&text[found.unwrap_or(0..0)], expected, "{text}");
        }
        for (text, expected) in [
            ("user:pass@tcp(db:3306)/web", "pass"),
            ("x \"u:p:w@db:5432/x", "p:w"),
            ("ü u:ß@db:1", "ß"),
            ("debian:12@sha256:abc", ""),
            ("git@github.com:org/x", ""),
            ("npm:foo@1.2.3", ""),
            ("user@host:22", ""),
        ] {
            let found = text.find('@').and_then(|at| find_at(text, at));
            assert_eq!(&text[found.unwrap_or(0..0)], expected, "{text}");
        }
    }

    #[test]
    fn pgpass_lines_are_found() {
        for (line, expected) in [
            ("db:5432:web:user:hunter2", "hunter2"),
            ("*:*:*:user:a:b", "a:b"),
            ("main.rs:12:5: error: x", ""),
            ("00:11:22:33:44:55", ""),
            ("2001:4860:4860:8888:1:2", ""),
            ("a:b:c:d:e", ""),
        ] {
            assert_eq!(&line[pgpass(line).unwrap_or(0..0)], expected, "{line}");
        }
    }
}
