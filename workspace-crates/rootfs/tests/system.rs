//! The closure of programs of the system that runs the tests, against what its own dynamic linker loads.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tierce_elf::Elf;
use tierce_rootfs::{
    FileContent, Format, Globs, HiddenChoices, Index, LdCache, Loader, Node, NodeKind, Reason, Source, Start, closure,
};

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

/// What `ldd` says that a program loads, as the files that these are.
fn ldd(program: &str) -> BTreeSet<String> {
    let output = Command::new("ldd").env("LC_ALL", "C").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let paths = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    paths.map(|path| fs::canonicalize(path).unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn programs_reach_what_the_dynamic_linker_loads() {
    let linker = "/lib64/ld-linux-x86-64.so.2";
    let Ok(diagnostics) = Command::new(linker).arg("--list-diagnostics").output() else { return };
    let Ok(cache) = fs::read("/etc/ld.so.cache") else { return };
    let cache = LdCache::parse(&cache).unwrap();
    let diagnostics = String::from_utf8(diagnostics.stdout).unwrap();
    let Ok(loader) = Loader::of_diagnostics(&diagnostics, cache.clone()) else { return };

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
        let found = closure(&index, &starts, &loader, &Globs::default(), &HiddenChoices::default()).unwrap();
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
