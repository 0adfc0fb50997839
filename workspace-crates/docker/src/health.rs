//! The results of a container's health check.

use bollard::models::HealthStatusEnum;

use crate::reference::check_name;
use crate::{Docker, Error};

/// The daemon's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    /// No result yet.
    Starting,
    /// The last check succeeded.
    Healthy,
    /// As many checks in a row failed as its image allows.
    Unhealthy,
}

/// The health of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The daemon's verdict.
    pub status: HealthStatus,
    /// The last checks, at most five, the oldest first.
    pub log: Vec<Probe>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its exit code; -1 if it timed out or did not start.
    pub exit_code: i64,
    /// Its output.
    pub output: String,
}

impl Docker {
    /// The health of a container; none if its image has no health check.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn health(&self, container: &str) -> Result<Option<Health>, Error> {
        check_name(container, "a container name")?;
        let details = self.request(|| format!("inspect the container `{container}`"), self.inspect(container))?;
        let Some(health) = details.state.and_then(|state| state.health) else { return Ok(None) };
        let status = match health.status {
            Some(HealthStatusEnum::HEALTHY) => HealthStatus::Healthy,
            Some(HealthStatusEnum::UNHEALTHY) => HealthStatus::Unhealthy,
            Some(HealthStatusEnum::STARTING) => HealthStatus::Starting,
            Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => return Ok(None),
        };
        let log = health
            .log
            .into_iter()
            .flatten()
            .map(|probe| Probe { exit_code: probe.exit_code.unwrap_or(0), output: probe.output.unwrap_or_default() });
        Ok(Some(Health { status, log: log.collect() }))
    }
}
