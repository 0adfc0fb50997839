//! Invalid links, accounts, capabilities, hooks and files of variables.

use super::{Cases, check};
use crate::{image, read_image, refusal};

#[test]
fn invalid_links_and_capabilities_are_refused() {
    let cases: Cases<'_> = &[
        (
            r#"symlinks = [{ path = "a", target = "" }, { path = "/" , target = "x" }, { path = "/a", target = "b\n" }]"#,
            "app/Cargo.toml:2:22: `a` is not an absolute path\n  help: write `/a`\napp/Cargo.toml:2:36: the target of a link is empty\napp/Cargo.toml:2:51: `/` cannot be a link\napp/Cargo.toml:2:97: `b\\n` has a control character in it",
        ),
        (
            r#"symlinks = [{ path = "/a", target = "b" }, { path = "/a", target = "c" }]"#,
            "app/Cargo.toml:2:53: `/a` is in `symlinks` twice\n  app/Cargo.toml:2:22: the first time",
        ),
        (
            "symlinks = [{ path = \"/a\", target = \"b\" }, { path = \"/c\", target = \"b\" }]\nfiles = [{ from = \"a\", to = \"/a\" }]\ndirectories = [{ path = \"/c\" }]",
            "app/Cargo.toml:2:22: `/a` is in `symlinks` and in `files`\n  app/Cargo.toml:3:29: something else here\napp/Cargo.toml:2:53: `/c` is in `symlinks` and in `directories`\n  app/Cargo.toml:4:25: something else here",
        ),
        (
            r#"capabilities = { "usr" = "cap_kill=p", "/a" = "cap_kil=p", "/b" = "cap_kill" }"#,
            "app/Cargo.toml:2:18: `usr` is not an absolute path\n  help: write `/usr`\napp/Cargo.toml:2:47: there is no capability `cap_kil`\n  help: did you mean `cap_kill`?\napp/Cargo.toml:2:67: `cap_kill` is not a clause of capabilities\n  help: write names, `=` or `+`, and letters out of `e`, `i` and `p`, such as \"cap_net_raw=ep\"",
        ),
        (
            r#"remove = ["etc/x", "/[a"]"#,
            "app/Cargo.toml:2:11: the glob `etc/x` does not begin at the top\n  help: write `/etc/x`, or `/**/etc/x` for any folder\napp/Cargo.toml:2:20: the glob `/[a` is malformed: unclosed character class; missing ']'",
        ),
        (
            r#"env-files = ["../x.env"]"#,
            "app/Cargo.toml:2:14: `../x.env` is outside of the folder of this Cargo.toml\n  help: name a file inside of it; a build script can copy other files there",
        ),
    ];
    check(cases, |line| refusal("", &image(line)));
}

#[test]
fn invalid_accounts_are_refused() {
    let cases: Cases<'_> = &[
        (
            r#"users = [{ name = "Web", uid = 1 }, { name = "root", uid = 0 }, { name = "a", uid = 0 }]"#,
            "app/Cargo.toml:2:19: `Web` is not a name for a user or a group\n  help: a name has lower-case letters, digits, `_` and `-`, begins with a letter or `_`, and has at most 32 characters\napp/Cargo.toml:2:46: `root` cannot be in `users`\n  help: leave it out: every image's root has the number 0\napp/Cargo.toml:2:85: `uid` cannot be 0\n  help: write a number from 1 to 2147483647; 0 is root's",
        ),
        (
            r#"users = [{ name = "a", uid = 7 }, { name = "a", uid = 8 }, { name = "b", uid = 7, group = 1 }]"#,
            "app/Cargo.toml:2:44: `a` is in `users` twice\n  app/Cargo.toml:2:19: the first time\napp/Cargo.toml:2:69: two of `users` have the number 7: `a` and `b`\n  app/Cargo.toml:2:19: the first one",
        ),
        (
            "users = [{ name = \"web\", uid = 7 }]\ngroups = [{ name = \"media\", gid = 7, members = [\"wep\"] }]",
            "app/Cargo.toml:2:19: two of `groups` have the number 7: `media` and `web`\n  app/Cargo.toml:3:20: the first one\napp/Cargo.toml:3:49: there is no user `wep`\n  help: did you mean `web`?",
        ),
        (
            r#"users = [{ name = "web", uid = 7, group = "meda", comment = "a:b", home = "/a:b", shell = "sh" }]"#,
            "app/Cargo.toml:2:43: there is no group `meda`\n  help: declare it in `groups`, or write a number\napp/Cargo.toml:2:61: `a:b` cannot stand in /etc/passwd\napp/Cargo.toml:2:75: `/a:b` cannot stand in /etc/passwd\napp/Cargo.toml:2:91: `sh` is not an absolute path\n  help: write `/sh`",
        ),
        (
            "users = [{ name = \"web\", uid = 7 }]\nuser = \"wep\"\nfiles = [{ from = \"a\", to = \"/a\", owner = \"web:wep\" }, { from = \"a\", to = \"/b\", owner = \"1:2:3\" }]",
            "app/Cargo.toml:3:8: there is no user `wep`\n  help: did you mean `web`?\napp/Cargo.toml:4:43: there is no group `wep`\n  help: did you mean `web`?\napp/Cargo.toml:4:89: there is no group `2:3`\n  help: there is only `web`",
        ),
        (
            "users = [{ name = \"web\", uid = 7 }]\nfiles = [{ from = \"a\", to = \"/etc/passwd\" }]",
            "app/Cargo.toml:3:29: `/etc/passwd` is made of `users` and `groups`\n  app/Cargo.toml:2:19: the first one\n  help: leave it out, or declare no users and groups",
        ),
    ];
    check(cases, |line| refusal("", &image(line)));
}

#[test]
fn invalid_hooks_are_refused() {
    let cases: Cases<'_> = &[
        (r#"hooks = { finsh = "x.sh" }"#, "app/Cargo.toml:2:11: unknown key `finsh`\n  help: did you mean `finish`?"),
        (
            r#"hooks = { finish = [], builder = "../x.sh", root-after = ["x.sh", "."] }"#,
            "app/Cargo.toml:2:20: `hooks.finish` is empty\n  help: name a script, and after it the files and folders that it reads\napp/Cargo.toml:2:34: `../x.sh` is outside of the folder of this Cargo.toml\n  help: name a file inside of it; a build script can copy other files there\napp/Cargo.toml:2:67: `hooks.root-after` names the whole folder of this Cargo.toml\n  help: name the files that the script reads; a change of one reruns the hook",
        ),
        (r#"hooks = "x.sh""#, "app/Cargo.toml:2:9: `hooks` must be a table, not a string"),
    ];
    check(cases, |line| refusal("", &image(line)));
    let packages = "[workspace.metadata.images.x]\ncmd = [\"/x\"]\nhooks = { builder = \"x.sh\" }";
    assert_eq!(
        refusal(packages, ""),
        "Cargo.toml:3:21: the builder's hook runs before a program is compiled, and this image has none\n  help: leave it out; `root-before` runs before packages are merged"
    );
}

#[test]
fn lists_have_a_limit() {
    let globs = |count: usize| (0..count).map(|index| format!("\"/usr/share/*/x{index}*\", ")).collect::<String>();
    assert_eq!(read_image("", &image(&format!("prune = [{}]", globs(1000)))).content.prune.len(), 1000);
    let start = std::time::Instant::now();
    let refused = refusal("", &image(&format!("prune = [{}]", globs(20_000))));
    assert!(refused.contains("`prune` has 20000 items, and Tierce takes at most 1000"), "{refused}");
    let labels: String = (0..20_000).map(|index| format!("a{index} = \"x\", ")).collect();
    let refused = refusal("", &image(&format!("labels = {{ {labels} }}")));
    assert!(refused.contains("`labels` has 20000 items"), "{refused}");
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
