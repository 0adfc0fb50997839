//! Who the user is to a registry, as `docker login` has left it: in `config.json` itself or with a credential helper.

use std::fs::File;
use std::path::Path;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError as Failure, DockerCredential, get_credential_from_reader};

use crate::reference::registry;

/// By what name `config.json` has the credentials of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The credentials for the registry of a reference, from the folder of the docker program's configuration; none where there are
/// none, and then a registry is asked without. Where they are and cannot be had, why: nothing of them is in it.
pub(crate) fn of_reference(folder: Option<&Path>, reference: &str) -> Result<Option<DockerCredentials>, String> {
    let Some(file) = folder.and_then(|folder| File::open(folder.join("config.json")).ok()) else { return Ok(None) };
    let server = registry(reference).unwrap_or(DOCKER_HUB);
    let credentials = DockerCredentials { serveraddress: Some(server.to_owned()), ..DockerCredentials::default() };
    match get_credential_from_reader(file, server) {
        Ok(DockerCredential::UsernamePassword(name, password)) => {
            Ok(Some(DockerCredentials { username: Some(name), password: Some(password), ..credentials }))
        }
        Ok(DockerCredential::IdentityToken(token)) => {
            Ok(Some(DockerCredentials { identitytoken: Some(token), ..credentials }))
        }
        Err(Failure::NoCredentialConfigured) => Ok(None),
        // What a helper says to this is no secret, and says just that.
        Err(Failure::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => Ok(None),
        Err(Failure::HelperFailure { helper, .. }) => Err(format!("the credential helper `{helper}` failed")),
        Err(other) => Err(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_of_the_registry() {
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
        let of = |reference: &str| {
            let found = of_reference(Some(folder.path()), reference);
            found.map(|found| found.map(|one| one.username.or(one.identitytoken).unwrap_or_default()))
        };
        assert_eq!(of("registry.test:5000/a:1"), Ok(None), "there is no file yet");
        std::fs::write(folder.path().join("config.json"), config).unwrap();
        for (reference, expected) in [
            ("registry.test:5000/a:1", Some("me")),
            ("token.test/a/b", Some("a-token")),
            ("debian:12-slim", Some("hub")),
            ("library/debian", Some("hub")),
            ("other.test/a", None),
        ] {
            assert_eq!(of(reference), Ok(expected.map(str::to_owned)), "{reference}");
        }
        for reference in ["broken.test/a", "helped.test/a"] {
            let problem = of(reference).unwrap_err();
            assert!(!problem.is_empty() && !problem.contains('%'), "{problem}");
        }
        assert_eq!(of_reference(None, "debian").unwrap().map(|_| ()), None);
    }
}
