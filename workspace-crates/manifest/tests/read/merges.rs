//! Merges of a key that both the image's table and the workspace's have.

use tierce_manifest::{CargoSpec, ImageSpec, KEYS, Located, Merge};

use crate::{defaults, image, read_image};

fn shown<T: ToString>(items: &[Located<T>]) -> String {
    items.iter().map(|item| item.value.to_string()).collect::<Vec<_>>().join(" ")
}

fn cargo(image: &ImageSpec) -> &CargoSpec {
    &image.program.as_ref().expect("it has a program").cargo
}

type Show = fn(&ImageSpec) -> String;

#[test]
fn lists_scalars_and_tables_are_merged() {
    let cases: &[(&str, &str, Show, &str)] = &[
        (
            "packages = [\"a/one\", \"a/two\"]",
            "packages = [\"a/two\", \"a/three\"]",
            |image| shown(&image.emerge.packages),
            "a/one a/two a/three",
        ),
        (
            "use = [\"apng\"]",
            "use = [\"-apng\", \"threads\"]",
            |image| shown(&image.emerge.use_settings),
            "apng threads",
        ),
        ("prune = [\"/a\"]", "prune = [\"/b\"]", |image| shown(&image.content.prune), "/a /b"),
        ("bins = [\"app\"]", "bins = [\"app\"]", |image| shown(&cargo(image).bins), "app"),
        ("tags = [\"a\"]", "tags = [\"b\"]", |image| shown(&image.tags), "a"),
        ("", "tags = [\"b\"]", |image| shown(&image.tags), "b"),
        ("cmd = [\"a\"]", "cmd = [\"b\"]", |image| image.config.cmd.join(" "), "a"),
        ("profile = \"a\"", "profile = \"b\"", |image| cargo(image).profile_name().to_owned(), "a"),
        (
            "default-features = true",
            "default-features = false",
            |image| cargo(image).default_features.to_string(),
            "true",
        ),
        (
            "env = { A = \"1\" }",
            "env = { A = \"2\", B = \"2\" }",
            |image| image.config.env.iter().map(|(name, value)| format!("{name}={} ", value.value)).collect(),
            "A=1 B=2 ",
        ),
        (
            "healthcheck = false",
            "healthcheck = { cmd = [\"/x\"] }",
            |image| image.config.healthcheck.is_some().to_string(),
            "false",
        ),
        (
            "directories = [{ path = \"/a\", mode = \"0700\" }]",
            "directories = [{ path = \"/b\" }, { path = \"/a\" }]",
            |image| {
                image
                    .content
                    .directories
                    .iter()
                    .map(|directory| format!("{} {} ", directory.path.value, directory.mode))
                    .collect()
            },
            "/a 0700 /b 0755 ",
        ),
    ];
    for (own, workspace, show, expected) in cases {
        assert_eq!(show(&read_image(&defaults(workspace), &image(own))), *expected, "{own} over {workspace}");
    }
}

#[test]
fn package_use_merges_by_flag() {
    let root = defaults(r#"package-use = { "a/one" = ["x", "y"], "a/two" = ["z"] }"#);
    let package = image(r#"package-use = { "a/one" = ["-y", "w"], ">=a/two-1" = ["-z"] }"#);
    let entries = read_image(&root, &package).emerge.package_use;
    let entries: Vec<String> =
        entries.iter().map(|entry| format!("{} {}", entry.atom.value, shown(&entry.value))).collect();
    assert_eq!(entries, ["a/two z", "a/one -y w x", ">=a/two-1 -z"]);
}

#[test]
fn paths_start_at_their_tables_folder() {
    let files = "files = [{ from = \"a\", to = \"/a\" }]";
    let spec = read_image(&defaults(files), &image("files = [{ from = \"b\", to = \"/b\" }]"));
    let paths: Vec<_> = spec.content.files.iter().map(|file| file.from.value.full()).collect();
    assert_eq!(paths, ["app/b", "a"]);
}

#[test]
fn key_list_states_the_merge() {
    let merged = |merge| KEYS.iter().filter(move |key| key.merge == merge).map(|key| key.name).collect::<Vec<_>>();
    assert!(merged(Merge::Append).contains(&"packages"));
    assert!(merged(Merge::Entries).contains(&"package-use"));
    for key in ["entrypoint", "cmd", "bins", "tags", "profile", "healthcheck"] {
        assert!(merged(Merge::Image).contains(&key), "{key}");
    }
}
