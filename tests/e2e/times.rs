//! Records how long each test takes, for the list of the slowest tests at the end of `cargo dev e2e`.

use std::cell::RefCell;
use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::thread;
use std::time::Instant;

thread_local! {
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

/// Runs until the thread of a test ends: the harness starts a thread for each test and names it after the test.
struct Clock {
    test: String,
    started: Instant,
}

/// Starts the clock of the test in whose thread this runs. Further calls in the same thread change nothing.
///
/// All helpers that start a program or reach the daemon call this. With `RUST_TEST_THREADS=1` the tests run in the main
/// thread, and nothing is recorded.
pub(crate) fn start() {
    let thread = thread::current();
    let Some(test) = thread.name().filter(|name| *name != "main") else { return };
    CLOCK.with_borrow_mut(|clock| {
        clock.get_or_insert_with(|| Clock { test: test.to_owned(), started: Instant::now() });
    });
}

impl Drop for Clock {
    fn drop(&mut self) {
        let Some(path) = env::var_os("TIERCE_TEST_TIMES") else { return };
        let line = format!("{:.3} {}\n", self.started.elapsed().as_secs_f64(), self.test);
        // One write of a line in append mode: the threads of other tests write to the same file.
        let written =
            OpenOptions::new().create(true).append(true).open(path).map(|mut file| file.write_all(line.as_bytes()));
        // A panic here would abort the run of all tests.
        drop(written);
    }
}
