use super::*;
use crate::lock::{LockedBuilder, LockedRepository};

fn package(name: &str, version: &str, slot: &str, uses: &[&str]) -> ResolvedPackage {
    let json = serde_json::json!({
        "category": "media-libs", "name": name, "version": version, "slot": slot, "subslot": slot, "repository": "tierce",
        "use": uses, "iuse": uses, "license": "", "description": "", "homepage": "", "ebuild": "ab".repeat(32),
        "builder": true, "root": true,
    });
    serde_json::from_value(json).expect("a package")
}

fn lock(images: &[(&str, Vec<ResolvedPackage>)]) -> Lock {
    let image = |(name, packages): &(&str, Vec<ResolvedPackage>)| LockedImage::new(*name, Vec::new(), packages.clone());
    Lock { images: images.iter().map(image).collect(), ..Lock::default() }
}

fn shown(before: &Lock, after: &Lock) -> String {
    changes(before, after).iter().map(|change| format!("{} {change}\n", change.verb())).collect()
}

#[test]
fn packages_compare_by_name_and_slot() {
    let before = lock(&[
        (
            "app",
            vec![package("zlib", "1.2", "0", &[]), package("png", "2", "0", &["apng"]), package("old", "1", "0", &[])],
        ),
        (
            "web",
            vec![
                package("zlib", "1.2", "0", &[]),
                package("py", "3.11", "3.11", &[]),
                package("py", "3.12.1", "3.12", &[]),
            ],
        ),
        ("gone", vec![package("zlib", "1.2", "0", &[])]),
    ]);
    let changed =
        ResolvedPackage { ebuild: "cd".repeat(32).parse().expect("a digest"), ..package("png", "2", "0", &["tools"]) };
    let after = lock(&[
        ("app", vec![package("zlib", "1.10", "0", &[]), changed, package("new", "1", "0", &["x"])]),
        (
            "web",
            vec![
                package("zlib", "1.10", "0", &[]),
                package("py", "3.11", "3.11", &[]),
                package("py", "3.12.0", "3.12", &[]),
            ],
        ),
    ]);
    insta::assert_snapshot!(shown(&before, &after), @r"
    Adding media-libs/new 1 USE +x (app)
    Removing media-libs/old 1 (app)
    Updating media-libs/png 2 USE +tools -apng, changed ebuild (app)
    Downgrading media-libs/py 3.12.1 -> 3.12.0 (web)
    Updating media-libs/zlib 1.2 -> 1.10 (app, web)
    Removing media-libs/zlib 1.2 (gone)
    ");
    assert_eq!(changes(&after, &after), []);
}

#[test]
fn single_package_may_change_slot() {
    let before = lock(&[("app", vec![package("py", "3.11", "3.11", &[])])]);
    let after = lock(&[("app", vec![package("py", "3.12", "3.12", &[])])]);
    assert_eq!(shown(&before, &after), "Updating media-libs/py 3.11 -> 3.12 (app)\n");
}

#[test]
fn builder_and_repositories_are_compared() {
    let deb = |name: &str, version: &str| Deb {
        name: name.into(),
        version: version.into(),
        architecture: "amd64".into(),
        filename: format!("pool/{name}.deb"),
        size: 1,
        sha256: "ab".repeat(32),
        part: tierce_debian::SuitePart::Release,
    };
    let lock_with = |debs: Vec<Deb>, portage: &str, digest: &str| Lock {
        builder: LockedBuilder {
            base: "debian".into(),
            portage: Some(format!("{portage} 0123")),
            rustc: "rustc 1.95.0".into(),
            debs,
            ..LockedBuilder::default()
        },
        repositories: vec![LockedRepository { name: "tierce".into(), digest: digest.repeat(32) }],
        images: Vec::new(),
    };
    let before = lock_with(vec![deb("bash", "5.2-1"), deb("sed", "4")], "3.0.83", "ab");
    let after = lock_with(vec![deb("bash", "5.2-2"), deb("gcc", "12")], "3.0.84", "cd");
    insta::assert_snapshot!(shown(&before, &after), @r"
    Updating builder's Portage 3.0.83 -> 3.0.84
    Updating builder's package bash 5.2-1 -> 5.2-2
    Adding builder's package gcc 12
    Removing builder's package sed 4
    Updating repository tierce abababababab -> cdcdcdcdcdcd
    ");
    let first: Vec<_> =
        changes(&Lock::default(), &after).into_iter().filter(|change| change.subject == Subject::Deb).collect();
    assert_eq!(first, [], "a first selection is not listed");
}
