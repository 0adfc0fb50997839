//! Volumes: folders that the daemon keeps.

use std::collections::BTreeMap;

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};

use crate::image::Removal;
use crate::reference::check_name;
use crate::{Docker, Error, labels};

/// A folder that the daemon keeps, independent of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its labels; they cannot be changed once it exists.
    pub labels: BTreeMap<String, String>,
    /// Its creation time (RFC 3339).
    pub created: String,
    /// Its folder on the daemon's host.
    pub mountpoint: String,
}

impl Docker {
    /// Creates a volume, or returns the existing one of this name unchanged.
    ///
    /// # Errors
    /// If the name is invalid, or the daemon refuses.
    pub fn create_volume(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<Volume, Error> {
        check_name(name, "a volume name")?;
        self.check_interrupted()?;
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            ..Default::default()
        };
        let action = || format!("create the volume `{name}`");
        self.request_uninterrupted(action, self.client().create_volume(request)).map(Volume::from)
    }

    /// Looks up a volume by name.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn volume(&self, name: &str) -> Result<Option<Volume>, Error> {
        check_name(name, "a volume name")?;
        match self.request(|| format!("inspect the volume `{name}`"), self.client().inspect_volume(name)) {
            Ok(volume) => Ok(Some(volume.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The volumes that have all of the labels, each given as `key` or `key=value`.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn volumes(&self, labels: &[&str]) -> Result<Vec<Volume>, Error> {
        let options = ListVolumesOptionsBuilder::new().filters(&labels::filter(labels)).build();
        let response = self.request(|| "list volumes".to_owned(), self.client().list_volumes(Some(options)))?;
        let volumes = response.volumes.into_iter().flatten().map(Volume::from);
        Ok(volumes.filter(|volume| labels::has_all(&volume.labels, labels)).collect())
    }

    /// Removes a volume that no container mounts.
    ///
    /// # Errors
    /// If the connection is lost, or the daemon refuses although the volume is not in use.
    pub fn remove_volume(&self, name: &str) -> Result<Removal, Error> {
        check_name(name, "a volume name")?;
        let request = self.client().remove_volume(name, None::<RemoveVolumeOptions>);
        Removal::from_result(self.request_uninterrupted(|| format!("remove the volume `{name}`"), request))
    }
}

impl From<bollard::models::Volume> for Volume {
    fn from(volume: bollard::models::Volume) -> Self {
        Self {
            name: volume.name,
            labels: volume.labels.into_iter().collect(),
            created: volume.created_at.unwrap_or_default(),
            mountpoint: volume.mountpoint,
        }
    }
}
