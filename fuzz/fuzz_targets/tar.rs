//! The archive of ROOT from a container: every indexed file can be read back with its indexed length.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use tierce_rootfs::{Index, Limits, NodeKind};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { entries: 1000, bytes: 1 << 20 };
    for prefix in ["", "root"] {
        let mut archive = Cursor::new(bytes);
        let Ok(index) = Index::of_archive(&mut archive, prefix, limits) else { continue };
        for (path, _) in index.files() {
            let Some(NodeKind::File { size }) = index.tree().get(path).map(|node| node.kind.clone()) else {
                panic!("{path} has a content and is no file");
            };
            let read = index.read(&mut archive, path, 1 << 20).expect("what was indexed is there");
            assert_eq!(read.len() as u64, size, "{path}");
        }
    }
});
