//! `cargo xtask verify`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anstyle::AnsiColor;
use serde_json::Value;
use tierce_execute::{Error, Session, Verification};

use crate::cli::{Format, Global, VerifyArgs};
use crate::image::json;
use crate::terminal::Terminal;
use crate::{Failure, options, print};

/// What is stored, and what was built anew, in the lines of a table.
const SIDES: (&str, &str) = ("there", "built");

/// Builds an image again from nothing and says in what it differs from the one that is stored.
pub(crate) fn run(
    arguments: &VerifyArgs,
    global: &Global,
    terminal: &Terminal,
    interrupted: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let mut options = options(global, terminal, interrupted)?;
    options.jobs = arguments.jobs.map_or(options.jobs, usize::from);
    let session = Session::open(options, &|event| terminal.show(event))?;
    let images = session.images(std::slice::from_ref(&arguments.image))?;
    let verification = session.verify(images[0], arguments.against.as_deref(), &|event| terminal.show(event))?;
    terminal.close();
    let rows = rows(&verification);
    match arguments.format {
        Format::Json => print(&(json(&verification) + "\n"))?,
        Format::Text if verification.identical => print(&format!("{} {}\n", verification.image, verification.after))?,
        Format::Text => print(&table(&rows))?,
    }
    let Verification { image, against, .. } = verification;
    if !verification.identical {
        return Err(Error::Differs { image, against, count: places(&rows) }.into());
    }
    terminal.status(AnsiColor::Green, "Verified", &format!("{image}: built from nothing it is the same as {against}"));
    Ok(())
}

/// One line of the table: where, whose, what.
type Row = [String; 3];

/// Every difference, those of one place one below the other.
fn rows(verification: &Verification) -> Vec<Row> {
    let (there, built) = SIDES;
    let mut rows: Vec<Row> = Vec::new();
    for file in &verification.files {
        for line in file.file.differences.iter().flat_map(|difference| difference.lines(there, built)) {
            rows.push([file.file.path.clone(), file.owner.clone().unwrap_or_default(), line]);
        }
    }
    for layer in &verification.layers {
        let place = format!("layer {}", layer.layer);
        let digest = |digest: &Option<String>| digest.as_deref().map_or("none", short).to_owned();
        let digests = format!("{} {there}, {} {built}", digest(&layer.before), digest(&layer.after));
        rows.push([place.clone(), layer.name.clone(), digests]);
        rows.extend(layer.written.iter().map(|line| [place.clone(), layer.name.clone(), line.clone()]));
    }
    let value = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
    for (owner, differences) in [("config", &verification.config), ("annotations", &verification.annotations)] {
        for one in differences {
            let line = format!("{} {there}, {} {built}", value(&one.before), value(&one.after));
            rows.push([one.path.clone(), owner.to_owned(), line]);
        }
    }
    if rows.is_empty() && !verification.identical {
        rows.push(["config".to_owned(), String::new(), "the same values, written differently".to_owned()]);
    }
    rows
}

/// How many places the rows are about.
fn places(rows: &[Row]) -> usize {
    rows.iter().enumerate().filter(|(at, row)| *at == 0 || rows[at - 1][..2] != row[..2]).count()
}

/// The rows below each other; a place and an owner that are those of the row above are left out.
fn table(rows: &[Row]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for (at, [place, owner, line]) in rows.iter().enumerate() {
        let repeats = at > 0 && rows[at - 1][..2] == rows[at][..2];
        let (place, owner) = if repeats { ("", "") } else { (place.as_str(), owner.as_str()) };
        text.push_str(&format!("{place:first$}  {owner:second$}  {line}\n"));
    }
    text
}

/// The beginning of a digest, as Docker shows it.
fn short(digest: &str) -> &str {
    digest.get(.."sha256:".len() + 12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verification(data: &str) -> Verification {
        let common = r#"{"image": "web", "against": "web:latest", "identical": false, "before": "sha256:0", "after": "sha256:1",
            "files": [], "layers": [], "config": [], "annotations": []}"#;
        let mut all: serde_json::Map<String, Value> = serde_json::from_str(common).expect("JSON");
        all.extend(serde_json::from_str::<serde_json::Map<String, Value>>(data).expect("JSON"));
        serde_json::from_value(Value::Object(all)).expect("a verification")
    }

    #[test]
    fn every_difference_is_a_row() {
        let verification = verification(
            r#"{
            "files": [
                {"path": "/usr/bin/web", "owner": "the program", "differences": [
                    {"what": "mode", "before": "0755", "after": "4755"},
                    {"what": "content", "format": "elf", "sections": [
                        {"name": ".rodata", "before": {"offset": 64, "size": 9}, "after": {"offset": 64, "size": 9},
                         "first": {"offset": 2, "before": "61", "after": "62"}},
                        {"name": ".note", "before": {"offset": 80, "size": 4}, "after": null, "first": null}]}]},
                {"path": "/usr/lib64/libz.so.1", "owner": "sys-libs/zlib", "differences": [{"what": "gone", "kind": "a file"}]},
                {"path": "/x", "owner": null, "differences": [{"what": "new", "kind": "a folder"}]}],
            "layers": [
                {"layer": 2, "name": "tierce: program", "before": "sha256:0123456789abcdef", "after": null, "written": "the time"}],
            "config": [{"path": "config.Env[1]", "before": "A=1", "after": "A=2"}, {"path": "os", "after": "linux"}],
            "annotations": [{"path": "[\"org.x\"]", "before": "1"}]
        }"#,
        );
        let rows = rows(&verification);
        assert_eq!(places(&rows), 7);
        insta::assert_snapshot!(table(&rows), @r#"
        /usr/bin/web          the program      mode: 0755 there, 4755 built
                                               section .rodata (9 bytes at 0x40) from 0x2 on: 61 there, 62 built
                                               section .note (4 bytes at 0x50) there only
        /usr/lib64/libz.so.1  sys-libs/zlib    a file, there only
        /x                                     a folder, built only
        layer 2               tierce: program  sha256:0123456789ab there, none built
                                               the time
        config.Env[1]         config           "A=1" there, "A=2" built
        os                    config           nothing there, "linux" built
        ["org.x"]             annotations      "1" there, nothing built
        "#);
    }

    #[test]
    fn what_has_no_other_difference_differs_in_its_form() {
        let rows = rows(&verification("{}"));
        assert_eq!(table(&rows), "config    the same values, written differently\n");
        assert_eq!(super::rows(&verification(r#"{"identical": true}"#)), Vec::<Row>::new());
    }
}
