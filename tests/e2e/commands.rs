//! `list`, `--exclude`, completions as a shell has them, and manual pages as their reader has them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::pty::Session;
use crate::support::{Workspace, run, tool, unique_name, xtask};

/// A workspace with two images that need nothing but libc, by names that no other test has.
fn workspace() -> (Workspace, [String; 2]) {
    let names = [unique_name(), unique_name()];
    let package = |name: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n")
    };
    let mut workspace =
        Workspace::new("workspace").file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"images/*\"]\n");
    for name in &names {
        workspace = workspace
            .file(&format!("images/{name}/Cargo.toml"), &package(name))
            .file(&format!("images/{name}/src/main.rs"), "fn main() { println!(\"here\"); }\n");
    }
    (workspace, names)
}

#[test]
fn list_shows_states_and_exclude_works() {
    let (workspace, [first, second]) = workspace();
    let built = workspace.xtask(&["image", "--exclude", &second]).ok();
    assert_eq!(built.stdout, format!("{first}:latest\n"));
    let listed = || -> Vec<serde_json::Value> {
        let ran = workspace.xtask(&["list", "--format", "json"]).ok();
        serde_json::from_str(&ran.stdout).expect("JSON")
    };
    let images = listed();
    let [one, other] = &images[..] else { panic!("{images:#?}") };
    assert_eq!((&one["image"], &one["state"]["is"]), (&first.as_str().into(), &"fresh".into()), "{one:#}");
    assert_eq!(one["table"], format!("images/{first}/Cargo.toml:6"));
    assert_eq!((&one["built"]["in-daemon"], &one["references"][0]), (&true.into(), &format!("{first}:latest").into()));
    let id = tool("docker", ["image", "inspect", "-f", "{{.Id}}", &format!("{first}:latest")]).ok();
    assert_eq!(one["built"]["id"], id.line());
    assert_eq!((&other["state"]["is"], &other["built"]), (&"not-built".into(), &serde_json::Value::Null));

    workspace.write(&format!("images/{first}/src/main.rs"), "fn main() { println!(\"there\"); }\n");
    tool("docker", ["rmi", &format!("{first}:latest")]).ok();
    let changed = &listed()[0];
    assert_eq!((&changed["state"]["is"], &changed["built"]["in-daemon"]), (&"changed".into(), &false.into()));
    let why = changed["state"]["why"].as_str().expect("a cause");
    assert!(why.starts_with(&format!("compile {first}: ")) && why.contains("main.rs"), "{why}");

    // A layout may hold further files, which its readers ignore.
    workspace.xtask(&["image", &second, "--layout", "out.oci"]).ok();
    let report = workspace.root().join(format!("out.oci/reports/{second}/packages.md"));
    let report = fs::read_to_string(report).expect("in the layout");
    assert!(report.contains("| sys-libs/glibc-") && report.contains(&format!("| {second} | 1.0.0 |")), "{report}");
    let layout = format!("oci:{}/out.oci", workspace.root().display());
    tool("skopeo", ["inspect", &format!("{layout}:{second}:latest")]).ok();

    let unknown = workspace.xtask(&["image", "--exclude", &format!("{first}x")]).fails_with(3);
    assert!(unknown.stderr.contains(&format!("help: did you mean `{first}`?")), "{}", unknown.stderr);
    let none = workspace.xtask(&["image", "--exclude", &first, "--exclude", &second]).fails_with(3);
    assert!(none.stderr.contains("no image is left: all of them are excluded"), "{}", none.stderr);
    workspace.xtask(&["image", &first, "--exclude", &second]).fails_with(2);
}

/// The completions that bash offers for a line.
fn offered(workspace: &Workspace, before: &str, line: &str) -> Vec<String> {
    let script = format!(
        "{before}\nsource completions.bash\nCOMP_WORDS=({line}); [[ '{line}' == *' ' ]] && COMP_WORDS+=('')\n\
         COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}\n\
         $(complete -p cargo | sed 's/.*-F \\([^ ]*\\).*/\\1/') cargo \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let ran = run(Command::new("bash")
        .args(["--norc", "-c", &script])
        .current_dir(workspace.root().join("images"))
        .env_remove("CARGO_TARGET_DIR"));
    ran.ok().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_images() {
    let (workspace, [first, second]) = workspace();
    fs::write(workspace.root().join("images/completions.bash"), workspace.xtask(&["completions", "bash"]).ok().stdout)
        .expect("writable");
    // As cargo compiles it for the alias.
    fs::create_dir_all(workspace.root().join("target/xtask")).expect("writable");
    let program = xtask(Path::new("/")).get_program().to_owned();
    std::os::unix::fs::symlink(program, workspace.root().join("target/xtask/xtask")).expect("a link");
    run(Command::new("cargo").args(["generate-lockfile", "--offline"]).current_dir(workspace.root())).ok();

    let has = |line: &str, expected: &[&str]| {
        let offered = offered(&workspace, "", line);
        let missing: Vec<_> = expected.iter().filter(|word| !offered.iter().any(|other| other == *word)).collect();
        assert!(missing.is_empty(), "{line:?} lacks {missing:?} of {offered:?}");
        assert!(!offered.iter().any(|word| word.starts_with(['[', '<'])), "{offered:?}");
    };
    has("cargo xtask ", &["image", "new", "list", "why"]);
    has("cargo xtask ver", &["verify"]);
    has("cargo +stable xtask image --excl", &["--exclude"]);
    has("cargo xtask image ", &[&first, &second, "toolbox"]);
    has("cargo xtask image toolb", &["toolbox"]);
    has("cargo xtask why ", &[&first]);
    has("cargo xtask completions z", &["zsh"]);
    has("cargo xtask new im", &["image"]);
    // All other completions are those of cargo.
    let theirs = "_theirs() { COMPREPLY=(build bench); }; complete -F _theirs cargo";
    assert_eq!(offered(&workspace, theirs, "cargo b"), ["build", "bench"]);
    assert_eq!(offered(&workspace, theirs, "cargo xtask new wor"), ["workspace"]);
}

/// Returns a shell's completions without a terminal. In zsh, a function `compadd` prints them.
#[test]
fn zsh_and_fish_complete_images() {
    let (workspace, [first, second]) = workspace();
    let folder = workspace.root().join("images");
    fs::create_dir_all(workspace.root().join("target/xtask")).expect("writable");
    let program = xtask(Path::new("/")).get_program().to_owned();
    std::os::unix::fs::symlink(program, workspace.root().join("target/xtask/xtask")).expect("a link");
    run(Command::new("cargo").args(["generate-lockfile", "--offline"]).current_dir(workspace.root())).ok();
    for shell in ["zsh", "fish"] {
        let script = folder.join(format!("completions.{shell}"));
        fs::write(&script, workspace.xtask(&["completions", shell]).ok().stdout).expect("writable");
        let read = tool(shell, ["-n", script.to_str().expect("UTF-8")]).ok();
        assert_eq!(read.stderr, "", "{shell}");
    }
    let asked = |shell: &str, arguments: &[&str]| {
        let mut command = Command::new(shell);
        command.args(arguments).current_dir(&folder).env("HOME", workspace.root()).env_remove("CARGO_TARGET_DIR");
        run(&mut command).ok().stdout
    };
    let zsh = "autoload -U compinit; compinit -D; source ./completions.zsh; print $_comps[cargo] $_comps[xtask]\n\
               compadd() { print -l -- \"$@\" }; words=(cargo +stable xtask image ''); CURRENT=5; PREFIX=''; _tierce_cargo";
    let said = asked("zsh", &["-f", "-c", zsh]);
    assert_eq!(said.lines().next(), Some("_tierce_cargo _xtask"), "{said}");
    for name in [&first, &second, "toolbox"] {
        assert!(said.lines().any(|line| line == name), "{name}: {said}");
    }
    let fish =
        |line: &str| asked("fish", &["--no-config", "-c", "source completions.fish; complete -C $argv[1]", line]);
    let offers = |line: &str, word: &str| {
        let said = fish(line);
        assert!(said.lines().any(|offered| offered.split('\t').next() == Some(word)), "{line}: {word}: {said}");
    };
    offers("cargo xtask ver", "verify");
    offers("cargo xtask image --excl", "--exclude");
    offers("cargo xtask image ", &first);
    offers("cargo xtask why ", &second);
}

#[test]
fn man_accepts_the_manual_pages() {
    let workspace = Workspace::new("pages");
    workspace.xtask(&["man", "man1"]).ok();
    let mut pages: Vec<_> = fs::read_dir(workspace.root().join("man1")).expect("a folder").flatten().collect();
    pages.sort_by_key(fs::DirEntry::file_name);
    assert!(pages.len() > 10, "{pages:?}");
    for page in pages {
        let ran = tool("groff", [Path::new("-man"), Path::new("-ww"), Path::new("-Tutf8"), &page.path()]).ok();
        assert_eq!(ran.stderr, "", "{}", page.path().display());
    }
    let page = tool("man", [Path::new("-l"), &workspace.root().join("man1/tierce-image.1")]).ok().stdout;
    assert!(page.contains("cargo xtask image") && page.contains("--exclude"), "{page}");
}

/// The run waits for another one of its workspace, and ends after more than ten seconds.
#[test]
fn long_run_rings_the_bell() {
    let workspace = Workspace::with_package("web", "", "");
    fs::create_dir_all(workspace.root().join("target/tierce")).expect("writable");
    let lock = fs::File::create(workspace.root().join("target/tierce/run.lock")).expect("writable");
    lock.lock().expect("nobody holds it");
    let start = |notify: &str| {
        let mut session = Session::start(workspace.command().args(["image", "--notify", notify]));
        session.wait_for("Waiting for");
        session
    };
    let mut sessions = ["bell", "none"].map(start);
    std::thread::sleep(std::time::Duration::from_millis(10_500));
    for session in &mut sessions {
        assert!(!session.seen().contains(&b'\x07'), "not before the end");
        session.press("\x03");
    }
    for (session, rings) in sessions.into_iter().zip([1, 0]) {
        let (code, screen) = session.end();
        assert_eq!((code, screen.seen.matches('\x07').count()), (Some(130), rings), "{:?}", screen.seen);
    }
}

#[test]
fn short_run_does_not_notify() {
    let workspace = Workspace::with_package("web", "usr = \"nobody\"", "");
    let mut session = Session::start(workspace.command().args(["image", "--notify", "bell"]));
    session.wait_for("`usr`");
    let (code, screen) = session.end();
    assert_eq!(code, Some(3));
    assert!(!screen.seen.contains('\x07'), "{:?}", screen.seen);
    let refused = run(workspace.command().arg("image").env("TIERCE_NOTIFY", "gong")).fails_with(2);
    assert!(refused.stderr.contains("gong"), "{}", refused.stderr);
}
