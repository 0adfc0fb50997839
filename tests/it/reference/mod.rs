//! Generates the pages of the reference that describe the program: its command line, exit codes, variables and JSON output.
//!
//! The pages are committed. These tests compare them, and rewrite them under `TIERCE_UPDATE=1`.

mod json;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use crate::architecture::{document, files_below};
use crate::support::{repository, run, xtask};

/// Commands that have commands of their own.
const NESTED: [(&str, &[&str]); 2] =
    [("new", &["workspace", "image", "builder"]), ("debug", &["cp", "ls", "attach", "rm"])];

/// Variables that no user sets or reads: of the tests of this repository, and between the program and its own scripts.
const OF_TESTS_AND_SCRIPTS: [&str; 6] = [
    "TIERCE_UPDATE",
    "TIERCE_LINKERS",
    "TIERCE_SWITCHES",
    "TIERCE_REQUIRE_SANDBOX",
    "TIERCE_REQUIRE_CGROUPS",
    "TIERCE_TEST_SECONDS",
];

/// Compares a page of the reference, or rewrites it.
fn compare_page(name: &str, text: &str) {
    let command = "TIERCE_UPDATE=1 cargo test -p xtask --test it reference";
    let expected = format!("<!-- Generated: `{command}` rewrites this page. -->\n{}\n", text.trim_end());
    let path = repository().join(format!("docs/src/reference/{name}.md"));
    if std::env::var_os("TIERCE_UPDATE").is_some() {
        fs::write(&path, &expected).expect("writable");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let different = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(found == expected, "{} is stale; `{command}` rewrites it\n{different:#?}", path.display());
}

/// Returns the help of a command as it looks without a terminal.
fn help(command: &[&str]) -> String {
    run(xtask(repository()).args(command).arg("--help")).ok().stdout
}

/// Returns the lines under a heading of a help text, up to the next empty line.
fn section(help: &str, heading: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Returns the text before the sections that have pages of their own.
fn without_own_pages(help: &str) -> &str {
    help.split("\nEnvironment:\n").next().unwrap_or(help).trim_end()
}

/// Returns every command: its words and its help.
fn commands() -> Vec<(Vec<String>, String)> {
    let mut commands = Vec::new();
    for line in section(&help(&[]), "Commands:") {
        let name = line.split_whitespace().next().expect("a command").to_owned();
        if name == "help" {
            continue;
        }
        let nested = NESTED.iter().find(|(holder, _)| *holder == name).map_or(&[][..], |(_, nested)| nested);
        let nested = nested.iter().map(|inner| vec![name.clone(), (*inner).to_owned()]);
        for words in std::iter::once(vec![name.clone()]).chain(nested) {
            let help = help(&words.iter().map(String::as_str).collect::<Vec<_>>());
            commands.push((words, help));
        }
    }
    commands
}

#[test]
fn json_page_has_every_command() {
    let offers_json = |help: &str| {
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let values = |text: &str| Some(text.split_once("[possible values: ")?.1.split(']').next()?.to_owned());
        let values = help.split_once("--format <FORMAT>").and_then(|(_, rest)| values(rest));
        values.is_some_and(|values| values.split(", ").any(|value| value == "json"))
    };
    let offering = commands().into_iter().filter(|(_, help)| offers_json(help)).map(|(words, _)| words.join(" "));
    assert_eq!(offering.collect::<BTreeSet<_>>(), json::commands());
}

/// Variables that the program reads are on the page, and those that it sets in containers in the guide.
#[test]
fn every_variable_is_documented() {
    let guide: String =
        files_below("docs/src/guide").iter().map(|page| fs::read_to_string(page).expect("a page")).collect();
    let page = document("docs/src/reference/environment.md");
    for path in files_below("workspace-crates") {
        let source =
            path.extension().is_some_and(|end| end == "rs").then(|| fs::read_to_string(&path).expect("source"));
        let source = source.unwrap_or_default();
        let literals = source.split('"').filter(|text| {
            text.starts_with("TIERCE_") && text.chars().all(|char| char == '_' || char.is_ascii_uppercase())
        });
        for name in literals.filter(|name| !OF_TESTS_AND_SCRIPTS.contains(name)) {
            let is_read = path.starts_with(repository().join("workspace-crates/tierce"));
            let documented = if is_read { &page } else { &guide };
            assert!(documented.contains(name), "{name} of {} is not documented", path.display());
        }
    }
}

#[test]
fn command_line_page_is_current() {
    let all = help(&[]);
    let mut text = format!(
        "# Command line\n\nEvery command prints this help with `--help`. stdout carries data, stderr everything else. See also\n\
         [exit codes](exit-codes.md) and [environment variables](environment.md).\n\n```text\n{}\n```\n",
        without_own_pages(&all)
    );
    for (words, help) in commands() {
        let marks = "#".repeat(words.len() + 1);
        write!(text, "\n{marks} {}\n\n```text\n{}\n```\n", words.join(" "), help.trim_end()).expect("a String");
    }
    compare_page("command-line", &text);
}

#[test]
fn exit_codes_page_is_current() {
    let lines = section(&help(&[]), "Exit codes:");
    let mut rows: Vec<(u8, String)> = entries(&lines);
    rows.sort();
    assert!(rows.len() > 10, "{rows:?}");
    let mut text =
        "# Exit codes\n\nA script can tell failures apart by the exit code.\n\n| code | failure |\n|---|---|\n"
            .to_owned();
    for (code, meaning) in rows {
        writeln!(text, "| {code} | {meaning} |").expect("a String");
    }
    compare_page("exit-codes", &text);
}

/// Joins the lines of each entry that begins with a code.
fn entries(column: &[String]) -> Vec<(u8, String)> {
    let mut entries: Vec<(u8, String)> = Vec::new();
    for line in column.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (first.parse(), entries.last_mut()) {
            (Ok(code), _) => entries.push((code, rest.trim().to_owned())),
            (Err(_), Some((_, text))) => *text = format!("{text} {line}"),
            (Err(_), None) => panic!("no code in {line:?}"),
        }
    }
    entries
}

#[test]
fn entry_of_two_lines_is_joined() {
    let lines = ["  0    done", "", "  125  no session; any", "       other"].map(str::to_owned);
    assert_eq!(entries(&lines), [(0, "done".to_owned()), (125, "no session; any other".to_owned())]);
}

#[test]
fn environment_page_is_current() {
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in section(&help(&[]), "Environment:") {
        let entry = line.trim();
        if line.starts_with("   ") {
            let (_, text) = rows.last_mut().expect("a variable before its second line");
            *text = format!("{text} {entry}");
        } else {
            let (name, text) = entry.split_once(' ').expect("a variable and its meaning");
            rows.push((name.to_owned(), text.trim().to_owned()));
        }
    }
    let mut text = "# Environment variables\n\n| variable | meaning |\n|---|---|\n".to_owned();
    for (name, meaning) in rows {
        writeln!(text, "| `{name}` | {meaning} |").expect("a String");
    }
    text.push_str("\nHooks get [variables of their own](../guide/hooks.md#variables).\n");
    compare_page("environment", &text);
}
