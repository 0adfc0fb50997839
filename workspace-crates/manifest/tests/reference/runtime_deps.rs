//! The page of run-time dependencies.

use tierce_runtime_deps::{TABLE, Trigger};

use crate::{code, compare_page, markdown};

const INTRODUCTION: &str = "\
# Run-time dependencies

A program can need files that its ELF headers do not name, such as certificates or a time zone. Tierce recognises these needs in
every ELF file of an image: the file calls a function, is a certain library, or contains a path. Then Tierce adds the files that
serve the dependency. If ROOT lacks them, the report has a warning with the edit that fixes it; with `strict = true` it is an error.
Add the name of a dependency to `allow-missing` if the image can do without it.

";

#[test]
fn runtime_dependencies_page_is_current() {
    let mut rows = vec![["dependency", "recognised by", "content"].map(String::from)];
    for dependency in TABLE {
        let triggers: Vec<String> = dependency.triggers.iter().map(describe).collect();
        rows.push([code(dependency.name), triggers.join(", "), dependency.doc.to_owned()]);
    }
    let table = markdown(rows.iter().map(|row| row.iter().map(String::as_str).collect()));
    compare_page("run-time-dependencies", &format!("{INTRODUCTION}{table}"));
}

fn describe(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Symbol(symbol) => code(symbol),
        Trigger::Soname(start) => code(&format!("{start}*")),
        Trigger::Text(path) => format!("the path {}", code(path)),
        Trigger::Texts(texts) => texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(" with "),
    }
}
