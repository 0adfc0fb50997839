//! The progress of a package that takes long: its phase, its count, its time and its log.

use crate::ebuilds::{nothing_is_left, with_repository};
use crate::pty::Session;
use crate::support::{Workspace, unique_name};

/// A workspace with a package that counts as ninja does, and takes three seconds.
fn slow() -> Workspace {
    let rest = format!(
        "KEYWORDS=\"amd64\"\n# {}\n\nsrc_compile() {{\n\techo \"[3/4] a line of ninja\"\n\tsleep 3\n\techo \"[4/4] the last\"\n}}\n",
        unique_name()
    );
    with_repository("packages = [\"media-libs/slow\"]\nallow-missing = [\"media-libs/slow\"]").ebuild("slow", &rest)
}

#[test]
fn terminal_shows_phase_count_and_last_line() {
    let workspace = slow();
    let mut command = workspace.command();
    let mut session = Session::start(command.args(["image", "--layout", "layout"]));
    session.wait_for("slow-1 compile 3/4, ");
    session.wait_for("[3/4] a line of ninja");
    let (code, screen) = session.end();
    assert_eq!(code, Some(0), "{screen:#?}");
    assert!(!screen.lines().iter().any(|line| line.contains("ninja")), "{:#?}", screen.lines());
}

#[test]
fn verbose_run_prints_logs_of_packages() {
    let workspace = slow();
    let ran = workspace.xtask(&["image", "--layout", "layout", "-v"]).ok();
    for line in ["media-libs/slow-1| >>> Compiling source in ", "media-libs/slow-1| [4/4] the last\n"] {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
    }
    nothing_is_left(&ran, &workspace);
    let quiet = slow().xtask(&["image", "--layout", "layout"]).ok();
    assert!(!quiet.stderr.contains("ninja"), "{}", quiet.stderr);
}
