//! What the daemon has found out about a container by the health check of its image.

use bollard::models::HealthStatusEnum;

use crate::reference::check_name;
use crate::{Docker, Error};

/// What the daemon thinks of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    /// It does not know yet.
    Starting,
    /// The last check was well.
    Healthy,
    /// As many checks in a row failed as its image allows.
    Unhealthy,
}

/// The health of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What the daemon thinks.
    pub status: HealthStatus,
    /// The last checks, at most five, the oldest first.
    pub log: Vec<Probe>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its exit code; -1 of one that took too long or could not be started.
    pub exit_code: i64,
    /// What it wrote.
    pub output: String,
}

impl Docker {
    /// The health of a container; none if its image has no health check.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn health(&self, container: &str) -> Result<Option<Health>, Error> {
        check_name(container, "a container name")?;
        let there = self.request(|| format!("inspect the container `{container}`"), self.inspect(container))?;
        let Some(health) = there.state.and_then(|state| state.health) else { return Ok(None) };
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
