//! Sandboxes over a root that shows the host's programs. This is no ordinary test program: a sandbox executes it again.
//!
//! Where the kernel refuses sandboxes, the tests say why and do not count.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use support::{Test, fixture, outcome, sandbox, script};
use tierce_sandbox::{Error, Identity, Mount, Output, Program, Published, Root, Sandbox, Spec, Stdin, Stream};

const TESTS: &[Test] = &[
    ("program_sees_its_root_alone", program_sees_its_root_alone),
    ("changes_go_into_the_upper_layer", changes_go_into_the_upper_layer),
    ("mounts_are_read_only_if_asked", mounts_are_read_only_if_asked),
    ("links_of_the_root_do_not_lead_to_the_host", links_of_the_root_do_not_lead_to_the_host),
    ("exit_codes_and_signals_arrive", exit_codes_and_signals_arrive),
    ("input_and_both_outputs_are_passed_on", input_and_both_outputs_are_passed_on),
    ("program_has_its_user_and_groups", program_has_its_user_and_groups),
    ("volumes_take_changes_of_a_read_only_root", volumes_take_changes_of_a_read_only_root),
    ("volumes_uncover_no_files_of_the_kernel", volumes_uncover_no_files_of_the_kernel),
    ("signals_are_passed_on", signals_are_passed_on),
    ("connections_reach_the_program", connections_reach_the_program),
    ("attended_program_is_watched_and_stopped", attended_program_is_watched_and_stopped),
    ("lost_capabilities_are_those_of_the_program", lost_capabilities_are_those_of_the_program),
    ("layers_hide_files_below", layers_hide_files_below),
    ("terminal_of_the_caller_is_inherited", terminal_of_the_caller_is_inherited),
    ("orphans_end_with_their_program", orphans_end_with_their_program),
    ("interruption_ends_everything", interruption_ends_everything),
    ("privileges_are_dropped", privileges_are_dropped),
    ("network_is_the_loopback_device", network_is_the_loopback_device),
    ("archives_go_in_and_out", archives_go_in_and_out),
    ("owners_need_a_range_or_are_faked", owners_need_a_range_or_are_faked),
    ("what_is_missing_is_named", what_is_missing_is_named),
    ("folders_of_the_sandbox_can_be_removed", folders_of_the_sandbox_can_be_removed),
];

fn main() -> ExitCode {
    support::run_all(TESTS)
}

fn program_sees_its_root_alone() {
    let fixture = fixture();
    fs::write(fixture.path("secret"), "of the host").expect("writable");
    let (code, said) = outcome(
        &fixture.spec,
        &format!(
            "id -u; id -g; hostname; pwd; echo $$; env | grep -c .; test -e {} && echo visible; ls /proc | grep -c '^[0-9]'; \
             wc -l < /proc/self/mountinfo; ls /sys/class/net /sys/firmware; (echo x > /sys/kernel/profiling) 2>/dev/null || echo refused; umask; cat /etc/passwd",
            fixture.path("secret").display()
        ),
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(code, 0, "{said}");
    assert_eq!(&lines[..4], ["0", "0", "tierce", "/"], "{said}");
    let pid: u32 = lines[4].parse().expect("a number");
    assert!((2..10).contains(&pid), "the sandbox has its own pids: {said}");
    assert!(!said.contains("visible"), "{said}");
    assert!(said.contains("/sys/class/net:\nlo\n\n/sys/firmware:\nrefused\n0022"), "{said}");
    assert!(said.contains("0022\nroot:x:0:0::/:/bin/sh"), "{said}");
}

fn changes_go_into_the_upper_layer() {
    let fixture = fixture();
    fs::write(fixture.path("lower/data/old"), "old").expect("writable");
    let (code, said) = outcome(&fixture.spec, "echo new > /data/new && rm /data/old && ls /data");
    assert_eq!((code, said.as_str()), (0, "new\n"));
    assert_eq!(fs::read_to_string(fixture.path("lower/data/old")).expect("there"), "old");
    assert_eq!(fs::read_to_string(fixture.path("scratch/upper/data/new")).expect("there"), "new\n");
    // A second sandbox with the same scratch folder goes on, and one on top of it as a layer sees the same.
    assert_eq!(outcome(&fixture.spec, "cat /data/new; test -e /data/old || echo gone"), (0, "new\ngone\n".to_owned()));
    fs::create_dir_all(fixture.path("next/upper")).expect("writable");
    let layers = vec!["lower".to_owned(), "scratch/upper".to_owned()];
    let above = Spec { root: Root::Layers { layers, scratch: "next".to_owned() }, ..fixture.spec.clone() };
    assert_eq!(outcome(&above, "cat /data/new; test -e /data/old || echo gone"), (0, "new\ngone\n".to_owned()));
    let read_only = Spec { read_only: true, ..fixture.spec.clone() };
    let (code, said) = outcome(&read_only, "echo x > /data/x");
    assert!(code != 0 && said.contains("Read-only file system"), "{said}");
}

fn mounts_are_read_only_if_asked() {
    let mut fixture = fixture();
    let folder = |host: PathBuf, target: &str, read_only| Mount::Folder { host, target: target.to_owned(), read_only };
    for name in ["in", "out"] {
        fs::create_dir(fixture.path(name)).expect("writable");
    }
    fs::write(fixture.path("in/file"), "text").expect("writable");
    let mounts = [
        folder(fixture.path("in"), "/deep/er/in", true),
        folder(fixture.path("out"), "/out", false),
        folder(fixture.path("in/file"), "/etc/one-file", true),
        Mount::Memory { target: "/memory".to_owned() },
    ];
    fixture.spec.mounts.extend(mounts);
    let (code, said) = outcome(
        &fixture.spec,
        "cat /deep/er/in/file /etc/one-file; echo x > /deep/er/in/new; echo x > /etc/one-file; mknod /out/null c 1 3; \
         echo x > /memory/x; cp /memory/x /out/x",
    );
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("texttext"), "{said}");
    assert_eq!(said.matches("Read-only file system").count(), 2, "{said}");
    assert_eq!(fs::read_to_string(fixture.path("out/x")).expect("written"), "x\n");
    assert!(!fixture.path("out/null").exists(), "{said}");
    assert_eq!(fs::metadata(fixture.path("out/x")).expect("there").uid(), rustix_uid(), "the caller owns it");
}

fn rustix_uid() -> u32 {
    fs::metadata("/proc/self").expect("this process").uid()
}

fn links_of_the_root_do_not_lead_to_the_host() {
    let mut fixture = fixture();
    let outside = fixture.path("outside");
    fs::create_dir(&outside).expect("writable");
    symlink(&outside, fixture.path("lower/link")).expect("writable");
    symlink("../../../../../../../..", fixture.path("lower/up")).expect("writable");
    fs::create_dir(fixture.path("in")).expect("writable");
    for target in ["/link/x", "/up/y"] {
        let mount = Mount::Folder { host: fixture.path("in"), target: target.to_owned(), read_only: true };
        fixture.spec.mounts.push(mount);
    }
    let done = sandbox().run(&fixture.spec, &script("exit 0"), b"", &mut |_, _| {});
    assert!(matches!(done, Err(Error::File { .. })), "a link to a folder that the root lacks: {done:?}");
    assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 0);
    fixture.spec.mounts.remove(fixture.spec.mounts.len() - 2);
    assert_eq!(outcome(&fixture.spec, "ls -d /y").1, "/y\n");
}

fn exit_codes_and_signals_arrive() {
    let fixture = fixture();
    for (text, expected) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)] {
        assert_eq!(outcome(&fixture.spec, text).0, expected, "{text}");
    }
}

fn input_and_both_outputs_are_passed_on() {
    let fixture = fixture();
    let mut program = script("cat; echo error >&2");
    program.stdin = Stdin::Bytes;
    let input = "x".repeat(1 << 20);
    let (mut out, mut err): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    let code = sandbox().run(&fixture.spec, &program, input.as_bytes(), &mut |stream, bytes| match stream {
        Stream::Stdout => out.extend(bytes),
        Stream::Stderr => err.extend(bytes),
    });
    assert_eq!(code.expect("a sandbox"), 0);
    assert!(out == input.as_bytes(), "{} bytes", out.len());
    assert_eq!(err, b"error\n");
    program.stdin = Stdin::Null;
    let code = sandbox().run(&fixture.spec, &program, b"", &mut |_, _| {});
    assert_eq!(code.expect("a sandbox"), 0, "without input, reading ends");
}

fn program_has_its_user_and_groups() {
    let mut fixture = fixture();
    if !sandbox().identity().has_range() {
        return;
    }
    fixture.spec.own_tmp = true;
    let text = "id -u; id -g; id -G; test -e /tmp || echo own";
    let program = Program { user: (12, 13), groups: vec![14, 15], ..script(text) };
    let mut said = Vec::new();
    let code = sandbox().run(&fixture.spec, &program, b"", &mut |_, bytes| said.extend(bytes)).expect("a sandbox");
    let said = String::from_utf8(said).expect("text");
    assert_eq!((code, said.as_str()), (0, "12\n13\n13 14 15\nown\n"));
}

fn volumes_take_changes_of_a_read_only_root() {
    let mut fixture = fixture();
    fixture.spec.read_only = true;
    for target in ["/data", "/new/volume"] {
        fixture.spec.mounts.push(Mount::Volume { target: target.to_owned() });
    }
    let text = "echo x > /data/x; echo y > /new/volume/y; cat /data/x; stat -c '%u:%g %a' /new/volume; echo z > /z";
    let (code, said) = outcome(&fixture.spec, text);
    assert_eq!((code, said.as_str()), (2, "x\n0:0 755\n/bin/sh: 1: cannot create /z: Read-only file system\n"));
    assert_eq!(fs::read_to_string(fixture.path("scratch/upper/data/x")).expect("a change of the root"), "x\n");
}

fn volumes_uncover_no_files_of_the_kernel() {
    let mut fixture = fixture();
    fs::create_dir_all(fixture.path("scratch/upper")).expect("writable");
    std::os::unix::fs::symlink("/proc", fixture.path("scratch/upper/link")).expect("writable");
    for target in ["/proc", "/link", "/dev", "/sys"] {
        fixture.spec.mounts.push(Mount::Volume { target: target.to_owned() });
    }
    let text = "for one in /proc /link; do true >> $one/sys/kernel/core_pattern; test -s $one/keys && echo keys; done; \
                test -c /dev/null && echo devices";
    let (_, said) = outcome(&fixture.spec, text);
    assert_eq!(said.matches("Read-only file system").count(), 2, "{said}");
    assert!(said.contains("devices\n") && !said.contains("keys\n"), "{said}");
}

fn signals_are_passed_on() {
    let fixture = fixture();
    for stdin in [Stdin::Inherited, Stdin::Terminal] {
        let program = Program { stdin, ..script("trap 'exit 5' TERM; : > /data/up; sleep 60 & wait") };
        let up = fixture.path("scratch/upper/data/up");
        let mut signals = || if fs::remove_file(&up).is_ok() { vec![15] } else { Vec::new() };
        let start = Instant::now();
        assert_eq!(sandbox().run_here(&fixture.spec, &program, &mut signals).expect("a sandbox"), 5);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        let program = Program { stdin, ..script("kill -KILL $$") };
        assert_eq!(sandbox().run(&fixture.spec, &program, b"", &mut |_, _| {}).expect("a sandbox"), 137);
    }
}

/// A script that answers connections to its port 8080, at this address.
fn server(address: &str) -> String {
    let serve = "while (1) { accept(C, S) or next; my $q = join q(), <C>; print C \"answer to $q\"; close C }";
    format!(
        "exec perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1); \
         bind(S, sockaddr_in(8080, inet_aton(q({address})))) or die; listen(S, 5); $| = 1; print qq(up\\n); {serve}'"
    )
}

/// A port of this machine that leads to the port 8080 of a sandbox.
fn published() -> (Published, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (Published { listener, port: 8080 }, address)
}

/// The answer of the port, empty if the connection ends without one.
fn asked(address: SocketAddr, question: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("accepted");
    let mut answer = String::new();
    let sent = connection.write_all(question.as_bytes()).and_then(|()| connection.shutdown(Shutdown::Write));
    // A connection that ends at once may do so with an error.
    let _ = sent.and_then(|()| connection.read_to_string(&mut answer));
    answer
}

fn connections_reach_the_program() {
    let fixture = fixture();
    for (listens, reached) in [("0.0.0.0", true), ("127.0.0.1", false)] {
        let (port, address) = published();
        let (sender, said) = mpsc::channel();
        let sender = Mutex::new(sender);
        let output: Output = Arc::new(move |_, bytes: &[u8]| {
            let _ = sender.lock().expect("no panic").send(String::from_utf8_lossy(bytes).into_owned());
        });
        let attended = sandbox().attend(&fixture.spec, &script(&server(listens)), Vec::new(), vec![port], &output);
        let attended = attended.expect("a sandbox");
        assert_eq!(said.recv_timeout(Duration::from_secs(20)).expect("it starts"), "up\n");
        let large = "x".repeat(1 << 20);
        for question in ["one", "two", &large] {
            let answer = asked(address, question);
            assert_eq!(answer == format!("answer to {question}"), reached, "{listens}: {} bytes", answer.len());
        }
        drop(attended);
        let start = Instant::now();
        while TcpStream::connect(address).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(20), "the port stays after the sandbox");
        }
    }
    let (port, address) = published();
    let question = std::thread::spawn(move || asked(address, "x"));
    let program = Program { stdin: Stdin::Inherited, ..script("sleep 1") };
    assert_eq!(sandbox().run_published(&fixture.spec, &program, vec![port], &mut Vec::new).expect("a sandbox"), 0);
    assert_eq!(question.join().expect("no panic"), "", "nobody listens");
}

fn attended_program_is_watched_and_stopped() {
    let fixture = fixture();
    let said = Arc::new(Mutex::new(Vec::<u8>::new()));
    let kept = Arc::clone(&said);
    let output: Output = Arc::new(move |_, bytes: &[u8]| kept.lock().expect("no panic").extend(bytes));
    let attend = |text: &str, input: &str| {
        let program = Program { stdin: Stdin::Bytes, ..script(text) };
        sandbox().attend(&fixture.spec, &program, input.into(), Vec::new(), &output).expect("a sandbox")
    };
    let limit = Duration::from_secs(20);
    let attended =
        attend("trap 'exit 5' TERM; cat > /data/in; mkdir /run/x; : > /run/x/up; while :; do sleep 0.05; done", "text");
    let check = |text: &str| {
        let command = ["/bin/sh", "-c", text].map(String::from);
        attended.check(&command, Duration::from_secs(1)).expect("a sandbox")
    };
    let start = Instant::now();
    while check("test -e /run/x/up").code != Some(0) {
        assert!(start.elapsed() < limit, "it does not start");
    }
    let checked = check("echo out; echo error >&2; cat /data/in; exit 3");
    assert_eq!((checked.code, checked.output.as_str()), (Some(3), "out\nerror\ntext"));
    let slow = check("sleep 60");
    assert_eq!((slow.code, slow.output.as_str()), (None, "it did not end within 1 s"));
    let absent = attended.check(&["/no/such".to_owned()], limit).expect("a sandbox");
    assert!(absent.code.is_none() && absent.output.contains("No such file"), "{absent:?}");
    assert!(attended.pack("/data/nothing").expect("a sandbox").is_none());
    let content = |path: &str| {
        let mut archive = tar::Archive::new(attended.pack(path).expect("a sandbox").expect("there"));
        let mut entry = archive.entries().expect("entries").next().expect("one").expect("whole");
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        text
    };
    assert_eq!(content("/data/in"), "text");
    // The shell does not handle this one.
    attended.signal(10);
    assert_eq!(attended.wait(Duration::from_millis(300)).expect("a sandbox"), None);
    attended.signal(15);
    assert_eq!(attended.wait(limit).expect("a sandbox"), Some(5));
    assert_eq!(content("/run/x/up"), "", "files in memory stay after the program");
    attended.close();

    let attended = attend("echo late; kill -9 $$", "");
    assert_eq!(attended.wait(limit).expect("a sandbox"), Some(137));
    attended.close();
    assert_eq!(*said.lock().expect("no panic"), b"late\n");
    let attended = attend("trap '' TERM; sleep 60", "");
    attended.signal(15);
    attended.signal(9);
    assert_eq!(attended.wait(limit).expect("a sandbox"), Some(137));
    let absent = Program { command: vec!["/no/such".to_owned()], ..Program::default() };
    let absent = sandbox().attend(&fixture.spec, &absent, Vec::new(), Vec::new(), &output);
    assert!(matches!(absent, Err(Error::Start { .. })));
}

fn lost_capabilities_are_those_of_the_program() {
    let fixture = fixture();
    let text = "grep -E 'CapBnd|CapEff' /proc/self/status | cut -f2 | uniq";
    for (lost, expected) in [(["NET_RAW"].as_slice(), "00000000a00405fb\n"), (&["ALL"], "0000000000000000\n")] {
        let program = Program { cap_drop: lost.iter().map(|name| (*name).to_owned()).collect(), ..script(text) };
        let mut said = Vec::new();
        let code = sandbox().run(&fixture.spec, &program, b"", &mut |_, bytes| said.extend(bytes)).expect("a sandbox");
        let said = String::from_utf8(said).expect("text");
        let expected = if lost == ["NET_RAW"] { said.replace("a00425fb", "a00405fb") } else { expected.to_owned() };
        assert_eq!((code, said.as_str()), (0, expected.as_str()), "{lost:?}");
    }
}

fn layers_hide_files_below() {
    let fixture = fixture();
    for path in ["gone", "folder/old", "replaced/old", "kept"] {
        let path = fixture.path("lower/data").join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, "").expect("writable");
    }
    fs::create_dir(fixture.path("layer")).expect("writable");
    let mut builder = tar::Builder::new(Vec::new());
    for name in
        ["data/.wh.gone", "data/folder/.wh..wh..opq", "data/folder/new", "data/.wh.replaced", "data/replaced/new"]
    {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        builder.append_data(&mut header, name, std::io::empty()).expect("memory");
    }
    let root = Root::Folder("layer".to_owned());
    let spec = Spec { store: fixture.store.path().to_owned(), root, ..Spec::default() };
    sandbox().unpack_layer(&spec, &builder.into_inner().expect("memory")[..]).expect("unpacked");
    let layers = vec!["lower".to_owned(), "layer".to_owned()];
    let above = Spec { root: Root::Layers { layers, scratch: "scratch".to_owned() }, ..fixture.spec.clone() };
    assert_eq!(outcome(&above, "cd /data; find * -type f | sort"), (0, "folder/new\nkept\nreplaced/new\n".to_owned()));
}

fn terminal_of_the_caller_is_inherited() {
    let fixture = fixture();
    let program = Program { stdin: Stdin::Terminal, ..script("[ /proc/self/fd/1 -ef /dev/null ] || exit 9; exit 5") };
    let mut said: Vec<u8> = Vec::new();
    let code = sandbox().run(&fixture.spec, &program, b"", &mut |_, bytes| said.extend(bytes)).expect("a sandbox");
    // The test's own stdout is whatever it is.
    assert!(code == 5 || code == 9, "{code}");
    assert_eq!(said, b"", "nothing passes through the caller");
}

fn orphans_end_with_their_program() {
    let fixture = fixture();
    let start = Instant::now();
    let (code, said) = outcome(&fixture.spec, "(setsid sleep 60; echo late) & (setsid sleep 61 &) ; echo early");
    assert_eq!((code, said.as_str()), (0, "early\n"));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

fn interruption_ends_everything() {
    let fixture = fixture();
    let interrupted = Arc::new(AtomicBool::new(false));
    let sandbox = Sandbox::new(Identity::of_caller(), Arc::clone(&interrupted));
    let start = Instant::now();
    let result = sandbox.run(&fixture.spec, &script("trap '' INT TERM; echo up; sleep 60"), b"", &mut |_, _| {
        interrupted.store(true, Ordering::Relaxed);
    });
    assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

fn privileges_are_dropped() {
    let fixture = fixture();
    let (_, said) = outcome(
        &fixture.spec,
        "mount -t tmpfs none /mnt; unshare -m true; unshare -U true; echo 1 > /proc/sys/kernel/panic; \
         echo b > /proc/sysrq-trigger; readlink /proc/1/exe || echo hidden; chmod 755 /proc/1/exe; mknod /data/null c 1 3; cat /proc/kcore; chroot / true && echo chroot; \
         grep -E 'NoNewPrivs|Seccomp:|CapBnd' /proc/self/status",
    );
    assert!(said.contains("NoNewPrivs:\t1\n") && said.contains("Seccomp:\t2\n"), "{said}");
    assert!(
        said.contains("CapBnd:\t00000000a00425fb")
            || said.contains("CapBnd:\t00000000a00405fb")
            || said.contains("chroot")
    );
    assert!(said.contains("hidden\n"), "the host's program can be reached: {said}");
    assert!(said.contains("chroot\n"), "a builder's Portage may need it: {said}");
    for refused in ["mount: ", "unshare: ", "/proc/sys/kernel/panic: ", "/proc/sysrq-trigger: ", "mknod: ", "kcore: "] {
        assert!(said.contains(refused), "{refused}: {said}");
    }
}

fn network_is_the_loopback_device() {
    let fixture = fixture();
    let (code, said) = outcome(&fixture.spec, "tail -n +3 /proc/net/dev | cut -d: -f1; wc -l < /proc/net/route");
    assert_eq!(code, 0);
    assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["lo", "1"], "{said}");
}

fn archives_go_in_and_out() {
    let fixture = fixture();
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |kind: tar::EntryType, name: &str, link: &str, text: &[u8], mode, owner| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mtime(1_000_000_000);
        header.set_size(text.len() as u64);
        match link {
            "" => builder.append_data(&mut header, name, text).expect("memory"),
            link => builder.append_link(&mut header, name, link).expect("memory"),
        }
    };
    let long = format!("d/{}", "n".repeat(150));
    add(tar::EntryType::Directory, "d", "", b"", 0o700, 0);
    add(tar::EntryType::Regular, "d/file", "", b"text", 0o4755, 12);
    add(tar::EntryType::Link, "d/hard", "d/file", b"", 0o4755, 12);
    add(tar::EntryType::Symlink, "d/soft", "/etc/passwd", b"", 0o777, 0);
    add(tar::EntryType::Regular, &long, "", b"", 0o600, 0);
    add(tar::EntryType::Fifo, "d/pipe", "", b"", 0o640, 0);
    let archive = builder.into_inner().expect("memory");
    sandbox().unpack(&fixture.spec, "/data", &archive[..]).expect("unpacked");
    let (code, said) = outcome(&fixture.spec, "cd /data/d; stat -c '%n %a %u %h %Y' file soft; readlink soft");
    let owner = if sandbox().identity().has_range() { 12 } else { 0 };
    assert_eq!(code, 0, "{said}");
    assert_eq!(said, format!("file 4755 {owner} 2 1000000000\nsoft 777 0 1 1000000000\n/etc/passwd\n"));
    let mut packed = Vec::new();
    let archive = sandbox().pack(&fixture.spec, "/data/d").expect("a sandbox").expect("there");
    std::io::BufReader::new(archive).read_to_end(&mut packed).expect("whole");
    let mut archive = tar::Archive::new(&packed[..]);
    let entries: Vec<String> = archive
        .entries()
        .expect("an archive")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let header = entry.header();
            let link = entry.link_name().expect("a name").map(|name| format!(" -> {}", name.display()));
            let (name, mode, uid) =
                (entry.path().expect("a name"), header.mode().expect("a mode"), header.uid().expect("a uid"));
            format!("{} {mode:o} {uid}{}", name.display(), link.unwrap_or_default())
        })
        .collect();
    assert_eq!(
        entries,
        [
            "d 700 0".to_owned(),
            format!("d/file 4755 {owner}"),
            format!("d/hard 4755 {owner} -> d/file"),
            format!("{long} 600 0"),
            "d/pipe 640 0".to_owned(),
            "d/soft 777 0 -> /etc/passwd".to_owned(),
        ]
    );
    assert!(sandbox().pack(&fixture.spec, "/data/nothing").expect("a sandbox").is_none());
    let upper = Spec { root: Root::Folder("scratch/upper".to_owned()), mounts: Vec::new(), ..fixture.spec.clone() };
    let mut same = Vec::new();
    sandbox().pack(&upper, "/data/d").expect("a sandbox").expect("there").read_to_end(&mut same).expect("whole");
    assert!(same == packed, "the upper layer alone has the folder too");
    let content = sandbox().pack(&fixture.spec, "/data/d/.").expect("a sandbox").expect("there");
    let first = tar::Archive::new(content)
        .entries()
        .expect("entries")
        .nth(1)
        .expect("one")
        .expect("whole")
        .path()
        .map(PathBuf::from);
    assert_eq!(first.expect("a name"), PathBuf::from("file"));
    let broken = sandbox().unpack(&fixture.spec, "/data", &b"this is no archive, and too short".repeat(40)[..]);
    assert!(matches!(broken, Err(Error::File { .. })), "{broken:?}");
}

fn owners_need_a_range_or_are_faked() {
    let fixture = fixture();
    let has_range = sandbox().identity().has_range();
    assert_eq!(outcome(&fixture.spec, "touch /data/f && chown 12:12 /data/f").0 == 0, has_range);
    let text = "touch /data/g && chown 12:12 /data/g && stat -c %u /data/g";
    let mut said = Vec::new();
    let program = Program { fakes_owners: true, ..script(text) };
    let code = sandbox().run(&fixture.spec, &program, b"", &mut |_, bytes| said.extend(bytes)).expect("a sandbox");
    assert_eq!((code, said), (0, b"0\n".to_vec()));
}

fn what_is_missing_is_named() {
    let mut fixture = fixture();
    let program = Program { command: vec!["/no/such/program".to_owned()], ..Program::default() };
    let result = sandbox().run(&fixture.spec, &program, b"", &mut |_, _| {});
    assert!(matches!(&result, Err(Error::Start { program, .. }) if program == "/no/such/program"), "{result:?}");
    let host = fixture.path("nothing");
    fixture.spec.mounts.push(Mount::Folder { host: host.clone(), target: "/x".to_owned(), read_only: true });
    let result = sandbox().run(&fixture.spec, &script("exit 0"), b"", &mut |_, _| {});
    assert!(matches!(&result, Err(Error::File { path, .. }) if *path == host), "{result:?}");
}

fn folders_of_the_sandbox_can_be_removed() {
    let fixture = fixture();
    let owner = if sandbox().identity().has_range() { "chown -R 12:12 /data/a;" } else { "" };
    let (code, said) =
        outcome(&fixture.spec, &format!("mkdir -p /data/a/b; touch /data/a/b/c; chmod 700 /data/a/b; {owner} true"));
    assert_eq!(code, 0, "{said}");
    let scratch = fixture.path("scratch");
    assert!(scratch.join("upper/data/a").exists());
    sandbox().remove(&[&scratch, &fixture.path("never-there")]).expect("removed");
    assert!(!scratch.exists());
    let _ = fs::Permissions::from_mode(0o700);
}
