//! Invalid values of the right type.

use super::{Cases, check};
use crate::{image, refusal};

#[test]
fn invalid_values_are_refused() {
    let cases: Cases<'_> = &[
        (
            r#"packages = ["libpng"]"#,
            "app/Cargo.toml:2:14: malformed atom `libpng`: the category is missing\n  help: write `media-libs/libpng`",
        ),
        (
            r#"packages = [">=libpgn-1.6:0", "libpcre2"]"#,
            "app/Cargo.toml:2:16: malformed atom `>=libpgn-1.6:0`: the category is missing\n  help: did you mean `media-libs/libpng`?\napp/Cargo.toml:2:32: malformed atom `libpcre2`: the category is missing\n  help: write category and name: `CATEGORY/libpcre2`",
        ),
        (
            r#"locale = ["de_DE"]"#,
            "app/Cargo.toml:2:11: `de_DE` is not a locale with its character set\n  help: write language, territory and character set: \"de_DE.UTF-8\"",
        ),
        (
            r#"timezone = "../Europe""#,
            "app/Cargo.toml:2:12: `../Europe` is not the name of a time zone\n  help: write area and location as the time zone database has them: \"Europe/Berlin\"",
        ),
        (
            r#"gconv = ["latin 1"]"#,
            "app/Cargo.toml:2:10: `latin 1` is not the name of a character set\n  help: write it as `iconv --list` has it: \"ISO-8859-15\"",
        ),
        (
            r#"allow-missing = ["time-zone", "plug"]"#,
            "app/Cargo.toml:2:18: `time-zone` is neither a run-time dependency nor a glob\n  help: did you mean `time-zones`?\napp/Cargo.toml:2:31: `plug` is neither a run-time dependency nor a glob\n  help: a glob begins at the top: write `/plug`, or `/**/plug` for any folder",
        ),
        (
            r#"packages = ["media-libs/lib png"]"#,
            "app/Cargo.toml:2:28: malformed atom `media-libs/lib png`: a space is not allowed in an atom\n  help: write one atom in each string",
        ),
        (
            r#"use = ["+apng"]"#,
            "app/Cargo.toml:2:9: malformed USE setting `+apng`: a USE flag does not begin with `+`\n  help: write `apng` to switch it on, `-apng` to switch it off",
        ),
        (
            r#"use = ["apng", "-apng"]"#,
            "app/Cargo.toml:2:16: the USE flag `apng` is on and off in one list\n  app/Cargo.toml:2:8: the first time",
        ),
        (
            r#"package-use = { "media-libs/libpng[apng]" = [] }"#,
            "app/Cargo.toml:2:17: `media-libs/libpng[apng]` selects by USE flags, which Portage allows in `packages` only\n  help: leave out the brackets; `package-use` sets USE flags",
        ),
        (
            r#"max-size = "12""#,
            "app/Cargo.toml:2:12: `12` is not a size\n  help: write a number with its unit, such as \"12 MB\", \"1.5 GB\" or \"800 kB\"; MiB is 1024 times 1024 bytes",
        ),
        (
            r#"max-size = { libpng = "1 MB", totall = "2 MB", total = "x" }"#,
            "app/Cargo.toml:2:14: `libpng` owns nothing\n  help: there are `the program`, `declared files` and `total`\napp/Cargo.toml:2:31: `totall` owns nothing\n  help: did you mean `total`?\napp/Cargo.toml:2:56: `x` is not a size\n  help: write a number with its unit, such as \"12 MB\", \"1.5 GB\" or \"800 kB\"; MiB is 1024 times 1024 bytes",
        ),
        (r#"max-size = 12"#, "app/Cargo.toml:2:12: `max-size` must be a string or a table of strings, not an integer"),
        (
            r#"package-use = { "libpng" = ["apng"] }"#,
            "app/Cargo.toml:2:18: malformed atom `libpng`: the category is missing\n  help: write `media-libs/libpng`",
        ),
        (
            r#"package-use = { "a/b" = ["?"] }"#,
            "app/Cargo.toml:2:27: malformed USE setting `?`: `?` is not allowed in a USE flag\n  help: a USE flag has letters, digits and `+` `_` `@` `-`",
        ),
        (
            r#"package-keywords = { "a/b" = ["~~amd64"] }"#,
            "app/Cargo.toml:2:31: `~~amd64` is not a keyword\n  help: write \"~amd64\" for packages in testing, or \"**\" for packages without a keyword",
        ),
        (
            r#"package-mask = ["a/b[x]"]"#,
            "app/Cargo.toml:2:17: `a/b[x]` selects by USE flags, which Portage allows in `packages` only\n  help: leave out the brackets; `package-use` sets USE flags",
        ),
        (
            r#"package-unmask = ["a"]"#,
            "app/Cargo.toml:2:20: malformed atom `a`: the category is missing\n  help: write category and name: `CATEGORY/a`",
        ),
        (
            r#"package-env = { "a/b" = { "A-B" = "1", USE = "x", ROOT = "/" } }"#,
            "app/Cargo.toml:2:27: `A-B` is not a name for a variable\napp/Cargo.toml:2:40: USE flags are not set through variables\n  help: write `use = […]` for every package, `package-use` for one\napp/Cargo.toml:2:51: `ROOT` is set by Tierce\n  help: leave it out",
        ),
        (
            r#"package-license = { "a/b" = ["GPL 2"] }"#,
            "app/Cargo.toml:2:30: `GPL 2` is not a licence\n  help: write a licence's name, \"@GROUP\" or \"*\"",
        ),
        (
            r#"patches = { "a/b" = ["../x.patch", "/x.patch", "x.txt"] }"#,
            "app/Cargo.toml:2:22: `../x.patch` is outside of the folder of this Cargo.toml\n  help: name a file inside of it; a build script can copy other files there\napp/Cargo.toml:2:36: `/x.patch` is outside of the folder of this Cargo.toml\n  help: name a file inside of it; a build script can copy other files there\napp/Cargo.toml:2:48: `x.txt` is not named as a patch\n  help: Portage wants a name that ends in `.patch` or `.diff`",
        ),
        (r#"bins = ["ap"]"#, "app/Cargo.toml:2:9: the package `app` has no binary `ap`\n  help: did you mean `app`?"),
        (
            r#"bins = []"#,
            "app/Cargo.toml:2:8: `bins` is empty\n  help: the package `app` has `app`; leave `bins` out for all of them",
        ),
        (
            r#"features = ["metric"]"#,
            "app/Cargo.toml:2:13: the package `app` has no feature `metric`\n  help: did you mean `metrics`?",
        ),
        (
            r#"features = ["--all"]"#,
            "app/Cargo.toml:2:13: the package `app` has no feature `--all`\n  help: there are `default` and `metrics`",
        ),
        (r#"features = ["dep/fe at"]"#, "app/Cargo.toml:2:13: `dep/fe at` is not the name of a feature"),
        (
            r#"profile = "tierce:default/linux/amd64""#,
            "app/Cargo.toml:2:11: `tierce:default/linux/amd64` is not the name of a profile\n  help: this is cargo's profile; Portage's is `portage-profile` in `[workspace.metadata.image]`",
        ),
        (r#"profile = "debug""#, "app/Cargo.toml:2:11: cargo has no profile `debug`\n  help: did you mean `dev`?"),
        (r#"profile = "-x""#, "app/Cargo.toml:2:11: `-x` is not the name of a profile"),
        (
            r#"target-cpu = "native""#,
            "app/Cargo.toml:2:14: `native` differs from machine to machine, and images travel\n  help: name the oldest processor that it is to run on, such as \"x86-64-v3\"",
        ),
        (
            r#"sources = ["/srv/data", ""]"#,
            "app/Cargo.toml:2:12: `/srv/data` is an absolute path\n  help: name it relative to the folder of this Cargo.toml\napp/Cargo.toml:2:25: a path is empty",
        ),
        (r#"target-cpu = "a,b""#, "app/Cargo.toml:2:14: `a,b` is not the name of a processor"),
        (
            r#"keep = ["usr/share/**"]"#,
            "app/Cargo.toml:2:9: the glob `usr/share/**` does not begin at the top\n  help: write `/usr/share/**`, or `/**/usr/share/**` for any folder",
        ),
        (
            r#"prune = ["/usr/[a"]"#,
            "app/Cargo.toml:2:10: the glob `/usr/[a` is malformed: unclosed character class; missing ']'",
        ),
        (
            r#"files = [{ from = "../secret", to = "/etc/../x", mode = "rw" , owner = "root"}]"#,
            "app/Cargo.toml:2:19: `../secret` is outside of the folder of this Cargo.toml\n  help: name a file inside of it; a build script can copy other files there\napp/Cargo.toml:2:37: `/etc/../x` has `..` in it\napp/Cargo.toml:2:57: `rw` is not a mode\n  help: write three or four octal digits, such as \"0644\"\napp/Cargo.toml:2:72: `root` is not a user by number\n  help: names mean nothing in an image without /etc/passwd: write \"0:0\"",
        ),
        (
            r#"files = [{ from = "/etc/passwd", to = "etc/passwd" }]"#,
            "app/Cargo.toml:2:19: `/etc/passwd` is outside of the folder of this Cargo.toml\n  help: name a file inside of it; a build script can copy other files there\napp/Cargo.toml:2:39: `etc/passwd` is not an absolute path\n  help: write `/etc/passwd`",
        ),
        (
            r#"files = [{ from = "", to = "/a/" }]"#,
            "app/Cargo.toml:2:19: a path is empty\napp/Cargo.toml:2:28: `/a/` is not a normalised path\n  help: write `/a`",
        ),
        (
            r#"directories = [{ path = "/a" }, { path = "/a" }]"#,
            "app/Cargo.toml:2:42: `/a` is in `directories` twice\n  app/Cargo.toml:2:25: the first time",
        ),
        (
            r#"directories = [{ path = "a", mode = "99", owner = "me:us" }]"#,
            "app/Cargo.toml:2:25: `a` is not an absolute path\n  help: write `/a`\napp/Cargo.toml:2:37: `99` is not a mode\n  help: write three or four octal digits, such as \"0644\"\napp/Cargo.toml:2:51: `me:us` is not a user by number\n  help: write numbers, such as \"1000:1000\", or declare the name in `users`",
        ),
        (
            r#"name = "docker.io/team/web""#,
            "app/Cargo.toml:2:8: `docker.io/team/web` has another name in the daemon\n  help: leave out `docker.io/` and `library/`, as the daemon does",
        ),
        (
            r#"tags = ["library/web:1"]"#,
            "app/Cargo.toml:2:9: `library/web:1` has another name in the daemon\n  help: leave out `docker.io/` and `library/`, as the daemon does",
        ),
        (
            r#"name = "registry.example:5000/web:1""#,
            "app/Cargo.toml:2:8: `registry.example:5000/web:1` is not a name for an image\n  help: write the tag into `tags`, and the name without it: \"registry.example:5000/web\"",
        ),
        (
            r#"tags = ["team/web"]"#,
            "app/Cargo.toml:2:9: `team/web` is not a reference with a tag\n  help: write `[domain/]path:tag`, such as \"registry.example/team/web:1.2\"",
        ),
        (
            r#"name = "My Image""#,
            "app/Cargo.toml:2:8: `My Image` is not a name for an image\n  help: write lower-case letters and digits, joined by single `.`, `_`, `-` or `/`: \"my-image\"",
        ),
        (
            r#"tags = ["-x", "1.0"]"#,
            "app/Cargo.toml:2:9: `-x` is not a tag\n  help: a tag has letters, digits, `_`, `.` and `-`, begins with none of the last two, and has at most 128 characters",
        ),
        (r#"tags = []"#, "app/Cargo.toml:2:8: `tags` is empty\n  help: leave it out for `latest`"),
        (
            r#"entrypoint = []"#,
            "app/Cargo.toml:2:14: `entrypoint` and `cmd` are empty: the image would start nothing\n  help: leave `entrypoint` out for the image's binary",
        ),
        (r#"entrypoint = ["", "x"]"#, "app/Cargo.toml:2:15: the name of a program is empty"),
        (r#"entrypoint = ["/a\u0000"]"#, "app/Cargo.toml:2:15: a NUL cannot stand in an argument or a variable"),
        (r#"cmd = "x""#, "app/Cargo.toml:2:7: `cmd` must be a list of strings, not a string\n  help: write `[\"x\"]`"),
        (r#"env = { "A=B" = "" }"#, "app/Cargo.toml:2:9: `A=B` is not a name for a variable"),
        (
            r#"expose = [0, "80/icmp", 99999999999999999999]"#,
            "app/Cargo.toml:2:11: `0` is not a port\n  help: write a number from 1 to 65535, and `/udp` or `/sctp` after it where it is not tcp\napp/Cargo.toml:2:14: `80/icmp` is not a port\n  help: write a number from 1 to 65535, and `/udp` or `/sctp` after it where it is not tcp\napp/Cargo.toml:2:25: `99999999999999999999` is not a port\n  help: write a number from 1 to 65535, and `/udp` or `/sctp` after it where it is not tcp",
        ),
        (r#"volumes = ["data"]"#, "app/Cargo.toml:2:12: `data` is not an absolute path\n  help: write `/data`"),
        (r#"workdir = "/a/""#, "app/Cargo.toml:2:11: `/a/` is not a normalised path\n  help: write `/a`"),
        (
            r#"user = "Nobody""#,
            "app/Cargo.toml:2:8: `Nobody` is not a user by number\n  help: write numbers, such as \"1000:1000\", or declare the name in `users`",
        ),
        (
            r#"user = "nobody:a:b""#,
            "app/Cargo.toml:2:8: `nobody:a:b` is not a user by number\n  help: write numbers, such as \"1000:1000\", or declare the name in `users`",
        ),
        (
            r#"user = -1"#,
            "app/Cargo.toml:2:8: `-1` is not a user by number\n  help: write numbers, such as \"1000:1000\", or declare the name in `users`",
        ),
        (
            r#"labels = { "dev.tierce.key" = "x", "" = "y" }"#,
            "app/Cargo.toml:2:12: the label `dev.tierce.key` is one of Tierce's own\n  help: rename it; Tierce decides by labels that begin with `dev.tierce.` which objects it may remove\napp/Cargo.toml:2:36: `` is not a key for a label",
        ),
        (
            r#"stop-signal = "sigterm""#,
            "app/Cargo.toml:2:15: `sigterm` is not a signal\n  help: did you mean `SIGTERM`?",
        ),
        (
            r#"stop-signal = 0"#,
            "app/Cargo.toml:2:15: `0` is not a signal\n  help: write a name such as SIGTERM, or a number from 1 to 64",
        ),
        (
            r#"healthcheck = { http = 8080, tcp = 8080 }"#,
            "app/Cargo.toml:2:15: `healthcheck` needs exactly one of `cmd`, `http`, `tcp` and `file`\n  help: write `http = 8080` where the program answers requests, or a `cmd` of its own",
        ),
        (
            r#"healthcheck = { tcp = 8081 }"#,
            "app/Cargo.toml:2:23: the health check asks port 8081, on which nothing says that the program listens\n  help: add 8081 to `expose`, which opens nothing to anybody, or ask a port that is in it",
        ),
        (
            r#"healthcheck = { http = "http://example.org/" }"#,
            "app/Cargo.toml:2:24: a health check asks its own container, and `example.org` is not that\n  help: write localhost, 127.0.0.1 or [::1], or the port alone",
        ),
        (r#"healthcheck = { cmd = [] }"#, "app/Cargo.toml:2:23: `cmd` of `healthcheck` is empty"),
        (
            r#"healthcheck = { cmd = ["/x"], interval = "30", retries = 99999999999 }"#,
            "app/Cargo.toml:2:42: `30` is not a time\n  help: write a number with its unit, such as \"30s\", \"500ms\" or \"1m30s\"\napp/Cargo.toml:2:58: `retries` of `healthcheck` is too large",
        ),
    ];
    check(cases, |line| refusal("", &image(line)));
}
