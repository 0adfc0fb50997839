//! Images whose base changes, and images that remove files of their base.

use std::fs;

use serde_json::Value;

use crate::bases::{layers, output};
use crate::support::{Container, LoadedImage, Workspace, tool, unique_name};
use crate::unmerge::{WORDS, workspace_of};

/// An image of a program, its library and some words, and one on top of it.
struct Pair {
    parent: String,
    child: String,
    workspace: Workspace,
}

impl Pair {
    fn new(parent: &str, child: &str) -> Pair {
        let pair = Pair { parent: parent.into(), child: child.into(), workspace: workspace_of("") };
        pair.tables("", "");
        pair
    }

    /// Writes the tables with these further keys.
    fn tables(&self, of_parent: &str, of_child: &str) {
        let Pair { parent, child, workspace } = self;
        workspace.write(
            "Cargo.toml",
            &format!(
                "[workspace]\nresolver = \"3\"\nmembers = [\"some\"]\n\n[workspace.metadata.image]\n\
                 repositories = [{{ name = \"mine\", path = \"overlay\" }}]\n\n\
                 [workspace.metadata.images.{parent}]\npackages = [\"media-libs/greeter\", \"media-libs/words\"]\n\
                 entrypoint = [\"/usr/bin/greeter\"]\n{of_parent}\n\n\
                 [workspace.metadata.images.{child}]\nbase = \"{parent}\"\n{of_child}\n"
            ),
        );
    }

    /// Another version of the words.
    fn words(&self, version: u8, text: &str) {
        let first = fs::read_to_string(self.workspace.root().join("overlay/media-libs/words/words-1.ebuild"));
        let first = first.expect("it is there");
        assert!(first.ends_with(WORDS), "{first}");
        self.workspace.write(
            &format!("overlay/media-libs/words/words-{version}.ebuild"),
            &first.replace("echo hello", &format!("echo {text}")),
        );
    }

    /// The locked versions of the words, one for all images that have them.
    fn locked_words(&self) -> Vec<String> {
        let lock = fs::read_to_string(self.workspace.root().join("Tierce.lock")).expect("a lock");
        let blocks = lock.split("[[package]]").filter(|block| block.contains("name = \"media-libs/words\""));
        let version = |block: &str| block.lines().find_map(|line| line.strip_prefix("version = ").map(str::to_owned));
        blocks.filter_map(version).map(|version| version.replace('"', "")).collect()
    }

    fn error(&self, arguments: &[&str], code: i32) -> String {
        self.workspace.xtask(arguments).fails_with(code).error(self.workspace.root())
    }
}

#[test]
fn base_package_is_unmerged_unless_needed() {
    let names = [unique_name(), unique_name()];
    let [parent, child] = names.each_ref().map(|name| format!("{name}:latest"));
    let _images = LoadedImage::new(&parent).and(&child);
    let pair = Pair::new(&names[0], &names[1]);
    pair.tables("", "unmerge = [\"media-libs/words\"]");
    pair.workspace.xtask(&["image"]).ok();

    let listing = |reference: &str| Container::create(reference).listing();
    assert!(listing(&parent).contains("usr/share/words/list\n") && listing(&parent).contains("etc/words.conf\n"));
    assert!(!listing(&child).contains("words"), "{}", listing(&child));
    assert_eq!(output(&child), "one\n");
    // The layers of the base stay: a new layer hides the removed files.
    let (below, all) = (layers(&parent), layers(&child));
    assert!(all.starts_with(&below) && all.len() > below.len(), "{all:?}");
    let path = pair.workspace.root().join(format!("target/tierce/images/{}/report.json", names[1]));
    let report: Value = serde_json::from_str(&fs::read_to_string(path).expect("a report")).expect("JSON");
    let own = report["layers"].as_array().expect("layers")[below.len()..].iter();
    assert!(own.clone().any(|layer| layer["name"] == "removed"), "{}", report["layers"]);
    let again = pair.workspace.xtask(&["image", "--dry-run", "--explain"]).ok().stdout;
    assert!(again.lines().all(|line| line.ends_with("  fresh")), "{again}");
}

#[test]
fn package_needed_by_base_stays() {
    let pair = Pair::new("parent", "child");
    let error = |keys: &str, code| {
        pair.tables("", keys);
        pair.error(&["image", "child", "--layout", "layout"], code)
    };
    insta::assert_snapshot!(error("unmerge = [\"media-libs/one\"]", 7), @r#"
    error: failed to find what the image `child` needs
      --> Cargo.toml:15:12
       |
    15 | unmerge = ["media-libs/one"]
       |            ^^^^^^^^^^^^^^^^
       |
       = note: failed to find `libone.so.1`, needed by `/usr/bin/greeter`; searched /etc/ld.so.cache, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib; `media-libs/one`, which has it, is unmerged
       = help: take "media-libs/one" out of `unmerge`
    "#);
    insta::assert_snapshot!(error("prune = [\"/usr/bin/greeter\"]", 3), @r#"
    error: `prune` of `child` takes away `/usr/bin/greeter`, which the image starts
      --> Cargo.toml:15:10
       |
    15 | prune = ["/usr/bin/greeter"]
       |          ^^^^^^^^^^^^^^^^^^
       |
       = help: take "/usr/bin/greeter" out of `prune`, or name another program in `entrypoint`
    "#);
    let check = "healthcheck = { file = \"/run/ready\" }\nremove = [\"/usr/libexec\"]";
    insta::assert_snapshot!(error(check, 3), @r#"
    error: `remove` of `child` takes away `/usr/libexec/tierce-probe`, which the health check runs
      --> Cargo.toml:16:11
       |
    16 | remove = ["/usr/libexec"]
       |           ^^^^^^^^^^^^^^
       |
       = help: take "/usr/libexec" out of `remove`, or ask for the image's health by a `cmd`
    "#);
}

#[test]
fn base_update_rebuilds_dependent_images() {
    let names = [unique_name(), unique_name()];
    let [parent, child] = names.each_ref().map(|name| format!("{name}:latest"));
    let _images = LoadedImage::new(&parent).and(&child);
    let pair = Pair::new(&names[0], &names[1]);
    let updating = |words: &[&str]| {
        let ran = pair.workspace.xtask(&[&["update"], words].concat()).ok();
        let is_change = |line: &&str| line.contains("words ") || line.contains(" change");
        let lines: Vec<&str> = ran.stderr.lines().map(str::trim).filter(is_change).collect();
        lines.join("\n").replace(&names[0], "parent").replace(&names[1], "child")
    };
    // The next run resolves nothing.
    let is_whole = || pair.workspace.xtask(&["image", "--dry-run", "--locked"]).ok().stdout.contains("tag ");
    updating(&[]);
    assert_eq!(pair.locked_words(), ["1"]);

    pair.words(2, "goodbye");
    pair.workspace.xtask(&["update", "builder"]).ok();
    assert_eq!(pair.locked_words(), ["1"], "what is locked stays");
    assert_eq!(updating(&["media-libs/words"]), "Updating media-libs/words 1 -> 2 (parent, child)\nLocked 1 change");
    assert_eq!((pair.locked_words(), is_whole()), (vec!["2".to_owned()], true));
    pair.workspace.xtask(&["image", "--locked"]).ok();
    for reference in [&parent, &child] {
        let container = Container::create(reference);
        let file = format!("{}:/usr/share/words/list", container.name());
        let tar = tool("docker", ["cp", &file, "-"]).ok().stdout;
        assert!(tar.contains("goodbye"), "{reference}: {tar}");
    }

    // The one on top cannot have another version; the one below takes it with it.
    pair.words(3, "again");
    pair.workspace.xtask(&["update", "builder"]).ok();
    assert_eq!(updating(&[&names[1]]), "Locked nothing changes");
    assert_eq!(updating(&[&names[0]]), "Updating media-libs/words 2 -> 3 (parent, child)\nLocked 1 change");
    assert_eq!((pair.locked_words(), is_whole()), (vec!["3".to_owned()], true));
    assert_eq!(updating(&[]), "Locked nothing changes");
}

#[test]
fn no_deps_requires_a_fresh_base() {
    let pair = Pair::new("parent", "child");
    let alone = ["image", "child", "--layout", "layout", "--no-deps"];
    insta::assert_snapshot!(pair.error(&alone, 1), @r#"
    error: the image `parent` has to be built first, and --no-deps forbids it
      --> Cargo.toml:14:8
       |
    14 | base = "parent"
       |        ^^^^^^^^
       |
       = note: resolve parent: Tierce.lock does not have it
       = help: `cargo xtask image parent` builds what is missing; or leave --no-deps out
    "#);
    let layout = pair.workspace.root().join("layout");
    assert!(!layout.exists());

    // `--no-deps` has no effect on an image without a base.
    pair.workspace.xtask(&["image", "parent", "--layout", "layout", "--no-deps"]).ok();
    let ran = pair.workspace.xtask(&alone).ok();
    assert!(ran.stderr.contains("Running pack child") && !ran.stderr.contains("Running pack parent"), "{}", ran.stderr);
    // Only the image's own steps run again.
    let again = pair.workspace.xtask(&[&alone[..], &["--no-cache", "--dry-run", "--explain"]].concat()).ok().stdout;
    let would_run = |step: &str| again.lines().any(|line| line.starts_with(step) && line.contains("would run"));
    assert!(would_run("packages child") && !would_run("packages parent") && !would_run("pack parent"), "{again}");

    pair.tables("env = { LEVEL = \"1\" }", "");
    let before = fs::read(layout.join("index.json")).expect("a layout");
    let refused = pair.error(&alone, 1);
    insta::assert_snapshot!(refused, @r#"
    error: the image `parent` has to be built first, and --no-deps forbids it
      --> Cargo.toml:14:8
       |
    14 | base = "parent"
       |        ^^^^^^^^
       |
       = note: pack parent: how it is run changed
       = help: `cargo xtask image parent` builds what is missing; or leave --no-deps out
    "#);
    for forecast in [&["--dry-run"][..], &["--dry-run", "--explain"]] {
        assert_eq!(pair.error(&[&alone[..], forecast].concat(), 1), refused);
    }
    assert_eq!(fs::read(layout.join("index.json")).expect("a layout"), before);
    pair.workspace.xtask(&["image", "parent", "child", "--layout", "layout", "--no-deps"]).ok();
    pair.workspace.xtask(&alone).ok();
}
