//! What cargo's profiles say of debugging information. Pure.
//!
//! A profile stands in the workspace's Cargo.toml and in configuration files, and inherits from another one: see "Profiles" in
//! the Cargo book.

use toml::{Table, Value};

/// Profiles that inherit from each other are cargo's to refuse.
const MAX_DEPTH: usize = 16;

/// Whether the profile asks for at least the lines of functions, which backtraces need. `texts` are those of configuration
/// files, the one that counts most first, and last that of the workspace's Cargo.toml; what is no TOML says nothing.
pub fn has_lines<'a>(profile: &str, texts: impl IntoIterator<Item = &'a str>) -> bool {
    let tables: Vec<Table> = texts.into_iter().filter_map(|text| text.parse().ok()).collect();
    let said = |profile: &str, key: &str| tables.iter().find_map(|table| table.get("profile")?.get(profile)?.get(key));
    let mut profile = profile;
    for _ in 0..MAX_DEPTH {
        if let Some(debug) = said(profile, "debug") {
            return value_has_lines(debug);
        }
        profile = match said(profile, "inherits").and_then(Value::as_str) {
            Some(parent) => parent,
            None => break,
        };
    }
    matches!(profile, "dev" | "test")
}

fn value_has_lines(debug: &Value) -> bool {
    match debug {
        Value::Boolean(on) => *on,
        Value::Integer(level) => *level > 0,
        Value::String(name) => !matches!(name.as_str(), "none" | "line-directives-only"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::has_lines;

    #[test]
    fn a_profile_is_followed_to_what_it_inherits() {
        let cases: [(&str, &[&str], bool); 14] = [
            ("release", &[], false),
            ("dev", &[], true),
            ("release", &["profile.release.debug = true"], true),
            ("release", &["profile.release.debug = 0"], false),
            ("release", &["profile.release.debug = 1"], true),
            ("release", &["profile.release.debug = 'line-tables-only'"], true),
            ("release", &["profile.release.debug = 'line-directives-only'"], false),
            ("dev", &["profile.dev.debug = 'none'"], false),
            ("small", &["profile.small.inherits = 'release'"], false),
            ("small", &["profile.small.inherits = 'release'", "profile.release.debug = 'full'"], true),
            ("small", &["profile.small.inherits = 'release'\nprofile.small.debug = 2"], true),
            ("release", &["profile.release.debug = 2", "profile.release.debug = 0"], true),
            ("a", &["profile.a.inherits = 'b'\nprofile.b.inherits = 'a'"], false),
            ("release", &["[profile"], false),
        ];
        for (profile, texts, expected) in cases {
            assert_eq!(has_lines(profile, texts.iter().copied()), expected, "{profile} {texts:?}");
        }
    }
}
