//! `nsswitch.conf`: the modules that libc loads to look up names, hosts and users (nsswitch.conf(5)).

use std::collections::BTreeSet;

/// The databases of the run-time dependencies' triggers.
const DATABASES: [&str; 5] = ["group", "hosts", "initgroups", "passwd", "shadow"];
/// The sources that are built into libc since glibc 2.34.
const BUILT_IN: [&str; 2] = ["dns", "files"];

/// Returns the sources of a text that are modules. Ignores malformed lines, as libc does.
#[must_use]
pub fn modules(text: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let Some((database, sources)) = line.split_once(':') else { continue };
        if !DATABASES.contains(&database.trim()) {
            continue;
        }
        // Brackets contain reactions to an answer: `[NOTFOUND=return]`, with or without spaces.
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
    // The name becomes a part of a file's name: a slash would lead elsewhere.
    let is_name = |word: &&str| !word.contains('/') && !BUILT_IN.contains(word);
    text.split_whitespace().filter(is_name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_sources_outside_of_libc() {
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
