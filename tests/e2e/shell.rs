//! `cargo xtask shell`

use std::process::Command;

use crate::ebuilds::{nothing_is_left, with_repository};
use crate::pty::Session;
use crate::support::{Ran, Workspace, namespace, run, tool};

/// A package that does not configure where a file is missing, and one before it that does.
fn broken() -> Workspace {
    let configure = "src_prepare() {\n\tdefault\n\techo prepared > note\n}\n\n\
                     src_configure() {\n\techo configuring with \"${CHOST}\"\n\t[[ -e cure ]] || die \"there is no cure\"\n}\n\n\
                     src_install() {\n\tinsinto /usr/share/broken\n\tdoins note\n}\n";
    with_repository("packages = [\"media-libs/broken\"]")
        .ebuild("early", "KEYWORDS=\"amd64\"\nsrc_install() { insinto /usr/share/early; newins - it <<<early; }\n")
        .ebuild("broken", &format!("KEYWORDS=\"amd64\"\nDEPEND=\"media-libs/early\"\n\n{configure}"))
}

fn shell(workspace: &Workspace, arguments: &[&str], script: &str) -> Ran {
    workspace.xtask(&[&["shell"], arguments, &["--", "bash", "-c", script]].concat())
}

#[test]
fn shell_repeats_the_failed_command() {
    let workspace = broken();
    // Nothing has failed, and nothing is there.
    let none = shell(&workspace, &[], "true").fails_with(125).error(workspace.root());
    assert!(none.ends_with("= help: run `cargo xtask image app` first"), "{none}");

    workspace.xtask(&["image", "--layout", "layout"]).fails_with(6);
    // The package before it is merged, its sources are prepared, and the failure is the same.
    let ran =
        shell(&workspace, &[], "cat note /usr/share/early/it; ebuild $EBUILD configure >&2 || exit 42").fails_with(42);
    assert_eq!(ran.stdout, "prepared\nearly\n");
    assert!(
        ran.stderr.contains("there is no cure") && ran.stderr.contains("configuring with x86_64"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Entering packages app: media-libs/broken-1 is prepared"), "{}", ran.stderr);
    nothing_is_left(&ran, &workspace);
    let cured =
        shell(&workspace, &["app"], "touch cure; ebuild $EBUILD install >&2; cat ../image/usr/share/broken/note");
    assert_eq!(cured.ok().stdout, "prepared\n");

    // A shell has no network, its mounts are read-only, and its changes are discarded.
    let script = "test -e cure && exit 1; for at in /etc/portage /var/cache/distfiles \"${EBUILD%/*}\"; do touch \"$at/x\" && exit 2; done; ls /sys/class/net";
    assert_eq!(shell(&workspace, &[], script).ok().stdout, "lo\n");
    // The change in the shell did not fix the image.
    workspace.xtask(&["image", "--layout", "layout"]).fails_with(6);

    on_a_terminal(&workspace);
    shell_after_failed_merge(&workspace);
    workspace.write("overlay/media-libs/broken/broken-1.ebuild", &cured_ebuild());
    workspace.xtask(&["image", "--layout", "layout"]).ok();
    root_and_compilation(&workspace);
}

/// A prompt where the sources are.
fn on_a_terminal(workspace: &Workspace) {
    let mut command = workspace.command();
    let mut session = Session::start(command.arg("shell"));
    session.wait_for("# ");
    session.press("pwd; tty\n");
    session.wait_for("/media-libs/broken-1/work");
    session.wait_for("/dev/pts/");
    session.press("exit 7\n");
    assert_eq!(session.end().0, Some(7));
    let label = format!("label=dev.tierce.namespace={}", namespace());
    let left = tool("docker", ["ps", "-aq", "--filter", &label, "--filter", "label=dev.tierce.kind=shell"]);
    assert_eq!(left.ok().stdout, "");
}

/// A package compiles and fails to merge into ROOT. The shell has the packages merged before it, and can continue the step.
fn shell_after_failed_merge(workspace: &Workspace) {
    let refuses = "pkg_preinst() { [[ -z ${ROOT%/} || -e ${ROOT%/}/cure ]] || die \"ROOT has no cure\"; }\n";
    workspace.write("overlay/media-libs/broken/broken-1.ebuild", &(cured_ebuild() + refuses));
    let failed = workspace.xtask(&["image", "--layout", "layout"]).fails_with(6);
    assert!(failed.stderr.contains("ROOT has no cure"), "{}", failed.stderr);
    let script = "pwd; ls usr/lib64/libc.so.6; ls usr/share/broken 2>/dev/null || echo none; touch cure\n\
                  eval \"$TIERCE_COMMAND\" >&2; cat usr/share/broken/note";
    let ran = shell(workspace, &[], script).ok();
    assert_eq!(ran.stdout, "/destination\nusr/lib64/libc.so.6\nnone\nnote\n");
    assert!(ran.stderr.contains("Entering root app: `eval \"$TIERCE_COMMAND\"` runs the step"), "{}", ran.stderr);
    nothing_is_left(&ran, workspace);
}

fn cured_ebuild() -> String {
    "EAPI=8\nDESCRIPTION=\"For a test\"\nLICENSE=\"MIT\"\nSLOT=\"0\"\nS=\"${WORKDIR}\"\nKEYWORDS=\"amd64\"\n\
     DEPEND=\"media-libs/early\"\nsrc_install() { insinto /usr/share/broken; newins - note <<<note; }\n"
        .to_owned()
}

/// A copy of ROOT, and the place where cargo runs.
fn root_and_compilation(workspace: &Workspace) {
    // A step that succeeds is no longer the default; the default step has every package.
    let after = shell(workspace, &[], "echo \"${EBUILD-none}\"; cat /usr/share/broken/note").ok();
    assert_eq!(after.stdout, "none\nnote\n");
    let ran =
        shell(workspace, &["--root"], "pwd; echo $ROOT; cat usr/share/broken/note; rm -r usr; ls /usr/share/early")
            .ok();
    assert_eq!(ran.stdout, "/destination\n/destination\nnote\nit\n");

    let ran = shell(
        workspace,
        &["--step", "compile"],
        "touch /destination/x 2>&1; eval \"$TIERCE_COMMAND\" >&2 && ls /tierce/out",
    )
    .ok();
    assert!(
        ran.stdout.contains("Read-only file system") && ran.stdout.ends_with("\napp\napp.debug\n"),
        "{}",
        ran.stdout
    );
    nothing_is_left(&ran, workspace);
    let again = workspace.xtask(&["image", "--layout", "layout"]).ok();
    assert!(!again.stderr.contains("Running"), "nothing was changed: {}", again.stderr);
}

#[test]
fn shell_needs_step_and_input() {
    let workspace = Workspace::with_package("web", "", "");
    let mut command: Command = workspace.command();
    let none = run(command.arg("shell")).fails_with(125);
    assert!(none.stderr.contains("error:"), "{}", none.stderr);
    let unknown = workspace.xtask(&["shell", "wbe", "--", "true"]).fails_with(125).error(workspace.root());
    assert!(unknown.starts_with("error: the workspace has no image `wbe`"), "{unknown}");
    let root = workspace.xtask(&["shell", "--step", "compile", "--root", "--", "true"]).fails_with(125);
    assert!(root.stderr.contains("error: failed to enter a step: `compile` has ROOT already"), "{}", root.stderr);
    let step = workspace.xtask(&["shell", "--step", "pack", "--", "true"]).fails_with(125);
    assert!(step.stderr.contains("possible values: packages, environment, root, unmerge, compile"), "{}", step.stderr);
}
