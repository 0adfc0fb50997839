//! Secrets that are known by their randomness: base64 of random bytes, passwords of generators.
//!
//! Digests, ids, paths, versions and symbols are ordinary text: most are hexadecimal, have separators, or keep one kind of
//! letter for longer than chance does.

use std::ops::Range;

use super::names::is_digest;
use super::pem;
use super::scan::length;

/// The minimum length of a word of all three kinds of letters.
const MIXED: usize = 20;
/// The minimum length of a word without capitals, in which fewer letters tell.
const SMALL: usize = 32;

/// The random words of a text.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let open = pem::open(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let run = length(&text[at..], belongs);
        if run < MIXED {
            at += run;
            at += text[at..].chars().next().map_or(0, char::len_utf8);
            continue;
        }
        let end = at + run;
        let padded = end + length(&text[end..], |letter| letter == '=').min(2);
        let block = open.partition_point(|block| block.end <= at);
        if open.get(block).is_none_or(|block| block.start > at) && !is_named_digest(text, at) {
            found.extend(words(&text[at..end]).map(|word| {
                let word_end = at + word.end;
                at + word.start..if word_end == end { padded } else { word_end }
            }));
        }
        at = padded;
    }
    found
}

fn belongs(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "+/_-".contains(letter)
}

/// The random words of a run of letters and separators: all of it, or parts.
fn words(run: &str) -> impl Iterator<Item = Range<usize>> {
    // Symbols of compilers have such letters: Itanium C++, Rust.
    let is_symbol = ["_Z", "_R", "ZN"].iter().any(|start| run.starts_with(start));
    // Keys of ssh that anybody may read: base64 of a length and the algorithm's name.
    let is_open_key = ["AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh"].iter().any(|start| run.starts_with(start));
    let separators = run.bytes().filter(|byte| !byte.is_ascii_alphanumeric()).count();
    let is_whole = !run.starts_with('/') && separators * 10 <= run.len() && is_random_word(run);
    let none = is_symbol || is_open_key;
    let whole = (is_whole && !none).then_some(0..run.len());
    let parts = (!is_whole && !none).then_some(run).into_iter().flat_map(|run| {
        let mut at = 0;
        run.split(|letter: char| !letter.is_ascii_alphanumeric()).filter_map(move |part| {
            let start = at;
            at += part.len() + 1;
            // The store of Nix keeps its digests in paths.
            let in_path = run[..start].ends_with('/');
            (is_random_word(part) && !(in_path && is_small(part))).then_some(start..start + part.len())
        })
    });
    whole.into_iter().chain(parts)
}

fn is_small(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether a word looks like the output of a random generator, and not like hexadecimal digits.
pub(super) fn is_random_word(word: &str) -> bool {
    let letters: Vec<u8> = word.bytes().filter(u8::is_ascii_alphanumeric).collect();
    if letters.len() < MIXED.min(SMALL) || letters.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let share =
        |is_kind: fn(&u8) -> bool| letters.iter().filter(|letter| is_kind(letter)).count() * 100 / letters.len();
    let (capitals, small, digits) =
        (share(u8::is_ascii_uppercase), share(u8::is_ascii_lowercase), share(u8::is_ascii_digit));
    let changes = letters.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count() * 100 / (letters.len() - 1);
    let has_digit = letters.iter().any(u8::is_ascii_digit);
    // Names in camel case change as often, but have words of several small letters.
    let runs = letters.split(|letter| !letter.is_ascii_lowercase()).filter(|run| !run.is_empty()).count();
    let has_words = small * letters.len() * 10 >= 26 * 100 * runs;
    let is_mixed =
        capitals >= 15 && small >= 15 && has_digit && changes >= 36 && !has_words && entropy(&letters) >= 3.5;
    let is_base36 = letters.len() >= SMALL && capitals == 0 && (10..=60).contains(&digits) && changes >= 30;
    is_mixed || (is_base36 && entropy(&letters) >= 3.8)
}

fn kind(letter: u8) -> u8 {
    match letter {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' => 1,
        _ => 2,
    }
}

/// Shannon's entropy of the letters, in bits for each.
fn entropy(letters: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    letters.iter().for_each(|letter| counts[usize::from(*letter)] += 1);
    let all = letters.len() as f64;
    let of = |count: &u32| {
        let part = f64::from(*count) / all;
        -part * part.log2()
    };
    counts.iter().filter(|count| **count > 0).map(of).sum()
}

/// Whether a name before the place says that a digest or an id stands there: `sha512-…`, `SHA256:…`, `GIT_COMMIT=…`.
fn is_named_digest(text: &str, at: usize) -> bool {
    const LOOK_BACK: usize = 80;
    let from = (at.saturating_sub(LOOK_BACK)..=at).find(|from| text.is_char_boundary(*from)).unwrap_or(at);
    let own = &text[at..];
    let prefixed = ["sha1-", "sha256-", "sha384-", "sha512-"].iter().any(|prefix| own.starts_with(prefix));
    let before = text[from..at].trim_end_matches([' ', '"', '\'', '\\']);
    let Some(before) = before.strip_suffix(['=', ':']) else { return prefixed };
    let before = before.trim_end_matches([' ', '"', '\'', '\\']);
    let name = before.rfind(|letter: char| !(letter.is_alphanumeric() || "_-.".contains(letter)));
    let name = name.map_or(before, |end| before[end..].trim_start_matches(|letter: char| !letter.is_alphanumeric()));
    prefixed || is_digest(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn random_words_are_found() {
        for secret in [
            // Forty letters, as of a key of AWS.
            "wJalrXUtn0EMI/K7MDENG/bPxRfiCY3zK8L1Q2mT",
            "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRW==",
            "a8Kd02mZqL5vWx9TnB3r",
            "a8Kd-02mZqL5vWx9TnB3rYc7HfJ1gPs4EuN6_oQiV",
            "k3j9x0q2w8e7r6t5y4u1i0o9p8a7s6d5f4g3",
        ] {
            for (before, after) in
                [("", ""), ("VALUE=", "\n"), ("\"", "\","), ("key of ", " was"), ("://u@h/?x=", "&y=1")]
            {
                assert_eq!(found(&format!("{before}{secret}{after}")), [secret], "{before}");
            }
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "debian@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
            "123e4567-e89b-12d3-a456-426614174000",
            "/var/lib/docker/overlay2/l/TGVXRDQFUPZAVKQVZKTUFDD4YQ:/var/lib/docker/overlay2/9f86d081884c7d659a2f/diff",
            "/nix/store/0c5b9gzw1vw2jr0k5vq8w3v4rq1x2a3b-glibc-2.38/lib",
            "_ZN4core3fmt9Formatter12pad_integral17h0123456789abcdefE _RNvNtCsbDqzXfLQacH_4core3fmt5write",
            "x86_64-unknown-linux-gnu libstdc++.so.6.0.32 linux-headers-6.1.0-18-amd64 1.2.3-beta.4+build.5",
            "getUserAuthenticationFromRequest2 SomeLongCamelCaseName2FactoryBuilder HTTP2ServerConnectionHandlerV3",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk3x9Tq2mZqL5vWx9TnB3rYc7HfJ1gPs4EuN6oQiVw0",
            "SHA256:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA integrity sha512-q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ==",
            "2026-11-30T10:37:53.123456789Z 7f12a4c00000-7f12a4c21000 0000000000000000FFFF00000100007F:1F90",
            "-----BEGIN CERTIFICATE-----\nMIIq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRW\n-----END CERTIFICATE-----",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 kubepods-besteffort-pod123e4567_e89b_12d3.slice",
            "GIT_COMMIT_ID=a8Kd02mZqL5vWx9TnB3r",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn entropy_is_shannons() {
        for (text, expected) in [("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0)] {
            assert!((entropy(text.as_bytes()) - expected).abs() < 1e-9, "{text}");
        }
    }
}
