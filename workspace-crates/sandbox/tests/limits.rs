//! The limits of sandboxes: memory and processes. Where this user can make no control group, the tests say why and do not count,
//! unless `TIERCE_REQUIRE_CGROUPS` asks for them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use support::{Test, fixture, sandbox, script, skip};
use tierce_sandbox::{Error, Limits, Output, Program, Stdin, limits_in_force};

const TESTS: &[Test] = &[
    ("fork_bomb_stops_at_the_limit", fork_bomb_stops_at_the_limit),
    ("memory_eater_is_killed_and_told", memory_eater_is_killed_and_told),
    ("image_loses_one_process_for_lack_of_memory", image_loses_one_process_for_lack_of_memory),
    ("attended_program_knows_whether_its_limit_holds", attended_program_knows_whether_its_limit_holds),
    ("group_exists_while_its_program_runs", group_exists_while_its_program_runs),
    ("group_of_a_killed_run_is_removed", group_of_a_killed_run_is_removed),
];

/// Makes this program run a sandbox, instead of the tests, for so many seconds.
const SECONDS: &str = "TIERCE_TEST_SECONDS";

fn main() -> ExitCode {
    let seconds = std::env::var(SECONDS).ok();
    if let Some(seconds) = seconds.filter(|_| std::env::args().next().is_some_and(|name| name == "holder")) {
        sandbox().run(&fixture().spec, &script(&format!("sleep {seconds}")), b"", &mut |_, _| {}).expect("a sandbox");
        return ExitCode::SUCCESS;
    }
    support::run_all(TESTS)
}

/// The limits in force, if this user can have some.
fn in_force(wanted: Limits) -> Option<Limits> {
    let has = |limit: Option<u64>, wanted: Option<u64>| wanted.is_none() || limit == wanted;
    match limits_in_force(&wanted) {
        // The caller's own group may add others.
        Ok(limits) if has(limits.memory, wanted.memory) && has(limits.processes, wanted.processes) => Some(wanted),
        other => {
            assert!(std::env::var_os("TIERCE_REQUIRE_CGROUPS").is_none(), "{other:?}");
            skip(&format!("of the limits, there are {other:?}"));
            None
        }
    }
}

fn fork_bomb_stops_at_the_limit() {
    let Some(limits) = in_force(Limits { processes: Some(30), ..Limits::default() }) else { return };
    let text = "i=0; while [ $i -lt 60 ]; do sleep 60 & i=$((i + 1)); echo $i; done";
    let (mut said, start) = (Vec::new(), Instant::now());
    let code =
        sandbox().with_limits(limits).run(&fixture().spec, &script(text), b"", &mut |_, bytes| said.extend(bytes));
    let said = String::from_utf8(said).expect("text");
    assert_ne!(code.expect("a sandbox"), 0, "{said}");
    assert!(said.contains("fork") && said.contains("\n20\n") && !said.contains("\n30\n"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

fn memory_eater_is_killed_and_told() {
    let Some(limits) = in_force(Limits { memory: Some(100_000_000), whole_group: true, ..Limits::default() }) else {
        return;
    };
    let sandbox = sandbox().with_limits(limits);
    let fixture = fixture();
    let ended = sandbox.run(&fixture.spec, &script("head -c 400m /dev/zero | tail -n 1 | wc -c"), b"", &mut |_, _| {});
    let Err(error) = ended else { panic!("it went on: {ended:?}") };
    assert!(matches!(error, Error::OutOfMemory { limit: Some(100_000_000) }), "{error:?}");
    assert_eq!(error.to_string(), "the sandbox was killed for lack of memory of 0.1 GB");
    let ended = sandbox.run(&fixture.spec, &script("exit 3"), b"", &mut |_, _| {});
    assert_eq!(ended.expect("the next sandbox is not affected"), 3);
}

fn image_loses_one_process_for_lack_of_memory() {
    let Some(limits) = in_force(Limits::default().for_image(Some(100_000_000))) else { return };
    let fixture = fixture();
    let program = script("head -c 400m /dev/zero | tail -n 1 >/dev/null; exit 7");
    let output: Output = Arc::new(|_, _: &[u8]| {});
    let attended = sandbox().with_limits(limits).attend(&fixture.spec, &program, Vec::new(), Vec::new(), &output);
    let attended = attended.expect("a sandbox");
    assert_eq!(attended.wait(Duration::from_secs(60)).expect("it goes on"), Some(7));
    assert!(attended.ran_out_of_memory());
    let program = Program { stdin: Stdin::Inherited, ..script("exec tail -n 1 /dev/zero") };
    let ended = sandbox().with_limits(limits).run_here(&fixture.spec, &program, &mut Vec::new);
    assert!(matches!(ended, Err(Error::OutOfMemory { .. })), "{ended:?}");
}

fn attended_program_knows_whether_its_limit_holds() {
    let limits = Limits::default().for_image(Some(100_000_000));
    let holds = limits_in_force(&limits).is_ok_and(|limits| limits.memory.is_some());
    let output: Output = Arc::new(|_, _: &[u8]| {});
    let (fixture, sandbox) = (fixture(), sandbox().with_limits(limits));
    let attended = sandbox.attend(&fixture.spec, &script("exit 3"), Vec::new(), Vec::new(), &output);
    let attended = attended.expect("a sandbox");
    assert_eq!(attended.limits_memory(), holds);
    assert_eq!(attended.wait(Duration::from_secs(60)).expect("it goes on"), Some(3));
}

fn group_exists_while_its_program_runs() {
    let Some(limits) = in_force(Limits { processes: Some(100), ..Limits::default() }) else { return };
    let own = std::process::id();
    let mut found = 0;
    let program = script("echo up; sleep 1");
    let ended =
        sandbox().with_limits(limits).run(&fixture().spec, &program, b"", &mut |_, _| found = groups_of(own).len());
    assert_eq!((ended.expect("a sandbox"), found), (0, 1));
    assert_eq!(groups_of(own), Vec::<PathBuf>::new());
}

fn group_of_a_killed_run_is_removed() {
    if in_force(Limits { processes: Some(100), ..Limits::default() }).is_none() {
        return;
    }
    let mut killed = hold("60");
    let start = Instant::now();
    while groups_of(killed.id()).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(20), "it has no group");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(hold("0").wait().expect("ended").success());
    assert_eq!(groups_of(killed.id()).len(), 1, "its owner lives");
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    assert_eq!(groups_of(killed.id()).len(), 1, "nobody has removed it yet");
    assert!(hold("0").wait().expect("ended").success());
    assert_eq!(groups_of(killed.id()), Vec::<PathBuf>::new());
}

/// Starts another process with a sandbox.
fn hold(seconds: &str) -> Child {
    use std::os::unix::process::CommandExt;
    let program = std::env::current_exe().expect("this program");
    Command::new(program).arg0("holder").env(SECONDS, seconds).spawn().expect("started")
}

/// The groups of a process's sandboxes, anywhere.
fn groups_of(pid: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    find(Path::new("/sys/fs/cgroup"), &format!("tierce-{pid}-"), &mut found);
    found
}

fn find(folder: &Path, prefix: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
        find(&entry.path(), prefix, found);
    }
}
