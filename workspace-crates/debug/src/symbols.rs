//! Symbols by build-id, and notes about running files without symbols.

use std::path::{Path, PathBuf};

use crate::loaded::{FileNow, LoadedFile};

/// The path of a build-id's symbols in a folder with the layout of gdb's `debug-file-directory`.
pub fn symbols_path(folder: &Path, build_id: &str) -> Option<PathBuf> {
    let (first, rest) = build_id.split_at_checked(2).filter(|(_, rest)| !rest.is_empty())?;
    Some(folder.join(".build-id").join(first).join(format!("{rest}.debug")))
}

/// Notes for readers of this process's frames: a line for each file without symbols, and for each file that was replaced since
/// the start. `has_symbols` tells whether symbols of a build-id exist.
pub fn remarks(files: &[LoadedFile], has_symbols: impl Fn(&str) -> bool) -> Vec<String> {
    let mut all = Vec::new();
    for file in files {
        let runs = match &file.build_id {
            Some(id) => format!("`{}` with build-id {id}", file.path),
            None => format!("`{}` without a build-id", file.path),
        };
        match &file.now {
            FileNow::Same { .. } => {}
            FileNow::Other(Some(now)) => {
                all.push(format!("{runs} runs, and the file has build-id {now}: it was replaced since the start"));
            }
            FileNow::Other(None) => {
                all.push(format!("{runs} runs, and the file has none: it was replaced since the start"))
            }
            FileNow::Gone => all.push(format!("{runs} runs, and the file is gone: it was removed since the start")),
        }
        match &file.build_id {
            Some(id) if has_symbols(id) => {}
            _ if has_debug_info(file) => {}
            _ => all.push(format!("{runs} has no symbols here")),
        }
    }
    all
}

/// Whether the running file was never stripped.
fn has_debug_info(file: &LoadedFile) -> bool {
    matches!(file.now, FileNow::Same { debug_info: true, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_path_follows_gdb_layout() {
        for (id, expected) in [
            ("abcdef", Some("/s/.build-id/ab/cdef.debug")),
            ("ab", None),
            ("a", None),
            ("", None),
            // `Elf::build_id_in` never returns these; they must not panic.
            ("äö", Some("/s/.build-id/ä/ö.debug")),
        ] {
            assert_eq!(symbols_path(Path::new("/s"), id), expected.map(PathBuf::from), "{id}");
        }
    }

    #[test]
    fn missing_symbols_are_noted() {
        let file = |id: Option<&str>, now: FileNow| LoadedFile {
            path: "/bin/web".into(),
            build_id: id.map(str::to_owned),
            now,
        };
        let same = |debug_info| FileNow::Same { symbol_table: true, debug_info };
        for (loaded, expected) in [
            (file(Some("aa01"), same(false)), &[][..]),
            (file(Some("bb02"), same(true)), &[]),
            (file(None, same(true)), &[]),
            (file(Some("bb02"), same(false)), &["`/bin/web` with build-id bb02 has no symbols here"]),
            (file(None, same(false)), &["`/bin/web` without a build-id has no symbols here"]),
            (
                file(Some("aa01"), FileNow::Other(Some("cc03".into()))),
                &[
                    "`/bin/web` with build-id aa01 runs, and the file has build-id cc03: it was replaced since the start",
                ],
            ),
            (
                file(Some("bb02"), FileNow::Other(None)),
                &[
                    "`/bin/web` with build-id bb02 runs, and the file has none: it was replaced since the start",
                    "`/bin/web` with build-id bb02 has no symbols here",
                ],
            ),
            (
                file(Some("aa01"), FileNow::Gone),
                &["`/bin/web` with build-id aa01 runs, and the file is gone: it was removed since the start"],
            ),
        ] {
            assert_eq!(remarks(&[loaded], |id| id == "aa01"), expected);
        }
    }
}
