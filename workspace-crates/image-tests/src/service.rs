//! Tests a service from outside of its container, and stops it.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tierce_docker::{Health, HealthStatus};
use tierce_fetch::{Answer, Question, ask};
use tierce_manifest::{ExpectedStop, HttpTest, ServiceTest, TestSpec};
use tierce_store::Error;

use crate::container::TestContainer;
use crate::input::input_bytes;
use crate::{expect, files};

/// The time between two attempts to reach the service.
const PAUSE: Duration = Duration::from_millis(50);
/// The time between two health checks in a test. The image's own interval would only slow the test down.
pub(crate) const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// The minimum duration of a connection to a listening service. The daemon accepts connections before the container does, and
/// closes them if the service does not listen.
const LISTENING: Duration = Duration::from_millis(200);

/// A service under test.
pub(crate) struct Service<'a> {
    pub(crate) container: &'a dyn TestContainer,
    pub(crate) test: &'a TestSpec,
    pub(crate) service: &'a ServiceTest,
    /// Set by Ctrl-C.
    pub(crate) interrupted: &'a AtomicBool,
}

/// The result of a part of a test.
enum Step {
    Passed,
    /// The remaining parts would fail for the same reason.
    Failed(String),
}

impl Service<'_> {
    /// Starts the service, runs all checks, and stops it. Returns the problems.
    pub(crate) fn run(&self) -> Result<Vec<String>, Error> {
        self.container.start()?;
        let mut problems = Vec::new();
        match self.ask_all(&mut problems)? {
            Step::Passed => self.end(&mut problems)?,
            Step::Failed(problem) => {
                problems.push(problem);
                self.container.kill()?;
            }
        }
        Ok(problems)
    }

    fn ask_all(&self, problems: &mut Vec<String>) -> Result<Step, Error> {
        if let Some(within) = self.service.healthy_within
            && let failed @ Step::Failed(_) = self.wait_until_healthy(within)?
        {
            return Ok(failed);
        }
        let deadline = Instant::now() + self.test.timeout;
        for port in &self.service.ports {
            let Some(address) = self.container.address(*port)? else { return self.is_gone() };
            if let failed @ Step::Failed(_) = self.wait_for_port(*port, address, deadline)? {
                return Ok(failed);
            }
        }
        for (index, http) in self.service.http.iter().enumerate() {
            let Some(address) = self.container.address(http.port)? else { return self.is_gone() };
            match self.request(http, address, deadline, index == 0)? {
                Ok(answer) => problems.extend(judge(http, &answer)),
                Err(problem) => return Ok(Step::Failed(problem)),
            }
        }
        for file in &self.test.files {
            problems.extend(files::look(self.container, file)?);
        }
        Ok(self.ended()?.map_or(Step::Passed, Step::Failed))
    }

    fn wait_until_healthy(&self, within: Duration) -> Result<Step, Error> {
        let start = Instant::now();
        loop {
            let health = self.container.health(within.saturating_sub(start.elapsed()).max(HEALTH_INTERVAL))?;
            if health.as_ref().is_some_and(|health| health.status == HealthStatus::Healthy) {
                return Ok(Step::Passed);
            }
            if let Some(problem) = self.ended()? {
                return Ok(Step::Failed(problem));
            }
            if start.elapsed() >= within {
                return Ok(Step::Failed(unhealthy(health.as_ref(), within)));
            }
            sleep(PAUSE);
        }
    }

    fn wait_for_port(&self, port: u16, address: SocketAddr, deadline: Instant) -> Result<Step, Error> {
        while !listens(address) {
            if let Some(problem) = self.ended()? {
                return Ok(Step::Failed(problem));
            }
            if Instant::now() >= deadline {
                let waited = expect::seconds(self.test.timeout);
                return Ok(Step::Failed(format!("nobody took a connection to port {port} within {waited}")));
            }
            sleep(PAUSE);
        }
        Ok(Step::Passed)
    }

    /// Returns the answer to a request, or the reason for its absence. `patient` repeats the request while the service
    /// starts.
    fn request(
        &self,
        http: &HttpTest,
        address: SocketAddr,
        deadline: Instant,
        patient: bool,
    ) -> Result<Result<Answer, String>, Error> {
        let body = http.send.as_ref().map(input_bytes).transpose()?;
        let url = format!("http://{address}{}", http.path);
        loop {
            let timeout = deadline.saturating_duration_since(Instant::now()).max(PAUSE);
            let question =
                Question { method: &http.method, url: &url, headers: &http.headers, body: body.as_deref(), timeout };
            let why = match self.ask(&question) {
                Ok(answer) => return Ok(Ok(answer)),
                Err(why) => why,
            };
            if let Some(problem) = self.ended()? {
                return Ok(Err(problem));
            }
            if !patient || Instant::now() >= deadline {
                let waited = expect::seconds(self.test.timeout);
                return Ok(Err(format!("{}: no answer within {waited}: {why}", title(http))));
            }
            sleep(PAUSE);
        }
    }

    /// Sends a request once. After Ctrl-C a thread ends the container, which closes the connection.
    fn ask(&self, question: &Question<'_>) -> Result<Answer, String> {
        let (answered, watched) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while watched.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                    if self.interrupted.load(Ordering::Relaxed) {
                        self.container.abandon();
                        return;
                    }
                }
            });
            let answer = ask(question);
            drop(answered);
            answer
        })
    }

    /// Returns the reason why the service has exited; None while it runs.
    fn ended(&self) -> Result<Option<String>, Error> {
        Ok(self.container.ended()?.map(|exit| {
            match expect::exit(exit, Some(0), self.test.memory).filter(|_| exit.oom_killed) {
                Some(problem) => problem,
                None => format!("it ended by itself, with exit code {}", exit.code),
            }
        }))
    }

    fn is_gone(&self) -> Result<Step, Error> {
        let problem = self.ended()?.unwrap_or_else(|| "no port of this machine leads to it".to_owned());
        Ok(Step::Failed(problem))
    }

    /// Stops the service as the test declares; without `stop`, kills it.
    fn end(&self, problems: &mut Vec<String>) -> Result<(), Error> {
        let Some(ExpectedStop { within, exit_code }) = &self.service.stop else { return self.container.kill() };
        let start = Instant::now();
        self.container.stop(*within)?;
        if start.elapsed() > *within {
            let problem = "the stop signal did not end it within";
            let hint = "as process 1 a program gets only signals that it handles";
            problems.push(format!("{problem} {} ({hint})", expect::seconds(*within)));
            return Ok(());
        }
        if let Some(exit) = self.container.ended()? {
            problems.extend(expect::exit(exit, *exit_code, self.test.memory));
        }
        Ok(())
    }
}

/// Whether a service accepts a connection and keeps it for [`LISTENING`].
fn listens(address: SocketAddr) -> bool {
    let Ok(mut connection) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    if connection.set_read_timeout(Some(LISTENING)).is_err() {
        return false;
    }
    match connection.read(&mut [0]) {
        // Some services send the first bytes.
        Ok(length) => length > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Returns the differences between an answer and the expected one.
fn judge(http: &HttpTest, answer: &Answer) -> Vec<String> {
    let title = title(http);
    let mut problems = Vec::new();
    if answer.status != http.status {
        let body = if answer.body.is_empty() { String::new() } else { format!(": {}", expect::quoted(&answer.body)) };
        problems.push(format!("{title}: the status is {}, expected {}{body}", answer.status, http.status));
    }
    let body = http.body.as_ref().filter(|_| problems.is_empty());
    problems.extend(body.iter().flat_map(|body| expect::text(&format!("{title}: the body"), body, &answer.body)));
    problems
}

fn title(http: &HttpTest) -> String {
    format!("{} {} on port {}", http.method, http.path, http.port)
}

/// Describes the last health check.
fn unhealthy(health: Option<&Health>, within: Duration) -> String {
    let within = expect::seconds(within);
    if health.is_none() {
        return format!("it was not healthy within {within}: the image has no health check");
    }
    let last = health.and_then(|health| health.log.last());
    let Some(last) = last else { return format!("it was not healthy within {within}: no check has ended") };
    let output = last.output.trim();
    let shown = if output.is_empty() { String::new() } else { format!(": {}", expect::quoted(output.as_bytes())) };
    format!("it was not healthy within {within}; the last check ended with {}{shown}", last.exit_code)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn port_listens_if_connection_stays() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = thread::spawn(move || {
            let (first, _) = listener.accept().expect("a connection");
            drop(first);
            let (mut second, _) = listener.accept().expect("a connection");
            second.write_all(b"220 ready\r\n").expect("sent");
            let third = listener.accept().expect("a connection");
            sleep(2 * LISTENING);
            drop(third);
        });
        assert_eq!([listens(address), listens(address), listens(address)], [false, true, true]);
        server.join().expect("no panic");
        assert!(!listens(address), "nobody is there any more");
    }

    #[test]
    fn body_is_compared_if_status_matches() {
        let http = HttpTest {
            port: 80,
            path: "/a".into(),
            method: "GET".into(),
            headers: Default::default(),
            send: None,
            status: 200,
            body: Some(tierce_manifest::ExpectedText { equals: Some("yes".into()), ..Default::default() }),
        };
        let answer = |status, body: &str| judge(&http, &Answer { status, body: body.into() });
        assert_eq!(answer(200, "yes"), Vec::<String>::new());
        assert_eq!(answer(200, "no"), [r#"GET /a on port 80: the body: line 1 is "no", expected "yes""#]);
        assert_eq!(answer(500, "no"), [r#"GET /a on port 80: the status is 500, expected 200: "no""#]);
    }
}
