//! Ports of a container on the daemon's host.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{PortBinding, PortMap};

use crate::reference::check_name;
use crate::{Docker, Error};

/// Ports are published only at this address, so that other machines cannot reach them.
const ADDRESS: &str = "127.0.0.1";

/// The API's name of a TCP port.
pub(crate) fn name(port: u16) -> String {
    format!("{port}/tcp")
}

/// The request's `PortBindings`. The daemon chooses each port.
pub(crate) fn bindings(ports: &[u16]) -> PortMap {
    let binding = || PortBinding { host_ip: Some(ADDRESS.to_owned()), host_port: None };
    ports.iter().map(|port| (name(*port), Some(vec![binding()]))).collect::<HashMap<_, _>>()
}

impl Docker {
    /// The published ports of a running container: its TCP ports with the ports of 127.0.0.1 on the daemon's host. The daemon
    /// may accept connections there before the container does.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn published(&self, container: &str) -> Result<BTreeMap<u16, u16>, Error> {
        check_name(container, "a container name")?;
        let details = self.request(|| format!("inspect the container `{container}`"), self.inspect(container))?;
        let ports = details.network_settings.and_then(|network| network.ports).unwrap_or_default();
        let published = |(name, bindings): (String, Option<Vec<PortBinding>>)| {
            let binding = bindings?.into_iter().find(|binding| binding.host_ip.as_deref() == Some(ADDRESS))?;
            Some((name.strip_suffix("/tcp")?.parse().ok()?, binding.host_port?.parse().ok()?))
        };
        Ok(ports.into_iter().filter_map(published).collect())
    }
}
