//! `nsswitch.conf`: which modules libc loads to look up names, hosts and users (nsswitch.conf(5)).

use std::collections::BTreeSet;

/// The databases that the triggers of hidden dependencies are about.
const DATABASES: [&str; 5] = ["group", "hosts", "initgroups", "passwd", "shadow"];
/// The sources that libc has in itself since glibc 2.34.
const BUILT_IN: [&str; 2] = ["dns", "files"];

/// The sources of a text that are modules of their own. Lines that say nothing are passed over, as libc does.
#[must_use]
pub fn modules(text: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let Some((database, sources)) = line.split_once(':') else { continue };
        if !DATABASES.contains(&database.trim()) {
            continue;
        }
        // What becomes of an answer stands in brackets: `[NOTFOUND=return]`, with or without spaces.
        let mut rest = sources;
        while let Some((before, after)) = rest.split_once('[') {
            modules.extend(words(before));
            rest = after.split_once(']').map_or("", |(_, behind)| behind);
        }
        modules.extend(words(rest));
    }
    modules
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    // A name is a part of a file's.
    let is_name = |word: &&str| !word.contains('/') && !BUILT_IN.contains(word);
    text.split_whitespace().filter(is_name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_are_modules_are_found() {
        for (text, expected) in [
            ("", ""),
            ("passwd: files\nhosts: files dns\n", ""),
            ("passwd:\tfiles systemd # sss\n  group:files [SUCCESS=merge] systemd", "systemd"),
            ("hosts: files mdns4_minimal [NOTFOUND=return] dns", "mdns4_minimal"),
            ("hosts: resolve [!UNAVAIL = return] myhostname [", "myhostname resolve"),
            ("services: db files\nnetgroup: nis\nno colon\npasswd: ../evil ldap", "ldap"),
        ] {
            assert_eq!(modules(text).into_iter().collect::<Vec<_>>().join(" "), expected, "{text}");
        }
    }
}
