//! `/proc/pid/maps` (proc(5)): the mapped files of a process.

/// A file that is mapped from its beginning, with executable code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MappedFile {
    /// Its path in the target at the time of the mapping.
    pub(crate) path: String,
    /// The first address, in hexadecimal digits as the kernel writes them.
    pub(crate) start: String,
}

/// The kernel's path without its suffix for a removed file.
fn without_mark(path: &str) -> &str {
    path.strip_suffix(" (deleted)").unwrap_or(path)
}

/// The files with code, in the order of their addresses, each once.
pub(crate) fn mapped_files(maps: &str) -> Vec<MappedFile> {
    let lines: Vec<Line<'_>> = maps.lines().filter_map(line).collect();
    let mut files: Vec<MappedFile> = Vec::new();
    for first in lines.iter().filter(|line| line.offset == 0) {
        let holds_code = lines.iter().any(|line| line.same_file(first) && line.executable);
        let path = without_mark(first.path);
        if holds_code && !files.iter().any(|file| file.path == path) {
            files.push(MappedFile { path: path.to_owned(), start: first.start.to_owned() });
        }
    }
    files
}

struct Line<'m> {
    start: &'m str,
    executable: bool,
    offset: u64,
    inode: &'m str,
    path: &'m str,
}

impl Line<'_> {
    fn same_file(&self, other: &Line<'_>) -> bool {
        (self.inode, self.path) == (other.inode, other.path)
    }
}

/// One mapping of a file: `start-end perms offset dev inode path`. Others have no path, or `[name]`.
fn line(text: &str) -> Option<Line<'_>> {
    let (range, rest) = text.split_once(' ')?;
    let (perms, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (_dev, rest) = rest.split_once(' ')?;
    let (inode, path) = rest.split_once(' ')?;
    let path = path.trim_start();
    let (start, _) = range.split_once('-')?;
    let offset = u64::from_str_radix(offset, 16).ok()?;
    let executable = perms.as_bytes().get(2) == Some(&b'x');
    path.starts_with('/').then_some(Line { start, executable, offset, inode, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0c0a00000-55d0c0a10000 r--p 00000000 00:2f 1001                       /usr/bin/web
55d0c0a10000-55d0c0a80000 r-xp 00010000 00:2f 1001                       /usr/bin/web
55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000003000 r--p 00000000 00:2f 1002                       /usr/lib64/a library.so.1
7f0000003000-7f0000013000 r-xp 00003000 00:2f 1002                       /usr/lib64/a library.so.1
7f0000100000-7f0000103000 r--p 00000000 00:2f 1003                       /usr/lib64/libold.so (deleted)
7f0000103000-7f0000113000 r-xp 00003000 00:2f 1003                       /usr/lib64/libold.so (deleted)
7f0000200000-7f0000203000 r--s 00000000 00:2f 1004                       /var/lib/data
7f0000300000-7f0000303000 rwxp 00000000 00:00 0
7f0000400000-7f0000403000 r-xp 00000000 00:2f 1005                       /usr/lib64/one-segment.so
7f0000500000-7f0000503000 r-xp 00000000 00:2f 1005                       /usr/lib64/one-segment.so
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]
";

    #[test]
    fn data_mappings_are_skipped() {
        let files = mapped_files(MAPS);
        let shown: Vec<_> = files.iter().map(|file| format!("{} {}", file.start, file.path)).collect();
        assert_eq!(
            shown,
            [
                "55d0c0a00000 /usr/bin/web",
                "7f0000000000 /usr/lib64/a library.so.1",
                "7f0000100000 /usr/lib64/libold.so",
                "7f0000400000 /usr/lib64/one-segment.so",
            ]
        );
    }

    #[test]
    fn malformed_lines_are_skipped() {
        for text in
            ["", "\n", "a b c", "1-2 r-xp x 0:0 1 /a", "1 r-xp 0 0:0 1 /a", "1-2 r-xp 0 0:0 1", "1-2 r 0 0:0 1 /a"]
        {
            assert_eq!(mapped_files(text), [], "{text:?}");
        }
    }

    #[test]
    fn own_maps_name_the_program() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let program = std::env::current_exe().unwrap();
        assert!(mapped_files(&maps).iter().any(|file| file.path == program.to_str().unwrap()), "{maps}");
    }
}
