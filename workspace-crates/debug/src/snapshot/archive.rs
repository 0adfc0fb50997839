//! The archive of a snapshot: files of text and an index, readable with tar and a pager.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Descriptions of an archive's files, by the beginnings of their paths.
const PARTS: [(&str, &str); 22] = [
    ("container.json", "the daemon's description of the container: configuration, state, exit (`docker inspect`)"),
    ("versions.txt", "of Tierce, the daemon, the kernel and gdb"),
    ("log.txt", "the last lines of the container's log, with their times"),
    ("symbols.txt", "the running files with their build-ids, and notes about missing symbols"),
    ("mountinfo", "the mounts (proc_pid_mountinfo(5))"),
    ("cgroup/", "limits and use of memory, processors and input/output (kernel: cgroup-v1 or cgroup-v2)"),
    ("kernel/", "the machine: version, memory, load"),
    ("net/tcp", "TCP sockets of the network namespace, addresses in hexadecimal digits (proc_pid_net(5))"),
    ("net/udp", "UDP sockets"),
    ("net/unix", "unix sockets"),
    ("net/", "the rest of the network namespace"),
    ("/stacks", "the frames of all threads, by gdb, without values"),
    ("/threads", "for each thread: its state, where it waits in the kernel, its system call and kernel stack"),
    ("/cmdline", "the command line, a word a line"),
    ("/environ", "the variables, one a line"),
    ("/maps", "the memory mappings (proc_pid_maps(5))"),
    ("/limits", "its limits"),
    ("/open-files", "its open files"),
    ("/namespaces", "its namespaces"),
    ("/status", "user, groups, capabilities, memory, signals (proc_pid_status(5))"),
    ("/exe", "its program"),
    ("processes/", "more of `/proc`, as proc(5) has it"),
];

/// The index: the title, a description of each file, and notes.
pub(super) fn index(title: &str, paths: &[&str]) -> String {
    let mut text = format!(
        "{title}\n\nAll files are text. `{}` replaces secrets: values of variables, options and fields with secret names,\n\
         passwords in addresses and command lines, credentials in headers, private keys, tokens of known forms, random\n\
         words, and every copy of them. It cannot know every secret: read the files before you pass them on.\n\n",
        super::find::MASK
    );
    for (part, meaning) in PARTS {
        if paths.iter().any(|path| part_of(path) == Some(part)) {
            let name = match part {
                _ if part.starts_with('/') => format!("processes/N{part}"),
                _ if part.ends_with('/') => format!("{part}..."),
                _ => part.to_owned(),
            };
            text.push_str(&format!("{name:24} {meaning}\n"));
        }
    }
    text
}

/// The first description that fits a file.
fn part_of(path: &str) -> Option<&'static str> {
    let fits = |part: &str| if part.starts_with('/') { path.ends_with(part) } else { path.starts_with(part) };
    PARTS.iter().map(|(part, _)| *part).find(|part| fits(part))
}

/// Writes the files, each by its path and its text, below one folder.
pub(super) fn write<W: Write>(
    to: W,
    compressed: bool,
    folder: &str,
    time: u64,
    files: &[(String, String)],
) -> io::Result<W> {
    match compressed {
        false => tar(to, folder, time, files),
        true => tar(GzEncoder::new(to, Compression::default()), folder, time, files)?.finish(),
    }
}

fn tar<W: Write>(to: W, folder: &str, time: u64, files: &[(String, String)]) -> io::Result<W> {
    let mut archive = tar::Builder::new(to);
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o600);
        header.set_mtime(time);
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, format!("{folder}/{path}"), text.as_bytes())?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_describes_the_files() {
        let index =
            index("web", &["container.json", "net/tcp6", "net/tcp", "net/dev", "processes/1/maps", "processes/1/io"]);
        let (_, list) = index.rsplit_once("\n\n").unwrap();
        insta::assert_snapshot!(list, @r"
        container.json           the daemon's description of the container: configuration, state, exit (`docker inspect`)
        net/tcp                  TCP sockets of the network namespace, addresses in hexadecimal digits (proc_pid_net(5))
        net/...                  the rest of the network namespace
        processes/N/maps         the memory mappings (proc_pid_maps(5))
        processes/...            more of `/proc`, as proc(5) has it
        ");
    }

    #[test]
    fn tar_and_gzip_read_the_archive() {
        let files = [("README.txt".to_owned(), "text\n".to_owned()), ("net/tcp".to_owned(), String::new())];
        let read = |archive: &mut dyn std::io::Read| {
            let mut archive = tar::Archive::new(archive);
            let entries = archive.entries().unwrap().map(|entry| {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                let (mode, time) = (entry.header().mode().unwrap(), entry.header().mtime().unwrap());
                let text = io::read_to_string(&mut entry).unwrap();
                format!("{path} {mode:o} {time} {text:?}")
            });
            entries.collect::<Vec<_>>()
        };
        let expected = [r#"web/README.txt 600 7 "text\n""#, r#"web/net/tcp 600 7 """#];
        let plain = write(Vec::new(), false, "web", 7, &files).unwrap();
        assert_eq!(read(&mut &plain[..]), expected);
        let compressed = write(Vec::new(), true, "web", 7, &files).unwrap();
        assert_eq!(read(&mut flate2::read::GzDecoder::new(&compressed[..])), expected);
    }
}
