//! A service that is asked from outside of its container, and stopped.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tierce_docker::{ContainerStatus, Docker, Exit, Health, HealthStatus};
use tierce_fetch::{Answer, Question, ask};
use tierce_manifest::{ExpectedStop, HttpTest, ServiceTest, TestSpec};

use crate::Error;
use crate::image_tests::container::Trial;
use crate::image_tests::{expect, files, input_bytes};

/// The time between two attempts at something that is not there yet.
const PAUSE: Duration = Duration::from_millis(50);
/// The time between two health checks in a test: to wait for what the image itself says would tell nothing more.
pub(super) const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// How long a connection has to last that somebody listens to: the daemon takes it before the container, and hangs up if nobody
/// is there.
const LISTENING: Duration = Duration::from_millis(200);

/// A service under test.
pub(super) struct Service<'a> {
    docker: &'a Docker,
    container: &'a str,
    test: &'a TestSpec,
    service: &'a ServiceTest,
    /// Set by Ctrl-C.
    interrupted: &'a AtomicBool,
}

/// How a part of a test went on.
enum Step {
    Passed,
    /// The rest would only fail for the same reason.
    Failed(String),
}

impl<'a> Service<'a> {
    pub(super) fn new(
        docker: &'a Docker,
        container: &'a str,
        (test, service): (&'a TestSpec, &'a ServiceTest),
        interrupted: &'a AtomicBool,
    ) -> Self {
        Service { docker, container, test, service, interrupted }
    }

    /// Starts it, asks it all, ends it, and reads what it wrote.
    pub(super) fn run(&self, trial: &mut Trial) -> Result<(), Error> {
        self.docker.start(self.container)?;
        match self.ask_all(trial)? {
            Step::Passed => self.end(trial)?,
            Step::Failed(problem) => {
                trial.problems.push(problem);
                self.kill()?;
            }
        }
        Ok(self.docker.log(self.container, None, false, &mut |stream, bytes| trial.output.push(stream, bytes))?)
    }

    fn ask_all(&self, trial: &mut Trial) -> Result<Step, Error> {
        if let Some(within) = self.service.healthy_within
            && let failed @ Step::Failed(_) = self.wait_until_healthy(within)?
        {
            return Ok(failed);
        }
        let deadline = Instant::now() + self.test.timeout;
        let published = self.docker.published(self.container)?;
        // One that has ended has no ports any more.
        let address = |port: u16| published.get(&port).map(|host| SocketAddr::from((Ipv4Addr::LOCALHOST, *host)));
        for port in &self.service.ports {
            let Some(address) = address(*port) else { return self.is_gone() };
            if let failed @ Step::Failed(_) = self.wait_for_port(*port, address, deadline)? {
                return Ok(failed);
            }
        }
        for (index, http) in self.service.http.iter().enumerate() {
            let Some(address) = address(http.port) else { return self.is_gone() };
            match self.request(http, address, deadline, index == 0)? {
                Ok(answer) => trial.problems.extend(judge(http, &answer)),
                Err(problem) => return Ok(Step::Failed(problem)),
            }
        }
        for file in &self.test.files {
            trial.problems.extend(files::look(self.docker, self.container, file)?);
        }
        Ok(self.ended()?.map_or(Step::Passed, Step::Failed))
    }

    fn wait_until_healthy(&self, within: Duration) -> Result<Step, Error> {
        let start = Instant::now();
        loop {
            let health = self.docker.health(self.container)?;
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

    /// The answer to a request, or why there is none. `patient`: whether the service may not be there yet.
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

    /// Asks once. After Ctrl-C nobody waits for an answer: with the container its connections end.
    fn ask(&self, question: &Question<'_>) -> Result<Answer, String> {
        let (answered, watched) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while watched.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                    if self.interrupted.load(Ordering::Relaxed) {
                        // Whoever made the container removes it as well.
                        let _ = self.docker.remove(self.container);
                        return;
                    }
                }
            });
            let answer = ask(question);
            drop(answered);
            answer
        })
    }

    /// Why there is nobody to ask any more, if that is so.
    fn ended(&self) -> Result<Option<String>, Error> {
        let state = self.docker.state(self.container)?;
        let state = state.filter(|state| state.status == ContainerStatus::Exited);
        Ok(state.map(|state| {
            let exit = Exit { code: state.exit_code, oom_killed: state.oom_killed };
            match expect::exit(exit, Some(0), self.test.memory).filter(|_| exit.oom_killed) {
                Some(problem) => problem,
                None => format!("it ended by itself, with exit code {}", exit.code),
            }
        }))
    }

    fn is_gone(&self) -> Result<Step, Error> {
        let problem = self.ended()?.unwrap_or_else(|| "the daemon publishes no port of it".to_owned());
        Ok(Step::Failed(problem))
    }

    /// Ends it as the test wants it ended.
    fn end(&self, trial: &mut Trial) -> Result<(), Error> {
        let Some(ExpectedStop { within, exit_code }) = &self.service.stop else { return self.kill() };
        let start = Instant::now();
        let whole_seconds = within.as_millis().div_ceil(1000);
        self.docker.stop(self.container, u16::try_from(whole_seconds).unwrap_or(u16::MAX))?;
        if start.elapsed() > *within {
            let problem = "the stop signal did not end it within";
            let hint = "as process 1 a program gets only signals that it handles";
            trial.problems.push(format!("{problem} {} ({hint})", expect::seconds(*within)));
            return Ok(());
        }
        if let Some(state) = self.docker.state(self.container)? {
            let exit = Exit { code: state.exit_code, oom_killed: state.oom_killed };
            trial.ended(exit, *exit_code, self.test);
        }
        Ok(())
    }

    /// Ends it at once. That it has ended by itself meanwhile is no matter.
    fn kill(&self) -> Result<(), Error> {
        match self.docker.kill(self.container, "KILL") {
            Ok(()) | Err(tierce_docker::Error::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.docker.wait(self.container)?;
        Ok(())
    }
}

/// Whether somebody takes a connection and keeps it for a moment.
fn listens(address: SocketAddr) -> bool {
    let Ok(mut connection) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    if connection.set_read_timeout(Some(LISTENING)).is_err() {
        return false;
    }
    match connection.read(&mut [0]) {
        // Whoever speaks first is there too.
        Ok(length) => length > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// What is not as expected of an answer.
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

/// What the daemon has found out.
fn unhealthy(health: Option<&Health>, within: Duration) -> String {
    let within = expect::seconds(within);
    if health.is_none() {
        return format!("it was not healthy within {within}: the image has no health check");
    }
    let last = health.and_then(|health| health.log.last());
    let Some(last) = last else { return format!("it was not healthy within {within}: no check has ended") };
    let output = last.output.trim();
    let said = if output.is_empty() { String::new() } else { format!(": {}", expect::quoted(output.as_bytes())) };
    format!("it was not healthy within {within}; the last check ended with {}{said}", last.exit_code)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_port_listens_if_somebody_stays() {
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
    fn a_body_is_looked_at_where_the_status_is_right() {
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
