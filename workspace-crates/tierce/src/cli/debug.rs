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
  cargo xtask debug web                          a shell beside the running container web
  cargo xtask debug web -- strace -f -p 1        another program of the toolbox
  cargo xtask debug web -- tcpdump -i any -w - > web.pcap
  cargo xtask debug web --gdb                    gdb on its program, with symbols by build-id
  cargo xtask debug web --gdb -- -batch -ex 'thread apply all bt'
  cargo xtask debug web --core=web.core          a core file of it, while it goes on
  cargo xtask debug web --snapshot web.tar.gz    all that there is to know, secrets masked
  cargo xtask debug web --toolbox python:3       tools of another image
  cargo xtask debug web --env -- env             with the variables that web has
  cargo xtask debug web -d --name watch -- top   without waiting for its end
  cargo xtask debug web -L 8080:80               its port 80 on 127.0.0.1:8080, until Ctrl-C
  cargo xtask debug --post-mortem crashed        what is left of a container that has died
  cargo xtask debug --image thumbnailer          an image that does not run
  cargo xtask debug attach watch                 come back to it
  cargo xtask debug web --dry-run                what docker would be asked to do

The session shares the container's processes and network. /target leads to its files, as its process
sees them; nothing is written there by Tierce. ctrl-p ctrl-q leaves a session on a terminal and lets
it go on. A container that is called ls, attach, rm or cp is reached by its id.

The exit code is the command's; 125 if there is no session, 126 if the command cannot be executed,
127 if the toolbox does not have it, 130 after Ctrl-C. stdout gets what the command writes there, or
with --detach the session's name."
)]
pub(crate) struct DebugArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DebugCommand>,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DebugCommand {
    /// List the sessions that there are
    Ls(LsArgs),
    /// Come back to a session that was left, or that began with --detach or --keep
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
    /// A name, an id or the beginning of one, or an image of which one container runs; with --image an image
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) container: Option<String>,
    /// What to run [default: the toolbox's own command, a shell]
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<String>,
    /// gdb on the container's program, with symbols and sources; COMMAND is its further arguments
    #[arg(long, conflicts_with_all = ["core", "snapshot"])]
    pub(crate) gdb: bool,
    /// Write a core file, and open it with gdb on a terminal or with COMMAND, gdb's arguments
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with_all = ["snapshot", "detach", "dry_run"])]
    pub(crate) core: Option<Option<PathBuf>>,
    /// The process for --gdb and --core, as ps in a session numbers it [default: the program]
    #[arg(long, value_name = "PID", requires = "process", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: Option<u32>,
    /// Write an archive with all that there is to know, secrets masked: .tar.gz, .tgz or .tar
    #[arg(long, value_name = "FILE", conflicts_with_all = ["command", "keep", "detach", "dry_run"])]
    pub(crate) snapshot: Option<PathBuf>,
    /// An image of the daemon to take the tools from [default: the workspace's image toolbox]
    #[arg(long, value_name = "IMAGE")]
    pub(crate) toolbox: Option<String>,
    /// Look at a container that has died, or was never started: its files, its volumes read-only, its log and its end
    #[arg(long, conflicts_with_all = ["image", "unpause", "forward", "dry_run", "gdb", "core", "snapshot"])]
    pub(crate) post_mortem: bool,
    /// Look at the files of an image instead: one of a workspace, or any reference; nothing of it is started
    #[arg(long, conflicts_with_all = ["unpause", "forward", "dry_run", "gdb", "core", "snapshot"])]
    pub(crate) image: bool,
    /// Let a paused container go on first
    #[arg(long)]
    pub(crate) unpause: bool,
    /// The user in the session: a name, a number, or USER:GROUP [default: 0:0]
    #[arg(short, long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// The folder to begin in [default: the toolbox's]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,
    /// Mount a folder of this machine, or a volume of the daemon
    #[arg(long, value_name = "SOURCE:DIR[:ro]")]
    pub(crate) volume: Vec<String>,
    /// A capability besides NET_RAW, NET_ADMIN and SYS_PTRACE
    #[arg(long, value_name = "CAPABILITY")]
    pub(crate) cap_add: Vec<String>,
    /// Set a variable; without a value take over the container's, but for PATH and LD_*
    #[arg(long, value_name = "NAME=VALUE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) env: Vec<String>,
    /// The name of the session's container [default: made of the container's]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Forward a port of this machine into the container's network, its own 127.0.0.1 included; HOST_PORT 0 chooses one
    #[arg(short = 'L', long, value_name = "[HOST_ADDRESS:]HOST_PORT:PORT", conflicts_with_all = ["dry_run", "detach", "snapshot"])]
    pub(crate) forward: Vec<String>,
    /// Keep the session's container when its command has ended
    #[arg(long)]
    pub(crate) keep: bool,
    /// Start the command and do not wait for its end
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// The keys that leave the session [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS", conflicts_with_all = ["no_tty", "detach"])]
    pub(crate) detach_keys: Option<String>,
    /// No terminal for the command [default: one if stdin and stdout are one]
    #[arg(short = 'T', long)]
    pub(crate) no_tty: bool,
    /// Print what docker would be asked to do, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How to print what --dry-run, --detach and --forward tell; json with --post-mortem or --image prints what there is to know, and begins no session
    #[arg(long, value_name = "FORMAT", default_value = "text", requires = "data")]
    pub(crate) format: Format,
}

impl SessionArgs {
    /// Whether it is about what runs in the container, by gdb's means.
    pub(crate) fn inspects(&self) -> bool {
        self.gdb || self.core.is_some() || self.snapshot.is_some()
    }
}

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// How to print the list
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask debug attach watch   by the session's name or id
  cargo xtask debug attach web     by the container's, if one session is beside it

A command that has ended, of a session that was kept, is started again.")]
pub(crate) struct AttachArgs {
    /// A session, or the container that it is beside
    #[arg(value_name = "NAME")]
    pub(crate) session: String,
    /// The keys that leave the session [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    pub(crate) detach_keys: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// Sessions, each by its name or id, or by the container that it is beside
    #[arg(value_name = "NAME", required = true)]
    pub(crate) sessions: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask debug cp web:/etc/hosts .        a file
  cargo xtask debug cp web:/data ./data        a folder, also where docker cp finds nothing: a tmpfs
  cargo xtask debug cp web:/data/. ./here      what is in a folder
  cargo xtask debug cp web:/data - | tar -t    as a tar stream, nothing left out
  cargo xtask debug cp rules.conf web:/etc/    into a container that runs; so is a folder

What is copied out gets the caller as its owner and no set-uid bit; what could lead out of DST (a link)
is left out. What is copied in gets the user of the container's process, unless --archive keeps the
owners; links are copied as links. What is no file (a device) is left out and named, and the exit code
is 1 then. It is 1 too if there is no such path or it cannot be copied, 125 if there is no such
container or no toolbox.")]
pub(crate) struct CpArgs {
    /// A path in a container, CONTAINER:PATH; a path of this machine; or - for a tar stream on stdin
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// Likewise, the other of the two; - is stdout
    #[arg(value_name = "DST")]
    pub(crate) destination: String,
    /// Keep owners, as numbers, and all of the modes; into a container only
    #[arg(short, long)]
    pub(crate) archive: bool,
    /// Follow a link at the end of the path, in a container that runs
    #[arg(short = 'L', long)]
    pub(crate) follow_link: bool,
    /// An image of the daemon to take tar and sh from [default: the workspace's image toolbox]
    #[arg(long, value_name = "IMAGE")]
    pub(crate) toolbox: Option<String>,
    /// json: what was copied and what was left out, as data; not with -
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}
