//! Sums over the files of an image, and the differences between two images.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::sizes::{ImageSize, SizedFile};

/// The criterion that groups files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The owner: the package, else the source of the file.
    Owner,
    /// The folder of a file.
    Directory,
    /// The layer.
    Layer,
    /// The kind of a file's reason.
    Reason,
    /// One group a file.
    File,
}

/// Files that share a value of the criterion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The value that they share.
    pub name: String,
    /// The number of files.
    pub files: u64,
    /// The sum of their lengths, in bytes.
    pub bytes: u64,
}

/// The sizes of one group in two images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The value that its files share.
    pub name: String,
    /// Its bytes in the first image; None if that has no such files.
    pub before: Option<u64>,
    /// Its bytes in the second image.
    pub after: Option<u64>,
}

/// The name for files whose value is unknown.
const UNKNOWN: &str = "unknown";

impl Change {
    /// Returns the growth in bytes; negative if the group shrank.
    pub fn difference(&self) -> i64 {
        self.after.unwrap_or(0).cast_signed().saturating_sub(self.before.unwrap_or(0).cast_signed())
    }
}

impl ImageSize {
    /// Groups the files by a criterion, the largest group first.
    pub fn by(&self, by: By) -> Vec<Group> {
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        for file in &self.files {
            let name = self.name(file, by);
            let group = groups.entry(name).or_insert_with(|| Group { name: name.to_owned(), files: 0, bytes: 0 });
            group.files += 1;
            group.bytes += file.bytes;
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.bytes));
        groups
    }

    /// Returns a file's value of a criterion: the name of its group.
    pub fn name<'s>(&'s self, file: &'s SizedFile, by: By) -> &'s str {
        match by {
            By::Owner => file.owner.as_deref().unwrap_or(UNKNOWN),
            By::Directory => match file.path.rsplit_once('/') {
                Some(("", _)) | None => "/",
                Some((folder, _)) => folder,
            },
            By::Layer => self.layers.get(file.layer).map_or(UNKNOWN, |layer| &layer.name),
            By::Reason => file.reason.as_deref().unwrap_or(UNKNOWN),
            By::File => &file.path,
        }
    }
}

/// Returns the groups whose sizes differ, the largest difference first.
pub fn changes(before: &[Group], after: &[Group]) -> Vec<Change> {
    let sizes = |groups: &[Group]| -> BTreeMap<String, u64> {
        groups.iter().map(|group| (group.name.clone(), group.bytes)).collect()
    };
    let (before, after) = (sizes(before), sizes(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| Change {
        name: name.clone(),
        before: before.get(name).copied(),
        after: after.get(name).copied(),
    };
    let mut changes: Vec<Change> =
        names.into_iter().map(change).filter(|change| change.before != change.after).collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.difference().unsigned_abs()));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizes::SizedLayer;

    fn image(files: &[(&str, u64, Option<&str>)]) -> ImageSize {
        let file = |(path, bytes, owner): &(&str, u64, Option<&str>)| SizedFile {
            path: (*path).into(),
            bytes: *bytes,
            owner: owner.map(str::to_owned),
            layer: 0,
            reason: None,
        };
        let layers = vec![SizedLayer { name: "libc".into(), bytes: 4096, compressed: None }];
        ImageSize {
            image: "web".into(),
            id: String::new(),
            layers,
            files: files.iter().map(file).collect(),
            stages: Vec::new(),
        }
    }

    #[test]
    fn files_are_grouped_by_criterion() {
        let image = image(&[
            ("/usr/lib64/libz.so.1", 7, Some("sys-libs/zlib")),
            ("/usr/lib64/libpng.so", 9, Some("media-libs/libpng")),
            ("/usr/share/zlib", 4, Some("sys-libs/zlib")),
            ("/top", 1, None),
        ]);
        for (by, expected) in [
            (By::Owner, "sys-libs/zlib 2 11, media-libs/libpng 1 9, unknown 1 1"),
            (By::Directory, "/usr/lib64 2 16, /usr/share 1 4, / 1 1"),
            (By::Layer, "libc 4 21"),
            (By::Reason, "unknown 4 21"),
            (By::File, "/usr/lib64/libpng.so 1 9, /usr/lib64/libz.so.1 1 7, /usr/share/zlib 1 4, /top 1 1"),
        ] {
            let groups = image.by(by);
            let said: Vec<_> = groups.iter().map(|one| format!("{} {} {}", one.name, one.files, one.bytes)).collect();
            assert_eq!(said.join(", "), expected);
        }
        assert_eq!(image.bytes(), 4096);
    }

    #[test]
    fn changes_are_sorted_by_difference() {
        let before = image(&[("/same", 5, None), ("/gone", 3, None), ("/less", 9, None), ("/empty", 0, None)]);
        let after = image(&[("/same", 5, None), ("/less", 8, None), ("/new", 20, None), ("/none", 0, None)]);
        let found = changes(&before.by(By::File), &after.by(By::File));
        let said: Vec<_> = found
            .iter()
            .map(|one| format!("{} {:?} {:?} {}", one.name, one.before, one.after, one.difference()))
            .collect();
        assert_eq!(
            said,
            [
                "/new None Some(20) 20",
                "/gone Some(3) None -3",
                "/less Some(9) Some(8) -1",
                "/empty Some(0) None 0",
                "/none None Some(0) 0",
            ]
        );
    }
}
