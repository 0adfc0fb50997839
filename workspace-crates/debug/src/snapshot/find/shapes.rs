//! Secrets that are known by their form: tokens whose issuers gave them a prefix, JSON web tokens, hashes of passwords.

use std::ops::Range;

use super::scan::{begins_word, length, up_to};

/// A kind of token.
struct Token {
    prefix: &'static str,
    /// The minimum number of letters after the prefix.
    least: usize,
    letters: Letters,
    /// Whether the prefix also stands inside of ordinary words: then it has to begin one, and a digit has to follow.
    is_short: bool,
}

#[derive(Clone, Copy)]
enum Letters {
    /// `A-Z a-z 0-9`
    Plain,
    /// The same with `_` and `-`.
    Url,
    /// The same with `.`, `=`, `~`, `+` and `/`.
    Any,
    /// `A-Z 0-9`, no letter more than the minimum.
    Capitals,
    /// `0-9 a-f`, no letter more than the minimum.
    Hex,
}

const fn token(prefix: &'static str, least: usize, letters: Letters) -> Token {
    Token { prefix, least, letters, is_short: false }
}

const fn short(prefix: &'static str, least: usize, letters: Letters) -> Token {
    Token { prefix, least, letters, is_short: true }
}

use Letters::{Any, Capitals, Hex, Plain, Url};

/// The known kinds: code hosting, registries of packages and images, clouds, chats, payments, models, vaults.
#[rustfmt::skip]
const TOKENS: [Token; 108] = [
    token("ghp_", 16, Plain), token("gho_", 16, Plain), token("ghu_", 16, Plain), token("ghs_", 16, Plain),
    token("ghr_", 16, Plain), token("github_pat_", 16, Url), token("glpat-", 12, Any), token("gldt-", 12, Url),
    token("glrt-", 12, Url), token("glptt-", 12, Url), token("glcbt-", 12, Url), token("glft-", 12, Url),
    token("glsoat-", 12, Url), token("glimt-", 12, Url), token("glagent-", 12, Url), token("GR1348941", 12, Url),
    token("ATATT3", 20, Any), token("ATBB", 28, Plain), token("ATCTT3", 20, Any),
    short("npm_", 16, Plain), short("pypi-", 16, Url), token("rubygems_", 32, Plain), short("cio", 32, Plain),
    token("dckr_pat_", 12, Url), token("dckr_oat_", 12, Url), token("oy2", 43, Plain), short("hf_", 16, Plain),
    token("api_org_", 16, Plain),
    short("AKIA", 16, Capitals), short("ASIA", 16, Capitals), short("ABIA", 16, Capitals), short("ACCA", 16, Capitals),
    token("ABSK", 40, Any), token("AIza", 30, Url), token("ya29.", 16, Any), token("GOCSPX-", 16, Url),
    short("1//0", 24, Url), token("dop_v1_", 32, Plain), token("doo_v1_", 32, Plain), token("dor_v1_", 32, Plain),
    token("dapi", 32, Hex), token("FlyV1 ", 16, Any), token("fm2_", 32, Any), token("fo1_", 24, Url),
    token("tskey-", 12, Url), token("LTAI", 20, Plain), short("nfp_", 24, Plain), token("sbp_", 32, Plain),
    token("sb_secret_", 16, Url), token("pul-", 40, Hex), token("tfp_", 32, Plain), token(".atlasv1.", 32, Url),
    token("hvs.", 16, Url), token("hvb.", 16, Url), token("hvr.", 16, Url), short("s.", 24, Plain),
    token("dp.pt.", 16, Plain), token("dp.st.", 16, Any), token("dp.ct.", 16, Plain), token("ops_eyJ", 16, Any),
    token("A3-", 26, Url), token("AGE-SECRET-KEY-1", 32, Plain), token("ZAAA", 60, Url),
    token("xoxa-", 8, Url), token("xoxb-", 8, Url), token("xoxc-", 8, Url), token("xoxd-", 8, Any),
    token("xoxe-", 8, Url), token("xoxe.", 8, Any), token("xoxo-", 8, Url), token("xoxp-", 8, Url),
    token("xoxr-", 8, Url), token("xoxs-", 8, Url), token("xapp-", 8, Url), token("xwfp-", 8, Url),
    token("sk_live_", 8, Plain), token("sk_test_", 8, Plain), token("rk_live_", 8, Plain), token("rk_test_", 8, Plain),
    token("whsec_", 8, Any), token("sq0atp-", 16, Url), token("sq0csp-", 16, Url), token("EAAA", 56, Url),
    token("EAAC", 40, Plain), token("shpat_", 16, Plain), token("shpca_", 16, Plain), token("shppa_", 16, Plain),
    token("shpss_", 16, Plain), token("shppt_", 16, Plain), token("access_token$production$", 16, Any),
    short("SG.", 24, Any), short("key-", 32, Hex), short("SK", 32, Hex), token("PMAK-", 24, Url),
    token("NRAK-", 16, Plain), token("NRJS-", 16, Plain), token("sntrys_", 16, Any), token("sntryu_", 32, Plain),
    token("glsa_", 24, Url), token("glc_", 24, Any), token("lin_api_", 24, Plain), token("figd_", 24, Url),
    short("sk-", 16, Url), short("gsk_", 24, Plain), short("r8_", 24, Plain), token("xai-", 32, Plain),
    token("pplx-", 32, Plain), token("APA91b", 60, Url),
];

/// Beginnings of other secrets: PEM and OpenSSH keys in base64, hashes of passwords (crypt(5)).
#[rustfmt::skip]
const BEGINNINGS: [(&str, usize); 15] = [
    ("LS0tLS1CRUdJT", 16), ("b3BlbnNzaC1rZXktdj", 16), ("$2a$", 50), ("$2b$", 50), ("$2y$", 50), ("$1$", 24), ("$5$", 40),
    ("$6$", 60), ("$y$", 40), ("$7$", 40), ("$apr1$", 24), ("$argon2", 40), ("$scrypt$", 40), ("$pbkdf2", 40), ("pbkdf2_sha", 40),
];

/// The tokens of a text.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for token in &TOKENS {
        // A prefix may stand in the letters after another one, which are measured once.
        let mut run = 0..0;
        for (at, _) in text.match_indices(token.prefix) {
            let start = at + token.prefix.len();
            if !run.contains(&start) {
                run = start..start + length(&text[start..], |letter| token.letters.have(letter));
            }
            if token.is_at(text, at, start..run.end) {
                found.push(at..run.end);
            }
        }
    }
    let belongs = |letter: char| letter.is_ascii_alphanumeric() || "+/=$.,_-".contains(letter);
    for (beginning, least) in BEGINNINGS {
        let ranges = occurrences(text, beginning, belongs);
        found.extend(ranges.into_iter().filter(|range| range.len() >= beginning.len() + least));
    }
    found.extend(web_tokens(text));
    found.extend(text.match_indices(":AA").filter_map(|(at, _)| bot(text, at)));
    found.extend(text.match_indices("-us").filter_map(|(at, _)| mail_key(text, at)));
    found.extend(text.match_indices("Q~").filter_map(|(at, _)| azure(text, at)));
    found
}

/// The words from each occurrence of a beginning, but for those inside of another.
fn occurrences(text: &str, beginning: &str, belongs: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut end = 0;
    let mut found = Vec::new();
    for (at, _) in text.match_indices(beginning) {
        if at >= end {
            end = at + length(&text[at..], &belongs);
            found.push(at..end);
        }
    }
    found
}

impl Letters {
    fn have(self, letter: char) -> bool {
        match self {
            Plain => letter.is_ascii_alphanumeric(),
            Url => letter.is_ascii_alphanumeric() || "_-".contains(letter),
            Any => letter.is_ascii_alphanumeric() || "_-.=~+/".contains(letter),
            Capitals => letter.is_ascii_uppercase() || letter.is_ascii_digit(),
            Hex => letter.is_ascii_hexdigit(),
        }
    }
}

impl Token {
    /// Whether the letters after a prefix make it a token.
    fn is_at(&self, text: &str, at: usize, letters: Range<usize>) -> bool {
        let is_long = match self.letters {
            // Longer words of these letters are something else.
            Capitals | Hex => {
                letters.len() == self.least
                    && !text[letters.end..].starts_with(|next: char| next.is_ascii_alphanumeric())
            }
            Plain | Url | Any => letters.len() >= self.least,
        };
        is_long && (!self.is_short || (begins_word(text, at) && is_random(up_to(&text[letters], 256))))
    }
}

/// Whether a word has a run of letters and digits that no words in kebab case have.
fn is_random(word: &str) -> bool {
    let runs = word.split(|letter: char| !letter.is_ascii_alphanumeric());
    let has_run = |run: &str| run.len() >= 12 && run.bytes().any(|byte| byte.is_ascii_digit());
    let mut runs = runs.filter(|run| run.len() >= 6);
    runs.any(|run| has_run(run) || (run.len() >= 16 && super::random::is_random_word(run)))
}

/// Finds JSON web tokens (RFC 7519), also cut ones: base64 of `{"`, a dot, and more.
fn web_tokens(text: &str) -> Vec<Range<usize>> {
    const HEADER: usize = 10;
    let belongs = |letter: char| letter.is_ascii_alphanumeric() || "_-=.".contains(letter);
    let mut found = occurrences(text, "eyJ", belongs);
    found.retain_mut(|range| {
        let token = text[range.clone()].trim_end_matches('.');
        range.end = range.start + token.len();
        let header = token.find('.').unwrap_or(token.len());
        header >= HEADER && (token.len() > header + 1 || header >= 40 || token.starts_with("eyJhbGciOi"))
    });
    found
}

/// Finds a key of Telegram: digits, a colon, and 35 letters that begin with `AA`.
fn bot(text: &str, colon: usize) -> Option<Range<usize>> {
    let digits = text.as_bytes()[..colon].iter().rev().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let key = length(up_to(&text[colon + 1..], 128), |letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    ((6..=11).contains(&digits) && key >= 30).then(|| colon - digits..colon + 1 + key)
}

/// Finds a key of Mailchimp: 32 hexadecimal digits before `-us1`.
fn mail_key(text: &str, dash: usize) -> Option<Range<usize>> {
    let digits = text.as_bytes()[..dash].iter().rev().take(33).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let end = dash + 3 + length(up_to(&text[dash + 3..], 4), |letter| letter.is_ascii_digit());
    (digits == 32 && end > dash + 3).then_some(dash - digits..end)
}

/// Finds a client's secret of Entra: three letters, a digit, `Q~`, and 31 letters.
fn azure(text: &str, mark: usize) -> Option<Range<usize>> {
    let belongs = |letter: char| letter.is_ascii_alphanumeric() || "_-.~".contains(letter);
    let start = mark.checked_sub(4).filter(|start| text.is_char_boundary(*start))?;
    let is_start = text[start..mark].chars().all(belongs) && text[..mark].ends_with(|last: char| last.is_ascii_digit());
    let count = length(up_to(&text[mark + 2..], 128), belongs);
    (is_start && count >= 30).then_some(start..mark + 2 + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text of random letters; the prefixes stand apart, so that no scanner takes this file for a leak.
    const LETTERS: &str = "a8Kd02mZqL5vWx9TnB3rYc7HfJ1gPs4EuN6oQiVw";

    #[test]
    fn every_prefix_is_found() {
        for token in &TOKENS {
            let tail: String = match token.letters {
                Capitals => LETTERS.to_uppercase().chars().take(token.least).collect(),
                Hex => "0123456789abcdef".repeat(3).chars().take(token.least).collect(),
                Plain | Url | Any => LETTERS.repeat(2).chars().take(token.least).collect(),
            };
            let secret = format!("{}{tail}", token.prefix);
            for (before, after) in
                [("", ""), ("x ", " y"), ("=", "\n"), ("\"", "\""), ("https://", "@host"), (r"\n", r"\n")]
            {
                let text = format!("{before}{secret}{after}");
                let found: Vec<Range<usize>> = find(&text);
                let place = before.len()..before.len() + secret.len();
                let is_found = found.iter().any(|range| range.start <= place.start && range.end >= place.end);
                assert!(is_found, "{text}: {found:?}");
            }
        }
    }

    #[test]
    fn other_forms_are_found() {
        let hash = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
        for text in [
            format!("eyJ{}.eyJ{}.{}", "hbGciOiJIUzI1NiJ9", "zdWIiOiIxIn0", "abc-_d"),
            format!("eyJ{}", "hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"),
            format!("$2b$10${hash}"),
            format!("123456789:AA{}", &LETTERS[..33]),
            format!("{}-us12", "0123456789abcdef".repeat(2)),
            format!("abc8Q~{}", &LETTERS[..31]),
            format!("LS0tLS1CRUdJT{LETTERS}"),
        ] {
            let found = find(&format!("({text})"));
            assert!(found.contains(&(1..text.len() + 1)), "{text}: {found:?}");
        }
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "npm_config_registry=https://registry.example npm_lifecycle_event=start",
            "disk-usage-of-partition-12 task-0123456789abcdef0123 sk-learn-extension-module",
            "AKIAOFFICE ASIA-PACIFIC-SOUTHEAST-1 keyboard-layout-us us-east-1 x-us2",
            "hf_transfer_enabled s.replace('a') SG.INFO key-value-store pypi-attestations-library",
            "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "a.out:AArch64 12:AA eyJ eyJabc",
            "SKIPPED SK_BUFF sk_buff socket-activation $1$ $6$",
        ] {
            let found: Vec<&str> = find(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, Vec::<&str>::new(), "{text}");
        }
    }
}
