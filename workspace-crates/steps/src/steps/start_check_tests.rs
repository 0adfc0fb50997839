use tierce_manifest::{CargoToml, WorkspaceText};
use tierce_rootfs::{FileContent, Node, NodeKind};

use super::*;

/// The first bytes of a program for x86-64 without a dynamic linker.
fn static_program() -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    header[16..24].copy_from_slice(&[2, 0, 62, 0, 1, 0, 0, 0]);
    header[52..56].copy_from_slice(&[64, 0, 56, 0]);
    header
}

/// Returns the warnings, or the error with the text of its place and its help, of an image with this table.
fn checked(table: &str, folders: &[(&str, u32)]) -> Result<Vec<String>, String> {
    let text = format!("[workspace.metadata.images.x]\n{table}\n");
    let root = CargoToml { path: "Cargo.toml".into(), text: text.clone().into() };
    let spec = &tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("a valid table").images[0];
    let mut image = Index::new();
    for (path, mode) in folders {
        image.insert(path, Node::new(NodeKind::Directory, *mode)).expect("no conflict");
    }
    let program = FileContent::of_bytes(static_program());
    assert!(program.elf().is_some(), "{program:?}");
    image
        .insert_file("/usr/bin/hello", Node::new(NodeKind::File { size: 64 }, 0o755), 64, program)
        .expect("no conflict");
    let config = &spec.config;
    let runtime = Runtime {
        user: config.user.as_ref().map(|user| user.value.to_string()),
        workdir: config.workdir.as_ref().map(|path| path.value.to_string()),
        volumes: config.volumes.iter().map(|path| path.value.to_string()).collect(),
        env: config.env.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
        ..documents::started(spec)
    };
    let accounts = AccountTexts {
        passwd: "root:x:0:0::/:/x\nnobody:x:65534:65534::/:/x\nweb:x:7:7::/:/x\n".into(),
        group: "media:x:33:web\n".into(),
    };
    let started = Started { spec, runtime: &runtime, accounts: &accounts, platform: "linux/amd64" };
    started.check(&image, &["/usr/bin/hello"], &|_| String::new()).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Pack);
        let place = error.place().map(|place| &text[place.span.clone()]).unwrap_or_default();
        format!("{error}\n{place}\n{}", error.help().unwrap_or_default())
    })
}

#[test]
fn image_that_starts_passes() {
    for table in [
        "entrypoint = [\"/usr/bin/hello\"]",
        "cmd = [\"hello\"]",
        "cmd = [\"hello\"]\nworkdir = \"/\"\nuser = \"5:5\"",
        "entrypoint = [\"/data/hello\"]\nvolumes = [\"/data\"]",
        "entrypoint = [\"/usr/bin/hello\"]\nworkdir = \"/data/x\"\nvolumes = [\"/data\"]",
    ] {
        assert_eq!(checked(table, &[]), Ok(Vec::new()), "{table}");
    }
}

#[test]
fn absent_entrypoint_names_the_nearest() {
    insta::assert_snapshot!(checked("entrypoint = [\"/usr/bin/helo\"]", &[]).unwrap_err(), @r#"
    an engine cannot start `x`: `/usr/bin/helo` is not in the image
    ["/usr/bin/helo"]
    did you mean `/usr/bin/hello`? If a volume provides it, name its folder in `volumes`
    "#);
    insta::assert_snapshot!(checked("cmd = [\"other\"]\nenv = { PATH = \"/bin\" }", &[]).unwrap_err(), @r"
    an engine cannot start `x`: `other` is in no folder of PATH, `/bin`
    x
    write the program's absolute path, or set PATH in `env`
    ");
}

#[test]
fn absent_health_check_is_an_error() {
    let table = "entrypoint = [\"/usr/bin/hello\"]\nhealthcheck = { cmd = [\"/bin/check\"] }";
    insta::assert_snapshot!(checked(table, &[]).unwrap_err(), @r#"
    an engine cannot check the health of `x`: `/bin/check` is not in the image
    { cmd = ["/bin/check"] }
    name a program of the image, or the folder in `volumes` if a volume provides it
    "#);
}

#[test]
fn workdir_exists_and_is_open() {
    let table = "entrypoint = [\"/usr/bin/hello\"]\nuser = \"5:8\"\nworkdir = \"/srv/x\"";
    insta::assert_snapshot!(checked(table, &[]).unwrap_err(), @r#"
    an engine cannot start `x` in its `workdir`: `/srv/x` is not in the image
    "/srv/x"
    add it by `directories = [{ path = "/srv/x", owner = "5:8" }]`
    "#);
    insta::assert_snapshot!(checked(table, &[("/srv", 0o750), ("/srv/x", 0o777)]).unwrap_err(), @r#"
    an engine cannot start `x` in its `workdir`: `/srv/x` is out of reach: the user 5:8 cannot enter `/srv`: its mode is 0750, its owner 0:0
    "/srv/x"
    give `/srv` another owner or mode by `directories`, or choose another `user`
    "#);
    insta::assert_snapshot!(checked(&table.replace("/srv/x", "/usr/bin/hello"), &[]).unwrap_err(), @r#"
    an engine cannot start `x` in its `workdir`: `/usr/bin/hello` is a file
    "/usr/bin/hello"
    "#);
    assert_eq!(checked(table, &[("/srv", 0o755), ("/srv/x", 0o755)]), Ok(Vec::new()));
}

#[test]
fn user_is_one_of_the_image() {
    let table = |user: &str| format!("entrypoint = [\"/usr/bin/hello\"]\nuser = \"{user}\"");
    assert_eq!(checked(&table("nobody"), &[]), Ok(Vec::new()));
    insta::assert_snapshot!(checked(&table("nobodi"), &[]).unwrap_err(), @r#"
    an engine cannot start `x`: its user `nobodi` is not in the image's /etc/passwd
    "nobodi"
    did you mean `nobody`?
    "#);
    insta::assert_snapshot!(checked(&table("7:wheel"), &[]).unwrap_err(), @r#"
    an engine cannot start `x`: its group `wheel` is not in the image's /etc/group
    "7:wheel"
    add it to `groups`, or set `user` to numbers, such as "1000:1000"
    "#);
    let warnings = checked(&table("web:9"), &[]).expect("a warning");
    assert_eq!(
        warnings,
        ["the user of `x` is a member of the groups 33, and its program does not have them: `user = \"web:9\"` \
        states another group than the user's own, and then engines add no others; leave the group out"]
    );
    assert_eq!(checked(&table("web"), &[]), Ok(Vec::new()));
}

#[test]
fn volumes_are_open_folders() {
    let table = "entrypoint = [\"/usr/bin/hello\"]\nuser = \"5:8\"\nvolumes = [\"/data\"]";
    insta::assert_snapshot!(checked(&table.replace("/data", "/usr/bin/hello"), &[]).unwrap_err(), @r#"
    an engine cannot use a volume of `x`: `/usr/bin/hello` is a file
    "/usr/bin/hello"
    "#);
    insta::assert_snapshot!(checked(table, &[("/data", 0o700)]).unwrap_err(), @r#"
    an engine cannot use a volume of `x`: `/data` is out of reach: the user 5:8 cannot enter `/data`: its mode is 0700, its owner 0:0
    "/data"
    give `/data` another owner or mode by `directories`, or choose another `user`
    "#);
    let warnings = checked(table, &[]).expect("a warning");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("engines create it for root, and the user 5:8 cannot write there"), "{warnings:?}");
    assert_eq!(checked(table, &[("/data", 0o777)]), Ok(Vec::new()));
    assert_eq!(checked(&table.replace("5:8", "0:0"), &[]), Ok(Vec::new()));
}
