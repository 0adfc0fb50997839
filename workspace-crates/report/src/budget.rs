//! Comparison of an image with `max-size`, and the owners that grew.

use tierce_manifest::{ImageSpec, Place, SizeLimit};
use tierce_plan::PackedImage;

use crate::amounts::OwnerSize;
use crate::contents::Contents;
use crate::image::Report;
use crate::text::megabytes;

/// The most owners that a message lists.
const NAMED: usize = 6;

/// An image that is larger than its table allows.
#[derive(Clone, Debug)]
pub struct Excess {
    /// The first limit that is exceeded.
    pub place: Place,
    /// One line a limit that is exceeded, then the owners that grew.
    pub lines: Vec<String>,
}

/// Compares the image, and the share of each owner, with `max-size`.
///
/// `before` is the report of the last build that succeeded. Returns None if every limit holds.
pub fn excess(spec: &ImageSpec, packed: &PackedImage, contents: &Contents, before: Option<&Report>) -> Option<Excess> {
    let total = packed.layers.iter().map(|layer| layer.size).sum();
    let owners = contents.by_owner();
    let exceeded: Vec<(&SizeLimit, u64)> = spec
        .max_size
        .iter()
        .map(|limit| (limit, limit.owner.as_ref().map_or(total, |owner| bytes_of(&owners, owner))))
        .filter(|(limit, bytes)| *bytes > limit.most.value.0)
        .collect();
    let (first, _) = exceeded.first()?;
    let mut lines: Vec<String> = exceeded.iter().map(|(limit, bytes)| exceeded_line(limit, *bytes)).collect();
    lines.extend(grown(&owners, before));
    Some(Excess { place: first.most.place.clone(), lines })
}

/// Returns the names in `max-size` that own no file: they may be misspelt.
pub fn strangers<'s>(spec: &'s ImageSpec, contents: &Contents) -> Vec<&'s str> {
    let owners = contents.by_owner();
    let named = spec.max_size.iter().filter_map(|limit| limit.owner.as_deref());
    named.filter(|name| !owners.iter().any(|owner| owner.owner == *name)).collect()
}

fn bytes_of(owners: &[OwnerSize], name: &str) -> u64 {
    owners.iter().find(|owner| owner.owner == name).map_or(0, |owner| owner.bytes)
}

fn exceeded_line(limit: &SizeLimit, bytes: u64) -> String {
    let (owner, most) = (limit.owner.as_deref().unwrap_or("the image"), limit.most.value.0);
    format!("{owner}: {}, {} more than {}", megabytes(bytes), megabytes(bytes - most), megabytes(most))
}

/// Returns lines with the owners that grew, or with the largest owners if none grew or there is no earlier report.
fn grown(owners: &[OwnerSize], before: Option<&Report>) -> Vec<String> {
    let mut found: Vec<(u64, u64, &OwnerSize)> = Vec::new();
    for owner in owners {
        let old = before.map_or(owner.bytes, |report| bytes_of(&report.owners, &owner.owner));
        if owner.bytes > old {
            found.push((owner.bytes - old, old, owner));
        }
    }
    found.sort_by_key(|(more, ..)| std::cmp::Reverse(*more));
    let largest = owners.iter().map(|owner| format!("  {} of {}", megabytes(owner.bytes), owner.owner));
    let Some(report) = before else {
        return std::iter::once("no build of it succeeded yet; its largest owners:".into())
            .chain(largest.take(NAMED))
            .collect();
    };
    let last = megabytes(report.sizes.image);
    if found.is_empty() {
        let heading = format!("nothing grew since the last successful build, of {last}; its largest owners:");
        return std::iter::once(heading).chain(largest.take(NAMED)).collect();
    }
    let line = |(more, old, owner): &(u64, u64, &OwnerSize)| match old {
        0 => format!("  +{} of {}, new", megabytes(*more), owner.owner),
        old => format!("  +{} of {}, {} before", megabytes(*more), owner.owner, megabytes(*old)),
    };
    let rest = found.len().saturating_sub(NAMED);
    let mut lines = vec![format!("since the last successful build, of {last}:")];
    lines.extend(found.iter().take(NAMED).map(line));
    if rest > 0 {
        lines.push(format!("  and {rest} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(owners: &[(&str, u64)]) -> Vec<OwnerSize> {
        owners.iter().map(|(owner, bytes)| OwnerSize { owner: (*owner).into(), files: 1, bytes: *bytes }).collect()
    }

    fn report(of: &[(&str, u64)]) -> Report {
        let report = r#"{"image": "web", "reference": "web:latest", "id": "", "layers": [], "sent": 0, "steps": [], "findings": [],
            "sizes": {"builder": null, "root": 0, "closure": 0, "image": 3000000}, "owners": []}"#;
        Report { owners: owners(of), ..serde_json::from_str(report).expect("a report") }
    }

    #[test]
    fn package_limit_counts_its_files_everywhere() {
        let table = "[workspace]\n[workspace.metadata.images.web]\ncmd = [\"/x\"]\n\
                     max-size = { total = \"3 kB\", \"media-libs/libwebp\" = \"1 kB\" }\n";
        let root = tierce_manifest::CargoToml { path: "Cargo.toml".into(), text: table.into() };
        let text = tierce_manifest::WorkspaceText { root, members: Vec::new() };
        let spec = tierce_manifest::read(&text).expect("a valid table").images.remove(0);
        // Two files of the package, one of them from the base image; a file of another package; a file without a package.
        let contents = |first: u64, second: u64| -> Contents {
            let entry =
                |size: u64, owner: Option<&str>| serde_json::json!({ "size": size, "owner": owner, "layer": "x" });
            let package = serde_json::json!({ "reason": "package", "package": "media-libs/libwebp" });
            serde_json::from_value(serde_json::json!({
                "entries": {
                    "/usr/lib64/libwebp.so.7": entry(first, Some("media-libs/libwebp")),
                    "/usr/share/webp": entry(second, Some("media-libs/libwebp")),
                    "/usr/lib64/libpng.so": entry(2000, Some("media-libs/libpng")),
                    "/etc/of-base": entry(7, None),
                },
                "closure": { "findings": [], "entries": {
                    "/usr/lib64/libwebp.so.7": package,
                    "/usr/share/webp": { "reason": "base", "image": "b" },
                    "/etc/of-base": { "reason": "base", "image": "b" },
                } },
            }))
            .expect("a list of files")
        };
        let packed = |size: u64| PackedImage {
            closure: size,
            layers: vec![tierce_plan::PackedLayer { name: "x".into(), diff_id: String::new(), size }],
            ..PackedImage::default()
        };
        assert!(excess(&spec, &packed(3000), &contents(600, 400), None).is_none());
        for (first, second, total, expected) in [
            (600, 401, 3000, "media-libs/libwebp: 1.0 kB, 1 B more than 1.0 kB"),
            (600, 400, 3001, "the image: 3.0 kB, 1 B more than 3.0 kB"),
            (
                601,
                400,
                3001,
                "the image: 3.0 kB, 1 B more than 3.0 kB|media-libs/libwebp: 1.0 kB, 1 B more than 1.0 kB",
            ),
        ] {
            let Excess { lines, .. } =
                excess(&spec, &packed(total), &contents(first, second), None).expect("too large");
            let exceeded: Vec<&str> =
                lines.iter().map(String::as_str).take_while(|line| !line.starts_with("no build")).collect();
            assert_eq!(exceeded.join("|"), expected);
        }
        assert_eq!(strangers(&spec, &contents(1, 1)), Vec::<&str>::new());
    }

    #[test]
    fn owners_are_listed_by_growth() {
        let now = owners(&[("a/a", 5_000_000), ("b/b", 900), ("the program", 700), ("c/c", 7)]);
        for (before, expected) in [
            (
                None,
                "no build of it succeeded yet; its largest owners:|  5.0 MB of a/a|  900 B of b/b|  700 B of the program|  7 B of c/c",
            ),
            (
                Some(report(&[("a/a", 4_999_000), ("the program", 800), ("c/c", 7)])),
                "since the last successful build, of 3.0 MB:|  +1.0 kB of a/a, 5.0 MB before|  +900 B of b/b, new",
            ),
            (
                Some(report(&[("a/a", 5_000_000), ("b/b", 900), ("the program", 800), ("c/c", 7)])),
                "nothing grew since the last successful build, of 3.0 MB; its largest owners:|  5.0 MB of a/a|  900 B of b/b|  700 B of the program|  7 B of c/c",
            ),
        ] {
            assert_eq!(grown(&now, before.as_ref()).join("|"), expected);
        }
        let many: Vec<(String, u64)> = (0..9).map(|at| (format!("a/{at}"), 10)).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        assert_eq!(grown(&owners(&many), Some(&report(&[]))).last().map(String::as_str), Some("  and 3 more"));
    }
}
