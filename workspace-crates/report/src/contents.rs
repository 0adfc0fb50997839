//! The files of an image, each with its owner, its layer and its reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierce_plan::{PackedImage, PackedLayer, external_base_of};
use tierce_rootfs::report::Size;
use tierce_rootfs::{Base, Closure, Finding, Index, Layer, NodeKind, Reason};

use crate::amounts::{LeftOut, OwnerSize};

/// The files of an image with their owners, layers and reasons.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contents {
    /// The image's id.
    #[serde(default)]
    pub id: String,
    /// The image's layers, lowest first.
    #[serde(default)]
    pub layers: Vec<PackedLayer>,
    /// The files, by path.
    pub entries: BTreeMap<String, ContentEntry>,
    /// The reason of each file.
    pub closure: Closure,
}

/// One file of an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContentEntry {
    /// Its length in bytes; None unless it is a regular file.
    pub size: Option<u64>,
    /// The package that installed it, `category/name`.
    pub owner: Option<String>,
    /// The name of its layer.
    pub layer: String,
}

impl Contents {
    /// Lists the files of a packed image.
    ///
    /// `owners` has the package of each path, `layers` the image's own layers, and `lower` the layers and files of its base image.
    pub fn new(
        image: &Index,
        closure: Closure,
        owners: &BTreeMap<String, String>,
        layers: &[Layer],
        lower: Option<(&[PackedLayer], &Base)>,
        packed: &PackedImage,
    ) -> Contents {
        let mut entries = BTreeMap::new();
        for layer in layers {
            for path in &layer.paths {
                let size = image.tree().get(path).and_then(|node| match node.kind {
                    NodeKind::File { size } => Some(size),
                    _ => None,
                });
                let entry = ContentEntry { size, owner: owners.get(path).cloned(), layer: layer.group.to_string() };
                entries.entry(path.clone()).or_insert(entry);
            }
        }
        // All other files lie in the layers of the base image.
        for (path, node) in image.tree().iter() {
            let layer = lower.and_then(|(layers, base)| layers.get(base.layer(path)?));
            let Some(layer) = layer.filter(|_| !entries.contains_key(path)) else { continue };
            let size = if let NodeKind::File { size } = node.kind { Some(size) } else { None };
            // ROOT's file at a path of an external base is another file.
            let owner = owners.get(path).filter(|_| layer.external_base().is_none()).cloned();
            let entry = ContentEntry { size, owner, layer: layer.name.clone() };
            entries.insert(path.to_owned(), entry);
        }
        Contents { id: packed.id.clone(), layers: packed.layers.clone(), entries, closure }
    }

    /// Returns the owner of a path: its package, `category/name`, else its source, such as `the program` or `declared files`.
    pub fn owner(&self, path: &str) -> Option<String> {
        let entry = self.entries.get(path)?;
        if let Some(image) = external_base_of(&entry.layer) {
            return Some(format!("the base {image}"));
        }
        let package = entry.owner.clone();
        Some(package.unwrap_or_else(|| match self.closure.reason(path) {
            Some(Reason::Base { image }) => format!("the base {image}"),
            Some(Reason::Program) => "the program".to_owned(),
            Some(Reason::Declared) => "declared files".to_owned(),
            Some(Reason::Probe) => "the probe of Tierce".to_owned(),
            Some(Reason::Merged) => "made when merging".to_owned(),
            Some(Reason::Hook { hook }) => hook.clone(),
            _ => "made for the image".to_owned(),
        }))
    }

    /// Returns the image's external base.
    pub fn external_base(&self) -> Option<String> {
        self.closure.findings.iter().find_map(|finding| match finding {
            Finding::ForeignBase { image, .. } => Some(image.clone()),
            _ => None,
        })
    }

    /// Returns the presets and globs that keep files out of an image of packages, the largest first.
    pub fn left_out(&self) -> Vec<LeftOut> {
        let left_out = self.closure.left_out.iter();
        let line =
            |(name, size): (&String, &Size)| LeftOut { name: name.clone(), files: size.files, bytes: size.bytes };
        let mut lines: Vec<LeftOut> = left_out.map(line).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.bytes));
        lines
    }

    /// Returns the owners of an image's files, the largest first.
    pub fn by_owner(&self) -> Vec<OwnerSize> {
        let mut sums: BTreeMap<String, OwnerSize> = BTreeMap::new();
        for (path, entry) in &self.entries {
            let Some(size) = entry.size else { continue };
            let Some(owner) = self.owner(path) else { continue };
            let sum = sums.entry(owner.clone()).or_insert(OwnerSize { owner, files: 0, bytes: 0 });
            sum.files += 1;
            sum.bytes += size;
        }
        let mut sums: Vec<OwnerSize> = sums.into_values().collect();
        sums.sort_by_key(|sum| std::cmp::Reverse(sum.bytes));
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warnings;

    #[test]
    fn external_base_owns_its_files() {
        let entry = |layer: &str| ContentEntry { size: Some(7), owner: None, layer: layer.to_owned() };
        let entries = [("/bin/sh", entry("x:1: base")), ("/data/a", entry("lower: data")), ("/data/b", entry("data"))];
        let closure = serde_json::json!({ "findings": [], "entries": {
            "/bin/sh": { "reason": "hidden", "name": "shells", "by": "/data/b", "trigger": { "calls": "system" } },
            "/data/a": { "reason": "base", "image": "lower" },
            "/data/b": { "reason": "hidden", "name": "data", "by": "/data/b", "trigger": { "calls": "f" } },
        }});
        let contents = Contents {
            id: String::new(),
            layers: Vec::new(),
            entries: entries.map(|(path, entry)| (path.to_owned(), entry)).into(),
            closure: serde_json::from_value(closure).expect("a closure"),
        };
        let owners = ["/bin/sh", "/data/a", "/data/b"].map(|path| contents.owner(path).expect("it is there"));
        assert_eq!(owners, ["the base x:1", "the base lower", "made for the image"]);
        let added: Vec<String> = warnings::added(&contents).into_iter().map(|added| added.name).collect();
        assert_eq!(added, ["data"]);
    }
}
