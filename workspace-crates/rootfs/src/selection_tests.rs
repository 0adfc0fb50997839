use std::collections::BTreeMap;

use proptest::prelude::*;
use tierce_elf::{Class, DlopenNote, Elf, Endianness, Kind, Machine, Priority};

use super::{Start, closure, packages};
use crate::{
    Error, FileContent, Format, Globs, Index, LdCache, Loader, Node, NodeKind, Patterns, Reason, RuntimeDepChoices,
    Source,
};

/// A root filesystem from lines: `PATH -> TARGET`, `PATH directory`, `PATH data`, `PATH script INTERPRETER`, or `PATH elf`
/// with `soname= needed= rpath= runpath= interpreter= dlopen=PRIORITY:SONAMES machine= kind=`, lists separated by commas.
pub(crate) fn root(lines: &str) -> Index {
    let mut index = Index::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let format = match words[1..] {
            ["->", target] => {
                index.insert(words[0], Node::symlink(target)).unwrap();
                continue;
            }
            ["directory"] => {
                index.insert(words[0], Node::directory()).unwrap();
                continue;
            }
            ["data"] => Format::Data,
            ["script", interpreter] => Format::Script { interpreter: interpreter.to_owned() },
            ["elf", ref facts @ ..] => Format::Elf(Box::new(elf(facts))),
            _ => panic!("{line}"),
        };
        let content = FileContent { source: Source::Bytes(Vec::new()), sha256: String::new(), format };
        index.insert_file(words[0], Node::new(NodeKind::File { size: 0 }, 0o755), 0, content).unwrap();
    }
    index
}

fn elf(facts: &[&str]) -> Elf {
    let mut elf = Elf::bare(Class::Elf64, Endianness::Little, Machine::X86_64, Kind::Shared);
    elf.dynamic = true;
    for fact in facts {
        let (key, value) = fact.split_once('=').unwrap();
        let list = || value.split(',').map(str::to_owned).collect();
        match key {
            "soname" => elf.soname = Some(value.to_owned()),
            "needed" => elf.needed = list(),
            "rpath" => elf.rpath = Some(value.to_owned()),
            "runpath" => elf.runpath = Some(value.to_owned()),
            "interpreter" => elf.interpreter = Some(value.to_owned()),
            "machine" => elf.machine = Machine(value.parse().unwrap()),
            "kind" => elf.kind = Kind::Executable,
            "imports" => elf.imports = list(),
            "mentions" => elf.mentions = list(),
            "nodeflib" => elf.no_default_libraries = true,
            "dlopen" => {
                let (priority, sonames) = value.split_once(':').unwrap();
                elf.dlopen.push(DlopenNote {
                    soname: sonames.split('|').map(str::to_owned).collect(),
                    feature: Some("f".to_owned()),
                    description: None,
                    priority: match priority {
                        "required" => Priority::Required,
                        "recommended" => Priority::Recommended,
                        _ => Priority::Suggested,
                    },
                });
            }
            _ => panic!("{fact}"),
        }
    }
    elf
}

pub(crate) const LIBC: &str = "
    /lib64 -> usr/lib64
    /usr/lib64/ld-linux-x86-64.so.2 elf soname=ld-linux-x86-64.so.2
    /usr/lib64/libc.so.6 elf soname=libc.so.6 needed=ld-linux-x86-64.so.2 interpreter=/lib64/ld-linux-x86-64.so.2
    /etc/unrelated data
";
const PROGRAM: &str = "/usr/bin/hello elf interpreter=/lib64/ld-linux-x86-64.so.2 needed=libc.so.6";

pub(crate) fn loader(index: &Index) -> Loader {
    Loader {
        default_directories: vec!["/lib".to_owned(), "/usr/lib".to_owned()],
        lib: "lib64".to_owned(),
        hwcaps: vec!["x86-64-v4".to_owned(), "x86-64-v3".to_owned()],
        cache: LdCache::scan(index, &["/usr/lib64".to_owned()]),
    }
}

pub(crate) fn program(path: &str) -> Vec<Start> {
    vec![Start { path: path.to_owned(), reason: Reason::Program }]
}

/// The closure of `/usr/bin/hello`, a line a path, then the findings; or the error.
fn check(lines: &str, keep: &[&str], prune: &[&str]) -> String {
    let index = root(&format!("{LIBC}\n{lines}"));
    let globs = Globs { keep: Patterns::new(keep).unwrap(), prune: Patterns::new(prune).unwrap(), ..Globs::default() };
    shown(closure(&index, &program("/usr/bin/hello"), &loader(&index), &globs, &RuntimeDepChoices::default()))
}

/// Formats a result in lines.
pub(crate) fn shown(result: Result<crate::Closure, Error>) -> String {
    match result {
        Err(error) => error.to_string(),
        Ok(closure) => {
            let entries = closure.iter().filter(|(_, reason)| !matches!(reason, Reason::ParentOf { .. }));
            let entries = entries.map(|(path, reason)| format!("{path}: {reason}"));
            entries.chain(closure.findings.iter().map(|finding| format!("{finding:?}"))).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn program_needs_its_libc() {
    insta::assert_snapshot!(check(PROGRAM, &[], &[]), @r"
        /lib64: a link on the way to /usr/lib64/ld-linux-x86-64.so.2
        /usr/bin/hello: a program of the image
        /usr/lib64/ld-linux-x86-64.so.2: the dynamic linker of /usr/bin/hello
        /usr/lib64/libc.so.6: /usr/bin/hello needs libc.so.6, found by ld.so.cache
        ");
}

#[test]
fn static_program_is_alone() {
    insta::assert_snapshot!(check("/usr/bin/hello elf kind=executable", &[], &[]), @r"/usr/bin/hello: a program of the image");
}

#[test]
fn declared_link_adds_its_target() {
    let index = root(&format!(
        "{LIBC}
        {PROGRAM}
        /usr/bin/awk -> gawk
        /usr/bin/gawk elf interpreter=/lib64/ld-linux-x86-64.so.2 needed=libc.so.6
        /etc/mtab -> /proc/self/mounts
        /etc/absent -> nothing
        /etc/inside -> /usr/share/declared
        /etc/out -> /usr/share/out
        /usr/share/declared data
        /usr/share/out data"
    ));
    let check = |links: &[&str]| {
        let mut starts = program("/usr/bin/hello");
        starts.extend(links.iter().map(|path| Start { path: (*path).to_owned(), reason: Reason::Declared }));
        let globs = Globs {
            prune: Patterns::new(["/usr/share/declared"]).unwrap(),
            remove: Patterns::new(["/usr/share/out"]).unwrap(),
            ..Globs::default()
        };
        shown(closure(&index, &starts, &loader(&index), &globs, &RuntimeDepChoices::default()))
    };
    insta::assert_snapshot!(check(&["/usr/bin/awk", "/etc/mtab", "/etc/inside", "/usr/share/declared"]), @r"
    /etc/inside: declared by the image's table
    /etc/mtab: declared by the image's table
    /lib64: a link on the way to /usr/lib64/ld-linux-x86-64.so.2
    /usr/bin/awk: declared by the image's table
    /usr/bin/gawk: the target of the link /usr/bin/awk
    /usr/bin/hello: a program of the image
    /usr/lib64/ld-linux-x86-64.so.2: the dynamic linker of /usr/bin/hello
    /usr/lib64/libc.so.6: /usr/bin/hello needs libc.so.6, found by ld.so.cache
    /usr/share/declared: declared by the image's table
    ");
    for (link, expected) in [
        ("/etc/absent", "failed to find the target `nothing`, needed by `/etc/absent`"),
        (
            "/etc/inside",
            "failed to find the target `/usr/share/declared`, needed by `/etc/inside`; `/usr/share/declared` is pruned by `/usr/share/declared`",
        ),
        (
            "/etc/out",
            "failed to find the target `/usr/share/out`, needed by `/etc/out`; `/usr/share/out` is pruned by `/usr/share/out`",
        ),
    ] {
        assert_eq!(check(&[link]), expected);
    }
}

#[test]
fn presets_are_kept_by_their_names() {
    let index = root(&format!(
        "{LIBC}
        {PROGRAM}
        /usr/include/x/x.h data
        /usr/lib64/libx.a data
        /usr/share/man/x data"
    ));
    let presets =
        [("headers", "/usr/include"), ("static-libs", "/usr/lib*/**/*.a"), ("static-libs", "/usr/lib*/**/*.la")];
    let globs = Globs { keep: Patterns::named(presets).unwrap(), ..Globs::default() };
    let shown =
        shown(closure(&index, &program("/usr/bin/hello"), &loader(&index), &globs, &RuntimeDepChoices::default()));
    let kept: Vec<&str> = shown.lines().filter(|line| line.contains("kept") || line.contains("Unmatched")).collect();
    let expected = [
        "/usr/include: kept by headers",
        "/usr/include/x: kept by headers",
        "/usr/include/x/x.h: kept by headers",
        "/usr/lib64/libx.a: kept by static-libs",
    ];
    assert_eq!(kept, expected);
}

#[test]
fn links_are_kept_and_reached_once() {
    let lines = "
        /usr/bin/hello elf needed=libz.so.1,libq.so
        /usr/lib64/libz.so.1 -> libz.so.1.2
        /usr/lib64/libz.so.1.2 elf soname=libz.so.1
        /usr/lib64/libq.so -> ../../opt/current/libq.so
        /opt/current -> q-2
        /opt/q-2/libq.so elf soname=libq.so needed=libz.so.1
        /usr/lib64/libz.so -> libz.so.1";
    insta::assert_snapshot!(check(lines, &[], &[]), @r"
        /opt/current: a link on the way to /opt/q-2/libq.so
        /opt/q-2/libq.so: /usr/bin/hello needs libq.so, found by ld.so.cache
        /usr/bin/hello: a program of the image
        /usr/lib64/libq.so: a link on the way to /opt/q-2/libq.so
        /usr/lib64/libz.so.1: a link on the way to /usr/lib64/libz.so.1.2
        /usr/lib64/libz.so.1.2: /usr/bin/hello needs libz.so.1, found by ld.so.cache
        ");
}

#[test]
fn rpath_is_inherited_and_runpath_is_not() {
    let lines = "
        /usr/bin/hello elf needed=liba.so,libr.so rpath=$ORIGIN/../a:/nowhere
        /usr/a/liba.so elf soname=liba.so needed=libb.so
        /usr/a/libb.so elf soname=libb.so
        /usr/a/libr.so elf soname=libr.so needed=libs.so runpath=${ORIGIN}/r/$LIB
        /usr/a/r/lib64/libs.so elf soname=libs.so needed=libt.so
        /usr/a/libt.so elf soname=libt.so
        /usr/a/r/lib64/libt.so elf soname=libt.so";
    insta::assert_snapshot!(check(lines, &[], &[]), @r"
        /usr/a/liba.so: /usr/bin/hello needs liba.so, found by RPATH
        /usr/a/libb.so: /usr/a/liba.so needs libb.so, found by RPATH
        /usr/a/libr.so: /usr/bin/hello needs libr.so, found by RPATH
        /usr/a/libt.so: /usr/a/r/lib64/libs.so needs libt.so, found by RPATH
        /usr/a/r/lib64/libs.so: /usr/a/libr.so needs libs.so, found by RUNPATH
        /usr/bin/hello: a program of the image
        ");
}

#[test]
fn unsuitable_libraries_are_skipped() {
    let lines = "
        /usr/bin/hello elf needed=libx.so runpath=/a:/b:/c
        /a/libx.so elf soname=libx.so machine=183
        /b/libx.so directory
        /c/libx.so elf soname=libx.so";
    insta::assert_snapshot!(check(lines, &[], &[]), @r"
        /c/libx.so: /usr/bin/hello needs libx.so, found by RUNPATH
        /usr/bin/hello: a program of the image
        ");
}

#[test]
fn processor_variants_are_added() {
    let lines = "
        /usr/bin/hello elf needed=libx.so,liby.so runpath=/opt
        /opt/libx.so elf soname=libx.so
        /opt/glibc-hwcaps/x86-64-v3/libx.so elf soname=libx.so needed=libc.so.6
        /opt/glibc-hwcaps/unknown/libx.so elf soname=libx.so
        /usr/lib64/liby.so elf soname=liby.so
        /usr/lib64/glibc-hwcaps/x86-64-v3/liby.so elf soname=liby.so";
    insta::assert_snapshot!(check(lines, &[], &[]), @r"
        /opt/glibc-hwcaps/x86-64-v3/libx.so: /usr/bin/hello needs libx.so, found by RUNPATH
        /opt/libx.so: /usr/bin/hello needs libx.so, found by RUNPATH
        /usr/bin/hello: a program of the image
        /usr/lib64/glibc-hwcaps/x86-64-v3/liby.so: /usr/bin/hello needs liby.so, found by ld.so.cache
        /usr/lib64/ld-linux-x86-64.so.2: /usr/lib64/libc.so.6 needs ld-linux-x86-64.so.2, found by ld.so.cache
        /usr/lib64/libc.so.6: /opt/glibc-hwcaps/x86-64-v3/libx.so needs libc.so.6, found by ld.so.cache
        /usr/lib64/liby.so: /usr/bin/hello needs liby.so, found by ld.so.cache
        ");
}

#[test]
fn dlopen_notes() {
    let lines = "
        /usr/bin/hello elf dlopen=recommended:libno.so|liba.so dlopen=suggested:libb.so dlopen=recommended:libno.so
        /usr/lib64/liba.so elf soname=liba.so needed=libc.so.6
        /usr/lib64/libb.so elf soname=libb.so";
    insta::assert_snapshot!(check(lines, &[], &[]), @r#"
        /usr/bin/hello: a program of the image
        /usr/lib64/ld-linux-x86-64.so.2: /usr/lib64/libc.so.6 needs ld-linux-x86-64.so.2, found by ld.so.cache
        /usr/lib64/liba.so: /usr/bin/hello loads liba.so for its feature f (recommended)
        /usr/lib64/libc.so.6: /usr/lib64/liba.so needs libc.so.6, found by ld.so.cache
        DlopenNotTaken { by: "/usr/bin/hello", sonames: ["libb.so"], feature: Some("f"), priority: Suggested }
        DlopenNotTaken { by: "/usr/bin/hello", sonames: ["libno.so"], feature: Some("f"), priority: Recommended }
        "#);
    insta::assert_snapshot!(check("/usr/bin/hello elf dlopen=required:libno.so|libnix.so", &[], &[]), @r"failed to find one of `libno.so`, `libnix.so`, needed by `/usr/bin/hello`; searched /etc/ld.so.cache, /lib, /usr/lib");
}

#[test]
fn missing_files_are_reported_with_chains() {
    let lines = "
        /usr/bin/hello elf interpreter=/lib/ld-musl.so.1 needed=liba.so,libno.so
        /usr/lib64/liba.so elf soname=liba.so needed=libnix.so,libo.so,libt.so runpath=/opt
        /opt/libo.so elf soname=libo.so machine=3
        /usr/lib/libt.so data";
    insta::assert_snapshot!(check(lines, &[], &[]), @r"
        failed to find `libno.so`, needed by `/usr/bin/hello`; searched /etc/ld.so.cache, /lib, /usr/lib
        failed to find the dynamic linker `/lib/ld-musl.so.1`, needed by `/usr/bin/hello`
        failed to find `libnix.so`, needed by `/usr/lib64/liba.so` (/usr/bin/hello -> /usr/lib64/liba.so); searched /opt, /etc/ld.so.cache, /lib, /usr/lib
        failed to find `libo.so`, needed by `/usr/lib64/liba.so` (/usr/bin/hello -> /usr/lib64/liba.so); `/opt/libo.so` is for i386, 64-bit; searched /opt, /etc/ld.so.cache, /lib, /usr/lib
        failed to find `libt.so`, needed by `/usr/lib64/liba.so` (/usr/bin/hello -> /usr/lib64/liba.so); `/usr/lib/libt.so` is not an ELF file: it does not begin as one; searched /opt, /etc/ld.so.cache, /lib, /usr/lib
        ");
}

#[test]
fn pruned_needed_library_is_an_error() {
    let lines = format!("{PROGRAM},libz.so.1\n/usr/lib64/libz.so.1 elf soname=libz.so.1");
    insta::assert_snapshot!(check(&lines, &[], &["/usr/lib64/libz*"]), @r"failed to find `libz.so.1`, needed by `/usr/bin/hello`; `/usr/lib64/libz.so.1` is pruned by `/usr/lib64/libz*`; searched /etc/ld.so.cache, /lib, /usr/lib");
}

#[test]
fn keep_adds_and_prune_removes() {
    let lines = "
        /usr/bin/hello elf kind=executable
        /usr/lib64/plugins/p.so elf needed=libx.so
        /usr/lib64/libx.so elf soname=libx.so
        /usr/share/x/a.txt data
        /usr/share/x/doc/a.txt data
        /usr/share/x/run script /bin/sh
        /usr/share/x/absent script /bin/absent
        /usr/share/x/link -> /etc/unrelated
        /usr/share/x/dangling -> nothing
        /bin/sh -> /usr/bin/dash
        /usr/bin/dash elf needed=libc.so.6";
    let keep = ["/usr/share/x", "/usr/lib64/plugins/*.so", "/lib64/libc.so.6", "/nothing/**"];
    insta::assert_snapshot!(check(lines, &keep, &["/usr/share/*/doc"]), @r#"
        /bin/sh: a link on the way to /usr/bin/dash
        /etc/unrelated: the target of the link /usr/share/x/link
        /lib64: a link on the way to /usr/lib64/libc.so.6
        /usr/bin/dash: the interpreter of /usr/share/x/run
        /usr/bin/hello: a program of the image
        /usr/lib64/ld-linux-x86-64.so.2: /usr/lib64/libc.so.6 needs ld-linux-x86-64.so.2, found by ld.so.cache
        /usr/lib64/libc.so.6: /usr/bin/dash needs libc.so.6, found by ld.so.cache
        /usr/lib64/libx.so: /usr/lib64/plugins/p.so needs libx.so, found by ld.so.cache
        /usr/lib64/plugins/p.so: kept by /usr/lib64/plugins/*.so
        /usr/share/x: kept by /usr/share/x
        /usr/share/x/a.txt: kept by /usr/share/x
        /usr/share/x/absent: kept by /usr/share/x
        /usr/share/x/dangling: kept by /usr/share/x
        /usr/share/x/link: kept by /usr/share/x
        /usr/share/x/run: kept by /usr/share/x
        Pruned { path: "/usr/share/x/doc", pattern: "/usr/share/*/doc" }
        Pruned { path: "/usr/share/x/doc/a.txt", pattern: "/usr/share/*/doc" }
        UnmatchedKeep { pattern: "/nothing/**", nearest: None }
        ScriptInterpreterAbsent { script: "/usr/share/x/absent", interpreter: "/bin/absent" }
        DanglingLink { path: "/usr/share/x/dangling" }
        "#);
}

#[test]
fn allowed_missing_files_are_reported() {
    let lines = "
        /usr/bin/hello elf needed=libno.so
        /usr/lib64/plugin.so elf needed=libnix.so";
    let index = root(&format!("{LIBC}\n{lines}"));
    let globs = |allowed: &[&str]| Globs {
        keep: Patterns::new(["/usr/lib64/plugin.so"]).unwrap(),
        allow_missing: Patterns::new(allowed).unwrap(),
        ..Globs::default()
    };
    let closed = |allowed: &[&str]| {
        shown(closure(
            &index,
            &program("/usr/bin/hello"),
            &loader(&index),
            &globs(allowed),
            &RuntimeDepChoices::default(),
        ))
    };
    insta::assert_snapshot!(closed(&["/usr/lib64/*"]), @"failed to find `libno.so`, needed by `/usr/bin/hello`; searched /etc/ld.so.cache, /lib, /usr/lib");
    insta::assert_snapshot!(closed(&["/usr/lib64/*", "/usr/bin/hello"]), @r#"
    /usr/bin/hello: a program of the image
    /usr/lib64/plugin.so: kept by /usr/lib64/plugin.so
    AllowedMissing { path: "/usr/bin/hello", wanted: "`libno.so`", pattern: "/usr/bin/hello" }
    AllowedMissing { path: "/usr/lib64/plugin.so", wanted: "`libnix.so`", pattern: "/usr/lib64/*" }
    "#);
}

#[test]
fn plugin_finds_libraries_of_its_program() {
    let lines = "
        /usr/bin/hello elf needed=libown.so runpath=/opt/own
        /opt/own/libown.so elf soname=libown.so
        /usr/lib64/plugin.so elf needed=libown.so";
    insta::assert_snapshot!(check(lines, &["/usr/lib64/plugin.so"], &[]), @r"
        /opt/own/libown.so: /usr/bin/hello needs libown.so, found by RUNPATH
        /usr/bin/hello: a program of the image
        /usr/lib64/plugin.so: kept by /usr/lib64/plugin.so
        ");
}

#[test]
fn chain_leads_from_program_to_file() {
    let index =
        root(&format!("{LIBC}\n{PROGRAM},libz.so.1\n/usr/lib64/libz.so.1 elf soname=libz.so.1 needed=libc.so.6"));
    let closure =
        closure(&index, &program("/usr/bin/hello"), &loader(&index), &Globs::default(), &RuntimeDepChoices::default())
            .unwrap();
    let chain = closure.chain("/lib64").iter().map(|(path, _)| *path).collect::<Vec<_>>();
    assert_eq!(chain, ["/usr/bin/hello", "/usr/lib64/ld-linux-x86-64.so.2", "/lib64"]);
    assert!(closure.chain("/etc/unrelated").is_empty());
}

#[test]
fn linker_cache_names_the_images_libraries() {
    let index = root(&format!("{LIBC}\n{PROGRAM}\n/usr/lib64/libz.so.1 elf soname=libz.so.1"));
    let loader = loader(&index);
    let mut closure =
        closure(&index, &program("/usr/bin/hello"), &loader, &Globs::default(), &RuntimeDepChoices::default()).unwrap();
    let mut image = index.select(closure.iter().map(|(path, _)| path)).unwrap();
    closure.add_made(&mut image, &loader, &LdCache::default()).unwrap();
    let bytes = image.read(&mut std::io::Cursor::new([]), "/etc/ld.so.cache", 4096).unwrap();
    let names: Vec<_> = LdCache::parse(&bytes).unwrap().entries().iter().map(|entry| entry.soname.clone()).collect();
    assert_eq!(names, ["libc.so.6", "ld-linux-x86-64.so.2"]);
    assert_eq!(closure.reason("/etc/ld.so.cache"), Some(&Reason::LdCache));
    assert!(closure.reason("/etc").is_some());
}

#[test]
fn links_to_declared_files_are_added() {
    let index = root("/bin -> usr/bin\n/usr/bin/x data\n/usr/bin/awk -> x");
    for (path, expected) in [
        ("/usr/bin/x", "/usr/bin/x: declared by the image's table"),
        ("/bin/x", "/bin: a link on the way to /usr/bin/x\n/usr/bin/x: declared by the image's table"),
        (
            "/bin/awk",
            "/bin: a link on the way to /usr/bin/awk\n/usr/bin/awk: declared by the image's table\n\
             /usr/bin/x: the target of the link /usr/bin/awk",
        ),
    ] {
        let start = Start { path: path.to_owned(), reason: Reason::Declared };
        let found = closure(&index, &[start], &loader(&index), &Globs::default(), &RuntimeDepChoices::default());
        assert_eq!(shown(found), expected);
    }
}

#[test]
fn external_files_serve_and_are_not_followed() {
    let index = root(&format!(
        "{LIBC}\n/usr/lib64/libz.so.1 elf soname=libz.so.1\n/usr/lib64/libx.so.1 elf soname=libx.so.1 needed=libabsent.so.1\n\
         /usr/bin/hello elf interpreter=/lib64/ld-linux-x86-64.so.2 needed=libc.so.6,libx.so.1\n\
         /usr/bin/script script /usr/bin/sh\n/usr/bin/kept script /usr/bin/sh\n/usr/bin/link -> sh\n\
         /usr/bin/sh elf interpreter=/lib/ld-musl.so.1 needed=libz.so.1,libabsent.so.1 dlopen=required:libabsent.so.2 imports=tzset"
    ));
    let unfollowed = ["/usr/bin/sh", "/usr/bin/kept", "/usr/lib64/libx.so.1"].map(str::to_owned).into();
    let globs = Globs { keep: Patterns::new(["/usr/bin/kept"]).unwrap(), unfollowed, ..Globs::default() };
    let mut starts = program("/usr/bin/hello");
    let declared = ["/usr/bin/script", "/usr/bin/link"];
    starts.extend(declared.map(|path| Start { path: path.to_owned(), reason: Reason::Declared }));
    let of_closure = shown(closure(&index, &starts, &loader(&index), &globs, &RuntimeDepChoices::default()));
    insta::assert_snapshot!(of_closure, @r"
    /lib64: a link on the way to /usr/lib64/ld-linux-x86-64.so.2
    /usr/bin/hello: a program of the image
    /usr/bin/kept: kept by /usr/bin/kept
    /usr/bin/link: declared by the image's table
    /usr/bin/script: declared by the image's table
    /usr/bin/sh: the interpreter of /usr/bin/script
    /usr/lib64/ld-linux-x86-64.so.2: the dynamic linker of /usr/bin/hello
    /usr/lib64/libc.so.6: /usr/bin/hello needs libc.so.6, found by ld.so.cache
    /usr/lib64/libx.so.1: /usr/bin/hello needs libx.so.1, found by ld.so.cache
    ");
    let owners = BTreeMap::new();
    let globs = Globs { remove: Patterns::new(["/usr/lib64/libz.so.1"]).unwrap(), ..globs };
    let of_packages = packages(&index, &starts, &owners, &loader(&index), &globs, &RuntimeDepChoices::default());
    assert!(of_packages.is_ok(), "{}", shown(of_packages));
}

#[test]
fn absent_start_is_an_error() {
    let error = check(LIBC, &[], &[]);
    assert_eq!(error, "failed to resolve `/usr/bin/hello`: there is no `/usr/bin`");
}

/// Lines of a tree of few names: some needs are met, some are not.
pub(crate) fn trees() -> impl Strategy<Value = BTreeMap<String, String>> {
    let path = "/(usr/lib64|a|b|l)/lib[0-4]\\.so";
    let list = proptest::collection::btree_set("lib[0-4]\\.so", 0..3).prop_map(|set| {
        if set.is_empty() { String::new() } else { format!(" needed={}", Vec::from_iter(set).join(",")) }
    });
    let search = prop_oneof![
        3 => Just(""), 1 => Just(" rpath=/a:/b"), 1 => Just(" runpath=$ORIGIN/../b"), 1 => Just(" runpath=/l:/a")
    ];
    let library = (path, list, search);
    let target = "(\\.\\./)?(usr/lib64|a|b)/?(lib[0-4]\\.so)?";
    let link = ("/(usr/lib64|a|b)/lib[0-4]\\.so", target);
    (proptest::collection::vec(library, 3..16), proptest::collection::vec(link, 0..4)).prop_map(|(libraries, links)| {
        let mut lines = BTreeMap::from([("/l".to_owned(), "-> usr/lib64".to_owned())]);
        lines.extend(links.into_iter().map(|(path, target)| (path, format!("-> {target}"))));
        for (path, needed, search) in libraries {
            let soname = crate::path::file_name(&path).to_owned();
            lines.insert(path, format!("elf soname={soname}{needed}{search}"));
        }
        lines
    })
}

pub(crate) fn with_program(lines: &BTreeMap<String, String>, reverse: bool) -> Index {
    let mut lines: Vec<String> = lines.iter().map(|(path, what)| format!("{path} {what}")).collect();
    if reverse {
        lines.reverse();
        // A link must precede the paths that go through it.
        lines.sort_by_key(|line| !line.starts_with("/l "));
    }
    root(&format!(
        "/usr/lib64 directory\n/l -> usr/lib64\n{}\n/p elf needed=lib0.so,lib1.so runpath=/b",
        lines.join("\n")
    ))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_closure_is_closed_and_inside_and_depends_on_no_order(lines in trees(), keep in "/(a|b)/lib[0-2]\\.so") {
        let lines: BTreeMap<_, _> = lines.into_iter().filter(|(path, _)| !path.starts_with("/l/")).collect();
        let index = with_program(&lines, false);
        let globs = Globs { keep: Patterns::new([keep]).unwrap(), ..Globs::default() };
        let own = loader(&index);
        let first = closure(&index, &program("/p"), &own, &globs, &RuntimeDepChoices::default());

        let other = with_program(&lines, true);
        prop_assert_eq!(index.tree(), other.tree());
        let again = closure(&other, &[program("/p"), program("/p")].concat(), &loader(&other), &globs, &RuntimeDepChoices::default());
        let text = |result: &Result<crate::Closure, Error>| format!("{result:?}");
        prop_assert_eq!(text(&first), text(&again));

        let Ok(first) = first else { return Ok(()) };
        // The image alone has the same closure, and nothing is missing.
        let image = index.select(first.iter().map(|(path, _)| path)).unwrap();
        let cache = own.cache.restrict(image.tree());
        let inside = closure(&image, &program("/p"), &Loader { cache, ..own }, &globs, &RuntimeDepChoices::default());
        let paths = |closure: &crate::Closure| closure.iter().map(|(path, _)| path.to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(paths(&inside.unwrap()), paths(&first));
        for (path, _) in first.iter() {
            prop_assert!(index.tree().get(path).is_some());
            prop_assert!(first.chain(path)[0].1.because_of().is_none());
        }
    }
}
