//! Sums of sizes for the report after a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Closure, Index, NodeKind};

/// A number of regular files and their bytes. Hard links, symbolic links and directories do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// The number of regular files.
    pub files: u64,
    /// The bytes of their contents.
    pub bytes: u64,
}

/// One line of a table of sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The owner, or the kind of reason. `None` for files without an owner.
    pub name: Option<String>,
    /// Its files and bytes.
    #[serde(flatten)]
    pub size: Size,
}

/// The size of the whole image.
#[must_use]
pub fn total(image: &Index) -> Size {
    let mut size = Size::default();
    sizes(image).for_each(|(_, bytes)| size.add(bytes));
    size
}

/// Sizes by owner package, the largest first. `owners` is by real path.
#[must_use]
pub fn by_owner(image: &Index, owners: &BTreeMap<String, String>) -> Vec<Line> {
    table(image, |path| owners.get(path).cloned())
}

/// Sizes by the kind of reason ([`Reason::label`](crate::Reason::label)), the largest first.
#[must_use]
pub fn by_reason(image: &Index, closure: &Closure) -> Vec<Line> {
    table(image, |path| closure.reason(path).map(|reason| reason.label().to_owned()))
}

fn table(image: &Index, name: impl Fn(&str) -> Option<String>) -> Vec<Line> {
    let mut lines: BTreeMap<Option<String>, Size> = BTreeMap::new();
    for (path, bytes) in sizes(image) {
        lines.entry(name(path)).or_default().add(bytes);
    }
    let mut lines: Vec<_> = lines.into_iter().map(|(name, size)| Line { name, size }).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.size.bytes));
    lines
}

fn sizes(image: &Index) -> impl Iterator<Item = (&str, u64)> {
    image.tree().iter().filter_map(|(path, node)| match node.kind {
        NodeKind::File { size } => Some((path, size)),
        _ => None,
    })
}

impl Size {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileContent, Node, Reason};

    #[test]
    fn tables_sum_by_owner_and_reason() {
        let mut image = Index::new();
        let mut closure = Closure::default();
        let reason = |path: &str| Reason::Keep { pattern: path.to_owned() };
        for (path, size, reason) in
            [("/bin/x", 9, Reason::Program), ("/lib/a", 5, reason("a")), ("/lib/b", 7, reason("b"))]
        {
            let content = FileContent::of_bytes(vec![0; size]);
            image.insert_file(path, Node::symlink("unused"), size as u64, content).unwrap();
            closure.add(path, reason);
        }
        let owners = [("/lib/a", "x/a"), ("/lib/b", "x/a")].map(|(path, owner)| (path.to_owned(), owner.to_owned()));
        let lines = |lines: Vec<Line>| {
            let line = |line: Line| format!("{:?} {} {}", line.name, line.size.files, line.size.bytes);
            lines.into_iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(lines(by_owner(&image, &owners.into())), ["Some(\"x/a\") 2 12", "None 1 9"]);
        assert_eq!(lines(by_reason(&image, &closure)), ["Some(\"kept\") 2 12", "Some(\"program\") 1 9"]);
        assert_eq!(total(&image), Size { files: 3, bytes: 21 });
    }
}
