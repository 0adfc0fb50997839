//! A printable report of a stopped container or an image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierce_docker::{ContainerDetails, ContainerState, ContainerStatus, MountDetails};

use crate::Error;
use crate::snapshot::Secrets;

/// A report of a stopped container or an image, with masked secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The container's name, or the given name of the image.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The reference or id of its image at its creation.
    pub image: String,
    /// Its end; none for an image.
    pub state: Option<StateReport>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Its configured user, or empty.
    pub user: String,
    /// Its configured working folder, or empty.
    pub working_dir: String,
    /// `NAME=VALUE` each.
    pub environment: Vec<String>,
    /// Its mounts.
    pub mounts: Vec<MountReport>,
    /// The image's exposed ports.
    pub ports: Vec<String>,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// Why the log is missing.
    pub log_error: Option<String>,
}

/// The end of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StateReport {
    /// Whether it ever started.
    pub started: bool,
    /// Its exit code; 0 if it never started.
    pub exit_code: i32,
    /// Whether the kernel killed one of its processes for lack of memory.
    pub oom_killed: bool,
    /// The daemon's error, or empty.
    pub error: String,
    /// The begin of its last run (RFC 3339).
    pub started_at: Option<String>,
    /// The end of that run (RFC 3339).
    pub finished_at: Option<String>,
}

/// A mount of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MountReport {
    /// Its path in the container.
    pub destination: String,
    /// A volume's name, or a path of the daemon's machine; empty for a tmpfs.
    pub source: String,
    /// Why the session lacks it, if it does.
    pub missing: Option<String>,
}

impl Report {
    pub(crate) fn of_container(details: &ContainerDetails, secrets: &mut Secrets) -> Report {
        // The variables first: the command and the daemon's error may repeat their secrets.
        let environment = masked(&details.environment, secrets);
        let command = secrets.words(&details.command).iter().map(|word| secrets.known(word)).collect();
        let mut state = StateReport::from(&details.state);
        state.error = secrets.text(&state.error);
        Report {
            name: details.name.clone(),
            id: details.id.clone(),
            image: details.image.clone(),
            state: Some(state),
            command,
            user: details.user.clone(),
            working_dir: secrets.text(&details.working_dir),
            environment,
            mounts: details.mounts.iter().map(MountReport::from).collect(),
            ..Report::default()
        }
    }

    /// The report of an image, from the daemon's JSON (Docker Engine API, "Inspect an image").
    pub(crate) fn of_image(name: &str, image: &ImageJson) -> Report {
        let config = &image.config;
        let command: Vec<String> = config.entrypoint.iter().chain(&config.cmd).flatten().cloned().collect();
        let mut secrets = Secrets::default();
        let environment = masked(config.env.as_deref().unwrap_or_default(), &mut secrets);
        let command = secrets.words(&command).iter().map(|word| secrets.known(word)).collect();
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
            command,
            user: config.user.clone().unwrap_or_default(),
            working_dir: config.working_dir.clone().unwrap_or_default(),
            environment,
            mounts: names(&config.volumes).into_iter().map(volume).collect(),
            ports: names(&config.exposed_ports),
            ..Report::default()
        }
    }

    /// Lines for people, each with its first word. Texts of the container have no control sequences.
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

/// The used fields of the daemon's JSON of an image.
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

/// A time without the fraction of a second.
fn seconds(time: &str) -> String {
    let Some((whole, part)) = time.split_once('.') else { return time.to_owned() };
    format!("{whole}{}", part.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

/// Removes control sequences from a text.
fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    /// Enough to recognise a command line or a line of a log.
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

/// Variables with masked secrets, sorted by name: the daemon's order is arbitrary.
fn masked(variables: &[String], secrets: &mut Secrets) -> Vec<String> {
    let mut masked: Vec<String> = variables.iter().map(|text| secrets.variable(text)).collect();
    masked.sort();
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(report: &Report) -> String {
        report.lines().iter().map(|(word, text)| format!("{word}: {text}\n")).collect()
    }

    #[test]
    fn container_report_has_few_lines() {
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
        insta::assert_snapshot!(shown(&report), @r"
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
        assert!(shown(&unborn).starts_with("Post-mortem: web of the image : never started\n"));
    }

    #[test]
    fn image_report_matches_the_daemon() {
        let text = r#"{"Id": "sha256:1", "Config": {"User": "app", "Entrypoint": ["/app"], "Cmd": ["--token=x"],
            "Env": ["TOKEN=x"], "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}, "WorkingDir": "/srv"}}"#;
        let report = Report::of_image("web", &ImageJson::parse("web", text).unwrap());
        insta::assert_snapshot!(shown(&report), @r"
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
