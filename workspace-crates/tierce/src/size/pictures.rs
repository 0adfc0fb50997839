//! Sizes as pictures: owners, the folders of each, the files of those.

use std::collections::BTreeMap;

use tierce_draw::{Bar, Node, Row, Treemap, treemap_page, treemap_svg};
use tierce_report::{By, ImageSize, SizedFile, Stage, megabytes};

/// Returns an interactive page.
pub(super) fn page(image: &ImageSize) -> String {
    let root = tree(image);
    let groups = image.by(By::Owner);
    let rows: Vec<Row> = groups
        .into_iter()
        .enumerate()
        .map(|(view, group)| Row { name: group.name, files: group.files, bytes: group.bytes, view })
        .collect();
    let bar = |stage: &Stage| Bar { name: stage.stage.label().to_owned(), bytes: stage.bytes };
    let stages: Vec<Bar> = image.stages.iter().map(bar).collect();
    treemap_page(&Treemap { title: &image.image, root: &root, size: megabytes }, &rows, &stages)
}

/// Returns a picture of all files.
pub(super) fn svg(image: &ImageSize) -> String {
    let root = tree(image);
    treemap_svg(&Treemap { title: &image.image, root: &root, size: megabytes })
}

/// Owners, the largest first, each with its folders and their files.
fn tree(image: &ImageSize) -> Node {
    let mut owners: BTreeMap<&str, BTreeMap<&str, Vec<&SizedFile>>> = BTreeMap::new();
    for file in &image.files {
        let folders = owners.entry(image.name(file, By::Owner)).or_default();
        folders.entry(image.name(file, By::Directory)).or_default().push(file);
    }
    let order = image.by(By::Owner);
    let parts = order.iter().map(|owner| {
        let folders = owners.remove(owner.name.as_str()).unwrap_or_default();
        group(
            &owner.name,
            &owner.name,
            folders
                .into_iter()
                .map(|(folder, files)| {
                    let detail = format!("{folder} of {}", owner.name);
                    group(folder, &detail, files.into_iter().map(leaf).collect())
                })
                .collect(),
        )
    });
    group(&image.image, &image.image, parts.collect())
}

fn group(name: &str, detail: &str, parts: Vec<Node>) -> Node {
    let bytes = parts.iter().map(|part| part.bytes).sum();
    Node { name: name.to_owned(), detail: detail.to_owned(), bytes, parts }
}

fn leaf(file: &SizedFile) -> Node {
    let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
    Node { name, detail: file.path.clone(), bytes: file.bytes, parts: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_has_owners_folders_and_files() {
        let file = |path: &str, bytes, owner: &str| SizedFile {
            path: path.into(),
            bytes,
            owner: Some(owner.into()),
            layer: 0,
            reason: None,
        };
        let files = vec![
            file("/bin/small", 1, "a/a"),
            file("/lib/x", 5, "b/b"),
            file("/lib/y", 6, "b/b"),
            file("/z", 2, "b/b"),
        ];
        let image = ImageSize { image: "web".into(), id: String::new(), layers: Vec::new(), files, stages: Vec::new() };
        let mut said = String::new();
        for owner in &tree(&image).parts {
            for folder in &owner.parts {
                let files: Vec<_> = folder.parts.iter().map(|file| file.name.as_str()).collect();
                said.push_str(&format!(
                    "{} {}: {} {}: {}\n",
                    owner.name,
                    owner.bytes,
                    folder.name,
                    folder.bytes,
                    files.join(" ")
                ));
            }
        }
        assert_eq!(said, "b/b 13: / 2: z\nb/b 13: /lib 11: x y\na/a 1: /bin 1: small\n");
    }
}
