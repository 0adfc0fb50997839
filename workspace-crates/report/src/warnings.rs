//! Warnings about possibly missing files with the edits that fix them, and the files that run-time dependencies added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierce_native::Behaviour;
use tierce_plan::external_base_of;
use tierce_rootfs::{Finding, Reason};
use tierce_runtime_deps::{Remedy, RuntimeDep};

use crate::contents::Contents;

/// Something that might be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The missing thing, the file that needs it, and the effect of its absence.
    pub what: String,
    /// The edit of the table that fixes it.
    pub edit: String,
}

/// The files that a run-time dependency, or a key that serves one, added to an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// The dependency's name, or the key.
    pub name: String,
    /// The file that needs it and the evidence in that file, or the key that asks for it.
    pub why: String,
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Gap {
    /// Describes a finding, if it means that something might be missing.
    pub fn of(finding: &Finding) -> Option<Gap> {
        if !finding.might_be_missing() {
            return None;
        }
        let (what, edit) = match finding {
            Finding::RuntimeDepMissing { name, by, trigger, without, pruned: glob } => {
                let pruned = glob.as_ref().map(|glob| format!(", as `{glob}` keeps it out")).unwrap_or_default();
                (format!("{name}: {by} {trigger}, and {without}{pruned}"), edit_of_runtime_dep(name, glob))
            }
            Finding::DlopenNotTaken { by, sonames, feature, priority } => {
                let feature = feature.as_ref().map(|feature| format!(" for {feature}")).unwrap_or_default();
                let what = format!("{}: {by} loads it{feature} ({priority})", sonames.join(" or "));
                (what, format!("add the package that has it to `packages`, or \"{by}\" to `allow-missing`"))
            }
            Finding::MalformedDlopenNote { path } => {
                let what = format!("libraries that {path} loads: its dlopen note is malformed");
                (
                    what,
                    format!("add the libraries that it loads to `keep`, or \"{path}\" to `prune` if nothing needs it"),
                )
            }
            Finding::ScriptInterpreterAbsent { script, interpreter } => {
                let what = format!("{interpreter}: it runs {script}");
                (what, format!("add the package that has it to `packages`, or \"{script}\" to `prune`"))
            }
            Finding::UnusedPackage { package, crates } => {
                let what =
                    format!("{package}: `packages` asks for it, and nothing in the image links or reads a file of it");
                (what, edit_of_unused(package, crates))
            }
            Finding::DanglingLink { path } => {
                let what = format!("the target of the link {path}");
                (what, format!("add the package that has it to `packages`, or \"{path}\" to `prune`"))
            }
            _ => return None,
        };
        Some(Gap { what, edit })
    }
}

/// Returns the edit for a run-time dependency; `pruned` is the glob or the preset that keeps its files out.
fn edit_of_runtime_dep(name: &str, pruned: &Option<String>) -> String {
    let without = format!("add \"{name}\" to `allow-missing`");
    // A preset's files go in by the remedy's key.
    let glob = pruned.as_ref().filter(|glob| glob.starts_with('/'));
    let bring = match (glob, RuntimeDep::find(name).map(|dependency| dependency.remedy)) {
        (Some(glob), _) => format!("take \"{glob}\" out of `prune`"),
        (_, Some(Remedy::Key(line))) => format!("write `{line}`"),
        (_, Some(Remedy::Package(atom))) => format!("add a package that has it, such as \"{atom}\", to `packages`"),
        (_, Some(Remedy::Keep) | None) => {
            "add the files that it needs to `keep`, and their package to `packages`".to_owned()
        }
    };
    format!("{bring}, or {without}")
}

/// Returns the edit for an unused package; `crates` are those of its program that could link the package's library.
fn edit_of_unused(package: &str, crates: &[String]) -> String {
    let mut edits: Vec<String> = crates.iter().filter_map(|name| how_to_link(name)).collect();
    edits.push(format!("take \"{package}\" out of `packages`"));
    edits.push(format!("add \"{package}\" to `allow-missing` if the program holds it as a static library"));
    edits.join(", or ")
}

/// Returns the edit that makes a crate link ROOT's library instead of its own copy.
fn how_to_link(name: &str) -> Option<String> {
    let entry = tierce_native::crate_named(name)?;
    Some(match (entry.cargo_toml, entry.behaviour) {
        (Some(edit), _) => format!("give the crate `{name}`, which compiles a copy of the library, {edit}"),
        (None, Behaviour::OnlyBundles) => {
            format!("replace the crate `{name}`, which always compiles a copy of the library")
        }
        (None, _) => format!(
            "take the feature of the crate `{name}` away that compiles a copy of the library, such as `static`, `bundled` or `vendored`"
        ),
    })
}

/// Returns the files that run-time dependencies and their keys added to an image, summed by name.
pub fn added(contents: &Contents) -> Vec<Added> {
    let mut all: BTreeMap<(&str, bool), Added> = BTreeMap::new();
    for (path, reason) in contents.closure.iter() {
        let (name, is_key, why) = match reason {
            Reason::RuntimeDep { name, by, trigger } => (name, false, format!("{by} {trigger}")),
            Reason::Asked { key } => (key, true, format!("asked for by `{key}`")),
            _ => continue,
        };
        let new = contents.entries.get(path).filter(|entry| external_base_of(&entry.layer).is_none());
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
    use tierce_rootfs::Evidence;

    #[test]
    fn added_files_are_summed_by_dependency_and_key() {
        let runtime_dep = |name: &str, calls: &str| serde_json::json!({ "reason": "hidden", "name": name, "by": "/usr/bin/a", "trigger": { "calls": calls } });
        let asked = |key: &str| serde_json::json!({ "reason": "asked", "key": key });
        let file = |size: Option<u64>| serde_json::json!({ "size": size, "owner": "a/b", "layer": "x" });
        let contents: Contents = serde_json::from_value(serde_json::json!({
            "entries": {
                "/etc/ssl/cert.pem": file(Some(5)), "/etc/ssl/openssl.cnf": file(Some(7)), "/usr/bin/a": file(Some(9)),
                "/usr/lib64/gconv": file(None), "/usr/lib64/gconv/A.so": file(Some(1)), "/usr/lib64/gconv/B.so": file(Some(2)),
                "/usr/lib64/gconv/C.so": file(Some(4)),
            },
            "closure": { "findings": [], "entries": {
                "/etc/ssl/cert.pem": asked("ca-certificates"), "/etc/ssl/openssl.cnf": runtime_dep("openssl-config", "f"),
                "/usr/bin/a": { "reason": "program" }, "/usr/lib64/gconv": asked("gconv"),
                "/usr/lib64/gconv/A.so": asked("gconv"), "/usr/lib64/gconv/B.so": asked("gconv"),
                "/usr/lib64/gconv/C.so": runtime_dep("gconv", "g"),
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
        let runtime_dep = |name: &str, pruned: Option<&str>| Finding::RuntimeDepMissing {
            name: name.into(),
            by: "/usr/bin/a".into(),
            trigger: Evidence::Calls("f".into()),
            without: "it fails".into(),
            pruned: pruned.map(Into::into),
        };
        for (finding, what, edit) in [
            (
                runtime_dep("time-zones", None),
                "time-zones: /usr/bin/a calls f, and it fails",
                "write `timezone = \"Europe/Berlin\"`, or add \"time-zones\" to `allow-missing`",
            ),
            (
                runtime_dep("terminals", Some("/usr/share/*")),
                "terminals: /usr/bin/a calls f, and it fails, as `/usr/share/*` keeps it out",
                "take \"/usr/share/*\" out of `prune`, or add \"terminals\" to `allow-missing`",
            ),
            // A preset keeps it out, so the edit names the key.
            (
                runtime_dep("charsets", Some("gconv")),
                "charsets: /usr/bin/a calls f, and it fails, as `gconv` keeps it out",
                "write `gconv = [\"ISO-8859-1\"]`, or add \"charsets\" to `allow-missing`",
            ),
            (
                runtime_dep("pam", None),
                "pam: /usr/bin/a calls f, and it fails",
                "add a package that has it, such as \"sys-auth/pambase\", to `packages`, or add \"pam\" to `allow-missing`",
            ),
            (
                runtime_dep("plugins", None),
                "plugins: /usr/bin/a calls f, and it fails",
                "add the files that it needs to `keep`, and their package to `packages`, or add \"plugins\" to `allow-missing`",
            ),
        ] {
            assert_eq!(Gap::of(&finding), Some(Gap { what: what.into(), edit: edit.into() }));
        }
        assert_eq!(Gap::of(&Finding::UnmatchedKeep { pattern: "/x".into(), nearest: None }), None);
    }
}
