//! Invalid tables and their errors.

mod content;
mod types;
mod values;
mod workspace;

use tierce_manifest::{CargoToml, WorkspaceText, read};

use crate::{image, member, refusal, workspace as workspace_of};

type Cases<'c> = &'c [(&'c str, &'c str)];

/// Checks cases of one line of a table and the expected error.
#[track_caller]
fn check(cases: Cases<'_>, refuse: impl Fn(&str) -> String) {
    for (text, expected) in cases {
        assert_eq!(refuse(text), *expected, "{text}");
    }
}

#[test]
fn malformed_files_and_tables_are_refused() {
    for (root, package, expected) in [
        (
            r#""#,
            r#"[package.metadata.image
"#,
            "app/Cargo.toml:1:24: this is not TOML: unclosed table, expected `]`",
        ),
        (
            r#"a = 1
a = 2"#,
            r#""#,
            "Cargo.toml:2:1: this is not TOML: duplicate key",
        ),
        (
            r#"[workspace.metadata]
image = 1"#,
            r#""#,
            "Cargo.toml:2:9: `image` must be a table, not an integer",
        ),
        (
            r#""#,
            r#"[package.metadata]
image = "x""#,
            "app/Cargo.toml:2:9: `image` must be a table, not a string",
        ),
        (
            r#""#,
            r#"[package.metadata]
images = ["x"]"#,
            "app/Cargo.toml:2:10: `images` must be a table of image tables\n  help: write `[package.metadata.images.NAME]` for each image",
        ),
        (
            r#""#,
            r#"[package.metadata.images]
one = 1"#,
            "app/Cargo.toml:2:7: `one` must be a table, not an integer",
        ),
        (
            r#""#,
            r#"[package.metadata.images.One]"#,
            "app/Cargo.toml:1:26: `One` is not a name for an image\n  help: write lower-case letters and digits, joined by single `.`, `_`, `-` or `/`: \"one\"",
        ),
        (
            r#""#,
            r#"[package.metadata.images.one]
name = "two""#,
            "app/Cargo.toml:2:1: `name` is already in the header of this table\n  help: leave `name` out, or rename the table",
        ),
        (
            r#""#,
            r#"[package.metadata.image]
name = "one"
[package.metadata.images.one]"#,
            "app/Cargo.toml:3:26: two images have the name `one`\n  app/Cargo.toml:1:19: the first one\n  help: name one of them otherwise: `name = \"…\"` in its table, or another NAME in `[….metadata.images.NAME]`",
        ),
        (
            r#"[workspace.metadata.image]
tags = ["-"]"#,
            r#"[package.metadata.images.one]
[package.metadata.images.two]"#,
            "Cargo.toml:2:9: `-` is not a tag\n  help: a tag has letters, digits, `_`, `.` and `-`, begins with none of the last two, and has at most 128 characters",
        ),
        (
            r#"[workspace.metadata.image]
builder = "stage3""#,
            r#"[package.metadata.image]
usr = "1"
profile = "debug""#,
            "Cargo.toml:2:11: \"stage3\" for `builder` is not supported yet\n  help: write `builder = \"debian\"`, or unpack a stage3 yourself and name it with `builder = { rootfs = \"stage3.tar.xz\" }`\napp/Cargo.toml:2:1: unknown key `usr`\n  help: did you mean `use`?\napp/Cargo.toml:3:11: cargo has no profile `debug`\n  help: did you mean `dev`?",
        ),
    ] {
        assert_eq!(refusal(root, package), expected, "{root}\n{package}");
    }
}

#[test]
fn unclear_binaries_are_refused() {
    for (binaries, keys, expected) in [
        (
            &[][..],
            "",
            "app/Cargo.toml:1:19: the package `app` has no binary\n  help: add src/main.rs or a `[[bin]]`; an image without a program has its table in the workspace's Cargo.toml, as `[workspace.metadata.images.NAME]`",
        ),
        (
            &["a", "b"],
            "",
            "app/Cargo.toml:1:19: nothing says which of the binaries `a` and `b` is started\n  help: add `entrypoint = [\"/usr/bin/a\"]`, or choose one with `bins`",
        ),
        (
            &["a", "b", "c"],
            "bins = [\"c\", \"b\"]",
            "app/Cargo.toml:2:14: nothing says which of the binaries `c` and `b` is started\n  help: add `entrypoint = [\"/usr/bin/c\"]`, or choose one with `bins`",
        ),
        (
            &["server", "worker"],
            "bins = [\"cli\"]",
            "app/Cargo.toml:2:9: the package `app` has no binary `cli`\n  help: there are `server` and `worker`",
        ),
    ] {
        let mut workspace = workspace_of("", &image(keys));
        workspace.members = vec![member("app", binaries, &image(keys))];
        assert_eq!(read(&workspace).unwrap_err().to_string(), expected, "{keys}");
    }
}

#[test]
fn equal_image_names_are_refused() {
    let mut workspace = workspace_of("", &image(""));
    workspace.members.push(member("other", &["other"], "\n[package.metadata.images.app]"));
    let expected = "other/Cargo.toml:2:26: two images have the name `app`\n  \
                    app/Cargo.toml:1:19: the first one\n  \
                    help: name one of them otherwise: `name = \"…\"` in its table, or another NAME in `[….metadata.images.NAME]`";
    assert_eq!(read(&workspace).unwrap_err().to_string(), expected);
}

#[test]
fn invalid_package_name_suggests_a_name() {
    let mut workspace = workspace_of("", &image(""));
    workspace.members[0].package.name = "My_App".to_owned();
    let expected = "app/Cargo.toml:1:19: `My_App` is not a name for an image\n  \
                    help: give the image a `name` in this table; write lower-case letters and digits, joined by single `.`, `_`, `-` or `/`: \"my-app\"";
    assert_eq!(read(&workspace).unwrap_err().to_string(), expected);
}

#[test]
fn labels_point_at_the_refused_character() {
    let text = "[package.metadata.image]\r\npackages = [\"media-libs/libpng\", 'media-libs/lib!png']";
    let members = vec![member("app", &["app"], text)];
    let root = CargoToml { path: "Cargo.toml".into(), text: "".into() };
    let errors = read(&WorkspaceText { root, members }).unwrap_err();
    let [error] = errors.iter().as_slice() else { panic!("{errors}") };
    assert_eq!(&errors.text(&error.place)[error.place.span.clone()], "!png");
    assert_eq!(error.label, "`!` is not allowed in a package name");
}
