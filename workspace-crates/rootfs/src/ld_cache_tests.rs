use proptest::prelude::*;
use tierce_elf::{Class, Elf, Endianness, Kind, Machine};

use super::{Entry, LdCache, compare_names};
use crate::{FileContent, Format, Index, Node, NodeKind, Source};

const X86_64: u32 = 0x303;

fn entry(soname: &str, path: &str) -> Entry {
    Entry { soname: soname.into(), path: path.into(), flags: X86_64, hwcaps: None }
}

fn sample() -> LdCache {
    let mut variant = entry("libz.so.1", "/usr/lib64/glibc-hwcaps/x86-64-v3/libz.so.1");
    variant.hwcaps = Some("x86-64-v3".to_owned());
    let mut other = entry("libz.so.1", "/usr/lib32/libz.so.1");
    other.flags = 3;
    LdCache::new(vec![
        other,
        entry("libc.so.6", "/usr/lib64/libc.so.6"),
        entry("libz.so.1", "/usr/lib64/libz.so.1"),
        entry("libz.so.1", "/opt/lib/libz.so.1"),
        variant,
        entry("ld-linux-x86-64.so.2", "/usr/lib64/ld-linux-x86-64.so.2"),
    ])
}

#[test]
fn entries_stand_in_the_order_of_ldconfig() {
    let shown: Vec<_> = sample().entries().iter().map(|entry| format!("{} {}", entry.soname, entry.path)).collect();
    let expected = [
        "libz.so.1 /usr/lib64/glibc-hwcaps/x86-64-v3/libz.so.1",
        "libz.so.1 /usr/lib64/libz.so.1",
        "libz.so.1 /opt/lib/libz.so.1",
        "libz.so.1 /usr/lib32/libz.so.1",
        "libc.so.6 /usr/lib64/libc.so.6",
        "ld-linux-x86-64.so.2 /usr/lib64/ld-linux-x86-64.so.2",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn names_compare_as_in_glibc() {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let cases = [
        ("libx.so.9", "libx.so.10", Less),
        ("libx.so.10", "libx.so.9", Greater),
        ("libx.so.010", "libx.so.10", Equal),
        ("libx.so", "libx.so.1", Less),
        ("libx1", "libxa", Greater),
        ("libx1", "libx", Greater),
        ("liba", "libb", Less),
        ("lib2000000000000000000000", "lib1999999999999999999999", Greater),
        ("", "", Equal),
    ];
    for (a, b, expected) in cases {
        assert_eq!((compare_names(a, b), compare_names(b, a)), (expected, expected.reverse()), "{a} {b}");
    }
}

#[test]
fn lookup_finds_entries() {
    let cache = sample();
    let found = |soname, flags| cache.lookup(soname, flags).map(|entry| entry.path.as_str()).collect::<Vec<_>>();
    assert_eq!(found("libz.so.1", X86_64).len(), 3);
    assert_eq!(found("libz.so.1", 3), ["/usr/lib32/libz.so.1"]);
    assert_eq!(found("libc.so.6", X86_64), ["/usr/lib64/libc.so.6"]);
    assert!(found("libq.so.1", X86_64).is_empty());
}

#[test]
fn cache_round_trips_deterministically() {
    for cache in [LdCache::default(), sample(), LdCache::new(vec![entry("libc.so.6", "/lib/libc.so.6")])] {
        assert_eq!(LdCache::parse(&cache.to_bytes()).unwrap(), cache);
        assert_eq!(cache.to_bytes(), cache.to_bytes());
    }
}

#[test]
fn old_and_combined_formats_are_read() {
    let mut old = b"ld.so-1.7.0\0\x01\0\0\0\x03\x03\0\0\0\0\0\0\x0a\0\0\0".to_vec();
    let header = old.clone();
    old.extend(b"libz.so.1\0/lib/libz.so.1\0");
    assert_eq!(LdCache::parse(&old).unwrap().entries(), [entry("libz.so.1", "/lib/libz.so.1")]);
    let mut both = header;
    both.resize(both.len().next_multiple_of(8), 0);
    both.extend(sample().to_bytes());
    assert_eq!(LdCache::parse(&both).unwrap(), sample());
}

#[test]
fn damaged_caches_are_refused() {
    let good = sample().to_bytes();
    let patched = |at: usize, with: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    let cases: &[(Vec<u8>, &str)] = &[
        (Vec::new(), "it does not begin as one"),
        (good[..22].to_vec(), "its byte order is not known"),
        (good[..30].to_vec(), "it ends within its entries"),
        (patched(20, &[0xff; 4]), "it ends within its entries"),
        (patched(28, &[1]), "its byte order is not known"),
        (patched(32, &[0xff; 4]), "its extensions lie outside of it"),
        (patched(32, &[1, 0, 0, 0]), "its extensions do not begin as such"),
        (patched(52, &[0xff; 4]), "a string lies outside of it"),
        (b"ld.so-1.7.0\0\xff\xff\xff\xff".to_vec(), "it ends within its entries"),
    ];
    for (bytes, expected) in cases {
        let error = LdCache::parse(bytes).unwrap_err().to_string();
        assert_eq!(error, format!("failed to read the linker cache: {expected}"));
    }
}

/// An index with libraries of these paths; the soname is the second part.
fn libraries(of: &[(&str, Option<&str>)]) -> Index {
    let mut index = Index::new();
    for (path, soname) in of {
        let mut elf = Elf::bare(Class::Elf64, Endianness::Little, Machine::X86_64, Kind::Shared);
        elf.soname = soname.map(str::to_owned);
        let content =
            FileContent { source: Source::Bytes(vec![]), sha256: String::new(), format: Format::Elf(Box::new(elf)) };
        index.insert_file(path, Node::new(NodeKind::File { size: 0 }, 0o755), 0, content).unwrap();
    }
    index
}

#[test]
fn scanning_finds_what_ldconfig_would() {
    let mut index = libraries(&[
        ("/usr/lib64/libz.so.1.2", Some("libz.so.1")),
        ("/usr/lib64/plugin.so", None),
        ("/usr/lib64/glibc-hwcaps/x86-64-v3/libq.so.1", Some("libq.so.1")),
        ("/usr/lib64/deeper/libd.so.1", Some("libd.so.1")),
        ("/opt/lib/libz.so.1", Some("libz.so.1")),
    ]);
    for (path, target) in
        [("/usr/lib64/libz.so.1", "libz.so.1.2"), ("/usr/lib64/libz.so", "libz.so.1"), ("/lib64", "usr/lib64")]
    {
        index.insert(path, Node::symlink(target)).unwrap();
    }
    let directories = ["/lib64", "/usr/lib64", "/opt/lib", "/absent"].map(str::to_owned);
    let found = LdCache::scan(&index, &directories);
    let mut variant = entry("libq.so.1", "/lib64/glibc-hwcaps/x86-64-v3/libq.so.1");
    variant.hwcaps = Some("x86-64-v3".to_owned());
    let expected = vec![
        entry("libz.so.1", "/lib64/libz.so.1"),
        entry("libz.so.1", "/opt/lib/libz.so.1"),
        entry("plugin.so", "/lib64/plugin.so"),
        variant,
    ];
    assert_eq!(found, LdCache::new(expected));
    let restricted = found.restrict(libraries(&[("/opt/lib/libz.so.1", None)]).tree());
    assert_eq!(restricted.entries(), [entry("libz.so.1", "/opt/lib/libz.so.1")]);
}

proptest! {
    #[test]
    fn random_and_mutated_bytes_never_panic(changes in proptest::collection::vec((0..400_usize, any::<u8>()), 0..8)) {
        let mut bytes = sample().to_bytes();
        for (at, value) in changes {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        let _ = LdCache::parse(&bytes);
    }

    #[test]
    fn names_are_ordered_totally(names in proptest::collection::vec("[a.0-2]{0,5}", 3)) {
        let [a, b, c] = &names[..] else { unreachable!("three were asked for") };
        prop_assert_eq!(compare_names(a, b), compare_names(b, a).reverse());
        if compare_names(a, b).is_le() && compare_names(b, c).is_le() {
            prop_assert!(compare_names(a, c).is_le());
        }
    }
}
