//! Reads the config of an image that another tool made.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{Error, Healthcheck, Runtime};

impl Runtime {
    /// Reads how containers of an image run from its config (OCI image-spec, `application/vnd.oci.image.config.v1+json`, with
    /// Docker's `Healthcheck`). `null` counts as absent: tools in Go write it.
    ///
    /// # Errors
    /// [`Error::Config`] for another document.
    pub fn of_config(config: &[u8]) -> Result<Runtime, Error> {
        let document: Document = serde_json::from_slice(config).map_err(|source| Error::Config { source })?;
        let stated = document.config.unwrap_or_default();
        let variable = |line: String| match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (line, String::new()),
        };
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Runtime {
            entrypoint: stated.entrypoint.unwrap_or_default(),
            cmd: stated.cmd.unwrap_or_default(),
            env: stated.env.unwrap_or_default().into_iter().map(variable).collect(),
            exposed_ports: stated.exposed_ports.unwrap_or_default().into_keys().collect(),
            user: text(stated.user),
            workdir: text(stated.working_dir),
            volumes: stated.volumes.unwrap_or_default().into_keys().collect(),
            labels: stated.labels.unwrap_or_default(),
            stop_signal: text(stated.stop_signal),
            healthcheck: stated.healthcheck.and_then(|check| check.check(stated.shell)),
        })
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    config: Option<Stated>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Stated {
    cmd: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    env: Option<Vec<String>>,
    exposed_ports: Option<BTreeMap<String, IgnoredAny>>,
    healthcheck: Option<StatedHealthcheck>,
    labels: Option<BTreeMap<String, String>>,
    shell: Option<Vec<String>>,
    stop_signal: Option<String>,
    user: Option<String>,
    volumes: Option<BTreeMap<String, IgnoredAny>>,
    working_dir: Option<String>,
}

/// Durations in nanoseconds; zero means the engine's default.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct StatedHealthcheck {
    interval: Option<u64>,
    retries: Option<u32>,
    start_interval: Option<u64>,
    start_period: Option<u64>,
    test: Option<Vec<String>>,
    timeout: Option<u64>,
}

impl StatedHealthcheck {
    /// Returns `None` for a disabled check and for an unknown form. `shell` replaces `/bin/sh -c` if the image sets it.
    fn check(self, shell: Option<Vec<String>>) -> Option<Healthcheck> {
        let mut words = self.test?.into_iter();
        let command = match words.next()?.as_str() {
            "CMD" => words.collect(),
            // As the engine runs it.
            "CMD-SHELL" => {
                let shell = shell.filter(|shell| !shell.is_empty());
                shell.unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()]).into_iter().chain(words).collect()
            }
            _ => return None,
        };
        let time = |nanoseconds: Option<u64>| nanoseconds.filter(|time| *time > 0).map(Duration::from_nanos);
        Some(Healthcheck {
            command,
            interval: time(self.interval),
            timeout: time(self.timeout),
            start_period: time(self.start_period),
            start_interval: time(self.start_interval),
            retries: self.retries.filter(|retries| *retries > 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::full;

    #[test]
    fn written_config_is_read_back() {
        let written = full();
        let mut runtime = written.runtime.clone();
        // The config has at most the nanoseconds that Go's type holds.
        let longest = Some(Duration::from_nanos(i64::MAX.unsigned_abs()));
        runtime.healthcheck = runtime.healthcheck.map(|check| Healthcheck { start_period: longest, ..check });
        assert_eq!(Runtime::of_config(&written.to_json().unwrap()).unwrap(), runtime);
    }

    #[test]
    fn configs_of_other_tools_are_read() {
        let check = |command: &[&str]| Healthcheck {
            command: command.iter().map(|&word| word.to_owned()).collect(),
            interval: None,
            timeout: None,
            start_period: None,
            start_interval: None,
            retries: None,
        };
        let cases: &[(&str, Runtime)] = &[
            ("{}", Runtime::default()),
            (r#"{"config":null}"#, Runtime::default()),
            (
                r#"{"config":{"Cmd":null,"Entrypoint":null,"Env":null,"ExposedPorts":null,"Labels":null,"User":"","Volumes":null,
                    "WorkingDir":"","Healthcheck":{"Test":["NONE"]},"StopSignal":"","OnBuild":null,"ArgsEscaped":true}}"#,
                Runtime::default(),
            ),
            (
                r#"{"config":{"Env":["A=b=c","D"],"Healthcheck":{"Test":["CMD-SHELL","x y"],"Interval":0,"Retries":0}}}"#,
                Runtime {
                    env: [("A", "b=c"), ("D", "")].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                    healthcheck: Some(check(&["/bin/sh", "-c", "x y"])),
                    ..Runtime::default()
                },
            ),
        ];
        let stated =
            r#"{"config":{"Shell":["/bin/ash","-ec"],"Healthcheck":{"Test":["CMD-SHELL","x"],"StartInterval":5}}}"#;
        let read = Runtime::of_config(stated.as_bytes()).unwrap().healthcheck.unwrap();
        let expected = check(&["/bin/ash", "-ec", "x"]);
        assert_eq!(read, Healthcheck { start_interval: Some(Duration::from_nanos(5)), ..expected });
        for (text, expected) in cases {
            assert_eq!(Runtime::of_config(text.as_bytes()).unwrap(), *expected, "{text}");
        }
        for text in ["", "1", r#"{"config":"x"}"#, r#"{"config":{"Cmd":"sh"}}"#] {
            let error = Runtime::of_config(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("the image's config"), "{text}: {error}");
        }
    }
}
