//! Generates the page of the reference about the embedded packages. It is committed; the test compares it, and rewrites it under
//! `TIERCE_UPDATE=1`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const COMMAND: &str = "TIERCE_UPDATE=1 cargo test -p tierce-ebuilds";

/// The packages that every ROOT has, whatever the table says.
const SYSTEM: [&str; 3] = ["sys-apps/baselayout", "sys-devel/gcc", "sys-libs/glibc"];

const INTRODUCTION: &str = "\
# Packages

A builder of the base `debian` has these packages: Tierce embeds their ebuilds as the repository `tierce`. Name them in `packages` and
`build-packages`, and their USE flags in `package-use`. A `+` marks a flag that is on by default. Each ROOT has
`sys-apps/baselayout`, `sys-devel/gcc` (its runtime libraries) and `sys-libs/glibc` without being asked.

For any other package, [write an ebuild](../guide/ebuilds.md), or add a repository to
[`repositories`](keys.md#settings-of-the-workspace). With a stage3 of Gentoo as its base, a builder has all packages of Gentoo.

";

fn page() -> String {
    let files: BTreeMap<&str, &str> = tierce_ebuilds::files()
        .filter_map(|(path, content)| Some((path, std::str::from_utf8(content).ok()?)))
        .collect();
    let mut text = format!("<!-- Generated: `{COMMAND}` rewrites this page. -->\n{INTRODUCTION}");
    text.push_str("| package | version | description | licence | USE flags |\n|---|---|---|---|---|\n");
    let ebuilds = files.iter().filter(|(path, _)| path.ends_with(".ebuild"));
    for (path, ebuild) in ebuilds {
        let (folder, file) = path.rsplit_once('/').expect("category/name/file");
        let name = folder.rsplit('/').next().expect("a name");
        let version = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".ebuild"));
        let flags = flags(ebuild, files[format!("{folder}/metadata.xml").as_str()], files["profiles/use.desc"]);
        let value = |variable| assigned(ebuild, variable).unwrap_or_default().replace('|', "\\|");
        let cells = [value("DESCRIPTION"), value("LICENSE"), flags.join("<br>")];
        let version = version.expect("a version");
        writeln!(text, "| `{folder}` | {version} | {} |", cells.join(" | ")).expect("a String");
    }
    text
}

/// The value of a variable that an ebuild assigns.
fn assigned<'e>(ebuild: &'e str, variable: &str) -> Option<&'e str> {
    let start = format!("\n{variable}=\"");
    let (_, rest) = ebuild.split_once(&start)?;
    rest.split('"').next()
}

/// The flags of an ebuild, each with its description.
fn flags(ebuild: &str, metadata: &str, global: &str) -> Vec<String> {
    let flags = assigned(ebuild, "IUSE").unwrap_or_default().split_whitespace();
    let described = |flag: &str| {
        let name = flag.trim_start_matches('+');
        let own =
            metadata.split_once(&format!("<flag name=\"{name}\">")).and_then(|(_, rest)| rest.split("</flag>").next());
        let global = global.lines().find_map(|line| line.strip_prefix(&format!("{name} - ")));
        let text = without_tags(own.or(global).expect("every flag is described"));
        let words: Vec<&str> = text.split_whitespace().collect();
        format!("`{flag}`: {}", words.join(" ").replace('|', "\\|"))
    };
    flags.map(described).collect()
}

#[test]
fn packages_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/packages.md");
    if std::env::var_os("TIERCE_UPDATE").is_some() {
        std::fs::write(&path, page()).expect("writable");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page(), "{} is stale; `{COMMAND}` rewrites it", path.display());
}

/// Removes the tags of metadata.xml, such as `<pkg>`, and keeps the text between them.
fn without_tags(text: &str) -> String {
    let mut parts = text.split('<');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('>').map_or("", |(_, rest)| rest))
}

#[test]
fn descriptions_of_flags_are_whole() {
    assert_eq!(without_tags("Leave <c>ps</c> to <pkg>a/b</pkg> now"), "Leave ps to a/b now");
    assert!(page().contains("Leave ps, top and the like to sys-process/procps"), "{}", page());
}

#[test]
fn page_has_every_package_and_the_system() {
    let page = page();
    for package in tierce_ebuilds::packages().chain(SYSTEM) {
        assert!(page.contains(&format!("\n| `{package}` | ")), "{package}");
    }
}
