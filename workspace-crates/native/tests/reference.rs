//! Generates the page of the reference about native crates. It is committed; the test compares it, and rewrites it under
//! `TIERCE_UPDATE=1`.

use std::fmt::Write;
use std::path::Path;

use tierce_native::{Behaviour, NativeCrate, TABLE};

const COMMAND: &str = "TIERCE_UPDATE=1 cargo test -p tierce-native";

fn page() -> String {
    let mut text = format!(
        "<!-- Generated: `{COMMAND}` rewrites this page. -->\n# Native crates\n\n\
         A crate of this table links a native library. Some compile a copy of the library by default. If ROOT has the \
         library, builders set the variables of this table. A feature that asks for the copy still wins, so \
         the last column has the edit of Cargo.toml.\n\n\
         Other crates work as well: pkg-config, compilers, cmake and configure scripts find the libraries of ROOT. If nothing of a \
         package in `packages` is in the image, Tierce warns, and `strict = true` makes that an error.\n\n\
         | crate | package | by itself | builders set | in Cargo.toml |\n|---|---|---|---|---|\n"
    );
    for entry in TABLE {
        writeln!(text, "{}", row(entry)).expect("a String");
    }
    text
}

fn row(entry: &NativeCrate) -> String {
    let packages: Vec<String> = entry.packages.iter().map(|package| format!("`{package}`")).collect();
    let behaviour = match entry.behaviour {
        Behaviour::Links => "links the library or fails",
        Behaviour::LinksOrBundles => "compiles a copy if it finds no library",
        Behaviour::Bundles => "compiles a copy",
        Behaviour::OnlyBundles => "always compiles a copy",
    };
    let variables: Vec<String> = entry.variables.iter().map(|(name, value)| format!("`{name}={value}`")).collect();
    let (name, packages, variables) = (entry.name, packages.join(", "), variables.join(", "));
    format!("| `{name}` | {packages} | {behaviour} | {variables} | {} |", entry.cargo_toml.unwrap_or_default())
}

#[test]
fn native_crates_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/native-crates.md");
    if std::env::var_os("TIERCE_UPDATE").is_some() {
        std::fs::write(&path, page()).expect("writable");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page(), "{} is stale; `{COMMAND}` rewrites it", path.display());
}
