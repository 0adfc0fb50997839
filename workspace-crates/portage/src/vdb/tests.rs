use proptest::prelude::*;

use super::*;

/// Portage's own CONTENTS of a package whose files have spaces and arrows in their names.
const CONTENTS: &str = "dir /usr
dir /usr/share/x y
obj /usr/share/x y/hello.txt c7cc96a3df420145ece496f30887de9b 1795423201
obj /usr/share/empty/.keep_dev-lab_env-0 d41d8cd98f00b204e9800998ecf8427e 1795423202
sym /usr/share/x y/link -> z -> hello.txt 1795423202
";

fn zlib() -> InstalledDatabase {
    let files: [(&str, &[u8]); 10] = [
        (
            "var/db/pkg/sys-libs/zlib-1.2.13/CONTENTS",
            b"dir /lib64\nobj /lib64/libz.so.1.2.13 c7cc96a3df420145ece496f30887de9b 1\nsym /lib64/libz.so.1 -> libz.so.1.2.13 1\n",
        ),
        ("var/db/pkg/sys-libs/zlib-1.2.13/SLOT", b"0/1\n"),
        ("var/db/pkg/sys-libs/zlib-1.2.13/USE", b"amd64 elibc_glibc static-libs\n"),
        ("var/db/pkg/sys-libs/zlib-1.2.13/repository", b"tierce\n"),
        ("var/db/pkg/sys-libs/zlib-1.2.13/LICENSE", b"ZLIB\n"),
        ("var/db/pkg/sys-libs/zlib-1.2.13/SIZE", b"123456\n"),
        ("var/db/pkg/sys-libs/zlib-1.2.13/PROVIDES", b"x86_64: libz.so.1\n"),
        (
            "var/db/pkg/sys-libs/zlib-1.2.13/NEEDED.ELF.2",
            b"X86_64;/lib64/libz.so.1.2.13;libz.so.1;;libc.so.6;x86_64\n",
        ),
        ("var/db/pkg/sys-libs/zlib-1.2.13/environment.bz2", b"\xff\xfe"),
        ("var/db/pkg/sys-libs/-MERGING-zlib-1.3/CONTENTS", b"dir"),
    ];
    InstalledDatabase::from_files(files).unwrap()
}

#[test]
fn contents_have_paths_and_kinds() {
    let entries = parse_contents("CONTENTS", CONTENTS).unwrap();
    let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/usr",
            "/usr/share/x y",
            "/usr/share/x y/hello.txt",
            "/usr/share/empty/.keep_dev-lab_env-0",
            "/usr/share/x y/link"
        ]
    );
    assert_eq!(entries[4].kind, ContentsKind::Symlink { target: "z -> hello.txt".to_owned() });
}

#[test]
fn malformed_contents_are_errors() {
    for (line, reason) in [
        ("obj", "neither a kind nor a path"),
        ("lnk /a", "unknown kind `lnk`"),
        ("dir a", "not an absolute path"),
        ("dir /a/../b", "this names a folder"),
        ("dir /a\u{1b}[0m", "is not allowed in a file name"),
        ("obj /a 1", "the MD5 digest is missing"),
        ("obj /a zz 1", "the MD5 digest is not 32 hexadecimal digits"),
        ("obj /a d41d8cd98f00b204e9800998ecf8427e x", "`x` is not a time"),
        ("sym /a b 1", "the target of the link is missing"),
        ("sym /a ->  1", "the target of the link is malformed"),
    ] {
        let error = parse_contents("CONTENTS", &format!("dir /usr\n{line}\n")).unwrap_err().to_string();
        assert!(error.contains("`CONTENTS`") && error.contains("line 2") && error.contains(reason), "{line}: {error}");
    }
}

#[test]
fn package_has_its_facts() {
    let database = zlib();
    assert_eq!(database.packages().count(), 1);
    let (cpv, package) = database.packages().next().unwrap();
    assert_eq!(cpv.to_string(), "sys-libs/zlib-1.2.13");
    assert_eq!(package.slot.as_ref().unwrap().as_str(), "0");
    assert_eq!(package.subslot.as_ref().unwrap().as_str(), "1");
    assert_eq!((package.license.as_str(), package.size), ("ZLIB", 123_456));
    assert_eq!(package.needed[0].needed, ["libc.so.6"]);
    assert_eq!(database.provider("libz.so.1"), Some(cpv));
    assert_eq!(database.provider("libz.so"), None);
}

#[test]
fn owners_have_normalised_paths() {
    let owners = zlib().owners(|path| path.replacen("/lib64/", "/usr/lib64/", 1));
    assert_eq!(owners.owner("/usr/lib64/libz.so.1").unwrap().to_string(), "sys-libs/zlib-1.2.13");
    assert_eq!(owners.owner("/lib64/libz.so.1"), None);
    assert_eq!(owners.owner("/usr/lib64"), None);
    assert_eq!(owners.iter().count(), 2);
}

#[test]
fn database_wants_its_files() {
    for (path, wanted) in [
        ("var/db/pkg/sys-libs/zlib-1.2.13/CONTENTS", true),
        ("var/db/pkg/sys-libs/zlib-1.2.13/environment.bz2", false),
        ("usr/share/CONTENTS", false),
        ("var/db/pkgs/a/b-1/SLOT", false),
    ] {
        assert_eq!(InstalledDatabase::wants(path), wanted, "{path}");
    }
}

#[test]
fn hostile_databases_are_errors() {
    for (path, text, reason) in [
        ("var/db/pkg/../x-1/SLOT", "0", "a category"),
        ("var/db/pkg/a/b/SLOT", "0", "the version is missing"),
        ("var/db/pkg/a/b-1/SLOT", "", "the slot is missing"),
        ("var/db/pkg/a/b-1/SIZE", "-1", "not a number of bytes"),
        ("var/db/pkg/a/b-1/USE", "a$b", "is not allowed in a USE flag"),
        ("var/db/pkg/a/b-1/NEEDED.ELF.2", "a;b", "2 fields instead of 5 or 6"),
        ("var/db/pkg/a/b-1/PROVIDES", "libz.so", "is before the first architecture"),
    ] {
        let error = InstalledDatabase::from_files([(path, text.as_bytes())]).unwrap_err().to_string();
        assert!(error.contains(reason), "{path}: {error}");
    }
}

#[test]
fn debian_versions_convert() {
    for (debian, version) in [
        ("4:12.2.0-3", "12.2.0"),
        ("2.36-9+deb12u10", "2.36"),
        ("1:1.2.13.dfsg-1", "1.2.13"),
        ("3.0.15-1~deb12u1", "3.0.15"),
        ("1.1.1w-0+deb11u1", "1.1.1w"),
        ("5.2.15-2+b8", "5.2.15"),
        ("1.34+dfsg-1.2+deb12u1", "1.34"),
        ("3.0~rc2-1", "3.0_rc2"),
        ("2.0~beta.3", "2.0_beta3"),
        ("20220623.1", "20220623.1"),
        ("5.36.0-7+deb12u2", "5.36.0"),
        ("1.8.0~git20220101", "1.8.0"),
        ("7.88.1a2", "7.88.1"),
        ("1..2", "1"),
        ("git", "0"),
        ("", "0"),
    ] {
        assert_eq!(stub_version(debian).as_str(), version, "{debian}");
    }
}

#[test]
fn stub_reads_as_a_package() {
    let stub = Stub {
        cpv: "sys-devel/gcc-12.2.0".parse().unwrap(),
        slot: "12".parse().unwrap(),
        description: "gcc 4:12.2.0-3\nof Debian".to_owned(),
    };
    let files = stub.files();
    assert!(files.iter().any(|(path, text)| path == "var/db/pkg/sys-devel/gcc-12.2.0/PF" && text == "gcc-12.2.0\n"));
    assert!(files.iter().all(|(_, text)| text.lines().count() <= 1));
    let read = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
    let database = InstalledDatabase::from_files(read).unwrap();
    assert_eq!(database.package(&stub.cpv).unwrap().slot, Some(stub.slot));
}

proptest! {
    #[test]
    fn paths_round_trip(path in "(/[a-z .>-]{0,6}[a-z]){1,4}", target in "[a-z./]{1,8}") {
        prop_assume!(!path.contains(" -> "));
        let text = format!("dir {path}\nobj {path} d41d8cd98f00b204e9800998ecf8427e 12\nsym {path} -> {target} 12\n");
        for entry in parse_contents("CONTENTS", &text).unwrap() {
            prop_assert_eq!(&entry.path, &path);
        }
    }

    #[test]
    fn never_panics(name in "(CONTENTS|NEEDED.ELF.2|PROVIDES|SLOT|USE|SIZE)", bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "((obj|sym|dir) )?[/a-z ;:,>-]{0,40}", path in "\\PC{0,24}") {
        let file = format!("var/db/pkg/a/b-1/{name}");
        let _ = InstalledDatabase::from_files([(file.as_str(), bytes.as_slice())]);
        let _ = InstalledDatabase::from_files([(file.as_str(), text.as_bytes())]);
        let _ = InstalledDatabase::from_files([(path.as_str(), text.as_bytes())]);
    }

    #[test]
    fn every_debian_version_converts(text in "\\PC{0,16}", likely in "([0-9]:)?[0-9]{0,2}(\\.[0-9a-z~+]{0,3}){0,3}(-[0-9])?") {
        let _ = stub_version(&text);
        let _ = stub_version(&likely);
    }
}
