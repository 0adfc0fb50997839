//! `unmerge`: packages that the build needs and the image does not.

use std::fs;

use serde_json::{Value, json};

use crate::ebuilds::package_with_repository;
use crate::package_images::builders_lock;
use crate::running::warm_up;
use crate::support::{Container, LoadedImage, Workspace, tool, unique_name};

/// A program that is linked against a library, and says that it needs another package, which it gets on without.
const GREETER: &str = "KEYWORDS=\"amd64\"\nDEPEND=\"media-libs/one\"\nRDEPEND=\"media-libs/one || ( media-libs/words media-libs/other )\"\n\n\
    src_compile() {\n\
    \techo 'int one(void); int puts(const char *); int main(void) { return puts(one() == 1 ? \"one\" : \"?\") < 0; }' >main.c\n\
    \t\"${CHOST}-gcc\" ${CFLAGS} ${LDFLAGS} main.c -lone -o greeter || die\n\
    }\n\nsrc_install() {\n\tdobin greeter\n}\n";
pub(crate) const WORDS: &str = "KEYWORDS=\"amd64\"\n\nsrc_install() {\n\techo hello >list || die\n\tinsinto /usr/share/words\n\tdoins list\n\
    \tinsinto /etc\n\tnewins list words.conf\n}\n";

/// A workspace with an image of that program, whose table has these further keys.
fn workspace(name: &str, keys: &str) -> Workspace {
    workspace_of(&table(name, keys))
}

/// A workspace with that program, its library and the words, whose Cargo.toml this is.
pub(crate) fn workspace_of(root: &str) -> Workspace {
    warm_up();
    let workspace = package_with_repository("some", "")
        .ebuild("greeter", GREETER)
        .ebuild("words", WORDS)
        .library("one", "int one(void) { return 1; }\n")
        .file("some/Cargo.toml", "[package]\nname = \"some\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")
        .file("some/src/lib.rs", "")
        .file("Tierce.lock", &builders_lock());
    fs::remove_file(workspace.root().join("some/src/main.rs")).expect("it is there");
    workspace.write("Cargo.toml", root);
    workspace
}

fn table(name: &str, keys: &str) -> String {
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"some\"]\n\n[workspace.metadata.image]\n\
         repositories = [{{ name = \"mine\", path = \"overlay\" }}]\n\n[workspace.metadata.images.{name}]\n\
         packages = [\"media-libs/greeter\", \"media-libs/words\"]\nentrypoint = [\"/usr/bin/greeter\"]\n{keys}\n"
    )
}

#[test]
fn unmerged_package_stays_in_root() {
    let name = unique_name();
    let reference = format!("{name}:latest");
    let _image = LoadedImage::new(&reference);
    let keys =
        "unmerge = [\"media-libs/words\"]\nkeep = [\"vdb\", \"/usr/share/word/**\"]\nprune = [\"/usr/bin/greetr\"]";
    let workspace = workspace(&name, keys);
    let ran = workspace.xtask(&["image"]).ok();
    assert_eq!(tool("docker", ["run", "--rm", "--network", "none", &reference]).ok().stdout, "one\n");

    let listing = Container::create(&reference).listing();
    for there in ["usr/bin/greeter\n", "var/db/pkg/media-libs/greeter-1/CONTENTS\n", "var/db/pkg/media-libs/one-1/"] {
        assert!(listing.contains(there), "{there}\n{listing}");
    }
    assert!(!listing.contains("words"), "{listing}");

    // A likely mistake is a warning, and is in the report.
    for warning in [
        "`media-libs/greeter-1` of `NAME` says that it needs `media-libs/words or media-libs/other` at run time, and that is unmerged",
        "`keep` of `NAME` has `/usr/share/word/**`, which matches nothing: no package of the image has such a file",
        "`prune` of `NAME` has `/usr/bin/greetr`, which matches nothing: it removes nothing; there is `/usr/bin/greeter`",
    ] {
        let warning = warning.replace("NAME", &name);
        assert!(ran.stderr.contains(&warning), "{warning}\n{}", ran.stderr);
    }
    let report = fs::read_to_string(workspace.root().join(format!("target/tierce/images/{name}/report.json")));
    let report: Value = serde_json::from_str(&report.expect("a report")).expect("JSON");
    let (root, unmerged) = (report["sizes"]["root"].as_u64(), report["sizes"]["unmerged"].as_u64());
    assert!(root > unmerged && unmerged > Some(0), "{}", report["sizes"]);
    let findings = report["findings"].as_array().expect("a list");
    let lacking = json!({
        "finding": "lacking-dependency", "package": "media-libs/greeter-1", "needs": "media-libs/words or media-libs/other",
    });
    assert!(findings.contains(&lacking), "{findings:?}");
    assert_eq!(findings.len(), 3, "{findings:?}");

    // A shell has ROOT as before the step, and the step's command.
    let script = "ls /destination/usr/share/words; eval \"$TIERCE_COMMAND\" >&2; ls /tierce/unmerged/usr/share/words || echo gone";
    let ran = workspace.xtask(&["shell", &name, "--step", "unmerge", "--", "bash", "-c", script]).ok();
    assert_eq!(ran.stdout, "list\ngone\n");
    let again = workspace.xtask(&["image", "--dry-run", "--explain"]).ok().stdout;
    assert!(again.lines().all(|line| line.ends_with("  fresh")), "{again}");
    // ROOT still has all packages.
    workspace.write("Cargo.toml", &table(&name, ""));
    let explained = workspace.xtask(&["image", "--dry-run", "--explain"]).ok().stdout;
    let fresh = format!("root {name} ");
    assert!(explained.lines().any(|line| line.starts_with(&fresh) && line.ends_with("  fresh")), "{explained}");
    workspace.xtask(&["image"]).ok();
    assert!(Container::create(&reference).listing().contains("usr/share/words/list\n"));
}

#[test]
fn needed_or_absent_package_stays() {
    let workspace = workspace("greeter", "unmerge = [\"media-libs/word\"]");
    let error = |keys: &str, code| {
        workspace.write("Cargo.toml", &table("greeter", keys));
        workspace.xtask(&["image", "--layout", "layout"]).fails_with(code).error(workspace.root())
    };
    insta::assert_snapshot!(error("unmerge = [\"media-libs/word\"]", 3), @r#"
    error: no package of ROOT matches `media-libs/word` of `unmerge`
      --> Cargo.toml:11:12
       |
    11 | unmerge = ["media-libs/word"]
       |            ^^^^^^^^^^^^^^^^^
       |
       = help: did you mean `media-libs/words`?
    "#);
    insta::assert_snapshot!(error("unmerge = [\"media-libs/one\", \"media-libs/words\"]", 7), @r#"
    error: failed to find what the image `greeter` needs
      --> Cargo.toml:11:12
       |
    11 | unmerge = ["media-libs/one", "media-libs/words"]
       |            ^^^^^^^^^^^^^^^^
       |
       = note: failed to find `libone.so.1`, needed by `/usr/bin/greeter`; searched /etc/ld.so.cache, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib; `media-libs/one`, which has it, is unmerged
       = help: take "media-libs/one" out of `unmerge`
    "#);
}
