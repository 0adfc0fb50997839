//! Hooks: their environment, their permissions, and their results in the image.

use std::fs;

use crate::ebuilds::nothing_is_left;
use crate::running::{Running, program};
use crate::support::{Container, LoadedImage, Workspace, namespace, tool, unique_name};

const TABLE: &str = r#"
keep = ["/etc/before", "/usr/share/after/**"]
files = [{ from = "greeting", to = "/usr/share/greeting" }]
capabilities = { "/usr/bin/@NAME@" = "cap_kill=p" }

[package.metadata.image.hooks]
builder = "hooks/builder.sh"
root-before = "hooks/before.sh"
root-after = ["hooks/after.sh", "words"]
finish = ["hooks/finish.sh", "words/one"]
"#;

/// Made by the builder's hook, for the program to be compiled with.
const BUILDER: &str = "echo 'this builder has no ROOT'; [ -z \"${ROOT-}\" ]; echo 42 > /opt/answer\n\
                       [ \"$(ls /sys/class/net)\" = lo ]\n";
const BEFORE: &str = "[ \"$(ls /sys/class/net)\" = lo ]; mkdir \"$ROOT/etc\"; echo \"$TIERCE_HOOK of $TIERCE_IMAGE\" > \"$ROOT/etc/before\"\n";
const AFTER: &str = "[ \"$(ls /sys/class/net)\" = lo ]; [ -d \"$ROOT/var/db/pkg\" ]; mkdir -p \"$ROOT/usr/share/after\"; cat words/* > \"$ROOT/usr/share/after/words\"\n\
                     echo \"$ARCH $CHOST $SOURCE_DATE_EPOCH\" > \"$ROOT/usr/share/after/told\"; touch \"$ROOT/usr/share/not-kept\"\n\
                     [ \"$JOBS\" -gt 0 ]; chown 7:8 \"$ROOT/usr/share/after/told\"; echo 'a word on stderr' >&2\n";
const FINISH: &str = "[ \"$(ls /sys/class/net)\" = lo ]; tr a-z A-Z < words/one > \"$ROOT/usr/share/finished\"; cp \"$ROOT\"/usr/share/finished /tmp/x\n\
                      sed -i s/hello/bye/ \"$ROOT/usr/share/greeting\"; rm \"$ROOT/etc/before\"; mkdir -m 0700 \"$ROOT/srv\"\n\
                      ln \"$ROOT/usr/share/finished\" \"$ROOT/usr/share/again\"\n";

/// A workspace whose image has all hooks.
fn with_hooks(name: &str) -> Workspace {
    let workspace = program(name, &TABLE.replace("@NAME@", name));
    let files = [
        ("hooks/builder.sh", BUILDER),
        ("hooks/before.sh", BEFORE),
        ("hooks/after.sh", AFTER),
        ("hooks/finish.sh", FINISH),
        ("words/one", "one\n"),
        ("words/two", "two\n"),
        ("greeting", "hello\n"),
        ("build.rs", "fn main() { assert_eq!(std::fs::read_to_string(\"/opt/answer\").unwrap(), \"42\\n\"); }\n"),
    ];
    for (path, content) in files {
        workspace.write(&format!("{name}/{path}"), content);
    }
    workspace
}

/// The content of a file of an image.
#[track_caller]
fn text(container: &Container, path: &str) -> String {
    let from = format!("{}:{path}", container.name());
    tool("sh", ["-c", "docker cp \"$0\" - | tar -xO", &from]).ok().stdout
}

#[test]
fn hook_files_name_hook_as_reason() {
    let name = unique_name();
    let reference = format!("{name}:latest");
    let _image = LoadedImage::new(&reference);
    let workspace = with_hooks(&name);
    workspace.xtask(&["image"]).ok();

    let container = Container::create(&reference);
    let listing = container.listing();
    for (path, content) in [
        ("/usr/share/after/words", "one\ntwo\n"),
        ("/usr/share/after/told", "amd64 x86_64-pc-linux-gnu 0\n"),
        ("/usr/share/finished", "ONE\n"),
        ("/usr/share/greeting", "bye\n"),
    ] {
        assert_eq!(text(&container, path), content, "{listing}");
    }
    let line =
        |end: &str| listing.lines().find(|line| line.ends_with(end)).unwrap_or_else(|| panic!("{end}\n{listing}"));
    assert!(line(" usr/share/after/told").starts_with("-rw-r--r-- 7/8 "), "{listing}");
    assert!(line(" srv/").starts_with("drwx------ 0/0 ") && line(" srv/").contains("1970-01-01"), "{listing}");
    assert!(line(" usr/share/finished link to usr/share/again").starts_with("hrw-r--r-- "), "{listing}");
    // The image lacks unreachable files, and those that the last hook removes.
    assert!(!listing.contains("not-kept") && !listing.contains("etc/before"), "{listing}");

    // Reasons, and the output of each.
    for (path, reason) in [
        ("/usr/share/finished", "made by hooks.finish"),
        ("/usr/share/greeting", "made by hooks.finish"),
        ("/usr/share/after/words", "kept by /usr/share/after/**"),
    ] {
        let why = workspace.xtask(&["why", &name, path]).ok().stdout;
        assert!(why.ends_with(&format!("  {path}: {reason}\n")), "{why}");
    }
    let log = |hook: &str| {
        let path = workspace.root().join(format!("target/tierce/logs/{name}/hook-{hook}.log"));
        fs::read_to_string(path).expect("a log")
    };
    assert_eq!((log("builder"), log("root-after")), ("this builder has no ROOT\n".into(), "a word on stderr\n".into()));

    // A changed input reruns its hook's step, and the report names it as the cause.
    let ids = || tool("docker", ["image", "inspect", "-f", "{{.Id}}", &reference]).ok().stdout;
    let before = ids();
    let fresh = workspace.xtask(&["image", "--dry-run", "--explain"]).ok().stdout;
    assert!(fresh.lines().all(|line| line.ends_with("  fresh")), "{fresh}");
    workspace.write(&format!("{name}/words/two"), "zwei\n");
    let explained = workspace.xtask(&["image", "--explain"]).ok().stderr;
    assert!(explained.contains("words/two changed"), "{explained}");
    assert_eq!(text(&Container::create(&reference), "/usr/share/after/words"), "one\nzwei\n");
    // The same again is the same image.
    workspace.write(&format!("{name}/words/two"), "two\n");
    workspace.xtask(&["image", "--no-cache=pack"]).ok();
    assert_eq!(ids(), before);
    let volumes = tool("docker", ["volume", "ls", "-q", "--filter", &format!("name={}-finish", namespace())]).ok();
    assert_eq!(volumes.stdout, "");
}

#[test]
fn hooks_see_files_of_base() {
    let (app, base) = (unique_name(), unique_name());
    let (above, below) = (format!("{app}:latest"), format!("{base}:latest"));
    let _images = LoadedImage::new(&above).and(&below);
    let keys = format!(
        "base = \"{base}\"\nbuilder-base = \"{base}\"\nhooks = {{ root-before = \"before.sh\", finish = \"finish.sh\" }}"
    );
    let workspace = program(&app, &keys);
    let of_base = format!(
        "[package]\nname = \"{base}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n\
         files = [{{ from = \"greeting\", to = \"/srv/greeting\" }}, {{ from = \"greeting\", to = \"/srv/gone\" }}]\n\
         capabilities = {{ \"/usr/bin/{base}\" = \"cap_kill=p\" }}\nkeep = [\"/usr/share/of-root\"]\n\
         hooks = {{ builder = \"builder.sh\", root-after = \"after.sh\" }}\n"
    );
    let before = "echo above >> \"$ROOT/usr/share/of-root\"\n";
    let finish = "sed -i s/hello/bye/ \"$ROOT/srv/greeting\"; rm \"$ROOT/srv/gone\"\n";
    let build =
        "fn main() { assert_eq!(std::fs::read_to_string(\"/opt/answer\").expect(\"a builder\"), \"42\\n\"); }\n";
    for (path, content) in [
        (format!("{base}/Cargo.toml"), of_base.as_str()),
        (format!("{base}/src/main.rs"), "fn main() {}\n"),
        (format!("{base}/greeting"), "hello\n"),
        (format!("{base}/builder.sh"), "echo 42 > /opt/answer\n"),
        (format!("{base}/after.sh"), "echo below > \"$ROOT/usr/share/of-root\"\n"),
        (format!("{app}/before.sh"), before),
        (format!("{app}/finish.sh"), finish),
        (format!("{app}/build.rs"), build),
    ] {
        workspace.write(&path, content);
    }
    workspace.file_again("Cargo.toml", &format!("[\"{app}\"]"), &format!("[\"{app}\", \"{base}\"]"));
    workspace.xtask(&["image"]).ok();

    let (lower, upper) = (Container::create(&below), Container::create(&above));
    assert_eq!(text(&lower, "/srv/greeting"), "hello\n");
    assert_eq!(text(&lower, "/usr/share/of-root"), "below\n");
    assert_eq!(text(&upper, "/srv/greeting"), "bye\n");
    assert_eq!(text(&upper, "/usr/share/of-root"), "below\nabove\n");
    assert!(lower.listing().contains("srv/gone") && !upper.listing().contains("srv/gone"), "{}", upper.listing());
    // The hook's layer has only the files that it changed. All others are the base image's, including their capabilities.
    for (path, reason) in [
        ("/srv/greeting".to_owned(), "made by hooks.finish".to_owned()),
        (format!("/usr/bin/{base}"), format!("in the base image {base}")),
    ] {
        let why = workspace.xtask(&["why", &app, &path]).ok().stdout;
        assert!(why.ends_with(&format!("  {path}: {reason}\n")), "{why}");
    }
    let layers = |reference: &str| {
        let format = "{{range .RootFS.Layers}}{{.}} {{end}}";
        tool("docker", ["image", "inspect", "-f", format, reference]).ok().line().trim().to_owned()
    };
    assert!(layers(&above).starts_with(&layers(&below)), "{}\n{}", layers(&below), layers(&above));

    // A changed hook rebuilds the base's builder, and the program compiles there again.
    workspace.write(&format!("{base}/builder.sh"), "echo 43 > /opt/answer\n");
    let ran = workspace.xtask(&["image", &app]).fails_with(6);
    assert!(ran.stderr.contains("\"43\\n\""), "{}", ran.stderr);
}

#[test]
fn hook_failure_names_line_and_cause() {
    let workspace = program("app", "");
    let manifest = workspace.root().join("app/Cargo.toml");
    let plain = fs::read_to_string(&manifest).expect("it is there");
    // A shell starts with the files and variables of the hook.
    let enter = |script: &str| workspace.xtask(&["shell", "--", "bash", "-c", script]);
    let entered = |script: &str| enter(script).ok().stdout;
    let refused = |hooks: &str, script: &str, code: i32| {
        workspace.write("app/x.sh", script);
        fs::write(&manifest, format!("{}\nhooks = {hooks}\n", plain.trim_end())).expect("writable");
        let ran = workspace.xtask(&["image", "--layout", "layout"]).fails_with(code);
        nothing_is_left(&ran, &workspace);
        assert!(!workspace.root().join("layout").exists());
        let error = ran.error(workspace.root());
        if error.contains("hooks.root-after") {
            let told = "pwd; ls; echo $TIERCE_HOOK $TIERCE_IMAGE $ARCH $SOURCE_DATE_EPOCH $((JOBS > 0)); touch x 2>/dev/null || echo read-only";
            assert_eq!(entered(told), "/tierce/hook\nx.sh\nroot-after app amd64 0 1\nread-only\n");
            let again = enter("ls \"$ROOT/var/db/pkg\" >/dev/null && touch \"$ROOT/x\" && eval \"$TIERCE_COMMAND\"");
            let again = again.fails_with(2);
            assert!(again.stderr.contains("Entering root app before hooks.root-after"), "{}", again.stderr);
            assert!(again.stderr.contains("cannot access '/absent'"), "{}", again.stderr);
            nothing_is_left(&again, &workspace);
            let volumes = format!("name={}-shell", namespace());
            assert_eq!(tool("docker", ["volume", "ls", "-q", "--filter", &volumes]).ok().stdout, "");
        } else if error.contains("one\n") {
            let told = "ls \"$ROOT/usr/bin\"; touch \"$ROOT/x\"; eval \"$TIERCE_COMMAND\" 2>&1; echo $? $TIERCE_HOOK";
            assert_eq!(entered(told), "app\none\ntwo\n1 finish\n");
        } else if error.contains("hooks.root-before") {
            assert_eq!(entered("ls \"$ROOT\" | wc -l; echo $TIERCE_HOOK"), "0\nroot-before\n");
        } else if error.contains("hooks.builder") {
            let told = "eval \"$TIERCE_COMMAND\" || echo $?; echo \"${ROOT-none}\"; touch /opt/x && echo $TIERCE_HOOK";
            assert_eq!(entered(told), "9\nnone\nbuilder\n");
        }
        error
    };
    let refusals = [
        refused("{ finish = \"x.sh\" }", "echo one\necho two >&2\nfalse | true\necho never\n", 6),
        refused("{ root-after = \"x.sh\" }", "ls /absent\n", 6),
        refused("{ root-before = \"x.sh\" }", "echo x > /usr/share/outside\n", 6),
        refused("{ finish = \"x.sh\" }", "echo x >> x.sh\n", 6),
        refused("{ builder = \"x.sh\" }", "exit 9\n", 6),
        refused("{ finish = \"x.sh\" }", "printf '\\033[2J\\033]0;t\\007\\342\\200\\256x\\n'; exit 4\n", 6),
        refused("{ finish = \"x.sh\" }", "rm -r \"$ROOT\"/usr/lib*/libc.so*\n", 7),
        refused("{ finish = \"absent.sh\" }", "", 3),
        refused("{ finish = [\"x.sh\", \"absent\"] }", "", 3),
        refused("{ finish = \"src\" }", "", 3),
        refused("{ finish = [] }", "", 3),
        refused("{ finsh = \"x.sh\" }", "", 3),
        refused("{ finish = [\"x.sh\", \".\"] }", "", 3),
    ];
    insta::assert_snapshot!(refusals.join("\n\n"), @r#"
    error: the script hooks.finish of `app` failed: exit code 1
     --> app/Cargo.toml:7:20
      |
    7 | hooks = { finish = "x.sh" }
      |                    ^^^^^^
      |
      = note: one
              two
      = help: all that it said is in [WORKSPACE]/target/tierce/logs/app/hook-finish.log

    error: the script hooks.root-after of `app` failed: exit code 2
     --> app/Cargo.toml:7:24
      |
    7 | hooks = { root-after = "x.sh" }
      |                        ^^^^^^
      |
      = note: ls: cannot access '/absent': No such file or directory
      = help: all that it said is in [WORKSPACE]/target/tierce/logs/app/hook-root-after.log

    error: the script hooks.root-before of `app` failed: exit code 1
     --> app/Cargo.toml:7:25
      |
    7 | hooks = { root-before = "x.sh" }
      |                         ^^^^^^
      |
      = note: /tierce/hook/x.sh: line 1: /usr/share/outside: Read-only file system
      = help: it may write below $ROOT and /tmp and nowhere else; all that it said is in [WORKSPACE]/target/tierce/logs/app/hook-root-before.log

    error: the script hooks.finish of `app` failed: exit code 1
     --> app/Cargo.toml:7:20
      |
    7 | hooks = { finish = "x.sh" }
      |                    ^^^^^^
      |
      = note: /tierce/hook/x.sh: line 1: x.sh: Read-only file system
      = help: it may write below $ROOT and /tmp and nowhere else; all that it said is in [WORKSPACE]/target/tierce/logs/app/hook-finish.log

    error: the script hooks.builder of `app` failed: exit code 9
     --> app/Cargo.toml:7:21
      |
    7 | hooks = { builder = "x.sh" }
      |                     ^^^^^^
      |
      = help: all that it said is in [WORKSPACE]/target/tierce/logs/app/hook-builder.log

    error: the script hooks.finish of `app` failed: exit code 4
     --> app/Cargo.toml:7:20
      |
    7 | hooks = { finish = "x.sh" }
      |                    ^^^^^^
      |
      = note: \x1b[2J\x1b]0;t\x07\u{202e}x
      = help: all that it said is in [WORKSPACE]/target/tierce/logs/app/hook-finish.log

    error: failed to find what the image `app` needs
     --> app/Cargo.toml:7:20
      |
    7 | hooks = { finish = "x.sh" }
      |                    ^^^^^^
      |
      = note: failed to find `libc.so.6`, needed by `/usr/bin/app`; searched /etc/ld.so.cache, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib
      = help: hooks.finish has taken it away, or made what needs it

    error: `absent.sh` cannot be read: No such file or directory (os error 2)
     --> app/Cargo.toml:7:20
      |
    7 | hooks = { finish = "absent.sh" }
      |                    ^^^^^^^^^^^
      |
      = help: it is looked for in [WORKSPACE]/app

    error: `absent` cannot be read: No such file or directory (os error 2)
     --> app/Cargo.toml:7:29
      |
    7 | hooks = { finish = ["x.sh", "absent"] }
      |                             ^^^^^^^^
      |
      = help: it is looked for in [WORKSPACE]/app

    error: `src` is not a file
     --> app/Cargo.toml:7:20
      |
    7 | hooks = { finish = "src" }
      |                    ^^^^^

    error: `hooks.finish` is empty
     --> app/Cargo.toml:7:20
      |
    7 | hooks = { finish = [] }
      |                    ^^ no script
      |
      = help: name a script, and after it the files and folders that it reads

    error: unknown key `finsh`
     --> app/Cargo.toml:7:11
      |
    7 | hooks = { finsh = "x.sh" }
      |           ^^^^^ unknown key
      |
      = help: did you mean `finish`?

    error: `hooks.finish` names the whole folder of this Cargo.toml
     --> app/Cargo.toml:7:29
      |
    7 | hooks = { finish = ["x.sh", "."] }
      |                             ^^^ the whole folder
      |
      = help: name the files that the script reads; a change of one reruns the hook
    "#);
}

#[test]
fn hanging_hook_is_interrupted() {
    let workspace = program("app", "hooks = { finish = \"x.sh\" }").file("app/x.sh", "echo waits\nsleep 6000\n");
    let mut running = Running::start(workspace.command().args(["image", "--layout", "layout"]));
    let pid = running.pid();
    running.wait_until("its hook waits", |_| {
        let format = "{{.Label \"dev.tierce.owner\"}} {{.Label \"dev.tierce.kind\"}} {{.State}}";
        let containers = tool("docker", ["ps", "--format", format]).ok().stdout;
        containers.lines().any(|line| line.contains(&format!(":{pid}:")) && line.ends_with(" hook running"))
    });
    running.signal("INT");
    let ran = running.end().fails_with(130);
    nothing_is_left(&ran, &workspace);
    let log = workspace.root().join("target/tierce/logs/app/hook-finish.log");
    assert!(log.is_file());
}
