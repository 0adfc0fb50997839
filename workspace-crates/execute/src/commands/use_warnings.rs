//! Settings of `package-use` that change nothing: the package is in no image, or it has no such flag.

use std::collections::BTreeSet;

use tierce_manifest::ImageSpec;
use tierce_plan::Lock;
use tierce_portage::ResolvedPackage;

/// Returns a warning for each setting without effect in the packages of a lock. The workspace's defaults may be meant for any of
/// its images, so all of them count.
pub(super) fn warnings(images: &[ImageSpec], lock: &Lock) -> Vec<String> {
    let is_resolved = |image: &&ImageSpec| lock.images.iter().any(|locked| locked.name == image.name.as_str());
    // The packages of an image that was never built are unknown.
    if !images.iter().all(|image| is_resolved(&image)) {
        return Vec::new();
    }
    let packages: Vec<&ResolvedPackage> = lock.images.iter().flat_map(|image| &image.packages).collect();
    let mut warnings = BTreeSet::new();
    for entry in images.iter().flat_map(|image| &image.emerge.package_use) {
        let atom = &entry.atom.value;
        let matching: Vec<_> = packages.iter().filter(|package| atom.matches_cpv(&package.cpv())).collect();
        if matching.is_empty() {
            warnings.insert(without_package(&atom.to_string(), &atom.package().to_string(), &packages));
            continue;
        }
        for setting in &entry.value {
            let flag = setting.value.flag();
            if matching.iter().all(|package| !package.iuse.contains(flag)) {
                let flags: BTreeSet<String> =
                    matching.iter().flat_map(|package| &package.iuse).map(ToString::to_string).collect();
                let flags: Vec<String> = flags.into_iter().collect();
                let known = if flags.is_empty() { "no flags".to_owned() } else { flags.join(", ") };
                warnings.insert(format!("`package-use`: {atom} has no USE flag `{flag}`; it has {known}"));
            }
        }
    }
    warnings.into_iter().collect()
}

/// The warning for an atom that no package of an image matches.
fn without_package(atom: &str, name: &str, packages: &[&ResolvedPackage]) -> String {
    let named = |package: &&&ResolvedPackage| format!("{}/{}", package.category, package.name) == name;
    let versions: BTreeSet<String> = packages.iter().filter(named).map(|package| package.cpv().to_string()).collect();
    match versions.first() {
        Some(other) => format!("`package-use`: no package matches {atom}; the images have {other}"),
        None => format!("`package-use`: no image has {atom}; add it to `packages`, or remove the entry"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tierce_manifest::{CargoToml, WorkspaceText, read};
    use tierce_plan::LockedImage;

    use super::*;

    fn package(name: &str, iuse: &[&str]) -> ResolvedPackage {
        ResolvedPackage {
            category: "media-libs".parse().expect("a category"),
            name: name.parse().expect("a name"),
            version: "1.6".parse().expect("a version"),
            slot: "0".parse().expect("a slot"),
            subslot: "0".parse().expect("a slot"),
            repository: "tierce".parse().expect("a repository"),
            uses: Vec::new(),
            iuse: iuse.iter().map(|flag| flag.parse().expect("a flag")).collect(),
            license: String::new(),
            description: String::new(),
            homepage: String::new(),
            ebuild: "0".repeat(64).parse().expect("a digest"),
            builder: false,
            root: true,
            needs: Vec::new(),
            by_use: Default::default(),
            files: Default::default(),
            eclasses: Default::default(),
            sources: Vec::new(),
        }
    }

    fn found(package_use: &str) -> Vec<String> {
        let text = format!(
            "[workspace.metadata.images.db]\npackages = [\"media-libs/libpng\"]\nentrypoint = [\"/x\"]\n\
             package-use = {{ {package_use} }}\n"
        );
        let root = CargoToml { path: "Cargo.toml".into(), text: Arc::from(text) };
        let spec = read(&WorkspaceText { root, members: Vec::new() }).expect("valid");
        let image = LockedImage::new("db", Vec::new(), vec![package("libpng", &["apng", "static-libs"])]);
        warnings(&spec.images, &Lock { images: vec![image], ..Lock::default() })
    }

    #[test]
    fn settings_without_effect_are_told() {
        for (package_use, expected) in [
            ("\"media-libs/libpng\" = [\"apng\", \"-static-libs\"]", &[][..]),
            (
                "\"media-libs/libpng\" = [\"apgn\"]",
                &["`package-use`: media-libs/libpng has no USE flag `apgn`; it has apng, static-libs"],
            ),
            (
                "\"media-libs/tiff\" = [\"zlib\"]",
                &["`package-use`: no image has media-libs/tiff; add it to `packages`, or remove the entry"],
            ),
            (
                "\">=media-libs/libpng-2\" = [\"apng\"]",
                &["`package-use`: no package matches >=media-libs/libpng-2; the images have media-libs/libpng-1.6"],
            ),
        ] {
            assert_eq!(found(package_use), expected, "{package_use}");
        }
        let never_built = read(&WorkspaceText {
            root: CargoToml {
                path: "Cargo.toml".into(),
                text: "[workspace.metadata.images.db]\npackages = [\"a/b\"]\nentrypoint = [\"/x\"]\n\
                       package-use = { \"c/d\" = [\"e\"] }\n"
                    .into(),
            },
            members: Vec::new(),
        });
        assert_eq!(warnings(&never_built.expect("valid").images, &Lock::default()), Vec::<String>::new());
    }
}
