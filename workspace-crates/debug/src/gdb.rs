//! gdb's command line, with the paths of the target's files, symbols and sources.

use crate::Process;

/// The session's folder with symbols of a workspace by build-id.
pub const SYMBOLS: &str = "/tierce/symbols";

/// The session's folder with symbols of this machine's distribution. An image may have the same packages, such as libc.
pub const HOST_SYMBOLS: &str = "/tierce/host-symbols";

/// The session's path of a core file of the host.
pub const CORE: &str = "/tierce/core";

/// A copy of the program, taken from the process. gdb resolves links in a program's path, and a path in `/proc` would lead to
/// the toolbox's file of the same name.
const PROGRAM: &str = "/tierce/program";

/// The object of gdb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'s> {
    /// A running process.
    Process,
    /// A core file of it, by its path in the session.
    Core(&'s str),
}

/// The command line of gdb in the toolbox for a process of the target, with further arguments.
///
/// gdb executes nothing of the target: neither scripts beside its libraries, nor its `libthread_db`.
pub fn gdb(pid: u32, subject: Subject<'_>, arguments: &[String]) -> Vec<String> {
    let copy = format!("cp /proc/{pid}/exe {PROGRAM} && exec gdb \"$@\"");
    let mut line: Vec<String> = ["sh", "-c", &copy, "gdb", "--quiet"].map(str::to_owned).into();
    let settings = [
        format!("set sysroot /proc/{pid}/root"),
        format!("set debug-file-directory {SYMBOLS}:{HOST_SYMBOLS}"),
        "set libthread-db-search-path $sdir".to_owned(),
        // Independent of the toolbox's locales.
        "set host-charset UTF-8".to_owned(),
        // Except for the library that finds threads.
        "set auto-load no".to_owned(),
        "set auto-load libthread-db on".to_owned(),
    ];
    for setting in settings {
        line.extend(["-iex".to_owned(), setting]);
    }
    line.push(PROGRAM.to_owned());
    line.push(match subject {
        Subject::Process => format!("--pid={pid}"),
        Subject::Core(path) => format!("--core={path}"),
    });
    line.extend_from_slice(arguments);
    line
}

/// The process for gdb: the given one, else the program itself.
pub fn subject_pid(asked: Option<u32>, process: Process) -> u32 {
    asked.or(process.program).unwrap_or(process.pid)
}

/// gdb writes a core file of a process and lets it go on.
pub(crate) fn dump(pid: u32, file: &str) -> Vec<String> {
    let commands = ["-batch".to_owned(), "-ex".to_owned(), format!("generate-core-file {file}")];
    gdb(pid, Subject::Process, &commands)
}

/// gdb writes the frames of all threads, without any value of an argument.
pub(crate) const STACKS: [&str; 7] = [
    "-batch",
    "-ex",
    "set print frame-arguments none",
    "-ex",
    "set print entry-values no",
    "-ex",
    "thread apply all backtrace 256",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_names_every_path() {
        let line = gdb(7, Subject::Process, &["-batch".to_owned(), "-ex".to_owned(), "bt".to_owned()]);
        insta::assert_snapshot!(line.join("\n"), @r#"
        sh
        -c
        cp /proc/7/exe /tierce/program && exec gdb "$@"
        gdb
        --quiet
        -iex
        set sysroot /proc/7/root
        -iex
        set debug-file-directory /tierce/symbols:/tierce/host-symbols
        -iex
        set libthread-db-search-path $sdir
        -iex
        set host-charset UTF-8
        -iex
        set auto-load no
        -iex
        set auto-load libthread-db on
        /tierce/program
        --pid=7
        -batch
        -ex
        bt
        "#);
    }

    #[test]
    fn core_file_uses_the_same_program() {
        let line = gdb(7, Subject::Core(CORE), &[]);
        assert_eq!(line[line.len() - 2..], [PROGRAM, "--core=/tierce/core"]);
    }

    #[test]
    fn program_precedes_its_init() {
        let process = |program| Process { pid: 1, program };
        for (asked, program, expected) in
            [(None, None, 1), (None, Some(7), 7), (Some(9), Some(7), 9), (Some(9), None, 9)]
        {
            assert_eq!(subject_pid(asked, process(program)), expected);
        }
    }
}
