//! The kernel's namespaces that a container owns or shares.

use crate::Error;
use crate::reference::check_name;

/// A container's network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Network {
    /// Only a loopback device.
    #[default]
    None,
    /// The daemon's default: a bridge, with access to the outside.
    Default,
    /// That of the daemon's host.
    Host,
    /// That of another running container, by name or id.
    Container(String),
}

/// A container's process namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PidNamespace {
    /// Its own ones.
    #[default]
    Own,
    /// All of the daemon's host.
    Host,
    /// Its own processes and those of another running container, by name or id.
    Container(String),
}

/// A container's namespace of shared memory, semaphores and message queues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IpcNamespace {
    /// Its own ones.
    #[default]
    Own,
    /// Those of the daemon's host.
    Host,
    /// Those of another running container, by name or id, that is [`NamespaceMode::Shareable`].
    Container(String),
}

impl Network {
    /// The request's `NetworkMode`.
    pub(crate) fn mode(&self) -> Result<Option<String>, Error> {
        Ok(match self {
            Self::None => Some("none".to_owned()),
            Self::Default => None,
            Self::Host => Some("host".to_owned()),
            Self::Container(container) => Some(join_mode(container)?),
        })
    }
}

impl PidNamespace {
    /// The request's `PidMode`.
    pub(crate) fn mode(&self) -> Result<Option<String>, Error> {
        Ok(match self {
            Self::Own => None,
            Self::Host => Some("host".to_owned()),
            Self::Container(container) => Some(join_mode(container)?),
        })
    }
}

impl IpcNamespace {
    /// The request's `IpcMode`.
    pub(crate) fn mode(&self) -> Result<Option<String>, Error> {
        Ok(match self {
            Self::Own => None,
            Self::Host => Some("host".to_owned()),
            Self::Container(container) => Some(join_mode(container)?),
        })
    }
}

fn join_mode(container: &str) -> Result<String, Error> {
    check_name(container, "a container name").map(|container| format!("container:{container}"))
}

/// The daemon's description of a container's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceMode {
    /// The container's own.
    Private,
    /// The container's own, which others may join.
    Shareable,
    /// The container's own, and empty.
    None,
    /// The host's.
    Host,
    /// That of another container, by the id or name given at creation.
    Container(String),
    /// The name of a network that the container's own namespace is connected to.
    Other(String),
}

impl NamespaceMode {
    pub(crate) fn parse(mode: Option<String>) -> Self {
        let mode = mode.unwrap_or_default();
        match mode.as_str() {
            // Docker's word for an unspecified network.
            "" | "private" | "default" => Self::Private,
            "shareable" => Self::Shareable,
            "none" => Self::None,
            "host" => Self::Host,
            other => match other.strip_prefix("container:") {
                Some(container) => Self::Container(container.to_owned()),
                None => Self::Other(mode),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_parsed() {
        for (mode, expected) in [
            (None, NamespaceMode::Private),
            (Some(""), NamespaceMode::Private),
            (Some("private"), NamespaceMode::Private),
            (Some("default"), NamespaceMode::Private),
            (Some("shareable"), NamespaceMode::Shareable),
            (Some("none"), NamespaceMode::None),
            (Some("host"), NamespaceMode::Host),
            (Some("container:web"), NamespaceMode::Container("web".to_owned())),
            (Some("bridge"), NamespaceMode::Other("bridge".to_owned())),
        ] {
            assert_eq!(NamespaceMode::parse(mode.map(str::to_owned)), expected, "{mode:?}");
        }
    }

    #[test]
    fn invalid_container_names_are_refused() {
        assert_eq!(PidNamespace::Container("web".to_owned()).mode().unwrap().as_deref(), Some("container:web"));
        assert!(Network::Container("a b".to_owned()).mode().is_err());
        assert!(IpcNamespace::Container(String::new()).mode().is_err());
    }
}
