//! What might be missing from an image, in words, with the edits that mend it; and what hidden dependencies have added to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierce_hidden::{Hidden, Remedy};
use tierce_rootfs::{Finding, Reason};

use crate::report::Contents;
use crate::steps::foreign::of_foreign;

/// Something that might be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What, for whom, and what does not work without it.
    pub what: String,
    /// What to write into the table.
    pub edit: String,
}

/// What a hidden dependency has added to an image, or a key that serves one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// The dependency's name, or the key.
    pub name: String,
    /// What gave it away, a file and what of it; or that a key asks for it.
    pub why: String,
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Gap {
    /// Of a finding that might mean one.
    pub(crate) fn of(finding: &Finding) -> Option<Gap> {
        if !finding.might_be_missing() {
            return None;
        }
        let (what, edit) = match finding {
            Finding::HiddenMissing { name, by, trigger, without, pruned: glob } => {
                let pruned = glob.as_ref().map(|glob| format!(", as `{glob}` keeps it out")).unwrap_or_default();
                (format!("{name}: {by} {trigger}, and {without}{pruned}"), edit_of_hidden(name, glob))
            }
            Finding::DlopenNotTaken { by, sonames, feature, priority } => {
                let feature = feature.as_ref().map(|feature| format!(" for {feature}")).unwrap_or_default();
                let what = format!("{}: {by} loads it{feature} ({priority})", sonames.join(" or "));
                (what, format!("add the package that has it to `packages`, or \"{by}\" to `allow-missing`"))
            }
            Finding::MalformedDlopenNote { path } => {
                let what = format!("what {path} loads: its dlopen note cannot be read");
                (what, format!("add what it loads to `keep`, and \"{path}\" to `prune` if nobody needs it"))
            }
            Finding::ScriptInterpreterAbsent { script, interpreter } => {
                let what = format!("{interpreter}: {script} is run by it");
                (what, format!("add the package that has it to `packages`, or \"{script}\" to `prune`"))
            }
            Finding::DanglingLink { path } => {
                let what = format!("what {path} links to");
                (what, format!("add the package that has it to `packages`, or \"{path}\" to `prune`"))
            }
            _ => return None,
        };
        Some(Gap { what, edit })
    }
}

/// The edit for a hidden dependency; `pruned` is the glob or the preset that keeps out what would serve it.
fn edit_of_hidden(name: &str, pruned: &Option<String>) -> String {
    let without = format!("add \"{name}\" to `allow-missing`");
    // What a preset leaves out, a key brings.
    let glob = pruned.as_ref().filter(|glob| glob.starts_with('/'));
    let bring = match (glob, Hidden::find(name).map(|hidden| hidden.remedy)) {
        (Some(glob), _) => format!("take \"{glob}\" out of `prune`"),
        (_, Some(Remedy::Key(line))) => format!("write `{line}`"),
        (_, Some(Remedy::Package(atom))) => format!("add a package that has it, such as \"{atom}\", to `packages`"),
        (_, Some(Remedy::Keep) | None) => {
            "add what it needs to `keep`, and the package that has it to `packages`".to_owned()
        }
    };
    format!("{bring}, or {without}")
}

/// What hidden dependencies and the keys of the run time have added to an image, by their names.
pub(crate) fn added(contents: &Contents) -> Vec<Added> {
    let mut all: BTreeMap<(&str, bool), Added> = BTreeMap::new();
    for (path, reason) in contents.closure.iter() {
        let (name, is_key, why) = match reason {
            Reason::Hidden { name, by, trigger } => (name, false, format!("{by} {trigger}")),
            Reason::Asked { key } => (key, true, format!("asked for by `{key}`")),
            _ => continue,
        };
        let new = contents.entries.get(path).filter(|entry| of_foreign(&entry.layer).is_none());
        let Some(size) = new.and_then(|entry| entry.size) else { continue };
        let first = || Added { name: name.clone(), why, files: 0, bytes: 0 };
        let sum = all.entry((name, is_key)).or_insert_with(first);
        sum.files += 1;
        sum.bytes += size;
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_rootfs::Told;

    #[test]
    fn what_was_added_is_summed_by_what_asked_for_it() {
        let hidden = |name: &str, calls: &str| serde_json::json!({ "reason": "hidden", "name": name, "by": "/usr/bin/a", "trigger": { "calls": calls } });
        let asked = |key: &str| serde_json::json!({ "reason": "asked", "key": key });
        let file = |size: Option<u64>| serde_json::json!({ "size": size, "owner": "a/b", "layer": "x" });
        let contents: Contents = serde_json::from_value(serde_json::json!({
            "entries": {
                "/etc/ssl/cert.pem": file(Some(5)), "/etc/ssl/openssl.cnf": file(Some(7)), "/usr/bin/a": file(Some(9)),
                "/usr/lib64/gconv": file(None), "/usr/lib64/gconv/A.so": file(Some(1)), "/usr/lib64/gconv/B.so": file(Some(2)),
                "/usr/lib64/gconv/C.so": file(Some(4)),
            },
            "closure": { "findings": [], "entries": {
                "/etc/ssl/cert.pem": asked("ca-certificates"), "/etc/ssl/openssl.cnf": hidden("openssl-config", "f"),
                "/usr/bin/a": { "reason": "program" }, "/usr/lib64/gconv": asked("gconv"),
                "/usr/lib64/gconv/A.so": asked("gconv"), "/usr/lib64/gconv/B.so": asked("gconv"),
                "/usr/lib64/gconv/C.so": hidden("gconv", "g"),
            } },
        }))
        .expect("a list of files");
        let lines: Vec<String> = added(&contents)
            .iter()
            .map(|added| format!("{}: {}: {} files, {} B", added.name, added.why, added.files, added.bytes))
            .collect();
        assert_eq!(
            lines,
            [
                "ca-certificates: asked for by `ca-certificates`: 1 files, 5 B",
                "gconv: /usr/bin/a calls g: 1 files, 4 B",
                "gconv: asked for by `gconv`: 2 files, 3 B",
                "openssl-config: /usr/bin/a calls f: 1 files, 7 B",
            ]
        );
    }

    #[test]
    fn every_gap_has_its_edit() {
        let hidden = |name: &str, pruned: Option<&str>| Finding::HiddenMissing {
            name: name.into(),
            by: "/usr/bin/a".into(),
            trigger: Told::Calls("f".into()),
            without: "it fails".into(),
            pruned: pruned.map(Into::into),
        };
        for (finding, what, edit) in [
            (
                hidden("time-zones", None),
                "time-zones: /usr/bin/a calls f, and it fails",
                "write `timezone = \"Europe/Berlin\"`, or add \"time-zones\" to `allow-missing`",
            ),
            (
                hidden("terminals", Some("/usr/share/*")),
                "terminals: /usr/bin/a calls f, and it fails, as `/usr/share/*` keeps it out",
                "take \"/usr/share/*\" out of `prune`, or add \"terminals\" to `allow-missing`",
            ),
            // A preset keeps it out: what it leaves out, the key has.
            (
                hidden("charsets", Some("gconv")),
                "charsets: /usr/bin/a calls f, and it fails, as `gconv` keeps it out",
                "write `gconv = [\"ISO-8859-1\"]`, or add \"charsets\" to `allow-missing`",
            ),
            (
                hidden("pam", None),
                "pam: /usr/bin/a calls f, and it fails",
                "add a package that has it, such as \"sys-auth/pambase\", to `packages`, or add \"pam\" to `allow-missing`",
            ),
            (
                hidden("plugins", None),
                "plugins: /usr/bin/a calls f, and it fails",
                "add what it needs to `keep`, and the package that has it to `packages`, or add \"plugins\" to `allow-missing`",
            ),
        ] {
            assert_eq!(Gap::of(&finding), Some(Gap { what: what.into(), edit: edit.into() }));
        }
        assert_eq!(Gap::of(&Finding::UnmatchedKeep { pattern: "/x".into(), nearest: None }), None);
    }
}
