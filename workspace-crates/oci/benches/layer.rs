//! Packing: bytes a second of a layer that is hashed and written to nowhere. The aim is 400 MB/s and more.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Sink, Write, empty, sink};

use divan::Bencher;
use divan::counter::BytesCount;
use tierce_oci::{Error, LayerInfo, LayerWriter};
use tierce_rootfs::{Node, NodeKind};

/// Content of every case in bytes.
const TOTAL: u64 = 1 << 30;

/// Sizes of a file in bytes: a script, a library, a model.
const SIZES: [u64; 3] = [8 << 10, 1 << 20, 256 << 20];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn from_memory(bencher: Bencher<'_, '_>, size: u64) {
    let content: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
    let append = |layer: &mut LayerWriter<Sink>, path: &str, node: &Node| layer.append(path, node, &content[..]);
    bencher.counter(BytesCount::new(TOTAL)).bench(|| pack(size, append).expect("a layer"));
}

/// As packing reads a ROOT: ranges of one large archive.
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn from_ranges_of_a_file(bencher: Bencher<'_, '_>, size: u64) {
    let mut root: File = tempfile::tempfile().expect("a temporary file");
    for number in 0..TOTAL >> 20 {
        root.write_all(&[number as u8; 1 << 20]).expect("room for 1 GiB");
    }
    bencher.counter(BytesCount::new(TOTAL)).bench_local(|| {
        root.seek(SeekFrom::Start(0)).expect("a seekable file");
        pack(size, |layer, path, node| layer.append(path, node, (&root).take(size))).expect("a layer")
    });
}

/// Packs files of this size, a thousand a folder, until the total is reached.
fn pack(
    size: u64,
    mut append: impl FnMut(&mut LayerWriter<Sink>, &str, &Node) -> Result<(), Error>,
) -> Result<LayerInfo, Error> {
    let node = |kind, mode| Node { kind, mode, uid: 0, gid: 0, xattrs: BTreeMap::new() };
    let (directory, file) = (node(NodeKind::Directory, 0o755), node(NodeKind::File { size }, 0o644));
    let mut layer = LayerWriter::new(sink(), 0);
    for number in 0..TOTAL / size {
        let folder = format!("/folder-{:04}", number / 1000);
        if number % 1000 == 0 {
            layer.append(&folder, &directory, empty())?;
        }
        append(&mut layer, &format!("{folder}/file-{:03}", number % 1000), &file)?;
    }
    layer.finish()
}
