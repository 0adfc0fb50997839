//! `--gdb`, `--core` and `--snapshot`: they inspect the running process before a session starts.

use std::path::{Path, PathBuf};

use anstyle::AnsiColor;
use tierce_debug::{Error, LoadedFile, Options, Process, SnapshotOptions, Subject, Target};
use tierce_docker::Mount;
use tierce_execute::DebugFiles;

use super::Context;
use super::sessions::now;
use crate::cli::SessionArgs;
use crate::{Failure, print};

/// Whether a session starts.
pub(super) enum Next {
    /// It starts.
    Session,
    /// The command is done without a session.
    Done,
}

impl Context<'_> {
    /// Sets the options for `--gdb`, `--core` or `--snapshot`, if one is given.
    pub(super) fn inspect(
        &self,
        arguments: &SessionArgs,
        target: &Target,
        process: Process,
        options: &mut Options,
    ) -> Result<Next, Failure> {
        if !arguments.inspects() {
            return Ok(Next::Session);
        }
        let pid = tierce_debug::subject_pid(arguments.pid, process);
        let files = self.workspace()?.debug_files()?;
        let folders = symbols(&files);
        let bind = |(host, target): &(&Path, &str)| {
            let (host, target) = ((*host).to_owned(), (*target).to_owned());
            Mount::Bind { host, target, read_only: true }
        };
        options.mounts.extend(files.sources.iter().cloned().chain(folders.iter().map(bind)));
        if arguments.dry_run {
            options.command = tierce_debug::gdb(pid, Subject::Process, &arguments.command);
            return Ok(Next::Session);
        }
        let (loaded, remarks) = self.look(target, options, pid, &folders)?;
        if let Some(path) = &arguments.snapshot {
            let snapshot = SnapshotOptions { session: options, path, time: now().unsigned_abs(), loaded, remarks };
            tierce_debug::write_snapshot(&self.docker, target, process, &snapshot)?;
            print(&format!("{}\n", path.display()))?;
            return Ok(Next::Done);
        }
        let Some(core) = &arguments.core else {
            options.command = tierce_debug::gdb(pid, Subject::Process, &arguments.command);
            return Ok(Next::Session);
        };
        let path = self.write_core(core.as_deref(), target, options, pid)?;
        if arguments.command.is_empty() && !options.tty {
            print(&format!("{}\n", path.display()))?;
            return Ok(Next::Done);
        }
        let host = path.canonicalize().map_err(|source| Error::File { verb: "find", path, source })?;
        options.mounts.push(Mount::Bind { host, target: tierce_debug::CORE.into(), read_only: true });
        options.command = tierce_debug::gdb(pid, Subject::Core(tierce_debug::CORE), &arguments.command);
        Ok(Next::Session)
    }

    /// Lists the loaded files of a process, and prints remarks about them as warnings.
    fn look(
        &self,
        target: &Target,
        options: &Options,
        pid: u32,
        symbols: &[(&Path, &str)],
    ) -> Result<(Vec<LoadedFile>, Vec<String>), Failure> {
        let has_symbols = |id: &str| {
            let mut paths = symbols.iter().filter_map(|(folder, _)| tierce_debug::symbols_path(folder, id));
            paths.any(|path| path.exists())
        };
        let loaded = tierce_debug::loaded(&self.docker, target, options, pid, has_symbols)?;
        let mut remarks = tierce_debug::remarks(&loaded, has_symbols);
        if let Some(image) = target.newer_image(&self.docker)? {
            remarks.push(format!("the container runs an older build: `{image}` is another image since it was made"));
        }
        remarks.iter().for_each(|remark| self.terminal.warning(remark));
        Ok((loaded, remarks))
    }

    /// Writes a core file.
    fn write_core(
        &self,
        path: Option<&Path>,
        target: &Target,
        options: &Options,
        pid: u32,
    ) -> Result<PathBuf, Failure> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => format!("{}-{}.core", target.name(), tierce_debug::stamp(now().unsigned_abs())).into(),
        };
        let size = tierce_debug::write_core(&self.docker, target, options, pid, &path)?;
        let message = format!("{} ({})", path.display(), tierce_report::megabytes(size));
        self.terminal.status(AnsiColor::Green, "Wrote", &message);
        Ok(path)
    }
}

/// Returns the folders with symbols by build-id, each with its path in a session: the workspace's, and this machine's own if it
/// exists.
fn symbols(files: &DebugFiles) -> Vec<(&Path, &'static str)> {
    const OF_HOST: &str = "/usr/lib/debug";
    let of_host = [(Path::new(OF_HOST), tierce_debug::HOST_SYMBOLS)];
    let of_host = of_host.into_iter().filter(|(folder, _)| folder.join(".build-id").is_dir());
    std::iter::once((files.symbols.as_path(), tierce_debug::SYMBOLS)).chain(of_host).collect()
}
