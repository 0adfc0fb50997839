//! Gathers what a plan depends on besides the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tierce_docker::Image;
use tierce_manifest::{
    BuilderBase, ForAtom, ImageReference, ImageSpec, Located, Place, ProgramSpec, TestSpec, read_env_file,
};
use tierce_plan::{BuilderFacts, Facts, ForeignFacts, ImageFacts, Ingredients, Lock, digest};
use tierce_portage::Patch;

use crate::Error;
use crate::declared::{self, DeclaredContent};
use crate::profiles;
use crate::read_files;
use crate::repositories;
use crate::session::Session;
use crate::steps::{debian, hooks, probe};

/// Everything that planning these images asks for.
pub(crate) fn gather(session: &Session, images: &[&ImageSpec], lock: Option<Lock>) -> Result<Facts, Error> {
    let revision = tierce_process::git::revision(session.root())?;
    let revision = revision.filter(|revision| !revision.modified).map(|revision| revision.commit);
    let mut absent = BTreeMap::new();
    let builder = builder(session, &mut absent)?;
    let mut image_facts = BTreeMap::new();
    for image in images {
        let mut facts = of_image(session, image, &mut absent)?;
        facts.revision.clone_from(&revision);
        image_facts.insert(image.name.to_string(), facts);
    }
    let base =
        lock.as_ref().filter(|lock| builder.is_of(&lock.builder)).and_then(|lock| lock.builder.repository.clone());
    let repositories = repositories::counting(session, base.as_ref())?;
    let (main, default_profile) = repositories::main(session, base.as_ref())?;
    let profile = profiles::digest(&session.spec, &repositories, base.as_ref())?;
    Ok(Facts {
        platform: format!("linux/{}", oci_architecture()),
        rustc: session.toolchain.version.clone(),
        lock,
        repositories: repositories.into_iter().map(|repository| repository.locked.clone()).collect(),
        builder,
        absent,
        main,
        default_profile,
        profile,
        images: image_facts,
        binpkgs: cached_binpkgs(&session.places.shared("binpkgs")),
    })
}

/// This host's processor in the words of Go, as the OCI's documents have it.
pub(crate) fn oci_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn builder(session: &Session, absent: &mut Absent) -> Result<BuilderFacts, Error> {
    match &session.spec.builder {
        BuilderBase::Debian => Ok(BuilderFacts::Debian { selection: debian::selection(), recipe: debian::recipe() }),
        BuilderBase::Image(reference) => {
            let id = match in_daemon(session, reference)? {
                Some(image) => image.id,
                None => {
                    absent.insert(reference.value.to_string(), None);
                    String::new()
                }
            };
            Ok(BuilderFacts::Image { id })
        }
        BuilderBase::RootFilesystem(path) => {
            let host = session.root().join(&path.value);
            let digest = if host.is_dir() {
                session.digests.of_folder(host.as_std_path())
            } else {
                session.digests.of_file(host.as_std_path())
            };
            match digest {
                Ok(digest) => Ok(BuilderFacts::RootFilesystem { digest }),
                Err(Error::File { source, .. }) => Err(Error::Table {
                    place: path.place.clone(),
                    message: format!("the root filesystem `{}` cannot be read: {source}", path.value),
                    help: Some("`rootfs` is an archive or a folder, from the workspace's root on".into()),
                }),
                Err(other) => Err(other),
            }
        }
    }
}

/// Images that are to be pulled, as [`Facts::absent`] has them.
type Absent = BTreeMap<String, Option<String>>;

/// The image from anywhere that another one begins with, as the daemon has it; none where it does not.
fn foreign(session: &Session, reference: &Located<ImageReference>) -> Result<Option<ForeignFacts>, Error> {
    let name = reference.value.to_string();
    let Some(image) = in_daemon(session, reference)? else { return Ok(None) };
    let platform = format!("linux/{}", oci_architecture());
    let of_image = format!("{}/{}", image.os, image.architecture);
    if of_image != platform {
        return Err(Error::Table {
            place: reference.place.clone(),
            message: format!("`{name}` is an image for {of_image}, and this machine is {platform}"),
            help: Some(format!("bring the other one with `docker pull --platform {platform} {name}`")),
        });
    }
    Ok(Some(ForeignFacts { id: image.id, layers: digest(image.diff_ids.join("\n")) }))
}

/// An image that the daemon has, or that it may pull.
fn in_daemon(session: &Session, reference: &Located<ImageReference>) -> Result<Option<Image>, Error> {
    let name = reference.value.to_string();
    match session.docker()?.image(&name)? {
        None if session.options.offline => Err(Error::NotPulled {
            reference: name,
            place: reference.place.clone(),
            problem: "the daemon does not have it, and --offline forbids the network".to_owned(),
            help: "run once without --offline, or bring it there with `docker load`".to_owned(),
        }),
        image => Ok(image),
    }
}

fn of_image(session: &Session, image: &ImageSpec, absent: &mut Absent) -> Result<ImageFacts, Error> {
    let base = match image.base.foreign() {
        None => None,
        Some(reference) => {
            let base = foreign(session, reference)?;
            if base.is_none() {
                absent.entry(reference.value.to_string()).or_insert_with(|| Some(image.name.to_string()));
            }
            base
        }
    };
    let (sources, cargo_config) = match &image.program {
        Some(program) => (sources(session, image, program)?, cargo_config(session)),
        None => Default::default(),
    };
    Ok(ImageFacts {
        sources,
        cargo_config,
        files: files(session, image)?,
        env_files: env_files(image)?,
        probe: image.config.healthcheck.as_ref().filter(|check| check.value.is_probe).map(|_| probe::digest()),
        test_files: test_files(session, image)?,
        hooks: image
            .hooks
            .iter()
            .map(|(hook, spec)| Ok((hook, hooks::parts(session, spec)?)))
            .collect::<Result<_, Error>>()?,
        patches: image.emerge.patches.iter().map(patches).collect::<Result<_, _>>()?,
        base,
        revision: None,
    })
}

/// The files of all local packages that the program is made of, what else it was compiled from the last time, Cargo.lock and the
/// workspace's Cargo.toml, which has the profiles.
fn sources(session: &Session, image: &ImageSpec, program: &ProgramSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut sources = BTreeMap::new();
    for file in ["Cargo.toml", "Cargo.lock"] {
        let digest = session.digests.of_file(session.root().join(file).as_std_path())?;
        sources.insert(file.to_owned(), format!("file {digest}"));
    }
    for (name, folder) in read_files::package_folders(session, program) {
        for (path, content) in session.digests.files_of(folder.as_std_path())? {
            sources.insert(format!("{name}{path}"), content);
        }
    }
    read_files::add_to(&mut sources, session, image)?;
    Ok(sources)
}

/// Digest of the configuration files that cargo reads in this workspace.
fn cargo_config(session: &Session) -> String {
    let mut ingredients = Ingredients::default();
    for (index, file) in session.cargo_config.files.iter().enumerate() {
        ingredients.add(format!("{index}"), digest(&file.text));
    }
    ingredients.key().to_string()
}

/// What `files` names, which has to be there and inside of its folder.
fn files(session: &Session, image: &ImageSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut files = BTreeMap::new();
    for file in &image.content.files {
        for entry in declared::entries(file)? {
            let content = match &entry.content {
                DeclaredContent::Folder => "folder".to_owned(),
                DeclaredContent::Link(target) => format!("link {target}"),
                DeclaredContent::File { executable } => {
                    let digest = session.digests.of_file(&entry.host)?;
                    format!("{} {digest}", if *executable { "program" } else { "file" })
                }
            };
            files.insert(entry.path, content);
        }
    }
    Ok(files)
}

/// The variables of the files that `env-files` names.
fn env_files(image: &ImageSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut variables = BTreeMap::new();
    for file in &image.config.env_files {
        let blame = |message: String| Error::Table { place: file.place.clone(), message, help: None };
        let path = declared::file(file)?;
        let shown = file.value.relative();
        let text = std::fs::read(path).map_err(|error| blame(format!("`{shown}` cannot be read: {error}")))?;
        let text = String::from_utf8(text).map_err(|_| blame(format!("`{shown}` is not UTF-8")))?;
        let read = read_env_file(&text).map_err(|(number, fault)| Error::Table {
            place: Place::new(&Arc::from(file.value.full()), span_of_line(&text, number)),
            message: fault.message,
            help: fault.help,
        })?;
        variables.extend(read);
    }
    Ok(variables)
}

/// The bytes of a line, from 1, without its end.
fn span_of_line(text: &str, number: usize) -> Range<usize> {
    let start = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
    let length = text[start..].lines().next().map_or(0, str::len);
    start..start + length
}

/// The files that the tests of an image read.
fn test_files(session: &Session, image: &ImageSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut files = BTreeMap::new();
    for path in image.tests.iter().flat_map(TestSpec::inputs) {
        let digest = session.digests.of_file(&declared::file(path)?)?;
        files.insert(path.value.relative().to_string(), digest);
    }
    Ok(files)
}

fn patches(patches: &ForAtom<Vec<tierce_manifest::Located<tierce_manifest::InnerPath>>>) -> Result<Vec<Patch>, Error> {
    let read = |patch: &tierce_manifest::Located<tierce_manifest::InnerPath>| {
        let path = patch.value.full();
        let blame = |message: String| Error::Table { place: patch.place.clone(), message, help: None };
        let content = std::fs::read(&path).map_err(|error| blame(format!("the patch cannot be read: {error}")))?;
        let name = path.file_name().unwrap_or_default().parse();
        Ok(Patch { name: name.map_err(|error| blame(format!("{error}")))?, content })
    };
    patches.value.iter().map(read).collect()
}

/// The keys of the binary packages of the cache.
fn cached_binpkgs(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".gpkg.tar").map(str::to_owned)).collect()
}

/// A digest of several texts.
pub(crate) fn digest_of(texts: &[&str]) -> String {
    digest(texts.iter().map(|text| format!("{} {text}\n", text.len())).collect::<String>())
}
