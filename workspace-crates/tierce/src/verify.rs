//! `cargo xtask verify`

use anstyle::AnsiColor;
use serde_json::Value;
use tierce_execute::{Error, ErrorKind};
use tierce_report::Verification;

use crate::call::Call;
use crate::cli::{Format, VerifyArgs};
use crate::data::json;
use crate::terminal::shown::one_line;
use crate::{Failure, print};

/// The words for the stored and the rebuilt image in a table.
const SIDES: (&str, &str) = ("there", "built");

/// Rebuilds an image from scratch and prints its differences from the stored one.
pub(crate) fn run(arguments: &VerifyArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(arguments.jobs)?;
    let images = session.images(std::slice::from_ref(&arguments.image))?;
    let verification = session.verify(images[0], arguments.against.as_deref(), &|event| terminal.show(event))?;
    terminal.close();
    let rows = rows(&verification);
    match arguments.format {
        Format::Json => print(&(json(&verification) + "\n"))?,
        Format::Text if verification.identical => print(&format!("{} {}\n", verification.image, verification.after))?,
        Format::Text => print(&table(&rows))?,
    }
    if !verification.identical {
        return Err(differs(&verification, places(&rows)).into());
    }
    let Verification { image, against, .. } = verification;
    terminal.status(AnsiColor::Green, "Verified", &format!("{image}: the rebuilt image equals {against}"));
    Ok(())
}

/// Returns the error of an image that differs from the stored one in this number of places.
fn differs(Verification { image, against, .. }: &Verification, places: usize) -> Error {
    let places = if places == 1 { "1 place".to_owned() } else { format!("{places} places") };
    let message = format!("the rebuilt image `{image}` differs from `{against}` in {places}");
    let help = "an equal image needs the same sources, Cargo.lock, Tierce.lock and Rust toolchain, and the same version of Tierce";
    Error::new(ErrorKind::Different, message).with_help(help)
}

/// One line of the table: the place, the owner and the difference.
type Row = [String; 3];

/// Returns a row for every difference, grouped by place.
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

/// Counts the places of the rows.
fn places(rows: &[Row]) -> usize {
    rows.iter().enumerate().filter(|(at, row)| *at == 0 || rows[at - 1][..2] != row[..2]).count()
}

/// Formats the rows. Omits a place and an owner that equal those of the row above.
fn table(rows: &[Row]) -> String {
    let rows: Vec<Row> = rows.iter().map(|row| row.each_ref().map(|cell| one_line(cell))).collect();
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

/// Returns the beginning of a digest, as Docker shows it.
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
    fn rewritten_config_is_a_row() {
        let rows = rows(&verification("{}"));
        assert_eq!(table(&rows), "config    the same values, written differently\n");
        assert_eq!(super::rows(&verification(r#"{"identical": true}"#)), Vec::<Row>::new());
    }
}
