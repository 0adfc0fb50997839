//! Words of `FEATURES` that do nothing in a builder, or break it.

/// Words without effect, by reason.
const WITHOUT_EFFECT: [(&str, &[&str]); 6] = [
    (
        "a builder has no network; Tierce downloads sources on the host, and compiles every package itself",
        &[
            "distcc",
            "distcc-pump",
            "distlocks",
            "force-mirror",
            "getbinpkg",
            "icecream",
            "lmirror",
            "mirror",
            "parallel-fetch",
            "skiprocheck",
            "userfetch",
            "usersync",
            "webrsync-gpg",
        ],
    ),
    (
        "the container is the sandbox, and lacks the rights for another one",
        &["ipc-sandbox", "mount-sandbox", "network-sandbox", "pid-sandbox", "sandbox", "usersandbox"],
    ),
    (
        "the container of a build ends with the build; `cargo xtask shell` opens the state of a failed one",
        &["ccache", "clean-logs", "fail-clean", "keeptemp", "keepwork", "news", "noclean", "unmerge-logs"],
    ),
    ("Tierce keeps every package as a binary package", &["buildpkg", "buildpkg-live", "buildsyspkg"]),
    (
        "Tierce merges packages into an empty ROOT, and never upgrades one there",
        &["config-protect-if-modified", "downgrade-backup", "preserve-libs", "unmerge-backup", "unmerge-orphans"],
    ),
    ("a binary package of Tierce has no signature; its key and its digest are checked", &["binpkg-ignore-signature"]),
];

/// Words that make emerge fail.
const BREAKING: [(&str, &str); 2] = [
    ("binpkg-request-signature", "emerge would refuse every binary package, as those of Tierce have no signature"),
    ("binpkg-signing", "emerge would sign binary packages, and a builder has no key"),
];

/// The words that a value of `FEATURES` switches on, each with its place in the text, in bytes.
fn switched_on(value: &str) -> Vec<(usize, &str)> {
    let mut on: Vec<(usize, &str)> = Vec::new();
    for word in value.split_whitespace() {
        let start = word.as_ptr() as usize - value.as_ptr() as usize;
        let name = word.strip_prefix('-').unwrap_or(word);
        on.retain(|(_, other)| *other != name && word != "-*");
        if word == name {
            on.push((start, word));
        }
    }
    on
}

/// Returns the words of a value of `FEATURES` that do nothing in a builder, each with the reason.
pub fn features_without_effect(value: &str) -> Vec<(&str, &'static str)> {
    let reason = |word: &str| WITHOUT_EFFECT.iter().find(|(_, words)| words.contains(&word)).map(|(reason, _)| *reason);
    switched_on(value).into_iter().filter_map(|(_, word)| Some((word, reason(word)?))).collect()
}

/// Returns the first word of a value of `FEATURES` with which emerge fails in a builder: its place in bytes, the word, the reason.
pub fn breaking_feature(value: &str) -> Option<(usize, &str, &'static str)> {
    let reason = |word: &str| BREAKING.iter().find(|(name, _)| *name == word).map(|(_, reason)| *reason);
    switched_on(value).into_iter().find_map(|(start, word)| Some((start, word, reason(word)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_without_effect_have_reasons() {
        for (value, expected) in [
            ("", &[][..]),
            ("test nostrip -sandbox", &[]),
            ("getbinpkg test", &["getbinpkg"]),
            ("getbinpkg ccache -getbinpkg", &["ccache"]),
            ("getbinpkg -* sandbox", &["sandbox"]),
        ] {
            let found: Vec<&str> = features_without_effect(value).into_iter().map(|(word, _)| word).collect();
            assert_eq!(found, expected, "{value}");
        }
        assert!(features_without_effect("getbinpkg")[0].1.starts_with("a builder has no network"));
    }

    #[test]
    fn breaking_word_is_found_at_its_place() {
        assert_eq!(
            breaking_feature("test  binpkg-signing").map(|(start, word, _)| (start, word)),
            Some((6, "binpkg-signing"))
        );
        assert_eq!(breaking_feature("binpkg-request-signature -binpkg-request-signature getbinpkg"), None);
    }
}
