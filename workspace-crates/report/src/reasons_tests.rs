use tierce_manifest::{CargoToml, WorkspaceText};

use super::*;

/// Returns an image of packages with these keys.
fn image(keys: &str) -> ImageSpec {
    let text = format!("[workspace]\n[workspace.metadata.images.web]\ncmd = [\"/x\"]\n{keys}\n");
    let root = CargoToml { path: "Cargo.toml".into(), text: text.into() };
    tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("a valid table").images.remove(0)
}

/// Returns locked packages: each `category/name` with the packages that it needs, perhaps because of flags: `a/b[gd,-x]`.
fn locked(lines: &[(&str, &[&str])]) -> Vec<ResolvedPackage> {
    let one = |(name, needs): &(&str, &[&str])| {
        let (category, name) = name.split_once('/').expect("a name");
        let split = |need: &&str| {
            let (name, flags) = need.trim_end_matches(']').split_once('[').unwrap_or((need, ""));
            (format!("{name}-1"), flags.split(',').filter(|flag| !flag.is_empty()).map(str::to_owned).collect())
        };
        let by_use: BTreeMap<String, Vec<String>> = needs.iter().map(split).collect();
        let needs: Vec<&String> = by_use.keys().collect();
        let flags: BTreeMap<_, _> = by_use.iter().filter(|(_, flags)| !flags.is_empty()).collect();
        let json = serde_json::json!({
            "category": category, "name": name, "version": "1", "slot": "0", "subslot": "0", "repository": "tierce",
            "use": [], "iuse": [], "license": "MIT", "description": "", "homepage": "", "ebuild": "ab".repeat(32),
            "builder": true, "root": true, "needs": needs, "by_use": flags,
        });
        serde_json::from_value(json).expect("a package")
    };
    lines.iter().map(one).collect()
}

fn php() -> Vec<ResolvedPackage> {
    locked(&[
        ("sys-libs/glibc", &[]),
        ("dev-lang/php", &["media-libs/gd[gd]", "sys-libs/zlib", "app-text/pcre"]),
        ("media-libs/gd", &["media-libs/libwebp[webp]", "media-libs/freetype[truetype]", "sys-libs/zlib"]),
        ("media-libs/freetype", &["media-libs/libpng[png]"]),
        ("media-libs/libpng", &["sys-libs/zlib"]),
        ("media-libs/libwebp", &[]),
        ("sys-libs/zlib", &[]),
        ("app-text/pcre", &["app-arch/bzip2[-system]"]),
        ("app-arch/bzip2", &[]),
        ("sys-libs/timezone-data", &[]),
    ])
}

#[test]
fn reason_is_the_chain_with_flags() {
    let (spec, locked) = (image("packages = [\"dev-lang/php\"]\ntimezone = \"UTC\""), php());
    let reasons = Reasons::new(&spec, &locked, None);
    for (package, expected) in [
        ("dev-lang/php", "`packages` has dev-lang/php"),
        ("sys-libs/timezone-data", "`timezone` adds it"),
        ("sys-libs/glibc", "every image has it"),
        ("media-libs/gd", "dev-lang/php[gd] → media-libs/gd"),
        ("media-libs/libwebp", "dev-lang/php[gd] → media-libs/gd[webp] → media-libs/libwebp"),
        (
            "media-libs/libpng",
            "dev-lang/php[gd] → media-libs/gd[truetype] → media-libs/freetype[png] → media-libs/libpng",
        ),
        ("sys-libs/zlib", "dev-lang/php → sys-libs/zlib; also needed by media-libs/gd, media-libs/libpng"),
        ("app-arch/bzip2", "dev-lang/php → app-text/pcre[-system] → app-arch/bzip2"),
    ] {
        assert_eq!(reasons.of(&format!("{package}-1").parse().expect("a package")), expected, "{package}");
    }
}

#[test]
fn packages_of_the_base_name_it() {
    let below = php();
    let mut all =
        locked(&[("dev-php/redis", &["dev-lang/php", "dev-php/igbinary[igbinary]"]), ("dev-php/igbinary", &[])]);
    all.extend(php());
    let spec = image("packages = [\"dev-php/redis\"]");
    let reasons = Reasons::new(&spec, &all, Some(("php-base", &below)));
    for (package, expected) in [
        ("dev-php/redis", "`packages` has dev-php/redis"),
        ("dev-php/igbinary", "dev-php/redis[igbinary] → dev-php/igbinary"),
        ("dev-lang/php", "the base `php-base` has it"),
        ("media-libs/gd", "the base `php-base` has it"),
        ("sys-libs/glibc", "every image has it"),
    ] {
        assert_eq!(reasons.of(&format!("{package}-1").parse().expect("a package")), expected, "{package}");
    }
    // A flag of the upper image does not add a package that the base has.
    let brought: Vec<String> = reasons.brought().into_iter().map(|brought| brought.flag).collect();
    assert_eq!(brought, ["dev-php/redis[igbinary]"]);
}

#[test]
fn flag_adds_packages_needed_only_by_it() {
    let (spec, locked) = (image("packages = [\"dev-lang/php\"]\nca-certificates = true"), php());
    let brought = Reasons::new(&spec, &locked, None).brought();
    let shown: Vec<(&str, String)> = brought
        .iter()
        .map(|one| {
            (one.flag.as_str(), one.packages.iter().map(|cpv| cpv.package().to_string()).collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = [
        ("dev-lang/php[gd]", "media-libs/freetype media-libs/gd media-libs/libpng media-libs/libwebp"),
        ("media-libs/gd[truetype]", "media-libs/freetype media-libs/libpng"),
        ("app-text/pcre[-system]", "app-arch/bzip2"),
        ("media-libs/freetype[png]", "media-libs/libpng"),
        ("media-libs/gd[webp]", "media-libs/libwebp"),
    ];
    assert_eq!(shown, expected.map(|(flag, packages)| (flag, packages.to_owned())));
}

#[test]
fn circular_and_unneeded_packages_have_reasons() {
    let spec = image("packages = [\"a/a\"]");
    let locked = locked(&[("a/a", &["a/b"]), ("a/b", &["a/a", "a/c[x]"]), ("a/c", &["a/b"]), ("a/alone", &[])]);
    let reasons = Reasons::new(&spec, &locked, None);
    assert_eq!(reasons.of(&"a/c-1".parse().expect("a package")), "a/a → a/b[x] → a/c");
    assert_eq!(reasons.of(&"a/alone-1".parse().expect("a package")), "nothing needs it");
    assert_eq!(reasons.brought().len(), 1);
}
