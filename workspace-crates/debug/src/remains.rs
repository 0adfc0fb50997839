//! Sessions for stopped containers and images. A stream from the daemon copies their files into the session's container. A
//! container's mounts are mounted read-only at their places.

mod report;

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tierce_docker::{
    ContainerDetails, ContainerSpec, ContainerStatus, ContainerSummary, Docker, ImageSummary, Mount, MountDetails,
    Network, OutputStream,
};

pub use report::{MountReport, Report, StateReport};

use crate::error::Ambiguity;
use crate::options::environment;
use crate::remains::report::ImageJson;
use crate::resolve::{self, Among};
use crate::session::put;
use crate::snapshot::Secrets;
use crate::spec::{LINK, entrypoint, file, folder, labels};
use crate::tar_filter::TarFilter;
use crate::{Error, Options};

/// The session's folder with the daemon's descriptions.
pub const KNOWN: &str = "/post-mortem";
/// The limit of the log's lines in the session.
const LINES: usize = 1000;
/// The limit of the log in bytes.
const LOG: usize = 1 << 20;
/// The log's lines in the report.
const TOLD: usize = 10;

/// The files of a stopped container or of an image.
#[derive(Clone, Debug)]
pub struct Remains {
    pub(crate) name: String,
    pub(crate) id: String,
    is_image: bool,
    environment: Vec<String>,
    userns: Option<String>,
    /// The mounts below [`LINK`].
    mounts: Vec<Mount>,
    /// The daemon's JSON.
    config: String,
    log: Vec<u8>,
    report: Report,
}

impl Remains {
    /// Finds a stopped container by a word, and its description. Waits for the next end of one that restarts. `is_of_image` tells whether a container has the image of that
    /// name.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`]; [`Error::Runs`]; the daemon's.
    pub fn of_container(
        docker: &Docker,
        word: &str,
        is_of_image: impl Fn(&ContainerSummary) -> bool,
    ) -> Result<Remains, Error> {
        let chosen = resolve::choose(word, &docker.containers(&[])?, Among::Ended, is_of_image)?.id.clone();
        let gone = || Error::NotFound { name: word.to_owned(), nearest: None, running: Vec::new() };
        let details = after_its_end(docker, docker.container_details(&chosen)?.ok_or_else(gone)?)?.ok_or_else(gone)?;
        match details.state.status {
            ContainerStatus::Running | ContainerStatus::Paused => return Err(Error::Runs { name: details.name }),
            ContainerStatus::Removing => return Err(Error::Removing { name: details.name }),
            ContainerStatus::Created | ContainerStatus::Restarting | ContainerStatus::Exited => {}
        }
        let mut secrets = Secrets::default();
        let mut report = Report::of_container(&details, &mut secrets);
        let mut mounts = Vec::new();
        for (mount, told) in details.mounts.iter().zip(&mut report.mounts) {
            match mounted(docker, mount)? {
                Ok(mount) => mounts.push(mount),
                Err(reason) => told.missing = Some(reason.to_owned()),
            }
        }
        let log = log(docker, &details, &secrets, &mut report)?;
        let config = pretty(&docker.container_json(&details.id)?);
        Ok(Remains {
            name: details.name,
            id: details.id,
            is_image: false,
            environment: details.environment,
            userns: details.userns_mode,
            mounts,
            config,
            log,
            report,
        })
    }

    /// Finds an image by a word: a reference or an id, else a label of a workspace's images, given as `key=value`.
    ///
    /// # Errors
    /// [`Error::NoImage`], [`Error::Ambiguous`]; the daemon's.
    pub fn of_image(docker: &Docker, word: &str, label: &str) -> Result<Remains, Error> {
        let id = match docker.image(word)? {
            Some(image) => image.id,
            None => labelled(word, docker.images(&[label])?)?,
        };
        let text = docker.image_json(&id)?;
        let report = Report::of_image(word, &ImageJson::parse(word, &text)?);
        let environment = docker.image(&id)?.map(|image| image.environment).unwrap_or_default();
        Ok(Remains {
            name: word.to_owned(),
            id,
            is_image: true,
            environment,
            userns: None,
            mounts: Vec::new(),
            config: pretty(&text),
            log: Vec::new(),
            report,
        })
    }

    /// The report for people.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The base of the session's name.
    pub fn name(&self) -> String {
        let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '-' };
        self.name.chars().map(plain).collect::<String>().trim_matches('-').to_owned()
    }

    /// The container of a session with these files.
    pub(crate) fn spec(&self, options: &Options) -> ContainerSpec {
        ContainerSpec {
            name: Some(options.name.clone()),
            image: options.toolbox.image.clone(),
            entrypoint: entrypoint(options),
            environment: environment(&options.environment, &self.environment),
            working_dir: options.working_dir.clone(),
            user: Some(options.user.clone().unwrap_or_else(|| "0:0".to_owned())),
            mounts: self.mounts.iter().chain(&options.mounts).cloned().collect(),
            network: Network::None,
            userns: self.userns.clone(),
            labels: labels(&self.id, &self.name, options),
            cap_add: options.cap_add.clone(),
            tty: options.tty,
            stdin: options.stdin,
            auto_remove: !options.keep,
            ..ContainerSpec::default()
        }
    }

    /// Copies the files and the descriptions into a session's container. Returns the links that became folders, because they
    /// lead to mounts.
    pub(crate) fn fill(&self, docker: &Docker, session: &str, options: &Options) -> Result<Vec<String>, Error> {
        put(docker, session, folder(LINK, 0o755))?;
        put(docker, session, folder(KNOWN, 0o755))?;
        let state = serde_json::to_string_pretty(&self.report).unwrap_or_default();
        for (name, content) in
            [("config.json", self.config.as_bytes()), ("state.json", state.as_bytes()), ("log", &self.log)]
        {
            put(docker, session, file(&format!("{KNOWN}/{name}"), 0o600, content))?;
        }
        if !self.is_image {
            return self.copy(docker, &self.id, session);
        }
        // Never started: the daemon exports only the files of containers.
        let container = docker.create(&ContainerSpec {
            image: self.id.clone(),
            entrypoint: Some(vec!["-".to_owned()]),
            labels: options.marks.attached.clone(),
            ..ContainerSpec::default()
        })?;
        let links = self.copy(docker, container.id(), session)?;
        container.remove()?;
        Ok(links)
    }

    fn copy(&self, docker: &Docker, container: &str, session: &str) -> Result<Vec<String>, Error> {
        let mounted: Vec<&str> = self.mounts.iter().filter_map(place).collect();
        let mut links = Vec::new();
        let export = docker.export(container)?;
        let files = TarFilter::new(export, |path, is_folder| match relation(path, &mounted) {
            // The mount is read-only.
            Relation::Inside => false,
            // The path of a mount is a folder already.
            Relation::OnTheWay if !is_folder => {
                links.push(format!("/{}", String::from_utf8_lossy(path)));
                false
            }
            Relation::OnTheWay | Relation::None => true,
        });
        docker.copy_in(session, LINK, files).map_err(interrupted)?;
        Ok(links)
    }
}

/// The path of a mount below [`LINK`], as archives have it.
fn place(mount: &Mount) -> Option<&str> {
    let (Mount::Bind { target, .. } | Mount::Volume { target, .. } | Mount::Tmpfs { target, .. }) = mount;
    Some(target.strip_prefix(LINK)?.trim_matches('/'))
}

/// The relation between a path of an archive and the mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// It is the path of a mount, or below one.
    Inside,
    /// A mount is below it.
    OnTheWay,
    None,
}

fn relation(path: &[u8], mounted: &[&str]) -> Relation {
    let is_below =
        |path: &[u8], folder: &[u8]| path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'));
    let of = |place: &str| match place.as_bytes() {
        place if place == path || is_below(path, place) => Relation::Inside,
        place if is_below(place, path) => Relation::OnTheWay,
        _ => Relation::None,
    };
    let all = || mounted.iter().map(|place| of(place));
    all()
        .find(|&relation| relation == Relation::Inside)
        .or_else(|| all().find(|&relation| relation == Relation::OnTheWay))
        .unwrap_or(Relation::None)
}

/// Waits for the next end of a container that restarts again and again: between two runs it shows how the last one ended. The
/// daemon doubles the gap after each run of less than ten seconds.
fn after_its_end(docker: &Docker, mut details: ContainerDetails) -> Result<Option<ContainerDetails>, Error> {
    const PAUSE: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_secs(12);
    let is_loop = details.restart_policy.is_some() && details.restarts > 0;
    let start = Instant::now();
    while is_loop && details.state.status == ContainerStatus::Running && start.elapsed() < LONGEST {
        sleep(PAUSE);
        match docker.container_details(&details.id)? {
            Some(now) => details = now,
            None => return Ok(None),
        }
    }
    Ok(Some(details))
}

/// The mount for a session, or why it is missing.
fn mounted(docker: &Docker, mount: &MountDetails) -> Result<Result<Mount, &'static str>, Error> {
    let target = format!("{LINK}{}", mount.destination);
    Ok(match (mount.kind.as_str(), &mount.name) {
        ("tmpfs", _) => Err("it was in memory"),
        // The daemon would create a missing volume.
        (_, Some(name)) => match docker.volume(name)? {
            Some(_) => Ok(Mount::Volume { name: name.clone(), target, read_only: true }),
            None => Err("the volume is gone"),
        },
        (_, None) => {
            let host = std::path::PathBuf::from(&mount.source);
            match docker.endpoint().is_local() && !host.exists() {
                true => Err("it is gone from the daemon's machine"),
                false => Ok(Mount::Bind { host, target, read_only: true }),
            }
        }
    })
}

/// Reads the end of a container's log, and adds its last lines to the report.
fn log(docker: &Docker, details: &ContainerDetails, secrets: &Secrets, report: &mut Report) -> Result<Vec<u8>, Error> {
    let mut log = Vec::new();
    let read = docker.log(&details.id, Some(LINES), false, &mut |_: OutputStream, bytes| {
        log.extend_from_slice(bytes);
        if log.len() > 2 * LOG {
            log.drain(..log.len() - LOG);
        }
    });
    match read {
        Ok(()) => {}
        Err(tierce_docker::Error::Refused { source, .. }) => report.log_error = Some(secrets.text(&source.message)),
        Err(error) => return Err(error.into()),
    }
    log.drain(..log.len().saturating_sub(LOG));
    // Whole, because a key has several lines.
    let text = secrets.text(&String::from_utf8_lossy(&log));
    let lines: Vec<&str> = text.lines().collect();
    report.log = lines[lines.len().saturating_sub(TOLD)..].iter().map(|line| (*line).to_owned()).collect();
    Ok(log)
}

/// The id of the only tagged image. Superseded images have no tags.
fn labelled(word: &str, images: Vec<ImageSummary>) -> Result<String, Error> {
    let mut named: Vec<ImageSummary> = images.into_iter().filter(|image| !image.tags.is_empty()).collect();
    match named.len() {
        0 => Err(Error::NoImage { name: word.to_owned() }),
        1 => Ok(named.remove(0).id),
        _ => {
            let mut candidates: Vec<String> = named.iter().map(|image| image.tags[0].clone()).collect();
            candidates.sort();
            Err(Error::Ambiguous { name: word.to_owned(), kind: Ambiguity::ImageName, candidates })
        }
    }
}

/// Indents JSON; returns other text unchanged.
fn pretty(text: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(text);
    value.and_then(|value| serde_json::to_string_pretty(&value)).map_or_else(|_| text.to_owned(), |text| text + "\n")
}

/// Turns an interrupted read of a stream into [`tierce_docker::Error::Interrupted`].
pub(crate) fn interrupted(error: tierce_docker::Error) -> Error {
    let is_interruption = |source: &io::Error| {
        let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<tierce_docker::Error>());
        matches!(inner, Some(tierce_docker::Error::Interrupted))
    };
    Error::Docker(match error {
        tierce_docker::Error::Read { source, .. } if is_interruption(&source) => tierce_docker::Error::Interrupted,
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relation_separates_mounts_and_parents() {
        for (path, expected) in [
            ("data", Relation::Inside),
            ("data/a", Relation::Inside),
            ("database", Relation::None),
            ("var", Relation::OnTheWay),
            ("var/run", Relation::OnTheWay),
            ("var/run/docker.sock", Relation::Inside),
            ("var/lib", Relation::None),
            ("", Relation::None),
        ] {
            assert_eq!(relation(path.as_bytes(), &["data", "var/run/docker.sock"]), expected, "{path}");
        }
    }
}
