//! The arguments of `shell`.

use clap::Args;
use tierce_execute::SHELL_STEPS;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask shell                              enter the builder of the step that failed last
  cargo xtask shell web                          enter the builder of web, with its packages
  cargo xtask shell web --step compile           enter where cargo runs
  cargo xtask shell web --root                   start in a copy of ROOT, with ROOT set
  cargo xtask shell -- sh -c 'ebuild $EBUILD configure'
                                                 run one command and return its exit code

After a failed emerge, the builder has the packages that were merged before. The sources of the
failed package are unpacked and patched, and $EBUILD names its ebuild, so that you can repeat the
failed phase by hand.

After a failed hook, you get the hook's working folder, environment and write access. After a
failed merge, ROOT has the packages that were merged before. `eval \"$TIERCE_COMMAND\"` runs the
hook, the compilation or the unmerge.

Some steps, such as tests, use no builder. For those Tierce enters an earlier step and prints a
warning.

The shell has the configuration, repositories, sources and binary packages of the step, and no
network. Tierce removes the container at the end and discards its changes.")]
pub(crate) struct ShellArgs {
    /// Image of the workspace [default: that of the step that failed last, or the only image]
    #[arg(value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Step to enter [default: the step that failed last, or packages]
    #[arg(long, value_name = "STEP", value_parser = SHELL_STEPS)]
    pub(crate) step: Option<String>,
    /// Start in a copy of ROOT
    #[arg(long)]
    pub(crate) root: bool,
    /// Do not allocate a terminal
    #[arg(short = 'T', long)]
    pub(crate) no_tty: bool,
    /// Command to run [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}
