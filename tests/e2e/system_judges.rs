//! readelf, ldconfig and ldd judge how Tierce reads files of the system that runs the tests.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tierce_elf::Elf;
use tierce_rootfs::ld_cache::Entry;
use tierce_rootfs::{
    FileContent, Format, Globs, Index, LdCache, Loader, Node, NodeKind, Reason, RuntimeDepChoices, Source, Start,
    closure,
};

use crate::times;

/// Returns stdout of a tool, in English.
#[track_caller]
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).env("LC_ALL", "C").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Returns the values of one tag by `readelf -d`, in the file's order.
fn readelf(path: &Path, tag: &str) -> Vec<String> {
    let text = printed("readelf", &["-dW", path.to_str().expect("UTF-8")]);
    let values = text.lines().filter(|line| line.contains(tag));
    values.filter_map(|line| Some(line.split_once('[')?.1.rsplit_once(']')?.0.to_owned())).collect()
}

#[test]
fn elf_facts_agree_with_readelf() {
    times::start();
    let mut paths = vec![std::env::current_exe().unwrap()];
    for folder in ["/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/lib64"] {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        found.sort();
        paths.extend(found.into_iter().step_by(17).take(25));
    }
    let mut checked = 0;
    for path in paths {
        let Some(facts) = Elf::read(&mut fs::File::open(&path).unwrap(), 0..u64::MAX).unwrap() else { continue };
        assert_eq!(Elf::parse(&fs::read(&path).unwrap()).unwrap().as_ref(), Some(&facts));
        assert_eq!(facts.needed, readelf(&path, "(NEEDED)"), "{}", path.display());
        assert_eq!(facts.soname.into_iter().collect::<Vec<_>>(), readelf(&path, "(SONAME)"));
        assert_eq!(facts.runpath.into_iter().collect::<Vec<_>>(), readelf(&path, "(RUNPATH)"));
        checked += 1;
    }
    assert!(checked > 1);
}

/// Returns the output of ldconfig for a cache.
fn ldconfig(file: &Path) -> String {
    let path = ["/sbin/ldconfig", "/usr/sbin/ldconfig"].into_iter().find(|path| Path::new(path).exists());
    printed(path.expect("glibc has ldconfig"), &["-p", "-C", file.to_str().expect("UTF-8")])
}

#[test]
fn ldconfig_reads_written_caches() {
    times::start();
    let entry = |soname: &str, path: &str, flags, hwcaps: Option<&str>| Entry {
        soname: soname.into(),
        path: path.into(),
        flags,
        hwcaps: hwcaps.map(str::to_owned),
    };
    let x86_64 = 0x303;
    let cache = LdCache::new(vec![
        entry("libz.so.1", "/usr/lib32/libz.so.1", 3, None),
        entry("libc.so.6", "/usr/lib64/libc.so.6", x86_64, None),
        entry("libz.so.1", "/usr/lib64/libz.so.1", x86_64, None),
        entry("libz.so.1", "/usr/lib64/glibc-hwcaps/x86-64-v3/libz.so.1", x86_64, Some("x86-64-v3")),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ld.so.cache");
    fs::write(&file, cache.to_bytes()).unwrap();
    insta::assert_snapshot!(ldconfig(&file).replace(file.to_str().unwrap(), "FILE").replace('\t', "  "), @r#"
    4 libs found in cache `FILE'
      libz.so.1 (libc6,x86-64, hwcap: "x86-64-v3") => /usr/lib64/glibc-hwcaps/x86-64-v3/libz.so.1
      libz.so.1 (libc6,x86-64) => /usr/lib64/libz.so.1
      libz.so.1 (libc6) => /usr/lib32/libz.so.1
      libc.so.6 (libc6,x86-64) => /usr/lib64/libc.so.6
    "#);

    // The system's own cache loses nothing when Tierce reads and writes it.
    let lines = |text: String| text.lines().filter(|line| line.contains("=>")).map(str::to_owned).collect::<Vec<_>>();
    let system = Path::new("/etc/ld.so.cache");
    fs::write(&file, LdCache::parse(&fs::read(system).unwrap()).unwrap().to_bytes()).unwrap();
    assert_eq!(lines(ldconfig(&file)), lines(ldconfig(system)));
}

/// Puts a file, a link, or the files and links of a directory into the index: ELF facts only, no contents.
fn add(index: &mut Index, path: &Path) {
    let (Some(text), Ok(metadata)) = (path.to_str(), path.symlink_metadata()) else { return };
    if metadata.is_symlink() {
        let target = fs::read_link(path).unwrap();
        index.insert(text, Node::symlink(target.to_str().unwrap())).unwrap();
    } else if metadata.is_file() {
        let Ok(mut file) = fs::File::open(path) else { return };
        let format =
            Elf::read(&mut file, 0..metadata.len()).unwrap().map_or(Format::Data, |elf| Format::Elf(Box::new(elf)));
        let source = Source::Host { path: path.to_owned() };
        let content = FileContent { source, sha256: String::new(), format };
        let node = Node::new(NodeKind::File { size: 0 }, metadata.permissions().mode() & 0o7777);
        index.insert_file(text, node, metadata.len(), content).unwrap();
    } else if metadata.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_directory {
                add(index, &entry.path());
            }
        }
    }
}

/// The real paths of the libraries that a program loads according to `ldd`.
fn ldd(program: &str) -> BTreeSet<String> {
    let text = printed("ldd", &[program]);
    let paths = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    paths.map(|path| fs::canonicalize(path).unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn closure_agrees_with_ldd() {
    times::start();
    let cache = LdCache::parse(&fs::read("/etc/ld.so.cache").unwrap()).unwrap();
    let diagnostics = printed("/lib64/ld-linux-x86-64.so.2", &["--list-diagnostics"]);
    let loader = Loader::of_diagnostics(&diagnostics, cache.clone()).unwrap();

    let mut index = Index::new();
    for link in ["/lib", "/lib64", "/bin", "/sbin"] {
        add(&mut index, Path::new(link));
    }
    let directories: BTreeSet<&Path> = cache
        .entries()
        .iter()
        .filter_map(|entry| Path::new(&entry.path).parent())
        .chain([Path::new("/usr/lib64")])
        .collect();
    for directory in directories {
        add(&mut index, &fs::canonicalize(directory).unwrap());
    }
    let programs =
        ["/usr/bin/ls", "/usr/bin/readelf", "/usr/bin/git", "/usr/bin/gdb", "/usr/bin/python3", "/usr/bin/curl"];
    let mut checked = 0;
    for program in programs.into_iter().filter(|program| Path::new(program).exists()) {
        let program = fs::canonicalize(program).unwrap().to_str().unwrap().to_owned();
        add(&mut index, Path::new(&program));
        if index.content(&program).unwrap().elf().is_none_or(|elf| elf.interpreter.is_none()) {
            continue;
        }
        let starts = [Start { path: program.clone(), reason: Reason::Program }];
        let found = closure(&index, &starts, &loader, &Globs::default(), &RuntimeDepChoices::default()).unwrap();
        let found: BTreeSet<_> = found
            .iter()
            .filter(|(_, reason)| matches!(reason, Reason::Needed { .. } | Reason::Interpreter { .. }))
            .map(|(path, _)| path.to_owned())
            .collect();
        assert_eq!(found, ldd(&program), "{program}");
        checked += 1;
    }
    assert!(checked > 0);
}
