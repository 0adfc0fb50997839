//! The credentials of `docker login`: in `config.json` or with a credential helper.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError as Failure, DockerCredential, get_credential_from_reader};

use serde_json::Value;
use tierce_process::credential_helper;

use crate::reference::registry;

/// The name of Docker Hub in `config.json`.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Reads the credentials for the registry of a reference, from the folder of the docker program's configuration. The error
/// explains unreadable credentials and contains no part of them. An interruption ends a credential helper.
pub(crate) fn of_reference(
    folder: Option<&Path>,
    reference: &str,
    interrupted: &AtomicBool,
) -> Result<Option<DockerCredentials>, String> {
    let Some(path) = folder.map(|folder| folder.join("config.json")) else { return Ok(None) };
    let text = match tierce_bounded::bytes(&path, &tierce_bounded::SETTINGS) {
        Ok(text) => text,
        // Unreadable settings count as none, as for the docker program; too large ones are a mistake that the user can see.
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(format!("`{}`: {error}", path.display()));
        }
        Err(_) => return Ok(None),
    };
    let server = registry(reference).unwrap_or(DOCKER_HUB);
    let credentials = DockerCredentials { serveraddress: Some(server.to_owned()), ..DockerCredentials::default() };
    let (helper, text) = without_helpers(text, server);
    if let Helper::OfServer(helper) = &helper {
        return ask(helper, server, credentials, interrupted);
    }
    match get_credential_from_reader(text.as_slice(), server) {
        Ok(DockerCredential::UsernamePassword(name, password)) => {
            Ok(Some(DockerCredentials { username: Some(name), password: Some(password), ..credentials }))
        }
        Ok(DockerCredential::IdentityToken(token)) => {
            Ok(Some(DockerCredentials { identitytoken: Some(token), ..credentials }))
        }
        Err(Failure::NoCredentialConfigured) => match &helper {
            Helper::OfAll(helper) => ask(helper, server, credentials, interrupted),
            Helper::OfServer(_) | Helper::None => Ok(None),
        },
        Err(other) => Err(other.to_string()),
    }
}

/// The helper for a registry, by the last part of its name.
enum Helper {
    /// `credHelpers` names it. It comes before the file's own credentials.
    OfServer(String),
    /// `credsStore` names it. It comes after them.
    OfAll(String),
    None,
}

/// Takes the helpers out of the configuration: the library that reads it would wait for one without a limit.
fn without_helpers(text: Vec<u8>, server: &str) -> (Helper, Vec<u8>) {
    let Ok(Value::Object(mut config)) = serde_json::from_slice(&text) else { return (Helper::None, text) };
    let name = |value: Option<&Value>| value.and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
    let of_server = name(config.remove("credHelpers").as_ref().and_then(|helpers| helpers.get(server)));
    let of_all = name(config.remove("credsStore").as_ref());
    let helper = of_server.map(Helper::OfServer).or(of_all.map(Helper::OfAll)).unwrap_or(Helper::None);
    (helper, Value::Object(config).to_string().into_bytes())
}

fn ask(
    helper: &str,
    server: &str,
    credentials: DockerCredentials,
    interrupted: &AtomicBool,
) -> Result<Option<DockerCredentials>, String> {
    let found = credential_helper::credentials(helper, server, interrupted);
    let found = found.map_err(|error| format!("failed to ask the credential helper: {error}"))?;
    Ok(found.map(|found| match found.username.as_str() {
        "<token>" => DockerCredentials { identitytoken: Some(found.secret), ..credentials },
        _ => DockerCredentials { username: Some(found.username), password: Some(found.secret), ..credentials },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_belong_to_the_registry() {
        let folder = tempfile::tempdir().unwrap();
        // "me:secret".
        let config = format!(
            r#"{{ "auths": {{
                "registry.test:5000": {{ "auth": "bWU6c2VjcmV0" }},
                "token.test": {{ "identitytoken": "a-token" }},
                "{DOCKER_HUB}": {{ "auth": "aHViOnNlY3JldA==" }},
                "broken.test": {{ "auth": "%" }}
            }}, "credHelpers": {{ "helped.test": "none-of-this-name" }} }}"#
        );
        let find = |reference: &str| {
            let found = of_reference(Some(folder.path()), reference, &AtomicBool::new(false));
            found.map(|found| found.map(|one| one.username.or(one.identitytoken).unwrap_or_default()))
        };
        assert_eq!(find("registry.test:5000/a:1"), Ok(None), "without a file");
        std::fs::write(folder.path().join("config.json"), config).unwrap();
        for (reference, expected) in [
            ("registry.test:5000/a:1", Some("me")),
            ("token.test/a/b", Some("a-token")),
            ("debian:12-slim", Some("hub")),
            ("library/debian", Some("hub")),
            ("other.test/a", None),
        ] {
            assert_eq!(find(reference), Ok(expected.map(str::to_owned)), "{reference}");
        }
        for reference in ["broken.test/a", "helped.test/a"] {
            let problem = find(reference).unwrap_err();
            assert!(!problem.is_empty() && !problem.contains('%'), "{problem}");
        }
        assert_eq!(of_reference(None, "debian", &AtomicBool::new(false)).unwrap().map(|_| ()), None);
    }
}
