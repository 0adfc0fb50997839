//! Labels and variables of an imported or committed image.

use std::collections::BTreeMap;

use bollard::models::ContainerConfig;
use bollard::query_parameters::CommitContainerOptionsBuilder;

use crate::image::image_id;
use crate::reference::{check_name, split_tag};
use crate::{Docker, Engine, Error};

/// The limit in bytes of the changes in a request's query. A URL has at most 65534 bytes.
const QUERY_LIMIT: usize = 60_000;

/// Labels and variables of an imported or committed image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageChanges {
    /// Labels. No control characters.
    pub labels: BTreeMap<String, String>,
    /// Variables of the environment. No control characters.
    pub environment: BTreeMap<String, String>,
}

impl ImageChanges {
    /// The changes as instructions of a Dockerfile.
    fn instructions(&self, engine: Engine) -> Result<Vec<String>, Error> {
        let labels = self.labels.iter().map(|pair| ("LABEL", pair));
        let environment = self.environment.iter().map(|pair| ("ENV", pair));
        labels.chain(environment).map(|(word, (key, value))| instruction(engine, word, key, value)).collect()
    }
}

/// One instruction. Podman uses the words verbatim; Docker parses quotes and substitutes variables.
fn instruction(engine: Engine, word: &str, key: &str, value: &str) -> Result<String, Error> {
    let clean = |text: &str| !text.chars().any(char::is_control);
    if key.is_empty() || key.contains(['=', ' ', '"', '\'', '\\', '$']) || !clean(key) || !clean(value) {
        return Err(Error::Name { name: format!("{key}={value}"), kind: "a label or variable of an image" });
    }
    Ok(match engine {
        Engine::Podman => format!("{word} {key}={value}"),
        Engine::Docker => {
            let mut quoted = String::with_capacity(value.len());
            for character in value.chars() {
                if matches!(character, '"' | '\\' | '$') {
                    quoted.push('\\');
                }
                quoted.push(character);
            }
            format!("{word} \"{key}\"=\"{quoted}\"")
        }
    })
}

/// Percent-encodes a value for the query of a request.
fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len() * 2);
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

impl Docker {
    /// A client that adds the changes to its requests as repeated parameters. The client's own option joins them with newlines
    /// into one parameter, which Podman reads as one instruction.
    pub(crate) fn client_with_changes(&self, changes: &ImageChanges) -> Result<bollard::Docker, Error> {
        let instructions = changes.instructions(self.engine())?;
        let query: String = instructions.iter().map(|text| format!("&changes={}", encode(text))).collect();
        if query.len() > QUERY_LIMIT {
            let name = format!("{} bytes of labels and variables", query.len());
            return Err(Error::Name { name, kind: "the changes of one request" });
        }
        Ok(self.client().clone().with_request_modifier(move |mut request| {
            // Always parses: the query is encoded, and not too long.
            if let Ok(uri) = format!("{}{query}", request.uri()).parse() {
                *request.uri_mut() = uri;
            }
            request
        }))
    }

    /// Creates an image from a container's files without its volumes, tags it with `reference`, and returns its id. The image
    /// inherits the container's command, environment and labels unless `changes` replace them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NoSpace`].
    pub fn commit(&self, container: &str, reference: Option<&str>, changes: &ImageChanges) -> Result<String, Error> {
        check_name(container, "a container name")?;
        let (repository, tag) = reference.map(split_tag).transpose()?.unzip();
        let client = self.client_with_changes(changes)?;
        let mut options = CommitContainerOptionsBuilder::new().container(container).pause(true);
        if let (Some(repository), Some(tag)) = (repository, tag) {
            options = options.repo(repository).tag(tag);
        }
        let request = client.commit_container(options.build(), ContainerConfig::default());
        let answer = self.request(|| format!("commit the container `{container}`"), request)?;
        Ok(image_id(&answer.id).unwrap_or(answer.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_quoted_for_each_engine() {
        let value = r#"a "b" $c \d"#;
        let docker = instruction(Engine::Docker, "LABEL", "dev.tierce.key", value).unwrap();
        assert_eq!(docker, r#"LABEL "dev.tierce.key"="a \"b\" \$c \\d""#);
        let podman = instruction(Engine::Podman, "LABEL", "dev.tierce.key", value).unwrap();
        assert_eq!(podman, r#"LABEL dev.tierce.key=a "b" $c \d"#);
        assert!(instruction(Engine::Docker, "LABEL", "key", "a\nRUN b").is_err());
        assert!(instruction(Engine::Docker, "LABEL", "a b", "c").is_err());
    }

    #[test]
    fn query_is_percent_encoded() {
        assert_eq!(encode("LABEL \"ä\"=b&c"), "LABEL%20%22%C3%A4%22%3Db%26c");
    }
}
