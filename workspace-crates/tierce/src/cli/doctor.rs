//! The arguments of `doctor`.

use clap::Args;

use crate::cli::Format;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask doctor                  check this machine, its daemon and its mirrors
  cargo xtask doctor --offline        leave the mirrors out
  cargo xtask doctor --format json    print the checks as JSON

STATE is ok, degraded (a build works, but with less, more slowly, or only with the other engine) or
missing (a build does not work). An engine is a sandbox of this machine or a daemon; one of them is
enough. A line with fix: has the command or setting that mends a check.

Outside of a workspace, the checks of the workspace are left out. The exit code is 1 if a check is
missing.")]
pub(crate) struct DoctorArgs {
    /// Format of the checks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}
