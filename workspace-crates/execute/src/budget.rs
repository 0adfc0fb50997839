//! Whether an image is as small as its table wants it, and what grew if it is not.

use tierce_manifest::{ImageSpec, SizeLimit};
use tierce_plan::PackedImage;

use crate::report::{Contents, OwnerSize, Report};
use crate::{Error, megabytes};

/// How many owners are named.
const NAMED: usize = 6;

/// Fails if the image, or what is of an owner in it, is larger than `max-size` says. `before` is the report of the last build
/// that came through.
pub(crate) fn check(
    spec: &ImageSpec,
    packed: &PackedImage,
    contents: &Contents,
    before: Option<&Report>,
) -> Result<(), Error> {
    let total = packed.layers.iter().map(|layer| layer.size).sum();
    let owners = contents.by_owner();
    let exceeded: Vec<(&SizeLimit, u64)> = spec
        .max_size
        .iter()
        .map(|limit| (limit, limit.owner.as_ref().map_or(total, |owner| bytes_of(&owners, owner))))
        .filter(|(limit, bytes)| *bytes > limit.most.value.0)
        .collect();
    let Some((first, _)) = exceeded.first() else { return Ok(()) };
    let mut lines: Vec<String> = exceeded.iter().map(|(limit, bytes)| excess(limit, *bytes)).collect();
    lines.extend(grown(&owners, before));
    Err(Error::TooLarge { image: spec.name.to_string(), lines, place: first.most.place.clone() })
}

/// Owners that `max-size` names and that own nothing: they may be misspelt.
pub(crate) fn strangers<'s>(spec: &'s ImageSpec, contents: &Contents) -> Vec<&'s str> {
    let owners = contents.by_owner();
    let named = spec.max_size.iter().filter_map(|limit| limit.owner.as_deref());
    named.filter(|name| !owners.iter().any(|owner| owner.owner == *name)).collect()
}

fn bytes_of(owners: &[OwnerSize], name: &str) -> u64 {
    owners.iter().find(|owner| owner.owner == name).map_or(0, |owner| owner.bytes)
}

fn excess(limit: &SizeLimit, bytes: u64) -> String {
    let (owner, most) = (limit.owner.as_deref().unwrap_or("the image"), limit.most.value.0);
    format!("{owner}: {}, {} more than {}", megabytes(bytes), megabytes(bytes - most), megabytes(most))
}

/// What is larger than it was, or what is largest where nothing is or nobody knows.
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
        return std::iter::once("no build of it came through yet; the largest are".into())
            .chain(largest.take(NAMED))
            .collect();
    };
    let last = megabytes(report.sizes.image);
    if found.is_empty() {
        let heading = format!("nothing grew since the last build that came through, of {last}; the largest are");
        return std::iter::once(heading).chain(largest.take(NAMED)).collect();
    }
    let line = |(more, old, owner): &(u64, u64, &OwnerSize)| match old {
        0 => format!("  +{} of {}, which is new", megabytes(*more), owner.owner),
        old => format!("  +{} of {}, {} before", megabytes(*more), owner.owner, megabytes(*old)),
    };
    let rest = found.len().saturating_sub(NAMED);
    let mut lines = vec![format!("since the last build that came through, of {last}:")];
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
    fn a_package_has_a_limit_of_its_own_wherever_its_files_lie() {
        let table = "[workspace]\n[workspace.metadata.images.web]\ncmd = [\"/x\"]\n\
                     max-size = { total = \"3 kB\", \"media-libs/libwebp\" = \"1 kB\" }\n";
        let root = tierce_manifest::CargoToml { path: "Cargo.toml".into(), text: table.into() };
        let text = tierce_manifest::WorkspaceText { root, members: Vec::new() };
        let spec = tierce_manifest::read(&text).expect("a valid table").images.remove(0);
        // Two files of the package, one of them of the image below, one of another package, and one that has none.
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
            id: String::new(),
            closure: size,
            layers: vec![tierce_plan::PackedLayer { name: "x".into(), diff_id: String::new(), size }],
            foreign: None,
        };
        assert!(check(&spec, &packed(3000), &contents(600, 400), None).is_ok());
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
            let refused = check(&spec, &packed(total), &contents(first, second), None).expect_err("too large");
            let Error::TooLarge { lines, .. } = refused else { panic!("{refused}") };
            let exceeded: Vec<&str> =
                lines.iter().map(String::as_str).take_while(|line| !line.starts_with("no build")).collect();
            assert_eq!(exceeded.join("|"), expected);
        }
        assert_eq!(strangers(&spec, &contents(1, 1)), Vec::<&str>::new());
    }

    #[test]
    fn what_grew_is_named_the_most_first() {
        let now = owners(&[("a/a", 5_000_000), ("b/b", 900), ("the program", 700), ("c/c", 7)]);
        for (before, expected) in [
            (
                None,
                "no build of it came through yet; the largest are|  5.0 MB of a/a|  900 B of b/b|  700 B of the program|  7 B of c/c",
            ),
            (
                Some(report(&[("a/a", 4_999_000), ("the program", 800), ("c/c", 7)])),
                "since the last build that came through, of 3.0 MB:|  +1.0 kB of a/a, 5.0 MB before|  +900 B of b/b, which is new",
            ),
            (
                Some(report(&[("a/a", 5_000_000), ("b/b", 900), ("the program", 800), ("c/c", 7)])),
                "nothing grew since the last build that came through, of 3.0 MB; the largest are|  5.0 MB of a/a|  900 B of b/b|  700 B of the program|  7 B of c/c",
            ),
        ] {
            assert_eq!(grown(&now, before.as_ref()).join("|"), expected);
        }
        let many: Vec<(String, u64)> = (0..9).map(|at| (format!("a/{at}"), 10)).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        assert_eq!(grown(&owners(&many), Some(&report(&[]))).last().map(String::as_str), Some("  and 3 more"));
    }
}
