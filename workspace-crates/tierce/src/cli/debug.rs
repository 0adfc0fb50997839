//! The command line of `debug`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::Format;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    subcommand_value_name = "SESSIONS",
    subcommand_help_heading = "Sessions",
    after_help = "\
Examples:
  cargo xtask debug web                          open a shell beside the running container web
  cargo xtask debug web -- strace -f -p 1        run another program of the toolbox
  cargo xtask debug web -- tcpdump -i any -w - > web.pcap
  cargo xtask debug web --gdb                    run gdb on its program, with symbols by build-id
  cargo xtask debug web --gdb -- -batch -ex 'thread apply all bt'
  cargo xtask debug web --core=web.core          write a core file without stopping it
  cargo xtask debug web --snapshot web.tar.gz    write everything known about it, secrets masked
  cargo xtask debug web --toolbox python:3       use the tools of another image
  cargo xtask debug web --env -- env             set the environment variables of web
  cargo xtask debug web -d --name watch -- top   run in the background
  cargo xtask debug web -L 8080:80               forward 127.0.0.1:8080 to its port 80, until Ctrl-C
  cargo xtask debug --post-mortem crashed        look at the files of a container that exited
  cargo xtask debug --image thumbnailer          look at the files of an image
  cargo xtask debug attach watch                 attach to a session
  cargo xtask debug web --dry-run                print the docker commands, run none

The session shares the container's processes and network. /target has the container's files as its
process sees them; Tierce writes nothing there. Press ctrl-p ctrl-q to detach from a session on a
terminal. Name a container called ls, attach, rm or cp by its id.

The exit code is that of the command, or: 125 if the session failed, 126 if the command cannot be
executed, 127 if the toolbox lacks it, 130 after Ctrl-C. Stdout is the command's, or with --detach
the name of the session."
)]
pub(crate) struct DebugArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DebugCommand>,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DebugCommand {
    /// List sessions
    Ls(LsArgs),
    /// Attach to a session that was detached or kept
    Attach(AttachArgs),
    /// End sessions and remove them
    Rm(RmArgs),
    /// Copy files out of a container or into it, as its process sees them
    Cp(CpArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("data").args(["dry_run", "detach", "forward", "post_mortem", "image"]).multiple(true))]
#[command(group = ArgGroup::new("process").args(["gdb", "core"]))]
pub(crate) struct SessionArgs {
    /// Container: its name, id or the start of an id, or an image with one running container; with --image, an image
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) container: Option<String>,
    /// Command to run [default: that of the toolbox, a shell]
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<String>,
    /// Run gdb on the container's program, with symbols and sources; COMMAND holds more arguments of gdb
    #[arg(long, conflicts_with_all = ["core", "snapshot"])]
    pub(crate) gdb: bool,
    /// Write a core file; on a terminal, or with COMMAND as arguments of gdb, open it in gdb
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with_all = ["snapshot", "detach", "dry_run"])]
    pub(crate) core: Option<Option<PathBuf>>,
    /// Process id for --gdb and --core, as ps shows it in a session [default: the program]
    #[arg(long, value_name = "PID", requires = "process", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: Option<u32>,
    /// Write everything known about the container to a .tar.gz, .tgz or .tar file, secrets masked
    #[arg(long, value_name = "FILE", conflicts_with_all = ["command", "keep", "detach", "dry_run"])]
    pub(crate) snapshot: Option<PathBuf>,
    /// Image of the daemon that has the tools [default: the image toolbox of the workspace]
    #[arg(long, value_name = "IMAGE")]
    pub(crate) toolbox: Option<String>,
    /// Debug a container that does not run: its files, its volumes read-only, its log and its exit
    #[arg(long, conflicts_with_all = ["image", "unpause", "forward", "dry_run", "gdb", "core", "snapshot"])]
    pub(crate) post_mortem: bool,
    /// Debug the files of an image of the workspace or of any reference, without starting it
    #[arg(long, conflicts_with_all = ["unpause", "forward", "dry_run", "gdb", "core", "snapshot"])]
    pub(crate) image: bool,
    /// Unpause a paused container first
    #[arg(long)]
    pub(crate) unpause: bool,
    /// User in the session: a name, a number, or USER:GROUP [default: 0:0]
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Working folder of the command [default: that of the toolbox]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,
    /// Mount a folder of the host, or a volume of the daemon
    #[arg(long, value_name = "SOURCE:DIR[:ro]")]
    pub(crate) volume: Vec<String>,
    /// Add a capability to NET_RAW, NET_ADMIN and SYS_PTRACE
    #[arg(long, value_name = "CAPABILITY")]
    pub(crate) cap_add: Vec<String>,
    /// Set an environment variable; without a value, set those of the container except PATH and LD_*
    #[arg(long, value_name = "NAME=VALUE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) env: Vec<String>,
    /// Name of the session's container [default: derived from the container's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Forward a port of the host to the container, also to its 127.0.0.1; HOST_PORT 0 chooses a free port
    #[arg(short = 'L', long, value_name = "[HOST_ADDRESS:]HOST_PORT:PORT", conflicts_with_all = ["dry_run", "detach", "snapshot"])]
    pub(crate) forward: Vec<String>,
    /// Keep the session's container after its command has exited
    #[arg(long)]
    pub(crate) keep: bool,
    /// Run the command in the background and print the session's name
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Keys that detach from the session [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS", conflicts_with_all = ["no_tty", "detach"])]
    pub(crate) detach_keys: Option<String>,
    /// Do not allocate a terminal [default: allocate one if stdin and stdout are terminals]
    #[arg(short = 'T', long)]
    pub(crate) no_tty: bool,
    /// Print the docker commands without running them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Format of --dry-run, --detach and --forward; with --post-mortem or --image, json prints a report and starts no session
    #[arg(long, value_name = "FORMAT", default_value = "text", requires = "data")]
    pub(crate) format: Format,
}

impl SessionArgs {
    /// Whether gdb inspects the running process: `--gdb`, `--core` or `--snapshot`.
    pub(crate) fn inspects(&self) -> bool {
        self.gdb || self.core.is_some() || self.snapshot.is_some()
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask debug ls                 list the sessions
  cargo xtask debug ls --format json   list them as JSON")]
pub(crate) struct LsArgs {
    /// Format of the list
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask debug attach watch   attach by the name or id of the session
  cargo xtask debug attach web     attach by the name of its container

If the command of a kept session has exited, this restarts it.")]
pub(crate) struct AttachArgs {
    /// Name or id of a session, or of the container that it debugs
    #[arg(value_name = "NAME")]
    pub(crate) session: String,
    /// Keys that detach from the session [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    pub(crate) detach_keys: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask debug rm watch        end a session by its name or id
  cargo xtask debug rm web worker   end the sessions beside these containers")]
pub(crate) struct RmArgs {
    /// Names or ids of sessions, or of the containers that they debug
    #[arg(value_name = "NAME", required = true)]
    pub(crate) sessions: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask debug cp web:/etc/hosts .        copy a file out
  cargo xtask debug cp web:/data ./data        copy a folder, even from a tmpfs or a volume
  cargo xtask debug cp web:/data/. ./here      copy the contents of a folder
  cargo xtask debug cp web:/data - | tar -t    write a tar stream
  cargo xtask debug cp rules.conf web:/etc/    copy a file or a folder in

Files that you copy out belong to you and lose their set-uid bits; links that lead out of DST are
skipped. Files that you copy in belong to the user of the container's process, unless --archive
keeps their owners; links stay links. Devices and other special files are skipped with a warning.

The exit code is 1 if a file was skipped or could not be copied, and 125 if the container or the
toolbox does not exist.")]
pub(crate) struct CpArgs {
    /// Source: CONTAINER:PATH, a path of the host, or - for a tar stream on stdin
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// Destination: a path of the host, CONTAINER:PATH, or - for a tar stream on stdout
    #[arg(value_name = "DST")]
    pub(crate) destination: String,
    /// Keep numeric owners and all mode bits; only when copying into a container
    #[arg(short, long)]
    pub(crate) archive: bool,
    /// Follow a link at the end of SRC; only in a running container
    #[arg(short = 'L', long)]
    pub(crate) follow_link: bool,
    /// Image of the daemon that has tar and sh [default: the image toolbox of the workspace]
    #[arg(long, value_name = "IMAGE")]
    pub(crate) toolbox: Option<String>,
    /// json: print the copied and the skipped files as data; not with -
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}
