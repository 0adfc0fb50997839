//! Files, users and variables of a table, as containers and other tools see them.

use std::fs;

use crate::running::program;
use crate::support::{Container, LoadedImage, tool, unique_name};

/// Binds port 80 and prints the result, then its user and its arguments.
const PROGRAM: &str = r#"
fn main() {
    let bound = std::net::TcpListener::bind("127.0.0.1:80").map(drop).map_err(|error| error.kind());
    println!("{bound:?}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
    println!("media: {}", groups.split_whitespace().any(|group| group == "33"));
    for path in ["/etc/passwd", "/etc/group", "/usr/share/app/link"] {
        print!("{}", std::fs::read_to_string(path).unwrap());
    }
    for (name, value) in std::env::vars().filter(|(name, _)| name.starts_with("APP_")) {
        println!("{name}={value}");
    }
}
"#;

const TABLE: &str = r##"
capabilities = { "/usr/bin/@NAME@" = "cap_net_bind_service=ep" }
symlinks = [
    { path = "/usr/share/app/link", target = "data/text" },
    { path = "/etc/mounts", target = "/proc/self/mounts" },
    { path = "/bin/other", target = "@NAME@" },
]
users = [{ name = "web", uid = 1000, home = "/srv", comment = "the web" }, { name = "job", uid = 1001, group = "media" }]
groups = [{ name = "media", gid = 33, members = ["web"] }]
user = "web"
directories = [{ path = "/srv", owner = "job:media", mode = "0750" }]
files = [{ from = "assets", to = "/usr/share/app/data", owner = "web" }]
env-files = ["defaults.env", "more.env"]
env = { APP_C = "table" }
remove = ["/usr/share/app/**/*.psd", "/usr/share/app/data/private", "/usr/share/nothing"]
"##;

/// The output of a container of the program; ports below 1024 need the capability in it, as on a host.
#[track_caller]
fn answer(reference: &str, bounding: &str) -> String {
    let docker = ["run", "--rm", "--network", "none", "--sysctl", "net.ipv4.ip_unprivileged_port_start=1024"];
    let drop = ["--cap-drop", "ALL", "--cap-add", bounding, reference];
    tool("docker", docker.iter().chain(&drop)).ok().stdout
}

#[test]
fn container_matches_the_table() {
    let name = unique_name();
    let reference = format!("{name}:latest");
    let _image = LoadedImage::new(&reference);
    let workspace = program(&name, &TABLE.replace("@NAME@", &name));
    workspace.write(&format!("{name}/src/main.rs"), PROGRAM);
    for file in ["text", "drawing.psd", "private/key", "deep/er/drawing.psd"] {
        workspace.write(&format!("{name}/assets/{file}"), &format!("this is {file}\n"));
    }
    workspace.write(&format!("{name}/defaults.env"), "# defaults\nAPP_A=1 \nAPP_B=\"2\"\nAPP_C=3\n");
    workspace.write(&format!("{name}/more.env"), "APP_B=4\n");
    let ran = workspace.xtask(&["image"]).ok();
    let warning = format!(
        "`remove` of `{name}` has `/usr/share/nothing`, which matches nothing: it removes nothing; there is `/usr/share`"
    );
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);

    // The program runs as web by number, in the group whose member web is, and binds port 80 by its own capability.
    let accounts = "root:x:0:0:root:/root:/bin/sh\n\
                    nobody:x:65534:65534:nobody:/var/empty:/bin/false\n\
                    web:!:1000:1000:the web:/srv:/sbin/nologin\n\
                    job:!:1001:33::/:/sbin/nologin\n\
                    root:x:0:\ntty:x:5:\nnobody:x:65534:\nmedia:!:33:web\nweb:!:1000:\n";
    let expected = format!("Ok(())\nmedia: true\n{accounts}this is text\nAPP_A=1 \nAPP_B=4\nAPP_C=table\n");
    assert_eq!(answer(&reference, "NET_BIND_SERVICE"), expected);
    let user = tool("docker", ["image", "inspect", "-f", "{{.Config.User}}", &reference]).ok();
    assert_eq!(user.line(), "1000", "engines add the further groups of a user without a stated group");

    // The image has the files of the table, and lacks the removed ones.
    let listing = Container::create(&reference).listing();
    for there in [
        " usr/share/app/link -> data/text\n",
        " etc/mounts -> /proc/self/mounts\n",
        &format!(" usr/bin/other -> {name}\n"),
        " usr/share/app/data/deep/er/\n",
    ] {
        assert!(listing.contains(there), "{there}\n{listing}");
    }
    let line =
        |end: &str| listing.lines().find(|line| line.ends_with(end)).unwrap_or_else(|| panic!("{end}\n{listing}"));
    assert!(line(" srv/").starts_with("drwxr-x--- 1001/33 "), "{listing}");
    assert!(line(" usr/share/app/data/text").starts_with("-rw-r--r-- 1000/1000 "), "{listing}");
    assert!(!listing.contains(".psd") && !listing.contains("private"), "{listing}");

    // Other tools agree on the layers: libcap's own reading of the attribute, after umoci has unpacked it.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    workspace.xtask(&["image", "--layout", &format!("{path}/layout")]).ok();
    let image = format!("{path}/layout:latest");
    if tool("id", ["-u"]).ok().line() == "0" {
        tool("umoci", ["unpack", "--image", &image, &format!("{path}/bundle")]).ok();
        let program = format!("{path}/bundle/rootfs/usr/bin/{name}");
        assert_eq!(tool("getcap", [&program]).ok().line(), format!("{program} cap_net_bind_service=ep"));
    }

    // A variable of a file is a cause by its name, and without the capability port 80 is not the program's.
    workspace.write(&format!("{name}/more.env"), "APP_B=5\n");
    let manifest = workspace.root().join(format!("{name}/Cargo.toml"));
    let text = fs::read_to_string(&manifest).expect("it is there");
    fs::write(&manifest, text.replace("cap_net_bind_service=ep", "cap_net_bind_service=i")).expect("writable");
    let again = workspace.xtask(&["image", "--explain"]).ok();
    assert!(again.stderr.contains("APP_B changed"), "{}", again.stderr);
    assert!(again.stderr.contains("what goes in changed"), "{}", again.stderr);
    let without = answer(&reference, "NET_BIND_SERVICE");
    assert!(without.starts_with("Err(PermissionDenied)\n") && without.contains("APP_B=5\n"), "{without}");
}

#[test]
fn invalid_values_name_their_line() {
    // One workspace, so that the program is compiled once.
    let workspace = program("app", "");
    let manifest = workspace.root().join("app/Cargo.toml");
    let plain = fs::read_to_string(&manifest).expect("it is there");
    let refused = |table: &str, code: i32| {
        fs::write(&manifest, format!("{}\n{table}\n", plain.trim_end())).expect("writable");
        let ran = workspace.xtask(&["image", "--layout", "layout"]).fails_with(code);
        assert!(!workspace.root().join("layout").exists());
        ran.error(workspace.root())
    };
    let libc = "remove = [\"/usr/lib/x86_64-linux-gnu/libc.so*\", \"/usr/lib64/libc.so*\"]";
    let refusals = [
        refused("symlinks = [{ path = \"/usr/bin/awk\", target = \"gawk\" }]", 7),
        refused("symlinks = [{ path = \"/usr/share\", target = \"x\" }]", 3),
        refused("capabilities = { \"/usr/bin/ap\" = \"cap_kill=p\" }", 3),
        refused("users = [{ name = \"nobody\", uid = 99 }]", 3),
        refused(libc, 7),
        refused("env-files = [\"a.env\"]", 3),
        refused("env-files = [\"src\"]", 3),
    ];
    let refusals = [refusals.join("\n\n"), {
        workspace.write("app/a.env", "# first\nA=1\nexport B=2\n");
        refused("env-files = [\"a.env\"]", 3)
    }];
    insta::assert_snapshot!(refusals.join("\n\n"), @r#"
    error: failed to find what the image `app` needs
     --> app/Cargo.toml:7:22
      |
    7 | symlinks = [{ path = "/usr/bin/awk", target = "gawk" }]
      |                      ^^^^^^^^^^^^^^
      |
      = note: failed to find the target `gawk`, needed by `/usr/bin/awk`
      = help: name a `target` that the image has; `keep`, `files` and `packages` bring more in

    error: failed to put `/usr/share` into the file tree: a directory stands there
     --> app/Cargo.toml:7:22
      |
    7 | symlinks = [{ path = "/usr/share", target = "x" }]
      |                      ^^^^^^^^^^^^

    error: the image has no file `/usr/bin/ap`
     --> app/Cargo.toml:7:18
      |
    7 | capabilities = { "/usr/bin/ap" = "cap_kill=p" }
      |                  ^^^^^^^^^^^^^
      |
      = help: capabilities are those of a file that is in the image; `keep` or `files` bring one in

    error: there is the user `nobody` with the number 65534 already
     --> app/Cargo.toml:7:19
      |
    7 | users = [{ name = "nobody", uid = 99 }]
      |                   ^^^^^^^^
      |
      = help: give `nobody` another name and another number

    error: failed to find what the image `app` needs
     --> app/Cargo.toml:7:49
      |
    7 | remove = ["/usr/lib/x86_64-linux-gnu/libc.so*", "/usr/lib64/libc.so*"]
      |                                                 ^^^^^^^^^^^^^^^^^^^^^
      |
      = note: failed to find `libc.so.6`, needed by `/usr/bin/app`; `/usr/lib64/libc.so.6` is pruned by `/usr/lib64/libc.so*`; searched /etc/ld.so.cache, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib
      = help: take "/usr/lib64/libc.so*" out of `remove`

    error: `a.env` cannot be read: No such file or directory (os error 2)
     --> app/Cargo.toml:7:14
      |
    7 | env-files = ["a.env"]
      |              ^^^^^^^
      |
      = help: it is looked for in [WORKSPACE]/app

    error: `src` is not a file
     --> app/Cargo.toml:7:14
      |
    7 | env-files = ["src"]
      |              ^^^^^

    error: `export B` has a space in its name
     --> app/a.env:3:1
      |
    3 | export B=2
      | ^^^^^^^^^^
      |
      = help: write NAME=VALUE without `export` and without spaces before the `=`
    "#);
}
