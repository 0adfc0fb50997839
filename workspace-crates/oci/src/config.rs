//! The image config: how a container runs, and the list of layers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::image::Layer;
use crate::time::rfc3339;
use crate::{Digest, Error, HistoryEntry, Origin, Platform};

/// The values of an image's config (OCI image-spec, `application/vnd.oci.image.config.v1+json`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageConfig {
    /// Architecture and operating system of the programs inside.
    pub platform: Platform,
    /// Time of the image and of each history entry, in seconds since 1970.
    pub created: u64,
    /// How a container runs.
    pub runtime: Runtime,
    /// Layers from the bottom up.
    pub layers: Vec<Layer>,
    /// The number of layers that another tool made, the lowest ones, and where they come from.
    pub below: (usize, Origin),
}

/// How a container of the image runs. The config leaves out values that are empty or `None`.
///
/// This crate does not check the values' grammar: the caller does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Runtime {
    /// Program and first arguments.
    pub entrypoint: Vec<String>,
    /// Further arguments, which a user of the image may replace.
    pub cmd: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Ports as `8080/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`.
    pub user: Option<String>,
    /// Absolute path of the working directory.
    pub workdir: Option<String>,
    /// Absolute paths of the folders for containers' data.
    pub volumes: BTreeSet<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Signal that asks the program to end, as `SIGTERM` or `15`.
    pub stop_signal: Option<String>,
    /// How an engine finds out whether the program works.
    pub healthcheck: Option<Healthcheck>,
}

/// A health check: an extension of Docker and Podman to the OCI image-spec. `None` means the engine's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Healthcheck {
    /// Program and arguments, run without a shell.
    pub command: Vec<String>,
    /// Time between two checks.
    #[serde(default)]
    pub interval: Option<Duration>,
    /// Time after which a check has failed.
    #[serde(default)]
    pub timeout: Option<Duration>,
    /// Time after the start in which failures do not count.
    #[serde(default)]
    pub start_period: Option<Duration>,
    /// Time between two checks during `start_period`.
    #[serde(default)]
    pub start_interval: Option<Duration>,
    /// Failures in a row after which the container is unhealthy.
    #[serde(default)]
    pub retries: Option<u32>,
}

impl ImageConfig {
    /// Writes the config as JSON. The image's id is the digest of these bytes.
    ///
    /// # Errors
    /// [`Error::Time`] for a time beyond the year 9999.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let created = rfc3339(self.created)?;
        let runtime = &self.runtime;
        let (below, origin) = &self.below;
        let of_base = origin.history_of(*below);
        let own = self.layers.iter().skip(if of_base.is_some() { *below } else { 0 });
        let own = own.map(|layer| HistoryEntry {
            created: Some(created.clone()),
            created_by: Some(layer.created_by.clone()),
            ..HistoryEntry::default()
        });
        let history = of_base.into_iter().flatten().cloned().chain(own);
        let document = ConfigJson {
            architecture: &self.platform.architecture,
            author: origin.author.as_deref(),
            config: RuntimeJson {
                cmd: &runtime.cmd,
                entrypoint: &runtime.entrypoint,
                env: runtime.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
                exposed_ports: runtime.exposed_ports.iter().map(|port| (port.as_str(), Empty {})).collect(),
                healthcheck: runtime.healthcheck.as_ref().map(HealthcheckJson::new),
                labels: &runtime.labels,
                stop_signal: runtime.stop_signal.as_deref(),
                user: runtime.user.as_deref(),
                volumes: runtime.volumes.iter().map(|path| (path.as_str(), Empty {})).collect(),
                working_dir: runtime.workdir.as_deref(),
            },
            created: &created,
            history: history.collect(),
            os: &self.platform.os,
            rootfs: RootfsJson { diff_ids: self.layers.iter().map(|layer| layer.diff_id).collect(), kind: "layers" },
            variant: self.platform.variant.as_deref(),
        };
        Ok(serde_json::to_vec(&document).expect("maps have strings as keys"))
    }
}

// The wire form, with the fields in the alphabetical order of their JSON names.

#[derive(Serialize)]
struct ConfigJson<'a> {
    architecture: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    config: RuntimeJson<'a>,
    created: &'a str,
    history: Vec<HistoryEntry>,
    os: &'a str,
    rootfs: RootfsJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RuntimeJson<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    cmd: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    entrypoint: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exposed_ports: BTreeMap<&'a str, Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<HealthcheckJson<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    volumes: BTreeMap<&'a str, Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'a str>,
}

/// Go's `struct{}`: the value of a set's element.
#[derive(Serialize)]
struct Empty {}

/// Durations in nanoseconds, as Go writes them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HealthcheckJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_period: Option<i64>,
    test: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<i64>,
}

impl<'a> HealthcheckJson<'a> {
    fn new(check: &'a Healthcheck) -> Self {
        let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Self {
            interval: check.interval.map(nanoseconds),
            retries: check.retries,
            start_interval: check.start_interval.map(nanoseconds),
            start_period: check.start_period.map(nanoseconds),
            test: std::iter::once("CMD").chain(check.command.iter().map(String::as_str)).collect(),
            timeout: check.timeout.map(nanoseconds),
        }
    }
}

#[derive(Serialize)]
struct RootfsJson {
    diff_ids: Vec<Digest>,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[cfg(test)]
pub(crate) mod tests {
    use oci_spec::image::ImageConfiguration;

    use super::*;
    use crate::image::tests::{layer, platform, pretty};

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    fn map(items: &[(&str, &str)]) -> BTreeMap<String, String> {
        items.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    pub(crate) fn full() -> ImageConfig {
        let runtime = Runtime {
            entrypoint: vec!["/usr/bin/thumbnailer".to_owned()],
            cmd: vec!["--listen".to_owned(), "0.0.0.0:8080".to_owned()],
            env: map(&[("PATH", "/usr/bin"), ("LANG", "C.UTF-8")]),
            exposed_ports: set(&["8080/tcp", "53/udp"]),
            user: Some("1000:1000".to_owned()),
            workdir: Some("/var/lib/thumbnailer".to_owned()),
            volumes: set(&["/var/lib/thumbnailer"]),
            labels: map(&[("dev.tierce.image", "thumbnailer")]),
            stop_signal: Some("SIGTERM".to_owned()),
            healthcheck: Some(Healthcheck {
                command: vec!["/usr/bin/thumbnailer".to_owned(), "--check".to_owned()],
                interval: Some(Duration::from_secs(30)),
                timeout: Some(Duration::from_millis(1500)),
                start_period: Some(Duration::MAX),
                start_interval: None,
                retries: Some(3),
            }),
        };
        ImageConfig {
            platform: platform(),
            created: 1_700_000_000,
            runtime,
            layers: vec![layer(b"libraries"), layer(b"program")],
            below: (0, Origin::default()),
        }
    }

    #[test]
    fn all_values_are_written() {
        insta::assert_snapshot!(pretty(&full().to_json().unwrap()), @r#"
        {
          "architecture": "amd64",
          "config": {
            "Cmd": [
              "--listen",
              "0.0.0.0:8080"
            ],
            "Entrypoint": [
              "/usr/bin/thumbnailer"
            ],
            "Env": [
              "LANG=C.UTF-8",
              "PATH=/usr/bin"
            ],
            "ExposedPorts": {
              "53/udp": {},
              "8080/tcp": {}
            },
            "Healthcheck": {
              "Interval": 30000000000,
              "Retries": 3,
              "StartPeriod": 9223372036854775807,
              "Test": [
                "CMD",
                "/usr/bin/thumbnailer",
                "--check"
              ],
              "Timeout": 1500000000
            },
            "Labels": {
              "dev.tierce.image": "thumbnailer"
            },
            "StopSignal": "SIGTERM",
            "User": "1000:1000",
            "Volumes": {
              "/var/lib/thumbnailer": {}
            },
            "WorkingDir": "/var/lib/thumbnailer"
          },
          "created": "2023-11-14T22:13:20Z",
          "history": [
            {
              "created": "2023-11-14T22:13:20Z",
              "created_by": "tierce libraries"
            },
            {
              "created": "2023-11-14T22:13:20Z",
              "created_by": "tierce program"
            }
          ],
          "os": "linux",
          "rootfs": {
            "diff_ids": [
              "sha256:01cfc309bfc026dd4c48b8c92e1fa89ff3ad31e831e1355002d32c7a6cf6d48c",
              "sha256:1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8"
            ],
            "type": "layers"
          }
        }
        "#);
    }

    #[test]
    fn history_of_base_precedes_own_layers() {
        let entry = |created_by: &str, empty_layer| HistoryEntry {
            created: Some("2024-01-01T00:00:00.5Z".to_owned()),
            created_by: Some(created_by.to_owned()),
            empty_layer,
            ..HistoryEntry::default()
        };
        let history = vec![entry("ADD rootfs.tar /", false), entry("CMD [\"sh\"]", true)];
        let origin = Origin { author: Some("Ada".to_owned()), history };
        let written = |below| {
            let config = ImageConfig { runtime: Runtime::default(), below: (below, origin.clone()), ..full() };
            let written: serde_json::Value = serde_json::from_slice(&config.to_json().unwrap()).unwrap();
            assert_eq!(written["author"], "Ada");
            assert_eq!(written["created"], "2023-11-14T22:13:20Z", "the image's own");
            written["history"].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            written(1),
            [
                r#"{"created":"2024-01-01T00:00:00.5Z","created_by":"ADD rootfs.tar /"}"#,
                r#"{"created":"2024-01-01T00:00:00.5Z","created_by":"CMD [\"sh\"]","empty_layer":true}"#,
                r#"{"created":"2023-11-14T22:13:20Z","created_by":"tierce program"}"#,
            ]
        );
        // A history of another number of layers would name the wrong ones.
        assert_eq!(written(2).len(), 2);
    }

    #[test]
    fn empty_values_are_left_out() {
        let config = ImageConfig { runtime: Runtime::default(), layers: Vec::new(), created: 0, ..full() };
        insta::assert_snapshot!(pretty(&config.to_json().unwrap()), @r#"
        {
          "architecture": "amd64",
          "config": {},
          "created": "1970-01-01T00:00:00Z",
          "history": [],
          "os": "linux",
          "rootfs": {
            "diff_ids": [],
            "type": "layers"
          }
        }
        "#);
    }

    #[test]
    fn keys_are_sorted() {
        let bytes = full().to_json().unwrap();
        // Without `preserve_order` a `Value` sorts: a round trip changes nothing if the keys were sorted before.
        let sorted: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(serde_json::to_vec(&sorted).unwrap(), bytes);
    }

    #[test]
    fn config_follows_the_image_spec() {
        let parsed = ImageConfiguration::from_reader(&full().to_json().unwrap()[..]).unwrap();
        assert_eq!(parsed.rootfs().typ(), "layers");
        assert_eq!(parsed.rootfs().diff_ids().len(), parsed.history().as_ref().unwrap().len());
        let config = parsed.config().as_ref().unwrap();
        assert_eq!(config.user().as_deref(), Some("1000:1000"));
        assert_eq!(config.env().as_ref().unwrap(), &["LANG=C.UTF-8", "PATH=/usr/bin"]);
        assert_eq!(config.exposed_ports().as_ref().unwrap().len(), 2);
    }
}
