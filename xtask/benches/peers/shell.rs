//! A shell beside a running container: from the command to its prompt, in a terminal.

use std::process::Command;
use std::time::Instant;

use crate::cases::Tools;
use crate::pty::Session;
use crate::support::tool;
use crate::table::{Row, TIERCE, case, target};
use crate::work::Answer;

/// The limit for a shell's prompt, including cargo's own start, in seconds.
const PROMPT: f64 = 0.7;
/// The end of root's prompt in the toolbox's shell.
const SHELL: &str = "# ";

impl Tools {
    /// Measures a shell beside a container of the toolbox, which this case starts and removes.
    pub(crate) fn shell(&mut self, answer: &Answer) {
        let (_, report) = self.tierce.image(answer.root(), "toolbox");
        let toolbox = report["id"].as_str().expect("an id").to_owned();
        let name = format!("{}-shell", self.tierce.namespace());
        tool("docker", ["run", "-d", "--init", "--name", &name, &toolbox, "sleep", "3600"]).ok();
        let mut rows = [Row::new(TIERCE), Row::new("docker run, with the same flags")];
        for _ in 0..self.runs {
            rows[0].image.push(prompt(&mut self.tierce.debug(answer.root(), &[&name])));
            rows[1].image.push(prompt(&mut beside(&name, &toolbox)));
        }
        tool("docker", ["rm", "-f", &name]).ok();
        let ours = rows[0].median();
        case("(h) a shell beside a running container, until its prompt", &rows);
        target("cargo's start included", ours, PROMPT, "s");
    }
}

/// Returns the command of a user without Tierce.
fn beside(name: &str, toolbox: &str) -> Command {
    let mut docker = Command::new("docker");
    docker.args(["run", "--rm", "-it", "--user", "0:0", "--cap-add", "NET_RAW", "--cap-add", "NET_ADMIN"]);
    docker.args([
        "--cap-add",
        "SYS_PTRACE",
        "--pid",
        &format!("container:{name}"),
        "--net",
        &format!("container:{name}"),
    ]);
    docker.args([toolbox, "/bin/bash"]);
    docker
}

/// Returns the seconds from the start to the prompt. Exits the shell, so that no work of one round is left for the next.
fn prompt(command: &mut Command) -> f64 {
    let start = Instant::now();
    let mut session = Session::start(command);
    session.wait_for(SHELL);
    let seconds = start.elapsed().as_secs_f64();
    session.press("exit\n");
    let (code, screen) = session.end();
    assert_eq!(code, Some(0), "{}", screen.seen);
    seconds
}
