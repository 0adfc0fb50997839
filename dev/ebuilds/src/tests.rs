//! Moves on a local index, from its text to the changed files.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use tierce_debian::SuitePart;

use crate::arguments::Arguments;
use crate::decision::{Decision, Offer, OfferedFile, Target, decide};
use crate::ebuild::{self, Ebuild};
use crate::{mirror, write};

const EXPAT: &str =
    "EAPI=8\n\nDEBIAN_REVISION=\"1+deb12u2\"\nDEBIAN_ORIG=\"tar.gz\"\ninherit debian-source\n\nSLOT=\"0\"\n";

/// A repository with one ebuild, and its Manifest of another file.
struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    fn new(package: &str, version: &str, text: &str) -> Self {
        let tree = Self { folder: tempfile::tempdir().expect("a folder") };
        let name = package.rsplit('/').next().expect("a name");
        tree.write(&format!("tree/{package}/{name}-{version}.ebuild"), text);
        tree.write(&format!("tree/{package}/metadata.xml"), "<pkgmetadata>\n</pkgmetadata>\n");
        tree.write("tree/profiles/repo_name", "tierce\n");
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join("tree").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn ebuild(&self) -> Ebuild {
        let mut ebuilds = ebuild::read(self.folder.path(), &["tree"]).expect("readable");
        assert_eq!(ebuilds.len(), 1, "one ebuild of a Debian source");
        ebuilds.remove(0)
    }
}

/// The paragraph of a source package with files of these suffixes.
fn paragraph(name: &str, version: &str, pool: &str, files: &[&str]) -> String {
    let upstream = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
    let upstream = upstream.rsplit(':').next().expect("a version");
    let debian = version.rsplit(':').next().expect("a version");
    let line = |file: &&str| {
        let version = if file.starts_with("debian") { format!("{debian}.") } else { format!("{upstream}.") };
        format!(" {} 7 {name}_{version}{file}\n", "ab".repeat(32))
    };
    let lines: String = files.iter().map(line).collect();
    format!("Package: {name}\nVersion: {version}\nDirectory: {pool}/{name}\nChecksums-Sha256:\n{lines}\n")
}

fn offers(texts: &[(&str, SuitePart, String)]) -> Vec<Offer> {
    let read = |(codename, part, text): &(&str, SuitePart, String)| {
        mirror::read(text, codename, *part, &|_| true).expect("a valid index")
    };
    texts.iter().flat_map(read).collect()
}

/// The offers of expat: a security update of bookworm, and a newer upstream version in trixie.
fn expats() -> Vec<Offer> {
    let files = ["orig.tar.gz", "debian.tar.xz"];
    offers(&[
        ("bookworm", SuitePart::Release, paragraph("expat", "2.5.0-1+deb12u2", "pool/main/e", &files)),
        ("bookworm", SuitePart::Security, paragraph("expat", "2.5.0-1+deb12u5", "pool/updates/main/e", &files)),
        ("trixie", SuitePart::Release, paragraph("expat", "2.7.1-2", "pool/main/e", &["orig.tar.xz", "debian.tar.xz"])),
    ])
}

fn apply(ebuild: &Ebuild, target: &Target) -> Vec<String> {
    let fetched = RefCell::new(Vec::new());
    let fetch = |offer: &Offer, file: &OfferedFile| {
        fetched.borrow_mut().push(format!("{}/{}", offer.directory, file.name));
        Ok(b"content".to_vec())
    };
    write::apply(ebuild, target, &fetch).expect("written");
    fetched.into_inner()
}

fn move_of(ebuild: &Ebuild, offers: &[Offer], follow: bool) -> Target {
    match decide(ebuild, offers, follow) {
        Decision::Move(target) => target,
        other => panic!("{}", other.line(ebuild)),
    }
}

#[test]
fn revision_moves_in_its_suite() {
    let tree = Tree::new("dev-libs/expat", "2.5.0", EXPAT);
    let manifest = "DIST expat_2.5.0-1+deb12u2.debian.tar.xz 1 BLAKE2B 00 SHA512 00\nDIST expat_2.5.0.orig.tar.gz 1 BLAKE2B 00 SHA512 00\n\
        DIST zzz_1.orig.tar.gz 1 BLAKE2B 00 SHA512 00\n";
    tree.write("tree/dev-libs/expat/Manifest", manifest);
    let ebuild = tree.ebuild();
    let decision = decide(&ebuild, &expats(), false);
    assert_eq!(decision.line(&ebuild), "dev-libs/expat 2.5.0-1+deb12u2 -> 2.5.0-1+deb12u5 (bookworm-security)");
    assert_eq!(tree.read("dev-libs/expat/expat-2.5.0.ebuild"), EXPAT, "a decision changes nothing");

    let fetched = apply(&ebuild, &move_of(&ebuild, &expats(), false));
    let pool = "pool/updates/main/e/expat";
    let names = ["expat_2.5.0.orig.tar.gz", "expat_2.5.0-1+deb12u5.debian.tar.xz"];
    assert_eq!(fetched, names.map(|name| format!("{pool}/{name}")));
    insta::assert_snapshot!(tree.read("dev-libs/expat/expat-2.5.0.ebuild"), @r#"
    EAPI=8

    DEBIAN_REVISION="1+deb12u5"
    DEBIAN_ARCHIVE="debian-security"
    DEBIAN_ORIG="tar.gz"
    inherit debian-source

    SLOT="0"
    "#);
    let manifest = tree.read("dev-libs/expat/Manifest");
    let lines: Vec<Vec<&str>> = manifest.lines().map(|line| line.split(' ').collect()).collect();
    let names: Vec<&str> = lines.iter().map(|line| line[1]).collect();
    let expected = ["expat_2.5.0-1+deb12u5.debian.tar.xz", "expat_2.5.0.orig.tar.gz", "zzz_1.orig.tar.gz"];
    assert_eq!(names, expected);
    assert_eq!((lines[0][2], lines[0][4].len(), lines[0][6].len(), lines[2][4]), ("7", 128, 128, "00"));

    let moved = tree.ebuild();
    assert_eq!(decide(&moved, &expats(), false), Decision::Current);
    let released = offers(&[(
        "bookworm",
        SuitePart::Release,
        paragraph("expat", "2.5.0-1+deb12u6", "pool/main/e", &["orig.tar.gz", "debian.tar.xz"]),
    )]);
    apply(&moved, &move_of(&moved, &released, false));
    let text = tree.read("dev-libs/expat/expat-2.5.0.ebuild");
    assert_eq!(text, EXPAT.replace("deb12u2", "deb12u6"), "a point release has the revision");
}

#[test]
fn upstream_version_renames_the_ebuild() {
    let tree = Tree::new("dev-libs/expat", "2.5.0", EXPAT);
    let ebuild = tree.ebuild();
    let target = move_of(&ebuild, &expats(), true);
    assert_eq!(Decision::Move(target).line(&ebuild), "dev-libs/expat 2.5.0-1+deb12u2 -> 2.7.1-2 (trixie)");
    apply(&ebuild, &move_of(&ebuild, &expats(), true));
    assert!(!tree.folder.path().join("tree/dev-libs/expat/expat-2.5.0.ebuild").exists());
    let expected = EXPAT.replace("1+deb12u2", "2").replace("DEBIAN_ORIG=\"tar.gz\"\n", "");
    assert_eq!(tree.read("dev-libs/expat/expat-2.7.1.ebuild"), expected);
}

#[test]
fn ebuild_without_revision_follows_upstream() {
    let text = "EAPI=8\nDEBIAN_SOURCE=\"php8.2\"\nDEBIAN_REVISION=\"\"\ninherit debian-source\n";
    let tree = Tree::new("dev-lang/php", "8.2.32", text);
    let ebuild = tree.ebuild();
    let at = |version: &str| {
        offers(&[("bookworm", SuitePart::Release, paragraph("php8.2", version, "pool/main/p", &["orig.tar.xz"]))])
    };
    let decision = decide(&ebuild, &at("1:8.2.32-1~deb12u9"), false);
    assert_eq!(decision.line(&ebuild), "dev-lang/php 8.2.32: its Manifest lacks files");
    apply(&ebuild, &move_of(&ebuild, &at("8.2.32-1~deb12u9"), false));
    assert_eq!((tree.ebuild().pinned, tree.read("dev-lang/php/php-8.2.32.ebuild").as_str()), (true, text));
    let ebuild = tree.ebuild();
    assert_eq!(decide(&ebuild, &at("1:8.2.32-1~deb12u9"), false), Decision::Current);
    apply(&ebuild, &move_of(&ebuild, &at("8.2.36-1~deb12u1"), false));
    assert_eq!(tree.read("dev-lang/php/php-8.2.36.ebuild"), text);
}

#[test]
fn other_versions_stay() {
    let text = EXPAT.replace("DEBIAN_ORIG", "DEBIAN_UPSTREAM=\"${PV}.dfsg\"\nDEBIAN_ORIG");
    let tree = Tree::new("dev-libs/expat", "2.5.0", &text);
    let ebuild = tree.ebuild();
    let at = |version: &str, file: &str| {
        offers(&[("trixie", SuitePart::Release, paragraph("expat", version, "pool/main/e", &[file]))])
    };
    let lines = [
        decide(&ebuild, &at("2.4.9.dfsg-1", "orig.tar.gz"), false),
        decide(&ebuild, &at("2.6.dfsg+really2.6.1-1", "orig.tar.gz"), false),
        decide(&ebuild, &at("2.6.dfsg-1", "tar.gz"), false),
        decide(&ebuild, &[], false),
    ]
    .map(|decision| decision.line(&ebuild));
    insta::assert_snapshot!(lines.join("\n"), @r"
    dev-libs/expat 2.5.0.dfsg-1+deb12u2: no suite has it
    dev-libs/expat 2.5.0.dfsg-1+deb12u2 -> 2.6.dfsg+really2.6.1-1: DEBIAN_UPSTREAM does not fit this version; write the ebuild by hand
    dev-libs/expat 2.5.0.dfsg-1+deb12u2 -> 2.6.dfsg-1: the source package has no archive of upstream
    dev-libs/expat 2.5.0.dfsg-1+deb12u2: no suite has it
    ");
}

#[test]
fn failed_download_changes_nothing() {
    let tree = Tree::new("dev-libs/expat", "2.5.0", EXPAT);
    let ebuild = tree.ebuild();
    let target = move_of(&ebuild, &expats(), false);
    let error = write::apply(&ebuild, &target, &|_, file| Err(format!("no {}", file.name))).expect_err("no file");
    assert_eq!(error, "no expat_2.5.0.orig.tar.gz");
    assert_eq!(tree.read("dev-libs/expat/expat-2.5.0.ebuild"), EXPAT);
    assert!(!tree.folder.path().join("tree/dev-libs/expat/Manifest").exists());
}

#[test]
fn arguments_are_parsed() {
    let parse = |words: &str| Arguments::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let all = parse("").expect("no argument is needed");
    assert_eq!((all.write, all.follow, all.suites.len()), (false, false, 2));
    assert!(all.selects("dev-libs/expat"));
    let some =
        parse("--write --suite trixie --mirror http://mirror.example/debian/ expat sys-libs/zlib").expect("valid");
    assert_eq!((some.write, some.follow, some.suites.as_slice()), (true, true, &["trixie".to_owned()][..]));
    assert_eq!(some.mirror.as_deref(), Some("http://mirror.example/debian"));
    let selected = ["dev-libs/expat", "sys-libs/zlib", "app-arch/zlib"].map(|package| some.selects(package));
    assert_eq!(selected, [true, true, false]);
    for (words, start) in [("--suite", "`--suite` needs a value\n"), ("--wirte", "unknown option `--wirte`\n")] {
        let error = parse(words).expect_err(words);
        assert!(error.starts_with(start) && error.contains("Usage: cargo dev ebuilds"), "{error}");
    }
}

#[test]
fn every_ebuild_of_this_repository_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two folders below the root");
    let ebuilds = ebuild::read(root, &crate::TREES).expect("readable");
    for package in ["dev-libs/expat", "dev-lang/php", "media-libs/freetype"] {
        assert!(ebuilds.iter().any(|ebuild| ebuild.package == package), "{package}");
    }
    for ebuild in &ebuilds {
        let source = &ebuild.source;
        let version = tierce_ebuilds::DebianSource::ebuild_version(&ebuild.text, &source.upstream);
        assert_eq!(version.as_deref(), Some(source.version.as_str()), "{}", ebuild.package);
    }
}
