//! The archive of a snapshot: files of text and an index, readable with tar and a pager.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// What the parts of an archive are, by the beginnings of their paths.
const PARTS: [(&str, &str); 22] = [
    ("container.json", "what the daemon knows of the container: configuration, state, exit (`docker inspect`)"),
    ("versions.txt", "of Tierce, the daemon, the kernel and gdb"),
    ("log.txt", "the last lines that the container wrote, with their times"),
    ("symbols.txt", "what runs, each file with its build-id, and of what there are no symbols"),
    ("mountinfo", "what is mounted (proc_pid_mountinfo(5))"),
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
    ("/maps", "what is mapped into memory (proc_pid_maps(5))"),
    ("/limits", "its limits"),
    ("/open-files", "its open files"),
    ("/namespaces", "its namespaces"),
    ("/status", "user, groups, capabilities, memory, signals (proc_pid_status(5))"),
    ("/exe", "its program"),
    ("processes/", "more of `/proc`, as proc(5) has it"),
];

/// The index: what it is of, what the files are, and what to know about them.
pub(super) fn index(title: &str, paths: &[&str]) -> String {
    let mut text = format!(
        "{title}\n\nAll files are text. Secrets are replaced by `{}`: values of variables, options and JSON fields whose names\n\
         say so, passwords in URLs, credentials in headers, and the same values wherever else they show up. What is a secret and\n\
         looks like none is still here: read it before you pass it on.\n\n",
        super::secrets::MASK
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

/// The part that a file belongs to: the first one that fits.
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
    fn the_index_says_what_the_files_are() {
        let index =
            index("web", &["container.json", "net/tcp6", "net/tcp", "net/dev", "processes/1/maps", "processes/1/io"]);
        let (_, list) = index.rsplit_once("\n\n").unwrap();
        insta::assert_snapshot!(list, @r"
        container.json           what the daemon knows of the container: configuration, state, exit (`docker inspect`)
        net/tcp                  TCP sockets of the network namespace, addresses in hexadecimal digits (proc_pid_net(5))
        net/...                  the rest of the network namespace
        processes/N/maps         what is mapped into memory (proc_pid_maps(5))
        processes/...            more of `/proc`, as proc(5) has it
        ");
    }

    #[test]
    fn an_archive_is_what_tar_and_gzip_read() {
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
