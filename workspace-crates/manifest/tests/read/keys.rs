//! Tests that Tierce reads every key of the list as its entry documents it.

use tierce_manifest::{
    DIRECTORY_KEYS, FILE_KEYS, GROUP_KEYS, HEALTHCHECK_KEYS, HOOK_KEYS, HTTP_KEYS, KEYS, Key, REPOSITORY_KEYS,
    SYMLINK_KEYS, Scope, TEST_FILE_KEYS, TEST_KEYS, USER_KEYS, WorkspaceSpec,
};

use crate::{defaults, image, read, refusal};

/// Returns the specification without places, which move with the text.
fn without_places(spec: &WorkspaceSpec) -> String {
    let debug = format!("{spec:?}");
    let mut kept = String::new();
    let mut rest = debug.as_str();
    while let Some(start) = rest.find("Place {") {
        let (before, after) = rest.split_at(start);
        kept.push_str(before);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    kept + rest
}

/// An image that an example names.
const CODEGEN: &str = "[workspace.metadata.images.codegen]\ncmd = [\"/x\"]\n";

/// The example of a key is a valid value. It changes the result unless it is the default, so a listed key that nothing reads
/// fails here.
#[test]
fn examples_of_keys_change_the_result() {
    let defaults = |keys: &str| format!("{CODEGEN}{}", defaults(keys));
    let plain = without_places(&read(&defaults(""), &image("")).unwrap());
    for key in KEYS.iter().filter(|key| key.later.is_none()) {
        let line = format!("{} = {}", key.name, key.example);
        // The examples describe an image called thumbnailer.
        let (root, package) = match key.scope {
            Scope::Workspace => (defaults(&line), image("")),
            Scope::Image | Scope::Program | Scope::Package => {
                (defaults(""), image(&line.replace("\"thumbnailer\"", "\"app\"")))
            }
        };
        let spec = read(&root, &package).unwrap_or_else(|errors| panic!("{line}\n{errors}"));
        let only_choice = ["name", "bins"].contains(&key.name);
        assert_eq!(without_places(&spec) == plain, only_choice, "{line}");
    }
}

/// The same for the keys of inner tables.
#[test]
fn examples_of_inner_keys_change_results() {
    let inner: [(&str, &[Key]); 11] = [
        ("files = [{TABLE}]", FILE_KEYS),
        ("directories = [{TABLE}]", DIRECTORY_KEYS),
        ("symlinks = [{TABLE}]", SYMLINK_KEYS),
        ("groups = [{ name = \"media\", gid = 9 }]\nusers = [{TABLE}]", USER_KEYS),
        ("users = [{ name = \"web\", uid = 7 }]\ngroups = [{TABLE}]", GROUP_KEYS),
        // The four forms exclude each other.
        ("[package.metadata.image.healthcheck]\ncmd = [\"/x\"]\nTABLE", &HEALTHCHECK_KEYS[4..]),
        ("hooks = {TABLE}", HOOK_KEYS),
        ("healthcheck = { cmd = [\"/x\"] }\ntest = { x = {TABLE} }", TEST_KEYS),
        ("expose = [8080]\ntest = { x = { http = [{TABLE}] } }", HTTP_KEYS),
        ("test = { x = { files = [{TABLE}] } }", TEST_FILE_KEYS),
        ("repositories = [{TABLE}]", REPOSITORY_KEYS),
    ];
    for (outer, keys) in inner {
        let result = |keys: &[&Key]| {
            let entries: Vec<String> = keys.iter().map(|key| format!("{} = {}", key.name, key.example)).collect();
            let line = outer.replace("TABLE", &format!(" {} ", entries.join(", ")));
            let spec =
                if outer.starts_with("repositories") { read(&defaults(&line), "") } else { read("", &image(&line)) };
            without_places(&spec.unwrap_or_else(|errors| panic!("{line}\n{errors}")))
        };
        let required: Vec<&Key> = keys.iter().filter(|key| key.required).collect();
        let plain = result(&required);
        for optional in keys.iter().filter(|key| !key.required) {
            let mut with = required.clone();
            with.push(optional);
            assert_ne!(result(&with), plain, "{} in {outer}", optional.name);
        }
    }
}

#[test]
fn workspace_may_default_every_image_key() {
    for key in KEYS.iter().filter(|key| matches!(key.scope, Scope::Image | Scope::Program) && key.later.is_none()) {
        let line = format!("{} = {}", key.name, key.example).replace("\"thumbnailer\"", "\"app\"");
        read(&format!("{CODEGEN}{}", defaults(&line)), &image("")).unwrap_or_else(|errors| panic!("{line}\n{errors}"));
    }
}

#[test]
fn unsupported_keys_suggest_an_alternative() {
    let later: Vec<_> = KEYS.iter().filter(|key| key.later.is_some()).collect();
    assert_eq!(later.iter().map(|key| key.name).collect::<Vec<_>>(), ["registry", "platforms"]);
    for key in later {
        let line = format!("{} = [\"x\"]", key.name);
        let (file, errors) = match key.scope {
            Scope::Workspace => ("Cargo.toml", refusal(&defaults(&line), &image(""))),
            Scope::Image | Scope::Program | Scope::Package => ("app/Cargo.toml", refusal("", &image(&line))),
        };
        let instead = key.later.unwrap();
        assert_eq!(errors, format!("{file}:2:1: `{}` is not supported yet\n  help: {instead}", key.name));
    }
}

#[test]
fn keys_are_documented() {
    for key in KEYS {
        assert!(key.doc.ends_with('.') && !key.doc.contains('\n'), "{}", key.name);
        assert!(key.later.is_some() || !(key.default.is_empty() || key.example.is_empty()), "{}", key.name);
    }
}
