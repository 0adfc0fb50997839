//! gdb's command line: where it finds the target's files, symbols and sources.

use crate::Process;

/// Where a session has the symbols of a workspace by build-id.
pub const SYMBOLS: &str = "/tierce/symbols";

/// Where it has those that this machine has of its distribution's packages, which may be the same ones that images hold: libc.
pub const HOST_SYMBOLS: &str = "/tierce/host-symbols";

/// Where a session has a core file of the host.
pub const CORE: &str = "/tierce/core";

/// Where gdb finds the program, taken from the process itself. gdb resolves links in a program's path, and by way of `/proc` it
/// would come out at a file of the toolbox if that has one of the same name.
const PROGRAM: &str = "/tierce/program";

/// What gdb looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'s> {
    /// A process that runs.
    Process,
    /// A core file of it, by its path in the session.
    Core(&'s str),
}

/// gdb in the toolbox, about this process of the target and with these further arguments.
///
/// Nothing of the target is executed: neither scripts that lie beside its libraries, nor a `libthread_db` of it.
pub fn gdb(pid: u32, subject: Subject<'_>, arguments: &[String]) -> Vec<String> {
    let copy = format!("cp /proc/{pid}/exe {PROGRAM} && exec gdb \"$@\"");
    let mut line: Vec<String> = ["sh", "-c", &copy, "gdb", "--quiet"].map(str::to_owned).into();
    let settings = [
        format!("set sysroot /proc/{pid}/root"),
        format!("set debug-file-directory {SYMBOLS}:{HOST_SYMBOLS}"),
        "set libthread-db-search-path $sdir".to_owned(),
        // Whatever locales the toolbox has.
        "set host-charset UTF-8".to_owned(),
        // All of it, but for what makes threads known.
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

/// Which process to look at: the one that was asked for, else the program itself.
pub fn subject_pid(asked: Option<u32>, process: Process) -> u32 {
    asked.or(process.program).unwrap_or(process.pid)
}

/// gdb writes a core file of a process, which goes on afterwards.
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
    fn gdb_is_told_where_everything_lies() {
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
    fn a_core_file_is_of_the_same_program() {
        let line = gdb(7, Subject::Core(CORE), &[]);
        assert_eq!(line[line.len() - 2..], [PROGRAM, "--core=/tierce/core"]);
    }

    #[test]
    fn the_program_counts_and_not_the_init_before_it() {
        let process = |program| Process { pid: 1, program };
        for (asked, program, expected) in
            [(None, None, 1), (None, Some(7), 7), (Some(9), Some(7), 9), (Some(9), None, 9)]
        {
            assert_eq!(subject_pid(asked, process(program)), expected);
        }
    }
}
