//! Programs as images have them: users other than root, signals, connections of the host, and health checks.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Test, fixture, outcome, sandbox, script};
use tierce_sandbox::{Attended, Error, Identity, Output, Program, Published, Sandbox, Spec, Stdin};

const TESTS: &[Test] = &[
    ("user_opens_its_streams_by_their_names", user_opens_its_streams_by_their_names),
    ("user_listens_on_a_low_port", user_listens_on_a_low_port),
    ("blocked_and_real_time_signals_arrive", blocked_and_real_time_signals_arrive),
    ("connections_do_not_come_from_loopback", connections_do_not_come_from_loopback),
    ("last_answer_arrives_whole", last_answer_arrives_whole),
    ("idle_connection_delays_the_end_by_a_second", idle_connection_delays_the_end_by_a_second),
    ("check_ends_with_its_program", check_ends_with_its_program),
    ("program_has_the_open_files_of_the_caller", program_has_the_open_files_of_the_caller),
    ("interruption_is_seen_between_waits", interruption_is_seen_between_waits),
];

const LIMIT: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    support::run_all(TESTS)
}

fn attend(spec: &Spec, program: &Program, ports: Vec<Published>) -> (Attended, Arc<Mutex<Vec<u8>>>) {
    let said = Arc::new(Mutex::new(Vec::<u8>::new()));
    let kept = Arc::clone(&said);
    let output: Output = Arc::new(move |_, bytes: &[u8]| kept.lock().expect("no panic").extend(bytes));
    (sandbox().attend(spec, program, Vec::new(), ports, &output).expect("a sandbox"), said)
}

/// Waits for a text of the program.
fn wait_for(said: &Mutex<Vec<u8>>, text: &str) {
    let start = Instant::now();
    while !String::from_utf8_lossy(&said.lock().expect("no panic")).contains(text) {
        assert!(start.elapsed() < LIMIT, "{text}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn check(attended: &Attended, text: &str) -> (Option<i32>, String) {
    let command = ["/bin/sh", "-c", text].map(String::from);
    let checked = attended.check(&command, LIMIT).expect("a sandbox");
    (checked.code, checked.output)
}

/// A port of this machine that leads to a port of a sandbox.
fn published(port: u16) -> (Published, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (Published { listener, port }, address)
}

/// A program that listens on a port, and then runs `serve` with the listener S.
fn listening(port: u16, serve: &str) -> String {
    format!(
        "exec perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in({port}, INADDR_ANY)) or die $!; \
         listen(S, 5); $| = 1; print qq(up\\n); {serve}'"
    )
}

fn user_opens_its_streams_by_their_names() {
    if !sandbox().identity().has_range() {
        return;
    }
    let fixture = fixture();
    let text = "cat /dev/stdin; echo out > /dev/stdout; echo error > /dev/stderr";
    for user in [(12, 13), (0, 0)] {
        let program = Program { user, stdin: Stdin::Bytes, ..script(text) };
        let said = Mutex::new(String::new());
        let code = sandbox().run(&fixture.spec, &program, b"in\n", &mut |_, bytes| {
            said.lock().expect("no panic").push_str(&String::from_utf8_lossy(bytes));
        });
        let said = said.into_inner().expect("no panic");
        let mut lines: Vec<&str> = said.lines().collect();
        lines.sort_unstable();
        assert_eq!((code.expect("a sandbox"), lines), (0, vec!["error", "in", "out"]), "{user:?}");
        let (attended, _) = attend(&fixture.spec, &Program { user, ..script("sleep 60") }, Vec::new());
        let checked = check(&attended, "echo out > /dev/stdout; echo error > /dev/stderr");
        assert_eq!(checked, (Some(0), "out\nerror\n".to_owned()), "{user:?}");
    }
}

fn user_listens_on_a_low_port() {
    if !sandbox().identity().has_range() {
        return;
    }
    let program = Program { user: (12, 13), ..script(&listening(80, "exit 4")) };
    let mut said = Vec::new();
    let code = sandbox().run(&fixture().spec, &program, b"", &mut |_, bytes| said.extend(bytes));
    assert_eq!(code.expect("a sandbox"), 4, "{}", String::from_utf8_lossy(&said));
}

fn blocked_and_real_time_signals_arrive() {
    let fixture = fixture();
    let waiting = "exec perl -MPOSIX -e 'my $s = POSIX::SigSet->new(SIGTERM); sigprocmask(SIG_BLOCK, $s); $| = 1; \
                   print qq(up\\n); while (1) { my $p = POSIX::SigSet->new; sigpending($p); \
                   exit 6 if $p->ismember(SIGTERM); select(undef, undef, undef, 0.05) }'";
    let handling = "exec perl -MPOSIX -e '$SIG{NUM37} = sub { exit 6 }; $| = 1; print qq(up\\n); sleep 60'";
    for (text, signal) in [(waiting, 15), (handling, 37)] {
        let (attended, said) = attend(&fixture.spec, &script(text), Vec::new());
        wait_for(&said, "up");
        // Neither program handles this one.
        attended.signal(40);
        attended.signal(signal);
        assert_eq!(attended.wait(LIMIT).expect("a sandbox"), Some(6), "{signal}");
    }
}

fn connections_do_not_come_from_loopback() {
    let serve = "while (1) { my $p = accept(C, S) or next; my (undef, $a) = sockaddr_in($p); \
                 print C inet_ntoa($a), q( to ), inet_ntoa((sockaddr_in(getsockname(C)))[1]); close C }";
    let (port, address) = published(8080);
    let (_attended, said) = attend(&fixture().spec, &script(&listening(8080, serve)), vec![port]);
    wait_for(&said, "up");
    for _ in 0..3 {
        let mut text = String::new();
        TcpStream::connect(address).and_then(|mut connection| connection.read_to_string(&mut text)).expect("an answer");
        assert_eq!(text, "198.18.0.1 to 198.18.0.2");
    }
    assert_eq!(
        outcome(&fixture().spec, "grep -c 198.18 /proc/net/fib_trie").1,
        "0\n",
        "builds have the loopback alone"
    );
}

/// Runs a program that serves the port 8080, as the caller does beside it with the address of the host.
fn run_served(serve: &str, beside: impl FnOnce(SocketAddr) + Send) -> Duration {
    let fixture = fixture();
    let (port, address) = published(8080);
    let program = Program { stdin: Stdin::Inherited, ..script(&listening(8080, serve)) };
    thread::scope(|scope| {
        scope.spawn(move || beside(address));
        let start = Instant::now();
        assert_eq!(sandbox().run_published(&fixture.spec, &program, vec![port], &mut Vec::new).expect("a sandbox"), 0);
        start.elapsed()
    })
}

/// Connects with a server that starts, and sends a byte.
fn connected(address: SocketAddr) -> TcpStream {
    let start = Instant::now();
    loop {
        let mut connection = TcpStream::connect(address).expect("accepted");
        connection.set_read_timeout(Some(Duration::from_millis(300))).expect("a socket");
        let _ = connection.write_all(b"x");
        match connection.read(&mut [0]) {
            Ok(1) => return connection,
            _ => assert!(start.elapsed() < LIMIT, "nobody listens"),
        }
    }
}

fn last_answer_arrives_whole() {
    let serve = "accept(C, S); sysread(C, $q, 1); syswrite(C, q(a)); sysread(C, $q, 1); my $t = q(x) x 300000; \
                 syswrite(C, $t) == 300000 or die; exit 0";
    run_served(serve, |address| {
        let mut connection = connected(address);
        connection.set_read_timeout(Some(LIMIT)).expect("a socket");
        connection.write_all(b"x").expect("sent");
        connection.shutdown(Shutdown::Write).expect("open");
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).expect("the whole answer");
        assert_eq!(answer.len(), 300_000);
    });
}

fn idle_connection_delays_the_end_by_a_second() {
    let serve = "accept(C, S); sysread(C, $q, 1); syswrite(C, q(a)); exit 0";
    let elapsed = run_served(serve, |address| {
        let _idle = connected(address);
        thread::sleep(Duration::from_secs(5));
    });
    // The scope waits for the thread; the sandbox does not.
    assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
}

fn check_ends_with_its_program() {
    let (attended, said) = attend(&fixture().spec, &script("echo up; sleep 1; exit 3"), Vec::new());
    wait_for(&said, "up");
    let start = Instant::now();
    let checked = check(&attended, "sleep 60");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(checked.0, Some(137), "it ends with the program");
    assert_eq!(attended.wait(LIMIT).expect("a sandbox"), Some(3));
    assert_eq!(check(&attended, "exit 0"), (None, "the program has ended".to_owned()));
}

fn program_has_the_open_files_of_the_caller() {
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(300), ..before }).expect("lower");
    let (_, said) = outcome(&fixture().spec, "ulimit -n; grep 'open files' /proc/1/limits");
    let (attended, _) = attend(&fixture().spec, &script("sleep 60"), Vec::new());
    let checked = check(&attended, "ulimit -n");
    setrlimit(Resource::Nofile, before).expect("as before");
    assert_eq!(checked, (Some(0), "300\n".to_owned()));
    let most = before.maximum.map_or("unlimited".to_owned(), |most| most.to_string());
    let numbers: Vec<&str> = said.split_whitespace().filter(|word| *word == "300" || **word == most).collect();
    assert_eq!(numbers, ["300", most.as_str(), most.as_str()], "{said}");
}

fn interruption_is_seen_between_waits() {
    let flag = Arc::new(AtomicBool::new(false));
    let sandbox = Sandbox::new(Identity::of_caller(), Arc::clone(&flag));
    let fixture = fixture();
    let output: Output = Arc::new(|_, _: &[u8]| {});
    let attended =
        sandbox.attend(&fixture.spec, &script("sleep 60"), Vec::new(), Vec::new(), &output).expect("a sandbox");
    assert_eq!(attended.ended().expect("it runs"), None);
    flag.store(true, Ordering::Relaxed);
    assert!(matches!(attended.ended(), Err(Error::Interrupted)));
    assert!(matches!(attended.wait(LIMIT), Err(Error::Interrupted)));
}
