//! The bytes of an image's files: from ROOT's archive, another layer, the host or memory.

use std::io;

use tierce_builders::container::builder_engine::OpenBuilder;
use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::roots::MAX_TEXT;
use tierce_oci::TarWriter;
use tierce_plan::ROOT;
use tierce_rootfs::Index;
use tierce_store::Error;
use tierce_store::damage::Damage;

/// The timestamp of every file in an image: the start of 1970. An image must not depend on the time of its build.
pub(super) const TIME: u64 = 0;

/// Returns the text of a file, or `None` if there is no such file. It follows links in the path.
pub(super) fn text_of(index: &Index, archive: &mut RootArchive, path: &str) -> Result<Option<String>, Error> {
    if index.tree().resolve(path).is_err() {
        return Ok(None);
    }
    let bytes = archive.text(index, path, MAX_TEXT)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Copies the selected files into a container, at the path of ROOT.
pub fn bring_tree(container: &dyn OpenBuilder, selected: &Index, archive: &mut RootArchive) -> Result<(), Error> {
    let (mut pipe, end) = io::pipe().map_err(|error| Error::file("open", "a pipe".as_ref(), error))?;
    std::thread::scope(|scope| {
        let written = scope.spawn(move || write_tree(selected, archive, end));
        let sent = container.copy_in(ROOT, &mut pipe);
        // Without a reader, the writer ends.
        drop(pipe);
        let written = written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // The daemon's error says nothing about the file that broke the stream.
        match written {
            Err(error) if Damage::of(&error).is_some() => Err(error),
            written => sent.and(written),
        }
    })
}

/// Writes the files of an image as one tar archive.
fn write_tree(image: &Index, archive: &mut RootArchive, out: impl io::Write) -> Result<(), Error> {
    let mut writer = TarWriter::new(out, TIME);
    for (path, node) in image.tree().iter().filter(|(path, _)| *path != "/") {
        match image.content(path).filter(|_| matches!(node.kind, tierce_rootfs::NodeKind::File { .. })) {
            Some(content) => writer.append(path, node, archive.content(content)?)?,
            None => writer.append(path, node, io::empty())?,
        }
    }
    writer.finish()?;
    Ok(())
}
