//! Words of `FEATURES` that change nothing in a builder, in `make-conf` and `package-env`.

use std::collections::{BTreeMap, BTreeSet};

use tierce_manifest::{Located, WorkspaceSpec};
use tierce_portage::features_without_effect;

/// Returns a warning for each word without effect.
pub(super) fn warnings(spec: &WorkspaceSpec) -> BTreeSet<String> {
    let of = |key: &str, variables: &BTreeMap<String, Located<String>>| {
        let features = variables.get("FEATURES").map_or("", |value| value.value.as_str());
        let warning = |(word, why): (&str, &str)| format!("`{key}`: `{word}` of FEATURES has no effect: {why}");
        features_without_effect(features).into_iter().map(warning).collect::<Vec<_>>()
    };
    let package_env = spec.all_images().flat_map(|image| &image.emerge.package_env);
    let all = package_env.flat_map(|entry| of("package-env", &entry.value));
    all.chain(of("make-conf", &spec.make_conf)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_manifest::{CargoToml, WorkspaceText, read};

    #[test]
    fn features_without_effect_are_named_with_their_key() {
        let text = "[workspace.metadata.image]\nmake-conf = { FEATURES = \"test getbinpkg\" }\n\n\
                    [workspace.metadata.images.x]\ncmd = [\"/x\"]\npackages = [\"a/b\"]\n\
                    package-env = { \"a/b\" = { FEATURES = \"keepwork\" } }\n";
        let root = CargoToml { path: "Cargo.toml".into(), text: text.into() };
        let spec = read(&WorkspaceText { root, members: Vec::new() }).expect("a valid table");
        let warnings: Vec<String> = warnings(&spec).into_iter().collect();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(
            warnings[0].starts_with("`make-conf`: `getbinpkg` of FEATURES has no effect: a builder has no network")
        );
        assert!(warnings[1].starts_with("`package-env`: `keepwork` of FEATURES has no effect: the container"));
    }
}
