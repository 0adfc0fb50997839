use tierce_rootfs::{FileContent, NodeKind};

use super::*;

/// An image with a loader, from lines: `PATH MODE OWNER KIND…`, where the kind is `folder`, `data`, `link TARGET`, `script LINE` or
/// `elf` with facts.
fn image(lines: &str) -> Index {
    let mut image = Index::new();
    let loader = "/lib64/ld-linux-x86-64.so.2 755 0:0 elf soname=ld-linux-x86-64.so.2";
    for line in std::iter::once(loader).chain(lines.lines()).map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let [path, mode, owner, kind, rest @ ..] = words.as_slice() else { panic!("{line}") };
        let mut node = Node::new(NodeKind::Directory, u32::from_str_radix(mode, 8).expect("octal"));
        let (uid, gid) = owner.split_once(':').expect("two numbers");
        (node.uid, node.gid) = (uid.parse().expect("a number"), gid.parse().expect("a number"));
        let content = match *kind {
            "folder" => None,
            "link" => {
                node.kind = NodeKind::Symlink { target: rest[0].to_owned() };
                None
            }
            "script" => Some(FileContent::of_bytes(format!("{}\n", rest.join(" ")).into_bytes())),
            "elf" => {
                Some(FileContent { format: Format::Elf(Box::new(elf(rest))), ..FileContent::of_bytes(Vec::new()) })
            }
            _ => Some(FileContent::of_bytes(rest.join(" ").into_bytes())),
        };
        match content {
            Some(content) => drop(image.insert_file(path, node, 1, content).expect("no conflict")),
            None => drop(image.insert(path, node).expect("no conflict")),
        }
    }
    image
}

fn elf(facts: &[&str]) -> Elf {
    let mut elf = Elf::bare(Class::Elf64, Endianness::Little, Machine::X86_64, Kind::Shared);
    for (key, value) in facts.iter().map(|fact| fact.split_once('=').unwrap_or((fact, ""))) {
        match key {
            "soname" => elf.soname = Some(value.to_owned()),
            "needed" => elf.needed = vec![value.to_owned()],
            "interpreter" => elf.interpreter = Some(value.to_owned()),
            "machine" => elf.machine = Machine(value.parse().expect("a number")),
            "32" => elf.class = Class::Elf32,
            "big" => elf.endianness = Endianness::Big,
            "pie" => elf.pie = true,
            "object" => elf.kind = Kind::Relocatable,
            "executable" => elf.kind = Kind::Executable,
            other => panic!("{other}"),
        }
    }
    elf
}

const PROGRAM: &str = "/usr/bin/hello 755 0:0 elf interpreter=/lib64/ld-linux-x86-64.so.2 needed=libc.so.6";

/// The reason why a command does not start for a user, in an image with these files; empty if nothing does.
fn started(lines: &str, user: (u32, u32), command: &str) -> String {
    let image = image(lines);
    let first_line = |path: &str| match image.content(path).map(|content| &content.source) {
        Some(tierce_rootfs::Source::Bytes(bytes)) => {
            String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().into()
        }
        _ => String::new(),
    };
    let around = Surroundings {
        image: &image,
        user: &Identity { uid: user.0, gid: user.1, groups: [33].into() },
        workdir: "/srv",
        search: "/usr/local/bin:/usr/bin",
        volumes: &["/data".to_owned()].into(),
        machine: Some(Machine::X86_64),
        first_line: &first_line,
    };
    around.check_command(command).err().map(|obstacle| obstacle.what).unwrap_or_default()
}

fn check(cases: &[(&str, &str, &str)]) {
    for (lines, command, expected) in cases {
        assert_eq!(started(lines, (1000, 1000), command), *expected, "{lines} {command}");
    }
}

#[test]
fn programs_that_start_pass() {
    check(&[
        (PROGRAM, "/usr/bin/hello", ""),
        (PROGRAM, "hello", ""),
        ("/srv/run 755 0:0 elf executable", "./run", ""),
        ("/srv/run 755 0:0 elf executable", "../srv/run", ""),
        ("/bin/a 777 0:0 link ../usr/bin/b\n/usr/bin/b 755 0:0 elf pie", "/bin/a", ""),
        // The loader is a program.
        ("", "/lib64/ld-linux-x86-64.so.2", ""),
        ("/usr/bin/a 755 0:0 script #! /usr/bin/b -x\n/usr/bin/b 755 0:0 elf pie", "a", ""),
        (
            &format!(
                "/usr/bin/a 755 0:0 script #!/usr/bin/env -S A=1 hello -u\n{PROGRAM}\n/usr/bin/env 755 0:0 elf pie"
            ),
            "a",
            "",
        ),
        // A volume provides them.
        ("", "/data/bin/a", ""),
        ("/opt/a 777 0:0 link ../data/a", "/opt/a", ""),
        // PATH goes on behind a file that is not executable.
        ("/usr/local/bin/a 644 0:0 data x\n/usr/bin/a 755 0:0 elf pie", "a", ""),
    ]);
}

#[test]
fn absent_programs_do_not_start() {
    check(&[
        (PROGRAM, "/usr/bin/helo", "is not in the image"),
        (PROGRAM, "helo", "is in no folder of PATH, `/usr/local/bin:/usr/bin`"),
        (PROGRAM, "./hello", "is not in the image"),
        ("/usr/bin/a 777 0:0 link b", "/usr/bin/a", "is not in the image"),
        ("/usr/bin 755 0:0 folder", "/usr/bin", "is a folder"),
        ("/a 755 0:0 data x", "/a/b", "leads nowhere: failed to resolve `/a/b`: `/a` is not a directory"),
    ]);
    let near = |command: &str| {
        let image = image(PROGRAM);
        let (user, volumes) = (Identity::default(), BTreeSet::new());
        let around = Surroundings {
            image: &image,
            user: &user,
            workdir: "/",
            search: "",
            volumes: &volumes,
            machine: None,
            first_line: &|_| String::new(),
        };
        around.check_command(command).expect_err("absent").help
    };
    assert_eq!(near("/usr/bin/helo").as_deref(), Some("did you mean `/usr/bin/hello`?"));
    assert_eq!(near("/usr/bin/other"), None);
}

#[test]
fn other_files_are_no_programs() {
    let data = "is no program: it is neither an ELF file nor a script with the absolute path of an interpreter";
    let of_script = |what: &str| format!("is a script, and its interpreter {what}");
    let linker = "needs the dynamic linker `/lib/ld.so`, which";
    check(&[
        ("/a 755 0:0 data text", "/a", data),
        ("/a 755 0:0 script #!sh", "/a", data),
        ("/a 755 0:0 elf needed=libc.so.6", "/a", "needs `libc.so.6` and names no dynamic linker, which would load it"),
        ("/a 755 0:0 elf soname=liba.so", "/a", "is a shared library and no program"),
        ("/a 755 0:0 elf object", "/a", "is an object file and no program"),
        ("/a 755 0:0 elf 32 machine=3", "/a", "is a program for i386 (32-bit), and the image is for x86-64"),
        ("/a 755 0:0 elf machine=183", "/a", "is a program for aarch64 (64-bit), and the image is for x86-64"),
        ("/a 755 0:0 elf big", "/a", "is a program for x86-64 (64-bit), and the image is for x86-64"),
        ("/a 755 0:0 elf interpreter=/lib/ld.so", "/a", &format!("{linker} is not in the image")),
        (
            "/a 755 0:0 elf interpreter=/lib/ld.so\n/lib/ld.so 755 0:0 elf 32 machine=3",
            "/a",
            &format!("{linker} is that of another processor"),
        ),
        ("/a 755 0:0 elf interpreter=/lib/ld.so\n/lib/ld.so 755 0:0 data x", "/a", &format!("{linker} is no ELF file")),
        (
            "/a 755 0:0 elf interpreter=/lib/ld.so\n/lib/ld.so 644 0:0 elf",
            "/a",
            &format!("{linker} is not executable for the user 1000:1000: its mode is 0644, its owner 0:0"),
        ),
        ("/a 755 0:0 script #!/bin/sh", "/a", &of_script("`/bin/sh` is not in the image")),
        ("/a 755 0:0 script #!/bin/sh\r -e", "/a", &of_script("`/bin/sh\\r` is not in the image")),
        ("/a 755 0:0 script #!/b\n/b 755 0:0 data x", "/a", &of_script(&format!("`/b` {data}"))),
        (
            "/a 755 0:0 script #!/usr/bin/env python3\n/usr/bin/env 755 0:0 elf pie",
            "/a",
            &of_script("`python3` is in no folder of PATH, `/usr/local/bin:/usr/bin`"),
        ),
    ]);
    assert!(
        started("/a 755 0:0 script #!/a", (0, 0), "/a")
            .ends_with("is a script, and so are its interpreter and the interpreters of that")
    );
}

#[test]
fn modes_on_the_way_decide() {
    let file = "is not executable for the user 1000:1000: its mode is 0744, its owner 0:0";
    let folder = "is out of reach: the user 1000:1000 cannot enter `/opt`: its mode is 0700, its owner 0:0";
    let class = "is out of reach: the user 1000:1000 cannot enter `/opt`: its mode is 0077, its owner 1000:0";
    check(&[
        ("/a 744 0:0 elf pie", "/a", file),
        ("/a 710 0:1000 elf pie", "/a", ""),
        ("/a 710 0:33 elf pie", "/a", ""),
        ("/a 700 1000:0 elf pie", "/a", ""),
        ("/opt 700 0:0 folder\n/opt/a 755 0:0 elf pie", "/opt/a", folder),
        ("/opt 700 0:0 folder\n/opt/a 755 0:0 link ../b\n/b 755 0:0 elf pie", "/opt/a", folder),
        // The owner's bits count alone.
        ("/opt 077 1000:0 folder\n/opt/a 755 0:0 elf pie", "/opt/a", class),
        (
            "/a 711 0:0 script #!/b\n/b 755 0:0 elf pie",
            "/a",
            "is a script that the user 1000:1000 cannot read: its mode is 0711, its owner 0:0",
        ),
    ]);
    let root = |lines: &str, at: &str| started(lines, (0, 0), at);
    assert_eq!(root("/opt 000 7:7 folder\n/opt/a 001 7:7 elf pie", "/opt/a"), "");
    assert_eq!(root("/a 644 0:0 elf pie", "/a"), "is not executable for root: its mode is 0644, its owner 0:0");
}
