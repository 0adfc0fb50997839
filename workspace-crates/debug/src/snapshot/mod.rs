//! A snapshot: the state of a running container in one archive, with masked secrets.

mod archive;
mod find;
mod secrets;

use std::collections::BTreeSet;
use std::path::Path;

use tierce_docker::{DaemonFacts, Docker};

pub(crate) use self::secrets::Secrets;
use crate::errand::Errands;
use crate::frames::Frames;
use crate::gdb::{STACKS, Subject, gdb};
use crate::host_file::{HostFile, stamp};
use crate::loaded::LoadedFile;
use crate::{Error, Options, Process, Target, quoted};

/// The last lines of the log in a snapshot.
const LOG_LINES: usize = 10_000;
/// The limit of the log in bytes, from its end.
const LOG_BYTES: usize = 4 << 20;
/// The number of processes whose stacks gdb prints.
const STACKS_OF: usize = 64;

/// The inputs of a snapshot besides the target.
#[derive(Clone, Debug)]
pub struct SnapshotOptions<'o> {
    /// The toolbox, and mounts with symbols.
    pub session: &'o Options,
    /// The file.
    pub path: &'o Path,
    /// The time, in seconds since 1970.
    pub time: u64,
    /// The running files.
    pub loaded: Vec<LoadedFile>,
    /// Notes about their symbols.
    pub remarks: Vec<String>,
}

/// Whether the suffix of a file's name means compression: `.tar.gz` and `.tgz` do, `.tar` does not.
///
/// # Errors
/// Any other ending.
pub fn is_compressed(path: &Path) -> Result<bool, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match () {
        () if name.ends_with(".tar.gz") || name.ends_with(".tgz") => Ok(true),
        () if name.ends_with(".tar") => Ok(false),
        () => Err(Error::Value {
            kind: "the snapshot's file",
            value: path.display().to_string(),
            reason: "its name ends in none of `.tar.gz`, `.tgz` and `.tar`".into(),
        }),
    }
}

/// Writes a snapshot of the target.
///
/// # Errors
/// [`Error::Value`] for another suffix; if the file exists, or its folder is not writable; the daemon's.
pub fn write_snapshot(
    docker: &Docker,
    target: &Target,
    process: Process,
    options: &SnapshotOptions<'_>,
) -> Result<(), Error> {
    let compressed = is_compressed(options.path)?;
    let file = HostFile::create(options.path)?;
    let errands = Errands { docker, target, options: options.session };
    let frames = errands.ask(include_str!("../scripts/snapshot.sh"), &[process.pid.to_string()])?;
    if frames.get(&format!("processes/{}/maps", process.pid)).is_none() {
        return Err(Error::NoProcess { pid: process.pid, name: target.name().to_owned() });
    }
    let raw = Raw {
        stacks: errands.ask(&stacks_script(&processes(&frames)), &[])?,
        frames,
        json: docker.container_json(target.id())?,
        log: log(docker, target)?,
        facts: docker.facts()?,
    };
    let mut files = raw.masked(options);
    let folder = format!("{}-{}", target.name(), stamp(options.time));
    let title = format!("The container {} ({}), {}", target.name(), target.id(), stamp(options.time));
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    files.insert(0, ("README.txt".to_owned(), archive::index(&title, &paths)));
    let failed = |source| Error::File { verb: "write", path: options.path.to_owned(), source };
    archive::write(file, compressed, &folder, options.time, &files).map_err(failed)?.finish()
}

/// The processes with at least one frame, lowest number first.
fn processes(frames: &Frames) -> Vec<u32> {
    let ids = frames.iter().filter_map(|(name, _)| name.strip_prefix("processes/")?.split_once('/')?.0.parse().ok());
    let ids: BTreeSet<u32> = ids.collect();
    ids.into_iter().take(STACKS_OF).collect()
}

/// A script that prints the stacks of these processes, and gdb's version.
fn stacks_script(processes: &[u32]) -> String {
    let stacks = STACKS.map(str::to_owned);
    let of = |&pid: &u32| {
        let line = gdb(pid, Subject::Process, &stacks);
        let line: Vec<String> = line.iter().map(|word| quoted(word)).collect();
        format!("{} 2>&1 </dev/null | frame processes/{pid}/stacks\n", line.join(" "))
    };
    let all: String = processes.iter().map(of).collect();
    format!("gdb --version 2>/dev/null | head -n 1 | frame gdb\n{all}")
}

/// The end of the log.
fn log(docker: &Docker, target: &Target) -> Result<Vec<u8>, Error> {
    let mut log = Vec::new();
    let mut is_cut = false;
    let read = docker.log(target.id(), Some(LOG_LINES), true, &mut |_, bytes| {
        log.extend_from_slice(bytes);
        if log.len() > 2 * LOG_BYTES {
            is_cut = true;
            log.drain(..log.len() - LOG_BYTES);
        }
    });
    if log.len() > LOG_BYTES {
        is_cut = true;
        log.drain(..log.len() - LOG_BYTES);
    }
    if is_cut {
        // The end of a line could be the end of a secret that nobody recognises.
        let line = log.iter().position(|byte| *byte == b'\n').map_or(log.len(), |end| end + 1);
        log.drain(..line);
    }
    match read {
        Ok(()) => Ok(log),
        // Some log drivers cannot be read.
        Err(tierce_docker::Error::Refused { source, .. }) => Ok(source.message.into_bytes()),
        Err(error) => Err(error.into()),
    }
}

/// The gathered data, unmasked.
struct Raw {
    frames: Frames,
    stacks: Frames,
    json: String,
    log: Vec<u8>,
    facts: DaemonFacts,
}

impl Raw {
    /// The files of the archive with masked secrets. Learns all secrets first, then searches each text for them.
    fn masked(&self, options: &SnapshotOptions<'_>) -> Vec<(String, String)> {
        let mut secrets = Secrets::default();
        let container = match serde_json::from_str::<serde_json::Value>(&self.json) {
            Ok(mut value) => {
                secrets.json(&mut value);
                format!("{value:#}\n")
            }
            Err(_) => self.json.clone(),
        };
        let mut files = vec![
            ("container.json".to_owned(), container),
            ("versions.txt".to_owned(), self.versions()),
            ("symbols.txt".to_owned(), symbols(&options.loaded, &options.remarks)),
            ("log.txt".to_owned(), String::from_utf8_lossy(&self.log).into_owned()),
        ];
        for (name, content) in self.frames.iter().chain(self.stacks.iter().filter(|(name, _)| *name != "gdb")) {
            let text = match name.rsplit('/').next() {
                Some("environ") => secrets.environment(content),
                Some("cmdline") if name != "kernel/cmdline" => secrets.command_line(content),
                _ => String::from_utf8_lossy(content).into_owned(),
            };
            files.push((name.to_owned(), text));
        }
        // A mask of JSON as plain text would match names and values across strings.
        let is_document = |path: &str| path == "container.json";
        for (path, text) in &mut files {
            *text = if is_document(path) { secrets.document(text) } else { secrets.text(text) };
        }
        files
    }

    fn versions(&self) -> String {
        let facts = &self.facts;
        let gdb = self.stacks.text("gdb").unwrap_or_default();
        let kernel = self.frames.text("kernel/version").unwrap_or_default();
        format!(
            "Tierce {}\n{:?} {}, API {}, {}\n{kernel}{gdb}",
            env!("CARGO_PKG_VERSION"),
            facts.engine,
            facts.server_version,
            facts.api_version,
            facts.architecture,
        )
    }
}

/// The running files, one a line, and notes about them.
fn symbols(loaded: &[LoadedFile], remarks: &[String]) -> String {
    let file = |file: &LoadedFile| format!("{} {}\n", file.build_id.as_deref().unwrap_or("-"), file.path);
    let files: String = loaded.iter().map(file).collect();
    let remarks: String = remarks.iter().map(|remark| format!("{remark}\n")).collect();
    format!("{files}\n{remarks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffix_selects_compression() {
        for (name, expected) in [
            ("a.tar.gz", Some(true)),
            ("x/a.tgz", Some(true)),
            ("a.tar", Some(false)),
            ("a.zip", None),
            ("tar", None),
            ("", None),
        ] {
            assert_eq!(is_compressed(Path::new(name)).ok(), expected, "{name}");
        }
    }

    #[test]
    fn each_process_has_one_gdb() {
        let frames =
            Frames::read(b"0 processes/10/io\n0 processes/7/maps\n0 processes/7/io\n0 processes/x/io\n0 net/tcp\n");
        assert_eq!(processes(&frames), [7, 10]);
        let script = stacks_script(&[7]);
        assert!(script.ends_with(" /tierce/program --pid=7 -batch -ex 'set print frame-arguments none' -ex \
            'set print entry-values no' -ex 'thread apply all backtrace 256' 2>&1 </dev/null | frame processes/7/stacks\n"),
            "{script}");
    }
}
