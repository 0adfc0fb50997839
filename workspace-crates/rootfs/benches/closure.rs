//! Benchmarks of the closure of a root filesystem with 20,000 files, and of the index and the selection around it.

use std::collections::BTreeMap;

use divan::{Bencher, black_box};
use tierce_elf::{Class, Elf, Endianness, Kind, Machine};
use tierce_rootfs::{
    Closure, FileContent, Format, Globs, Index, LdCache, Loader, Node, NodeKind, Patterns, Reason, RuntimeDepChoices,
    Source, Start, closure, layers,
};

const LIBRARIES: usize = 1_500;
const PLUGINS: usize = 300;
const DATA: usize = 18_200;

fn main() {
    divan::main();
}

fn library(soname: &str, needed: Vec<String>) -> Format {
    let mut elf = Elf::bare(Class::Elf64, Endianness::Little, Machine::X86_64, Kind::Shared);
    elf.soname = Some(soname.to_owned());
    elf.needed = needed;
    Format::Elf(Box::new(elf))
}

/// A program that needs 40 of the libraries, and plugins that need others. A library needs up to eight with lower numbers.
fn root() -> (Index, Loader) {
    let mut index = Index::new();
    let mut add = |path: String, format| {
        let content = FileContent { source: Source::Archive { offset: 0, size: 1 }, sha256: "0".repeat(64), format };
        let node = Node::new(NodeKind::File { size: 1 }, 0o755);
        index.insert_file(&path, node, 1, content).expect("a path of its own");
    };
    let name = |number: usize| format!("liblibrary{number}.so.{}", number % 7);
    for number in 0..LIBRARIES {
        let needed = (1..=8).filter_map(|step| number.checked_sub(step * step * 3)).map(name).collect();
        add(format!("/usr/lib64/{}.{number}", name(number)), library(&name(number), needed));
    }
    for number in 0..PLUGINS {
        let needed = (0..6).map(|step| name((number * 7 + step * 31) % LIBRARIES)).collect();
        add(format!("/usr/lib64/plugins/plugin{number}.so"), library(&format!("plugin{number}.so"), needed));
    }
    for number in 0..DATA {
        add(format!("/usr/share/data/{}/{}/file{number}", number % 13, number % 101), Format::Data);
    }
    let needed = (0..40).map(|step| name(LIBRARIES - 1 - step * 20)).collect();
    add("/usr/bin/program".to_owned(), library("program", needed));
    for number in 0..LIBRARIES {
        let link = Node::symlink(format!("{}.{number}", name(number)));
        index.insert(&format!("/usr/lib64/{}", name(number)), link).expect("a path of its own");
    }
    index.insert("/lib64", Node::symlink("usr/lib64")).expect("a path of its own");
    let loader = Loader {
        default_directories: ["/lib", "/usr/lib"].map(str::to_owned).into(),
        lib: "lib64".to_owned(),
        hwcaps: ["x86-64-v4", "x86-64-v3", "x86-64-v2"].map(str::to_owned).into(),
        cache: LdCache::scan(&index, &["/lib64".to_owned()]),
    };
    (index, loader)
}

fn compute(index: &Index, loader: &Loader, keep: &[&str]) -> Closure {
    let starts = [Start { path: "/usr/bin/program".to_owned(), reason: Reason::Program }];
    let patterns = |texts: &[&str]| Patterns::new(texts).expect("patterns");
    let globs = Globs { keep: patterns(keep), prune: patterns(&["/usr/share/data/1/**"]), ..Globs::default() };
    closure(index, &starts, loader, &globs, &RuntimeDepChoices::default()).expect("a closed tree")
}

#[divan::bench(args = [&[][..], &["/usr/lib64/plugins/*.so"][..], &["/usr/share/data/**"][..]])]
fn closure_of_20_000_files(bencher: Bencher<'_, '_>, keep: &[&str]) {
    let (index, loader) = root();
    bencher.bench(|| compute(black_box(&index), &loader, keep));
}

#[divan::bench]
fn selection_and_layers(bencher: Bencher<'_, '_>) {
    let (index, loader) = root();
    let closure = compute(&index, &loader, &["/usr/share/data/**"]);
    bencher.bench(|| {
        let image = index.select(closure.iter().map(|(path, _)| path)).expect("paths of the index");
        layers(&image, &closure, &BTreeMap::new())
    });
}

#[divan::bench]
fn loading_an_index(bencher: Bencher<'_, '_>) {
    let text = serde_json::to_string(&root().0).expect("an index is JSON");
    bencher.bench(|| serde_json::from_str::<Index>(black_box(&text)).expect("an index"));
}
