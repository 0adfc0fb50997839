//! The debugging information of cargo's profiles. Pure.
//!
//! The workspace's Cargo.toml and the configuration files define profiles. A profile inherits from another one: see "Profiles"
//! in the Cargo book.

use toml::{Table, Value};

/// Ends a cycle of profiles, which cargo itself refuses.
const MAX_DEPTH: usize = 16;

/// Whether the profile enables line tables, which backtraces need. `texts` are the configuration files, highest precedence
/// first, then the workspace's Cargo.toml. Texts that are not TOML are skipped.
pub fn has_lines<'a>(profile: &str, texts: impl IntoIterator<Item = &'a str>) -> bool {
    let tables: Vec<Table> = texts.into_iter().filter_map(|text| text.parse().ok()).collect();
    let setting =
        |profile: &str, key: &str| tables.iter().find_map(|table| table.get("profile")?.get(profile)?.get(key));
    let mut profile = profile;
    for _ in 0..MAX_DEPTH {
        if let Some(debug) = setting(profile, "debug") {
            return value_has_lines(debug);
        }
        profile = match setting(profile, "inherits").and_then(Value::as_str) {
            Some(parent) => parent,
            None => break,
        };
    }
    matches!(profile, "dev" | "test")
}

/// Whether cargo has a profile: one of its own, or one that the texts define.
pub fn is_defined<'a>(profile: &str, texts: impl IntoIterator<Item = &'a str>) -> bool {
    let defines = |text: &str| {
        let table: Option<Table> = text.parse().ok();
        table.is_some_and(|table| table.get("profile").and_then(|profiles| profiles.get(profile)).is_some())
    };
    ["dev", "release", "test", "bench"].contains(&profile) || texts.into_iter().any(defines)
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
    use super::{has_lines, is_defined};

    #[test]
    fn profiles_are_cargo_s_or_defined() {
        let text = "[profile.small]\ninherits = \"release\"\n";
        assert!(is_defined("release", []) && is_defined("small", ["", text]));
        assert!(!is_defined("smal", [text]));
    }

    #[test]
    fn profile_inherits_debug() {
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
