//! The toolbox of every workspace: each tool works beside an image with one program only.

use std::fs;

use crate::debug_targets::{pack_tools, sessions_of};
use crate::running::program;
use crate::support::{Container, LoadedImage, tool};

/// A program with two threads besides its first, to look at.
const THREADS: &str = r#"
use std::thread::{Builder, park};

fn main() {
    for name in ["first", "second"] {
        Builder::new().name(name.to_owned()).spawn(|| loop { park() }).expect("a thread");
    }
    loop {
        park();
    }
}
"#;

/// Makes sure that a script in the toolbox's own bash succeeds, and that its output contains these texts.
#[track_caller]
fn says(toolbox: &Container, script: &str, expected: &[&str]) {
    let script = format!("exec 2>&1; set -eu -o pipefail; {script}");
    let arguments = ["exec", "-e", "TERM=xterm-256color", toolbox.name(), "/bin/bash", "-c", &script];
    let said = tool("docker", arguments).ok().stdout;
    for expected in expected {
        assert!(said.contains(expected), "no `{expected}` from `{script}`:\n{said}");
    }
}

#[test]
fn every_toolbox_program_works() {
    let workspace = program("threads", "").file("threads/src/main.rs", THREADS);
    let reference = workspace.xtask(&["image", "threads"]).ok().line().to_owned();
    let _image = LoadedImage::new(&reference);
    let toolbox = workspace.xtask(&["image", "toolbox"]).ok().line().to_owned();
    let _toolbox = LoadedImage::new(&toolbox);

    // Of the builder's own shell and small programs, no file is replaced by those of an image.
    let lock = fs::read_to_string(workspace.root().join("Tierce.lock")).expect("it was written");
    for package in ["app-misc/pax-utils", "app-shells/bash[readline]", "sys-process/procps"] {
        let line = format!("\"{package} only in ROOT\"");
        assert!(lock.contains(&line), "{package} is merged over the builder's own:\n{lock}");
    }

    let target = Container::start(&["--network", "none", "--read-only", "--user", "1000:1000", &reference]);
    let [pid, net] = ["--pid", "--network"].map(|option| format!("{option}=container:{}", target.name()));
    let arguments = ["--cap-add", "SYS_PTRACE", "--tmpfs", "/tmp", &pid, &net, &toolbox, "sleep", "3600"];
    let container = Container::start(&arguments);
    // A session needs no name of a toolbox.
    let debug = |tool: &[&str]| workspace.xtask(&[&["debug", target.name(), "--"], tool].concat());
    assert_eq!(debug(&["pgrep", "-x", "threads"]).ok().line(), "1");
    // Tierce replaces an older toolbox with the same name.
    let scratch = tempfile::tempdir().expect("a folder");
    let archive = scratch.path().join("tools.tar");
    pack_tools(&archive);
    let older = ["import", "--change", "LABEL dev.tierce.image=toolbox", &archive.to_string_lossy(), &toolbox];
    let older = tool("docker", older).ok().line().to_owned();
    assert_eq!(debug(&["pgrep", "-x", "threads"]).ok().line(), "1");
    assert_eq!(sessions_of(target.name()), Vec::<String>::new());
    tool("docker", ["image", "inspect", &older]).fails_with(1);
    let missing = debug(&["nmap"]).fails_with(127);
    let help = "help: add the package that has it to `packages` in [workspace.metadata.images.toolbox] of";
    assert!(missing.stderr.contains(help), "{}", missing.stderr);
    let says = |script: &str, expected: &[&str]| says(&container, script, expected);

    // Scripts find names where they look for them, and each name is whose the flags say.
    says(
        "for name in sh bash ls; do readlink -f /bin/$name; done",
        &["/usr/bin/bash\n/usr/bin/bash\n/usr/bin/busybox\n"],
    );
    says("ls -l /usr/bin/ps /usr/sbin/ip | cut -c1", &["-\n-\n"]);
    says("find / -xdev -perm /6000 -type f | wc -l", &["0\n"]);
    says("bash -ic 'bind -V'", &["show-all-if-ambiguous"]);
    says("ls /usr/share/terminfo/*/{xterm,xterm-256color,screen,tmux,linux,vt100,rxvt,alacritty,xterm-kitty}", &[]);
    says("seq 4 | awk '{ sum += $1 } END { print sum }' | sed s/1/one/ | grep one | xxd", &["6f6e 6530"]);
    says("dd if=/dev/zero bs=1k count=2 iflag=fullblock | gzip | zcat | wc -c", &["2048\n"]);
    says("tar -c -C /etc passwd | tar -t", &["passwd\n"]);

    says("ps -L -o user:8,comm= -p 1", &["1000     threads\n", "1000     first\n", "1000     second\n"]);
    says("top -b -n 1 -w 160", &["threads"]);
    says("pgrep -x threads", &["1\n"]);

    says("ip -brief address show dev lo", &["127.0.0.1/8"]);
    says(
        "httpd -p 127.0.0.1:8000 -h /etc; socat TCP-LISTEN:9000,bind=127.0.0.1,fork TCP:127.0.0.1:8000 & \
         tcpdump -U -i lo -w /tmp/packets tcp port 9000 & \
         until ss -tln | grep -q :9000 && [ -s /tmp/packets ]; do kill -0 %1 %2; sleep 0.1; done; \
         curl --silent --show-error http://127.0.0.1:9000/passwd; wget -q -O - http://127.0.0.1:9000/group; \
         printf 'GET /shells HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 8000 | grep /bin/; sleep 1; kill %1 %2; wait; tcpdump -nn -A -r /tmp/packets",
        &["root:x:0:0", "tty:x:5:", "127.0.0.1.9000: Flags [S]", "GET /passwd HTTP/1.1"],
    );
    says("strace -e trace=openat,execve cat /etc/passwd", &["execve(\"/usr/bin/cat\"", "openat(", "exited with 0"]);
    says("timeout 2 strace -f -p 1 || true", &["Process 1 attached with 3 threads", "futex("]);

    // In the other root the same names mean other files.
    says("lddtree -R /proc/1/root /usr/bin/threads", &["libc.so.6 => /proc/1/root/"]);
    says("lddtree -l -R /proc/1/root /usr/bin/threads | grep -vc ^/proc/1/root/ || true", &["0\n"]);

    // The kernel gives threads their names, and libthread_db gives them addresses.
    let threads = ["Thread 0x", "\"first\"", "\"second\"", "park ()"];
    let gdb = "gdb -batch -iex 'set sysroot /proc/1/root'";
    says(
        &format!("{gdb} -p 1 -ex 'info threads' -ex 'thread apply all backtrace' -ex 'generate-core-file /tmp/core'"),
        &threads,
    );
    says(&format!("{gdb} /proc/1/root/usr/bin/threads /tmp/core -ex 'thread apply all backtrace'"), &["LWP", "park"]);
    says("gcore -o /tmp/by-script 1 && ls /tmp", &["by-script.1\n"]);
    says("gdb -batch -ex 'catch syscall openat' /usr/bin/cat", &["Catchpoint 1 (syscall 'openat'"]);
}
