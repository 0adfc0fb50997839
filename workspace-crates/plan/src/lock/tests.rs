use super::*;

fn package(name: &str, version: &str, uses: &[&str], needs: &[&str]) -> ResolvedPackage {
    let json = serde_json::json!({
        "category": "media-libs", "name": name, "version": version, "slot": "0", "subslot": "16", "repository": "tierce",
        "use": uses, "iuse": ["apng", "tools"], "license": "MIT", "description": "For a test",
        "homepage": "https://example.org", "ebuild": "ab".repeat(32), "builder": true, "root": true, "needs": needs,
        "files": {"files/x.patch": "ef".repeat(32)}, "eclasses": {"words": "12".repeat(32)},
        "sources": [{"name": format!("{name}-{version}.tar.gz"), "size": 7, "sha512": "cd".repeat(64),
                     "uris": ["https://example.org/x.tar.gz"]}],
    });
    serde_json::from_value(json).expect("a package")
}

fn lock() -> Lock {
    let bash = Deb {
        name: "bash".into(),
        version: "5.2-1".into(),
        architecture: "amd64".into(),
        filename: "pool/main/b/bash/bash_5.2-1_amd64.deb".into(),
        size: 12,
        sha256: "ab".repeat(32),
        part: tierce_debian::SuitePart::Release,
    };
    let builder = LockedBuilder {
        base: "debian".into(),
        portage: Some("3.0.83 0123".into()),
        rustc: "rustc 1.95.0".into(),
        debs: vec![bash],
        ..LockedBuilder::default()
    };
    let libc = ResolvedPackage { builder: false, ..package("libc", "2", &[], &[]) };
    let image = |name: &str, flags: &[&str]| {
        let libpng = package("libpng", "1.6.39", flags, &["media-libs/zlib-1.3"]);
        let inputs = vec!["builder 1".into(), "packages media-libs/libpng".into()];
        LockedImage::new(name, inputs, vec![libc.clone(), package("zlib", "1.3", &[], &[]), libpng])
    };
    Lock {
        builder,
        repositories: vec![LockedRepository { name: "tierce".into(), digest: "cd".repeat(32) }],
        images: vec![image("web", &["apng", "tools"]), image("app", &[])],
    }
}

/// The lines of `text` that `other` does not have.
fn only_in(text: &str, other: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !other.lines().any(|other| other == *line));
    lines.filter(|line| !line.starts_with("checksum")).map(str::to_owned).collect()
}

/// The lines that a change of the lock removes and adds, without checksums.
fn difference(change: impl Fn(&mut Lock)) -> (Vec<String>, Vec<String>) {
    let mut changed = lock();
    change(&mut changed);
    let (before, after) = (lock().to_text(), changed.to_text());
    assert_eq!(Lock::parse(&after).expect("own text").to_text(), after);
    (only_in(&before, &after), only_in(&after, &before))
}

#[test]
fn package_names_its_part_of_the_suite() {
    let (removed, added) = difference(|lock| lock.builder.debs[0].part = tierce_debian::SuitePart::Security);
    let line = |end: &str| {
        format!("debs = [\"bash 5.2-1 amd64 12 {} pool/main/b/bash/bash_5.2-1_amd64.deb{end}\"]", "ab".repeat(32))
    };
    assert_eq!((removed, added), (vec![line("")], vec![line(" security")]));
    for word in ["release", "proposed", "security x"] {
        let text = lock().to_text().replace("_amd64.deb\"", &format!("_amd64.deb {word}\""));
        let error = Lock::parse(&text).expect_err(word).to_string();
        assert!(error.contains("not a Debian package"), "{error}");
    }
}

#[test]
fn text_has_each_fact_once() {
    let text = lock().to_text();
    insta::assert_snapshot!("text", text);
    let mut sorted = lock();
    sorted.images.reverse();
    assert_eq!(Lock::parse(&text).expect("own text"), sorted);
}

#[test]
fn flag_is_one_changed_line() {
    let change = difference(|lock| {
        lock.images[1].packages[2] = package("libpng", "1.6.39", &["apng"], &["media-libs/zlib-1.3"])
    });
    assert_eq!(
        change,
        (vec!["    \"media-libs/libpng\",".to_owned()], vec!["    \"media-libs/libpng[apng]\",".to_owned()],)
    );
}

#[test]
fn needed_package_names_its_flags() {
    let zlib = "media-libs/zlib-1.3";
    let needing = |flags: &[&str]| {
        let by_use = [(zlib, flags)].map(|(need, flags)| {
            let flags = flags.iter().map(|flag| flag.parse().expect("a flag")).collect();
            (need.parse().expect("a package"), flags)
        });
        ResolvedPackage { by_use: by_use.into(), ..package("libpng", "1.6.39", &["apng"], &[zlib]) }
    };
    let (_, added) =
        difference(|lock| lock.images.iter_mut().for_each(|image| image.packages[2] = needing(&["apng", "-tools"])));
    assert!(added.contains(&"needs = [\"media-libs/zlib if apng,-tools\"]".to_owned()), "{added:?}");
    let mut lock = lock();
    lock.images[1].packages[2] = needing(&["apng"]);
    let text = lock.to_text();
    assert_eq!(Lock::parse(&text).expect("own text").image("app"), lock.image("app"));
    for (flags, message) in [("", "USE setting"), ("apng,?", "USE setting")] {
        let error = Lock::parse(&text.replace("zlib if apng", &format!("zlib if {flags}"))).expect_err(flags);
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn version_is_one_changed_block() {
    let change = difference(|lock| {
        for image in &mut lock.images {
            image.packages[1] = package("zlib", "1.4", &[], &[]);
            image.packages[2].needs = vec!["media-libs/zlib-1.4".parse().expect("a package")];
        }
    });
    assert_eq!(
        change,
        (
            vec!["version = \"1.3\"".to_owned(), "name = \"zlib-1.3.tar.gz\"".to_owned()],
            vec!["version = \"1.4\"".to_owned(), "name = \"zlib-1.4.tar.gz\"".to_owned()],
        )
    );
}

#[test]
fn images_may_have_different_versions() {
    let mut lock = lock();
    lock.images[1].packages[1] = package("zlib", "1.4", &[], &[]);
    lock.images[1].packages[2].needs = vec!["media-libs/zlib-1.4".parse().expect("a package")];
    let again = Lock::parse(&lock.to_text()).expect("own text");
    assert_eq!(again.image("app"), lock.image("app"));
    assert_eq!(again.image("web"), lock.image("web"));

    let second = ResolvedPackage { slot: "2".parse().expect("a slot"), ..package("zlib", "2", &[], &[]) };
    lock.images[1].packages.insert(2, second);
    let again = Lock::parse(&lock.to_text()).expect("own text");
    assert_eq!(again.image("app"), lock.image("app"));
    assert_eq!(again.image("web"), lock.image("web"));
}

#[test]
fn invalid_lock_error_has_its_place() {
    for (text, message, line) in [
        ("version = 2\nwhatever = true", "it has format version 2; this Tierce reads version 1", "2"),
        ("version = 0", "it has format version 0; this Tierce reads version 1", "0"),
        ("", "missing field `version`", ""),
        ("version = 1\n[builder]\nbase = \"debian\"\nrustc = \"\"\ncolour = 1", "unknown field `colour`", "colour"),
        ("version = 1\n<<<<<<< HEAD\n[builder]\n=======\n>>>>>>> other\n", "conflict markers", "<<<<<<< HEAD"),
        ("version = 1\n=======\r\n", "conflict markers", "======="),
        ("version = 1\n[builder", "unclosed table, expected `]`", ""),
    ] {
        let error = Lock::parse(text).expect_err(text);
        assert!(error.to_string().contains(message), "{text:?}: {error}");
        assert_eq!(&text[error.span().unwrap_or(0..0)], line, "{text:?}");
    }
}

#[test]
fn edited_text_is_refused_or_unfit() {
    let text = lock().to_text();
    let image_of = |text: &str| Lock::parse(text).map(|lock| lock.image("web").expect("an image").intact);
    assert!(image_of(&text).expect("own text"));
    for (from, to) in [
        ("version = \"1.6.39\"", "version = \"1.6.40\""),
        ("[apng,tools]", "[apng]"),
        ("libc only in ROOT", "libc"),
        (&format!("ebuild = \"{}\"", "ab".repeat(32)), &format!("ebuild = \"{}\"", "cd".repeat(32))),
        ("packages media-libs/libpng", "packages media-libs/libpng[tools]"),
        ("slot = \"0/16\"", "slot = \"0\""),
        ("size = 7", "size = 8"),
    ] {
        assert!(text.contains(from), "{from}");
        let edited = image_of(&text.replace(from, to)).expect(to);
        assert!(!edited, "{from} -> {to}");
    }
    for (from, to, message, blamed) in [
        ("libpng[apng,tools]", "libpgn[apng]", "no [[package]] matches `media-libs/libpgn` of `web`", "libpgn"),
        ("libpng[apng,tools]", "libpng[qt]", "its USE flag `qt` is enabled but not in its IUSE", "\"web\""),
        ("libpng[apng,tools]", "libpng[apng", "has no `]`", "libpng[apng"),
        ("only in ROOT", "in the attic", "`in the attic` is not a place", "in the attic"),
        ("name = \"app\"", "name = \"web\"", "the image `web` is repeated", "\"web\""),
        ("needs = [\"media-libs/zlib\"]", "needs = [\"media-libs/gone\"]", "needs `media-libs/gone`", "libpng"),
        (&"cd".repeat(64), "cd", "2 digits instead of 128", "cd"),
        ("\"1.6.39\"", "\"../..\"", "a version begins with a digit", "../.."),
    ] {
        assert!(text.contains(from), "{from}");
        let edited = text.replace(from, to);
        let error = Lock::parse(&edited).expect_err(to);
        assert!(error.to_string().contains(message), "{from} -> {to}: {error}");
        let blame = &edited[error.span().unwrap_or(0..0)];
        assert!(blame.contains(blamed), "{from} -> {to}: {blame}");
    }
}

#[test]
fn edits_never_panic() {
    let text = lock().to_text();
    let places = (0..text.len()).step_by(5).filter(|at| text.is_char_boundary(*at) && text.is_char_boundary(at + 1));
    for at in places {
        for other in ["", "x", "\"", "/", "]\n"] {
            let edited = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            if let Err(error) = Lock::parse(&edited) {
                assert!(edited.get(error.span().unwrap_or(0..0)).is_some(), "not a place of the text: {error}");
            }
        }
    }
}

/// Half as many packages as a lock file of the largest size has.
#[test]
fn large_lock_is_read_soon() {
    let needs = |index: usize| (1..=5).map(|step| format!("media-libs/p{}-1", index / (step + 1))).collect::<Vec<_>>();
    let one = |index: usize| {
        let mut needs = if index == 0 { Vec::new() } else { needs(index) };
        needs.sort();
        needs.dedup();
        package(&format!("p{index}"), "1", &[], &needs.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let start = std::time::Instant::now();
    let image = LockedImage::new("web", vec!["builder 1".into()], (0..3000).map(one).collect());
    let large = Lock { images: vec![image], ..lock() };
    let text = large.to_text();
    assert!((2 << 20..8 << 20).contains(&text.len()), "{}", text.len());
    assert!(Lock::parse(&text).expect("own text").images[0].intact);
    let repeated = text.replace("    \"media-libs/p7\",", &"    \"media-libs/p7\",\n".repeat(10_000));
    let error = Lock::parse(&repeated).expect_err("repeated").to_string();
    assert!(error.contains("repeated"), "{error}");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
