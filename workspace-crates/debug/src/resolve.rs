//! Finds a container by a word.

use tierce_docker::{ContainerStatus, ContainerSummary};

use crate::Error;
use crate::error::Ambiguity;

/// The label of a run's own containers. They are never a target.
const OWN: &str = "dev.tierce.owner";
/// The digits of an id for people.
const SHORT: usize = 12;

/// The containers that an image's name may select. A name or id selects any container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    /// Running and paused containers, also those that the daemon restarts.
    Running,
    /// All other containers, also those that the daemon restarts.
    Ended,
}

impl Among {
    fn includes(self, status: ContainerStatus) -> bool {
        match self {
            Among::Running => is_up(status),
            // Between two runs, a container shows how the last one ended.
            Among::Ended => !is_up(status) || status == ContainerStatus::Restarting,
        }
    }

    fn ambiguity(self) -> Ambiguity {
        match self {
            Among::Running => Ambiguity::Image,
            Among::Ended => Ambiguity::EndedImage,
        }
    }
}

/// Finds a container by its name, its id or the start of it, or its image's name if the image has one container. `is_of_image`
/// tells whether a container has the image of that name.
pub(crate) fn choose<'c>(
    word: &str,
    containers: &'c [ContainerSummary],
    among: Among,
    is_of_image: impl Fn(&ContainerSummary) -> bool,
) -> Result<&'c ContainerSummary, Error> {
    let name = word.strip_prefix('/').unwrap_or(word);
    if let Some(container) = named(name, containers, Ambiguity::Id)? {
        return Ok(container);
    }
    let of_image = containers.iter().filter(|container| among.includes(container.status) && is_of_image(container));
    one(word, among.ambiguity(), of_image.collect())?.ok_or_else(|| not_found(word, containers))
}

/// The container of this name or id, if there is one.
pub(crate) fn named<'c>(
    word: &str,
    containers: &'c [ContainerSummary],
    kind: Ambiguity,
) -> Result<Option<&'c ContainerSummary>, Error> {
    if let Some(container) = containers.iter().find(|container| container.name == word || container.id == word) {
        return Ok(Some(container));
    }
    let is_hexadecimal = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let begin = containers.iter().filter(|container| is_hexadecimal && container.id.starts_with(word));
    one(word, kind, begin.collect())
}

/// The only candidate; several are an error.
pub(crate) fn one<'c>(
    word: &str,
    kind: Ambiguity,
    mut matches: Vec<&'c ContainerSummary>,
) -> Result<Option<&'c ContainerSummary>, Error> {
    if matches.len() < 2 {
        return Ok(matches.pop());
    }
    matches.sort_by(|one, other| one.name.cmp(&other.name));
    let candidates = matches.iter().map(|container| format!("{} ({})", container.name, short(&container.id))).collect();
    Err(Error::Ambiguous { name: word.to_owned(), kind, candidates })
}

/// The start of an id, for lists.
pub(crate) fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

fn is_up(status: ContainerStatus) -> bool {
    matches!(status, ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Restarting)
}

fn not_found(word: &str, containers: &[ContainerSummary]) -> Error {
    let others = || containers.iter().filter(|container| !container.labels.contains_key(OWN));
    // A third of the letters may differ, as usual for suggestions.
    let near = others()
        .map(|container| (strsim::damerau_levenshtein(word, &container.name), &container.name))
        .filter(|(distance, _)| *distance <= (word.chars().count() / 3).max(1))
        .min();
    let mut running: Vec<String> =
        others().filter(|container| is_up(container.status)).map(|container| container.name.clone()).collect();
    running.sort();
    Error::NotFound { name: word.to_owned(), nearest: near.map(|(_, name)| name.clone()), running }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: ContainerStatus = ContainerStatus::Running;

    fn container(name: &str, id: &str, image: &str, status: ContainerStatus) -> ContainerSummary {
        ContainerSummary {
            id: id.to_owned(),
            name: name.to_owned(),
            image: image.to_owned(),
            labels: Default::default(),
            status,
            created: 0,
        }
    }

    fn chosen(word: &str) -> Result<String, String> {
        chosen_among(Among::Running, word)
    }

    fn chosen_among(among: Among, word: &str) -> Result<String, String> {
        let all = [
            container("web", "ab12cd34ef5678901234", "thumbnailer", RUNNING),
            container("web-2", "ab12ff34ef5678901234", "hello", RUNNING),
            container("old", "77aa", "hello", ContainerStatus::Exited),
            container("beef", "10ca", "twice", RUNNING),
            container("other", "beef00", "twice", ContainerStatus::Paused),
            container("made", "5555", "idle", ContainerStatus::Created),
            ContainerSummary {
                labels: [(OWN.to_owned(), String::new())].into(),
                ..container("wep", "6666", "builder", RUNNING)
            },
        ];
        let found = choose(word, &all, among, |container| container.image == word);
        found.map(|container| container.name.clone()).map_err(|error| format!("{error}; {}", error.help().unwrap()))
    }

    #[test]
    fn names_precede_ids_and_images() {
        for (word, expected) in [
            ("web", "web"),
            ("/web", "web"),
            ("ab12cd34ef5678901234", "web"),
            ("ab12c", "web"),
            ("7", "old"),
            ("beef", "beef"),
            ("beef0", "other"),
            ("thumbnailer", "web"),
            // One of two containers runs.
            ("hello", "web-2"),
        ] {
            assert_eq!(chosen(word).as_deref(), Ok(expected), "{word}");
        }
    }

    #[test]
    fn image_selects_an_ended_container() {
        for (word, expected) in [("hello", "old"), ("idle", "made"), ("web", "web"), ("beef", "beef")] {
            assert_eq!(chosen_among(Among::Ended, word).as_deref(), Ok(expected), "{word}");
        }
        assert!(chosen_among(Among::Ended, "thumbnailer").is_err());
    }

    #[test]
    fn ambiguous_word_lists_candidates() {
        let errors =
            ["ab12", "twice", "weq", "wepp", "idle", "nothing-like-it", ""].map(|word| chosen(word).unwrap_err());
        insta::assert_snapshot!(errors.join("\n"), @r"
        `ab12` is ambiguous: the ids of 2 containers begin with it; name one of them: `web (ab12cd34ef56)`, `web-2 (ab12ff34ef56)`
        `twice` is ambiguous: 2 containers of this image run; name one of them: `beef (10ca)`, `other (beef00)`
        there is no container `weq`; a similar name is `web`
        there is no container `wepp`; name a running container: `beef`, `other`, `web`, `web-2`
        there is no container `idle`; name a running container: `beef`, `other`, `web`, `web-2`
        there is no container `nothing-like-it`; name a running container: `beef`, `other`, `web`, `web-2`
        there is no container ``; name a running container: `beef`, `other`, `web`, `web-2`
        ");
    }
}
