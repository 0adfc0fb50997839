//! The command line as clap parses it; `lib.rs` turns the raw flags into options of a session.

mod debug;
mod doctor;
mod graph;
mod manifest;
mod new;
mod run;
mod search;
mod shell;
mod size;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tierce_manifest::EngineChoice;

/// Minimal container images from a Cargo workspace, with native libraries from Gentoo's Portage.
#[derive(Debug, Parser)]
#[command(
    name = "tierce",
    bin_name = "cargo xtask",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  cargo xtask new image web --bin                  add an image of a new Rust package
  docker run --rm $(cargo xtask image hello)       build, load and run an image
  cargo xtask run hello                            build and run an image without a daemon
  cargo xtask why hello /usr/lib64/libc.so.6       say why the image has a file
  cargo xtask size hello --html                    show its size, as tables and a web page
  cargo xtask debug web                            open a shell beside the container web
  cargo xtask update --dry-run                     list newer versions of packages
  cargo xtask verify hello                         rebuild it from scratch and compare
  cargo xtask clean --dry-run --all                list everything to remove, with sizes
  cargo xtask doctor                               check whether this machine can build images

Environment:
  TIERCE_CACHE      Folder of downloads, binary packages and layers
                    [default: $XDG_CACHE_HOME/tierce, or ~/.cache/tierce]
  TIERCE_NAMESPACE  Prefix and label of everything in the daemon [default: tierce]
  TIERCE_ENGINE     Same as --engine: auto, sandbox or docker
  DOCKER_HOST       Address of the daemon, such as unix:///run/podman/podman.sock
                    [default: the docker program's, then Podman's sockets]
  TIERCE_NOTIFY     Same as --notify: none, bell or desktop
  TIERCE_KEEP_WARM  Same as --keep-warm of image, in seconds [default: 600]
  CARGO_HOME        Folder of cargo, whose registry cache Tierce shares [default: ~/.cargo]
  NO_COLOR          Disable colours, unless --color always is given

Exit codes:
  0    success
  1    a file or a tool of the host failed; doctor: this machine cannot build
  2    the command line is invalid
  3    a table of a Cargo.toml, or a file that it names, is invalid
  4    Portage cannot resolve the packages
  5    a download failed
  6    a package, the program or a hook failed to build
  7    the image lacks a file that the program needs
  8    the daemon failed
  9    --locked was given, but a lock file is out of date
  10   verify: the images differ
  11   an image exceeds its max-size
  12   a test of an image failed
  125  debug, run, shell: the session failed; otherwise you get your command's exit code
  130  interrupted"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Flags that every command accepts.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Print why each step runs, as --explain does, the report even if nothing ran, and each line of the
    /// logs of packages
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) verbose: bool,
    /// When to use colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub(crate) color: When,
    /// Path to the Cargo.toml of the workspace or of a member [default: found from the current folder]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Workspace")]
    pub(crate) manifest_path: Option<Utf8PathBuf>,
    /// Engine that opens builders; auto: the sandbox where this machine offers one [default: the key `engine`, else auto]
    #[arg(
        long,
        global = true,
        value_name = "ENGINE",
        env = "TIERCE_ENGINE",
        hide_env_values = true,
        help_heading = "Workspace"
    )]
    pub(crate) engine: Option<Engine>,
    /// Run without the network; fail if the cache lacks a file
    #[arg(long, global = true, help_heading = "Workspace")]
    pub(crate) offline: bool,
    /// Fail if Tierce.lock or Cargo.lock would change
    #[arg(long, global = true, help_heading = "Workspace")]
    pub(crate) locked: bool,
    /// Same as --offline and --locked
    #[arg(long, global = true, help_heading = "Workspace")]
    pub(crate) frozen: bool,
}

/// The values of `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Auto,
    Sandbox,
    Docker,
}

impl Engine {
    pub(crate) fn choice(self) -> EngineChoice {
        match self {
            Engine::Auto => EngineChoice::Auto,
            Engine::Sandbox => EngineChoice::Sandbox,
            Engine::Docker => EngineChoice::Docker,
        }
    }
}

/// The values of `--color`, as cargo has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

pub(crate) use debug::{AttachArgs, CpArgs, DebugArgs, DebugCommand, LsArgs, RmArgs, SessionArgs};
pub(crate) use doctor::DoctorArgs;
pub(crate) use graph::{GraphArgs, GraphFormat};
pub(crate) use manifest::ManifestArgs;
pub(crate) use new::{NewArgs, NewBuilderArgs, NewCommand, NewImageArgs, NewWorkspaceArgs};
pub(crate) use run::RunArgs;
pub(crate) use search::{SearchArgs, SearchFormat, UseArgs};
pub(crate) use shell::ShellArgs;
pub(crate) use size::{Grouping, SizeArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a workspace, an image or a builder
    New(NewArgs),
    /// Build images and load them into the daemon
    Image(ImageArgs),
    /// Build an image and run it without a daemon
    Run(RunArgs),
    /// Run the tests of images
    Test(TestArgs),
    /// Update packages in Tierce.lock
    Update(UpdateArgs),
    /// Rebuild an image from scratch and compare
    Verify(VerifyArgs),
    /// Explain why a file is in an image
    Why(WhyArgs),
    /// Print the packages of images, or the steps of a run, as a graph
    Graph(GraphArgs),
    /// Show the sizes of an image's files
    Size(SizeArgs),
    /// List the images of the workspace
    List(ListArgs),
    /// Find packages in the builder's repositories
    Search(SearchArgs),
    /// Show the versions and USE flags of a package
    Use(UseArgs),
    /// Check whether this machine can build images
    Doctor(DoctorArgs),
    /// Open a shell in the builder of a step
    Shell(ShellArgs),
    /// Debug a container with tools from another image
    Debug(Box<DebugArgs>),
    /// Write the Manifests of your ebuilds
    Manifest(ManifestArgs),
    /// Remove unused images, builders and cached files
    Clean(CleanArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Write manual pages
    Man(ManArgs),
}

impl Command {
    /// The command's name and its `--notify`; None for commands that end soon.
    pub(crate) fn sign(&self) -> Option<(&'static str, Notify)> {
        match self {
            Command::Image(arguments) => Some(("image", arguments.end.notify)),
            Command::Update(arguments) => Some(("update", arguments.end.notify)),
            Command::Verify(arguments) => Some(("verify", arguments.end.notify)),
            _ => None,
        }
    }
}

/// Flags of commands that may take long.
#[derive(Debug, Args)]
pub(crate) struct EndArgs {
    /// Notify when a run of more than ten seconds ends: bell rings the terminal's bell, desktop shows a
    /// notification in terminals that support OSC 9
    #[arg(long, value_name = "HOW", env = "TIERCE_NOTIFY", hide_env_values = true, default_value = "none")]
    pub(crate) notify: Notify,
}

/// The values of `--no-cache`: steps with a cached result.
const STEPS: [&str; 10] =
    ["all", "builder", "packages", "environment", "root", "compile", "pack", "load", "test", "tag"];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  docker run --rm $(cargo xtask image hello)      build, load and run an image
  cargo xtask image                               build every image of the workspace
  cargo xtask image --exclude web                 every image except web
  cargo xtask image web --no-deps                 build web, but not its base image
  cargo xtask image toolbox                       build the image of debugging tools
  cargo xtask image web --layout target/web.oci   write an OCI layout
  cargo xtask image web --archive web.tar         write an archive for docker load or skopeo
  cargo xtask image --dry-run                     print the steps, run none
  cargo xtask image --dry-run --explain           print which steps would run, and why
  cargo xtask image web --no-cache=compile        compile the program from scratch
  cargo xtask image --timings                     write a page of the time of each step
  cargo xtask image web --format json             print sizes, packages, layers and times

Stdout has one image reference a line, or the JSON, and nothing else.")]
pub(crate) struct ImageArgs {
    /// Images to build [default: all of the workspace, except the toolbox]
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Image to exclude from all images
    #[arg(long, value_name = "IMAGE", conflicts_with = "images")]
    pub(crate) exclude: Vec<String>,
    /// Write an OCI layout to DIR instead of loading into the daemon
    #[arg(long, value_name = "DIR", conflicts_with = "archive")]
    pub(crate) layout: Option<Utf8PathBuf>,
    /// Write an archive to FILE, for docker load or skopeo, instead of loading into the daemon
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<Utf8PathBuf>,
    /// Print the steps without running them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print for each step that it is fresh, or why it runs; with --dry-run, why it would run
    #[arg(long)]
    pub(crate) explain: bool,
    /// Ignore the cached results of these steps; without STEP, of all steps except downloads
    #[arg(long, value_name = "STEP", num_args = 0..=1, require_equals = true, value_delimiter = ',',
        default_missing_value = "all", value_parser = STEPS)]
    pub(crate) no_cache: Vec<String>,
    /// Do not build base images; fail if one of them is stale
    #[arg(long)]
    pub(crate) no_deps: bool,
    /// Tag or write the images without running their tests
    #[arg(long)]
    pub(crate) no_test: bool,
    /// Keep the container that compiles running for this time, so that the next build starts faster; 0: stop at once
    #[arg(long, value_name = "SECONDS", env = "TIERCE_KEEP_WARM", hide_env_values = true, default_value_t = 600)]
    pub(crate) keep_warm: u32,
    /// Write the time of each step and package to target/tierce/timings, as HTML and JSON
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) timings: bool,
    /// json: print the report instead of references; with --dry-run, the steps
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Number of parallel steps, and of parallel jobs in each [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) end: EndArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask test                       run the tests of every image
  cargo xtask test web                   run the tests of one image
  cargo xtask test web --only serves     run one test
  cargo xtask test --format json         print the results as JSON

This builds the images if needed and runs their tests, even those that passed before. It does not
tag an image; `cargo xtask image` tags a tested image without a second run of its tests.

Stdout has one line for each test, or the JSON. The exit code is 12 if a test fails.")]
pub(crate) struct TestArgs {
    /// Images to test [default: all of the workspace that have tests]
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Run only the tests of this name
    #[arg(long, value_name = "TEST")]
    pub(crate) only: Vec<String>,
    /// json: print the results as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Number of parallel steps and tests, and of parallel jobs in each [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask update                              update everything, the builder too
  cargo xtask update web                          update all packages of an image
  cargo xtask update media-libs/libpng            update one package, in every image
  cargo xtask update web '=sys-libs/zlib-1.2.13'  set the version of one package
  cargo xtask update builder                      update the builder's Debian packages
  cargo xtask update --dry-run                    print the changes, write nothing

All other packages keep their versions from Tierce.lock where possible. Stderr has one line for
each change. Stdout is empty, or has the JSON.")]
pub(crate) struct UpdateArgs {
    /// An image, the atom of a locked package, or the word builder [default: everything]
    #[arg(value_name = "IMAGE|ATOM")]
    pub(crate) what: Vec<String>,
    /// Print the changes without writing Tierce.lock
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// json: print the changes on stdout as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) end: EndArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask verify web                           compare with web:latest in the daemon
  cargo xtask verify web --against web:1.2         compare with another image
  cargo xtask verify web --against target/web.oci  compare with an OCI layout
  cargo xtask verify web --against web.tar         compare with an archive
  cargo xtask verify web --format json             print the differences as JSON

Tierce rebuilds the builder, the packages and the program in a temporary folder. It reuses only
downloads, and leaves Tierce.lock and Cargo.lock unchanged, as with --locked.

If the images are identical, stdout has the image and its id. Otherwise it has one line for each
difference, with the package that owns the file, and the exit code is 10.")]
pub(crate) struct VerifyArgs {
    /// Image to rebuild
    pub(crate) image: String,
    /// Image to compare with [default: the first tag of the image, in the daemon]
    #[arg(long, value_name = "REF|LAYOUT|ARCHIVE")]
    pub(crate) against: Option<String>,
    /// Format of the differences
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Number of parallel steps, and of parallel jobs in each [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) end: EndArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask list                  list the images, without building
  cargo xtask list --format json    print them as JSON, with why they are stale
  cargo xtask list --format names   print their names, with the toolbox

STATE is fresh if `cargo xtask image` would do nothing. Run `cargo xtask image --dry-run
--explain` to see why an image is changed. IN DAEMON lists the references of the last build in the
daemon.")]
pub(crate) struct ListArgs {
    /// Format of the list
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ListFormat,
}

/// The values of `list --format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Text,
    Json,
    Names,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask why thumbnailer /usr/lib64/libz.so.1  explain one file
  cargo xtask why thumbnailer /usr/lib64            explain every file in a folder
  cargo xtask why thumbnailer / --format json       explain every file of the image, as JSON")]
pub(crate) struct WhyArgs {
    /// Image of the workspace, already built
    pub(crate) image: String,
    /// Path of a file or folder in the image
    pub(crate) path: String,
    /// Format of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask clean                   remove leftovers of killed runs, and unused ROOTs
  cargo xtask clean --dry-run --all   list everything to remove, with sizes
  cargo xtask clean --images          also remove the images of this workspace
  cargo xtask clean --builder         also remove the builders
  cargo xtask clean --cache           also remove downloads, binary packages and layers

Tierce keeps everything that another run uses, and detached or kept debug sessions; end those with
`cargo xtask debug rm`. Stdout has the list of --dry-run, or the JSON, and nothing else.")]
pub(crate) struct CleanArgs {
    /// Remove the images of this workspace, and the ROOTs that only they use
    #[arg(long)]
    pub(crate) images: bool,
    /// Remove the builders
    #[arg(long)]
    pub(crate) builder: bool,
    /// Remove the whole cache, once no other run uses it
    #[arg(long)]
    pub(crate) cache: bool,
    /// Same as --images --builder --cache
    #[arg(long, conflicts_with_all = ["images", "builder", "cache"])]
    pub(crate) all: bool,
    /// Print the list without removing anything
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// json: print the list as data
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(cargo xtask completions bash)          in ~/.bashrc
  cargo xtask completions bash > ~/.tierce.bash   source this file: it works in every workspace
  source <(cargo xtask completions zsh)           in ~/.zshrc, after compinit
  cargo xtask completions fish > ~/.config/fish/conf.d/tierce.fish

cargo's own completions stay in use for words before `xtask`. Image names come from the compiled
xtask of the workspace; completing never compiles.")]
pub(crate) struct CompletionsArgs {
    /// Shell that reads the completions
    pub(crate) shell: Shell,
}

/// The shells that completions exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask man ~/.local/share/man/man1      install them: man tierce, man tierce-image
  cargo xtask man . && man -l ./tierce-why.1   read one")]
pub(crate) struct ManArgs {
    /// Folder to write to; created if missing
    #[arg(value_name = "DIR")]
    pub(crate) folder: Utf8PathBuf,
}

/// The values of `--format` of most commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// The sign: none, the terminal's bell, or a notification of the desktop by terminals that know OSC 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Notify {
    None,
    Bell,
    Desktop,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }

    /// The output of these arguments, 100 columns wide, with its stream and exit code.
    fn printed(arguments: &[&str]) -> String {
        let command = Cli::command().term_width(100);
        let error = command.try_get_matches_from([&["cargo xtask"], arguments].concat()).expect_err("prints and ends");
        let (exit, stream) = (error.exit_code(), if error.use_stderr() { "stderr" } else { "stdout" });
        format!("{stream}, {exit}\n{error}")
    }

    #[test]
    fn every_command_has_help() {
        for (name, arguments) in [
            ("help", ["--help"].as_slice()),
            ("help-image", &["image", "--help"]),
            ("help-run", &["run", "--help"]),
            ("help-test", &["test", "--help"]),
            ("help-update", &["update", "--help"]),
            ("help-verify", &["verify", "--help"]),
            ("help-why", &["why", "--help"]),
            ("help-graph", &["graph", "--help"]),
            ("help-shell", &["shell", "--help"]),
            ("help-size", &["size", "--help"]),
            ("help-list", &["list", "--help"]),
            ("help-doctor", &["doctor", "--help"]),
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
    fn invalid_command_line_suggests_the_nearest() {
        let no_command = printed(&[]).replace("stderr, 2", "stdout, 0");
        assert_eq!(no_command, printed(&["--help"]), "without a command, the help is printed and the exit code is 2");
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
