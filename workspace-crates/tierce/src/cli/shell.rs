//! The arguments of `shell`.

use clap::Args;
use tierce_execute::SHELL_STEPS;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask shell                              a shell in the builder where a step has failed
  cargo xtask shell web                          the builder of web, with all packages that it has
  cargo xtask shell web --step compile           where cargo runs; eval \"$TIERCE_COMMAND\" does it
  cargo xtask shell web --root                   a copy of ROOT as the current folder, and ROOT set
  cargo xtask shell -- sh -c 'ebuild $EBUILD configure'
                                                 one command, with its exit code

After a failed emerge the packages before the failed one are merged, its sources are unpacked and patched, and
EBUILD is its ebuild: what failed is done again by hand. After a failed hook everything is as the hook found it, with
its folder, its environment and what it may write; after a failed merge, ROOT has the packages before the failed one.
`eval \"$TIERCE_COMMAND\"` does what comes next, there as where cargo runs and where packages are unmerged. A step that
runs in no builder, such as a test, cannot be entered, and a warning says where one is instead.

Configuration, repositories, sources and binary packages are those of the step, and there is no network. The
container is thrown away at the end; nothing that is done in it gets into a result.")]
pub(crate) struct ShellArgs {
    /// An image of the workspace [default: that of the step that failed last, or the only one]
    #[arg(value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// The step to stand in [default: the one that failed last, else packages]
    #[arg(long, value_name = "STEP", value_parser = SHELL_STEPS)]
    pub(crate) step: Option<String>,
    /// Bring a copy of ROOT along, as the current folder
    #[arg(long)]
    pub(crate) root: bool,
    /// No terminal, even where there is one
    #[arg(short = 'T', long)]
    pub(crate) no_tty: bool,
    /// What is run [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}
