//! The page of presets.

use tierce_manifest::PRESETS;

use crate::{code, compare_page, markdown};

const INTRODUCTION: &str = "\
# Presets

An image of packages leaves these files out. `keep` takes a preset back by its name, or single files by a glob.

";

#[test]
fn presets_page_is_current() {
    let mut rows = vec![["preset", "leaves out", "content"].map(String::from)];
    for preset in PRESETS {
        let globs: Vec<String> = preset.globs.iter().map(|glob| code(glob)).collect();
        rows.push([code(preset.name), globs.join(", "), preset.doc.to_owned()]);
    }
    let table = markdown(rows.iter().map(|row| row.iter().map(String::as_str).collect()));
    compare_page("presets", &format!("{INTRODUCTION}{table}"));
}
