//! Unknown and misplaced keys, and values of a wrong type.

use super::{Cases, check};
use crate::{image, refusal};

#[test]
fn unknown_keys_and_types_are_refused() {
    let cases: Cases<'_> = &[
        (r#"package = ["a/b"]"#, "app/Cargo.toml:2:1: unknown key `package`\n  help: did you mean `packages`?"),
        (
            r#"build_packages = []"#,
            "app/Cargo.toml:2:1: unknown key `build_packages`\n  help: did you mean `build-packages`?",
        ),
        (r#"frobnicate = 1"#, "app/Cargo.toml:2:1: unknown key `frobnicate`"),
        (r#""a\nb" = 1"#, "app/Cargo.toml:2:1: unknown key `a\\nb`"),
        (
            r#"packages = "media-libs/libpng""#,
            "app/Cargo.toml:2:12: `packages` must be a list of strings, not a string\n  help: write `[\"media-libs/libpng\"]`",
        ),
        (
            r#"packages = ["a/b", 1]"#,
            "app/Cargo.toml:2:20: an item of `packages` must be a string, not an integer\n  help: write `\"1\"`",
        ),
        (r#"packages = { a = 1 }"#, "app/Cargo.toml:2:12: `packages` must be a list of strings, not a table"),
        (r#"use = true"#, "app/Cargo.toml:2:7: `use` must be a list of strings, not `true`"),
        (r#"default-features = "no""#, "app/Cargo.toml:2:20: `default-features` must be a boolean, not a string"),
        (r#"profile = 1"#, "app/Cargo.toml:2:11: `profile` must be a string, not an integer\n  help: write `\"1\"`"),
        (
            r#"package-use = ["a/b"]"#,
            "app/Cargo.toml:2:15: `package-use` must be a table of lists of strings, not a list",
        ),
        (
            r#"package-use = { "a/b" = "apng" }"#,
            "app/Cargo.toml:2:25: `a/b` of `package-use` must be a list of strings, not a string\n  help: write `[\"apng\"]`",
        ),
        (
            r#"package-env = { "a/b" = { CFLAGS = 3 } }"#,
            "app/Cargo.toml:2:36: `CFLAGS` of `a/b` of `package-env` must be a string, not an integer\n  help: write `\"3\"`",
        ),
        (
            r#"env = { PORT = 8080 }"#,
            "app/Cargo.toml:2:16: `PORT` of `env` must be a string, not an integer\n  help: write `\"8080\"`",
        ),
        (
            r#"env = { DAY = 1979-05-27 }"#,
            "app/Cargo.toml:2:15: `DAY` of `env` must be a string, not a date\n  help: write `\"1979-05-27\"`",
        ),
        (r#"expose = [1.5]"#, "app/Cargo.toml:2:11: an item of `expose` must be a string or an integer, not a float"),
        (r#"labels = []"#, "app/Cargo.toml:2:10: `labels` must be a table of strings, not a list"),
        (r#"healthcheck = true"#, "app/Cargo.toml:2:15: `healthcheck` must be a table or `false`, not `true`"),
        (
            r#"healthcheck = { cmd = "x" }"#,
            "app/Cargo.toml:2:23: `cmd` of `healthcheck` must be a list of strings, not a string\n  help: write `[\"x\"]`",
        ),
        (
            r#"healthcheck = {}"#,
            "app/Cargo.toml:2:15: `healthcheck` needs exactly one of `cmd`, `http`, `tcp` and `file`\n  help: write `http = 8080` where the program answers requests, or a `cmd` of its own",
        ),
        (
            r#"healthcheck = { cmd = ["/x"], retries = -1, intervall = "1s" }"#,
            "app/Cargo.toml:2:41: `retries` of `healthcheck` must not be below zero\napp/Cargo.toml:2:45: unknown key `intervall`\n  help: did you mean `interval`?",
        ),
        (
            r#"files = [{ from = "a" }]"#,
            "app/Cargo.toml:2:10: an item of `files` lacks `to`\n  help: add `to = \"/usr/share/thumbnailer\"`",
        ),
        (
            r#"files = [{ from = "a", to = "/a", own = 1 }]"#,
            "app/Cargo.toml:2:35: unknown key `own`\n  help: there are `from`, `to`, `mode` and `owner`",
        ),
        (r#"files = ["a"]"#, "app/Cargo.toml:2:10: an item of `files` must be a table, not a string"),
        (
            r#"directories = [{ path = "/a", mode = 0o750 }]"#,
            "app/Cargo.toml:2:38: `mode` of an item of `directories` must be a string, not an integer\n  help: write `\"0o750\"`",
        ),
        (
            r#"directories = [{ mode = "0755" }]"#,
            "app/Cargo.toml:2:16: an item of `directories` lacks `path`\n  help: add `path = \"/var/lib/thumbnailer\"`",
        ),
        (
            r#"strip = "debug""#,
            "app/Cargo.toml:2:9: `strip` cannot be \"debug\"\n  help: there are `none`, `debuginfo` and `symbols`",
        ),
        (
            r#"strip = "all""#,
            "app/Cargo.toml:2:9: `strip` cannot be \"all\"\n  help: there are `none`, `debuginfo` and `symbols`",
        ),
        (r#"strip = true"#, "app/Cargo.toml:2:9: `strip` must be \"none\" or \"debuginfo\" or \"symbols\", not `true`"),
        (
            r#"include = "everything""#,
            "app/Cargo.toml:2:11: `include` cannot be \"everything\"\n  help: there are `closure` and `packages`",
        ),
    ];
    check(cases, |line| refusal("", &image(line)));
}

#[test]
fn misplaced_and_unsupported_keys_are_refused() {
    let cases: Cases<'_> = &[
        (
            r#"builder = "debian""#,
            "app/Cargo.toml:2:1: `builder` holds for the whole workspace, not for one image\n  help: move it to `[workspace.metadata.image]` in the workspace's root Cargo.toml",
        ),
        (
            r#"repositories = []"#,
            "app/Cargo.toml:2:1: `repositories` holds for the whole workspace, not for one image\n  help: move it to `[workspace.metadata.image]` in the workspace's root Cargo.toml",
        ),
        (
            r#"portage-profile = "a:b""#,
            "app/Cargo.toml:2:1: `portage-profile` holds for the whole workspace, not for one image\n  help: move it to `[workspace.metadata.image]` in the workspace's root Cargo.toml",
        ),
        (
            r#"make-conf = {}"#,
            "app/Cargo.toml:2:1: `make-conf` holds for the whole workspace, not for one image\n  help: move it to `[workspace.metadata.image]` in the workspace's root Cargo.toml",
        ),
        (
            r#"debian-mirror = "x""#,
            "app/Cargo.toml:2:1: `debian-mirror` holds for the whole workspace, not for one image\n  help: move it to `[workspace.metadata.image]` in the workspace's root Cargo.toml",
        ),
        (
            r#"python-index = "x""#,
            "app/Cargo.toml:2:1: `python-index` holds for the whole workspace, not for one image\n  help: move it to `[workspace.metadata.image]` in the workspace's root Cargo.toml",
        ),
        (
            r#"registry = "x""#,
            "app/Cargo.toml:2:1: `registry` is not supported yet\n  help: write it into `name`, such as \"registry.example/team/web\", and push the reference that the command prints with `docker push`",
        ),
        (
            r#"base = "alpine""#,
            "app/Cargo.toml:2:8: the workspace has no image `alpine` to begin with\n  help: there is only `scratch`; for an image from elsewhere, write `base = { image = \"alpine\" }`",
        ),
    ];
    check(cases, |line| refusal("", &image(line)));
}
