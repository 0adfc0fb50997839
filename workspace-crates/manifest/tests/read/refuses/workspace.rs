//! Invalid keys and values of the workspace's table.

use super::{Cases, check};
use crate::{defaults, image, refusal};

#[test]
fn invalid_workspace_keys_are_refused() {
    let cases: Cases<'_> = &[
        (
            r#"make-conf = { FEATURES = "test binpkg-request-signature" }"#,
            "Cargo.toml:2:32: `binpkg-request-signature` of FEATURES cannot work in a builder: emerge would refuse every binary package, as those of Tierce have no signature\n  help: leave it out; Tierce checks the digest of each source, and the key of each binary package",
        ),
        (
            r#"name = "x""#,
            "Cargo.toml:2:1: `name` holds for one image, not for all of them\n  help: move it to `[package.metadata.image]` of a package",
        ),
        (r#"bulder = "debian""#, "Cargo.toml:2:1: unknown key `bulder`\n  help: did you mean `builder`?"),
        (
            r#"builder = "stage3""#,
            "Cargo.toml:2:11: \"stage3\" for `builder` is not supported yet\n  help: write `builder = \"debian\"`, or unpack a stage3 yourself and name it with `builder = { rootfs = \"stage3.tar.xz\" }`",
        ),
        (r#"builder = "alpine""#, "Cargo.toml:2:11: `builder` cannot be \"alpine\"\n  help: there is only `debian`"),
        (r#"builder = 1"#, "Cargo.toml:2:11: `builder` must be \"debian\" or a table, not an integer"),
        (r#"builder = {}"#, "Cargo.toml:2:11: `builder` needs exactly one of `image` and `rootfs`"),
        (
            r#"builder = { image = "a", rootfs = "b" }"#,
            "Cargo.toml:2:11: `builder` needs exactly one of `image` and `rootfs`",
        ),
        (r#"builder = { img = "a" }"#, "Cargo.toml:2:13: unknown key `img`\n  help: there are `image` and `rootfs`"),
        (
            r#"builder = { image = "A b" }"#,
            "Cargo.toml:2:21: `A b` is not a reference to an image\n  help: write `[domain/]path[:tag][@digest]`, such as `registry.example/stage3:2026`",
        ),
        (r#"builder = { rootfs = "" }"#, "Cargo.toml:2:22: a path is empty"),
        (
            r#"repositories = [{ name = "a b", path = "x" }]"#,
            "Cargo.toml:2:28: malformed repository name `a b`: a space is not allowed in a repository name\n  help: a repository name has letters, digits and `_` `-`",
        ),
        (
            r#"repositories = [{ name = "tierce", path = "x" }]"#,
            "Cargo.toml:2:26: the repository name `tierce` is taken\n  help: name it otherwise, here and in its profiles/repo_name",
        ),
        (
            r#"repositories = [{ name = "a", path = "x" }, { name = "a", path = "y" }]"#,
            "Cargo.toml:2:54: two repositories have the name `a`\n  Cargo.toml:2:26: the first one",
        ),
        (
            r#"repositories = [{ path = "x" }]"#,
            "Cargo.toml:2:17: an item of `repositories` lacks `name`\n  help: add `name = \"overlay\"`",
        ),
        (
            r#"repositories = [{ name = "a", path = "x", masters = ["tierse"] }]"#,
            "Cargo.toml:2:54: there is no repository `tierse`\n  help: did you mean `tierce`?",
        ),
        (r#"repositories = { a = "x" }"#, "Cargo.toml:2:16: `repositories` must be a list of tables, not a table"),
        (
            r#"portage-profile = "default/linux/amd64""#,
            "Cargo.toml:2:19: `default/linux/amd64` is not a profile of Portage\n  help: write repository:path, such as \"tierce:default/linux/amd64\"",
        ),
        (
            r#"portage-profile = "tierce:../x""#,
            "Cargo.toml:2:19: `tierce:../x` is not a profile of Portage\n  help: write repository:path, such as \"tierce:default/linux/amd64\"",
        ),
        (
            r#"portage-profile = "gentoo:default""#,
            "Cargo.toml:2:19: there is no repository `gentoo`\n  help: there is only `tierce`",
        ),
        (
            r#"portage-profile = "a b:x""#,
            "Cargo.toml:2:19: malformed repository name `a b`: a space is not allowed in a repository name\n  help: a repository name has letters, digits and `_` `-`",
        ),
        (
            r#"make-conf = { USE = "x", PKGDIR = "/x", "a b" = "" }"#,
            "Cargo.toml:2:15: USE flags are not set through variables\n  help: write `use = […]` for every package, `package-use` for one\nCargo.toml:2:26: `PKGDIR` is set by Tierce\n  help: leave it out\nCargo.toml:2:41: `a b` is not a name for a variable",
        ),
        (
            r#"debian-mirror = "mirror.example""#,
            "Cargo.toml:2:17: `mirror.example` is not the address of a mirror\n  help: write an address that begins with `https://`, `http://` or `file:///`",
        ),
        (
            r#"debian-suite = "trixy""#,
            "Cargo.toml:2:16: `debian-suite` cannot be \"trixy\"\n  help: there are `trixie` and `bookworm`",
        ),
        (
            "builder = { image = \"stage3\" }\ndebian-suite = \"trixie\"\ndebian-snapshot = true",
            "Cargo.toml:3:16: `debian-suite` is about the builder `debian`, and this workspace has another\n  help: leave it out\nCargo.toml:4:19: `debian-snapshot` is about the builder `debian`, and this workspace has another\n  help: leave it out",
        ),
        (r#"debian-snapshot = 1"#, "Cargo.toml:2:19: `debian-snapshot` must be a boolean, not an integer"),
        (
            r#"python-index = 1"#,
            "Cargo.toml:2:16: `python-index` must be a string, not an integer\n  help: write `\"1\"`",
        ),
        (
            r#"platforms = ["linux/arm64"]"#,
            "Cargo.toml:2:1: `platforms` is not supported yet\n  help: leave it out: Tierce builds images for linux/amd64",
        ),
        (
            r#"registry = "x""#,
            "Cargo.toml:2:1: `registry` is not supported yet\n  help: write it into `name`, such as \"registry.example/team/web\", and push the reference that the command prints with `docker push`",
        ),
        (r#"bins = ["nope"]"#, "Cargo.toml:2:9: the package `app` has no binary `nope`\n  help: there is only `app`"),
        (
            r#"user = "-nobody""#,
            "Cargo.toml:2:8: `-nobody` is not a user by number\n  help: write numbers, such as \"1000:1000\", or declare the name in `users`",
        ),
    ];
    check(cases, |line| refusal(&defaults(line), &image("")));
}
