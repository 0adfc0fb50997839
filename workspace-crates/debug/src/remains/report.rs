//! What there is to know of something that does not run, fit to be printed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierce_docker::{ContainerDetails, ContainerState, ContainerStatus, MountDetails};

use crate::Error;
use crate::snapshot::Secrets;

/// What there is to know of a container that has died, or of an image. Secrets are masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The container's name; of an image what it was asked for by.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The image that it was made from, as it was named then.
    pub image: String,
    /// How it ended; none of an image.
    pub state: Option<StateReport>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Its user, empty if none is given.
    pub user: String,
    /// Its working folder, empty if none is given.
    pub working_dir: String,
    /// `NAME=VALUE` each.
    pub environment: Vec<String>,
    /// What is mounted into it.
    pub mounts: Vec<MountReport>,
    /// Ports that an image says it listens to.
    pub ports: Vec<String>,
    /// The last lines that it wrote.
    pub log: Vec<String>,
    /// Why there are none, where the daemon does not tell.
    pub log_error: Option<String>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StateReport {
    /// Whether it was ever started.
    pub started: bool,
    /// Its exit code; 0 if it was never started.
    pub exit_code: i32,
    /// Whether the kernel killed a process of it because memory ran out.
    pub oom_killed: bool,
    /// What the daemon says went wrong, empty if nothing.
    pub error: String,
    /// When its last run began (RFC 3339).
    pub started_at: Option<String>,
    /// When that ended (RFC 3339).
    pub finished_at: Option<String>,
}

/// Something that is mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MountReport {
    /// Where it shows.
    pub destination: String,
    /// A volume's name, or a path of the daemon's machine; empty for what was in memory only.
    pub source: String,
    /// Why it is not in the session; none if it is.
    pub missing: Option<String>,
}

impl Report {
    pub(crate) fn of_container(details: &ContainerDetails, secrets: &mut Secrets) -> Report {
        Report {
            name: details.name.clone(),
            id: details.id.clone(),
            image: details.image.clone(),
            state: Some(StateReport::from(&details.state)),
            command: secrets.words(&details.command),
            user: details.user.clone(),
            working_dir: details.working_dir.clone(),
            environment: masked(&details.environment, secrets),
            mounts: details.mounts.iter().map(MountReport::from).collect(),
            ..Report::default()
        }
    }

    /// Of an image, from what the daemon says of it (Docker Engine API, "Inspect an image").
    pub(crate) fn of_image(name: &str, image: &ImageJson) -> Report {
        let config = &image.config;
        let command: Vec<String> = config.entrypoint.iter().chain(&config.cmd).flatten().cloned().collect();
        let mut secrets = Secrets::default();
        let names = |all: &Option<BTreeMap<String, serde_json::Value>>| -> Vec<String> {
            all.iter().flat_map(BTreeMap::keys).cloned().collect()
        };
        let volume = |destination| MountReport {
            destination,
            source: String::new(),
            missing: Some("an image has none of its own".to_owned()),
        };
        Report {
            name: name.to_owned(),
            id: image.id.clone(),
            image: name.to_owned(),
            command: secrets.words(&command),
            user: config.user.clone().unwrap_or_default(),
            working_dir: config.working_dir.clone().unwrap_or_default(),
            environment: masked(config.env.as_deref().unwrap_or_default(), &mut secrets),
            mounts: names(&config.volumes).into_iter().map(volume).collect(),
            ports: names(&config.exposed_ports),
            ..Report::default()
        }
    }

    /// A few lines for people, each with the word that it begins with. What the container chose is without what a terminal would
    /// take for orders.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        let mut add = |word, text: String| lines.push((word, printable(&text)));
        match &self.state {
            None => add("Image", format!("{} ({})", self.name, self.id)),
            Some(state) => {
                add("Post-mortem", format!("{} of the image {}: {}", self.name, self.image, state.ending()));
                state.times().into_iter().for_each(|times| add("Ran", times));
                Some(&state.error).filter(|error| !error.is_empty()).into_iter().for_each(|e| add("Error", e.clone()));
            }
        }
        let who = [("as the user", &self.user), ("in", &self.working_dir)];
        let who = who.iter().filter(|(_, value)| !value.is_empty()).map(|(what, value)| format!(" {what} {value}"));
        add("Command", format!("{}{}", self.command.join(" "), who.collect::<String>()));
        for (word, all) in [("Environment", &self.environment), ("Ports", &self.ports)] {
            Some(all.join(" ")).filter(|text| !text.is_empty()).into_iter().for_each(|text| add(word, text));
        }
        self.mounts.iter().for_each(|mount| add("Mount", mount.line()));
        match &self.log_error {
            Some(error) => add("Log", format!("not known: {error}")),
            None => self.log.iter().for_each(|line| add("Log", line.clone())),
        }
        lines
    }
}

impl StateReport {
    fn ending(&self) -> String {
        match (self.started, self.oom_killed) {
            (false, _) => "never started".to_owned(),
            (true, false) => format!("exit code {}", self.exit_code),
            (true, true) => format!("exit code {}, out of memory", self.exit_code),
        }
    }

    fn times(&self) -> Option<String> {
        let since = self.started_at.as_deref().filter(|_| self.started)?;
        let until = self.finished_at.as_deref().unwrap_or("now");
        Some(format!("from {} to {}", seconds(since), seconds(until)))
    }
}

impl From<&ContainerState> for StateReport {
    fn from(state: &ContainerState) -> StateReport {
        StateReport {
            started: state.status != ContainerStatus::Created && state.started_at.is_some(),
            exit_code: if state.status == ContainerStatus::Created { 0 } else { state.exit_code },
            oom_killed: state.oom_killed,
            error: state.error.clone(),
            started_at: state.started_at.clone(),
            finished_at: state.finished_at.clone(),
        }
    }
}

impl MountReport {
    fn line(&self) -> String {
        let source = if self.source.is_empty() { String::new() } else { format!(" ({})", self.source) };
        match &self.missing {
            Some(reason) => format!("{}{source} is not here: {reason}", self.destination),
            None => format!("{}{source}, read-only", self.destination),
        }
    }
}

impl From<&MountDetails> for MountReport {
    fn from(mount: &MountDetails) -> MountReport {
        MountReport {
            destination: mount.destination.clone(),
            source: mount.name.clone().unwrap_or_else(|| mount.source.clone()),
            missing: None,
        }
    }
}

/// What the daemon says of an image, as far as it is told.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImageJson {
    id: String,
    #[serde(default)]
    config: ImageConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageConfig {
    user: Option<String>,
    working_dir: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    volumes: Option<BTreeMap<String, serde_json::Value>>,
}

impl ImageJson {
    pub(crate) fn parse(name: &str, text: &str) -> Result<ImageJson, Error> {
        serde_json::from_str(text).map_err(|source| {
            let action = format!("inspect the image `{name}`");
            Error::Docker(tierce_docker::Error::Unexpected { action, source: Box::new(source) })
        })
    }
}

/// A time without the part of a second.
fn seconds(time: &str) -> String {
    let Some((whole, part)) = time.split_once('.') else { return time.to_owned() };
    format!("{whole}{}", part.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

/// A text without what a terminal would take for orders.
fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    /// More than a command line or a line of a log needs to be recognized.
    const MOST: usize = 500;
    for (index, char) in text.chars().enumerate() {
        if index == MOST {
            clean.push('…');
            break;
        }
        match char {
            '\t' => clean.push(' '),
            char if char.is_control() => clean.extend(char.escape_default()),
            char => clean.push(char),
        }
    }
    clean
}

/// Variables with secrets masked, by name: a daemon lists them in any order.
fn masked(variables: &[String], secrets: &mut Secrets) -> Vec<String> {
    let mut masked: Vec<String> = variables.iter().map(|text| secrets.variable(text)).collect();
    masked.sort();
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(report: &Report) -> String {
        report.lines().iter().map(|(word, text)| format!("{word}: {text}\n")).collect()
    }

    #[test]
    fn a_death_is_told_in_a_few_lines() {
        let report = Report {
            name: "web".into(),
            image: "web:1".into(),
            state: Some(StateReport {
                started: true,
                exit_code: 137,
                oom_killed: true,
                error: "x".into(),
                started_at: Some("2026-01-31T12:00:00.123456789Z".into()),
                finished_at: Some("2026-01-31T12:00:07Z".into()),
            }),
            command: vec!["serve".into(), "--fast".into()],
            user: "1000".into(),
            environment: vec!["A=b".into(), "KEY=[masked]".into()],
            mounts: vec![
                MountReport { destination: "/data".into(), source: "data".into(), missing: None },
                MountReport {
                    destination: "/tmp".into(),
                    source: String::new(),
                    missing: Some("it was in memory".into()),
                },
            ],
            log: vec!["\x1b[31mred\x07".into(), "last".into()],
            ..Report::default()
        };
        insta::assert_snapshot!(said(&report), @r"
        Post-mortem: web of the image web:1: exit code 137, out of memory
        Ran: from 2026-01-31T12:00:00Z to 2026-01-31T12:00:07Z
        Error: x
        Command: serve --fast as the user 1000
        Environment: A=b KEY=[masked]
        Mount: /data (data), read-only
        Mount: /tmp is not here: it was in memory
        Log: \u{1b}[31mred\u{7}
        Log: last
        ");
        let unborn = Report { state: Some(StateReport::default()), name: "web".into(), ..Report::default() };
        assert!(said(&unborn).starts_with("Post-mortem: web of the image : never started\n"));
    }

    #[test]
    fn an_image_is_told_as_the_daemon_has_it() {
        let text = r#"{"Id": "sha256:1", "Config": {"User": "app", "Entrypoint": ["/app"], "Cmd": ["--token=x"],
            "Env": ["TOKEN=x"], "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}, "WorkingDir": "/srv"}}"#;
        let report = Report::of_image("web", &ImageJson::parse("web", text).unwrap());
        insta::assert_snapshot!(said(&report), @r"
        Image: web (sha256:1)
        Command: /app --token=[masked] as the user app in /srv
        Environment: TOKEN=[masked]
        Ports: 80/tcp
        Mount: /data is not here: an image has none of its own
        ");
        assert!(ImageJson::parse("web", r#"{"Id": "sha256:1", "Config": {"Cmd": null}}"#).is_ok());
        assert!(ImageJson::parse("web", "[]").is_err());
    }
}
