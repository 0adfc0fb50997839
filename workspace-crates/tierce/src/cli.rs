//! The command line as clap reads it: raw flags, turned into options of the library in `lib.rs`.

mod debug;
mod graph;
mod new;
mod shell;
mod size;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::notify::Notify;

/// Minimal container images from a Cargo workspace, with native libraries from Gentoo's Portage.
#[derive(Debug, Parser)]
#[command(
    name = "tierce",
    bin_name = "cargo xtask",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  cargo xtask new image web --bin                  a package with a table, to begin with
  docker run --rm $(cargo xtask image hello)       build, load and run an image
  cargo xtask why hello /usr/lib64/libc.so.6       what leads to a file of it
  cargo xtask size hello --html                    what it is made of, as tables and as a picture
  cargo xtask debug web                            a shell beside the running container web
  cargo xtask update --dry-run                     which newer versions there are
  cargo xtask verify hello                         that the same image comes of a build from nothing
  cargo xtask clean --dry-run --all                what could be removed, and how large it is

Environment:
  TIERCE_CACHE      Downloads, binary packages and layers [default: $XDG_CACHE_HOME/tierce, or
                    ~/.cache/tierce]
  TIERCE_NAMESPACE  Begins the names of what is kept in the daemon, and labels it [default: tierce]
  DOCKER_HOST       Where the daemon listens: unix:///run/podman/podman.sock, say [default: as the
                    docker program finds it, then Podman's sockets]
  TIERCE_NOTIFY     As --notify: none, bell or desktop
  CARGO_HOME        cargo's own folder, whose registry cache is shared [default: ~/.cargo]
  NO_COLOR          No colours, unless --color always says otherwise

Exit codes:
  0  done                                  6  a package or the program does not compile
  1  a file or a tool of the host          7  something that the program needs is missing
  2  this command line                     8  the daemon
  3  a table of a Cargo.toml               9  --locked, and a lock would have to change
  4  Portage cannot resolve the packages   10  verify: what was built anew is another image
  5  a download                            11  an image is larger than its max-size
  125  debug, shell: no session; any       12  a test of an image
       other is their command's            130  interrupted"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Say more: why each step runs, as --explain does, and the report of a run that did nothing
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) verbose: bool,
    /// Colours: auto is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(crate) color: When,
    /// The workspace's Cargo.toml, or a member's [default: found from the current folder]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Workspace")]
    pub(crate) manifest_path: Option<Utf8PathBuf>,
    /// Never use the network: what the cache lacks is an error
    #[arg(long, global = true, help_heading = "Workspace")]
    pub(crate) offline: bool,
    /// Refuse to change Tierce.lock and Cargo.lock
    #[arg(long, global = true, help_heading = "Workspace")]
    pub(crate) locked: bool,
    /// As --offline and --locked
    #[arg(long, global = true, help_heading = "Workspace")]
    pub(crate) frozen: bool,
}

/// A choice of cargo's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

pub(crate) use debug::{AttachArgs, CpArgs, DebugArgs, DebugCommand, LsArgs, RmArgs, SessionArgs};
pub(crate) use graph::{GraphArgs, GraphFormat};
pub(crate) use new::{NewArgs, NewBuilderArgs, NewCommand, NewImageArgs, NewWorkspaceArgs};
pub(crate) use shell::ShellArgs;
pub(crate) use size::{Grouping, SizeArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a workspace, an image or a builder
    New(NewArgs),
    /// Build images and load them into the daemon
    Image(ImageArgs),
    /// Run the tests of images again
    Test(TestArgs),
    /// Resolve packages anew and write Tierce.lock
    Update(UpdateArgs),
    /// Build an image again from nothing and compare
    Verify(VerifyArgs),
    /// Say why a file is in an image
    Why(WhyArgs),
    /// Print what images need, or the steps of a run, as a graph
    Graph(GraphArgs),
    /// Say what an image is made of, as tables and pictures
    Size(SizeArgs),
    /// List the images of the workspace
    List(ListArgs),
    /// Enter a builder as it was in a step, the failed one by default
    Shell(ShellArgs),
    /// Begin a session of tools beside a running container
    Debug(Box<DebugArgs>),
    /// Remove what can be made again: at least what nothing uses
    Clean(CleanArgs),
    /// Print what a shell reads to complete `cargo xtask`
    Completions(CompletionsArgs),
    /// Write manual pages
    Man(ManArgs),
}

impl Command {
    /// Its name and the sign at its end, where it is a run that somebody may wait for.
    pub(crate) fn sign(&self) -> Option<(&'static str, Notify)> {
        match self {
            Command::Image(arguments) => Some(("image", arguments.end.notify)),
            Command::Update(arguments) => Some(("update", arguments.end.notify)),
            Command::Verify(arguments) => Some(("verify", arguments.end.notify)),
            _ => None,
        }
    }
}

/// What becomes of a terminal at the end of a run that may be long.
#[derive(Debug, Args)]
pub(crate) struct EndArgs {
    /// A sign at the end of a run of more than ten seconds, on a terminal: its bell, or a notification
    /// of the desktop by terminals that know OSC 9
    #[arg(long, value_name = "HOW", env = "TIERCE_NOTIFY", hide_env_values = true, default_value = "none")]
    pub(crate) notify: Notify,
}

/// What `--no-cache` can name: the steps whose results are kept.
const STEPS: [&str; 10] =
    ["all", "builder", "packages", "environment", "root", "compile", "pack", "load", "test", "tag"];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  docker run --rm $(cargo xtask image hello)      build, load and run an image
  cargo xtask image                               every image of the workspace
  cargo xtask image --exclude web                 all of them but one
  cargo xtask image web --no-deps                 web alone, on top of what is built already
  cargo xtask image toolbox                       a shell, gdb, strace and more, for debugging
  cargo xtask image web --layout target/web.oci   an OCI layout in a folder
  cargo xtask image web --archive web.tar         one file for docker load or skopeo
  cargo xtask image --dry-run                     the steps, and none of them done
  cargo xtask image --dry-run --explain           which of them would run, and why
  cargo xtask image web --no-cache=compile        compile the program from nothing
  cargo xtask image --timings                     where the time went, as a page
  cargo xtask image web --format json             the report: sizes, packages, layers, times

stdout gets the references of the images, a line each, and nothing else; or the JSON.")]
pub(crate) struct ImageArgs {
    /// Which images [default: all of the workspace, without the toolbox]
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// All images but this one
    #[arg(long, value_name = "IMAGE", conflicts_with = "images")]
    pub(crate) exclude: Vec<String>,
    /// Write an OCI layout into this folder instead of loading into the daemon
    #[arg(long, value_name = "DIR", conflicts_with = "archive")]
    pub(crate) layout: Option<Utf8PathBuf>,
    /// Write an archive for docker load and skopeo instead of loading into the daemon
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<Utf8PathBuf>,
    /// Print the steps and do none of them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Say of each step that it is fresh, or exactly why it runs; with --dry-run: would run
    #[arg(long)]
    pub(crate) explain: bool,
    /// Do these steps again whatever is there of them; without a value all but downloads
    #[arg(long, value_name = "STEP", num_args = 0..=1, require_equals = true, value_delimiter = ',',
        default_missing_value = "all", value_parser = STEPS)]
    pub(crate) no_cache: Vec<String>,
    /// Build these images alone: those that they begin with have to be there as their tables say
    #[arg(long)]
    pub(crate) no_deps: bool,
    /// Name the images without running their tests
    #[arg(long)]
    pub(crate) no_test: bool,
    /// Let the container that has compiled wait this long for the next time; 0 for not at all
    #[arg(long, value_name = "SECONDS", env = "TIERCE_KEEP_WARM", hide_env_values = true, default_value_t = 600)]
    pub(crate) keep_warm: u32,
    /// Write how long each step and package took: a page and its data, below target/tierce/timings
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) timings: bool,
    /// json: the report instead of the references; with --dry-run: the steps as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Steps at once, and jobs of each [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) end: EndArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask test                       the tests of every image of the workspace
  cargo xtask test web                   those of one image
  cargo xtask test web --only serves     one of them
  cargo xtask test --format json         what was not as expected, as data

What the images need is built, and all tests run again, whatever earlier runs have come to. An image
gets no name by it: `cargo xtask image` names what has passed, without testing it once more.

stdout gets a line for each test, or the JSON. The exit code is 12 if one fails.")]
pub(crate) struct TestArgs {
    /// Which images [default: all of the workspace that have tests]
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Only tests of this name
    #[arg(long, value_name = "TEST")]
    pub(crate) only: Vec<String>,
    /// json: the results as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Steps and tests at once, and jobs of each step [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask update                              everything, the builder's packages too
  cargo xtask update web                          all packages of an image
  cargo xtask update media-libs/libpng            one package, in every image that has it
  cargo xtask update web '=sys-libs/zlib-1.2.13'  one package of one image, to this version
  cargo xtask update builder                      the builder's Debian packages
  cargo xtask update --dry-run                    what would change

What is not named keeps the version that Tierce.lock has, where that is possible. stderr gets a line
for each change, stdout nothing, or the JSON.")]
pub(crate) struct UpdateArgs {
    /// An image, an atom of a package that is locked, or the word builder [default: everything]
    #[arg(value_name = "IMAGE|ATOM")]
    pub(crate) what: Vec<String>,
    /// Say what would change, and leave Tierce.lock as it is
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// json: the changes on stdout as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) end: EndArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask verify web                           the image that the daemon has as web:latest
  cargo xtask verify web --against web:1.2         another image of the daemon
  cargo xtask verify web --against target/web.oci  the image of an OCI layout
  cargo xtask verify web --against web.tar         the image of an archive
  cargo xtask verify web --format json             what differs, as data

Builder, packages and program are built again, in a place of their own that is removed afterwards;
only downloads are used again. Tierce.lock and Cargo.lock are not changed, as with --locked.

stdout gets the image and its id if both are the same, else a line for each difference: the file or
the value, the package that it is from, and what differs. The exit code is 10 then.")]
pub(crate) struct VerifyArgs {
    /// An image of the workspace
    pub(crate) image: String,
    /// What to compare with [default: the daemon's image of the first of its tags]
    #[arg(long, value_name = "REF|LAYOUT|ARCHIVE")]
    pub(crate) against: Option<String>,
    /// How to print what differs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Steps at once, and jobs of each [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) end: EndArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask list                  the images, and what is known of them without building
  cargo xtask list --format json    the same with why they would be built again, as data
  cargo xtask list --format names   their names, a line each, with the toolbox

STATE is fresh where `cargo xtask image` would do nothing; --explain of that says why an image is
changed. IN DAEMON has the references under which the daemon has what was built last.")]
pub(crate) struct ListArgs {
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ListFormat,
}

/// How images are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Text,
    Json,
    Names,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask why thumbnailer /usr/lib64/libz.so.1
  cargo xtask why thumbnailer /usr/lib64            every file below a folder
  cargo xtask why thumbnailer / --format json       every file of the image, as data")]
pub(crate) struct WhyArgs {
    /// An image that cargo xtask image has built
    pub(crate) image: String,
    /// A path in the image
    pub(crate) path: String,
    /// How to print the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask clean                   what killed runs left, and each ROOT that no workspace uses
  cargo xtask clean --dry-run --all   everything that could go, and how large it is
  cargo xtask clean --images          this workspace's images too
  cargo xtask clean --builder         the builders too; the next run makes one again
  cargo xtask clean --cache           downloads, binary packages and layers too

What another run uses stays, and so do sessions of debug that were kept or left: debug rm ends them.
stdout gets the list of --dry-run, or the JSON, and nothing else.")]
pub(crate) struct CleanArgs {
    /// The images of this workspace, and the ROOTs that only they were made with
    #[arg(long)]
    pub(crate) images: bool,
    /// The builders in the daemon
    #[arg(long)]
    pub(crate) builder: bool,
    /// The whole cache, once no other run uses it
    #[arg(long)]
    pub(crate) cache: bool,
    /// All of these
    #[arg(long, conflicts_with_all = ["images", "builder", "cache"])]
    pub(crate) all: bool,
    /// Print what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// json: what was removed, or would be, as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(cargo xtask completions bash)        in ~/.bashrc, or
  cargo xtask completions bash > ~/.tierce.bash and source that: it serves every workspace
  source <(cargo xtask completions zsh)         in ~/.zshrc, after compinit
  cargo xtask completions fish > ~/.config/fish/conf.d/tierce.fish

What completes cargo is asked for everything but what stands after `xtask`. Names of images come from
the workspace's compiled xtask; nothing is compiled for them.")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// A shell that can be given completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask man ~/.local/share/man/man1    then: man tierce, man tierce-image
  cargo xtask man . && man -l ./tierce-why.1")]
pub(crate) struct ManArgs {
    /// The folder, which is made if need be
    #[arg(value_name = "DIR")]
    pub(crate) folder: Utf8PathBuf,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    /// What these arguments print, on a terminal that is wide enough.
    fn printed(arguments: &[&str]) -> String {
        let command = Cli::command().term_width(100);
        let error = command.try_get_matches_from([&["cargo xtask"], arguments].concat()).expect_err("prints and ends");
        let (exit, stream) = (error.exit_code(), if error.use_stderr() { "stderr" } else { "stdout" });
        format!("{stream}, {exit}\n{error}")
    }

    #[test]
    fn every_command_is_explained() {
        for (name, arguments) in [
            ("help", ["--help"].as_slice()),
            ("help-image", &["image", "--help"]),
            ("help-test", &["test", "--help"]),
            ("help-update", &["update", "--help"]),
            ("help-verify", &["verify", "--help"]),
            ("help-why", &["why", "--help"]),
            ("help-graph", &["graph", "--help"]),
            ("help-shell", &["shell", "--help"]),
            ("help-size", &["size", "--help"]),
            ("help-list", &["list", "--help"]),
            ("help-completions", &["completions", "--help"]),
            ("help-man", &["man", "--help"]),
            ("help-debug", &["debug", "--help"]),
            ("help-debug-ls", &["debug", "ls", "--help"]),
            ("help-debug-attach", &["debug", "attach", "--help"]),
            ("help-debug-rm", &["debug", "rm", "--help"]),
            ("help-debug-cp", &["debug", "cp", "--help"]),
            ("help-clean", &["clean", "--help"]),
            ("help-new", &["new", "--help"]),
            ("help-new-workspace", &["new", "workspace", "--help"]),
            ("help-new-image", &["new", "image", "--help"]),
            ("help-new-builder", &["new", "builder", "--help"]),
        ] {
            insta::assert_snapshot!(name, printed(arguments));
        }
        assert_eq!(printed(&["-h"]), printed(&["--help"]));
        assert_eq!(printed(&["help"]), printed(&["--help"]));
        assert_eq!(printed(&["help", "image"]), printed(&["image", "--help"]));
        assert_eq!(printed(&["-V"]), concat!("stdout, 0\ntierce ", env!("CARGO_PKG_VERSION"), "\n"));
    }

    #[test]
    fn a_command_line_that_means_nothing_is_refused_with_the_nearest_thing() {
        let no_command = printed(&[]).replace("stderr, 2", "stdout, 0");
        assert_eq!(no_command, printed(&["--help"]), "no command explains all of them, and fails");
        let cases: [&[&str]; 12] = [
            &["imgae"],
            &["image", "--layuot", "x"],
            &["image", "--layout", "x", "--archive", "y"],
            &["image", "--jobs", "0"],
            &["why", "hello"],
            &["image", "--quiet", "--verbose"],
            &["clean", "--all", "--cache"],
            &["debug"],
            &["debug", "web", "ps"],
            &["debug", "web", "--format", "json"],
            &["debug", "web", "-T", "--detach-keys", "ctrl-a"],
            &["debug", "rm"],
        ];
        let all: Vec<String> = cases.iter().map(|arguments| printed(arguments)).collect();
        insta::assert_snapshot!("usage-errors", all.join("\n"));
    }
}
