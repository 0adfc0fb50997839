//! Builders: a root filesystem that has emerge, as an image in the daemon.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tierce_debian::wheel;
use tierce_debian::{CONFIGURE_SH, Deb, ExtraEntry, decompress, versions, write_root};
use tierce_docker::{ContainerSpec, Docker, ImageChanges, Input, OutputStream};
use tierce_manifest::{BuilderBase, Place};
use tierce_plan::{BaseRepository, Builder, Outcome, Step};
use tierce_portage::{Cpv, Stub, stub_version};

use crate::executor::Executor;
use crate::session::Session;
use crate::{Error, owner};

/// The time of everything in a root that has none of its own: the start of 2024.
const LATEST: u64 = 1_704_067_200;

impl Executor<'_> {
    /// Unpacks the Debian packages into a root, imports it and lets dpkg configure it.
    pub(crate) fn make_builder(&self, step: &Step) -> Result<Outcome, Error> {
        let builder = self.once_per_daemon(step, |docker| {
            let wheel_path = self.wheel_path();
            let wheel = File::open(&wheel_path).map_err(|error| Error::file("read", &wheel_path, error))?;
            let mut extra = wheel::entries(wheel)?;
            extra.extend(provided_entries(self.debs())?);
            let unpacked = self.import(docker, "unpacked", |out| self.write_debian_root(&extra, out))?;
            // The configured image has the unpacked one's layer; without a name nothing but that refers to it.
            self.configure(docker, &unpacked).or_else(|error| drop_image(docker, &unpacked, error))
        })?;
        Ok(Outcome::Builder(builder))
    }

    /// Imports a root filesystem of the user's own.
    pub(crate) fn import_builder(&self, step: &Step) -> Result<Outcome, Error> {
        let mut builder = self.once_per_daemon(step, |docker| {
            let BuilderBase::RootFilesystem(path) = &self.session.spec.builder else {
                return Err(crate::executor::missing_input("root filesystem"));
            };
            let host = self.session.root().join(&path.value).into_std_path_buf();
            let image = self.import(docker, "imported", |out| write_own_root(&host, out))?;
            self.inspect_base(docker, &image).map(|_| image.clone()).or_else(|error| drop_image(docker, &image, error))
        })?;
        // Asked again where the daemon had the image: another cache may have made it.
        builder.repository = self.inspect_base(&self.docker()?, &builder.image)?;
        Ok(Outcome::Builder(builder))
    }

    /// Takes an image that the daemon has, if it has emerge.
    pub(crate) fn use_builder_image(&self, step: &Step, reference: &str) -> Result<Outcome, Error> {
        let docker = self.docker()?;
        let Some(image) = docker.image(reference)? else {
            return Err(crate::executor::missing_input("builder image"));
        };
        let repository = self.inspect_base(&docker, &image.id)?;
        Ok(Outcome::Builder(Builder { repository, ..Self::builder(step, &docker, image.id)? }))
    }

    /// Makes an image that is named by the step's key, unless the daemon has it, as from another workspace. `make` gives one without
    /// a name.
    fn once_per_daemon(
        &self,
        step: &Step,
        make: impl FnOnce(&Docker) -> Result<String, Error>,
    ) -> Result<Builder, Error> {
        let key = step.ingredients_with([]).key();
        let docker = self.docker()?;
        let reference = format!("{}-builder:{}", self.session.options.namespace, key.short());
        let image = match docker.image(&reference)? {
            Some(image) if !step.again => image.id,
            before => {
                let made = make(&docker)?;
                match docker.image(&reference)?.map(|image| image.id).filter(|id| *id != made) {
                    // A run with another cache has made it meanwhile, and uses it.
                    Some(other) if before.is_none() => {
                        let _ = docker.remove_image(&made);
                        other
                    }
                    _ => {
                        docker.tag(&made, &reference)?;
                        // Where a container still uses it, `clean` finds it by its label. One that another run has made since is
                        // that run's.
                        if let Some(before) = before.filter(|before| before.id != made) {
                            let _ = docker.remove_image(&before.id);
                        }
                        made
                    }
                }
            }
        };
        Self::builder(step, &docker, image)
    }

    fn builder(step: &Step, docker: &Docker, image: String) -> Result<Builder, Error> {
        let key = step.ingredients_with([]).key().to_string();
        Ok(Builder { key, daemon: docker.facts()?.id, image, repository: None })
    }

    /// Imports what `write` writes, without a file in between.
    fn import(
        &self,
        docker: &Docker,
        kind: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Error> + Send,
    ) -> Result<String, Error> {
        let mut labels = self.labels(kind);
        labels.insert(owner::MAKER.into(), owner::this_process());
        let changes = ImageChanges { labels, ..ImageChanges::default() };
        let (reader, writer) = io::pipe().map_err(|error| Error::file("open", Path::new("a pipe"), error))?;
        std::thread::scope(|scope| {
            let written = scope.spawn(move || {
                let mut pipe = PipeEnd { writer, broken: false };
                let written = write(&mut io::BufWriter::with_capacity(1 << 16, &mut pipe));
                written.map_err(|error| (error, pipe.broken))
            });
            let imported = docker.import(reader, None, &changes);
            let written = written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // A daemon that stops reading breaks the pipe: then what it says is the cause, else what the writer says.
            match (written, imported) {
                (Err((_, true)), Err(error)) => Err(error.into()),
                (Err((error, _)), _) => Err(error),
                (Ok(()), imported) => Ok(imported?),
            }
        })
    }

    fn write_debian_root(&self, extra: &[ExtraEntry], out: &mut dyn Write) -> Result<(), Error> {
        let debs = self.debs().iter().map(|deb| (deb, File::open(self.deb_path(deb))));
        write_root(debs, extra, LATEST, out)?.flush().map_err(|error| Error::file("write", Path::new("a pipe"), error))
    }

    /// Runs dpkg's configuration in a container of the unpacked root and keeps the result.
    fn configure(&self, docker: &Docker, unpacked: &str) -> Result<String, Error> {
        let builder = unkeyed(unpacked);
        let container = ContainerSpec {
            entrypoint: Some(vec!["/bin/sh".into()]),
            command: vec!["-c".into(), CONFIGURE_SH.into()],
            user: Some("0:0".into()),
            ..self.builder_container(&builder, "configure", Vec::new())
        };
        let container = docker.create(&container)?;
        let mut tail = Tail::default();
        let exit = docker.run_created(&container, Input::none(), &mut |stream, bytes| tail.push(stream, bytes))?;
        if !exit.success() {
            return Err(Error::Builder { what: "configure the builder".into(), code: exit.code, lines: tail.lines() });
        }
        let changes = ImageChanges { labels: self.finished_labels("builder"), ..ImageChanges::default() };
        let image = docker.commit(container.id(), None, &changes)?;
        container.remove()?;
        Ok(image)
    }

    /// The ebuild repository that a base of the user's own has, if it can be a builder at all.
    fn inspect_base(&self, docker: &Docker, image: &str) -> Result<Option<BaseRepository>, Error> {
        let container = ContainerSpec {
            entrypoint: Some(vec!["/bin/sh".into()]),
            command: vec!["-c".into(), INSPECT_SH.into(), BaseRepository::LOCATION.into()],
            user: Some("0:0".into()),
            ..self.builder_container(&unkeyed(image), "check", Vec::new())
        };
        let (mut tail, mut answer) = (Tail::default(), Vec::new());
        let exit = docker.run(&container, Input::none(), &mut |stream, bytes| match stream {
            OutputStream::Stdout => answer.extend_from_slice(bytes),
            OutputStream::Stderr => tail.push(stream, bytes),
        })?;
        if exit.success() {
            return Ok(base_repository(&String::from_utf8_lossy(&answer)));
        }
        // Each daemon has its own words for a program that it cannot start.
        let said = match tail.lines().pop().unwrap_or_default() {
            said if said.contains("/bin/sh") && said.contains("No such file") => "it has no /bin/sh".to_owned(),
            said => said,
        };
        let message = format!("the builder's root lacks emerge, a C compiler or ldconfig: {said}");
        let help = Some("a builder is a root filesystem that has all three".into());
        Err(Error::Table { place: self.session.base_place()?, message, help })
    }
}

/// What is asked of a base; `$0` is where it may have an ebuild repository. stdout gets that one's name and chosen profile.
const INSPECT_SH: &str = r#"
{ emerge --version && cc --version && ldconfig --version; } >&2 || exit 1
[ -f "$0/profiles/repo_name" ] || exit 0
echo "repository $(cat "$0/profiles/repo_name")"
profile=$(readlink -e /etc/portage/make.profile) || exit 0
profiles=$(readlink -e "$0/profiles")
case $profile in "$profiles"/*) echo "profile ${profile#"$profiles"/}" ;; esac
"#;

/// Reads the answer of [`INSPECT_SH`].
fn base_repository(answer: &str) -> Option<BaseRepository> {
    let word = |name: &str| answer.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    Some(BaseRepository { name: word("repository ")?, profile: word("profile ") })
}

/// A builder that is not finished yet.
fn unkeyed(image: &str) -> Builder {
    Builder { key: String::new(), daemon: String::new(), image: image.to_owned(), repository: None }
}

impl Session {
    /// The line of the table that names the builder's base.
    pub(crate) fn base_place(&self) -> Result<Place, Error> {
        match &self.spec.builder {
            BuilderBase::Image(reference) => Ok(reference.place.clone()),
            BuilderBase::RootFilesystem(path) => Ok(path.place.clone()),
            BuilderBase::Debian => Err(crate::executor::missing_input("builder base")),
        }
    }
}

/// The end of a pipe that remembers whether the other one was closed first.
struct PipeEnd {
    writer: io::PipeWriter,
    broken: bool,
}

impl Write for PipeEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes).inspect_err(|error| self.broken |= error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Removes an image that was to become a builder, after this error.
fn drop_image(docker: &Docker, image: &str, error: Error) -> Result<String, Error> {
    // Should it stay, its label lets a later run find it.
    let _ = docker.remove_image(image);
    Err(error)
}

/// The entries of Portage's package database for what Debian provides.
fn provided_entries(debs: &[Deb]) -> Result<Vec<ExtraEntry>, Error> {
    let versions = versions(debs);
    let mut entries = Vec::new();
    for provided in tierce_ebuilds::provided() {
        let (version, description) = match provided.debian_package {
            None => (stub_version("0"), "nothing that a Debian root needs".to_owned()),
            Some(package) => match versions.get(package) {
                Some(version) => (stub_version(version), format!("{package} {version} of Debian")),
                // What this root lacks is not claimed to be there.
                None => continue,
            },
        };
        let package = format!("{}/{}-{version}", provided.category, provided.name);
        let cpv: Cpv = package.parse().map_err(tierce_portage::Error::from)?;
        let slot = provided.slot.parse().map_err(tierce_portage::Error::from)?;
        let files = Stub { cpv, slot, description }.files();
        entries.extend(files.into_iter().map(|(path, content)| ExtraEntry::file(format!("/{path}"), content)));
    }
    Ok(entries)
}

/// A root of the user's own as a tar stream: an archive is decompressed, a folder packed.
fn write_own_root(host: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let failed = |error| Error::file("import", host, error);
    if host.is_dir() {
        let mut tar = tar::Builder::new(out);
        tar.follow_symlinks(false);
        tar.append_dir_all(".", host).and_then(|()| tar.finish()).map_err(failed)
    } else {
        let file = File::open(host).map_err(failed)?;
        let mut reader = decompress(file).map_err(failed)?;
        io::copy(&mut reader, out).and_then(|_| out.flush()).map_err(failed)
    }
}

/// The last of what a program said, for the error that may follow.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    /// How much is kept.
    const KEPT: usize = 16 << 10;
    /// How many lines of it are shown.
    const SHOWN: usize = 12;

    pub(crate) fn push(&mut self, _: OutputStream, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let excess = self.bytes.len().saturating_sub(Self::KEPT);
        self.bytes.drain(..excess);
    }

    /// All that is kept.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.text();
        let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        lines[lines.len().saturating_sub(Self::SHOWN)..].to_vec()
    }
}
