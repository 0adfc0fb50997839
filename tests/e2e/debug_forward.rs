//! `debug -L`: forwards ports of this machine to a target.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::debug_box::{debug, small, target, waiting};
use crate::debug_targets::sessions_end;
use crate::running::Running;
use crate::support::{Container, run, tool};

/// The port that the kernel chose for a target's port.
fn port(running: &Running, target: &str) -> u16 {
    let text = running.stderr();
    let said = text.lines().find_map(|line| {
        let (host, to) = line.trim().strip_prefix("Forwarding ")?.split_once(" to ")?;
        to.starts_with(target).then(|| host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()))?
    });
    said.unwrap_or_else(|| panic!("no port for {target} in {text}"))
}

/// A session with these forwardings and no command.
fn forward(target: &Container, ports: &[&str]) -> Running {
    let options: Vec<&str> = ports.iter().flat_map(|port| ["-L", port]).collect();
    let mut running = Running::start(&mut debug(&[&[target.name()], &options[..]].concat()));
    for port in ports {
        let target = port.rsplit_once("0:").map_or(*port, |(_, target)| target);
        running.wait_for(&format!(" to {}", shown(target)));
    }
    running
}

fn shown(target: &str) -> String {
    if target.contains(':') { target.to_owned() } else { format!("port {target} ") }
}

/// Waits until the target listens to these ports.
fn wait_for(target: &Container, addresses: &[&str]) {
    let script = "for a; do until grep -qi \"$a 0*:0000 0A\" /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done; done";
    let arguments = ["exec", target.name(), "sh", "-c", script, "sh"];
    tool("docker", arguments.iter().chain(addresses)).ok();
}

/// Ends a session as people do.
fn interrupt(running: Running, target: &Container) -> String {
    running.signal("INT");
    let ran = running.end().fails_with(130);
    sessions_end(target.name());
    ran.stderr
}

/// The answer of a server on this port to a client that sends this and then closes its side.
fn ask(port: u16, question: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
    let mut answer = Vec::new();
    std::thread::scope(|scope| {
        let mut writer = stream.try_clone().expect("a socket");
        scope.spawn(move || {
            // A server need not take everything.
            let _ = writer.write_all(question);
            let _ = writer.shutdown(Shutdown::Write);
        });
        stream.read_to_end(&mut answer).expect("an answer that ends");
    });
    answer
}

#[test]
fn forward_reaches_loopback_without_network() {
    let script = "mkdir /www; echo hello > /www/index.html; head -c 20000000 /dev/urandom > /www/big
        httpd -f -p 127.0.0.1:80 -h /www & httpd -f -p '[::1]:81' -h /www & wait";
    let target = target(&["--network", "none", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0"], script);
    wait_for(&target, &[":0050", ":0051"]);
    let session = forward(&target, &["0:80", "[::1]:0:81", "0:82", "0:[::1]:81"]);
    let (plain, other) = (port(&session, "port 80"), port(&session, "port 81"));
    let addresses = [
        format!("http://127.0.0.1:{plain}/"),
        format!("http://[::1]:{other}/"),
        format!("http://127.0.0.1:{}/", port(&session, "[::1]:81")),
    ];
    for address in &addresses {
        assert_eq!(
            tool("curl", ["-sS", "--retry", "5", "--retry-all-errors", address]).ok().stdout,
            "hello\n",
            "{address}"
        );
    }
    let script = "curl -sS \"$0/big\" | sha256sum";
    let got = tool("bash", ["-c", script, &addresses[0]]).ok().stdout;
    let expected = tool("docker", ["exec", target.name(), "sha256sum", "/www/big"]).ok().stdout;
    assert_eq!(got.split_whitespace().next(), expected.split_whitespace().next());

    let script = "seq 100 | xargs -P 100 -I{} curl -sS -o /dev/null -w '%{http_code} ' \"$0\"";
    assert_eq!(tool("bash", ["-c", script, &addresses[0]]).ok().stdout, "200 ".repeat(100));

    let refused = format!("http://127.0.0.1:{}/", port(&session, "port 82"));
    for _ in 0..2 {
        // The answer was empty.
        tool("curl", ["-sS", &refused]).fails_with(52);
    }
    let said = interrupt(session, &target);
    let warning = "warning: failed to connect to port 82: connection refused\n";
    assert_eq!(said.matches("warning").count(), 1, "{said}");
    assert!(said.contains(warning), "{said}");
}

#[test]
fn each_direction_has_its_own_end() {
    let script = "socat TCP-LISTEN:1,fork EXEC:'wc -c' &
        echo 'echo first; socat -u /dev/null FD:1,shut-down; wc -c >/tmp/got' > /tmp/serve
        socat TCP-LISTEN:2 EXEC:'sh /tmp/serve',nofork & wait";
    let target = target(&["--network", "none"], script);
    wait_for(&target, &[":0001", ":0002"]);
    let session = forward(&target, &["0:1", "0:2"]);
    let much = vec![b'x'; 3_000_000];
    assert_eq!(ask(port(&session, "port 1"), &much), b"3000000\n", "it answers at the end of the question");

    // This one is asked after its answer has ended.
    let mut stream = TcpStream::connect(("127.0.0.1", port(&session, "port 2"))).expect("somebody listens");
    let mut answer = String::new();
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
    stream.read_to_string(&mut answer).expect("the answer ends while the question has not begun");
    assert_eq!(answer, "first\n");
    stream.write_all(&much).expect("it is still read");
    stream.shutdown(Shutdown::Write).expect("a socket");
    let start = Instant::now();
    while tool("docker", ["exec", target.name(), "cat", "/tmp/got"]).stdout != "3000000\n" {
        assert!(start.elapsed() < Duration::from_secs(60), "it did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
    interrupt(session, &target);
}

#[test]
fn forward_ends_with_the_command() {
    let target = target(&["--network", "none"], "mkdir /www; echo hello > /www/index.html; httpd -f -p 80 -h /www");
    let script = "while ! test -e /target/tmp/go; do sleep 0.05; done; echo done; exit 4";
    let arguments = [target.name(), "-L", "0:80", "--", "sh", "-c", script];
    let mut running = Running::start(&mut debug(&arguments));
    running.wait_for("port 80");
    let address = format!("http://127.0.0.1:{}/", port(&running, "port 80"));
    tool("curl", ["-sS", "--retry", "5", "--retry-all-errors", &address]).ok();
    tool("docker", ["exec", target.name(), "touch", "/tmp/go"]).ok();
    assert_eq!(running.end().fails_with(4).stdout, "done\n");

    let ran = run(&mut debug(&[target.name(), "-L", "0:80", "--format", "json", "--", "true"])).ok();
    let data: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(data["forwards"][0]["target"], "port 80");
}

#[test]
fn invalid_forward_fails_before_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let target = waiting(&[]);
    let ran = run(debug(&[target.name(), "-L", &format!("{port}:80")]).stdin(Stdio::null())).fails_with(125);
    insta::assert_snapshot!(ran.stderr.replace(&port, "[PORT]"), @r"
    error: failed to listen on `127.0.0.1:[PORT]`: Address already in use (os error 98)
     |
     = help: name another port of this machine, as in -L 8081:8080; 0 lets the kernel choose one
    ");
    let ran = run(&mut debug(&[target.name(), "-L", "0"])).fails_with(125);
    assert_eq!(
        ran.stderr,
        "error: failed to understand the forwarding `0`: the port of the target is not between 1 and 65535\n"
    );
    sessions_end(target.name());
    assert!(!small().is_empty());
}
