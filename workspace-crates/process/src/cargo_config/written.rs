//! The configuration that a builder gets: the settings that an offline build reads, without secrets.

use toml::{Table, Value};

use super::ConfigFile;

/// The tables that `cargo build` without a network reads. `registries` is added without secrets.
const TABLES: [&str; 12] = [
    "build",
    "env",
    "host",
    "include",
    "patch",
    "paths",
    "profile",
    "registries",
    "resolver",
    "source",
    "target",
    "unstable",
];

/// Settings of `build` that a builder always overrides.
const OVERRIDDEN: [&str; 10] = [
    "build-dir",
    "dep-info-basedir",
    "jobs",
    "rustc",
    "rustc-workspace-wrapper",
    "rustc-wrapper",
    "rustdoc",
    "rustdocflags",
    "target",
    "target-dir",
];

/// The settings of a registry that name it. The others are its credentials.
const OF_REGISTRY: [&str; 2] = ["index", "protocol"];

impl ConfigFile {
    /// Returns the text for a builder: no tokens, no credential helpers, no proxy, and nothing that a build does not depend on.
    /// A key of a program has this text.
    pub fn for_builder(&self) -> String {
        let Ok(mut table) = self.text.parse::<Table>() else { return String::new() };
        table.retain(|key, _| TABLES.contains(&key));
        if let Some(build) = table.get_mut("build").and_then(Value::as_table_mut) {
            build.retain(|key, _| !OVERRIDDEN.contains(&key));
        }
        for target in tables_in(&mut table, "target") {
            target.remove("runner");
        }
        for registry in tables_in(&mut table, "registries") {
            registry.retain(|key, _| OF_REGISTRY.contains(&key));
        }
        table.retain(|_, value| value.as_table().is_none_or(|table| !table.is_empty()));
        table.to_string()
    }
}

fn tables_in<'t>(table: &'t mut Table, key: &str) -> impl Iterator<Item = &'t mut Table> {
    let inner = table.get_mut(key).and_then(Value::as_table_mut);
    inner.into_iter().flatten().filter_map(|(_, value)| value.as_table_mut())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        ConfigFile { path: "/config.toml".into(), text: text.to_owned() }.for_builder()
    }

    #[test]
    fn secrets_stay_on_the_host() {
        let text = "[registry]\ntoken = 's1'\n[registries.ours]\nindex = 'sparse+https://crates.example/'\ntoken = 's2'\n\
                    secret-key = 's3'\ncredential-provider = ['helper', '--key', 's4']\n\
                    [http]\nproxy = 'http://user:s5@proxy:8080'\n[https]\nproxy = 's6'\n\
                    [net]\ngit-fetch-with-cli = true\n[net.ssh]\nknown-hosts = ['s7']\n[credential-alias]\nx = ['s8']\n\
                    [unknown]\nkey = 's9'\n";
        assert_eq!(written(text), "[registries.ours]\nindex = \"sparse+https://crates.example/\"\n");
    }

    #[test]
    fn settings_of_builds_stay() {
        let text = "[build]\nrustflags = [\"--cfg\", \"x\"]\n\n[env]\nGREETING = \"hello\"\n\n[profile.release]\nlto = true\n\n\
                    [source.crates-io]\nreplace-with = \"ours\"\n\n[target.\"cfg(unix)\"]\nlinker = \"clang\"\n";
        assert_eq!(written(text), text);
    }

    #[test]
    fn settings_without_effect_are_left_out() {
        let text = "[alias]\nb = \"build\"\n[build]\njobs = 4\ntarget-dir = \"/tmp/x\"\nrustc-wrapper = \"sccache\"\n\
                    [term]\nquiet = true\n[target.x86_64-unknown-linux-gnu]\nrunner = \"qemu\"\n";
        assert_eq!(written(text).trim(), "[target.x86_64-unknown-linux-gnu]");
        assert_eq!(written("# A comment.\n"), "");
    }
}
