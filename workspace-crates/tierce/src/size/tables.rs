//! Sizes as tables of text.

use tierce_report::{By, Change, Group, ImageSize, changes, megabytes};

use super::GROUPINGS;
use crate::terminal::shown::one_line;

/// The most lines of a table in the overview.
const SHOWN: usize = 10;
/// The tables of the overview.
const OVERVIEW: [By; 3] = [By::Owner, By::Layer, By::Reason];
/// The tables of differences. They omit layers: owners say the same in more detail.
const OVERVIEW_OF_DIFFERENCES: [By; 2] = [By::Owner, By::File];

/// The sizes of an image: every group of one grouping, or an overview.
pub(super) fn contents(image: &ImageSize, by: Option<By>) -> String {
    let mut text = heading(image);
    if by.is_none() {
        text.push_str(&stages(image));
    }
    for (one, shown) in tables(by, &OVERVIEW) {
        let groups = image.by(one);
        let total: u64 = groups.iter().map(|group| group.bytes).sum();
        let mut rows = vec![[title(one), "files", "bytes", "share"].map(str::to_owned)];
        let kept = groups.len().min(if groups.len() <= shown + 1 { groups.len() } else { shown });
        rows.extend(groups[..kept].iter().map(|group| row(group, total)));
        if kept < groups.len() {
            let rest = &groups[kept..];
            let name = format!("{} more", rest.len());
            let (files, bytes) = rest.iter().fold((0, 0), |sum, one| (sum.0 + one.files, sum.1 + one.bytes));
            rows.push(row(&Group { name, files, bytes }, total));
        }
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    text
}

/// The differences between two images.
pub(super) fn differences(before: &ImageSize, now: &ImageSize, by: Option<By>) -> String {
    let more = now.bytes().cast_signed() - before.bytes().cast_signed();
    let (sizes, names) = ((megabytes(before.bytes()), megabytes(now.bytes())), (&before.image, &now.image));
    let mut text = format!("{} {}, {} {}: {}\n", names.0, sizes.0, names.1, sizes.1, signed(more));
    for (one, shown) in tables(by, &OVERVIEW_OF_DIFFERENCES) {
        let changes = changes(&before.by(one), &now.by(one));
        if changes.is_empty() {
            continue;
        }
        let mut rows = vec![[title(one), "before", "now", "change"].map(str::to_owned)];
        let kept = changes.len().min(if changes.len() <= shown + 1 { changes.len() } else { shown });
        rows.extend(changes[..kept].iter().map(change_row));
        if kept < changes.len() {
            let rest: i64 = changes[kept..].iter().map(Change::difference).sum();
            rows.push([format!("{} more", changes.len() - kept), String::new(), String::new(), signed(rest)]);
        }
        text.push('\n');
        text.push_str(&aligned(&rows));
    }
    text
}

/// Returns the requested tables, and the most lines of each.
fn tables(by: Option<By>, overview: &[By]) -> Vec<(By, usize)> {
    match by {
        Some(by) => vec![(by, usize::MAX - 1)],
        None => overview.iter().map(|by| (*by, SHOWN)).collect(),
    }
}

fn heading(image: &ImageSize) -> String {
    let files: u64 = image.files.iter().map(|file| file.bytes).sum();
    let (layers, count) = (image.layers.len(), image.files.len());
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let mut text = format!(
        "{}: {} in {}; {} with {}\n",
        image.image,
        megabytes(image.bytes()),
        counted(layers, "layer"),
        counted(count, "file"),
        megabytes(files)
    );
    let compressed: Option<u64> = image.layers.iter().map(|layer| layer.compressed).sum();
    if let Some(compressed) = compressed.filter(|_| layers > 0) {
        text.push_str(&format!("stored compressed in {}\n", megabytes(compressed)));
    }
    text
}

/// Formats the stages from the builder to the image, with the difference of each from the one before. Empty if this cache lacks the
/// image's report.
fn stages(image: &ImageSize) -> String {
    if image.stages.is_empty() {
        return String::new();
    }
    let before = std::iter::once(None).chain(image.stages.iter().map(|stage| Some(stage.bytes)));
    let rows = image.stages.iter().zip(before).map(|(stage, before)| {
        let change = before.map_or(String::new(), |before| signed(stage.bytes.cast_signed() - before.cast_signed()));
        [stage.stage.label().to_owned(), megabytes(stage.bytes), change]
    });
    let heading = ["stage", "bytes", "change"].map(str::to_owned);
    format!("\n{}", aligned(&std::iter::once(heading).chain(rows).collect::<Vec<_>>()))
}

fn title(by: By) -> &'static str {
    GROUPINGS.iter().find(|(one, ..)| *one == by).map_or("", |(_, title, _)| title)
}

fn row(group: &Group, total: u64) -> [String; 4] {
    let share = format!("{:.1} %", group.bytes as f64 * 100.0 / total.max(1) as f64);
    [one_line(&group.name), group.files.to_string(), megabytes(group.bytes), share]
}

fn change_row(change: &Change) -> [String; 4] {
    let size = |bytes: Option<u64>| bytes.map_or("none".to_owned(), megabytes);
    [one_line(&change.name), size(change.before), size(change.after), signed(change.difference())]
}

/// A difference of sizes.
fn signed(bytes: i64) -> String {
    match bytes {
        0 => "the same size".to_owned(),
        1.. => format!("+{}", megabytes(bytes.unsigned_abs())),
        _ => format!("-{}", megabytes(bytes.unsigned_abs())),
    }
}

/// Formats rows in columns, with numbers aligned to the right.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let mut cells = row.iter().zip(widths);
        let name = cells.next().map_or(String::new(), |(name, width)| format!("{name:width$}"));
        let line = cells.fold(name, |line, (cell, width)| format!("{line}  {cell:>width$}"));
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_report::{SizedFile, SizedLayer, Stage, StageName};

    fn image(name: &str, files: &[(&str, u64, &str)]) -> ImageSize {
        let file = |(path, bytes, owner): &(&str, u64, &str)| SizedFile {
            path: (*path).into(),
            bytes: *bytes,
            owner: Some((*owner).into()).filter(|owner: &String| !owner.is_empty()),
            layer: 0,
            reason: Some("needed".into()),
        };
        let files: Vec<SizedFile> = files.iter().map(file).collect();
        let bytes = 2048 + files.iter().map(|file| file.bytes).sum::<u64>();
        ImageSize {
            image: name.into(),
            id: "sha256:0".into(),
            layers: vec![SizedLayer { name: "libc".into(), bytes, compressed: None }],
            files,
            stages: Vec::new(),
        }
    }

    #[test]
    fn overview_groups_by_owner_layer_reason() {
        let mut web = image(
            "web",
            &[
                ("/usr/lib64/libc.so.6", 1_900_000, "sys-libs/glibc"),
                ("/usr/bin/web", 700_000, "the program"),
                ("/x\u{1b}[2J", 10, ""),
            ],
        );
        let stage = |(stage, bytes)| Stage { stage, bytes };
        web.stages = [
            (StageName::Builder, 1_200_000_000),
            (StageName::Root, 61_000_000),
            (StageName::Presets, 2_700_000),
            (StageName::Image, 2_602_058),
        ]
        .map(stage)
        .into();
        insta::assert_snapshot!(contents(&web, None), @r"
        web: 2.6 MB in 1 layer; 3 files with 2.6 MB

        stage            bytes    change
        builder        1.20 GB
        ROOT           61.0 MB  -1.14 GB
        after presets   2.7 MB  -58.3 MB
        its layers      2.6 MB  -97.9 kB

        owner           files     bytes   share
        sys-libs/glibc      1    1.9 MB  73.1 %
        the program         1  700.0 kB  26.9 %
        unknown             1      10 B   0.0 %

        layer  files   bytes    share
        libc       3  2.6 MB  100.0 %

        reason  files   bytes    share
        needed      3  2.6 MB  100.0 %
        ");
        insta::assert_snapshot!(contents(&web, Some(By::File)), @r"
        web: 2.6 MB in 1 layer; 3 files with 2.6 MB

        file                  files     bytes   share
        /usr/lib64/libc.so.6      1    1.9 MB  73.1 %
        /usr/bin/web              1  700.0 kB  26.9 %
        /x\x1b[2J                 1      10 B   0.0 %
        ");
    }

    #[test]
    fn overview_sums_up_small_groups() {
        let names: Vec<String> = (0..13).map(|at| format!("a/{at:02}")).collect();
        let files: Vec<(&str, u64, &str)> = names.iter().map(|name| (name.as_str(), 100, name.as_str())).collect();
        let text = contents(&image("web", &files), None);
        assert!(text.contains("3 more      3  300 B  23.1 %\n"), "{text}");
        assert_eq!(contents(&image("web", &files), Some(By::Owner)).lines().count(), 3 + 13);
    }

    #[test]
    fn differences_have_a_sign() {
        let before = image("web:1", &[("/a", 1_000_000, "x/a"), ("/b", 5, "x/b"), ("/same", 3, "x/c")]);
        let now = image("web", &[("/a", 3_000_000, "x/a"), ("/c", 7, "x/b"), ("/same", 3, "x/c")]);
        insta::assert_snapshot!(differences(&before, &now, None), @r"
        web:1 1.0 MB, web 3.0 MB: +2.0 MB

        owner  before     now   change
        x/a    1.0 MB  3.0 MB  +2.0 MB
        x/b       5 B     7 B     +2 B

        file  before     now   change
        /a    1.0 MB  3.0 MB  +2.0 MB
        /c      none     7 B     +7 B
        /b       5 B    none     -5 B
        ");
        assert_eq!(differences(&now, &now, None), "web 3.0 MB, web 3.0 MB: the same size\n");
    }
}
