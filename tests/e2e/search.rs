//! `search` and `use`: Portage's own answers about packages and USE flags.

use serde_json::{Value, json};

use crate::ebuilds::{nothing_is_left, with_repository};
use crate::support::Workspace;

/// A stable version with a flag of each kind, and a newer one that is not stable.
const SHAPES: &str = "DESCRIPTION=\"Draws shapes\"\nHOMEPAGE=\"https://shapes.invalid/\"\nSLOT=0/2\n\
                      KEYWORDS=\"amd64\"\nIUSE=\"+circles -lines static-libs text tools\"\n";
const NEWER: &str = "EAPI=8\nDESCRIPTION=\"Draws shapes\"\nSLOT=0\nKEYWORDS=\"~amd64\"\n";

/// The texts of the flags.
const METADATA: &str = "<?xml version=\"1.0\"?>\n<pkgmetadata><use>\n<flag name=\"text\">Draw <pkg>media-libs/freetype</pkg>\n\
                        letters</flag>\n</use></pkgmetadata>\n";

fn workspace() -> Workspace {
    let table = "use = [\"tools\", \"text\"]\npackage-use = { \"media-libs/shapes\" = [\"-text\"] }";
    let workspace = with_repository(table).ebuild("shapes", SHAPES);
    workspace
        .file("overlay/media-libs/shapes/shapes-2.ebuild", NEWER)
        .file("overlay/media-libs/shapes/metadata.xml", METADATA)
}

#[test]
fn packages_are_found_by_name_and_description() {
    let workspace = workspace();
    let search = |words: &[&str]| workspace.xtask(&[&["search"], words].concat()).ok();
    let all: Value = serde_json::from_str(&search(&["--format", "json"]).stdout).expect("JSON");
    assert!(all.as_array().expect("a list").len() > 20, "the embedded ones too");
    let found = search(&["SHAPES", "draw"]);
    assert_eq!(found.stdout, "PACKAGE            VERSION  DESCRIPTION\nmedia-libs/shapes  1        Draws shapes\n");
    let nothing = search(&["shapes", "xyzzy"]);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("no package has `shapes` and `xyzzy`"), "{}", nothing.stderr);
    nothing_is_left(&nothing, &workspace);
}

#[test]
fn flags_have_states_and_reasons() {
    let workspace = workspace();
    let used = workspace.xtask(&["use", "shapes", "--format", "json"]).ok();
    let package: Value = serde_json::from_str(&used.stdout).expect("JSON");
    let flag = |name: &str, on: bool, source: &str, description: &str| json!({ "flag": name, "on": on, "source": source, "description": description });
    // The repository's master has the texts of flags that many packages have.
    assert_eq!(
        package["flags"],
        json!([
            flag("circles", true, "ebuild", ""),
            flag("lines", false, "ebuild", ""),
            flag("static-libs", false, "default", "Build static versions of the libraries as well"),
            flag("text", false, "package-use", "Draw media-libs/freetype letters"),
            flag("tools", true, "use", "Build and install the package's command-line programs"),
        ])
    );
    assert_eq!(package["chosen"], "1");
    let versions: Vec<_> = package["versions"].as_array().expect("a list").iter().collect();
    assert_eq!((&versions[0]["version"], &versions[0]["masked"]), (&json!("2"), &json!(["~amd64 keyword"])));
    assert_eq!((&versions[1]["slot"], &versions[1]["masked"]), (&json!("0/2"), &json!([])));

    let newer = workspace.xtask(&["use", "=media-libs/shapes-2"]).ok();
    assert!(newer.stdout.ends_with("\n2 has no USE flags.\n"), "{}", newer.stdout);
    let absent = workspace.xtask(&["use", "media-libs/shape"]).fails_with(4);
    assert!(absent.stderr.contains("did you mean `media-libs/shapes`?"), "{}", absent.stderr);
    nothing_is_left(&absent, &workspace);
}
