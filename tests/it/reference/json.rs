//! The page of JSON output: fields and their meanings, read from the definitions that serde serialises.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use super::compare_page;
use crate::architecture::files_below;

/// The commands with `--format json`: the shape that each prints, and the types in it, each with the crate that defines it.
const OUTPUTS: [(&str, &str, &[&str]); 19] = [
    ("image", "A list of `Report`, one an image.", &["report/Report"]),
    ("image --dry-run", "One `Plan`.", &["plan/Plan"]),
    (
        "image --dry-run --explain",
        "A list with one `Forecast` a step, and the step's name in `step`.",
        &["builders/Forecast"],
    ),
    ("test", "A list of `TestReport`.", &["tierce/TestReport"]),
    ("update", "One `LockUpdate`.", &["execute/LockUpdate"]),
    ("verify", "One `Verification`.", &["report/Verification"]),
    ("why", "A list of `Explanation`, one a path.", &["tierce/Explanation"]),
    (
        "size",
        "One `ImageSize`, with its bytes in `bytes`, and with a list of `Group` for each grouping in `by`. With `--against`, the \
         object `against` has the `image`, `id` and `bytes` of the other image, and a list of `Change` for each grouping in `by`.",
        &["report/ImageSize", "report/Group", "report/Change"],
    ),
    ("list", "A list of `ListedImage`.", &["execute/ListedImage"]),
    ("search", "A list of `FoundPackage`.", &["portage/FoundPackage"]),
    ("use", "One `PackageFlags`.", &["portage/PackageFlags"]),
    ("doctor", "One `Diagnosis`.", &["doctor/Diagnosis"]),
    ("debug --dry-run", "One `DryRun`.", &["debug/DryRun"]),
    ("debug --detach", "One `DetachedSession`.", &["tierce/DetachedSession"]),
    ("debug --forward", "An object with a list of `ForwardReport` in `forwards`.", &["debug/ForwardReport"]),
    ("debug --post-mortem, --image", "One `Report` of a stopped container or of an image.", &["debug/Report"]),
    ("debug ls", "A list of `KeptSession`.", &["debug/KeptSession"]),
    ("debug cp", "One `Copied`.", &["debug/Copied"]),
    ("clean", "A list of `Cleaned`.", &["execute/Cleaned"]),
];

/// Types whose parts are no interface: a step's action and the inputs of its key change with any version.
const INTERNAL: [&str; 2] = ["Action", "Ingredients"];

/// Returns the commands that the page has, without options.
pub(super) fn commands() -> BTreeSet<String> {
    let words = |command: &str| command.split(" --").next().unwrap_or_default().to_owned();
    OUTPUTS.iter().map(|(command, _, _)| words(command)).collect()
}

/// A struct or an enum with its documented parts.
struct Type {
    name: String,
    doc: String,
    /// Name, type and meaning.
    parts: Vec<[String; 3]>,
}

#[test]
fn json_page_is_current() {
    let sources: Vec<(String, String)> = files_below("workspace-crates")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("source")))
        .collect();
    let mut text = "# JSON output\n\nThese commands print JSON on stdout with `--format json`. A field of an `Option` can be null or \
                    absent. A value of a type with several variants is the name of a variant, or an object with the name as its \
                    only key, unless the type says otherwise.\n"
        .to_owned();
    let mut written = BTreeSet::new();
    for (command, shape, types) in OUTPUTS {
        write!(text, "\n## {command}\n\n{shape}\n").expect("a String");
        for of in types {
            write_types(&mut text, &sources, of, &mut written);
        }
    }
    compare_page("json", &text);
}

/// Writes a type and the types of its parts, unless the page has them.
fn write_types(text: &mut String, sources: &[(String, String)], of: &str, written: &mut BTreeSet<(String, String)>) {
    let (home, first) = of.split_once('/').expect("a crate and a type");
    assert!(find(sources, home, first).is_some(), "no definition of {of}");
    let mut names = vec![first.to_owned()];
    while let Some(name) = names.pop() {
        let Some((path, found)) = find(sources, home, &name) else { continue };
        if INTERNAL.contains(&name.as_str()) || !written.insert((path.to_owned(), name)) {
            continue;
        }
        names.extend(found.parts.iter().flat_map(|part| type_names(&part[1])).rev());
        write_type(text, &found);
    }
}

/// Finds the definition of a serialised type, in its own crate first.
fn find<'s>(sources: &'s [(String, String)], home: &str, name: &str) -> Option<(&'s str, Type)> {
    let own = format!("/{home}/src/");
    let (here, elsewhere): (Vec<_>, Vec<_>) = sources.iter().partition(|(path, _)| path.contains(&own));
    here.into_iter().chain(elsewhere).find_map(|(path, source)| Some((path.as_str(), parse(source, name)?)))
}

fn parse(source: &str, name: &str) -> Option<Type> {
    let lines: Vec<&str> = source.lines().collect();
    let at = lines.iter().position(|line| is_head(line, name))?;
    let before = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("///"));
    let before: Vec<&str> = before.copied().collect();
    before.iter().find(|line| line.starts_with("#[derive") && line.contains("Serialize"))?;
    let mut doc = before.iter().rev().filter_map(|line| line.strip_prefix("///")).collect::<String>();
    let option = |name: &str| {
        let value = |line: &&str| Some(line.split_once(name)?.1.split('"').next()?.to_owned());
        before.iter().filter(|line| line.starts_with("#[serde(")).find_map(value)
    };
    if let Some(tag) = option("tag = \"") {
        write!(doc, " The field `{tag}` has the name of the variant").expect("a String");
        let content = option("content = \"").map(|content| format!(", the field `{content}` its value"));
        doc.push_str(&(content.unwrap_or_default() + "."));
    }
    let is_kebab = before.iter().any(|line| line.contains("rename_all = \"kebab-case\""));
    let named = |name: &str| if is_kebab { kebab(name) } else { name.to_owned() };
    let mut parts: Vec<[String; 3]> = Vec::new();
    let (mut doc_of_part, mut renamed) = (String::new(), None);
    let body = lines[at + 1..].iter().take_while(|line| **line != "}").filter_map(|line| line.strip_prefix("    "));
    for line in body.filter(|line| !line.starts_with('}')) {
        if line.starts_with('#') {
            let name = line.strip_prefix("#[serde(rename = \"").and_then(|rest| rest.strip_suffix("\")]"));
            renamed = name.map(str::to_owned).or(renamed);
        } else if let Some(text) = line.strip_prefix("///") {
            doc_of_part.push_str(text);
        } else if let Some(field) = line.strip_prefix("    ") {
            // A field of a variant.
            let [_, of, _] = parts.last_mut().expect("a variant above its fields");
            if !field.starts_with(['/', '#', ' ', '}']) {
                let separator = if of.is_empty() { "" } else { ", " };
                write!(of, "{separator}{}", without_lifetimes(field.trim_end_matches(','))).expect("a String");
            }
        } else {
            let part = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            let part = part.trim_end_matches([',', '{']).trim();
            let end = part.find([':', '(', ' ']).unwrap_or(part.len());
            let of = part[end..].trim_start_matches([':', ' ']).trim_start_matches('(').trim_end_matches(')');
            parts.push([
                renamed.take().unwrap_or_else(|| named(&part[..end])),
                without_lifetimes(of),
                std::mem::take(&mut doc_of_part).trim().to_owned(),
            ]);
        }
    }
    Some(Type { name: name.to_owned(), doc: doc.trim().to_owned(), parts })
}

/// Whether a line begins the definition of a type.
fn is_head(line: &str, name: &str) -> bool {
    let public = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "));
    let definition = public.and_then(|rest| rest.strip_prefix("struct ").or_else(|| rest.strip_prefix("enum ")));
    definition.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest == " {" || rest.starts_with('<'))
}

/// Removes references and lifetimes, which the text of a value does not have.
fn without_lifetimes(of: &str) -> String {
    let mut text = String::new();
    let mut rest = of;
    while let Some((before, after)) = rest.split_once('\'') {
        let end = after.find(|char: char| !char.is_alphanumeric()).unwrap_or(after.len());
        let after = &after[end..];
        match before.strip_suffix('&') {
            Some(before) => {
                text.push_str(before);
                rest = after.trim_start();
            }
            None => {
                text.push_str(before.strip_suffix('<').unwrap_or(before));
                rest = after.strip_prefix('>').unwrap_or(after);
            }
        }
    }
    text.push_str(rest);
    text.replace("str", "String")
}

/// Writes a type's heading and the table of its parts.
fn write_type(text: &mut String, found: &Type) {
    write!(text, "\n### {}\n\n{}\n\n| name | type | meaning |\n|---|---|---|\n", found.name, plain(&found.doc))
        .expect("a String");
    for [name, of, doc] in &found.parts {
        let of = if of.is_empty() { String::new() } else { format!("`{of}`") };
        writeln!(text, "| `{name}` | {of} | {} |", plain(doc)).expect("a String");
    }
}

/// Removes the links of rustdoc, which lead nowhere in a page.
fn plain(doc: &str) -> String {
    doc.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

/// Returns the words of a type that can name definitions.
fn type_names(of: &str) -> Vec<String> {
    let words = of.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| word.starts_with(|first: char| first.is_uppercase())).map(str::to_owned).collect()
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        match character {
            '_' => text.push('-'),
            upper if upper.is_uppercase() && !text.is_empty() => text.extend(['-', upper.to_ascii_lowercase()]),
            other => text.push(other.to_ascii_lowercase()),
        }
    }
    text
}

#[test]
fn definitions_are_read_with_their_docs() {
    let source = "/// An image\n/// of many.\n#[derive(Debug, Serialize)]\n#[serde(rename_all = \"kebab-case\")]\npub struct Sized {\n    \
                  /// The\n    /// bytes.\n    #[serde(default)]\n    pub all_bytes: Option<u64>,\n    #[serde(rename = \"id\")]\n    pub digest: String,\n}\n\n#[derive(Debug)]\npub struct \
                  Other {\n}\n";
    let found = parse(source, "Sized").expect("a definition");
    assert_eq!(found.doc, "An image of many.");
    let parts = [["all-bytes", "Option<u64>", "The bytes."], ["id", "String", ""]];
    assert_eq!(found.parts, parts.map(|part| part.map(str::to_owned)));
    assert!(parse(source, "Other").is_none(), "it is not serialised");
}

#[test]
fn variants_are_read_with_their_fields() {
    let source = "/// Why.\n#[derive(Serialize)]\n#[serde(tag = \"reason\", content = \"of\")]\npub(crate) enum Reason<'r> {\n    /// A link.\n    Link \
                  {\n        /// Its end.\n        to: &'r str,\n        #[serde(default)]\n        by: Option<Via<'r>>,\n    },\n    \
                  /// None.\n    Unit,\n    /// One.\n    One(Vec<u8>),\n}\n";
    let found = parse(source, "Reason").expect("a definition");
    assert_eq!(found.doc, "Why. The field `reason` has the name of the variant, the field `of` its value.");
    let parts = [("Link", "to: String, by: Option<Via>", "A link."), ("Unit", "", "None."), ("One", "Vec<u8>", "One.")];
    assert_eq!(found.parts, parts.map(|(name, of, doc)| [name, of, doc].map(str::to_owned)));
}
